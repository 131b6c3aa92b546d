"""Faults that an operator injects: what they are, as data, and which are active, in the paper file.

Rule: a fault lives in the file, so that one process injects it and the next one is hit by it. It is
spent by the first call or order that it changes, or it lasts until its time is over or it is healed.
A counted request fault hits writes alone; one with a time and no count hits every call while it lasts.
Faults keep our own time, whatever the venue's clock says.
A new request fault is a row in KINDS; a new effect is a row and a few lines where it takes effect.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from mvx.domain.ids import Venue
from mvx.domain.instant import Instant, after
from mvx.errors import Refusal, UsageError
from mvx.paper.admission import Refused
from mvx.sqlite import Connection


class Call(Enum):
    """What a client asks for, as far as a fault tells one call from another."""

    STATUS = auto()
    PUBLIC = auto()
    PRIVATE = auto()
    WRITE = auto()


EVERY_CALL = frozenset(Call)
NO_CALL: frozenset[Call] = frozenset()


class Arrives(Enum):
    """When a request reaches the venue."""

    NOW = auto()
    LATE = auto()
    NEVER = auto()


class Answer(Enum):
    """How the client hears of it. BROKEN: at once, and it says nothing that can be relied on. REFUSED:
    at once, by a code. UNREACHABLE: nobody can connect, so the request never left."""

    PROMPT = auto()
    LATE = auto()
    NEVER = auto()
    BROKEN = auto()
    REFUSED = auto()
    UNREACHABLE = auto()


@dataclass(frozen=True, slots=True)
class Delay:
    """The default delay: so many timeouts, and so many seconds. `either_way`: it may be negative."""

    timeouts: float
    seconds: float
    either_way: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """What a fault does. `calls`: which it can hit; `arrives` and `answer` shape such a call, `says` is
    what a broken answer looks like, `refusal` what a refused one says. `counted`: each use spends one of
    its count; the others last."""

    arrives: Arrives = Arrives.NOW
    answer: Answer = Answer.PROMPT
    says: str = ""
    refusal: Refused | None = None
    delay: Delay | None = None
    calls: frozenset[Call] = NO_CALL
    counted: bool = True


def _request(arrives: Arrives, answer: Answer, says: str = "", delay: Delay | None = None) -> Kind:
    return Kind(arrives, answer, says, delay=delay, calls=EVERY_CALL)


def _broken(says: str, arrives: Arrives = Arrives.NOW) -> Kind:
    return _request(arrives, Answer.BROKEN, says)


def _refused(
    reason_code: str, about: Refusal, message: str, calls: frozenset[Call] = EVERY_CALL, *, counted: bool
) -> Kind:
    refusal = Refused(reason_code, message, about)
    return Kind(Arrives.NEVER, Answer.REFUSED, refusal=refusal, calls=calls, counted=counted)


KINDS: dict[str, Kind] = {
    "lost-request": _request(Arrives.NEVER, Answer.NEVER),
    "late-request": _request(Arrives.LATE, Answer.NEVER, delay=Delay(1.5, 1.0)),
    "lost-ack": _request(Arrives.NOW, Answer.NEVER),
    "late-ack": _request(Arrives.NOW, Answer.LATE, delay=Delay(2, 0)),
    # Binance Spot REST API, HTTP return codes: "429 ... breaking a request rate limit"; of 5XX: "NOT treat
    # this as a failure operation; the execution status is UNKNOWN and could have been a success".
    "http-429": _refused("rate_limited", Refusal.THROTTLED, "HTTP 429 Too Many Requests", counted=True),
    "http-503-before": _broken("HTTP 503 Service Unavailable", Arrives.NEVER),
    "http-503-after": _broken("HTTP 503 Service Unavailable"),
    # What stands between us and a venue sends these after the order was accepted (VENUES.md, Errors).
    "reset-after": _broken("connection reset by peer"),
    "html-200": _broken("HTTP 200 with a page of HTML"),
    "empty-200": _broken("HTTP 200 with an empty body"),
    "truncated": _broken("HTTP 200 with a body that breaks off"),
    "no-id": _broken("an answer without an order id"),
    "outage": Kind(Arrives.NEVER, Answer.UNREACHABLE, calls=EVERY_CALL, counted=False),
    "hang": Kind(Arrives.NEVER, Answer.NEVER, calls=EVERY_CALL, counted=False),
    # Kraken, system status `maintenance`: "new orders cannot be placed and existing orders cannot be
    # cancelled". Its status endpoint answers all the same.
    "maintenance": _refused(
        "maintenance", Refusal.CLOSED, "down for maintenance", EVERY_CALL - {Call.STATUS}, counted=False
    ),
    # Kraken: EAPI:Invalid key. Market data needs no key.
    "key-revoked": _refused(
        "invalid_key",
        Refusal.FORBIDDEN,
        "the API key is not valid",
        frozenset({Call.PRIVATE, Call.WRITE}),
        counted=False,
    ),
    "late-trade": Kind(delay=Delay(0, 0.8)),
    "stale-order": Kind(delay=Delay(0, 0.8)),
    "not-found": Kind(delay=Delay(0, 0.8)),
    "late-fill": Kind(delay=Delay(0, 1.0)),
    "partial": Kind(),
    "bust": Kind(delay=Delay(0, 1.0)),
    "duplicate-event": Kind(),
    "drop-event": Kind(),
    "reorder-event": Kind(),
    "clock-skew": Kind(delay=Delay(0, 0.4, either_way=True), counted=False),
    "base-fee": Kind(counted=False),
    "token-fee": Kind(counted=False),
}
FAULT_KINDS = tuple(KINDS)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that hit."""

    name: str
    delay_s: float

    @property
    def kind(self) -> Kind:
        return KINDS[self.name]


