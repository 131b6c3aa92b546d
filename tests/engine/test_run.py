"""The leader at work: what is queued is worked once, whoever follows, stops or dies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mvx.config.settings import Settings
from mvx.domain.entries import JobClaimed
from mvx.domain.ids import JobId, Symbol
from mvx.engine import jobs
from mvx.engine.desk import Desk, open_desk
from mvx.engine.flatten_order import FlattenOrder
from mvx.engine.handover import enqueue, trade
from mvx.engine.jobs import Order
from mvx.engine.outcome import Outcome
from mvx.engine.results import FlattenResult, RouteResult, RunResult
from mvx.engine.run import Around, run
from mvx.errors import ConfigError, Exit, JournalError, LeaderGone, Refused
from mvx.journal import jobs as queue
from mvx.journal.store import LEASE_S
from tests.engine.desk import BINANCE, BUY, OKX, Operator, order, risk, settings
from tests.engine.truth import (
    assert_healed,
    assert_never_more_than,
    assert_one_acceptance_each,
    assert_truth_inside,
    reading,
)
from tests.virtual import VirtualClock

D = Decimal
T = TypeVar("T")


class Leader:
    """A daemon on a desk of its own, for the length of a block."""

    def __init__(self, at: Operator, *, reread: Callable[[], Settings] | None = None) -> None:
        self.at = at
        self.said: list[Outcome] = []
        self.defects: list[BaseException] = []
        self.beats = 0
        self.hangup = asyncio.Event()
        self.reread = reread or (lambda: at.settings)
        self.task: asyncio.Task[Outcome] | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Leader:
        self.desk = await self._stack.enter_async_context(open_desk(self.at.settings, clock=self.at.clock))
        around = Around(self.said.append, self._beat, self.hangup, lambda: self.reread(), self._log)
        self.task = asyncio.ensure_future(run(self.at.watched(self.desk), around))
        await asyncio.sleep(0.01)
        return self

    def _beat(self) -> None:
        self.beats += 1

    def _log(self, error: BaseException) -> str:
        self.defects.append(error)
        return "its traceback is in the log"

    async def stop(self) -> Outcome:
        assert self.task is not None
        self.task.cancel()
        return await self.task

    async def __aexit__(self, *error: object) -> None:
        assert self.task is not None
        if not self.task.done():
            await self.stop()
        await self._stack.aclose()

    @property
    def lines(self) -> list[str]:
        return [line for outcome in self.said for line in outcome.warnings]


async def somebody(at: Operator, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Another process's desk, opened for one piece of work."""
    async with open_desk(at.settings, clock=at.clock) as desk:
        return await work(desk)


def traded(what: Order, shown: list[Any] | None = None, agrees: bool = True) -> Callable[[Desk], Any]:
    shown = [] if shown is None else shown
    return lambda desk: trade(desk, what, by="ops", show=shown.append, confirm=lambda: agrees)


def status_of(at: Operator, job_id: JobId) -> str:
    with reading(at.settings) as tx:
        found = queue.job(tx, job_id)
    assert found is not None
    return found.status


def bought(at: Operator) -> Decimal:
    return sum((D(row["qty"]) for row in at.ledger_rows("fills") if row["side"] == "buy"), D(0))


def operator(folder: Path, *venues: str, **changes: Any) -> Operator:
    return Operator(settings(folder, *venues, **changes), VirtualClock())


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    return operator(tmp_path, "binance", "okx")


def test_a_route_is_handed_over_shown_first_and_answered_alike(at: Operator) -> None:
    """The plan is shown and agreed to here, the leader sends, and the answer is the leader's own."""
    shown: list[Any] = []

    async def both() -> Outcome:
        async with Leader(at):
            return await somebody(at, traded(order("0.5"), shown))

    outcome = at.clock.run(both())
    result = outcome.data
    assert isinstance(result, RouteResult)
    assert (Exit.OK, True, "filled", D("0.5")) == (
        outcome.exit_code, outcome.sent, result.status, result.cum_qty,
    )  # fmt: skip
    assert all(type(child.order_qty) is Decimal for child in result.children)
    assert ["planned"] == [plan.status for plan in shown]
    assert D("0.5") == bought(at)
    assert_healed(at)


def test_a_flatten_is_handed_over_too(at: Operator) -> None:
    at.routes(order("0.5", venues=(OKX,)))
    leave = FlattenOrder((OKX,), (), to_zero=False, foreign=False, dry_run=False, by="ops")

    async def both() -> Outcome:
        async with Leader(at):
            return await somebody(at, traded(leave))

    outcome = at.clock.run(both())
    assert isinstance(outcome.data, FlattenResult)
    assert (Exit.OK, True) == (outcome.exit_code, outcome.data.venues[0].verified)
    assert D("0.5") == outcome.data.venues[0].before["BTC"]  # type: ignore[index]  # an asset is a text


