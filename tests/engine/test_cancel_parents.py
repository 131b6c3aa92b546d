"""A parent that is cancelled by name is stopped for good; a job is taken out of the queue."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.entries import JobClaimed
from mvx.domain.ids import JobId
from mvx.engine import jobs
from mvx.engine.cancel import cancel
from mvx.engine.desk import Desk, open_desk
from mvx.engine.outcome import Outcome
from mvx.errors import Exit, UsageError
from mvx.journal import history
from tests.engine.desk import GTC, OKX, Operator, order, routed, settings
from tests.engine.halting import answer
from tests.engine.test_run import Leader, bought, somebody, status_of
from tests.engine.truth import assert_healed, reading
from tests.virtual import VirtualClock

D = Decimal
SLOW = order("2", twap_s=600.0, id="k")


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    return Operator(settings(tmp_path, "binance", "okx"), VirtualClock())


async def cancels(at: Operator, target: str | None) -> Outcome:
    """Of what is named, else of everything."""
    return await somebody(at, lambda desk: cancel(desk, target, target is None, ()))


def parent(at: Operator, key: str = "k") -> history.ParentRow:
    with reading(at.settings) as tx:
        found = history.parent_by_key(tx, key)
    assert found is not None
    return found


def stopped_after(at: Operator, seconds: float) -> tuple[Outcome, Outcome]:
    """The slow route's own answer, and that of the cancel that came so much later."""

    async def both() -> tuple[Outcome, Outcome]:
        work = asyncio.ensure_future(somebody(at, lambda desk: routed(desk, SLOW)))
        await asyncio.sleep(seconds)
        cancelled = await cancels(at, parent(at).parent_id)
        return await work, cancelled

    return at.clock.run(both())


def test_a_route_that_is_worked_ends_and_says_why(at: Operator) -> None:
    """It sends nothing more from then on."""
    routed_, cancelled = stopped_after(at, 200)
    traded = bought(at)
    assert D("0.5") < traded < D("0.9")
    assert (Exit.INCOMPLETE, traded) == (routed_.exit_code, answer(routed_).cum_qty)
    name = parent(at).parent_id
    assert (f"{name} was canceled by the operator: nothing more is sent for it",) == routed_.warnings
    assert (Exit.OK, ()) == (cancelled.exit_code, cancelled.warnings)
    at.clock.advance(300)
    assert traded == bought(at)
    assert_healed(at)


@pytest.mark.parametrize("resume", [False, True])
def test_its_id_answers_what_became_of_it_and_never_goes_on(at: Operator, resume: bool) -> None:
    stopped_after(at, 100)
    traded = bought(at)
    again = at.routes(order("2", twap_s=600.0, id="k", resume=resume))
    assert (Exit.INCOMPLETE, False, "canceled") == (again.exit_code, again.sent, answer(again).status)
    assert (
        "the first run of id 'k' was canceled by the operator; nothing more is sent for it",
    ) == again.warnings
    assert traded == bought(at)


def test_a_run_that_was_stopped_can_be_given_up(at: Operator) -> None:
    """What is left of it is then nobody's to go on with."""

    async def stops() -> None:
        async with open_desk(at.settings, clock=at.clock) as desk:
            work = asyncio.ensure_future(routed(desk, SLOW))
            await asyncio.sleep(100)
            work.cancel()
            await work

    at.clock.run(stops())
    traded = bought(at)
    at.clock.run(cancels(at, parent(at).parent_id))
    again = at.routes(order("2", twap_s=600.0, id="k", resume=True))
    assert ("canceled", False, traded) == (answer(again).status, again.sent, bought(at))


