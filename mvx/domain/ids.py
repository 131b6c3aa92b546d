"""Identifiers as distinct types, and the client order id that every venue takes.

A client order id is `m` + 10 characters of an epoch + 7 of a counter: 18 characters of [a-z0-9], the
shortest of the venues' limits (Kraken: text of at most 18). The epoch is random and of the process that made
the id, the counter is the journal's: so no journal that was put back or copied makes an id twice.
"""

from __future__ import annotations

from typing import NewType

Venue = NewType("Venue", str)
Asset = NewType("Asset", str)
Symbol = NewType("Symbol", str)
ClOrdId = NewType("ClOrdId", str)
OrderId = NewType("OrderId", str)
ExecId = NewType("ExecId", str)
ParentId = NewType("ParentId", str)
JobId = NewType("JobId", str)

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_EPOCH_CHARS = 10
_COUNTER_CHARS = 7
EPOCH_RANGE = 36**_EPOCH_CHARS


def _base36(number: int, width: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    if len(text) > width:
        raise OverflowError(f"an id counter left its {width} characters")
    return text.rjust(width, "0")


def counted(name: str) -> tuple[int, str]:
    """A sort key for ids that a venue counts up: T9 before T10, which text puts the other way round."""
    return len(name), name


def make_epoch(random_number: int) -> str:
    """The text of an epoch from a random number below EPOCH_RANGE."""
    return _base36(random_number, _EPOCH_CHARS)


def make_cl_ord_id(epoch: str, counter: int) -> ClOrdId:
    """The counter-th client order id of an epoch: 18 characters of [a-z0-9]."""
    return ClOrdId("m" + epoch + _base36(counter, _COUNTER_CHARS))


def make_job_id(epoch: str, counter: int) -> JobId:
    """The counter-th job of an epoch."""
    return JobId("j" + epoch + _base36(counter, _COUNTER_CHARS))


def make_parent_id(epoch: str, counter: int) -> ParentId:
    """The counter-th parent of an epoch."""
    return ParentId("p" + epoch + _base36(counter, _COUNTER_CHARS))
