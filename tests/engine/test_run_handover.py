"""What is handed over is done as it would have been here, and is ended by nothing but its own end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mvx.config.settings import Settings
from mvx.domain.ids import JobId
from mvx.engine import jobs
from mvx.engine.results import FlattenResult
from mvx.errors import Exit
from tests.engine.desk import OKX, Operator, order
from tests.engine.leaving import asked
from tests.engine.test_run import D, Leader, bought, operator, somebody, status_of, traded


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    return operator(tmp_path, "okx")


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
