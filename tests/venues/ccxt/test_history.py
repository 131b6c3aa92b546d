"""Trades, orders and transfers to the end of their lists, each row once, and none of it guessed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mvx.domain.execution import Fill
from mvx.domain.ids import Asset, ClOrdId, ExecId, OrderId, Symbol
from mvx.domain.instant import MICROS_PER_S, Instant, after
from mvx.domain.order import Side
from mvx.domain.order_status import OrdStatus
from mvx.errors import BadVenueData, OutcomeUnknown
from tests.venues.ccxt import binance, kraken
from tests.venues.ccxt.kraken import NOW
from tests.venues.ccxt.loopback import Answer, Asked, said
from tests.venues.ccxt.venue import Rig

D = Decimal
BEGINNING = Instant(NOW * MICROS_PER_S)
OURS = "m0000000000000abcd"


def lists_trades(rig: Rig, trades: dict[str, Any], lines: dict[str, Any] | None = None) -> None:
    """Kraken's two lists. Where no lines are given, each trade has its own: the fee in quote."""
    if lines is None:
        lines = {}
        for name, trade in trades.items():
            vol, cost = trade["vol"], trade["cost"]
            lines[f"L{name}-1"] = kraken.ledger_line(name, "XXBT", vol, time=trade["time"])
            lines[f"L{name}-2"] = kraken.ledger_line(
                name, "ZUSD", f"-{cost}", trade["fee"], time=trade["time"]
            )
    rig.wire.answers["TradesHistory"] = kraken.pages("trades", trades)
    rig.wire.answers["Ledgers"] = kraken.pages("ledger", lines)


def fills(rig: Rig, since: Instant = BEGINNING) -> tuple[Fill, ...]:
    return rig.run(lambda venue: venue.trades(since))


# Kraken: by offset, newest first


def test_a_trade_is_told_with_every_digit_and_the_fee_of_the_ledger(on_kraken: Rig) -> None:
    """To the microsecond: ccxt would cut it to milliseconds and guess the fee's asset."""
    lists_trades(on_kraken, {"T1": kraken.trade(time="1795348801.123456")})
    (fill,) = fills(on_kraken)
    assert (Symbol("BTC/USD"), Side.BUY, ExecId("T1"), OrderId(kraken.ORDER_ID)) == (
        fill.symbol, fill.side, fill.exec_id, fill.order_id,
    )  # fmt: skip
    assert (D("0.5"), D("80000.1"), Asset("USD"), D("104.00013")) == (
        fill.qty, fill.price, fill.fee_asset, fill.fee_amount,
    )  # fmt: skip
    assert Instant(BEGINNING + 1_123_456) == fill.at


def test_a_trade_whose_ledger_lines_come_late_waits_for_them(on_kraken: Rig) -> None:
    """As if it were listed late itself; a fee that was guessed would have to be taken back."""
    rig = on_kraken
    lines = {
        "L1": kraken.ledger_line("T1", "XXBT", "0.5"),
        "L2": kraken.ledger_line("T1", "ZUSD", "-40000.05", "104.0001"),
    }
    rig.clock.advance(2)
    lists_trades(rig, {"T1": kraken.trade()}, {"L1": lines["L1"]})
    assert () == fills(rig)
    lists_trades(rig, {"T1": kraken.trade()}, lines)
    assert 1 == len(fills(rig))


def test_a_trade_that_the_ledger_does_not_list_in_time_is_an_error(on_kraken: Rig) -> None:
    """Neither left out nor guessed."""
    on_kraken.clock.advance(60)
    lists_trades(on_kraken, {"T1": kraken.trade()}, {})
    with pytest.raises(BadVenueData, match="ledger does not list trade T1"):
        fills(on_kraken)


def test_a_thousand_trades_are_read_in_one_go_and_then_only_the_new_ones(on_kraken: Rig) -> None:
    """50 a page, oldest first, each once."""
    rig = on_kraken
    lists_trades(rig, {f"T{i:04}": kraken.trade(time=f"{NOW + i}.5") for i in range(1_000)})
    rig.clock.advance(2_000)
    assert [f"T{i:04}" for i in range(1_000)] == [fill.exec_id for fill in fills(rig)]
    assert 20 == len(rig.wire.asked_for("TradesHistory"))
    rig.wire.asked.clear()
    again = fills(rig, Instant((NOW + 950) * MICROS_PER_S))
    assert [f"T{i:04}" for i in range(950, 1_000)] == [fill.exec_id for fill in again]
    assert len(rig.wire.asked_for("TradesHistory")) <= 2


