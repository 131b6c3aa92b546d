"""Foreign orders: known from the pass that finds them, and what they fill counts once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mvx.domain.exposure import Interval
from mvx.domain.ids import Asset, Symbol
from mvx.domain.order_status import OrdStatus
from tests.domain.orders import BTC, BUY, USD, at, fill, order, report
from tests.reconciliation.desk import Desk, kinds, opened, reading, written

D = Decimal
S = OrdStatus
ETH = Asset("ETH")
UNTOUCHED = {"BTC": "10", "USD": "1000"}
BOUGHT_HALF = {"BTC": "10.5", "USD": "950"}


def empty(began_s: float, **more: Any) -> Any:
    return reading(began_s, totals=UNTOUCHED, **more)


def by_hand(status: OrdStatus = S.NEW, cum: str = "0", **changes: Any) -> Any:
    return report(status, cum, of=order(BUY), order_id="X", cl_ord_id=None, **changes)


def test_an_order_placed_by_hand_is_said_once_and_counts() -> None:
    """foreign_order: known from now on, so the interval holds what it may do."""
    desk = opened()
    assert kinds(desk.once(empty(3, open_orders=[by_hand()]))) == ["foreign_order"]
    assert desk.interval(BTC) == Interval(Decimal(10), Decimal(11))
    assert desk.interval(USD).lo == Decimal("899.8")
    assert kinds(desk.once(empty(6, open_orders=[by_hand()]))) == []


def test_an_order_listed_twice_is_one_order() -> None:
    """A page boundary may repeat it."""
    desk = opened()
    assert kinds(desk.once(empty(3, open_orders=[by_hand(), by_hand()]))) == ["foreign_order"]


def test_orders_of_two_markets_that_share_an_id_are_two_orders() -> None:
    """Binance counts order ids per market (docs, Query order: symbol is mandatory)."""
    desk = opened()
    other = by_hand(symbol=Symbol("BTC/EUR"))
    desk.once(empty(3, open_orders=[by_hand(), other]))
    assert desk.interval(BTC) == Interval(Decimal(10), Decimal(12))
    assert desk.interval(USD).lo == Decimal("899.8")


def test_an_order_that_was_open_at_first_contact_is_taken_in_quietly() -> None:
    """Nobody claimed to know it; it counts all the same, and a second look finds nothing."""
    desk = Desk()
    first = reading(-9, totals=UNTOUCHED, open_orders=[by_hand()], since_s=-60)
    assert kinds(desk.open(first)) == []
    assert desk.interval(BTC) == Interval(Decimal(10), Decimal(11))
    assert desk.compare(first).findings == ()


@pytest.mark.parametrize("listed_late", [False, True])
def test_what_a_foreign_order_had_filled_at_first_contact_can_not_fill_again(listed_late: bool) -> None:
    """Half of it was filled before: half of it is still open, whenever its trade is listed."""
    desk = Desk()
    half = by_hand(S.PARTIALLY_FILLED, "0.5")
    before = fill("0.5", order_id="X", at_s=-20)
    first = reading(
        -9, totals=UNTOUCHED, open_orders=[half], trades=[] if listed_late else [before], since_s=-60
    )
    desk.open(first)
    desk.apply(reading(3, totals=UNTOUCHED, open_orders=[half], trades=[before]))
    assert desk.interval(BTC) == Interval(Decimal(10), Decimal("10.5"))
    assert desk.order("kraken:BTC/USD:X").ord_status is S.PARTIALLY_FILLED


def test_a_foreign_order_that_was_unlisted_at_first_contact_knows_what_it_had_filled() -> None:
    """Order and trade are both listed late: half of it is still open, and nothing stays pending."""
    desk = opened()
    half = by_hand(S.PARTIALLY_FILLED, "0.5")
    before = fill("0.5", order_id="X", at_s=-120)
    found = desk.apply(reading(3, totals=UNTOUCHED, open_orders=[half], trades=[before]))
    assert (desk.interval(BTC), found.pending) == (Interval(Decimal(10), Decimal("10.5")), ())


def test_a_foreign_order_that_closes_is_followed_quietly() -> None:
    """Whoever placed it canceled it."""
    desk = opened()
    desk.once(empty(3, open_orders=[by_hand()]))
    found = desk.once(empty(6, closed=[by_hand(S.CANCELED)]))
    assert (kinds(found), desk.order("kraken:BTC/USD:X").ord_status) == ([], S.CANCELED)
    desk.once(empty(30, closed=[by_hand(S.CANCELED)]))
    assert desk.interval(BTC).is_point


def test_a_foreign_order_without_a_limit_is_said() -> None:
    """A stop or market order is open at the venue, and nobody here sent it."""
    desk = opened()
    found = desk.apply(empty(3, open_orders=[by_hand(limit_px=None)]))
    assert kinds(found) == ["foreign_order"]


def filled(cum: str, began_s: float, totals: dict[str, str], *trades: Any, **more: Any) -> Any:
    """A reading with the order open after so much of it was filled, and these of its trades listed."""
    return reading(
        began_s, totals=totals, open_orders=[by_hand(S.PARTIALLY_FILLED, cum)], trades=trades, **more
    )


@pytest.mark.parametrize("listed_in_s", [1, 9])
def test_a_trade_of_an_order_found_later_counts_once_however_late_it_is_listed(listed_in_s: float) -> None:
    """Found half filled while its trade was not listed yet: the half is not counted and counted again."""
    desk = opened()
    trade = fill("0.5", order_id="X", at_s=2)
    early = desk.once(filled("0.5", 3, BOUGHT_HALF))
    assert (kinds(early), desk.interval(BTC)) == (["foreign_order"], Interval(D(10), D(11)))
    found = desk.once(filled("0.5", 3 + listed_in_s, BOUGHT_HALF, trade))
    assert (kinds(found), found.agreed, found.pending) == (["foreign_fill"], True, ())
    assert desk.interval(BTC) == Interval(D("10.5"), D(11))
    assert desk.order("kraken:BTC/USD:X").filled_qty == D("0.5")


def test_a_trade_booked_before_its_order_was_listed_counts_once() -> None:
    """The trade came first, as nobody's; the order that is listed later remembers it."""
    desk = opened()
    trade = fill("0.5", order_id="X", at_s=2)
    desk.once(reading(3, totals=BOUGHT_HALF, trades=[trade]))
    found = desk.once(filled("0.5", 5, BOUGHT_HALF, trade))
    assert (kinds(found), found.agreed, found.pending) == (["foreign_order"], True, ())
    assert desk.interval(BTC) == Interval(D("10.5"), D(11))


