"""A flatten that was handed over and begun is stopped under its job's name, for good, whoever leads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from mvx.domain.entries import JobClaimed
from mvx.domain.ids import JobId
from mvx.domain.instant import Instant, seconds_between
from mvx.domain.trading import TradingState
from mvx.engine import jobs
from mvx.engine.cancel import cancel
from mvx.engine.desk import Desk
from mvx.engine.flatten_order import FlattenOrder
from mvx.engine.outcome import Outcome
from mvx.errors import Exit, LeaderGone, OutcomeUnknown, UsageError
from mvx.journal import views
from tests.engine.desk import GTC, OKX, SELL, Operator, order, settings
from tests.engine.halting import ACTIVE, HALTED, changes
from tests.engine.leaving import BTC, D, asked, flattens, position, row_of, trading
from tests.engine.ports import within
from tests.engine.test_run import Leader, somebody, status_of
from tests.engine.truth import assert_healed, reading
from tests.virtual import VirtualClock

STOPPED = "was stopped by the operator"


When = Callable[[str], bool]


class Interfered(Operator):
    """Somebody whose leader's job is stopped by another, once, at the call to the venue that `when` names.
    What is `lost` never arrives there. `took_s`: until the leader had let go of the job."""

    when: When | None = None
    lost: str = ""
    job_id: JobId
    said: Outcome
    stopped_at: Instant
    took_s: float

    def watched(self, desk: Desk) -> Desk:
        return within(super().watched(desk), OKX, self._meets)

    async def _meets(self, call: str) -> None:
        if self.when is not None and self.when(call):
            self.when = None
            self.said = await cancels(self, self.job_id)
            self.stopped_at = self.clock.now()
        if call == self.lost:
            raise OutcomeUnknown("no answer")


@pytest.fixture
def at(tmp_path: Path) -> Interfered:
    """A venue with a position and an order that rests."""
    at = Interfered(settings(tmp_path, "okx"), VirtualClock())
    at.routes(order("0.5"))
    at.routes(order("0.1", time_in_force=GTC, limit_px=D(70_000)))
    at.clock.advance(5)
    return at


async def cancels(at: Operator, target: str | None) -> Outcome:
    """Of what is named, else of everything."""
    return await somebody(at, lambda desk: cancel(desk, target, target is None, ()))


def resting(at: Operator) -> int:
    return sum(row["status"] == "NEW" for row in at.ledger_rows("orders"))


def nth(wanted: str, number: int = 1) -> When:
    """Whether this is that call, for the nth time."""
    heard: list[str] = []

    def is_it(call: str) -> bool:
        heard.extend([call] * (call == wanted))
        return call == wanted and len(heard) == number

    return is_it


def stopped(at: Interfered, when: When, what: FlattenOrder) -> jobs.JobFailed:
    """What whoever follows the job hears, where the operator stops it then; the leader has let go of it."""
    at.when = when

    async def both() -> jobs.JobFailed:
        async with Leader(at) as leader:
            at.job_id = jobs.queue(leader.desk, what, "ops")
            with pytest.raises(jobs.JobFailed, match=STOPPED) as caught:
                await jobs.follow(leader.desk, at.job_id)
            while not any(at.job_id in line for line in leader.lines):  # noqa: ASYNC110 - it tells nobody else
                await asyncio.sleep(0.1)
            at.took_s = seconds_between(at.stopped_at, at.clock.now())
        return caught.value

    return at.clock.run(both())


def test_before_it_began_it_does_nothing_at_all(at: Interfered) -> None:
    """Its first book is that of the plan that is shown."""
    failed = stopped(at, nth("book"), asked("okx"))
    assert (ACTIVE, 1, D("0.5")) == (trading(at, OKX), resting(at), position(at, OKX))
    assert (Exit.OK, Exit.UNCERTAIN, "interrupted") == (at.said.exit_code, failed.exit_code, failed.code)
    (line,) = at.said.warnings
    assert line.startswith(f"{at.job_id} is stopped: ")


def test_while_the_venue_is_read_it_cancels_nothing_and_gives_no_inventory_up(at: Interfered) -> None:
    def cordoned(call: str) -> bool:
        return call == "balances" and trading(at, OKX) is HALTED

    stopped(at, cordoned, asked("okx", to_zero=True))
    with reading(at.settings) as tx:
        assert D(10) == views.holdings(tx, OKX)[OKX, BTC].baseline
    assert (HALTED, 1, D("0.5")) == (trading(at, OKX), resting(at), position(at, OKX))


@pytest.mark.parametrize("when", [nth("cancel"), nth("book", 2)], ids=["at its cancel", "at its book"])
def test_after_its_cancels_it_sells_nothing(at: Interfered, when: When) -> None:
    """Not even what was planned before: what is committed is committed under the job."""
    stopped(at, when, asked("okx"))
    assert (HALTED, 0, D("0.5")) == (trading(at, OKX), resting(at), position(at, OKX))
    assert_healed(at)


def test_what_it_sent_is_settled_and_it_sends_nothing_more(at: Interfered) -> None:
    at.exchange.inject(OKX, "partial")
    stopped(at, nth("submit"), asked("okx"))
    assert D(0) < position(at, OKX) < D("0.5")
    assert 1 == sum(row["side"] == "sell" for row in at.ledger_rows("orders"))
    assert_healed(at)


def test_it_lets_go_of_the_venue_at_once_whatever_it_waits_for(at: Interfered) -> None:
    """The operator leaves it himself then."""
    at.lost = "cancel"
    stopped(at, nth("cancel"), asked("okx"))
    assert at.took_s < 1
    at.lost = ""
    assert Exit.OK is flattens(at, "okx").exit_code


def test_where_another_cancels_its_slice_it_says_so(at: Interfered) -> None:
    """By the name that `mvx orders` shows. It goes on to what is left to be said of the venue."""

    def was_sent(call: str) -> bool:
        with reading(at.settings) as tx:
            sold = [each for each in views.unsettled_orders(tx, OKX) if each.side is SELL and each.order_id]
        at.job_id = JobId(sold[0].parent_id or "") if sold else at.job_id
        return bool(sold)

    at.job_id, at.when = JobId(""), was_sent
    outcome = flattens(at, "okx")
    row = row_of(outcome)
    gone = f"BTC: {at.job_id} was canceled by the operator: nothing more is sent for it"
    assert (Exit.INCOMPLETE, gone, True) == (outcome.exit_code, row.reason, row.verified)
    assert [at.said.exit_code, outcome.sent, len(row.children)] == [Exit.OK, True, 1]


def left_behind(at: Operator) -> JobId:
    """A flatten whose leader died in the middle."""

    async def begun(desk: Desk) -> JobId:
        job_id = jobs.queue(desk, asked("okx"), "ops")
        with desk.journal.write() as tx:
            tx.append(JobClaimed(job_id, "999999999-dead"))
        return job_id

    return at.does(begun)


def test_one_whose_leader_died_is_told_of_and_can_be_given_up(at: Interfered) -> None:
    """By hand the venue was left meanwhile, and traded at again: nobody sells that later."""
    job_id = left_behind(at)
    with pytest.raises(LeaderGone) as caught:
        at.clock.run(somebody(at, lambda desk: jobs.follow(desk, job_id)))
    assert f"mvx cancel {job_id}" in caught.value.next_step
    goes_on = f"{job_id} was begun, and whoever leads goes on with it: mvx cancel {job_id}"
    assert goes_on in at.cancels().warnings
    assert Exit.OK is at.cancels(job_id).exit_code
    assert "ended" == status_of(at, job_id)
    assert goes_on not in at.cancels().warnings
    flattens(at, "okx")
    changes(at, ACTIVE, OKX)
    at.clock.advance(5)
    at.routes(order("0.7"))
    held = position(at, OKX)

    async def next_one() -> None:
        async with Leader(at):
            await asyncio.sleep(60)

    at.clock.run(next_one())
    assert (TradingState.ACTIVE, held) == (trading(at, OKX), position(at, OKX))
    with pytest.raises(UsageError, match=f"{job_id} is ended"):
        at.cancels(job_id)


def test_one_that_nobody_gave_up_is_gone_on_with(at: Interfered) -> None:
    job_id = left_behind(at)

    async def next_one() -> Outcome | None:
        async with Leader(at) as leader:
            return await jobs.follow(leader.desk, job_id)

    outcome = at.clock.run(next_one())
    assert outcome is not None
    assert (Exit.OK, HALTED, 0) == (outcome.exit_code, trading(at, OKX), resting(at))
