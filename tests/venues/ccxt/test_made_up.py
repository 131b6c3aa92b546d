"""What ccxt makes up where an answer does not say it: defaults, guesses, roundings. None is believed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, getcontext
from typing import Any

import pytest

from mvx.domain.ids import Asset, ClOrdId, Symbol
from mvx.domain.instant import MICROS_PER_S, Instant, after
from mvx.domain.order import Side
from mvx.errors import BadVenueData, HeldBack, OutcomeUnknown, VenueUnreachable
from mvx.venues.ccxt.quirks import QUIRKS
from tests.venues.ccxt import binance, kraken
from tests.venues.ccxt.kraken import NOW
from tests.venues.ccxt.loopback import Answer, Asked, said
from tests.venues.ccxt.venue import Rig

D = Decimal
BEGINNING = Instant(NOW * MICROS_PER_S)
OURS = "m0000000000000abcd"


def lists_closed(rig: Rig, order: dict[str, Any]) -> None:
    on_kraken = rig.dialect.exchange == "kraken"
    rig.wire.answers["ClosedOrders"] = kraken.result({"closed": {"O1": order}, "count": 1})
    rig.wire.answers["allOrders"] = said([order])
    assert on_kraken or "orderId" in order


def record(rig: Rig) -> dict[str, Any]:
    return kraken.order(OURS) if rig.dialect.exchange == "kraken" else binance.order(OURS)


# Orders


def test_an_order_that_does_not_say_how_much_of_it_was_filled_is_refused(rig: Rig) -> None:
    """Of a closed one safe_order makes a full one; binance.parse_order takes it for untouched. So with each
    other part of it."""
    lists_closed(rig, record(rig))
    assert 1 == len(rig.run(lambda venue: venue.closed_orders(BEGINNING)))
    for key in QUIRKS[rig.dialect.exchange].order_keys:
        for order in (record(rig) | {key: None}, {k: v for k, v in record(rig).items() if k != key}):
            lists_closed(rig, order)
            with pytest.raises((BadVenueData, OutcomeUnknown)):
                rig.run(lambda venue: venue.closed_orders(BEGINNING))


def test_an_order_that_is_closed_says_when(on_kraken: Rig) -> None:
    """It would be dated at its creation, and be left out of what closed since then."""
    lists_closed(on_kraken, kraken.order(OURS, closetm=0))
    with pytest.raises(BadVenueData, match="does not say when it was closed"):
        on_kraken.run(lambda venue: venue.closed_orders(BEGINNING))


@pytest.mark.parametrize(
    ("kind", "price", "price2"),
    [
        ("trailing-stop", "+5.0000%", "0"), ("trailing-stop-limit", "+5.0000%", "-1.0"),
        ("stop-loss", "70000.0", "0"), ("take-profit", "90000.0", "0"), ("market", "0", "0"),
        ("settle-position", "0", "0"),
    ],
)  # fmt: skip
def test_a_foreign_order_without_a_limit_is_no_obstacle(
    on_kraken: Rig, kind: str, price: str, price2: str
) -> None:
    """By hand, on the venue's own page: what triggers it is no limit."""
    order = kraken.order(None, status="open", vol_exec="0", closetm=0, price="0.00000")
    order["descr"] = order["descr"] | {"ordertype": kind, "price": price, "price2": price2}
    on_kraken.wire.answers["OpenOrders"] = kraken.result({"open": {"O4": order}})
    (working,) = on_kraken.run(lambda venue: venue.open_orders())
    assert (None, None) == (working.limit_px, working.cl_ord_id)


@pytest.mark.parametrize("kind", ["STOP_LOSS", "TAKE_PROFIT", "MARKET"])
def test_a_foreign_order_without_a_limit_is_no_obstacle_there(on_binance: Rig, kind: str) -> None:
    order = binance.order("web_1", status="NEW", executedQty="0.00000000", type=kind, price="0.00000000")
    on_binance.wire.answers["openOrders"] = said([order])
    (working,) = on_binance.run(lambda venue: venue.open_orders())
    assert (None, None) == (working.limit_px, working.cl_ord_id)


