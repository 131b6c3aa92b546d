"""Fills: what the venue lists and the journal lacks is booked once, on whatever order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from mvx.domain import entries as log
from mvx.domain.ids import OrderId, Symbol
from mvx.domain.order_status import OrdStatus
from tests.domain.orders import BNB, BTC, BTC_USD, BUY, SELL, USD, at, fill, order, report
from tests.reconciliation.desk import Desk, kinds, opened, reading, with_terms, written

S = OrdStatus
BOUGHT_HALF = {"BTC": "10.5", "USD": "950"}
BOUGHT_ONE = {"BTC": "11", "USD": "900"}
UNTOUCHED = {"BTC": "10", "USD": "1000"}


def test_a_fill_that_we_lacked_is_booked_and_said() -> None:
    """missing_fill: booked on its order, both holdings moved, and a second look finds nothing."""
    desk = opened()
    sent = desk.acked(BUY)
    found = desk.once(
        reading(
            3,
            totals=BOUGHT_HALF,
            open_orders=[report(S.PARTIALLY_FILLED, "0.5", of=sent)],
            trades=[fill("0.5")],
        )
    )
    assert (kinds(found), found.agreed) == (["missing_fill"], True)
    assert (desk.held(), desk.order(sent).filled_qty) == (BOUGHT_HALF, Decimal("0.5"))


def test_the_progress_of_an_order_that_the_caller_works_is_no_break() -> None:
    """Ordinary life is quiet."""
    desk = opened()
    sent = desk.acked(BUY)
    closed = report(S.FILLED, "1", of=sent)
    found = desk.once(reading(3, totals=BOUGHT_ONE, closed=[closed], trades=[fill("1")]), [sent])
    assert (kinds(found), desk.order(sent).ord_status) == ([], S.FILLED)


def test_a_fill_listed_twice_counts_once() -> None:
    """A page boundary may repeat a trade."""
    desk = opened()
    sent = desk.acked(BUY)
    desk.once(
        reading(3, totals=BOUGHT_ONE, closed=[report(S.FILLED, "1", of=sent)], trades=[fill("1")] * 3), [sent]
    )
    assert desk.held() == BOUGHT_ONE


def settled_cancel(desk: Desk) -> str:
    """An order that was canceled unfilled and is settled; its id."""
    sent = desk.acked(BUY)
    canceled = report(S.CANCELED, of=sent)
    desk.apply(reading(3, totals=UNTOUCHED, closed=[canceled]), [sent])
    desk.apply(reading(20, totals=UNTOUCHED, closed=[canceled]), [sent])
    assert desk.order(sent).settled
    return sent.cl_ord_id


def test_a_fill_on_a_settled_order_is_late_booked_and_said() -> None:
    """late_fill: the venue is right about what filled, and the order waits again."""
    desk = opened()
    name = settled_cancel(desk)
    listed = report(S.CANCELED, "0.5", of=desk.order(name))
    found = desk.once(reading(40, totals=BOUGHT_HALF, closed=[listed], trades=[fill("0.5")]))
    assert (kinds(found), desk.held()) == (["late_fill"], BOUGHT_HALF)
    assert not desk.order(name).settled
    again = desk.once(reading(60, totals=BOUGHT_HALF, closed=[listed], trades=[fill("0.5")]))
    assert (written(again), desk.order(name).settled) == (["Settled"], True)


@pytest.mark.parametrize("status", [S.CANCELED, S.EXPIRED])
def test_a_fill_after_a_cancel_ack_is_late_even_within_the_wait(status: OrdStatus) -> None:
    """The caller that works the order is told too: nobody foresaw this one."""
    desk = opened()
    sent = desk.acked(BUY)
    desk.apply(reading(3, totals=UNTOUCHED, closed=[report(status, of=sent)]), [sent])
    listed = report(status, "0.5", of=sent)
    found = desk.once(reading(4, totals=BOUGHT_HALF, closed=[listed], trades=[fill("0.5")]), [sent])
    assert kinds(found) == ["late_fill"]


def test_a_fill_that_the_canceled_order_s_record_had_named_is_not_late() -> None:
    """Canceled after half of it, with the trade listed a little later: nothing unforeseen."""
    desk = opened()
    sent = desk.acked(BUY)
    listed = report(S.CANCELED, "0.5", of=sent)
    first = desk.apply(reading(3, totals=BOUGHT_HALF, closed=[listed]), [sent])
    assert (kinds(first), first.agreed, desk.order(sent).worst_qty) == ([], False, Decimal(1))
    assert first.reach_back
    found = desk.once(reading(5, totals=BOUGHT_HALF, closed=[listed], trades=[fill("0.5")]), [sent])
    assert (kinds(found), found.agreed, found.reach_back) == ([], True, False)


def test_more_than_was_ordered_is_booked_and_said() -> None:
    """overfill: nothing is cut."""
    desk = opened()
    sent = desk.acked(BUY)
    trades = [fill("0.7"), fill("0.6", exec_id="e2", at_s=2)]
    totals = {"BTC": "11.3", "USD": "870"}
    found = desk.once(
        reading(3, totals=totals, closed=[report(S.FILLED, "1.3", of=sent)], trades=trades), [sent]
    )
    assert (kinds(found), desk.held(), found.agreed) == (["overfill"], totals, True)


def test_a_trade_of_no_order_of_ours_is_booked_and_said() -> None:
    """foreign_fill: somebody traded by hand."""
    desk = opened()
    found = desk.once(reading(3, totals=BOUGHT_HALF, trades=[fill("0.5", order_id="X9")]))
    assert (kinds(found), desk.held(), found.agreed) == (["foreign_fill"], BOUGHT_HALF, True)


def test_an_order_is_joined_by_market_too() -> None:
    """Some venues count order ids per market: the same number elsewhere is another order."""
    desk = opened()
    sent = desk.acked(BUY, order_id="77")
    other = fill("2", "10", order_id="77", symbol=Symbol("ETH/USD"))
    found = desk.apply(
        reading(
            3,
            totals=UNTOUCHED | {"USD": "980", "ETH": "2"},
            open_orders=[report(S.NEW, of=sent, order_id="77")],
            trades=[other],
        )
    )
    assert (kinds(found), found.agreed) == (["foreign_fill"], True)
    assert (desk.order(sent).filled_qty, desk.held()["BTC"]) == (Decimal(0), "10")


def test_two_sides_of_a_self_trade_are_two_fills() -> None:
    """They may share an exec_id."""
    desk = opened()
    buy, sell = desk.acked(BUY, order_id="V1"), desk.acked(SELL, order_id="V2")
    trades = [fill("1", fee="1"), fill("1", side=SELL, order_id="V2", fee="1")]
    closed = [report(S.FILLED, "1", of=buy), report(S.FILLED, "1", of=sell, order_id="V2")]
    totals = {"BTC": "10", "USD": "998"}
    found = desk.once(reading(3, totals=totals, closed=closed, trades=trades), [buy, sell])
    assert (kinds(found), found.agreed, len(desk.state.tables["fills"])) == ([], True, 2)


def booked_half(desk: Desk) -> None:
    sent = desk.acked(BUY)
    listed = report(S.PARTIALLY_FILLED, "0.5", of=sent)
    desk.once(reading(3, totals=BOUGHT_HALF, open_orders=[listed], trades=[fill("0.5")]), [sent])


@pytest.mark.parametrize(
    "change",
    [{"qty": Decimal("0.6")}, {"price": Decimal(99)}, {"fee_amount": Decimal(1)}, {"fee_asset": BNB},
     {"order_id": OrderId("V7")}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_one_trade_with_two_sets_of_numbers_is_said_once_and_posts_nothing(change: dict[str, object]) -> None:
    """fill_conflict: both are kept in the break, the first one stands."""
    desk = opened()
    booked_half(desk)
    other = replace(fill("0.5"), **change)
    listed = report(S.PARTIALLY_FILLED, "0.5", of=desk.order("m1"))
    second = reading(6, totals=BOUGHT_HALF, open_orders=[listed], trades=[other])
    assert (kinds(desk.once(second)), desk.held()) == (["fill_conflict"], BOUGHT_HALF)
    third = reading(9, totals=BOUGHT_HALF, open_orders=[listed], trades=[other])
    assert kinds(desk.once(third)) == []


@pytest.mark.parametrize("between_readings", [False, True])
def test_two_records_of_one_trade_in_one_reading_conflict(between_readings: bool) -> None:
    """Two partial fills under one trade id: neither is dropped without a word."""
    desk = opened()
    sent = desk.acked(BUY)
    one, two = fill("0.5"), fill("0.3", "99")
    listed = report(S.PARTIALLY_FILLED, "0.5", of=sent)
    trades, later = ([one], [one, two]) if between_readings else ([one, two], [one, two])
    found = desk.once(
        reading(3, totals=BOUGHT_HALF, open_orders=[listed], trades=trades, after=later), [sent]
    )
    assert (kinds(found), desk.held()) == (["fill_conflict"], BOUGHT_HALF)


def test_a_trade_that_may_belong_to_an_unknown_order_waits_for_the_lists() -> None:
    """It is booked on the order once that is listed, and is foreign to nobody."""
    desk = opened()
    sent = desk.lost(BUY)
    early = desk.once(reading(3, totals=BOUGHT_HALF, trades=[fill("0.5")]))
    assert (early.reach_back, written(early), desk.held()) == (True, [], UNTOUCHED)
    listed = report(S.PARTIALLY_FILLED, "0.5", of=sent)
    found = desk.once(reading(6, totals=BOUGHT_HALF, open_orders=[listed], trades=[fill("0.5")]))
    assert (kinds(found), found.reach_back, found.agreed) == (["unknown_resolved"], False, True)
    assert desk.order(sent).filled_qty == Decimal("0.5")


@pytest.mark.parametrize(
    "trade",
    [
        fill("0.5", side=SELL, order_id="X"),
        fill("2", order_id="X"),
        fill("0.5", order_id="X", symbol=Symbol("ETH/USD")),
    ],
    ids=["other side", "more than was ordered", "other market"],
)
def test_a_trade_that_can_not_be_the_unknown_order_s_does_not_wait(trade) -> None:
    """It is booked at once as foreign."""
    desk = opened()
    desk.lost(BUY)
    found = desk.apply(reading(3, totals=UNTOUCHED, trades=[trade]))
    assert (kinds(found), found.reach_back) == (["foreign_fill"], False)


def test_a_trade_whose_order_is_listed_under_another_id_does_not_wait() -> None:
    """The lists say whose it is: nobody's of ours."""
    desk = opened()
    desk.lost(BUY)
    other = report(S.FILLED, "0.5", order_id="X", cl_ord_id=None)
    found = desk.apply(reading(3, totals=BOUGHT_HALF, closed=[other], trades=[fill("0.5", order_id="X")]))
    assert (kinds(found), found.reach_back) == (["foreign_fill"], False)