def test_trades_of_one_instant_across_pages_are_all_there(on_kraken: Rig) -> None:
    """An order that sweeps the book."""
    lists_trades(on_kraken, {f"T{i:03}": kraken.trade(time=f"{NOW + 1}.25") for i in range(120)})
    assert 120 == len({fill.exec_id for fill in fills(on_kraken)})


def test_a_trade_that_joins_between_two_pages_hides_none(on_kraken: Rig) -> None:
    """It pushes the others on: one is met twice, and counts once."""
    rig = on_kraken
    trades = {f"T{i:03}": kraken.trade(time=f"{NOW + i}.5") for i in range(120)}
    lists_trades(rig, trades)
    rig.clock.advance(120)
    page = kraken.pages("trades", trades)

    def joined(asked: Asked) -> Answer:
        answer = page(asked)
        trades[f"X{len(trades)}"] = kraken.trade(time=f"{NOW + 200 + len(trades)}.5")
        return answer

    rig.wire.answers["TradesHistory"] = joined
    found = [fill.exec_id for fill in fills(rig)]
    assert [f"T{i:03}" for i in range(120)] == [name for name in found if name.startswith("T")]
    assert len(found) == len(set(found))


def test_a_list_that_ends_before_its_own_count_is_not_whole(on_kraken: Rig) -> None:
    lists_trades(on_kraken, {"T1": kraken.trade()})
    on_kraken.wire.answers["TradesHistory"] = lambda asked: kraken.result(
        {"trades": {} if asked.params["ofs"] != "0" else {"T1": kraken.trade()}, "count": 3}
    )
    with pytest.raises(BadVenueData, match="a list of 3 rows ended after 1"):
        fills(on_kraken)


def test_a_list_without_a_count_is_not_whole(on_kraken: Rig) -> None:
    """What it holds may be all there is, or not."""
    on_kraken.wire.answers["TradesHistory"] = kraken.result({"trades": {"T1": kraken.trade()}})
    with pytest.raises((BadVenueData, OutcomeUnknown)):
        fills(on_kraken)


def test_what_happened_at_the_beginning_counts_and_what_was_before_does_not(rig: Rig) -> None:
    """The venue cuts it to whole seconds, and leaves out the second itself."""
    since = Instant(BEGINNING + 500_000)
    if rig.dialect.exchange == "kraken":
        times = {"before": f"{NOW}.499999", "at": f"{NOW}.5", "after": f"{NOW}.500001"}
        lists_trades(rig, {name: kraken.trade(time=time) for name, time in times.items()})
        assert ["at", "after"] == [fill.exec_id for fill in fills(rig, since)]
    else:
        rows = [binance.trade(i, time=NOW * 1_000 + ms) for i, ms in ((1, 499), (2, 500), (3, 501))]
        rig.wire.answers["myTrades"] = binance.pages(rows, "id")
        assert ["2", "3"] == [fill.exec_id for fill in fills(rig, since)]


def test_a_trade_on_margin_moves_no_balance_and_is_none(on_kraken: Rig) -> None:
    """What it leaves in the ledger is listed there."""
    lists_trades(on_kraken, {"T1": kraken.trade(margin="102.99720")}, {})
    on_kraken.clock.advance(60)
    assert () == fills(on_kraken)


def test_a_symbol_is_known_by_all_its_names_also_from_the_copy_on_disk(on_kraken: Rig) -> None:
    """ccxt's copy of the markets would lack the map of one of them."""
    trades = {"T1": kraken.trade(pair="XXBTZUSD"), "T2": kraken.trade(pair="XBTUSD")}
    lists_trades(on_kraken, trades)
    for _ in range(2):
        assert {Symbol("BTC/USD")} == {fill.symbol for fill in fills(on_kraken)}
    assert 1 == len(on_kraken.wire.asked_for("AssetPairs"))


@pytest.mark.parametrize("field", ["vol", "price", "time", "type", "ordertxid"])
@pytest.mark.parametrize("value", [None, "", "NaN", "-1", "1e999999", "0", [], "buy;drop", "x" * 200])
def test_a_trade_that_can_not_be_true_is_refused(on_kraken: Rig, field: str, value: Any) -> None:
    lists_trades(on_kraken, {"T1": kraken.trade()})
    trade = kraken.trade() | {field: value}
    on_kraken.wire.answers["TradesHistory"] = kraken.result({"trades": {"T1": trade}, "count": 1})
    try:
        found = fills(on_kraken, Instant(0))
    except (BadVenueData, OutcomeUnknown):
        return
    assert field == "ordertxid"
    assert [OrderId(str(value))] == [fill.order_id for fill in found]


