"""What is made from the verbs and lies in the checkout: the table in each shell's completion, the man page,
and from the words the tables of docs/errors.md. `python -m mvx.cli.complete` makes all of it anew; a test
compares.

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
from mvx.engine.words import BREAK, meanings
from mvx.errors import error_codes

BEGIN = "# What follows is made by `python -m mvx.cli.complete`: begin\n"
END = "# end of what is made\n"
NOTHING = "-"
ERRORS = "docs/errors.md"
ERRORS_MARKS = ("<!-- made by `python -m mvx.cli.complete`: begin -->\n", "<!-- end of what is made -->\n")


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
    errors = _filled((root / ERRORS).read_text(encoding="utf-8"), error_tables(), *ERRORS_MARKS)
    return {**files, "docs/mvx.1": manpage(verbs, exit_codes()), ERRORS: errors}


def _filled(text: str, table: str, begin: str = BEGIN, end: str = END) -> str:
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}{table}{end}{after}"


def error_tables() -> str:
    """The error codes and the kinds of breaks, for docs/errors.md."""
    codes = [
        f"| `{each.code}` | {', '.join(str(int(code)) for code in each.exits)} | {each.means} |"
        for each in error_codes()
    ]
    kinds = [
        f"| `{each.word}` | {each.means} | {each.known} | `{each.next}` |"
        for each in meanings()
        if each.about == BREAK
    ]
    code_head = ["", "| code | exit | meaning |", "|---|---|---|"]
    kind_head = ["", "| kind of break | meaning | known | next |", "|---|---|---|---|"]
    return "\n".join([*code_head, *codes, *kind_head, *kinds, "", ""])


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
