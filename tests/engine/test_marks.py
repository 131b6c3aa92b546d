"""What a position is worth, by the last prices that a route saw."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from mvx.config.settings import QuoteSettings
from mvx.domain.ids import Asset, Symbol
from mvx.engine.positions_result import PositionsResult, TotalRow
from mvx.errors import Exit
from tests.engine.desk import KRAKEN, OKX, Operator, order, settings
from tests.engine.test_limits import recorded
from tests.paper.builders import venue_settings, write_books
from tests.virtual import VirtualClock

D = Decimal
USDT = Asset("USDT")


def btc(at: Operator) -> TotalRow:
    data = at.positions().data
    assert isinstance(data, PositionsResult)
    (row,) = (each for each in data.totals if each.asset == "BTC")
    return row


def in_usdt(folder: Path, name: str) -> Operator:
    """okx trades BTC for USDT under this name, at 100; one USDT is two dollars, as kraken has it."""
    okx = recorded(folder, "okx", "BTC/USDT", balances={USDT: D(9999)})
    okx = replace(okx, symbols={name: Symbol("BTC/USDT")})
    rates = recorded(folder, "kraken", "USDT/USD", px=2)
    return Operator(settings(folder, okx, rates, max_slippage_bps=D(5000)))


def test_a_price_in_another_quote_is_none_in_the_desks_currency(tmp_path: Path) -> None:
    """Whatever the instrument is called: there is no par."""
    at = in_usdt(tmp_path, "BTC-USD")
    assert Exit.OK is at.routes(order("1", venues=(OKX,))).exit_code
    assert (D(1), None, None) == (btc(at).position, btc(at).mark_px, btc(at).notional)


def test_a_price_in_another_quote_counts_at_its_last_rate(tmp_path: Path) -> None:
    at = in_usdt(tmp_path, "BTC-USDT")
    rate = QuoteSettings(USDT, Asset("USD"), ((KRAKEN, Symbol("USDT/USD")),), 30)
    at.settings = replace(at.settings, quotes={USDT: rate})
    assert Exit.OK is at.routes(order("3", instrument="BTC-USDT")).exit_code
    assert (D(3), D(200), D(600)) == (btc(at).position, btc(at).mark_px, btc(at).notional)


def test_a_price_says_how_old_it_is(tmp_path: Path) -> None:
    at = Operator(settings(tmp_path, "kraken"))
    at.routes(order("0.1"))
    seen_s = btc(at).mark_age_s
    at.clock.advance(3600)
    assert seen_s is not None
    assert (seen_s + 3600, 0) == (btc(at).mark_age_s, _of_currency(at))


def _of_currency(at: Operator) -> float | None:
    data = at.positions().data
    assert isinstance(data, PositionsResult)
    return next(each.mark_age_s for each in data.totals if each.asset == "USD")


def test_a_long_route_notes_the_price_of_each_slice(tmp_path: Path) -> None:
    """It noted what it began at, hours ago, as if it had just been seen."""
    books = [(at_s, [(str(px - 1), "100")], [(str(px + 1), "100")]) for at_s, px in ((0, 100), (60, 200))]
    venue = venue_settings(
        "kraken", taker_bps="0", books=write_books(tmp_path / "books.jsonl", *books), books_venue="kraken"
    )
    at = Operator(settings(tmp_path, venue, max_slippage_bps=D(5000)), VirtualClock())
    assert Exit.OK is at.routes(order("1", twap_s=120.0)).exit_code
    assert D(200) == btc(at).mark_px
