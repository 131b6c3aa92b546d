"""A venue's health: a pure state machine with hysteresis, fed by what every call came to (DESIGN 7).

LIVE: routed to. DEGRADED: only where no live venue can fill. DARK: nothing but probes, whose schedule is
part of the health, so that every process keeps the same one. RECOVERING: it answers again, and nothing
new is risked there until a full reconcile has agreed.

Rules:
- A state changes in `observe` alone, and only as TRANSITIONS says. One table, every state times every sign.
- A refusal of one request is an answer. A request that was held back says nothing about the venue.
- DARK is never left without an answer, and LIVE is never entered from DARK or RECOVERING without a full
  reconcile that agreed and that began after the last failure.
- One lost packet does not make a venue dark, and one good answer does not heal it. What is slow, old or
  long enough is measured in the venue's own timeout_s.
- What was seen before a state began changes nothing: another process knew better by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, StrEnum, auto
from typing import Any

from mvx.domain.changing import changer
from mvx.domain.instant import Instant, after, seconds_between

#: An answer that takes more than this part of timeout_s is slow.
SLOW = 0.5
#: So many good answers in a row, and so many timeouts since it began, end a DEGRADED.
GOOD_ANSWERS = 5
DWELL_TIMEOUTS = 3
FIRST_PROBE_S = 1.0
LONGEST_PROBE_S = 30.0
#: How much the newest observation weighs in the averages.
WEIGHT = 0.2
#: No process holds an observation longer than this: one that seems older was made after the clock was set
#: back, and is believed.
HELD_S = 300.0
_NEVER = Instant(0)


class HealthState(StrEnum):
    LIVE = "LIVE"
    DEGRADED = "DEGRADED"
    DARK = "DARK"
    RECOVERING = "RECOVERING"


class Cause(StrEnum):
    """Why a call failed. CUT_SHORT: the asker waited for less than the venue's timeout_s."""

    UNREACHABLE = "unreachable"
    NO_ANSWER = "no_answer"
    CUT_SHORT = "cut_short"
    THROTTLED = "throttled"
    BAD_DATA = "bad_data"
    CLOSED = "closed"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Answered:
    """A call was answered, with a refusal of that one request perhaps."""

    at: Instant
    latency_ms: float


@dataclass(frozen=True, slots=True)
class BookRead:
    """A book was answered, and was so old by then."""

    at: Instant
    latency_ms: float
    age_s: float


@dataclass(frozen=True, slots=True)
class StatusRead:
    """The venue spoke of itself. skew_ms: its clock less ours, in the middle of the call."""

    at: Instant
    latency_ms: float
    accepts_orders: bool
    says: str
    skew_ms: float


@dataclass(frozen=True, slots=True)
class Failed:
    at: Instant
    cause: Cause
    why: str


@dataclass(frozen=True, slots=True)
class StreamHeard:
    """Its stream is connected, or something is missing in it."""

    at: Instant
    up: bool


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A full pass was completed; `why` it did not agree, where it did not."""

    at: Instant
    began_at: Instant
    agreed: bool
    why: str


@dataclass(frozen=True, slots=True)
class Outdated:
    """What we know of the venue is from an older journal, or from a copy, and nothing agreed since."""

    at: Instant


Observation = Answered | BookRead | StatusRead | Failed | StreamHeard | Reconciled | Outdated


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a venue. `since` and `reason` are the state's, `failed_at` the last failure's.

    good_in_row, lost_in_row: what hysteresis counts. probes: how often it was found dark since it was
    live; probe_at: when it may be asked next, where it is DARK. error_rate, latency_ms: moving averages.
    book_at: when its last book was true. taker_bps: what it charges, as it was last known.
    """

    state: HealthState = HealthState.LIVE
    since: Instant = _NEVER
    reason: str = ""
    good_in_row: int = 0
    lost_in_row: int = 0
    probes: int = 0
    probe_at: Instant | None = None
    failed_at: Instant | None = None
    answered_at: Instant | None = None
    error_rate: float = 0.0
    latency_ms: float | None = None
    book_at: Instant | None = None
    skew_ms: float | None = None
    stream: str = "none"
    taker_bps: Decimal | None = None

    @property
    def usable(self) -> bool:
        """Whether new risk may be sent there."""
        return self.state in (HealthState.LIVE, HealthState.DEGRADED)

    def may_be_asked(self, at: Instant) -> bool:
        """DARK is left alone until its probe is due. A schedule beyond the longest was made before the
        clock was set back."""
        if self.state is not HealthState.DARK or self.probe_at is None:
            return True
        return not at < self.probe_at <= after(at, LONGEST_PROBE_S)

    def told(self, at: Instant) -> str:
        """`dark for 12 s: connection refused; next probe in 3 s`."""
        return f"{self.state.lower()} for {max(0.0, seconds_between(self.since, at)):.0f} s: {self.why(at)}"

    def why(self, at: Instant) -> str:
        """The reason, and when a dark one is asked next."""
        if self.probe_at is None:
            return self.reason
        wait_s = 0 if self.may_be_asked(at) else seconds_between(at, self.probe_at)
        return f"{self.reason}; next probe {f'in {wait_s:.0f} s' if wait_s else 'due'}"


