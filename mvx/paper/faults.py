"""Faults that an operator injects: what they are, as data, and which are active, in the paper file.

Rule: a fault lives in the file, so that one process injects it and the next one is hit by it. It is
spent by the first call or order that it changes, or it lasts until its time is over or it is healed.
A new request fault is a row in KINDS; a new effect is a row and a few lines where it takes effect.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto

from mvx.domain.ids import Venue
from mvx.domain.instant import Instant
from mvx.errors import UsageError
from mvx.sqlite import Connection


class Arrives(Enum):
    """When a submitted request reaches the venue."""

    NOW = auto()
    LATE = auto()
    NEVER = auto()


class Answer(Enum):
    """When the client hears of it. BROKEN: at once, and it says nothing that can be relied on."""

    PROMPT = auto()
    LATE = auto()
    NEVER = auto()
    BROKEN = auto()


@dataclass(frozen=True, slots=True)
class Delay:
    """The default delay: so many timeouts, and so many seconds."""

    timeouts: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Kind:
    """What a fault does. `arrives` and `answer` shape one submitted request; `says` is what a broken
    answer looks like. `counted`: each use spends one of its count."""

    arrives: Arrives = Arrives.NOW
    answer: Answer = Answer.PROMPT
    says: str = ""
    delay: Delay | None = None
    counted: bool = True


KINDS: dict[str, Kind] = {
    "lost-request": Kind(Arrives.NEVER, Answer.NEVER),
    "late-request": Kind(Arrives.LATE, Answer.NEVER, delay=Delay(1.5, 1.0)),
    "lost-ack": Kind(Arrives.NOW, Answer.NEVER),
    "late-ack": Kind(Arrives.NOW, Answer.LATE, delay=Delay(2, 0)),
    "http-503-after": Kind(Arrives.NOW, Answer.BROKEN, "HTTP 503 Service Unavailable"),
    "no-id": Kind(Arrives.NOW, Answer.BROKEN, "an answer without an order id"),
    "partial": Kind(),
    "late-trade": Kind(delay=Delay(0, 0.8)),
    "outage": Kind(counted=False),
}
FAULT_KINDS = tuple(KINDS)
REQUEST_FAULTS = frozenset(
    name for name, kind in KINDS.items() if (kind.arrives, kind.answer) != (Arrives.NOW, Answer.PROMPT)
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that hit."""

    name: str
    delay_s: float

    @property
    def kind(self) -> Kind:
        return KINDS[self.name]

    @property
    def answer_after_s(self) -> float:
        """When the client is answered, seconds from now; infinite where never."""
        match self.kind.answer:
            case Answer.LATE:
                return self.delay_s
            case Answer.NEVER:
                return math.inf
            case _:
                return 0.0


def check(name: str, count: int | None, for_s: float | None, delay_s: float | None) -> None:
    """Raises UsageError where such a fault can not be injected."""
    if name not in KINDS:
        raise UsageError(f"no fault {name!r}", next_step=f"one of: {', '.join(FAULT_KINDS)}")
    if count is not None and count < 1:
        raise UsageError(f"a fault can not hit {count} times")
    if for_s is not None and not 0 < for_s < math.inf:
        raise UsageError(f"a fault can not last {for_s} s")
    if delay_s is not None and not 0 <= delay_s < math.inf:
        raise UsageError(f"nothing can be late by {delay_s} s")
    if count is not None and not KINDS[name].counted:
        raise UsageError(f"{name} is not counted: it lasts until it is healed, or for its time")
    if delay_s is not None and KINDS[name].delay is None:
        raise UsageError(f"{name} delays nothing")


def inject(
    con: Connection,
    venue: Venue,
    name: str,
    *,
    count: int | None,
    until: Instant | None,
    delay_s: float,
) -> None:
    """Counted faults hit once, unless a count or a time says otherwise."""
    if count is None and until is None and KINDS[name].counted:
        count = 1
    con.execute(
        "INSERT INTO faults (venue, kind, remaining, until_at, delay_s) VALUES (?, ?, ?, ?, ?)",
        (venue, name, count, until, delay_s),
    )


def heal(con: Connection, venue: Venue | None) -> None:
    """Ends every fault of a venue, or of all; what is in flight stays in flight."""
    con.execute("DELETE FROM faults WHERE ?1 IS NULL OR venue = ?1", (venue,))


def default_delay_s(name: str, timeout_s: float) -> float:
    delay = KINDS[name].delay
    return delay.timeouts * timeout_s + delay.seconds if delay else 0.0


def active(con: Connection, venue: Venue, names: Collection[str], now: Instant) -> Fault | None:
    """The oldest active fault among these, which it leaves as it is."""
    found = _oldest(con, venue, names, now)
    return found[1] if found else None


def spend(con: Connection, venue: Venue, names: Collection[str], now: Instant) -> Fault | None:
    """The oldest active fault among these, with one use taken off its count."""
    found = _oldest(con, venue, names, now)
    if found is None:
        return None
    row_id, fault = found
    con.execute("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", (row_id,))
    con.execute("DELETE FROM faults WHERE id = ? AND remaining <= 0", (row_id,))
    return fault


def _oldest(con: Connection, venue: Venue, names: Collection[str], now: Instant) -> tuple[int, Fault] | None:
    rows = con.execute(
        "SELECT id, kind, delay_s FROM faults WHERE venue = ? AND (until_at IS NULL OR until_at > ?)"
        " ORDER BY id",
        (venue, now),
    )
    return next(((row_id, Fault(kind, delay_s)) for row_id, kind, delay_s in rows if kind in names), None)
