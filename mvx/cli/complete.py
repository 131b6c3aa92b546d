"""What is made from the verbs and lies in the checkout: the table in each shell's completion, and the man
page. `python -m mvx.cli.complete` makes all of it anew; a test compares.

A completion is a small program in its shell's own language and, between two marks, a table: for each verb
its verbs, its options, and what stands in each of its places. An entry of an option is
`names[+][=kinds][:help]`: + repeats, = wants a value. Kinds are words and sources (`@venues`) with | between
them, - for what nobody can complete.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mvx.cli.manpage import exit_codes, manpage
from mvx.cli.shape import Argument, Option, Shape, shapes, shared_options
from mvx.config.builtin import BUILT_IN

BEGIN = "# What follows is made by `python -m mvx.cli.complete`: begin\n"
END = "# end of what is made\n"
NOTHING = "-"


class Entry(NamedTuple):
    """What the table says of one verb, or of one source of names: lists of words, with or without a help."""

    key: str
    lists: dict[str, list[str]]


def main(root: Path) -> None:
    """Writes every file anew."""
    for name, text in made(root).items():
        (root / name).write_text(text, encoding="utf-8")


def made(root: Path) -> dict[str, str]:
    """File -> what it should say. Only what lies between the marks of a completion is made."""
    verbs = shapes()
    tables = {
        "completions/mvx.bash": _bash(list(_entries(verbs, helped=False))),
        "completions/_mvx": _zsh(list(_entries(verbs, helped=True))),
        "completions/mvx.fish": _fish(list(_entries(verbs, helped=True))),
    }
    files = {
        name: _filled((root / name).read_text(encoding="utf-8"), table) for name, table in tables.items()
    }
    exits = exit_codes((root / "README.md").read_text(encoding="utf-8"))
    return {**files, "docs/mvx.1": manpage(verbs, exits)}


def _filled(text: str, table: str) -> str:
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table}{END}{after}"


def _entries(verbs: tuple[Shape, ...], *, helped: bool) -> Iterator[Entry]:
    shared = shared_options(verbs)
    for shape in verbs:
        own = [each for each in shape.options if each not in shared]
        lists = {
            "verbs": [f"{name}:{summary}" if helped else name for name, summary in shape.verbs],
            "opts": [_option(each, helped=helped) for each in own],
            "places": [_place(each) for each in shape.arguments],
        }
        if not shape.path:
            lists["shared"] = [_option(each, helped=helped) for each in shared]
        yield Entry(shape.name, lists)
    instruments = BUILT_IN["instruments"]
    held = [asset for each in instruments.values() for asset in (each["base"], each["quote"])]
    yield Entry("@venues", {"known": list(BUILT_IN["venues"])})
    yield Entry("@instruments", {"known": list(instruments)})
    yield Entry("@assets", {"known": list(dict.fromkeys([*held, *BUILT_IN["quotes"]]))})


def _option(option: Option, *, helped: bool) -> str:
    names = ",".join(sorted(option.names, key=len))
    value = f"={'|'.join(option.values) or NOTHING}" if option.metavar else ""
    return f"{names}{'+' * option.repeats}{value}" + (f":{option.help}" if helped else "")


def _place(argument: Argument) -> str:
    return ("|".join(argument.values) or NOTHING) + "+" * argument.repeats


def _bash(entries: list[Entry]) -> str:
    lines = ["_mvx_table() {", "    verbs='' opts='' places='' known=''", "    case $1 in"]
    for entry in entries:
        lines.append(f"        '{entry.key}')")
        for name, words in entry.lists.items():
            if words:
                lines.append(f"            {name}='{' '.join(words)}'")
        lines.append("            ;;")
    return "\n".join([*lines, "    esac", "}", ""])


def _zsh(entries: list[Entry]) -> str:
    lines = ["_mvx_table() {", "    verbs=() opts=() places=() known=()", "    case $1 in"]
    for entry in entries:
        lines.append(f"        '{entry.key}')")
        for name, words in entry.lists.items():
            if words:
                quoted = (f"                '{word.replace(chr(39), _QUOTE_IN_ZSH)}'" for word in words)
                lines += [f"            {name}=(", *quoted, "            )"]
        lines.append("            ;;")
    return "\n".join([*lines, "    esac", "}", ""])


def _fish(entries: list[Entry]) -> str:
    lines = ["function __mvx_table"]
    lines += [f"    set -g __mvx_{name}" for name in ("verbs", "opts", "places", "known")]
    lines.append("    switch $argv[1]")
    for entry in entries:
        lines.append(f"        case '{entry.key}'")
        for name, words in entry.lists.items():
            if words:
                quoted = (f"'{word.replace(chr(39), _QUOTE_IN_FISH)}'" for word in words)
                lines.append(" \\\n                ".join([f"            set -g __mvx_{name}", *quoted]))
    return "\n".join([*lines, "    end", "end", ""])


_QUOTE_IN_ZSH = r"'\''"
_QUOTE_IN_FISH = r"\'"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path.cwd())