def test_declining_hands_nothing_over(at: Operator) -> None:
    async def both() -> None:
        async with Leader(at):
            with pytest.raises(Refused):
                await somebody(at, traded(order("0.5"), agrees=False))

    at.clock.run(both())
    assert D(0) == bought(at)


def test_what_the_leader_refuses_is_refused_here_with_its_code(tmp_path: Path) -> None:
    """A limit that another order took meanwhile: the same exit code, words and next step."""
    at = operator(tmp_path, "okx", limits=risk(max_position={"BTC-USD": D(1)}))

    async def both() -> None:
        async with Leader(at) as leader:
            await somebody(at, traded(order("0.8")))
            job_id = jobs.queue(leader.desk, order("0.5"), "ops")
            with pytest.raises(jobs.JobFailed) as caught:
                await jobs.follow(leader.desk, job_id)
            assert (Exit.REFUSED, "refused") == (caught.value.exit_code, caught.value.code)
            assert "max_position" in caught.value.message

    at.clock.run(both())
    assert D("0.8") == bought(at)


def test_a_second_leader_is_refused_and_told_who_leads(at: Operator) -> None:
    async def both() -> None:
        async with Leader(at):
            around = Around(lambda said: None, lambda: None, asyncio.Event(), lambda: at.settings, str)
            with pytest.raises(JournalError) as caught:
                await somebody(at, lambda desk: run(desk, around))
            assert "leads this journal already" in caught.value.message

    at.clock.run(both())


def test_when_nobody_leads_the_command_works_itself(at: Operator) -> None:
    outcome = at.clock.run(somebody(at, traded(order("0.5"))))
    assert (Exit.OK, D("0.5")) == (outcome.exit_code, bought(at))


def lead_and_do_nothing(at: Operator) -> Callable[[Desk], Awaitable[None]]:
    """Somebody who took the lead and hangs."""

    async def take(desk: Desk) -> None:
        with desk.journal.write() as tx:
            assert tx.take_lease(queue.LEADER, "999999999-dead") is not None

    return take


def test_a_leader_that_died_before_it_began_leaves_the_work_to_the_command(at: Operator) -> None:
    """The job is withdrawn by compare-and-set, and done here once."""
    at.does(lead_and_do_nothing(at))
    outcome = at.clock.run(somebody(at, traded(order("0.5"))))
    assert (Exit.OK, D("0.5")) == (outcome.exit_code, bought(at))
    with reading(at.settings) as tx:
        assert () == queue.open_jobs(tx)


def test_a_leader_that_died_after_it_began_leaves_it_to_the_next_leader(at: Operator) -> None:
    """The command says what is known, sends nothing and ends uncertain; the next leader does it once."""
    at.does(lead_and_do_nothing(at))

    async def queued(desk: Desk) -> JobId:
        job_id = jobs.queue(desk, order("0.5"), "ops")
        with desk.journal.write() as tx:
            tx.append(JobClaimed(job_id, "999999999-dead"))
        return job_id

    job_id = at.does(queued)
    with pytest.raises(LeaderGone) as caught:
        at.clock.run(somebody(at, lambda desk: jobs.follow(desk, job_id)))
    assert (Exit.UNCERTAIN, D(0)) == (caught.value.exit_code, bought(at))

    async def next_one() -> None:
        async with Leader(at) as leader:
            await jobs.follow(leader.desk, job_id)

    at.clock.run(next_one())
    assert ("ended", D("0.5")) == (status_of(at, job_id), bought(at))
    assert_healed(at)


@pytest.mark.parametrize("moment", ["before submit", "after submit", "before trades"])
def test_a_job_that_was_stopped_halfway_is_finished_by_the_next_leader(at: Operator, moment: str) -> None:
    """Stopped at a call of its first round: what was sent is settled, and never more than asked for."""
    struck: list[str] = []
    stopping: list[asyncio.Task[Outcome]] = []

    def look(venue: Any, now: str) -> None:
        if now == moment and not struck and stopping:
            struck.append(now)
            stopping[0].cancel()
        assert_truth_inside(at, now)

    at.exchange.inject(OKX, "partial")
    at.exchange.inject(BINANCE, "partial")
    at.look = look

    async def first() -> JobId:
        async with Leader(at) as leader:
            assert leader.task is not None
            stopping.append(leader.task)
            job_id = jobs.queue(leader.desk, order("1"), "ops")
            with suppress(asyncio.CancelledError):
                await leader.task
        return job_id

    job_id = at.clock.run(first())
    assert struck
    assert "claimed" == status_of(at, job_id)
    at.look = None

    async def second() -> Outcome | None:
        async with Leader(at) as leader:
            return await jobs.follow(leader.desk, job_id)

    outcome = at.clock.run(second())
    assert outcome is not None
    assert (Exit.OK, D(1)) == (outcome.exit_code, bought(at))
    assert_never_more_than(at, D(1))
    assert_one_acceptance_each(at)
    assert_healed(at)


