"""What a venue does as its documents, or others' records of it, say: no cause to stop or to be misled."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mvx.domain.ids import Asset, OrderId, Symbol
from mvx.domain.instant import MICROS_PER_S, Instant, after
from mvx.domain.ledger import effects, net
from mvx.engine.reading import read_venue
from mvx.errors import BadVenueData, HeldBack, VenueRejected
from mvx.venues.ccxt.access import Keys
from tests.venues.ccxt import binance, kraken
from tests.venues.ccxt.kraken import NOW
from tests.venues.ccxt.loopback import Answer, Asked, said
from tests.venues.ccxt.venue import API_KEY, API_SECRET, Rig

D = Decimal
BEGINNING = Instant(NOW * MICROS_PER_S)
OURS = "m0000000000000abcd"


# Markets


def test_a_symbol_that_is_new_to_the_desk_has_its_rules_though_there_is_a_copy(rig: Rig) -> None:
    """The copy holds the record of those alone that were configured when it was made, in which stand
    Kraken's tick_size and the kinds of orders that ccxt wants to know of Binance's market."""
    rig.run(lambda venue: venue.rules(rig.dialect.symbol), symbols=(), taker_bps=D(10))
    pairs = {"XXBTZUSD": kraken.PAIRS["XXBTZUSD"] | {"tick_size": "0.5"}}
    rig.wire.answers["AssetPairs"] = kraken.result(pairs)
    rules = rig.run(lambda venue: venue.rules(rig.dialect.symbol), taker_bps=D(10))
    assert D("0.5" if rig.dialect.exchange == "kraken" else "0.01") == rules.tick
    assert rig.run(lambda venue: venue.submit(rig.request(limit_px=D(80000)))).order_id


def test_a_symbol_that_is_not_listed_any_more_is_said_to_be_none_by_the_lists(on_binance: Rig) -> None:
    """And the venue is not said to be out of reach."""
    gone = Symbol("LUNA/USDT")
    for work in (lambda venue: venue.trades(BEGINNING), lambda venue: venue.closed_orders(BEGINNING)):
        with pytest.raises(BadVenueData, match="binance does not list LUNA/USDT"):
            on_binance.run(work, symbols=(on_binance.dialect.symbol, gone))


def test_an_order_of_a_market_that_is_gone_is_not_there_any_more(on_binance: Rig) -> None:
    """Neither is the market in the configuration: the rest of the list is told."""
    on_binance.wire.answers["allOrders"] = said([binance.order(OURS, orderId=40)])
    known = [(Symbol("LUNA/USDT"), OrderId("28"))]
    reports = on_binance.run(lambda venue: venue.closed_orders(BEGINNING, known))
    assert ["40"] == [each.order_id for each in reports]


@pytest.mark.parametrize("price", ["+5.0000%", "+100.0", "-100.0", "#100.0"])
@pytest.mark.parametrize("kind", ["trailing-stop", "trailing-stop-limit"])
def test_an_offset_is_no_limit(on_kraken: Rig, kind: str, price: str) -> None:
    """Docs, Add Order: a price that begins with +, - or # is relative. The rest of the list is told too."""
    trailing = kraken.order(None, status="open", vol_exec="0", closetm=0, price="0.00000")
    terms = {"ordertype": kind, "price": price, "price2": "-1.0" if kind.endswith("limit") else "0"}
    trailing["descr"] = trailing["descr"] | terms
    plain = kraken.order(None, status="open", vol_exec="0", closetm=0)
    on_kraken.wire.answers["OpenOrders"] = kraken.result({"open": {"O4": trailing, "O5": plain}})
    orders = on_kraken.run(lambda venue: venue.open_orders())
    assert [("O4", None), ("O5", D("80000.1"))] == [(each.order_id, each.limit_px) for each in orders]
    triggered = trailing | {"limitprice": "79000.5"}  # docs, Get Open Orders
    on_kraken.wire.answers["OpenOrders"] = kraken.result({"open": {"O4": triggered}})
    (order,) = on_kraken.run(lambda venue: venue.open_orders())
    assert D("79000.5") == order.limit_px


