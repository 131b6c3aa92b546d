"""The health of a venue: every step of the state machine, and what no sequence of events can do to it."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvx.domain.instant import Instant, after, seconds_between
from mvx.journal.codec import decode_as, encode
from mvx.venues.health import (
    DWELL_TIMEOUTS,
    GOOD_ANSWERS,
    LONGEST_PROBE_S,
    TRANSITIONS,
    Answered,
    BookRead,
    Cause,
    Failed,
    Health,
    HealthState,
    Observation,
    Outdated,
    Reconciled,
    Sign,
    StatusRead,
    StreamHeard,
    observe,
)
from tests.support import START

LIVE, DEGRADED, DARK, RECOVERING = HealthState
TIMEOUTS_S = (1.0, 10.0)
TIMEOUTS = pytest.mark.parametrize("timeout_s", TIMEOUTS_S)


def answered(at: Instant = START, latency_ms: float = 5) -> Answered:
    return Answered(at, latency_ms)


def failed(cause: Cause = Cause.UNREACHABLE, at: Instant = START, why: str = "connection refused") -> Failed:
    return Failed(at, cause, why)


def agreed(at: Instant = START) -> Reconciled:
    return Reconciled(at, at, agreed=True, why="")


def after_all(*seen: Observation, health: Health | None = None, timeout_s: float = 1.0) -> Health:
    """The health after these, one after the other."""
    health = health or Health()
    for each in seen:
        health = observe(health, each, timeout_s)
    return health


def states(*seen: Observation, health: Health | None = None, timeout_s: float = 1.0) -> list[str]:
    """The state after each of these."""
    found, health = [], health or Health()
    for each in seen:
        health = observe(health, each, timeout_s)
        found.append(health.state.value)
    return found


#: One of each kind, and of each of its sorts, at a venue whose timeout is 1 s.
KINDS: dict[str, Observation] = {
    "answered": answered(),
    "answered late": answered(latency_ms=900),
    "book": BookRead(START, 5, 0),
    "old book": BookRead(START, 5, 2),
    "status": StatusRead(START, 5, accepts_orders=True, says="online", skew_ms=0),
    "closed by status": StatusRead(START, 5, accepts_orders=False, says="maintenance", skew_ms=0),
    "stream": StreamHeard(START, up=True),
    "gap": StreamHeard(START, up=False),
    "agreed": agreed(),
    "differs": Reconciled(START, START, agreed=False, why="BTC: 1 there, 2 here"),
    "outdated": Outdated(START),
    **{cause.value: failed(cause) for cause in Cause},
}
DEAF = ("unreachable", "no_answer", "cut_short", "throttled", "bad_data", "closed", "forbidden")

#: What each does to a venue in each state; what is not named leaves it as it is.
CHANGES: dict[HealthState, dict[str, HealthState]] = {
    LIVE: {
        **dict.fromkeys(("answered late", "old book", "gap"), DEGRADED),
        **dict.fromkeys(DEAF, DEGRADED),
        **dict.fromkeys(("closed by status", "closed", "forbidden"), DARK),
        "outdated": RECOVERING,
    },
    DEGRADED: {
        **dict.fromkeys(("closed by status", "closed", "forbidden"), DARK),
        "outdated": RECOVERING,
    },
    DARK: dict.fromkeys(("answered", "answered late", "book", "old book", "status", "gap"), RECOVERING),
    RECOVERING: {"agreed": LIVE, "closed by status": DARK, **dict.fromkeys(DEAF, DARK)},
}


@pytest.mark.parametrize("state", HealthState)
@pytest.mark.parametrize("kind", KINDS)
def test_every_observation_does_what_the_table_says(state: HealthState, kind: str) -> None:
    """In every state, and nothing is missing: the table has a row for each sign."""
    health = Health(state, probe_at=START if state is DARK else None)
    assert CHANGES[state].get(kind, state) is after_all(KINDS[kind], health=health).state
    assert set(itertools.product(HealthState, Sign)) == set(TRANSITIONS)


@TIMEOUTS
def test_one_lost_packet_degrades_and_the_second_in_a_row_is_dark(timeout_s: float) -> None:
    lost = failed(Cause.NO_ANSWER)
    assert ["DEGRADED", "DARK"] == states(lost, lost, timeout_s=timeout_s)
    assert ["DEGRADED", "DEGRADED", "DEGRADED"] == states(lost, answered(), lost, timeout_s=timeout_s)


@TIMEOUTS
def test_a_degraded_venue_heals_by_enough_good_answers_and_enough_time(timeout_s: float) -> None:
    """Neither alone does it; one that is slow begins the count anew."""
    slow = answered(latency_ms=600 * timeout_s)
    health = after_all(slow, timeout_s=timeout_s)
    assert DEGRADED is health.state
    soon = [answered(after(START, 0.1))] * 3 * GOOD_ANSWERS
    assert {"DEGRADED"} == set(states(*soon, health=health, timeout_s=timeout_s))
    later = after(START, DWELL_TIMEOUTS * timeout_s)
    few = [answered(later)] * (GOOD_ANSWERS - 1)
    assert {"DEGRADED"} == set(states(*few, health=health, timeout_s=timeout_s))
    assert LIVE is after_all(*few, answered(later), health=health, timeout_s=timeout_s).state
    hiccup = Answered(later, slow.latency_ms)
    assert DEGRADED is after_all(*few, hiccup, answered(later), health=health, timeout_s=timeout_s).state


def test_slow_is_measured_in_the_venues_own_timeout() -> None:
    """What is slow for a venue at hand is nothing for one that may take ten seconds."""
    assert DEGRADED is after_all(answered(latency_ms=800), timeout_s=1).state
    assert LIVE is after_all(answered(latency_ms=800), timeout_s=10).state
    assert LIVE is after_all(BookRead(START, 5, 4), timeout_s=10).state


def test_a_dark_venue_is_live_again_once_a_whole_reconcile_agreed() -> None:
    """Its first answer makes it recovering, and a pass that differs leaves it there and says why."""
    health = after_all(failed(), failed())
    at = after(START, 1)
    differs = Reconciled(at, at, agreed=False, why="BTC: 1 there, 2 here")
    recovering = after_all(answered(at), *[answered(at)] * 20, differs, health=health)
    assert RECOVERING is recovering.state
    assert "BTC: 1 there, 2 here" in recovering.reason
    live = after_all(agreed(at), health=recovering)
    assert (LIVE, 0, None) == (live.state, live.probes, live.probe_at)


def test_a_pass_that_began_before_the_last_failure_proves_nothing() -> None:
    health = after_all(failed(), failed(), answered(after(START, 1)), timeout_s=10)
    old = Reconciled(after(START, 2), began_at=after(START, -1), agreed=True, why="")
    assert RECOVERING is after_all(old, health=health).state


def test_what_was_seen_before_a_state_began_changes_nothing() -> None:
    """One process found it dark; another comes late with an answer from before."""
    health = after_all(failed(), failed())
    assert health == after_all(answered(after(START, -2)), health=health)
    assert RECOVERING is after_all(answered(after(START, 2)), health=health).state


def test_probes_back_off_and_a_failure_in_between_is_no_probe() -> None:
    """1, 2, 4 ... and at most 30 s, by an instant that other processes read too."""
    health, at, pauses = after_all(failed(), failed()), START, []
    for _ in range(8):
        assert health.probe_at is not None
        pauses.append(seconds_between(at, health.probe_at))
        assert not health.may_be_asked(after(health.probe_at, -0.001))
        assert health == after_all(health=health)
        early = after_all(failed(at=after(at, 0.5)), health=health)
        assert health.probe_at == early.probe_at
        at = health.probe_at
        assert health.may_be_asked(at)
        health = after_all(failed(at=at), health=health)
    assert [1, 2, 4, 8, 16, 30, 30, 30] == pauses


def test_a_venue_that_goes_dark_again_is_probed_ever_more_rarely() -> None:
    """An answer between two failures does not begin the schedule anew; being live does."""
    health = after_all(failed(), failed())
    pauses = []
    for number in range(1, 5):
        at = after(START, 100 * number)
        health = after_all(answered(at), failed(at=at), health=health)
        assert health.probe_at is not None
        pauses.append(seconds_between(at, health.probe_at))
    assert [2, 4, 8, 16] == pauses
    at = after(START, 1000)
    health = after_all(answered(at), agreed(at), failed(at=at), failed(at=at), health=health)
    assert after(at, 1) == health.probe_at


def test_a_clock_that_was_set_back_stops_nothing() -> None:
    """A schedule and a beginning an hour ahead are no reason to wait an hour."""
    health = after_all(failed(), failed())
    back = after(START, -3600)
    assert health.may_be_asked(back)
    assert LIVE is after_all(answered(back), agreed(back), health=health).state


def test_health_tells_what_an_operator_wants_to_know() -> None:
    health = after_all(failed(), failed())
    health = after_all(failed(at=after(START, 1)), health=health)
    assert "dark for 2 s: connection refused; next probe in 1 s" == health.told(after(START, 2))
    shut = after_all(StatusRead(START, 5, accepts_orders=False, says="maintenance", skew_ms=0))
    assert "dark for 0 s: takes no orders: maintenance; next probe in 1 s" == shut.told(START)


def test_health_measures_what_reports_show() -> None:
    status = StatusRead(START, 20, accepts_orders=True, says="online", skew_ms=-250)
    health = after_all(answered(latency_ms=10), status, BookRead(after(START, 1), 10, 0.25), failed())
    assert (-250, after(START, 0.75)) == (health.skew_ms, health.book_at)
    assert after(START, 1) == health.answered_at
    assert health.latency_ms == pytest.approx(11.6)
    assert health.error_rate == pytest.approx(0.2)
    assert "gap" == after_all(StreamHeard(START, up=True), StreamHeard(START, up=False)).stream


# Whatever happens

PAUSES_S = (0.0, 0.01, 0.3, 1.0, 5.0, 40.0)
LATENCIES_MS = (1.0, 400.0, 600.0, 6_000.0)
AGES_S = (0.0, 2.0, 20.0)


def everything_at(at: Instant) -> list[Observation]:
    """Every observation that there could be at one moment."""
    return [
        *(Answered(at, latency_ms) for latency_ms in LATENCIES_MS),
        *(BookRead(at, latency_ms, age_s) for latency_ms in LATENCIES_MS for age_s in AGES_S),
        *(StatusRead(at, 1.0, accepts, "says", 0.0) for accepts in (True, False)),
        *(failed(cause, at) for cause in Cause),
        *(StreamHeard(at, up) for up in (True, False)),
        *(Reconciled(at, at, agreed, "why") for agreed in (True, True, True, False)),
    ]


@st.composite
def histories(draw: st.DrawFn) -> list[Observation]:
    """What may be seen of one venue, in time."""
    choice = st.integers(0, len(everything_at(START)) - 1)
    at, seen = START, []
    for pause_s, number in draw(
        st.lists(st.tuples(st.sampled_from(PAUSES_S), choice), min_size=5, max_size=40)
    ):
        at = after(at, pause_s)
        seen.append(everything_at(at)[number])
    return seen


def _is_answer(seen: Observation) -> bool:
    return isinstance(seen, Answered | BookRead | StatusRead | StreamHeard)


@given(histories(), st.sampled_from(TIMEOUTS_S))
def test_darkness_ends_with_an_answer_and_trust_begins_with_an_agreement(
    history: list[Observation], timeout_s: float
) -> None:
    health = Health()
    for seen in history:
        before, health = health, observe(health, seen, timeout_s)
        if before.state is DARK and health.state is not DARK:
            assert _is_answer(seen)
            assert RECOVERING is health.state
        if health.state is LIVE and before.state in (DARK, RECOVERING):
            assert isinstance(seen, Reconciled)
            assert seen.agreed
        assert (health.state is DARK) == (health.probe_at is not None)
        assert health.state is LIVE or health.reason
        assert 0 <= health.error_rate <= 1


@given(histories(), st.sampled_from(TIMEOUTS_S))
def test_a_dark_venue_is_never_left_alone_for_longer_than_the_longest_pause(
    history: list[Observation], timeout_s: float
) -> None:
    for health in itertools.accumulate(
        history, lambda found, seen: observe(found, seen, timeout_s), initial=Health()
    ):
        assert health.may_be_asked(after(max(health.since, history[-1].at), LONGEST_PROBE_S))


@given(histories(), st.sampled_from(TIMEOUTS_S))
def test_health_is_the_same_after_the_journal(history: list[Observation], timeout_s: float) -> None:
    health = after_all(*history, timeout_s=timeout_s)
    assert health == decode_as(Health, encode(health))
    fee = Health(taker_bps=Decimal("2.5"))
    assert fee == decode_as(Health, encode(fee))


@TIMEOUTS
@pytest.mark.parametrize("cause", Cause)
def test_a_venue_that_answers_every_other_time_does_not_flap(cause: Cause, timeout_s: float) -> None:
    """Ten minutes of one call a second, or where it is dark, of a probe when it is due. What shuts it at
    once makes it change with each probe and the next call, and ever more rarely."""
    health, changes, asked = Health(), 0, 0
    for second in range(600):
        at = after(START, second)
        before = health.state
        if health.may_be_asked(at):
            good, asked = asked % 2 == 0, asked + 1
            seen: Observation = answered(at) if good else failed(cause, at)
            health = observe(health, seen, timeout_s)
        changes += health.state is not before
    assert changes <= 50
    if cause not in (Cause.CLOSED, Cause.FORBIDDEN):
        assert (DEGRADED, 1) == (health.state, changes)