def test_an_outdated_reading_still_books_its_fills() -> None:
    """A fill is a fact whenever it was read; status, absence and balances are not."""
    desk = opened()
    sent = desk.acked(BUY)
    desk.apply(reading(9, totals=UNTOUCHED, open_orders=[report(S.NEW, of=sent)]), [sent])
    old = reading(
        3, totals={"BTC": "1", "USD": "1"}, closed=[report(S.CANCELED, "0.5", of=sent)], trades=[fill("0.5")]
    )
    found = desk.once(old, [sent])
    assert (written(found), found.agreed) == (["FillBooked"], False)
    assert (desk.order(sent).ord_status, desk.held()) == (S.PARTIALLY_FILLED, BOUGHT_HALF)


def test_a_fee_in_a_third_asset_is_booked_in_it() -> None:
    """Points or BNB: the holding of that asset moves."""
    desk = with_terms(fee_assets={BTC_USD: (USD, BNB)})
    sent = desk.acked(BUY, fee_assets=(USD, BNB))
    totals = BOUGHT_ONE | {"BNB": "-0.002"}
    trade = fill("1", fee="0.002", fee_asset=BNB)
    found = desk.once(
        reading(3, totals=totals, closed=[report(S.FILLED, "1", of=sent)], trades=[trade]), [sent]
    )
    assert (found.agreed, desk.held()) == (True, totals)


