"""What calls say of a venue's health, and how processes share it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from mvx.config.settings import VenueSettings
from mvx.domain.ids import Venue
from mvx.engine.desk import Desk, open_desk
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import reconcile
from mvx.errors import (
    BadVenueData,
    DeadlinePassed,
    Exit,
    JournalError,
    OutcomeUnknown,
    Refusal,
    VenueRejected,
    VenueUnreachable,
)
from mvx.venues.health import Answered, Cause, Failed, HealthState
from tests.engine.desk import OKX, Operator, order, routed, settings
from tests.engine.halting import halts
from tests.engine.ports import (
    BYBIT,
    FIVE,
    calls_at,
    degrade,
    health,
    raising,
    slow,
    warnings_of,
    within,
)
from tests.support import ManualClock

LIVE, DEGRADED, DARK, RECOVERING = HealthState


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    """An operator at a desk of five venues that have been traded on."""
    at = Operator(settings(tmp_path, *FIVE))
    at.routes(order("0.1"))
    return at


def test_two_processes_share_one_health(at: Operator) -> None:
    """What one finds out the other does not find out again; each tells what it caused or noticed."""
    at.exchange.inject(OKX, "outage")

    async def both() -> tuple[Outcome, Outcome]:
        async with AsyncExitStack() as stack:
            one, other = [
                await stack.enter_async_context(open_desk(at.settings, clock=at.clock)) for _ in range(2)
            ]
            first = await routed(one, order("4"))
            return first, await routed(at.watched(other), order("4"))

    calls = calls_at(at, OKX)
    found = asyncio.run(both())
    assert [] == calls
    assert ["okx LIVE -> DEGRADED -> DARK", "okx LIVE -> DARK"] == [
        line.partition(":")[0] for outcome in found for line in warnings_of(outcome)
    ]


def test_what_two_processes_saw_adds_up(at: Operator) -> None:
    """One lost call each is two in a row: neither overwrites what the other has written."""

    async def both() -> None:
        async with AsyncExitStack() as stack:
            desks = [
                await stack.enter_async_context(open_desk(at.settings, clock=at.clock)) for _ in range(2)
            ]
            for desk in desks:
                desk.watch.hear(OKX, Failed(at.clock.now(), Cause.NO_ANSWER, "no answer"))

    asyncio.run(both())
    assert (DARK, 2) == (health(at).state, health(at).lost_in_row)


def test_a_change_is_written_at_once_and_the_rest_goes_along_or_comes_last(at: Operator) -> None:
    """An answer is kept in memory until something is written anyway, or the desk is closed."""

    async def work(desk: Desk) -> None:
        before = health(at)
        desk.watch.hear(OKX, Answered(at.clock.now(), 50))
        assert before == health(at)
        desk.watch.hear(OKX, Failed(at.clock.now(), Cause.NO_ANSWER, "no answer"))
        assert (DEGRADED, at.clock.now()) == (health(at).state, health(at).answered_at)
        at.clock.advance(1)
        desk.watch.hear(OKX, Answered(at.clock.now(), 50))

    at.does(work)
    assert at.clock.now() == health(at).answered_at


def test_what_went_along_with_another_transaction_is_not_counted_again(at: Operator) -> None:
    before = health(at).good_in_row

    async def work(desk: Desk) -> None:
        desk.watch.hear(OKX, Answered(at.clock.now(), 50))
        with desk.journal.write() as tx:
            desk.watch.flush(tx)
        desk.watch.hear(OKX, Answered(at.clock.now(), 50))

    at.does(work)
    assert before + 2 == health(at).good_in_row


@pytest.mark.parametrize("times", [1, 2])
def test_what_went_along_with_a_transaction_that_was_lost_is_written_by_the_next(
    times: int, at: Operator
) -> None:
    """A full disk says so at the commit. That a reading agreed is lost with what it corrected."""

    def is_lost(desk: Desk) -> None:
        with desk.journal.write() as tx:
            for _ in range(times):
                for _ in range(2 // times):
                    desk.watch.hear(OKX, Failed(at.clock.now(), Cause.NO_ANSWER, "no answer"), later=True)
                desk.watch.flush(tx)
            desk.watch.reconciled(tx, OKX, at.clock.now(), "")
            raise OSError("the disk is full")

    async def work(desk: Desk) -> None:
        with pytest.raises(OSError, match="full"):
            is_lost(desk)
        assert HealthState.LIVE is health(at).state
        desk.watch.save()

    at.does(work)
    assert (DARK, 2) == (health(at).state, health(at).lost_in_row)


def test_a_change_is_told_once(at: Operator) -> None:
    async def work(desk: Desk) -> list[tuple[str, ...]]:
        desk.watch.hear(OKX, Failed(at.clock.now(), Cause.NO_ANSWER, "no answer"))
        return [desk.watch.changes(), desk.watch.changes()]

    first, second = at.does(work)
    assert (1, ()) == (len(first), second)


def test_a_journal_that_can_not_be_written_changes_no_answer(at: Operator) -> None:
    """What was seen is kept and told, and written as soon as that works again."""

    async def work(desk: Desk) -> tuple[str, ...]:
        with desk.journal.read() as tx:
            switch = tx.connection.execute
        switch("PRAGMA query_only = 1")
        port = within(desk, OKX, raising(VenueUnreachable("okx: connection refused"))).venues[OKX]
        for _ in range(2):
            with pytest.raises(VenueUnreachable):
                await port.balances()
        with pytest.raises(JournalError):
            desk.watch.save()
        assert (DARK, LIVE) == (desk.watch.health(OKX).state, health(at).state)
        switch("PRAGMA query_only = 0")
        return desk.watch.changes()

    told = at.does(work)
    assert told[0].startswith("okx LIVE -> DEGRADED -> DARK: connection refused")
    assert (DARK, 2) == (health(at).state, health(at).lost_in_row)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (VenueUnreachable("okx: connection refused"), DEGRADED),
        (OutcomeUnknown("okx: HTTP 503"), DEGRADED),
        (BadVenueData("okx: a crossed book"), DEGRADED),
        (VenueRejected("okx: too many requests", reason_code="429", about=Refusal.THROTTLED), DEGRADED),
        (VenueRejected("okx: maintenance", reason_code="closed", about=Refusal.CLOSED), DARK),
        (VenueRejected("okx: key revoked", reason_code="key", about=Refusal.FORBIDDEN), DARK),
        (VenueRejected("okx: no such order", reason_code="unknown", about=Refusal.REQUEST), LIVE),
        (DeadlinePassed("okx: too late"), LIVE),
    ],
)
def test_every_error_says_what_it_says_of_the_venue(
    at: Operator, error: Exception, state: HealthState
) -> None:
    """One call that fails so, heard at the port and written down; the caller sees the error itself."""

    async def ask(desk: Desk) -> tuple[str, ...]:
        port = within(desk, OKX, raising(error)).venues[OKX]
        with pytest.raises(type(error)) as raised:
            await port.balances()
        assert error is raised.value
        return desk.watch.changes()

    told = at.does(ask)
    assert state is health(at).state
    assert [] == list(told) if state is LIVE else str(error).removeprefix("okx: ") in told[0]


def test_a_slow_venue_is_degraded_by_its_own_measure(at: Operator) -> None:
    """Half its timeout is slow; the time is the desk's own."""

    def lasts(seconds: float) -> Callable[[Desk], Awaitable[object]]:
        return lambda desk: within(desk, OKX, slow(at.clock, seconds)).venues[OKX].balances()

    at.does(lasts(0.4))
    assert LIVE is health(at).state
    at.does(lasts(0.6))
    assert (DEGRADED, "took 0.6 s to answer") == (health(at).state, health(at).reason)