class Sign(Enum):
    """What an observation says, besides its numbers. NOTED: nothing about the state."""

    GOOD = auto()
    ENOUGH = auto()  # good, and by now long enough
    POOR = auto()  # an answer, and not as it should be
    BAD = auto()  # no answer to build on, and no silence either
    LOST = auto()  # nobody there
    LOST_AGAIN = auto()  # twice in a row
    SHUT = auto()  # nobody is served, or not we
    AGREED = auto()  # reconciled, and nothing differs
    OUTDATED = auto()  # our own record is not to be built on
    NOTED = auto()


_LIVE, _DEGRADED, _DARK, _RECOVERING = HealthState
_LINES = {
    # GOOD, ENOUGH, POOR, BAD, LOST, LOST_AGAIN, SHUT, AGREED, OUTDATED, NOTED
    _LIVE: (_LIVE, _LIVE, _DEGRADED, _DEGRADED, _DEGRADED, _DARK, _DARK, _LIVE, _RECOVERING, _LIVE),
    _DEGRADED: (
        *(_DEGRADED, _LIVE, _DEGRADED, _DEGRADED, _DEGRADED),
        *(_DARK, _DARK, _DEGRADED, _RECOVERING, _DEGRADED),
    ),
    _DARK: (*[_RECOVERING] * 3, *[_DARK] * 7),
    _RECOVERING: (
        *[_RECOVERING] * 3,
        *(_DARK, _DARK, _DARK, _DARK, _LIVE, _RECOVERING, _RECOVERING),
    ),
}
TRANSITIONS: dict[tuple[HealthState, Sign], HealthState] = {
    (state, sign): to for state, line in _LINES.items() for sign, to in zip(Sign, line, strict=True)
}

_SIGNS: dict[Cause, Sign] = {
    Cause.UNREACHABLE: Sign.LOST,
    Cause.NO_ANSWER: Sign.LOST,
    Cause.CUT_SHORT: Sign.BAD,
    Cause.THROTTLED: Sign.BAD,
    Cause.BAD_DATA: Sign.BAD,
    Cause.CLOSED: Sign.SHUT,
    Cause.FORBIDDEN: Sign.SHUT,
}
_ENTERED = {
    (HealthState.LIVE, Sign.ENOUGH): "it answers well again",
    (HealthState.LIVE, Sign.AGREED): "reconciled and agreed",
    (HealthState.RECOVERING, Sign.GOOD): "it answers again, and is not reconciled yet",
    (HealthState.RECOVERING, Sign.POOR): "it answers again, and is not reconciled yet",
}


_changed = changer(Health)


def observe(health: Health, seen: Observation, timeout_s: float) -> Health:
    """The health after one more observation; timeout_s is the venue's own."""
    if _before(seen.at, health.since):
        return health
    sign, why = read_sign(health, seen, timeout_s)
    state = TRANSITIONS[health.state, sign]
    found = _counted(health, seen, sign)
    if state is not health.state:
        reason = _ENTERED.get((state, sign), why)
        found = _changed(found, state=state, since=seen.at, reason=reason, good_in_row=0)
    elif why and (state is not HealthState.RECOVERING or sign in (Sign.NOTED, Sign.OUTDATED)):
        found = _changed(found, reason=why)
    return _scheduled(found, health, seen.at, sign)