def test_fills_are_booked_oldest_first() -> None:
    """In the venue's order, whatever the order of its list."""
    desk = opened()
    sent = desk.acked(BUY)
    trades = [fill("0.2", exec_id=f"e{n}", at_s=9 - n) for n in range(5)]
    desk.once(reading(20, totals=BOUGHT_ONE, closed=[report(S.FILLED, "1", of=sent)], trades=trades), [sent])
    booked = [e.fill.at for e in desk.log if isinstance(e, log.FillBooked)]
    assert booked == sorted(at(9 - n) for n in range(5))


def test_fills_of_one_instant_are_booked_and_told_as_they_were_counted() -> None:
    """T10 is no earlier than T8: what was filled before each of them only grows."""
    desk = opened()
    sent = desk.acked(BUY)
    trades = [fill("0.25", exec_id=f"T{n}") for n in (10, 8, 11, 9)]
    found = desk.once(reading(3, totals=BOUGHT_ONE, closed=[report(S.FILLED, "1", of=sent)], trades=trades))
    said = [(each.found.exec_id, each.found.ours) for each in found.findings if each.found]
    had = ["NEW 0", "PARTIALLY_FILLED 0.25", "PARTIALLY_FILLED 0.5", "PARTIALLY_FILLED 0.75"]
    assert [(f"T{n}", f"{each} of 1") for n, each in zip((8, 9, 10, 11), had, strict=True)] == said