def test_what_it_fills_after_first_contact_is_added_to_what_it_had_filled() -> None:
    """A small trade that first contact listed is not taken for the one that came after it."""
    desk = Desk()
    old, new = (
        fill("0.2", exec_id="a", order_id="X", at_s=-20),
        fill("0.3", exec_id="b", order_id="X", at_s=1),
    )
    desk.open(filled("0.5", -9, UNTOUCHED, old, since_s=-60))
    totals = {"BTC": "10.3", "USD": "970"}
    for began_s, trades in ((2, [old]), (4, [old, new])):
        found = desk.once(filled("0.8", began_s, totals, *trades))
    assert (found.agreed, found.pending, desk.held()) == (True, (), totals)
    assert desk.interval(BTC) == Interval(D("10.3"), D("10.5"))


#: An old order, half filled long ago, trades between the order lists and the balances of first contact.
DURING = fill("0.3", order_id="X", at_s=-8.5)


def while_first_contact_is_made() -> Desk:
    desk = Desk()
    desk.open(filled("0.5", -9, UNTOUCHED, DURING, since_s=-60))
    desk.apply(claiming(3))
    return desk


def claiming(began_s: float, totals: dict[str, str] = UNTOUCHED) -> Any:
    """Its record counts that trade too, and was made at -8.5 s."""
    record = by_hand(S.PARTIALLY_FILLED, "0.8", updated_at=DURING.at)
    return reading(began_s, totals=totals, open_orders=[record], trades=[DURING])


def test_a_trade_while_first_contact_is_made_moves_nothing_twice() -> None:
    """The balance has it, the order's record had not: the interval is the wider for it, never wrong."""
    desk = while_first_contact_is_made()
    assert desk.held() == UNTOUCHED
    assert desk.interval(BTC) == Interval(D(10), D("10.5"))
    assert len(desk.once(claiming(4)).pending) == 1


@pytest.mark.parametrize(("began_s", "counted"), [(4.499999, False), (4.5, True)])
def test_what_no_list_shows_and_every_balance_agrees_without_was_counted_before(
    began_s: float, counted: bool
) -> None:
    """It last traded at -8.5 s: with skew, lateness and listing lag that trade would be listed by 4.5 s."""
    desk = while_first_contact_is_made()
    found = desk.once(claiming(began_s))
    assert (kinds(found), written(found)) == ([], ["CountedBefore"] * counted)
    assert desk.interval(BTC) == Interval(D(10), D("10.2") if counted else D("10.5"))
    assert desk.once(claiming(9)).pending == ()


