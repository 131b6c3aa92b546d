"""What is handed over is done as it would have been here, and is ended by nothing but its own end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mvx.config.settings import Settings
from mvx.domain.ids import JobId
from mvx.engine import jobs
from mvx.engine.cancel import cancel
from mvx.engine.jobs import Order
from mvx.engine.outcome import Outcome
from mvx.engine.results import FlattenResult
from mvx.errors import Exit, Refused, StoppedFollowing
from mvx.journal import jobs as queue
from tests.engine.desk import OKX, Operator, order, settings
from tests.engine.leaving import asked
from tests.engine.test_run import (
    D,
    Leader,
    bought,
    lead_and_do_nothing,
    operator,
    somebody,
    status_of,
    traded,
)
from tests.engine.truth import reading


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    return operator(tmp_path, "okx")


def stages(at: Operator) -> list[str]:
    """Where each open job is."""
    with reading(at.settings) as tx:
        return [job.status for job in queue.open_jobs(tx)]


def test_a_flatten_is_shown_before_it_is_agreed_to(at: Operator) -> None:
    at.routes(order("0.5"))
    shown: list[Any] = []

    async def both() -> None:
        async with Leader(at):
            await somebody(at, traded(asked("okx"), shown))

    at.clock.run(both())
    (preview,) = shown
    assert isinstance(preview, FlattenResult)
    assert [D("0.5")] == [leg.qty for leg in preview.venues[0].plan]


def test_a_run_is_gone_on_with_where_that_is_asked_for(at: Operator) -> None:
    at.exchange.inject(OKX, "partial")
    at.routes(order("1", id="k", max_rounds=1))
    assert D("0.5") == bought(at)
    at.clock.advance(3)

    async def both() -> Exit:
        async with Leader(at):
            return (await somebody(at, traded(order("1", id="k", max_rounds=1, resume=True)))).exit_code

    assert (Exit.OK, D(1)) == (at.clock.run(both()), bought(at))


@pytest.mark.parametrize(("after_s", "begun"), [(0.0, False), (10.0, True)])
def test_a_signal_ends_the_following_and_says_what_becomes_of_the_job(
    at: Operator, after_s: float, begun: bool
) -> None:
    """What was begun goes on without whoever followed it, and is said to; the rest is nobody's any more."""

    async def both() -> StoppedFollowing:
        async with Leader(at):
            work = asyncio.ensure_future(somebody(at, traded(order("1", twap_s=120.0))))
            while not stages(at):  # noqa: ASYNC110 - another process would look as well
                await asyncio.sleep(0)
            await asyncio.sleep(after_s)
            work.cancel()
            with pytest.raises(StoppedFollowing) as caught:
                await work
            await asyncio.sleep(200)
            return caught.value

    stopped = at.clock.run(both())
    assert begun is stopped.known.startswith("whoever leads goes on with it")
    assert begun is (stopped.exit_code is Exit.UNCERTAIN)
    assert D(1 if begun else 0) == bought(at)


def test_a_signal_ends_the_following_of_another_run_of_the_id(at: Operator) -> None:
    """That one goes on, and this command has sent nothing."""
    what = order("1", id="k", twap_s=60.0)

    async def both() -> StoppedFollowing:
        first = asyncio.ensure_future(somebody(at, traded(what)))
        await asyncio.sleep(10)
        second = asyncio.ensure_future(somebody(at, traded(what)))
        await asyncio.sleep(10)
        second.cancel()
        with pytest.raises(StoppedFollowing, match="stopped by a signal") as caught:
            await second
        await first
        return caught.value

    stopped = at.clock.run(both())
    assert stopped.known.startswith("this command sent nothing; p")
    assert (False, D(1)) == (stopped.exit_code is Exit.UNCERTAIN, bought(at))


