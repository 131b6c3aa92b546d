"""Limits that count more than one instrument: what is beside an order, and what a pair brings."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.config.settings import QuoteSettings
from mvx.domain.ids import Asset, Symbol
from mvx.engine.desk import open_desk
from mvx.engine.outcome import Outcome
from mvx.errors import Exit
from mvx.journal import history, views
from tests.engine.desk import GTC, KRAKEN, OKX, SELL, Operator, order, risk, routed, settings
from tests.engine.test_limits import quoted, recorded, refusals
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


def pairs(folder: Path, *, rates: bool = True, **limits: Any) -> Operator:
    """BTC-USD at 10,000 and ETH-BTC at 0.1, at a venue each; with `rates` a BTC is worth something in USD."""
    held = {Asset("ETH"): D(50), Asset("BTC"): D(20), Asset("USD"): D(99999)}
    kraken = quoted(folder, "kraken", ("9999", "10001"))
    okx = quoted(folder, "okx", ("0.0999", "0.1001"), "ETH/BTC", balances=held, tick=D("0.0001"))
    desk = settings(folder, kraken, okx, limits=risk(**limits), max_slippage_bps=D(5000))
    btc = QuoteSettings(Asset("BTC"), Asset("USD"), ((KRAKEN, Symbol("BTC/USD")),), 30)
    at = Operator(replace(desk, quotes={btc.asset: btc} if rates else {}))
    at.reconciles()
    return at


def test_a_sell_of_a_pair_brings_its_quote_at_the_mid(tmp_path: Path) -> None:
    """1 ETH for 0.1 BTC is 1,000 each; the highest price that the venue lets it fill at is no matter."""
    at = pairs(tmp_path, max_gross_notional=D(2000))
    asked = order("1", SELL, instrument="ETH-BTC")
    assert {"max_gross_notional": (D("2000"), D(1999))} == refusals(tightened(at, D(1999)), asked)
    assert Exit.OK is tightened(at, D(2000)).routes(asked).exit_code


def tightened(at: Operator, gross: Decimal) -> Operator:
    at.settings = replace(at.settings, risk=risk(max_gross_notional=gross))
    return at


@pytest.mark.parametrize("rates", [True, False])
def test_a_sell_of_a_pair_at_rest_leaves_room_to_buy_its_quote(tmp_path: Path, rates: bool) -> None:
    """0.2 BTC come of it at most; its price is read in the order's own asset where no rate leads further."""
    at = pairs(tmp_path, rates=rates, max_position={"BTC-USD": D(1)})
    rests = order("1", SELL, instrument="ETH-BTC", time_in_force=GTC, limit_px=D("0.2"))
    assert Exit.OK is at.routes(rests).exit_code
    assert {"max_position": (D("1.01"), D(1))} == refusals(at, order("0.81"))
    assert Exit.OK is at.routes(order("0.8")).exit_code