def test_what_is_queued_waits_for_a_leader_and_says_so(at: Operator) -> None:
    """Exit 0 at once; nothing is sent until somebody leads."""
    outcome = at.does(
        lambda desk: enqueue(desk, order("0.5"), by="ops", show=lambda plan: None, confirm=lambda: True)
    )
    result = outcome.data
    assert isinstance(result, RouteResult)
    assert (Exit.OK, False, "queued", D(0)) == (outcome.exit_code, outcome.sent, result.status, bought(at))
    assert ("nobody leads: mvx run works what is queued",) == outcome.warnings
    job_id = result.job_id
    assert job_id is not None

    async def lead() -> None:
        async with Leader(at) as leader:
            await jobs.follow(leader.desk, job_id)

    at.clock.run(lead())
    assert D("0.5") == bought(at)


def test_each_venue_is_reconciled_when_it_is_due_and_breaks_are_loud(at: Operator) -> None:
    """A trade by hand is found within an interval, and said once."""

    async def lead() -> Outcome:
        async with Leader(at) as leader:
            await asyncio.sleep(6)
            at.exchange.trade(OKX, BUY, D("0.25"), Symbol("BTC/USD"))
            await asyncio.sleep(6)
            kinds = [found.kind for said in leader.said for found in said.breaks]
            assert {"foreign_fill"} == set(kinds)
            return await leader.stop()

    outcome = at.clock.run(lead())
    assert isinstance(outcome.data, RunResult)
    assert outcome.data.breaks >= 1
    assert 2 * 3 <= outcome.data.passes <= 2 * 8
    assert_healed(at)


def test_limits_are_read_again_on_hangup_and_a_broken_config_changes_nothing(tmp_path: Path) -> None:
    at = operator(tmp_path, "okx")
    found: list[Settings | ConfigError] = [
        ConfigError("risk.max_position: nonsense"),
        replace(at.settings, risk=risk(max_position={"BTC-USD": D("0.1")})),
    ]

    def reread() -> Settings:
        each = found.pop(0)
        if isinstance(each, ConfigError):
            raise each
        return each

    async def lead() -> None:
        async with Leader(at, reread=reread) as leader:
            for heard in (1, 2):
                leader.hangup.set()
                await asyncio.sleep(0.1)
                assert heard == len(leader.lines)
            job_id = jobs.queue(leader.desk, order("0.5"), "ops")
            with pytest.raises(jobs.JobFailed):
                await jobs.follow(leader.desk, job_id)
            first, second, *_ = leader.lines
            assert "stays in force: risk.max_position: nonsense" in first
            assert "limits and manners were read again" == second

    at.clock.run(lead())
    assert D(0) == bought(at)


def test_a_leader_that_was_replaced_writes_nothing_more(at: Operator) -> None:
    """It stalled past its lease, somebody took over: its next write is refused, and it ends."""

    async def lead() -> None:
        async with Leader(at) as leader:
            at.clock.advance(LEASE_S + 1)

            async def take(desk: Desk) -> None:
                with desk.journal.write() as tx:
                    assert tx.take_lease(queue.LEADER, "another") is not None

            await somebody(at, take)
            assert leader.task is not None
            with pytest.raises(JournalError):
                await leader.task

    at.clock.run(lead())


@pytest.mark.parametrize(("moment", "sent"), [("before book", False), ("after submit", True)])
def test_a_defect_in_one_job_is_its_answer_and_no_end_of_the_others(
    at: Operator, moment: str, sent: bool
) -> None:
    """Exit 1 with its traceback kept, and whether anything was sent for it; the leader goes on with the next
    job."""
    armed = ["defect"]

    def look(venue: Any, now: str) -> None:
        if armed and now == moment:
            raise RuntimeError(armed.pop())

    at.look = look

    async def lead() -> None:
        async with Leader(at) as leader:
            broken, sound = (
                jobs.queue(leader.desk, order(qty, venues=(OKX,)), "ops") for qty in ("0.1", "0.2")
            )
            with pytest.raises(jobs.JobFailed) as caught:
                await jobs.follow(leader.desk, broken)
            failed = caught.value
            assert (Exit.DEFECT, "defect", sent) == (failed.exit_code, failed.code, failed.sent)
            assert ["defect"] == [str(error) for error in leader.defects]
            outcome = await jobs.follow(leader.desk, sound)
            assert outcome is not None
            assert Exit.OK is outcome.exit_code

    at.clock.run(lead())
    at.look = None
    assert_healed(at)