# Transfers


@pytest.mark.parametrize(("wallet", "moved"), [(0, True), (1, False), (None, True)])
def test_what_another_wallet_took_or_gave_moved_nothing_here(
    on_binance: Rig, wallet: int | None, moved: bool
) -> None:
    """Docs, Deposit history and Withdraw history: walletType, 1 for the funding wallet, 0 for spot."""
    where = {} if wallet is None else {"walletType": wallet}
    deposit = {
        "id": "1", "amount": "0.5", "coin": "BTC", "network": "BTC", "status": 1, "address": "a",
        "txId": "b", "insertTime": NOW * 1_000, "completeTime": NOW * 1_000,
    }  # fmt: skip
    withdrawal = {
        "id": "2", "amount": "8.91000000", "transactionFee": "0.004", "coin": "USDT", "status": 6,
        "address": "c", "txId": "d", "applyTime": "2026-11-22 12:00:20", "network": "ETH", "transferType": 0,
    }  # fmt: skip
    on_binance.wire.answers["capital/deposit/hisrec"] = said([deposit | where])
    on_binance.wire.answers["capital/withdraw/history"] = said([withdrawal | where])
    found = on_binance.run(lambda venue: venue.transfers(BEGINNING))
    assert (["1", "2"] if moved else []) == [each.transfer_id for each in found]


# Trades


#: As it was recorded by others: a sale of 5.56 BNB at 0.0017502 BTC is 0.009731112 BTC.
BNBBTC_SALE = {
    "symbol": "BNBBTC", "id": 77610744, "orderId": 383300471, "price": "0.00175020", "qty": "5.56000000",
    "quoteQty": "0.00973111", "commission": "0.00416976", "commissionAsset": "BNB", "isBuyer": False,
    "isMaker": True,
}  # fmt: skip


def bnb_for_btc(rig: Rig) -> Symbol:
    """Lists the market, whose tick times lot has nine places."""
    steps = {"PRICE_FILTER": {"tickSize": "0.00000010"}, "LOT_SIZE": {"stepSize": "0.01000000"}}
    listed = binance.SYMBOLS[0]
    market = {
        **listed, "symbol": "BNBBTC", "baseAsset": "BNB", "quoteAsset": "BTC",
        "filters": [each | steps.get(each["filterType"], {}) for each in listed["filters"]],
    }  # fmt: skip
    rig.wire.answers["exchangeInfo"] = said({"symbols": [listed, market]})
    return Symbol("BNB/BTC")


def test_a_trade_moved_in_quote_what_the_venue_says_and_not_quantity_times_price(on_binance: Rig) -> None:
    """It keeps eight places of every asset (exchangeInfo, quotePrecision), and cuts the rest off. Of most
    markets in USDT there is none."""
    symbol = bnb_for_btc(on_binance)
    on_binance.wire.answers["myTrades"] = said([binance.trade(**BNBBTC_SALE)])
    (fill,) = on_binance.run(lambda venue: venue.trades(BEGINNING), symbols=(symbol,))
    moved = net(effects(fill, Asset("BNB"), Asset("BTC")))
    assert {"BNB": D("-5.56416976"), "BTC": D("0.00973111")} == moved
    on_binance.wire.answers["myTrades"] = said([binance.trade(**BNBBTC_SALE | {"qty": "5.00000000"})])
    with pytest.raises(BadVenueData, match="not what it moved"):
        on_binance.run(lambda venue: venue.trades(BEGINNING), symbols=(symbol,))


def test_the_first_trade_of_a_market_has_the_id_zero_and_is_read_too(on_binance: Rig) -> None:
    """Docs, 24hr ticker: "firstId": 0, "Trade IDs". What is asked from an id on is asked from there."""
    on_binance.wire.answers["myTrades"] = binance.pages([binance.trade(0), binance.trade(1)], "id")
    fills = on_binance.run(lambda venue: venue.trades(after(BEGINNING, -40 * 86_400)))
    assert ["0", "1"] == [fill.exec_id for fill in fills]


# Fees