def test_a_row_of_a_market_that_nobody_knows_is_not_told_as_one_of_another(on_binance: Rig) -> None:
    """ccxt takes the market that was asked for. A list by symbol, and one order."""
    rig = on_binance
    foreign: dict[str, Any] = {"symbol": "ETHUSDT"}
    rig.wire.answers["myTrades"] = said([binance.trade(**foreign)])
    rig.wire.answers["allOrders"] = said([binance.order(OURS, **foreign)])
    for work in (lambda venue: venue.trades(BEGINNING), lambda venue: venue.closed_orders(BEGINNING)):
        with pytest.raises(BadVenueData, match="no spot symbol"):
            rig.run(work)
    rig.wire.answers["allOrders"] = said([])
    rig.wire.answers["order"] = said(binance.order(OURS, **foreign))
    with pytest.raises(BadVenueData, match="no spot symbol"):
        rig.run(lambda venue: venue.closed_orders(BEGINNING, [(rig.dialect.symbol, "28")]))


@pytest.mark.parametrize("pair", ["ADAUSDT", "XBTUSDC", "ADAUSD"])
def test_a_pair_that_is_not_listed_is_not_cut_in_two(on_kraken: Rig, pair: str) -> None:
    """As kraken.get_delisted_market_by_id would: ADAU and SDT."""
    order = kraken.order(None, status="open", vol_exec="0", closetm=0)
    order["descr"] = order["descr"] | {"pair": pair}
    on_kraken.wire.answers["OpenOrders"] = kraken.result({"open": {"O4": order}})
    with pytest.raises(BadVenueData, match="no spot symbol"):
        on_kraken.run(lambda venue: venue.open_orders())


# Trades


@pytest.mark.parametrize("is_buyer", [None, "true", "false", 1, 0, [], "BUY"])
def test_a_side_is_never_a_default(on_binance: Rig, is_buyer: Any) -> None:
    """binance.parse_trade: whatever is not true is a sale."""
    on_binance.wire.answers["myTrades"] = said([binance.trade(isBuyer=is_buyer)])
    with pytest.raises(BadVenueData, match="has no side"):
        on_binance.run(lambda venue: venue.trades(BEGINNING))


@pytest.mark.parametrize("is_buyer", [True, False])
def test_a_side_is_the_one_that_the_trade_says(on_binance: Rig, is_buyer: bool) -> None:
    on_binance.wire.answers["myTrades"] = said([binance.trade(isBuyer=is_buyer)])
    (fill,) = on_binance.run(lambda venue: venue.trades(BEGINNING))
    assert fill.side is (Side.BUY if is_buyer else Side.SELL)


@pytest.mark.parametrize(
    "key", ["commission", "commissionAsset", "qty", "price", "orderId", "isBuyer", "symbol"]
)
def test_a_trade_without_one_of_its_parts_is_refused(on_binance: Rig, key: str) -> None:
    trade = {name: value for name, value in binance.trade().items() if name != key}
    on_binance.wire.answers["myTrades"] = said([trade])
    with pytest.raises((BadVenueData, OutcomeUnknown)):
        on_binance.run(lambda venue: venue.trades(BEGINNING))


def test_ledger_lines_of_one_asset_add_up(on_kraken: Rig) -> None:
    """A trade that the ledger tells in parts."""
    lines = {
        "L1": kraken.ledger_line("T1", "XXBT", "0.2"),
        "L2": kraken.ledger_line("T1", "XXBT", "0.3"),
        "L3": kraken.ledger_line("T1", "ZUSD", "-10000.0500", "26.0000"),
        "L4": kraken.ledger_line("T1", "ZUSD", "-30000.0000", "78.0001"),
    }
    on_kraken.wire.answers["TradesHistory"] = kraken.pages("trades", {"T1": kraken.trade()})
    on_kraken.wire.answers["Ledgers"] = kraken.pages("ledger", lines)
    (fill,) = on_kraken.run(lambda venue: venue.trades(BEGINNING))
    assert (Asset("USD"), D("104.0001")) == (fill.fee_asset, fill.fee_amount)


