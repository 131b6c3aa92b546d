"""Every value in force, and where it came from: what `mvx config show` answers, and lines for `config check`.

Rule: of a secret only the kind of its reference is shown, and of an address neither user nor query. Lines
are found with the TOML parser itself, a statement at a time, so no second grammar can disagree with it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from mvx.config.model import validate
from mvx.config.problems import ConfigProblems
from mvx.config.settings import Settings
from mvx.config.source import Source
from mvx.domain.ids import Venue

KeyPath = tuple[str, ...]

SECRET_KEYS = frozenset({"api_key", "api_secret", "api_password"})
_ADDRESSES = frozenset({"api_url", "ws_url"})
_NOT_SHOWN = "(not shown)"
_JOURNAL: KeyPath = ("journal", "path")


class Shown(NamedTuple):
    """`origin`: option, environment, file, built-in or default. `where` names it: `--journal`,
    `MVX_JOURNAL`, `mvx.toml:12`; None where there is nothing to look up. `value` None: no such limit."""

    key: str
    value: Any
    origin: str
    where: str | None


class Overrides(NamedTuple):
    """What was typed, and what the environment says."""

    config_option: str | None
    journal_option: str | None
    variables: Mapping[str, str]

    def chosen_by(self) -> str | None:
        """What named the config file; None where it was found, or there is none."""
        return (
            "--config" if self.config_option else "MVX_CONFIG" if self.variables.get("MVX_CONFIG") else None
        )


def shown(source: Source, settings: Settings, overrides: Overrides) -> list[Shown]:
    """Every value in force. Raises ConfigProblems."""
    lines = _lines_of_file(source)
    dump = validate(source).model_dump(by_alias=True)
    dump["journal"]["path"] = str(settings.desk.journal)
    rows = []
    for path, written in _leaves((), dump, empty=True):
        value = None if written == {} else _in_force(path, written, settings)
        if value is not None or path[0] == "risk":
            origin, place = _origin(path, source, overrides, lines)
            rows.append(Shown(".".join(path), _redacted(path[-1], value), origin, place))
    return rows


def with_lines(problems: ConfigProblems, source: Source) -> ConfigProblems:
    """The same problems, each with its line of the file where the file says it."""
    if source.path is None:
        return problems
    lines = {".".join(path): number for path, number in _lines_of_file(source).items()}
    found = [(_line_of(problem, lines), problem) for problem in problems.problems]
    located = sorted(found, key=lambda each: each[0] or 0)
    name = source.path.name
    return ConfigProblems(
        source.name, [f"{name}:{number}: {text}" if number else text for number, text in located]
    )


def lines_of(text: str) -> dict[KeyPath, int]:
    """The line on which each key, and each table around it, is first written in a valid TOML document."""
    found: dict[KeyPath, int] = {}
    header = statement = ""
    start = 1
    for number, line in enumerate(text.split("\n"), 1):
        start = start if statement else number
        statement += line + "\n"
        try:
            alone = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # it goes on in the next line
        if statement.lstrip().startswith("["):
            header, statement = statement, ""
        document = tomllib.loads(header + statement) if alone else {}
        for path, _ in _leaves((), document, empty=True):
            for depth in range(1, len(path) + 1):
                found.setdefault(path[:depth], start)
        statement = ""
    return found


def _lines_of_file(source: Source) -> dict[KeyPath, int]:
    return {} if source.path is None else lines_of(source.path.read_text(encoding="utf-8"))


def _line_of(problem: str, lines: Mapping[str, int]) -> int | None:
    """Its key's, or that of the nearest table around it."""
    key = problem.partition(": ")[0]
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return lines.get(key)


def _leaves(path: KeyPath, value: Any, *, empty: bool = False) -> Iterator[tuple[KeyPath, Any]]:
    """Every value below, with its path; `empty` tables too, where they are asked for."""
    if not isinstance(value, dict) or (empty and not value and path):
        yield path, value
        return
    for key, inner in value.items():
        yield from _leaves((*path, key), inner, empty=empty)


def _in_force(path: KeyPath, written: Any, settings: Settings) -> Any:
    """What is written, or the default that depends on the venue's adapter or its exchange."""
    if written is not None or path[0] != "venues":
        return written
    venue = settings.venues[Venue(path[1])]
    return getattr(venue, path[2], getattr(venue.live, path[2], None))


def _redacted(key: str, value: Any) -> Any:
    if key in SECRET_KEYS:
        return f"{value.partition(':')[0]}:{_NOT_SHOWN}"
    return _address(value) if key in _ADDRESSES else value


def _address(text: str) -> str:
    """Host and path: a password or a token may stand in the rest."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return _NOT_SHOWN
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _origin(
    path: KeyPath, source: Source, overrides: Overrides, lines: Mapping[KeyPath, int]
) -> tuple[str, str | None]:
    if path == _JOURNAL and overrides.journal_option:
        return "option", "--journal"
    if path == _JOURNAL and overrides.variables.get("MVX_JOURNAL"):
        return "environment", "MVX_JOURNAL"
    if _has(source.written, path):
        line = lines.get(path)
        return "file", f"{_name(source.path)}:{line}" if line else None
    return ("built-in" if _has(source.raw, path) else "default"), None


def _name(path: Path | None) -> str:
    return path.name if path else ""


def _has(table: Any, path: KeyPath) -> bool:
    for key in path:
        table = table.get(key) if isinstance(table, Mapping) else None
    return table is not None