def test_a_fee_that_changed_is_learnt_within_the_hour(rig: Rig) -> None:
    """Both venues set it anew by the volume of the last 30 days. Where they do not answer, the one that is
    known counts on."""

    async def work(venue: Any) -> list[Any]:
        found = []
        for rate in ("0.26", "0.40", None):
            fees = {"XXBTZUSD": {"fee": rate, "minfee": "0.1", "maxfee": "0.4"}}
            rig.wire.answers["TradeVolume"] = kraken.result(
                {"currency": "ZUSD", "volume": "0", "fees": fees, "fees_maker": fees}
            )
            taker = None if rate is None else str(D(rate) / 100)
            rig.wire.answers["asset/tradeFee"] = said(
                [{"symbol": "BTCUSDT", "makerCommission": taker, "takerCommission": taker}]
            )
            if rate is None:
                rig.wire.answers["TradeVolume"] = rig.wire.answers["asset/tradeFee"] = said({}, status=503)
            for _ in range(2):
                await venue.rules(rig.dialect.symbol)
            found.append(venue.capabilities.taker_bps)
            rig.clock.advance(3_601)
        return found

    assert [D(26), D(40), D(40)] == rig.run(work)


# The pace


def test_whoever_is_told_by_ip_to_stand_back_asks_nothing_at_all(on_binance: Rig) -> None:
    """Docs, IP limits: repeatedly violating them, or failing to back off after a 429, is a ban (418)."""
    rig = on_binance
    rig.wire.answers["openOrders"] = binance.error(
        -1003, "Too many requests.", status=429, headers=(("Retry-After", "60"),)
    )

    async def work(venue: Any) -> None:
        with pytest.raises(VenueRejected):
            await venue.open_orders()
        rig.wire.asked.clear()
        with pytest.raises(HeldBack, match="as it demands it is left alone"):
            await venue.book(rig.dialect.symbol)

    rig.run(work)
    assert [] == rig.wire.asked


def test_a_limit_of_new_orders_leaves_reads_and_cancels(on_binance: Rig) -> None:
    """Docs, Unfilled Order Count: it "is tracked for each account", in a day too, and a 429 with -1015 says
    to "stop sending orders until the affected rate limit interval expires". What rests may be canceled, and
    its fills read, meanwhile."""
    rig = on_binance
    said_no = binance.error(
        -1015,
        "Too many new orders; current limit is 200000 orders per 1 DAY.",
        status=429,
        headers=(("Retry-After", "3000"),),
    )
    rig.wire.answers["order"] = lambda asked: said_no if asked.method == "POST" else said(binance.order(OURS))

    async def work(venue: Any) -> None:
        with pytest.raises(VenueRejected):
            await venue.submit(rig.request())
        assert () == await venue.open_orders()
        await venue.book(rig.dialect.symbol)
        await venue.cancel(rig.dialect.symbol, OURS, OrderId("28"))
        with pytest.raises(HeldBack, match="as it demands it is left alone"):
            await venue.submit(rig.request())
        rig.clock.advance(3_001)
        with pytest.raises(VenueRejected):
            await venue.submit(rig.request())

    rig.run(work)
    assert 2 == len([each for each in rig.wire.asked if each.method == "POST"])


def test_a_limit_of_the_key_alone_leaves_the_books(on_kraken: Rig) -> None:
    """Kraken counts private calls by the key, and says so with a code."""
    rig = on_kraken
    rig.wire.answers["OpenOrders"] = kraken.error("EAPI:Rate limit exceeded")

    async def work(venue: Any) -> None:
        with pytest.raises(VenueRejected):
            await venue.open_orders()
        await venue.book(rig.dialect.symbol)

    rig.run(work)