def test_rows_of_one_instant_that_change_places_between_pages_are_no_whole_list(on_kraken: Rig) -> None:
    """One comes twice, another never, and the count is right."""
    trades = {f"T{i:03}": kraken.trade(time=f"{NOW + 1}.25") for i in range(60)}

    def shuffled(asked: Asked) -> Answer:
        names = list(trades) if asked.params["ofs"] == "0" else list(trades)[::-1]
        offset = int(asked.params["ofs"])
        page = {name: trades[name] for name in names[offset : offset + kraken.PAGE_ROWS]}
        return kraken.result({"trades": page, "count": len(trades)})

    on_kraken.wire.answers["TradesHistory"] = shuffled
    with pytest.raises(BadVenueData, match="a list of 60 rows held only 50 different ones"):
        on_kraken.run(lambda venue: venue.trades(BEGINNING))


def test_trades_are_asked_for_one_by_one(on_kraken: Rig) -> None:
    """docs, Get Trades History: unless it is told not to, the venue makes one row of several."""
    names = ("T1", "T2")
    whole, half = kraken.trade(), kraken.trade(vol="0.25", cost="20000.025", fee="52.00006")
    lines = {
        f"L{name}{asset}": kraken.ledger_line(name, asset, *line)
        for name in names
        for asset, *line in (("XXBT", "0.25"), ("ZUSD", "-20000.0250", "52.0001"))
    }

    def listed(asked: Asked) -> Answer:
        one_by_one = asked.params.get("consolidate_taker") == "false"
        trades = dict.fromkeys(names, half) if one_by_one else {"T1": whole}
        return kraken.result({"trades": trades, "count": len(trades)})

    on_kraken.wire.answers["TradesHistory"] = listed
    on_kraken.wire.answers["Ledgers"] = kraken.pages("ledger", lines)
    assert set(names) == {fill.exec_id for fill in on_kraken.run(lambda venue: venue.trades(BEGINNING))}


def test_what_was_at_the_very_beginning_is_listed(rig: Rig) -> None:
    """Kraken leaves out what is at `start` itself; so it is asked for from a second before."""
    trades = {"1": kraken.trade(time=NOW)}
    lines = {
        "L1": kraken.ledger_line("1", "XXBT", "0.5", time=NOW),
        "L2": kraken.ledger_line("1", "ZUSD", "-40000.05", "104.0001", time=NOW),
    }
    rig.wire.answers["TradesHistory"] = kraken.pages("trades", trades)
    rig.wire.answers["Ledgers"] = kraken.pages("ledger", lines)
    rig.wire.answers["ClosedOrders"] = kraken.pages(
        "closed", {"O1": kraken.order(OURS, closetm=NOW, opentm=NOW)}
    )
    rig.wire.answers["myTrades"] = binance.pages([binance.trade(1, time=NOW * 1_000)], "id")
    order = binance.order(OURS, time=NOW * 1_000, updateTime=NOW * 1_000)
    rig.wire.answers["allOrders"] = binance.pages([order], "orderId")
    assert ["1"] == [fill.exec_id for fill in rig.run(lambda venue: venue.trades(BEGINNING))]
    assert 1 == len(rig.run(lambda venue: venue.closed_orders(BEGINNING)))
    if rig.dialect.exchange == "kraken":
        lines["L3"] = kraken.ledger_line("R1", "ZUSD", "5", type="deposit", time=NOW)
        assert 1 == len(rig.run(lambda venue: venue.transfers(BEGINNING)))


# Balances and transfers


def test_two_balances_of_one_name_are_refused(rig: Rig) -> None:
    """ccxt keeps the last: XBT and XXBT are both BTC to it. Where one is nothing there is nothing to lose."""
    row = {"balance": "1", "hold_trade": "0"}
    rig.wire.answers["BalanceEx"] = kraken.result({"XXBT": row, "XBT": row | {"balance": "2"}})
    one = {"asset": "BTC", "free": "1", "locked": "0"}
    rig.wire.answers["account"] = said(binance.ACCOUNT | {"balances": [one, one | {"free": "2"}]})
    with pytest.raises(BadVenueData, match="two balances have one name"):
        rig.run(lambda venue: venue.balances())
    rig.wire.answers["BalanceEx"] = kraken.result({"XBT": row | {"balance": "0"}, "XXBT": row})
    rig.wire.answers["account"] = said(binance.ACCOUNT | {"balances": [one | {"free": "0"}, one]})
    assert {Asset("BTC"): D(1)} == rig.run(lambda venue: venue.balances()).total


