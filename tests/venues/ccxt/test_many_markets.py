"""Several markets at one venue that counts its order ids in each of them anew."""

from __future__ import annotations

from mvx.domain.ids import Symbol
from mvx.domain.instant import MICROS_PER_S, Instant
from tests.venues.ccxt import binance
from tests.venues.ccxt.kraken import NOW
from tests.venues.ccxt.loopback import said
from tests.venues.ccxt.venue import Rig

BEGINNING = Instant(NOW * MICROS_PER_S)


def test_orders_of_two_markets_that_share_an_id_are_two_orders(on_binance: Rig) -> None:
    """Docs, Query order and All orders: symbol is mandatory, beside the id."""
    eth = binance.SYMBOLS[0] | {"symbol": "ETHUSDT", "baseAsset": "ETH"}
    answers, symbols = on_binance.wire.answers, (on_binance.dialect.symbol, Symbol("ETH/USDT"))
    answers["exchangeInfo"] = said({"symbols": [*binance.SYMBOLS, eth]})
    answers["allOrders"] = lambda asked: said([binance.order("x", symbol=asked.params["symbol"])])
    listed = on_binance.run(lambda venue: venue.closed_orders(BEGINNING), symbols=symbols)
    assert symbols == tuple(each.symbol for each in listed)
    answers["order"] = lambda asked: said(binance.order("x", symbol=asked.params["symbol"]))
    known = [(symbols[1], listed[0].order_id)]
    looked_up = on_binance.run(lambda venue: venue.closed_orders(BEGINNING, known), symbols=symbols[:1])
    assert symbols == tuple(each.symbol for each in looked_up)
