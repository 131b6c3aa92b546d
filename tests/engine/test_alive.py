"""A worker whose venue takes longer than a lease to read: it is alive, and everybody knows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mvx.engine.alive import beating
from mvx.engine.cancel import cancel
from mvx.engine.desk import Desk, open_desk
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import reconcile
from mvx.engine.results import RouteResult
from mvx.errors import Exit, JournalError, LeaseLost
from mvx.journal import history
from mvx.journal.store import LEASE_S, Journal, Lease, WriteTx
from tests.engine.desk import KRAKEN, Operator, order, routed, settings
from tests.engine.leaving import D, asked, left, position, row_of
from tests.engine.ports import Weather
from tests.engine.truth import assert_healed, reading
from tests.virtual import VirtualClock

T = TypeVar("T")

READS = ("open_orders", "closed_orders", "trades", "balances")
#: Kraken's least tier makes one who reads wait so long for its turn.
TURN_S = 45.0


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    at = Operator(settings(tmp_path, KRAKEN), VirtualClock())
    at.reconciles()
    return at


def patient(desk: Desk, sent: list[str]) -> Desk:
    """One that waits for its turn to read, once it has sent something."""

    async def meets(call: str) -> None:
        if call in ("submit", "cancel"):
            sent.append(call)
        if call in READS and sent:
            await asyncio.sleep(TURN_S)

    return replace(desk, venues={name: Weather(port, meets) for name, port in desk.venues.items()})


def beside(
    at: Operator, work: Callable[[Desk], Awaitable[Outcome]], other: Callable[[Desk], Awaitable[T]]
) -> tuple[Outcome, T]:
    """What a patient worker answers, and what another command that begins in the middle of its reading."""

    async def worker(sent: list[str]) -> Outcome:
        async with open_desk(at.settings, clock=at.clock) as desk:
            return await work(patient(desk, sent))

    async def both() -> tuple[Outcome, T]:
        sent: list[str] = []
        first = asyncio.ensure_future(worker(sent))
        await asyncio.sleep(LEASE_S + 5)
        assert sent
        assert not first.done()
        async with open_desk(at.settings, clock=at.clock) as desk:
            second = await other(desk)
        return await first, second

    return at.clock.run(both())


def test_a_command_with_the_id_of_a_run_that_reads_follows_it(at: Operator) -> None:
    asked_for = order("1", id="k", max_rounds=1)
    first, second = beside(at, lambda d: routed(d, asked_for), lambda d: routed(d, asked_for))
    assert isinstance(first.data, RouteResult)
    assert (Exit.OK, "filled", ()) == (first.exit_code, first.data.status, first.warnings)
    assert (Exit.OK, first.data, ()) == (second.exit_code, second.data, second.warnings)
    assert_healed(at)


def test_the_fills_of_a_run_that_reads_are_nobody_s_breaks(at: Operator) -> None:
    first, second = beside(at, lambda d: routed(d, order("1", max_rounds=1)), lambda d: reconcile(d, ()))
    assert (Exit.OK, ()) == (first.exit_code, first.breaks)
    assert (Exit.OK, ()) == (second.exit_code, second.breaks)


def test_the_fills_of_a_flatten_that_reads_are_nobody_s_breaks(at: Operator) -> None:
    """Its slices are parents of their own, and have leases of their own."""
    at.routes(order("0.5"))
    at.clock.advance(3)
    at.reconciles()
    first, second = beside(at, lambda d: left(d, asked(KRAKEN)), lambda d: reconcile(d, ()))
    assert (Exit.OK, ()) == (second.exit_code, second.breaks)
    assert (Exit.OK, ()) == (first.exit_code, first.breaks)
    assert row_of(first).verified
    assert abs(position(at, KRAKEN)) < D("0.0001")


def test_a_run_that_is_stopped_while_it_reads_ends_at_its_next_pause(at: Operator) -> None:
    """The lease is gone for good: nothing more is sent, and the answer says who took it."""
    at.exchange.inject(KRAKEN, "partial")
    first, second = beside(
        at,
        lambda d: routed(d, order("1", id="k")),
        lambda d: cancel(d, _parent(at), False, ()),
    )
    assert any("was canceled by the operator" in line for line in first.warnings)
    assert (Exit.INCOMPLETE, 1) == (first.exit_code, len(at.ledger_rows("orders")))
    assert Exit.OK is second.exit_code
    assert_healed(at)


def _parent(at: Operator) -> str:
    with reading(at.settings) as tx:
        found = history.parent_by_key(tx, "k")
    assert found is not None
    return found.parent_id


class Failing(Journal):
    """A journal that can not be written for a while."""

    fails = False

    @contextmanager
    def write(self, *terms: Any, **named: Any) -> Iterator[WriteTx]:
        if self.fails:
            raise JournalError("the disk is full")
        with super().write(*terms, **named) as tx:
            yield tx


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def journal(tmp_path: Path, clock: VirtualClock) -> Iterator[Failing]:
    with closing(Failing(tmp_path / "mvx.db", mode="paper", clock=clock)) as made:
        yield made


def taken(journal: Journal) -> Lease:
    with journal.write() as tx:
        lease = tx.take_lease("work", "me")
    assert lease is not None
    return lease


def is_held(journal: Journal, clock: VirtualClock) -> bool:
    with journal.read() as tx:
        return history.lease_is_held(tx, "work", clock.now())


def test_a_lease_is_kept_by_who_waits_and_lost_by_who_stands_still(
    journal: Failing, clock: VirtualClock
) -> None:
    """SIGSTOP is a time in which nothing runs."""

    async def work() -> None:
        lease = taken(journal)
        async with beating(journal, lambda: lease):
            await asyncio.sleep(10 * LEASE_S)
            assert is_held(journal, clock)
            clock.advance(LEASE_S + 1)
            assert not is_held(journal, clock)
        clock.advance(LEASE_S + 1)
        await asyncio.sleep(LEASE_S)
        assert not is_held(journal, clock)

    clock.run(work())


def test_who_was_fenced_out_hears_of_it_at_its_next_pause(journal: Failing, clock: VirtualClock) -> None:
    async def work() -> None:
        lease = taken(journal)
        async with beating(journal, lambda: lease) as at_pause:
            with journal.write() as tx:
                tx.take_lease("work", "another", by_force=True)
            await asyncio.sleep(LEASE_S)
            at_pause()
            pytest.fail("it was told nothing")

    with pytest.raises(LeaseLost):
        clock.run(work())


@pytest.mark.parametrize("pauses", [True, False])
def test_a_beat_that_failed_ends_the_work_even_where_the_journal_can_be_written_again(
    journal: Failing, clock: VirtualClock, pauses: bool
) -> None:
    """At the next pause, and where no pause comes any more, at the end."""

    async def work() -> None:
        lease = taken(journal)
        async with beating(journal, lambda: lease) as at_pause:
            journal.fails = True
            await asyncio.sleep(LEASE_S)
            journal.fails = False
            if pauses:
                at_pause()
                pytest.fail("it was told nothing")

    with pytest.raises(JournalError, match="the disk is full"):
        clock.run(work())


def test_what_the_work_says_comes_before_what_a_beat_said(journal: Failing, clock: VirtualClock) -> None:
    async def work() -> None:
        async with beating(journal, lambda: None):
            raise LookupError

    with pytest.raises(LookupError):
        clock.run(work())
