"""Limits that count more than one instrument: what is beside an order, and what a pair brings."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Asset
from mvx.engine.desk import open_desk
from mvx.engine.outcome import Outcome
from mvx.errors import Exit
from mvx.journal import history, views
from tests.engine.desk import OKX, Operator, order, risk, routed, settings
from tests.engine.test_limits import recorded
from tests.engine.truth import reading
from tests.virtual import VirtualClock

D = Decimal


@pytest.mark.parametrize("limit", ["max_gross_notional", "max_daily_turnover"])
def test_a_parent_in_work_with_nothing_open_has_its_price(tmp_path: Path, limit: str) -> None:
    """All that is left of it is reserved, though its first child was refused and it holds nothing yet."""
    held = {Asset("ETH"): D(50), Asset("USD"): D(9999)}
    venues = recorded(tmp_path), recorded(tmp_path, "okx", "ETH/USD", px=10, balances=held)
    limits = risk(**{limit: D(1_000_000)})
    at = Operator(settings(tmp_path, *venues, limits=limits, max_slippage_bps=D(5000)), VirtualClock())
    at.reconciles()
    at.exchange.inject(OKX, "http-429")

    async def beside() -> Outcome:
        async with open_desk(at.settings, clock=at.clock) as a, open_desk(at.settings, clock=at.clock) as b:
            work = asyncio.ensure_future(routed(a, order("10", instrument="ETH-USD", twap_s=600.0)))
            await asyncio.sleep(10)
            with reading(at.settings) as tx:
                assert () == views.unsettled_orders(tx)
                assert 1 == len(history.working_parents(tx, at.clock.now()))
            outcome = await routed(b, order("1"))
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            return outcome

    assert Exit.OK is at.clock.run(beside()).exit_code