def test_a_key_that_is_locked_out_is_read_with_no_more_until_that_is_over(on_kraken: Rig) -> None:
    """Docs, Errors, EGeneral:Temporary lockout: "Do not retry ... each attempt resets the timer";
    support.kraken.com, 360001491786: about 15 minutes. Books go on, and so does whatever leaves the venue."""
    rig = on_kraken
    rig.wire.answers["BalanceEx"] = kraken.error("EGeneral:Temporary lockout")

    async def work(venue: Any) -> None:
        with pytest.raises(VenueRejected):
            await venue.balances()
        rig.clock.advance(840)
        with pytest.raises(HeldBack, match="kraken: as it demands it is left alone for another 60"):
            await venue.open_orders()
        await venue.book(rig.dialect.symbol)
        await venue.cancel(rig.dialect.symbol, OURS, OrderId(kraken.ORDER_ID))
        assert not rig.wire.asked_for("OpenOrders")
        rig.clock.advance(61)
        assert () == await venue.open_orders()

    rig.run(work, timeout_s=2)


@pytest.mark.parametrize("path", ["BalanceEx", "OpenOrders"])
def test_an_error_with_an_empty_result_is_an_error(on_kraken: Rig, path: str) -> None:
    """Docs, Errors: {"error": ["EAPI:Invalid key"], "result": {}}, "if non-empty, the request failed"."""
    refused = said({"error": ["EAPI:Invalid key"], "result": {}})
    on_kraken.wire.answers[path] = refused
    read = (lambda venue: venue.balances()) if path == "BalanceEx" else (lambda venue: venue.open_orders())
    with pytest.raises(VenueRejected) as met:
        on_kraken.run(read)
    assert "key" == met.value.reason_code


# Orders


def test_an_old_order_whose_cost_is_not_known_any_more_is_told_without_a_price(on_binance: Rig) -> None:
    """Docs, All orders: "For some historical orders cummulativeQuoteQty will be < 0, meaning the data is not
    available at this time"."""
    order = binance.order(OURS, cummulativeQuoteQty="-1.00000000")
    on_binance.wire.answers["allOrders"] = said([order])
    (report,) = on_binance.run(lambda venue: venue.closed_orders(BEGINNING))
    assert (D("0.5"), None) == (report.cum_qty, report.avg_px)


# The clock


@pytest.mark.parametrize("ahead_s", [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 1.99])
def test_a_clock_that_is_two_seconds_ahead_is_put_up_with(rig: Rig, ahead_s: float) -> None:
    """Kraken tells whole seconds (ccxt kraken.fetch_time), which hide one more."""
    rig.run(lambda venue: venue.rules(rig.dialect.symbol))  # one opening less to wait for
    for phase_s in (0.0, 0.3, 0.6, 0.9):
        theirs = after(rig.clock.now(), phase_s - ahead_s)
        rig.wire.answers |= rig.dialect.answers(lambda at=theirs: at // MICROS_PER_S)
        rig.wire.answers["time"] = said({"serverTime": theirs // 1_000})
        rig.clock.advance(phase_s)
        rig.run(lambda venue: read_venue(venue, rig.clock, rig.clock.now(), BEGINNING))


# The key


def test_a_key_that_was_replaced_is_read_again_once_the_old_one_is_refused(rig: Rig) -> None:
    """Without a restart; and what is said of the old one is still told without it."""
    read: list[Keys] = []

    def keys() -> Keys:
        read.append(Keys(f"{API_KEY}-{min(len(read), 1)}", API_SECRET))
        return read[-1]

    on_kraken = rig.dialect.exchange == "kraken"
    path, header = ("OpenOrders", "api-key") if on_kraken else ("openOrders", "x-mbx-apikey")
    quiet = rig.wire.answers[path]
    assert isinstance(quiet, Answer)

    def checked(asked: Asked) -> Answer:
        if asked.headers[header] == read[-1].api_key == f"{API_KEY}-1":
            return quiet
        if on_kraken:
            return kraken.error("EAPI:Invalid key")
        return binance.error(-2015, f"Invalid API-key {read[0].api_key}, IP, or permissions for action.", 401)

    rig.wire.answers[path] = checked

    async def work(venue: Any) -> None:
        with pytest.raises(VenueRejected) as refused:
            await venue.open_orders()
        assert API_KEY not in str(refused.value)
        for _ in range(2):
            assert () == await venue.open_orders()

    rig.run(work, keys=keys)
    assert 2 == len(read), "and not at every call"