# Binance: by windows, and by ids


def test_a_fee_in_base_or_in_a_third_asset_is_told_by_the_trade(on_binance: Rig) -> None:
    rows = [binance.trade(1), binance.trade(2, commission="0.01204", commissionAsset="BNB", isBuyer=False)]
    on_binance.wire.answers["myTrades"] = binance.pages(rows, "id")
    assert [(Asset("BTC"), D("0.0005"), Side.BUY), (Asset("BNB"), D("0.01204"), Side.SELL)] == [
        (fill.fee_asset, fill.fee_amount, fill.side) for fill in fills(on_binance)
    ]


def test_a_history_longer_than_a_window_is_read_window_by_window(on_binance: Rig) -> None:
    """At most a day each, and none between two of them is missed."""
    rig = on_binance
    rows = [binance.trade(i, time=NOW * 1_000 + i * 3_600_000) for i in range(24 * 5 + 1)]
    rig.wire.answers["myTrades"] = binance.pages(rows, "id")
    rig.clock.advance(5 * 86_400)
    assert [str(i) for i in range(24 * 5 + 1)] == [fill.exec_id for fill in fills(rig)]
    assert 6 == len(rig.wire.asked_for("myTrades"))


def test_more_trades_of_one_instant_than_a_page_holds_are_all_there(on_binance: Rig) -> None:
    """A window that is full is read on from its last id."""
    rig = on_binance
    rows = [binance.trade(i, time=NOW * 1_000 + 5) for i in range(2_345)]
    rig.wire.answers["myTrades"] = binance.pages(rows, "id")
    rig.clock.advance(60)
    assert [str(i) for i in range(2_345)] == [fill.exec_id for fill in fills(rig)]
    assert 3 == len(rig.wire.asked_for("myTrades"))


@pytest.mark.parametrize("before", [998, 999, 1_000, 1_998])
def test_a_self_trade_at_the_end_of_a_page_is_there_twice(on_binance: Rig, before: int) -> None:
    """Both of its rows have one id, that of the market's trade, and a page may end between them."""
    rig = on_binance
    rows = [binance.trade(i, time=NOW * 1_000 + 5) for i in range(before + 1)]
    rows.append(binance.trade(before, time=NOW * 1_000 + 5, isBuyer=False, orderId=29))
    rows += [binance.trade(before + i, time=NOW * 1_000 + 6) for i in range(1, 4)]
    rig.wire.answers["myTrades"] = binance.pages(rows, "id")
    rig.clock.advance(60)
    found = [(int(each.exec_id), each.side) for each in fills(rig)]
    assert [(row["id"], Side.BUY if row["isBuyer"] else Side.SELL) for row in rows] == found


def test_a_list_that_stays_at_one_id_is_no_answer(on_binance: Rig) -> None:
    """A page full of it says nothing of what comes then."""
    rows = [binance.trade(7, time=NOW * 1_000 + 5)] * 1_000
    on_binance.wire.answers["myTrades"] = binance.pages(rows, "id")
    on_binance.clock.advance(60)
    with pytest.raises(BadVenueData, match="a list by ids did not go on"):
        fills(on_binance)
    assert 2 == len(on_binance.wire.asked_for("myTrades"))


def test_a_history_of_a_year_is_read_by_ids(on_binance: Rig) -> None:
    """365 windows would take longer than the venue's patience."""
    rig = on_binance
    rows = [binance.trade(i + 1, time=NOW * 1_000 + i * 86_400_000) for i in range(365)]
    rig.wire.answers["myTrades"] = binance.pages(rows, "id")
    rig.clock.advance(365 * 86_400)
    assert 365 == len(fills(rig))
    assert 1 == len(rig.wire.asked_for("myTrades"))


def test_a_trade_that_was_made_while_our_clock_is_behind_is_in_the_window(on_binance: Rig) -> None:
    """Its time is the venue's, which may be ahead of what we take it for."""
    rows = [binance.trade(1, time=NOW * 1_000 + 1_500)]
    on_binance.wire.answers["myTrades"] = binance.pages(rows, "id")
    assert 1 == len(fills(on_binance))


