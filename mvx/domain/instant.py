"""Points in time: whole microseconds since 1970-01-01 UTC, and their RFC 3339 text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NewType

Instant = NewType("Instant", int)

MICROS_PER_S = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: No instant is later: RFC 3339 has years of four digits.
LAST = Instant((datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1))


def after(start: Instant, seconds: float) -> Instant:
    """The instant so many seconds after start (before it, where negative)."""
    return Instant(start + round(seconds * MICROS_PER_S))


def seconds_between(start: Instant, end: Instant) -> float:
    """end - start in seconds."""
    return (end - start) / MICROS_PER_S


def rfc3339(instant: Instant) -> str:
    """`2026-09-18T14:03:29.867000Z`."""
    moment = _EPOCH + timedelta(microseconds=instant)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> Instant:
    """The instant of an RFC 3339 text. Raises ValueError where it is none or has no zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {text!r}")
    return Instant((moment - _EPOCH) // timedelta(microseconds=1))