def test_a_job_that_the_operator_took_out_of_the_queue_is_not_done_by_who_follows_it(at: Operator) -> None:
    async def both() -> None:
        async with Leader(at):
            work = asyncio.ensure_future(somebody(at, traded(order("0.5"))))
            while not stages(at):  # noqa: ASYNC110 - another process would look as well
                await asyncio.sleep(0)
            with reading(at.settings) as tx:
                (job,) = queue.open_jobs(tx)
            await somebody(at, lambda desk: cancel(desk, job.job_id, all_orders=False, venues=()))
            with pytest.raises(Refused, match="taken out of the queue"):
                await work

    at.clock.run(both())
    assert D(0) == bought(at)


def abandoned(at: Operator, patched: pytest.MonkeyPatch, what: Order) -> JobId:
    """A job that was handed over by one who was killed as soon as it was queued."""

    async def killed(*_: object) -> None:
        raise KeyboardInterrupt

    at.does(lead_and_do_nothing(at))
    with patched.context() as patch:
        patch.setattr(jobs, "follow", killed)
        patch.setattr(jobs, "withdraw", lambda *_: False)
        with pytest.raises(KeyboardInterrupt):
            at.does(traded(what))
    with reading(at.settings) as tx:
        (job,) = queue.open_jobs(tx)
    return job.job_id


@pytest.mark.parametrize(("after_s", "begun"), [(29.0, True), (31.0, False), (-60.0, False)])
@pytest.mark.parametrize("what", [order("0.5"), asked("okx")], ids=["route", "flatten"])
def test_what_nobody_waits_for_any_more_is_not_begun_after_its_time(
    at: Operator, monkeypatch: pytest.MonkeyPatch, what: Order, after_s: float, begun: bool
) -> None:
    """Nor where the clock was set back, so that nobody knows for how long it has waited."""
    job_id = abandoned(at, monkeypatch, what)
    at.clock.advance(after_s)

    async def leads() -> list[str]:
        async with Leader(at) as leader:
            await asyncio.sleep(20)
            return leader.lines

    lines = at.clock.run(leads())
    assert ("ended" if begun else "withdrawn") == status_of(at, job_id)
    late = f" {job_id} was not begun in its time, and was taken out of the queue"
    assert begun is not any(line.endswith(late) for line in lines)
    assert (what == order("0.5") and begun) is bool(bought(at))


def test_whoever_waits_for_what_the_leader_came_too_late_to_does_it_himself(at: Operator) -> None:
    async def both() -> Outcome | None:
        async with Leader(at) as leader:
            job_id = jobs.queue(leader.desk, replace(order("0.5"), begin_within_s=0.0), "ops")
            await asyncio.sleep(1)
            assert "withdrawn" == status_of(at, job_id)
            return await jobs.follow(leader.desk, job_id)

    assert at.clock.run(both()) is None


def test_a_flatten_of_what_the_leader_does_not_know_is_refused(at: Operator) -> None:
    """It was started before the venue was configured, and says so."""
    wide = Operator(settings(at.settings.desk.journal.parent, "okx", "kraken"), at.clock)

    async def both() -> None:
        async with Leader(at):
            await somebody(wide, traded(asked("kraken")))

    with pytest.raises(jobs.JobFailed, match="unknown venue 'kraken'") as caught:
        at.clock.run(both())
    assert ("usage", Exit.USAGE) == (caught.value.code, caught.value.exit_code)


def test_what_a_leader_works_when_it_fails_is_left_to_the_next_one(at: Operator) -> None:
    def broken() -> Settings:
        raise RuntimeError("a defect in reading the configuration")

    async def fails() -> JobId:
        async with Leader(at, reread=broken) as leader:
            job_id = jobs.queue(leader.desk, order("1", twap_s=120.0), "ops")
            await asyncio.sleep(40)
            leader.hangup.set()
            assert leader.task is not None
            with pytest.raises(RuntimeError):
                await leader.task
            return job_id

    async def goes_on(job_id: JobId) -> Exit:
        async with Leader(at) as leader:
            outcome = await jobs.follow(leader.desk, job_id)
            assert outcome is not None
            return outcome.exit_code

    job_id = at.clock.run(fails())
    assert "claimed" == status_of(at, job_id)
    assert (Exit.OK, D(1)) == (at.clock.run(goes_on(job_id)), bought(at))
