"""What a venue's answer must be to be believed at all: numbers that are numbers, times that are times, names
that name something.

Rule: asked once, at the port, whatever the adapter. All that lies behind it computes with exact decimals,
keeps times in 64 bits and texts of whole characters; an answer that is not so is no answer, and nothing of
it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any

from mvx.domain.book import Book
from mvx.domain.ids import Venue
from mvx.domain.instant import LAST
from mvx.domain.money import MAX_DIGITS, bounded
from mvx.domain.text import MAX_CHARS, is_utf8
from mvx.errors import BadVenueData

#: What is multiplied with one another. Sums and products of such numbers may be twice as long.
_POSITIVE = frozenset({"qty", "price", "order_qty", "limit_px", "avg_px", "tick", "lot", "max_px"})
_NOT_NEGATIVE = frozenset({"cum_qty", "min_qty", "min_notional"})
_NAMES = frozenset({"order_id", "exec_id", "transfer_id", "symbol", "asset", "fee_asset", "base", "quote"})


def refuse_incredible(venue: Venue, answer: object) -> None:
    """Raises BadVenueData for an answer that can not be true."""
    problem = _problem("", answer)
    if problem:
        raise BadVenueData(f"{venue}: {problem}")


def _problem(name: str, value: Any) -> str:
    """The first that is found; empty: none."""
    check = _check_of(value.__class__)
    if check is not None:
        return check(name, value)
    for inner, each in _parts(name, value):
        if problem := _problem(inner, each):
            return problem
    return ""


@cache
def _check_of(kind: type) -> Callable[[str, Any], str] | None:
    """None for what consists of parts."""
    return next((check for base, check in _CHECKS.items() if issubclass(kind, base)), None)


def _parts(name: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Book):
        return (("at", value.at),)  # its levels were checked when it was built
    if is_dataclass(value):
        return ((inner, getattr(value, inner)) for inner in _field_names(value.__class__))
    if isinstance(value, Mapping):
        return (part for asset, amount in value.items() for part in (("asset", asset), ("amount", amount)))
    return ((name, each) for each in value)


@cache
def _field_names(kind: Any) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind))


def _number(name: str, number: Decimal) -> str:
    multiplied = name in _POSITIVE or name in _NOT_NEGATIVE
    if not bounded(number, MAX_DIGITS if multiplied else 2 * MAX_DIGITS):
        return f"{name} is no finite number of a plausible length: {str(number)[:MAX_DIGITS]}"
    if number <= 0 and name in _POSITIVE:
        return f"{name} is {number}, and can only be positive"
    if number < 0 and name in _NOT_NEGATIVE:
        return f"{name} is {number}, and can not be negative"
    return ""


def _text(name: str, text: str) -> str:
    if len(text) > MAX_CHARS or not is_utf8(text) or (name in _NAMES and not text):
        return f"{name} is no text of a plausible length: {text[:MAX_DIGITS]!r}"
    return ""


def _time(name: str, time: int) -> str:
    return "" if 0 <= time <= LAST else f"{name} is no time: {str(time)[:MAX_DIGITS]}"


def _free(name: str, value: object) -> str:
    """It is not looked into."""
    return ""


#: Of those that fit the first: the values of an enum may be texts besides, and a bool is an int.
_CHECKS: dict[type, Callable[[str, Any], str]] = {
    Decimal: _number,
    type(None): _free,
    bool: _free,
    Enum: _free,
    float: _free,
    int: _time,
    str: _text,
}
