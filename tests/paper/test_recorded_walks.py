"""Walks of real books against an independent oracle: what the author of the recording computed himself.

Each row of the observations buys on one venue and sells on another, twice: `opt_volume` at `vwap_buy` and
`vwap_sell`, and `rel_volume` for `rel_turnover`, which sells for `rel_turnover + rel_gross`. The fees are
those of the base tiers. The oracle computed in binary floats and printed fees and gross with six places
and turnovers with four; those are compared to half a unit of the last one.
"""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.execution import Fill
from mvx.domain.ids import Asset, Symbol
from mvx.domain.money import floor_to
from mvx.domain.order import Side
from mvx.paper.markets import rules_of
from tests.marketdata import recording
from tests.paper.builders import Bench, venue_settings

FOLDER = "four_venues_2026-09-18"
ROWS = range(24)
SIX_PLACES = Decimal("0.0000005")
FOUR_PLACES = Decimal("0.00005")
RELATIVE = Decimal("1e-9")
#: Enough to hold any order at any limit.
RICH = {Asset(asset): Decimal(10**9) for asset in ("BTC", "ETH", "USDT")}


def observation(row: int) -> dict[str, str]:
    with recording(f"{FOLDER}/observations_sweep_0001_BTC_ETH.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(ROWS) == len(rows)
    return rows[row]


def taker_bps(name: str) -> str:
    with recording(f"{FOLDER}/fees_and_withdrawals_2026-09-18.csv").open() as file:
        (fraction,) = (
            line["value"]
            for line in csv.DictReader(file)
            if (line["exchange"], line["item"]) == (name, "taker_fee")
        )
    return str(Decimal(fraction) * 10_000)


def walk(path: Path, name: str, symbol: Symbol, side: Side, qty: Decimal) -> tuple[Fill, ...]:
    """The fills of one IOC order that may take the whole recorded book of a fresh venue."""
    books = recording(f"{FOLDER}/sweep_0001_{symbol.replace('/', '')}.jsonl")
    settings = venue_settings(
        name, (symbol,), taker_bps=taker_bps(name), books=books, books_venue=name, balances=RICH
    )
    desk = Bench(path, settings)
    worst = desk.book(symbol).against(side)[-1].px
    assert worst == floor_to(worst, rules_of(settings, symbol).tick)
    desk.submit(desk.request(side, str(qty), worst, symbol=symbol))
    fills = desk.trades()
    desk.exchange.close()
    assert qty == sum(fill.qty for fill in fills)
    return fills


def notional(fills: tuple[Fill, ...]) -> Decimal:
    return sum((fill.notional for fill in fills), Decimal(0))


def assert_fee(printed: str, fills: tuple[Fill, ...]) -> None:
    """To half a unit of the printed place, and the 8th place that each fill's fee is cut to."""
    fee = sum((fill.fee_amount for fill in fills), Decimal(0))
    cut = len(fills) * Decimal("1e-8")
    assert abs(Decimal(printed) - fee) <= SIX_PLACES + cut


@pytest.mark.parametrize("row", ROWS)
def test_the_best_volume_fills_at_the_observed_averages(tmp_path: Path, row: int) -> None:
    """To one part in 10^9, with the fees of the base tiers."""
    seen = observation(row)
    symbol, qty = Symbol(seen["symbol"]), Decimal(seen["opt_volume"])
    for side, name in ((Side.BUY, seen["buy"]), (Side.SELL, seen["sell"])):
        fills = walk(tmp_path / f"{side}.paper", name, symbol, side, qty)
        expected = Decimal(seen[f"vwap_{side}"])
        assert abs(notional(fills) / qty - expected) <= expected * RELATIVE
        assert_fee(seen[f"fee_{side}"], fills)


@pytest.mark.parametrize("row", ROWS)
def test_the_larger_volume_fills_for_the_observed_turnovers(tmp_path: Path, row: int) -> None:
    """Several levels deep on either side."""
    seen = observation(row)
    symbol, qty = Symbol(seen["symbol"]), Decimal(seen["rel_volume"])
    bought = walk(tmp_path / "buy.paper", seen["buy"], symbol, Side.BUY, qty)
    sold = walk(tmp_path / "sell.paper", seen["sell"], symbol, Side.SELL, qty)
    assert abs(notional(bought) - Decimal(seen["rel_turnover"])) <= FOUR_PLACES
    assert abs(notional(sold) - notional(bought) - Decimal(seen["rel_gross"])) <= SIX_PLACES
    assert_fee(seen["rel_fee_buy"], bought)
    assert_fee(seen["rel_fee_sell"], sold)
