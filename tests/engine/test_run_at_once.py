"""Jobs that a leader works at once and that want the same thing."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.trading import TradingState
from mvx.engine import jobs
from mvx.engine.flatten_order import FlattenOrder
from mvx.engine.outcome import Outcome
from mvx.engine.run import MAX_AT_ONCE
from mvx.errors import Exit
from mvx.journal import jobs as queue
from tests.engine.desk import BINANCE, OKX, SELL, Operator, order
from tests.engine.leaving import asked, position, trading
from tests.engine.test_run import Leader, bought, operator, somebody, status_of, traded
from tests.engine.truth import reading

HOURS = order("0.4", twap_s=7200.0, venues=(BINANCE,), limit_px=Decimal(100))


@pytest.fixture
def full(tmp_path: Path) -> Operator:
    """Okx holds a position; whoever leads will have work for hours elsewhere."""
    at = operator(tmp_path, "binance", "okx")
    at.routes(order("0.5", venues=(OKX,)))
    at.clock.advance(5)
    return at


async def fills(leader: Leader) -> None:
    for _ in range(MAX_AT_ONCE):
        jobs.queue(leader.desk, HOURS, "ops")
    await asyncio.sleep(1)


def test_two_flattens_of_one_venue_follow_one_another(tmp_path: Path) -> None:
    """The second one waits for the first and finds nothing to do, and neither is left without an answer."""
    at = operator(tmp_path, "okx")
    at.routes(order("0.5"))
    leave = FlattenOrder((OKX,), (), to_zero=False, foreign=False, dry_run=False, by="ops")

    async def all_at_once() -> list[Outcome | None]:
        async with Leader(at) as leader:
            job_ids = [jobs.queue(leader.desk, leave, "ops") for _ in range(2)]
            async with asyncio.timeout(30):
                return [await jobs.follow(leader.desk, job_id) for job_id in job_ids]

    outcomes = at.clock.run(all_at_once())
    assert [Exit.OK, Exit.OK] == [outcome.exit_code for outcome in outcomes if outcome]
    sold = [Decimal(row["qty"]) for row in at.ledger_rows("fills") if row["side"] == SELL]
    assert Decimal("0.5") == sum(sold)


def test_a_flatten_waits_for_nothing_that_is_at_work(full: Operator) -> None:
    """It is the emergency."""

    async def both() -> tuple[Outcome, float]:
        async with Leader(full) as leader:
            await fills(leader)
            waiting = jobs.queue(leader.desk, HOURS, "ops")
            began_at = full.clock.now()
            outcome = await somebody(full, traded(asked("okx")))
            assert "queued" == status_of(full, waiting)
            return outcome, (full.clock.now() - began_at) / 1e6

    outcome, took_s = full.clock.run(both())
    assert (Exit.OK, TradingState.HALTED) == (outcome.exit_code, trading(full, OKX))
    assert abs(position(full, OKX)) < Decimal("0.00005")
    assert took_s < 10


def test_flattens_take_no_room_from_routes(full: Operator) -> None:
    """Each waits for the one before it; the route is begun at once."""

    async def both() -> int:
        async with Leader(full) as leader:
            for _ in range(MAX_AT_ONCE):
                jobs.queue(leader.desk, asked("okx"), "ops")
            job_id = jobs.queue(leader.desk, order("0.1", venues=(BINANCE,)), "ops")
            await asyncio.sleep(0.15)
            assert "queued" != status_of(full, job_id)
            with reading(full.settings) as tx:
                return sum(job.kind == "flatten" for job in queue.open_jobs(tx))

    assert full.clock.run(both()) > 1


def test_a_route_that_a_full_leader_does_not_begin_is_done_here(full: Operator) -> None:
    """Within max_s, so that it ends within its time limits; and nobody does it again."""

    async def both() -> tuple[Outcome, float]:
        async with Leader(full) as leader:
            await fills(leader)
            began_at = full.clock.now()
            outcome = await somebody(full, traded(order("0.25", venues=(OKX,))))
            return outcome, (full.clock.now() - began_at) / 1e6

    outcome, took_s = full.clock.run(both())
    assert (Exit.OK, True) == (outcome.exit_code, outcome.sent)
    assert full.settings.route.max_s <= took_s < 2 * full.settings.route.max_s
    assert Decimal("0.75") == bought(full)
    with reading(full.settings) as tx:
        assert {"claimed"} == {job.status for job in queue.open_jobs(tx)}
