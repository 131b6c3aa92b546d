"""Words for what is wrong with a config file: key, what was found, what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from mvx.errors import ConfigError

_ALLOWED = {
    "string_type": "a text in quotes",
    "string_too_short": "a text that is not empty",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "dict_type": "a table",
    "model_type": "a table",
    "list_type": "a list",
    "too_short": "at least one entry",
}
_PATTERNS = {
    "rates": '"venue:SYMBOL", such as "kraken:USDT/USD",',
    "symbols": '"BASE/QUOTE", such as "BTC/USD",',
}


#: In the message of them all.
BETWEEN_PROBLEMS = "\n  "
#: So many are shown; so much of each.
_MOST, _MAX_CHARS = 100, 300


class ConfigProblems(ConfigError):
    """Every error of one config file at once."""

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        count = f"{len(problems)} problem" + ("s" if len(problems) > 1 else "")
        shown = [each if len(each) <= _MAX_CHARS else f"{each[:_MAX_CHARS]}..." for each in problems[:_MOST]]
        if len(problems) > _MOST:
            shown.append(f"and {len(problems) - _MOST} more")
        super().__init__(
            BETWEEN_PROBLEMS.join([f"{name}: {count}", *shown]),
            known="nothing was sent",
            next_step="correct the file, then: mvx config check",
        )
        self.problems = tuple(problems)


def describe(details: Iterable[Mapping[str, Any]], document: Any) -> list[str]:
    """One line for each of pydantic's error details; document is the model that they are about."""
    return [_line(detail, document) for detail in details]


def _line(detail: Mapping[str, Any], document: Any) -> str:
    path = [str(part) for part in detail["loc"] if part != "[key]"]
    key = ".".join(path)
    kind, limits = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return f"{key}: unknown key{suggestion(path[-1], _known_keys(path, document))}"
    if kind == "missing":
        return f"{key}: missing, and required"
    if kind == "value_error":
        return f"{key}: {limits['error']}"
    return f"{key}: found {detail['input']!r}, {_allowed(kind, limits, path)} is allowed"


def _allowed(kind: str, limits: Mapping[str, Any], path: Sequence[str]) -> str:
    if kind == "literal_error":
        return str(limits["expected"])
    if kind == "string_pattern_mismatch":
        words = (_PATTERNS[part] for part in path if part in _PATTERNS)
        return next(words, "a name of at most 32 letters, digits, . _ -")
    bounds = {"gt": "above", "ge": "of at least", "le": "of at most", "lt": "below"}
    for name, word in bounds.items():
        if name in limits:
            return f"a number {word} {limits[name]:g}"
    return _ALLOWED.get(kind, "another value")


def _known_keys(path: Sequence[str], document: Any) -> list[str]:
    """The keys of the table that the last part of path stands in."""
    table = document
    for part in path[:-1]:
        by_key = {field.alias or name: field.annotation for name, field in table.model_fields.items()}
        if part in by_key:
            inner = (get_args(by_key[part]) or (by_key[part],))[-1]
            if hasattr(inner, "model_fields"):
                table = inner
    return [field.alias or name for name, field in table.model_fields.items()]


def suggestion(typed: str, known: Iterable[str]) -> str:
    """What may have been meant, as the end of a sentence; empty where nothing is close."""
    close = get_close_matches(typed, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
