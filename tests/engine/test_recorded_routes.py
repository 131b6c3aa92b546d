"""Routes over the four recorded venues, against walks of the recording computed here and by its author."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.config.settings import VenueSettings
from mvx.domain.ids import Asset, Venue
from mvx.domain.money import BPS
from mvx.domain.order import Side
from mvx.engine.results import RouteResult
from mvx.errors import Exit
from tests.engine.desk import BUY, SELL, Operator, order, settings
from tests.engine.truth import assert_healed
from tests.marketdata import recording
from tests.paper.builders import venue_settings

FOLDER = "four_venues_2026-09-18"
VENUES = ("binance", "bybit", "okx", "kraken")
PAIRS = ("BTC/USDT", "ETH/USDT")
RELATIVE = Decimal("1e-9")
RICH = {Asset(asset): Decimal(10**9) for asset in ("BTC", "ETH", "USDT")}
#: (price, size), best first.
Levels = list[tuple[Decimal, Decimal]]


def observations() -> list[dict[str, str]]:
    with recording(f"{FOLDER}/observations_sweep_0001_BTC_ETH.csv").open() as file:
        return list(csv.DictReader(file))


def taker_bps(name: str) -> Decimal:
    """The base tier's."""
    with recording(f"{FOLDER}/fees_and_withdrawals_2026-09-18.csv").open() as file:
        rows = csv.DictReader(file)
        (fee,) = (r["value"] for r in rows if (r["exchange"], r["item"]) == (name, "taker_fee"))
    return Decimal(fee) * BPS


def sweep(pair: str) -> Path:
    return recording(f"{FOLDER}/sweep_0001_{pair.replace('/', '')}.jsonl")


def recorded(pair: str, side: Side) -> dict[str, Levels]:
    """What an order of that side meets, by venue, read with nothing of mvx."""
    found = {}
    for line in sweep(pair).read_text().splitlines():
        book = json.loads(line, parse_float=Decimal, parse_int=Decimal)
        levels = book["asks" if side is BUY else "bids"]
        found[book["exchange"].lower()] = [(Decimal(px), Decimal(qty)) for px, qty, *_ in levels]
    return found


def venue(name: str, pair: str, clock: str) -> VenueSettings:
    fee = str(taker_bps(name))
    return venue_settings(
        name, (pair,), taker_bps=fee, books=sweep(pair), books_venue=name, clock=clock, balances=RICH
    )


def four_venues(folder: Path, pair: str, clock: str = "wall") -> Operator:
    """A desk over the recording, with nothing in the way of a price walk."""
    venues = (venue(name, pair, clock) for name in VENUES)
    return Operator(settings(folder, *venues, currency="USDT", max_slippage_bps=Decimal(5000)))


def walk(levels: Levels, qty: Decimal) -> Levels:
    """The fills of so much, best first."""
    fills = []
    for px, size in levels:
        part = min(size, qty)
        if part > 0:
            fills.append((px, part))
        qty -= part
    assert not qty, "the recorded book is too thin"
    return fills


def relaxed(books: dict[str, Levels], side: Side, qty: Decimal) -> tuple[Decimal, dict[str, Decimal]]:
    """The least that the quantity could cost with fees (the most it could bring), without lots, and what
    each venue gives of it: all levels of all venues merged by their price with the fee."""
    merged = sorted(
        (side.sign * px * (1 + side.sign * taker_bps(name) / BPS), name, size)
        for name, levels in books.items()
        for px, size in levels
    )
    cost, shares = Decimal(0), dict.fromkeys(books, Decimal(0))
    for all_in, name, size in merged:
        part = min(size, qty)
        cost, qty = cost + part * all_in, qty - part
        shares[name] += part
    assert not qty, "the recorded books are too thin"
    return cost, shares