def test_a_reconcile_that_a_human_asks_for_heals_at_once(at: Operator) -> None:
    """It needs no probe to be due."""
    at.exchange.inject(OKX, "outage")
    at.routes(order("0.1"))
    assert DARK is health(at).state
    at.exchange.heal()
    outcome = at.reconciles()
    assert ["okx DARK -> RECOVERING -> LIVE: reconciled and agreed; it is used again"] == list(
        outcome.warnings
    )


@pytest.mark.parametrize(
    ("scope", "rule"),
    [
        ((OKX,), "it was halted by ops@desk: maintenance: mvx resume --venue okx"),
        ((), "the system was halted by ops@desk: maintenance: mvx resume"),
    ],
)
def test_a_venue_that_is_halted_is_not_said_to_be_used(
    at: Operator, scope: tuple[Venue, ...], rule: str
) -> None:
    """Health is what the venue does; a halt is what a human decided, and it rules."""
    at.exchange.inject(OKX, "outage")
    at.routes(order("0.1"))
    at.exchange.heal()
    halts(at, *scope)
    told = f"okx DARK -> RECOVERING -> LIVE: reconciled and agreed; nothing new is sent there, for {rule}"
    assert [told] == list(at.reconciles().warnings)


def test_a_report_does_not_make_a_venue_trusted(at: Operator) -> None:
    """--report-only corrects nothing, so what it compared is no agreement."""
    at.exchange.inject(OKX, "outage")
    at.routes(order("0.1"))
    at.exchange.heal()
    at.does(lambda desk: reconcile(desk, (OKX,), report_only=True))
    assert RECOVERING is health(at).state


def test_a_venue_left_out_of_the_configuration_keeps_its_health(at: Operator) -> None:
    """What the journal knows of a venue that this desk does not have troubles nobody."""
    degrade(at, BYBIT)
    fewer: dict[Venue, VenueSettings] = {v: each for v, each in at.settings.venues.items() if v != BYBIT}
    smaller = Operator(replace(at.settings, venues=fewer), ManualClock(at.clock.now()))
    assert Exit.OK is smaller.routes(order("0.1")).exit_code
    assert DEGRADED is health(at, BYBIT).state
