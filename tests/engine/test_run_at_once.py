"""Jobs that a leader works at once and that want the same thing."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from mvx.engine import jobs
from mvx.engine.flatten_order import FlattenOrder
from mvx.engine.outcome import Outcome
from mvx.errors import Exit
from tests.engine.desk import OKX, SELL, order
from tests.engine.test_run import Leader, operator


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
