"""The rows of the venues: what of them ccxt itself says, and what a desk is told of them."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from mvx.domain.ids import Asset, Symbol, Venue
from mvx.venues.capabilities import ROWS, ListedBy
from mvx.venues.ccxt.access import Access
from mvx.venues.ccxt.errors import REFUSALS
from mvx.venues.ccxt.load import load_exchange
from mvx.venues.ccxt.quirks import QUIRKS
from mvx.venues.ccxt.venue import CcxtVenue
from tests.support import ManualClock


def venue(exchange: str, folder: Path, *symbols: str) -> CcxtVenue:
    access = Access(Venue(exchange), exchange, tuple(map(Symbol, symbols)), folder)
    return CcxtVenue(access, ManualClock())


def test_each_row_has_its_quirks_and_its_refusals() -> None:
    assert set(ROWS) == set(QUIRKS) == set(REFUSALS)


@pytest.mark.parametrize("exchange", ROWS)
def test_a_row_says_what_ccxt_says(exchange: str) -> None:
    """Of what one class can do; a new version of ccxt may know more."""
    row, ccxts = ROWS[exchange], load_exchange(exchange)()
    assert row.dead_man is bool(ccxts.has.get("cancelAllOrdersAfter"))
    assert row.sandbox is bool(ccxts.urls.get("test"))
    assert row.tells_fees is bool(ccxts.has["fetchTradingFee"])
    assert row.lists_transfers <= bool(row.ledger or row.transfers)
    assert row.closed_by is ListedBy.CLOSING or ccxts.has["fetchOrders"]
    assert row.nonce is ("self.incrementing_nonce()" in inspect.getsource(type(ccxts).sign))


@pytest.mark.parametrize("exchange", ROWS)
def test_an_id_of_ours_fits_and_one_that_is_too_long_does_not(exchange: str) -> None:
    """docs: 18 characters of free text at Kraken or a UUID, 36 at Binance."""
    ids = ROWS[exchange].client_ids
    longest = {"kraken": 18, "binance": 36}[exchange]
    assert ids.fits("m0000000000000abcd")
    assert ids.fits("m" * longest)
    for text in ("", "m" * (longest + 1), "m" * longest + "\n", "a b", "m\u0661", "m'"):
        assert not ids.fits(text), text
    assert ids.fits("6d1b345e-2821-40e2-ad83-4ecb18a06876")


@pytest.mark.parametrize(
    ("exchange", "symbol", "assets"),
    [("kraken", "BTC/USD", "USD BTC KFEE"), ("binance", "BTC/USDT", "USDT BTC BNB")],
)
def test_every_asset_that_a_fee_may_be_taken_in_widens(
    exchange: str, symbol: str, assets: str, tmp_path: Path
) -> None:
    """Left out, one would be told as a point while it may be less: fcib at Kraken, BNB at Binance."""
    told = venue(exchange, tmp_path, symbol).capabilities
    base, quote = symbol.split("/")
    assert tuple(map(Asset, assets.split())) == told.fee_assets(Asset(base), Asset(quote))
    assert told.taker_bps is None


def test_what_a_venue_forgets_is_told(tmp_path: Path) -> None:
    """What absence from its lists proves hangs on it."""
    kraken, binance = (venue(each, tmp_path).capabilities for each in ("kraken", "binance"))
    assert (True, None, True) == (kraken.closed_orders_complete, kraken.closed_kept_s, kraken.lists_transfers)
    assert (True, 90 * 86_400.0) == (binance.closed_orders_complete, binance.closed_kept_s)


@pytest.mark.parametrize("exchange", ROWS)
def test_no_list_is_asked_for_more_than_its_venue_gives(exchange: str) -> None:
    """docs: 50 rows a page at Kraken; 1,000 rows and a day at Binance. A page that is believed to be longer
    than it is ends the list at its first page."""
    row = ROWS[exchange]
    pages = {"kraken": (50, None), "binance": (1_000, 86_400.0)}[exchange]
    for history in (row.trades, row.closed_orders):
        assert pages == (history.page_rows, history.window_s)
    deadline = row.deadline
    bounds = {"kraken": ("deadline", 2.0, 60.0, 1.0), "binance": ("recvWindow", 0.001, 60.0, 0.001)}
    assert bounds[exchange] == (deadline.parameter, deadline.least_s, deadline.most_s, deadline.step_s)