# Orders


def test_an_orders_record_is_told_with_its_client_id_and_state(on_kraken: Rig) -> None:
    """A cancelled one with a fill; one that is foreign; a userref is no client order id."""
    rig = on_kraken
    closed = {
        "O1": kraken.order(OURS, closetm=NOW + 1.25),
        "O2": kraken.order(OURS, status="canceled", vol_exec="0.20000000", closetm=NOW + 2),
        "O3": kraken.order(None, status="expired", vol_exec="0.00000000", userref=77, closetm=NOW + 3),
    }
    rig.wire.answers["ClosedOrders"] = kraken.pages("closed", closed)
    still = kraken.order(OURS, status="open", vol_exec="0.1", opentm=NOW - 9) | {"closetm": 0}
    rig.wire.answers["OpenOrders"] = kraken.result({"open": {"O4": still}})
    reports = rig.run(lambda venue: venue.closed_orders(BEGINNING))
    assert [
        (OrderId("O1"), ClOrdId(OURS), OrdStatus.FILLED, D("0.5")),
        (OrderId("O2"), ClOrdId(OURS), OrdStatus.CANCELED, D("0.2")),
        (OrderId("O3"), None, OrdStatus.EXPIRED, D(0)),
    ] == [(each.order_id, each.cl_ord_id, each.ord_status, each.cum_qty) for each in reports]
    assert Instant(BEGINNING + 1_100_000) == reports[0].created_at
    (working,) = rig.run(lambda venue: venue.open_orders())
    assert (OrderId("O4"), OrdStatus.PARTIALLY_FILLED, D("80000.1")) == (
        working.order_id, working.ord_status, working.limit_px,
    )  # fmt: skip
    assert working.created_at + 8 * MICROS_PER_S < working.updated_at, "it may have traded just now"
    assert "close" == rig.wire.asked_for("ClosedOrders")[0].params["closetime"]


def test_an_order_that_was_made_long_ago_and_closed_now_is_looked_up(on_binance: Rig) -> None:
    """The list goes by creation. One that is still open there, or that is not there, is not closed."""
    rig = on_binance
    day_ms = 86_400_000
    records = {
        28: binance.order(OURS, orderId=28, time=NOW * 1_000 - 9 * day_ms, updateTime=NOW * 1_000 + 7),
        29: binance.order(OURS, orderId=29, status="NEW", executedQty="0.00000000"),
    }
    rig.wire.answers["allOrders"] = binance.pages([binance.order("web_1", orderId=40)], "orderId")
    rig.wire.answers["order"] = lambda asked: (
        said(records[int(asked.params["orderId"])])
        if int(asked.params["orderId"]) in records
        else binance.error(-2013, "Order does not exist.")
    )
    known = [(rig.dialect.symbol, OrderId(name)) for name in ("28", "29", "30", "40")]
    reports = rig.run(lambda venue: venue.closed_orders(BEGINNING, known))
    assert [(OrderId("28"), ClOrdId(OURS)), (OrderId("40"), None)] == [
        (each.order_id, each.cl_ord_id) for each in reports
    ]
    assert ["28", "29", "30"] == [each.params["orderId"] for each in rig.wire.asked_for("order")]


@pytest.mark.parametrize(
    ("status", "filled", "state"),
    [
        ("NEW", "0", None), ("PARTIALLY_FILLED", "0.2", None), ("PENDING_CANCEL", "0.2", None),
        ("FILLED", "0.5", OrdStatus.FILLED), ("CANCELED", "0.2", OrdStatus.CANCELED),
        ("EXPIRED", "0.2", OrdStatus.EXPIRED), ("EXPIRED_IN_MATCH", "0", OrdStatus.EXPIRED),
        ("REJECTED", "0", OrdStatus.REJECTED),
    ],
)  # fmt: skip
def test_only_what_is_terminal_is_closed(
    on_binance: Rig, status: str, filled: str, state: OrdStatus | None
) -> None:
    order = binance.order(OURS, status=status, executedQty=filled)
    on_binance.wire.answers["allOrders"] = said([order])
    reports = on_binance.run(lambda venue: venue.closed_orders(BEGINNING))
    assert ([] if state is None else [state]) == [each.ord_status for each in reports]