def read_sign(health: Health, seen: Observation, timeout_s: float) -> tuple[Sign, str]:
    """What an observation says of a venue in this health, and in words what is wrong (else nothing)."""
    match seen:
        case Failed(cause=cause, why=why):
            again = _SIGNS[cause] is Sign.LOST and health.lost_in_row > 0
            return (Sign.LOST_AGAIN if again else _SIGNS[cause]), why
        case Reconciled(agreed=True, began_at=began_at):
            stale = health.failed_at is not None and _before(began_at, health.failed_at)
            return (Sign.NOTED if stale else Sign.AGREED), ""
        case Reconciled(why=why):
            return Sign.NOTED, f"its reconcile did not agree: {why}" if health.state is _RECOVERING else ""
        case Outdated():
            return Sign.OUTDATED, "the journal was put back or copied, and is not reconciled since"
        case StreamHeard(up=up):
            return (Sign.NOTED, "") if up else (Sign.POOR, "a gap in its stream")
        case StatusRead(accepts_orders=False, says=says):
            return Sign.SHUT, f"takes no orders: {says}"
        case BookRead(age_s=age_s) if age_s > timeout_s:
            return Sign.POOR, f"its book was {age_s:.1f} s old"
    if seen.latency_ms > SLOW * timeout_s * 1_000:
        return Sign.POOR, f"took {seen.latency_ms / 1_000:.1f} s to answer"
    young = 0 <= seconds_between(health.since, seen.at) < DWELL_TIMEOUTS * timeout_s
    return (Sign.GOOD if young or health.good_in_row + 1 < GOOD_ANSWERS else Sign.ENOUGH), ""


def _counted(health: Health, seen: Observation, sign: Sign) -> Health:
    """With its numbers taken in."""
    found: dict[str, Any] = {}
    if isinstance(seen, StreamHeard):
        found["stream"] = "up" if seen.up else "gap"
    if sign in (Sign.AGREED, Sign.OUTDATED, Sign.NOTED):
        return _changed(health, **found)
    good = sign in (Sign.GOOD, Sign.ENOUGH)
    found["good_in_row"] = health.good_in_row + 1 if good else 0
    if not good and sign is not Sign.POOR:
        found["failed_at"] = seen.at
    match seen:
        case Failed(cause=cause):
            silent = cause in (Cause.UNREACHABLE, Cause.NO_ANSWER, Cause.CUT_SHORT)
            found["lost_in_row"] = health.lost_in_row + (_SIGNS[cause] is Sign.LOST) if silent else 0
            found["error_rate"] = _averaged(health.error_rate, 1.0)
        case Answered() | BookRead() | StatusRead():
            found |= _answered(health, seen)
    return _changed(health, **found)


def _answered(health: Health, seen: Answered | BookRead | StatusRead) -> dict[str, Any]:
    """The numbers that an answer changes."""
    latency_ms = seen.latency_ms
    if health.latency_ms is not None:
        latency_ms = _averaged(health.latency_ms, latency_ms)
    found = {
        "answered_at": seen.at,
        "lost_in_row": 0,
        "error_rate": _averaged(health.error_rate, 0.0),
        "latency_ms": latency_ms,
    }
    match seen:
        case BookRead(age_s=age_s):
            found["book_at"] = after(seen.at, -age_s)
        case StatusRead(skew_ms=skew_ms):
            found["skew_ms"] = skew_ms
    return found


def _before(earlier: Instant, later: Instant) -> bool:
    """Before it, and not by so much that the clock must have been set back between them."""
    return 0 < seconds_between(earlier, later) <= HELD_S


def _averaged(average: float, newest: float) -> float:
    return average + WEIGHT * (newest - average)


def _scheduled(health: Health, before: Health, at: Instant, sign: Sign) -> Health:
    """With the probes that its state wants. A failure before a probe was due is no probe that failed."""
    if health.state is not HealthState.DARK:
        probes = 0 if health.state is HealthState.LIVE else health.probes
        if (health.probes, health.probe_at) == (probes, None):
            return health  # nearly always: every call to a venue comes by here
        return _changed(health, probes=probes, probe_at=None)
    failed = sign not in (Sign.AGREED, Sign.OUTDATED, Sign.NOTED)
    if before.state is HealthState.DARK and not (failed and before.may_be_asked(at)):
        return health
    pause_s = min(LONGEST_PROBE_S, FIRST_PROBE_S * 2.0 ** min(health.probes, 10))
    return _changed(health, probes=health.probes + 1, probe_at=after(at, pause_s))