def result_of(at: Operator, pair: str, qty: str, side: Side, *venues: str) -> RouteResult:
    asked = order(qty, side, instrument=pair.replace("/", "-"), venues=tuple(map(Venue, venues)))
    outcome = at.routes(asked)
    assert isinstance(outcome.data, RouteResult)
    assert (Exit.OK, Decimal(qty)) == (outcome.exit_code, outcome.data.cum_qty)
    return outcome.data


def fills_at(at: Operator, name: str) -> Levels:
    rows: list[dict[str, Any]] = at.ledger(Venue(name))["fills"]
    return [(Decimal(row["price"]), Decimal(row["qty"])) for row in rows]


@pytest.mark.parametrize("clock", ["wall", "step"])
@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize(
    ("pair", "qty"),
    [("BTC/USDT", "0.1"), ("BTC/USDT", "2.5"), ("BTC/USDT", "8"), ("ETH/USDT", "1"), ("ETH/USDT", "60")],
)
def test_a_route_over_four_recorded_venues_is_a_price_walk_of_them(
    tmp_path: Path, pair: str, qty: str, side: Side, clock: str
) -> None:
    """Each venue gives its best levels, and all of it costs what merging the four books costs."""
    at = four_venues(tmp_path, pair, clock)
    books = recorded(pair, side)
    result = result_of(at, pair, qty, side)
    assert result.plan is not None
    legs = {str(leg.venue): leg.qty for leg in result.plan.legs}
    cost, fees = Decimal(0), Decimal(0)
    for name in VENUES:
        fills = fills_at(at, name)
        assert legs.get(name, 0) == sum(size for _, size in fills)
        assert walk(books[name], legs.get(name, Decimal(0))) == fills
        notional = sum((px * size for px, size in fills), Decimal(0))
        cost += side.sign * notional
        fees += notional * taker_bps(name) / BPS
    best, shares = relaxed(books, side, Decimal(qty))
    assert best <= cost + fees <= best + abs(best) * Decimal("1e-6")
    assert [] == [n for n in VENUES if abs(shares[n] - legs.get(n, 0)) > Decimal("0.001")]
    assert result.avg_px is not None
    assert result.all_in_px is not None
    assert abs(side.sign * cost / Decimal(qty) - result.avg_px) <= result.avg_px * RELATIVE
    assert abs(side.sign * (cost + fees) / Decimal(qty) - result.all_in_px) <= result.all_in_px * RELATIVE
    assert_healed(at)


@pytest.mark.parametrize("row", range(24))
def test_a_route_to_one_recorded_venue_fills_at_the_observed_average(tmp_path: Path, row: int) -> None:
    """Both sides of each of the author's own walks, to one part in 10^9."""
    assert 24 == len(observations())
    seen = observations()[row]
    assert seen["symbol"] in PAIRS
    at = four_venues(tmp_path, seen["symbol"])
    for side, name in ((BUY, seen["buy"]), (SELL, seen["sell"])):
        result = result_of(at, seen["symbol"], seen["opt_volume"], side, name)
        expected = Decimal(seen[f"vwap_{side}"])
        assert result.avg_px is not None
        assert abs(result.avg_px - expected) <= expected * RELATIVE


@pytest.mark.parametrize("row", range(24))
def test_a_route_to_one_recorded_venue_turns_over_what_was_observed(tmp_path: Path, row: int) -> None:
    """The larger volume, several levels deep, to the place that the author printed."""
    seen = observations()[row]
    at = four_venues(tmp_path, seen["symbol"])
    qty = Decimal(seen["rel_volume"])
    bought = result_of(at, seen["symbol"], seen["rel_volume"], BUY, seen["buy"])
    sold = result_of(at, seen["symbol"], seen["rel_volume"], SELL, seen["sell"])
    assert bought.avg_px is not None
    assert sold.avg_px is not None
    turnover, gross = Decimal(seen["rel_turnover"]), Decimal(seen["rel_gross"])
    assert abs(bought.avg_px * qty - turnover) <= Decimal("0.0000501")
    assert abs((sold.avg_px - bought.avg_px) * qty - gross) <= Decimal("0.0000006")