def test_a_state_that_nobody_knows_is_refused(rig: Rig) -> None:
    rig.wire.answers["allOrders"] = said([binance.order(OURS, status="SOMETHING_NEW")])
    rig.wire.answers["ClosedOrders"] = kraken.pages(
        "closed", {"O1": kraken.order(OURS, status="something new")}
    )
    with pytest.raises(BadVenueData, match="unknown status"):
        rig.run(lambda venue: venue.closed_orders(BEGINNING))


# Transfers


def test_whatever_the_ledger_moves_and_is_no_trade_is_a_transfer(on_kraken: Rig) -> None:
    """Deposits, withdrawals with their fee, rewards; oldest first, and no trade among them."""
    rig = on_kraken
    lists_trades(
        rig,
        {"T1": kraken.trade()},
        {
            "L1": kraken.ledger_line("T1", "XXBT", "0.5"),
            "L2": kraken.ledger_line("T1", "ZUSD", "-40000.05"),
            "L5": kraken.ledger_line("R3", "XXBT", "0.0000000001", type="staking", time=NOW + 30),
            "L4": kraken.ledger_line(
                "R2", "XXBT", "-1.0000000000", "0.0005000000", type="withdrawal", time=NOW + 20
            ),
            "L3": kraken.ledger_line("R1", "ZUSD", "1000.0000", type="deposit", time=NOW + 10),
            "L6": kraken.ledger_line("R4", "ZUSD", "0.0000", type="transfer", time=NOW + 40),
        },
    )
    moved = rig.run(lambda venue: venue.transfers(BEGINNING))
    assert [
        ("L3", Asset("USD"), D(1000)), ("L4", Asset("BTC"), D("-1.0005")), ("L5", Asset("BTC"), D("1E-10")),
    ] == [(each.transfer_id, each.asset, each.amount) for each in moved]  # fmt: skip


def test_deposits_and_withdrawals_count_once_they_are_done(on_binance: Rig) -> None:
    """A deposit when it is credited, though it was seen long before; one that waits, or failed, moves nothing
    that stays. The samples are in binance.fetch_deposits and fetch_withdrawals."""
    rig = on_binance
    deposit = {
        "id": "769800519366885376", "amount": "0.001", "coin": "BTC", "network": "BTC", "status": 1,
        "address": "a", "addressTag": "", "txId": "b", "insertTime": NOW * 1_000 - 3_600_000,
        "completeTime": NOW * 1_000 + 10_000, "transferType": 0, "confirmTimes": "1/1",
    }  # fmt: skip
    withdrawal = {
        "id": "b6ae22b3aa844210a7041aee7589627c", "amount": "8.91000000", "transactionFee": "0.004",
        "coin": "USDT", "status": 6, "address": "c", "txId": "d", "applyTime": "2026-11-22 12:00:20",
        "network": "ETH", "transferType": 0,
    }  # fmt: skip
    rig.wire.answers["capital/deposit/hisrec"] = said([deposit, deposit | {"id": "2", "status": 0}])
    rig.wire.answers["capital/withdraw/history"] = said([withdrawal, withdrawal | {"id": "3", "status": 5}])
    told = rig.run(lambda venue: venue.transfers(BEGINNING))
    assert D(0) == sum(each.amount for each in told if each.transfer_id.startswith("3"))
    moved = [each for each in told if not each.transfer_id.startswith("3")]
    assert [
        (Asset("BTC"), D("0.001"), after(BEGINNING, 10)), (Asset("USDT"), D("-8.914"), after(BEGINNING, 20)),
    ] == [(each.asset, each.amount, each.at) for each in moved]  # fmt: skip


def test_transfers_are_listed_however_long_ago_we_last_asked(on_binance: Rig) -> None:
    """ccxt asks for 90 days from the start on (binance.fetch_deposits), and the start may be long ago."""
    deposit = {
        "id": "1", "amount": "0.5", "coin": "BTC", "network": "BTC", "status": 1, "address": "a",
        "txId": "b", "insertTime": NOW * 1_000, "completeTime": NOW * 1_000,
    }  # fmt: skip

    def deposits(asked: Asked) -> Answer:
        first, last = int(asked.params["startTime"]), int(asked.params["endTime"])
        assert 0 < last - first <= 90 * 86_400_000
        return said([deposit] if first <= NOW * 1_000 <= last else [])

    on_binance.wire.answers["capital/deposit/hisrec"] = deposits
    for since in (Instant(0), after(BEGINNING, -91 * 86_400)):
        moved = on_binance.run(lambda venue, since=since: venue.transfers(since))
        assert [D("0.5")] == [each.amount for each in moved]