def check(name: str, count: int | None, for_s: float | None, delay_s: float | None) -> None:
    """Raises UsageError where such a fault can not be injected."""
    if name not in KINDS:
        raise UsageError(f"no fault {name!r}", next_step=f"one of: {', '.join(FAULT_KINDS)}")
    kind = KINDS[name]
    if count is not None and count < 1:
        raise UsageError(f"a fault can not hit {count} times")
    if for_s is not None and not 0 < for_s < math.inf:
        raise UsageError(f"a fault can not last {for_s} s")
    if count is not None and not kind.counted:
        raise UsageError(f"{name} is not counted: it lasts until it is healed, or for its time")
    if delay_s is None:
        return
    if kind.delay is None:
        delaying = ", ".join(each for each, row in KINDS.items() if row.delay)
        raise UsageError(f"{name} delays nothing", next_step=f"a delay means something to: {delaying}")
    if not math.isfinite(delay_s) or (delay_s < 0 and not kind.delay.either_way):
        raise UsageError(f"nothing can be late by {delay_s} s")


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


def heal(con: Connection, venue: Venue) -> None:
    """Ends every fault of a venue; what is in flight stays in flight."""
    con.execute("DELETE FROM faults WHERE venue = ?", (venue,))


def default_delay_s(name: str, timeout_s: float) -> float:
    delay = KINDS[name].delay
    return delay.timeouts * timeout_s + delay.seconds if delay else 0.0


def meet(
    con: Connection, venue: Venue, call: Call, now: Instant, on_its_way: Fault | None = None
) -> Fault | None:
    """The fault that this call meets: of those that last the oldest, else what it met on its way here, else
    the oldest of the others, with one use taken off its count."""
    hits = [
        row
        for row in _active(con, venue, now)
        if call in row.fault.kind.calls and (row.remaining is None or call is Call.WRITE)
    ]
    if on_its_way is not None:
        hits = [row for row in hits if not row.fault.kind.counted]
    if not hits:
        return on_its_way
    first = min(hits, key=lambda row: (row.fault.kind.counted, row.id))
    return _spent(con, first)


def active(con: Connection, venue: Venue, name: str, now: Instant) -> Fault | None:
    """The oldest active fault of that name, which it leaves as it is."""
    found = _oldest(con, venue, name, now)
    return found.fault if found else None


def spend(con: Connection, venue: Venue, name: str, now: Instant) -> Fault | None:
    """The oldest active fault of that name, with one use taken off its count."""
    found = _oldest(con, venue, name, now)
    return _spent(con, found) if found else None


def refuses_all(con: Connection, venue: Venue, at: Instant) -> bool:
    """Whether whatever reaches the venue then is refused there, whoever sent it and when."""
    lasting = (row.fault.kind for row in _active(con, venue, at) if row.remaining is None)
    return any(kind.answer is Answer.REFUSED for kind in lasting)


def mutes(con: Connection, venue: Venue, at: Instant) -> bool:
    """Whether nothing that the venue pushes then comes to anybody."""
    return any(kind.answer in (Answer.UNREACHABLE, Answer.NEVER) for kind in _standing(con, venue, at))


def cuts(con: Connection, venue: Venue, at: Instant) -> bool:
    """Whether no connection to the venue holds then."""
    return any(kind.answer is Answer.UNREACHABLE for kind in _standing(con, venue, at))


def venue_time(con: Connection, venue: Venue, at: Instant) -> Instant:
    """What the venue's clock says at that instant of ours: behind where the delay is positive."""
    skew = active(con, venue, "clock-skew", at)
    return after(at, -skew.delay_s) if skew else at


class _Row(NamedTuple):
    id: int
    fault: Fault
    remaining: int | None


def _active(con: Connection, venue: Venue, now: Instant) -> list[_Row]:
    """Oldest first."""
    rows = con.execute(
        "SELECT id, kind, delay_s, remaining FROM faults"
        " WHERE venue = ? AND (until_at IS NULL OR until_at > ?) ORDER BY id",
        (venue, now),
    )
    return [_Row(row_id, Fault(kind, delay_s), remaining) for row_id, kind, delay_s, remaining in rows]


def _standing(con: Connection, venue: Venue, at: Instant) -> list[Kind]:
    """What the venue is in, whoever asks it for what."""
    return [row.fault.kind for row in _active(con, venue, at) if not row.fault.kind.counted]


def _oldest(con: Connection, venue: Venue, name: str, now: Instant) -> _Row | None:
    return next((row for row in _active(con, venue, now) if row.fault.name == name), None)


def _spent(con: Connection, row: _Row) -> Fault:
    con.execute("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", (row.id,))
    con.execute("DELETE FROM faults WHERE id = ? AND remaining <= 0", (row.id,))
    return row.fault