def test_what_a_balance_does_not_agree_without_is_waited_for() -> None:
    """The venue holds what it claims to have traded: that trade is to be listed."""
    desk = opened()
    record = by_hand(S.PARTIALLY_FILLED, "0.5", updated_at=at(2))
    for began_s in (3, 30, 60):
        found = desk.apply(reading(began_s, totals=BOUGHT_HALF, open_orders=[record]))
    assert (found.agreed, desk.order("kraken:BTC/USD:X").filled_qty) == (False, D(0))


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "in no list"])
def test_a_closed_foreign_order_settles_though_it_lacks_what_came_before_first_contact(listed: bool) -> None:
    """Nothing of it is pending for ever."""
    desk = while_first_contact_is_made()
    closed = [by_hand(S.CANCELED, "0.8", updated_at=at(4))]
    desk.apply(empty(5, closed=closed))
    found = desk.once(empty(30, closed=closed if listed else []))
    assert (found.agreed, found.pending, desk.interval(BTC).is_point) == (True, (), True)


def test_a_vanished_foreign_order_is_deduced_though_it_lacks_what_came_before_first_contact() -> None:
    """The same for one that is in no list any more."""
    desk = while_first_contact_is_made()
    for began_s in (20, 33, 34, 50):
        found = desk.once(empty(began_s))
    vanished = desk.order("kraken:BTC/USD:X")
    assert (vanished.ord_status, vanished.settled) == (S.CANCELED, True)
    assert found.pending == ()


def test_an_order_in_a_market_whose_trades_are_not_listed_does_not_excuse_a_balance_for_ever() -> None:
    """Binance lists trades market by market, and the desk names but one: what was bought with its BTC is
    found by the balance. It was pending for ever, and the BTC that it had spent were still counted."""
    desk = opened()
    other = order(BUY, "40", "0.05", symbol=Symbol("ETH/BTC"), base=ETH, quote=BTC)
    open_, filled_ = (
        report(status, cum, of=other, order_id="X", cl_ord_id=None)
        for status, cum in ((S.NEW, "0"), (S.FILLED, "40"))
    )
    desk.once(empty(1, open_orders=[open_]))
    spent = {"BTC": "8", "ETH": "40", "USD": "1000"}
    found = desk.once(reading(3, totals=spent, closed=[filled_]))
    assert (found.agreed, desk.held()["BTC"]) == (False, "10")
    for began_s in (16, 27, 40):
        found = desk.apply(reading(began_s, totals=spent))
    assert (found.agreed, found.pending, desk.held()) == (True, (), spent)
    assert desk.interval(BTC).is_point


def test_a_busted_trade_of_a_foreign_order_is_not_counted_as_filled() -> None:
    """Listed as taken back in the reading that finds the order."""
    desk = opened()
    trade = fill("0.5", order_id="X", at_s=2)
    desk.once(reading(3, totals=BOUGHT_HALF, trades=[trade]))
    found = desk.once(filled("0.5", 7, UNTOUCHED, replace(trade, busted_at=at(6))))
    assert sorted(kinds(found)) == ["bust", "foreign_order"]
    assert (desk.held(), desk.order("kraken:BTC/USD:X").filled_qty) == (UNTOUCHED, D(0))
    assert found.pending == ()


def test_a_trade_that_was_taken_back_before_its_order_was_found_is_not_counted_as_filled() -> None:
    """Even where the list shows it standing again: that one is behind."""
    desk = opened()
    trade = fill("0.5", order_id="X", at_s=2)
    desk.once(reading(3, totals=UNTOUCHED, trades=[replace(trade, busted_at=at(2.5))]))
    desk.once(filled("0.5", 7, UNTOUCHED, trade))
    found = desk.order("kraken:BTC/USD:X")
    assert (found.filled_qty, found.busted_qty) == (D(0), D("0.5"))
    assert desk.interval(BTC) == Interval(D(10), D(11))


def test_a_record_that_is_behind_its_trades_at_first_contact_frees_nothing() -> None:
    """Half of it is listed as traded, and its record counts a fifth: half of it is still open."""
    desk = Desk()
    desk.open(filled("0.2", -9, UNTOUCHED, fill("0.5", order_id="X", at_s=-10), since_s=-60))
    assert desk.interval(BTC) == Interval(D(10), D("10.5"))


def test_an_outdated_reading_takes_in_no_order() -> None:
    """It may be closed by now."""
    desk = opened()
    desk.apply(empty(9))
    assert written(desk.once(empty(3, open_orders=[by_hand()]))) == []
