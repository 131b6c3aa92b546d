"""Pushed fills: expected, and dropped only by a complete reading that could have listed them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mvx.domain.exposure import Interval
from mvx.domain.ids import Asset, ExecId, OrderId, Symbol
from mvx.domain.order import Order
from mvx.domain.order_status import OrdStatus
from tests.domain.orders import BTC, BUY, SELL, fill, report
from tests.reconciliation.desk import Desk, kinds, opened, reading, with_terms, written

D = Decimal
S = OrdStatus
UNTOUCHED = {"BTC": "10", "USD": "1000"}
BOUGHT = {"BTC": "10.5", "USD": "950"}
HALF = fill("0.5", at_s=1)
#: Heard at 2 s, lateness 10 s, listing lag 2 s.
PROVEN_S = 14


def listening(**more: Any) -> tuple[Desk, Order]:
    """A desk with an open buy of 1 at 100, half of which was pushed as filled."""
    desk = opened()
    sent = desk.acked(BUY)
    desk.pushed(sent, replace(HALF, **more), 2)
    return desk, sent


def empty(began_s: float, sent: Order, **more: Any) -> Any:
    return reading(began_s, totals=UNTOUCHED, open_orders=[report(S.NEW, of=sent)], **more)


def test_a_pushed_fill_that_is_not_listed_yet_is_pending() -> None:
    """It stays expected, and the pass proves less than all."""
    desk, sent = listening()
    found = desk.once(empty(PROVEN_S - 0.000001, sent), [sent])
    assert (written(found), kinds(found)) == ([], [])
    assert (f"fill e1 of {sent.cl_ord_id} was pushed and is not listed yet",) == found.pending
    assert desk.order(sent).heard_qty == D("0.5")


def test_a_pushed_fill_that_no_complete_reading_lists_is_a_phantom() -> None:
    """phantom_fill: said and dropped, and the order expects it no more."""
    desk, sent = listening()
    found = desk.once(empty(PROVEN_S, sent), [sent])
    assert (kinds(found), written(found), found.pending) == (["phantom_fill"], ["PhantomDropped"], ())
    (said,) = (each.found for each in found.findings if each.found)
    assert ("pushed buy 0.5 at 100", "not listed", sent.cl_ord_id, "e1") == (
        said.ours, said.theirs, said.cl_ord_id, said.exec_id,
    )  # fmt: skip
    assert (desk.order(sent).heard_qty, desk.heard(), desk.held()) == (D(0), (), UNTOUCHED)


@pytest.mark.parametrize(
    "terms", [{"lateness_s": 10.1}, {"listing_lag_s": 2.1}], ids=lambda terms: next(iter(terms))
)
def test_lateness_and_listing_lag_each_count(terms: dict[str, float]) -> None:
    """A list may be behind, and a trade may be late."""
    desk = with_terms(**terms)
    sent = desk.acked(BUY)
    desk.pushed(sent, HALF, 2)
    assert kinds(desk.once(empty(PROVEN_S, sent), [sent])) == []


@pytest.mark.parametrize("listed", [HALF, fill("0.4", "99", at_s=1)], ids=["as pushed", "other numbers"])
@pytest.mark.parametrize("began_s", [3, 60])
def test_a_pushed_fill_that_is_listed_is_booked_and_heard_of_no_more(listed: Any, began_s: float) -> None:
    """Only the record counts; the worker that waits for it is not surprised."""
    desk, sent = listening()
    totals = {"BTC": str(10 + listed.qty), "USD": str(1000 - listed.notional)}
    lists = {"open_orders": [report(S.PARTIALLY_FILLED, listed.qty, of=sent)], "trades": [listed]}
    found = desk.once(reading(began_s, totals=totals, **lists), [sent])
    assert (kinds(found), found.pending, found.agreed) == ([], (), True)
    assert (desk.heard(), desk.order(sent).heard_qty, desk.order(sent).filled_qty) == ((), D(0), listed.qty)


def test_a_phantom_that_is_listed_after_all_is_booked() -> None:
    """Beyond what the venue declares, and the venue is right about what filled."""
    desk, sent = listening()
    desk.once(empty(PROVEN_S, sent))
    lists = {"open_orders": [report(S.PARTIALLY_FILLED, "0.5", of=sent)], "trades": [HALF]}
    found = desk.once(reading(30, totals=BOUGHT, **lists))
    assert (kinds(found), found.agreed, desk.held()) == (["missing_fill"], True, BOUGHT)


def test_a_phantom_that_is_pushed_again_is_dropped_again_and_said_once() -> None:
    """A stream that replays its own mistake."""
    desk, sent = listening()
    desk.once(empty(PROVEN_S, sent))
    desk.pushed(sent, HALF, 20)
    assert len(desk.once(empty(25, sent)).pending) == 1
    found = desk.once(empty(40, sent))
    assert (kinds(found), written(found), desk.heard()) == ([], ["PhantomDropped"], ())


@pytest.mark.parametrize(("since_s", "proves"), [(1, True), (1.000001, False)])
def test_a_reading_that_does_not_reach_back_to_it_proves_nothing(since_s: float, proves: bool) -> None:
    """It may have been listed before `since`."""
    desk, sent = listening()
    found = desk.once(empty(60, sent, since_s=since_s))
    assert kinds(found) == (["phantom_fill"] if proves else [])


def test_a_reading_reaches_back_to_the_order_at_most() -> None:
    """A pushed time is a claim too: no fill of an order is older than the order, by more than the skew."""
    desk, sent = listening(at=0)
    assert kinds(desk.once(empty(60, sent, since_s=-0.9))) == []
    assert kinds(desk.once(empty(60, sent, since_s=-1))) == ["phantom_fill"]


def test_an_outdated_reading_proves_no_phantom() -> None:
    """It changes nothing by absence."""
    desk, sent = listening()
    desk.apply(empty(12, sent))
    desk.last_read_at = desk.last_read_at and empty(99, sent).began_at
    assert written(desk.once(empty(60, sent))) == []


@pytest.mark.parametrize(
    ("side", "exec_id", "waits"), [(BUY, "r1", True), (BUY, "e1", True), (SELL, "r1", False)]
)
def test_a_trade_that_waits_for_its_order_may_be_the_pushed_one(side: Any, exec_id: str, waits: bool) -> None:
    """Its record may carry other ids: as long as it waits, nothing is dropped."""
    desk, sent = listening()
    desk.lost(side, "2", sent_s=50)
    unjoined = fill("0.5", exec_id=exec_id, order_id="R1", side=side, at_s=2)
    found = desk.once(empty(60, sent, trades=[unjoined]))
    assert found.reach_back
    assert kinds(found) == ([] if waits else ["phantom_fill"])


def test_a_trade_that_waits_in_another_market_is_not_the_pushed_one() -> None:
    desk, sent = listening()
    market = {"symbol": Symbol("ETH/USD"), "base": Asset("ETH")}
    desk.lost(BUY, "2", sent_s=50, **market)
    unjoined = fill("0.5", exec_id="r1", order_id="R1", symbol=market["symbol"], at_s=2)
    found = desk.once(empty(60, sent, trades=[unjoined]))
    assert (found.reach_back, kinds(found)) == (True, ["phantom_fill"])


def test_a_fill_that_the_record_has_on_another_order_is_dropped_at_once() -> None:
    """Pushed for the one, listed for the other: it counts where the record has it."""
    desk, sent = listening()
    other = desk.acked(BUY, order_id="V2")
    desk.pushed(other, fill("0.1", exec_id="e2", order_id="V2"), 2)
    traded = replace(HALF, order_id=OrderId("V2"))
    lists = {
        "open_orders": [report(S.NEW, of=sent), report(S.PARTIALLY_FILLED, "0.5", of=other, order_id="V2")],
        "trades": [traded],
    }
    found = desk.once(reading(3, totals=BOUGHT, **lists), [sent, other])
    assert kinds(found) == ["phantom_fill"]
    assert (D(0), D("0.1")) == (desk.order(sent).heard_qty, desk.order(other).heard_qty)
    assert (D(0), D("0.5")) == (desk.order(sent).filled_qty, desk.order(other).filled_qty)
    assert [ExecId("e2")] == [each.fill.exec_id for each in desk.heard()]


def test_an_order_does_not_settle_while_a_pushed_fill_of_it_is_open() -> None:
    """It may be the fill that the trades still lack: its reservation is held until that is known."""
    desk, sent = listening()
    canceled = report(S.CANCELED, of=sent)
    desk.once(reading(3, totals=UNTOUCHED, closed=[canceled]), [sent])
    desk.pushed(sent, fill("0.2", exec_id="e2", at_s=1), 10)
    found = desk.once(reading(20, totals=UNTOUCHED, closed=[canceled]), [sent])
    assert (kinds(found), desk.order(sent).settled) == (["phantom_fill"], False)
    assert desk.interval(BTC) == Interval(D(10), D(11))
    found = desk.once(reading(22, totals=UNTOUCHED, closed=[canceled]), [sent])
    assert (kinds(found), desk.order(sent).settled) == (["phantom_fill"], True)


def test_an_absent_order_is_not_deduced_while_a_pushed_fill_of_it_is_open() -> None:
    """It traded by one account: nobody says that it was canceled unfilled."""
    desk = opened()
    sent = desk.acked(BUY)
    desk.apply(reading(20, totals=UNTOUCHED))
    desk.pushed(sent, HALF, 29)
    desk.apply(reading(40, totals=UNTOUCHED))
    assert desk.order(sent).ord_status is S.NEW
    desk.apply(reading(41, totals=UNTOUCHED))
    assert desk.order(sent).ord_status is S.CANCELED