def test_a_job_that_a_leader_works_is_stopped_under_its_own_name(at: Operator) -> None:
    """The leader goes on leading, and its answer says what became of the job."""

    async def both() -> tuple[JobId, Outcome | None, Outcome]:
        async with Leader(at) as leader:
            job_id = jobs.queue(leader.desk, order("2", twap_s=600.0), "ops")
            await asyncio.sleep(100)
            cancelled = await cancels(at, job_id)
            ended = await jobs.follow(leader.desk, job_id)
            other = jobs.queue(leader.desk, order("0.25"), "ops")
            assert await jobs.follow(leader.desk, other) is not None
            return job_id, ended, cancelled

    job_id, ended, cancelled = at.clock.run(both())
    assert ended is not None
    assert (Exit.OK, Exit.INCOMPLETE, "ended") == (
        cancelled.exit_code, ended.exit_code, status_of(at, job_id),
    )  # fmt: skip
    assert bought(at) < D(1)
    assert_healed(at)


def test_a_job_that_was_begun_and_sent_nothing_yet_is_stopped(at: Operator) -> None:
    """It waits for a price: nothing names it but its job."""

    async def both() -> tuple[Outcome | None, Outcome]:
        async with Leader(at) as leader:
            job_id = jobs.queue(leader.desk, order("2", twap_s=600.0, limit_px=D(100)), "ops")
            await asyncio.sleep(40)
            cancelled = await cancels(at, job_id)
            began_at = at.clock.now()
            ended = await jobs.follow(leader.desk, job_id)
            assert at.clock.now() - began_at < 40_000_000
            return ended, cancelled

    ended, cancelled = at.clock.run(both())
    assert (Exit.OK, False) == (cancelled.exit_code, cancelled.sent)
    assert any("is stopped: nothing of it was sent" in line for line in cancelled.warnings)
    assert ended is not None
    assert ("canceled", Exit.INCOMPLETE, D(0)) == (answer(ended).status, ended.exit_code, bought(at))
    assert_healed(at)


def test_a_job_whose_leader_died_is_not_gone_on_with(at: Operator) -> None:
    async def first() -> JobId:
        async with Leader(at) as leader:
            job_id = jobs.queue(leader.desk, order("2", twap_s=600.0), "ops")
            await asyncio.sleep(100)
            return job_id

    job_id = at.clock.run(first())
    assert "claimed" == status_of(at, job_id)
    traded = bought(at)
    assert any(f"mvx cancel {job_id}" in line for line in at.clock.run(cancels(at, None)).warnings)
    at.clock.run(cancels(at, job_id))
    assert not any(job_id in line for line in at.clock.run(cancels(at, None)).warnings)

    async def second() -> Outcome | None:
        async with Leader(at) as leader:
            return await jobs.follow(leader.desk, job_id)

    outcome = at.clock.run(second())
    assert outcome is not None
    assert (Exit.INCOMPLETE, traded) == (outcome.exit_code, bought(at))


def resting_under_the_id(at: Operator) -> history.ParentRow:
    at.routes(order("0.1", time_in_force=GTC, limit_px=D(70_000), id="k"))
    return parent(at)


def assert_still_rests(at: Operator, before: history.ParentRow) -> None:
    assert before == parent(at)
    assert {"NEW"} == {row["status"] for row in at.ledger_rows("orders")}


def test_a_job_that_was_refused_its_id_names_no_other_parent(at: Operator) -> None:
    """What rests under that id is somebody else's."""
    theirs = resting_under_the_id(at)

    async def refused() -> JobId:
        async with Leader(at) as leader:
            job_id = jobs.queue(leader.desk, order("0.2", id="k"), "ops")
            with pytest.raises(jobs.JobFailed, match="was used before with other parameters"):
                await jobs.follow(leader.desk, job_id)
            return job_id

    job_id = at.clock.run(refused())
    with pytest.raises(UsageError, match=f"{job_id} is ended, and no parent came of it") as caught:
        at.clock.run(cancels(at, job_id))
    assert f"its id 'k' is that of {theirs.parent_id}" in caught.value.known
    assert_still_rests(at, theirs)