@pytest.mark.parametrize("row", [None, [], "1", {"free": "1", "locked": "0"}, {"asset": "BTC", "free": "1"}])
def test_a_balance_that_names_nothing_is_not_left_out(on_binance: Rig, row: Any) -> None:
    """ccxt does so, and the account would hold nothing."""
    on_binance.wire.answers["account"] = said(binance.ACCOUNT | {"balances": [row]})
    with pytest.raises(BadVenueData):
        on_binance.run(lambda venue: venue.balances())


def test_assets_that_are_staked_or_held_back_are_others(on_kraken: Rig) -> None:
    """Kraken's XBT.F and USD.HOLD can not be sold as BTC or USD; what is not listed has its own name."""
    held = {
        name: {"balance": "2", "hold_trade": "0"} for name in ("XBT.F", "ETH2.S", "USD.HOLD", "NEWCOIN")
    } | {"XXBT": {"balance": "1", "hold_trade": "0"}}
    on_kraken.wire.answers["BalanceEx"] = kraken.result(held)
    total = on_kraken.run(lambda venue: venue.balances()).total
    assert {"BTC.F": D(2), "ETH2.S": D(2), "USD.HOLD": D(2), "NEWCOIN": D(2), "BTC": D(1)} == total


def test_an_asset_has_one_name_also_from_the_copy_on_disk(on_kraken: Rig) -> None:
    """ccxt's own table knows XXBT, and no asset that was listed since."""
    new = kraken.ASSETS["XXBT"] | {"altname": "NEW"}
    on_kraken.wire.answers["Assets"] = kraken.result(kraken.ASSETS | {"XNEW": new})
    held = {"balance": "1", "hold_trade": "0"}
    on_kraken.wire.answers["BalanceEx"] = kraken.result({"XNEW": held, "XNEW.F": held})
    for _ in range(2):
        assert {"NEW": D(1), "NEW.F": D(1)} == on_kraken.run(lambda venue: venue.balances()).total
    assert 1 == len(on_kraken.wire.asked_for("Assets"))


def test_a_withdrawal_that_took_hours_is_listed_when_it_is_done(on_binance: Rig) -> None:
    """It left when it was asked for; it would never be told if that was all that counted."""
    withdrawal = {
        "id": "1", "amount": "0.5", "transactionFee": "0.0005", "coin": "BTC", "status": 6, "address": "c",
        "txId": "d", "applyTime": "2026-11-22 09:00:00", "completeTime": "2026-11-22 12:00:20",
        "network": "BTC", "transferType": 0,
    }  # fmt: skip
    on_binance.wire.answers["capital/withdraw/history"] = said([withdrawal])
    (moved,) = on_binance.run(lambda venue: venue.transfers(BEGINNING))
    assert (D("-0.5005"), after(BEGINNING, -3 * 3_600)) == (moved.amount, moved.at)
    assert () == on_binance.run(lambda venue: venue.transfers(after(BEGINNING, 21)))
    on_binance.wire.answers["capital/withdraw/history"] = said([withdrawal | {"completeTime": "soon"}])
    with pytest.raises(BadVenueData):
        on_binance.run(lambda venue: venue.transfers(BEGINNING))


# What goes out