def test_our_own_trade_is_its_order_s_whatever_the_venue_s_clock_says() -> None:
    """Sent after first contact, and dated before it by a clock that was set back."""
    desk = opened()
    sent = desk.acked(BUY)
    listed = report(S.PARTIALLY_FILLED, "0.5", of=sent)
    desk.apply(reading(3, totals=BOUGHT_HALF, open_orders=[listed], trades=[fill("0.5", at_s=-99)]), [sent])
    assert desk.order(sent).filled_qty == Decimal("0.5")


def test_nothing_is_booked_where_nothing_happened() -> None:
    """A pass over an unchanged venue writes nothing."""
    desk = opened()
    found = desk.once(reading(3, totals=UNTOUCHED))
    assert (found.findings, found.agreed, found.pending) == ((), True, ())


def test_a_foreign_order_s_own_fill_names_it() -> None:
    """A foreign order that we know gets its trades, each said as foreign."""
    desk = opened()
    listed = report(S.NEW, of=order(BUY), order_id="X", cl_ord_id=None)
    desk.once(reading(3, totals=UNTOUCHED, open_orders=[listed]))
    moved = replace(listed, cum_qty=Decimal("0.5"), avg_px=Decimal(100), ord_status=S.PARTIALLY_FILLED)
    found = desk.once(reading(6, totals=BOUGHT_HALF, open_orders=[moved], trades=[fill("0.5", order_id="X")]))
    assert (kinds(found), desk.order("kraken:BTC/USD:X").filled_qty, found.agreed) == (
        ["foreign_fill"],
        Decimal("0.5"),
        True,
    )
    assert desk.interval(BTC).hi == Decimal(11)