def test_a_job_that_was_begun_under_the_id_of_another_names_that_one_neither(at: Operator) -> None:
    """It is refused by whoever leads next: nothing has to be stopped, or told of."""
    theirs = resting_under_the_id(at)

    async def begun(desk: Desk) -> JobId:
        job_id = jobs.queue(desk, order("0.2", id="k"), "ops")
        with desk.journal.write() as tx:
            tx.append(JobClaimed(job_id, "999999999-dead"))
        return job_id

    job_id = at.does(begun)
    with pytest.raises(UsageError, match=f"{job_id} is claimed, and no parent came of it"):
        at.clock.run(cancels(at, job_id))
    assert_still_rests(at, theirs)
    assert not any(job_id in line for line in at.clock.run(cancels(at, None)).warnings)


def test_a_job_that_asks_for_a_known_id_again_names_its_parent(at: Operator) -> None:
    """The same order under the same id is one run."""
    resting_under_the_id(at)

    async def again() -> Outcome:
        async with Leader(at) as leader:
            same = order("0.1", time_in_force=GTC, limit_px=D(70_000), id="k")
            job_id = jobs.queue(leader.desk, same, "ops")
            assert await jobs.follow(leader.desk, job_id) is not None
            return await cancels(at, job_id)

    assert (Exit.OK, "canceled") == (at.clock.run(again()).exit_code, parent(at).status)


def test_what_nobody_has_begun_is_taken_out_of_the_queue(at: Operator) -> None:
    async def queues() -> JobId:
        return await somebody(at, _queue)

    async def _queue(desk: object) -> JobId:
        return jobs.queue(desk, order("0.5"), "ops")  # type: ignore[arg-type]  # a desk

    job_id = at.clock.run(queues())
    outcome = at.clock.run(cancels(at, job_id))
    assert (f"{job_id} was taken out of the queue: nothing of it was begun",) == outcome.warnings
    assert (Exit.OK, "withdrawn") == (outcome.exit_code, status_of(at, job_id))
    with pytest.raises(UsageError, match="is withdrawn, and no parent came of it"):
        at.clock.run(cancels(at, job_id))


def test_a_cancel_of_all_names_what_may_send_orders_yet(at: Operator) -> None:
    """Jobs in the queue, one that was begun, and a parent that has no order open just now."""
    pause = order("2", twap_s=600.0, limit_px=D(100))

    async def both() -> tuple[list[JobId], str, Outcome, Outcome]:
        async with Leader(at) as leader:
            begun = jobs.queue(leader.desk, pause, "ops")
            work = asyncio.ensure_future(somebody(at, lambda desk: routed(desk, SLOW)))
            await asyncio.sleep(100)
            name = parent(at).parent_id
            led = await cancels(at, None)
            work.cancel()
            await work
        waiting = [await somebody(at, _queues) for _ in range(2)]
        return [begun, *waiting], name, led, await cancels(at, None)

    async def _queues(desk: Desk) -> JobId:
        return jobs.queue(desk, order("0.5"), "ops")

    (begun, *waiting), name, led, later = at.clock.run(both())
    goes_on = f"{begun} was begun, and whoever leads goes on with it: mvx cancel {begun}"
    assert {goes_on, f"{name} is being worked and may send what is left of it again: mvx cancel {name}"} == {
        *led.warnings
    }
    wait = f"2 jobs wait in the queue as before: mvx cancel {waiting[0]}; mvx cancel {waiting[1]}"
    assert (Exit.OK, (wait, goes_on)) == (later.exit_code, later.warnings)


def test_a_parent_at_one_venue_alone_is_not_stopped(at: Operator) -> None:
    """With a venue it is about what rests there."""

    async def both() -> Outcome:
        work = asyncio.ensure_future(somebody(at, lambda desk: routed(desk, SLOW)))
        await asyncio.sleep(100)
        name = parent(at).parent_id
        await somebody(at, lambda desk: cancel(desk, name, False, (OKX,)))
        return await work

    assert Exit.OK is at.clock.run(both()).exit_code
    assert D(2) == bought(at)