def test_a_price_that_ccxt_would_round_is_not_sent(on_kraken: Rig) -> None:
    """It would go through the limit of a buy: 80000.15 was 80000.2. Its tick is the coarser one."""
    finer = {"XXBTZUSD": kraken.PAIRS["XXBTZUSD"] | {"tick_size": "0.01"}}
    on_kraken.wire.answers["AssetPairs"] = kraken.result(finer)
    assert D("0.1") == on_kraken.run(lambda venue: venue.rules(Symbol("BTC/USD"))).tick
    with pytest.raises(HeldBack):
        on_kraken.run(lambda venue: venue.submit(on_kraken.request(limit_px=D("80000.15"))))
    odd = {"XXBTZUSD": kraken.PAIRS["XXBTZUSD"] | {"tick_size": "0.25"}}
    on_kraken.wire.answers["AssetPairs"] = kraken.result(odd)
    on_kraken.clock.advance(3_601)
    with pytest.raises(HeldBack):
        on_kraken.run(lambda venue: venue.submit(on_kraken.request(limit_px=D("80000.25"))))
    assert not on_kraken.wire.asked_for("AddOrder")


def test_no_digit_of_an_order_is_lost(on_kraken: Rig) -> None:
    """A binary float holds 17."""
    qty, limit_px = D("12345678901234.12345678"), D("98765432109876543.1")
    on_kraken.run(lambda venue: venue.submit(on_kraken.request(order_qty=qty, limit_px=limit_px)))
    (asked,) = on_kraken.wire.asked_for("AddOrder")
    assert (str(qty), str(limit_px)) == (asked.params["volume"], asked.params["price"])


def test_ccxt_changes_no_rounding_but_its_own(rig: Rig) -> None:
    """decimal_to_precision sets that of the context which it finds, and all of mvx computes in it."""

    async def send(venue: Any) -> tuple[Any, Any]:
        before = str(getcontext())
        await venue.submit(rig.request())
        await venue.balances()
        return before, str(getcontext())

    before, afterwards = rig.run(send)
    assert before == afterwards


def test_of_two_markets_that_have_one_symbol_neither_is_traded(rig: Rig) -> None:
    """ccxt keeps the last, and sends it the order; as it was with Kraken's dark pools."""
    (market,) = binance.SYMBOLS
    pair = kraken.PAIRS["XXBTZUSD"]
    rig.wire.answers["AssetPairs"] = kraken.result({"XXBTZUSD": pair, "XXBTZUSD.2": pair})
    rig.wire.answers["exchangeInfo"] = said({"symbols": [market, market | {"symbol": "BTCUSDT_2"}]})
    with pytest.raises(VenueUnreachable, match="two of its markets"):
        rig.run(lambda venue: venue.submit(rig.request()))
    assert not rig.wire.asked_for(rig.dialect.submit)


def test_a_refusal_that_comes_with_an_order_is_none(rig: Rig) -> None:
    """It says two things, and one of them is that the order is there."""
    rig.wire.answers["AddOrder"] = said(
        {"error": ["EOrder:Insufficient funds"], "result": {"txid": [kraken.ORDER_ID]}}
    )
    rig.wire.answers["order"] = said(binance.order("m1") | {"code": -1021, "msg": "too late"}, status=400)
    with pytest.raises(OutcomeUnknown):
        rig.run(lambda venue: venue.submit(rig.request()))


def test_no_option_of_ccxt_makes_it_send_an_order_twice(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """maxRetriesOnFailure of 1 has placed two orders."""
    quirks = QUIRKS[rig.dialect.exchange]
    options = {**quirks.config.get("options", {}), "maxRetriesOnFailure": 2}
    eager = replace(quirks, config={**quirks.config, "options": options})
    monkeypatch.setattr("mvx.venues.ccxt.session.QUIRKS", {rig.dialect.exchange: eager})
    gone = Answer("<html>", 502, "text/html")
    rig.wire.answers[rig.dialect.submit] = rig.wire.answers[rig.dialect.cancel] = gone
    for work in (
        lambda venue: venue.submit(rig.request()),
        lambda venue: venue.cancel(rig.dialect.symbol, ClOrdId("mabc"), None),
    ):
        rig.wire.asked.clear()
        with pytest.raises(OutcomeUnknown):
            rig.run(work)
        asked = rig.wire.asked_for(rig.dialect.submit) + rig.wire.asked_for(rig.dialect.cancel)
        assert 1 == len({id(each) for each in asked})
