"""Unknown orders: found and adopted, or proven never accepted, or left unknown."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mvx.domain import entries as log
from mvx.domain.exposure import Interval
from mvx.domain.ids import ClOrdId, OrderId, Symbol
from mvx.domain.order import OrderReport, TimeInForce
from mvx.domain.order_status import OrdStatus
from tests.domain.orders import BTC, BUY, SELL, USD, at, fill, order, report
from tests.reconciliation.desk import BOUND_S, Desk, kinds, opened, reading, with_terms, written

S = OrdStatus
UNTOUCHED = {"BTC": "10", "USD": "1000"}
BOUGHT_ONE = {"BTC": "11", "USD": "900"}


def empty(began_s: float, **more: Any) -> Any:
    return reading(began_s, totals=UNTOUCHED, **more)


def lost_buy() -> Desk:
    """A desk with one order, a buy of 1 at 100 sent at 0 s, whose answer never came. It can not rest."""
    desk = opened()
    desk.lost(BUY, time_in_force=TimeInForce.IOC)
    return desk


def in_doubt(desk: Desk, name: str = "m1") -> bool:
    return desk.order(name).unknown and desk.order(name).worst_qty == 1


def test_an_unknown_order_that_the_venue_lists_is_adopted() -> None:
    """unknown_resolved: it has a name and a state, and its reservation stays."""
    desk = lost_buy()
    found = desk.once(empty(3, open_orders=[report(S.NEW, of=desk.order("m1"))]))
    known = desk.order("m1")
    assert (kinds(found), known.order_id, known.ord_status, known.unknown, known.worst_qty) == (
        ["unknown_resolved"],
        "V1",
        S.NEW,
        False,
        Decimal(1),
    )


def test_an_intent_that_its_worker_still_works_is_adopted_quietly() -> None:
    """An ack that comes by way of the list is no surprise to whoever waits for it."""
    desk = opened()
    sent = desk.intend(BUY)
    found = desk.once(empty(3, open_orders=[report(S.NEW, of=sent)]), [sent])
    assert (kinds(found), desk.order(sent).ord_status) == ([], S.NEW)


@pytest.mark.parametrize("said", [log.OutcomeLost, log.Rejected])
def test_an_order_thought_lost_or_refused_is_adopted_with_a_word_whoever_works_it(said: Any) -> None:
    """Its worker was told something else."""
    desk = opened()
    sent = desk.intend(BUY)
    desk.append(said(sent.cl_ord_id, "no answer, or a wrong one"))
    found = desk.once(empty(3, open_orders=[report(S.NEW, of=sent)]), [sent])
    assert (kinds(found), desk.order(sent).ord_status) == (["unknown_resolved"], S.NEW)


def test_an_intent_of_a_dead_worker_is_adopted_with_a_word() -> None:
    """Nobody waited for it: it is said."""
    desk = opened()
    sent = desk.intend(BUY)
    assert kinds(desk.once(empty(3, open_orders=[report(S.NEW, of=sent)]))) == ["unknown_resolved"]


def test_an_order_that_closed_between_the_two_lists_is_adopted_as_closed() -> None:
    """The closed list was read later and knows better; one order is one break."""
    desk = lost_buy()
    sent = desk.order("m1")
    both = empty(3, open_orders=[report(S.NEW, of=sent)], closed=[report(S.CANCELED, of=sent)])
    found = desk.once(both)
    assert (kinds(found), desk.order(sent).ord_status) == (["unknown_resolved"], S.CANCELED)


def test_an_order_found_filled_is_adopted_with_its_fill() -> None:
    """One break says that it was found, and the position is exact at once."""
    desk = lost_buy()
    listed = report(S.FILLED, "1", of=desk.order("m1"))
    found = desk.once(reading(3, totals=BOUGHT_ONE, closed=[listed], trades=[fill("1")]))
    assert (kinds(found), desk.held(), found.agreed) == (["unknown_resolved"], BOUGHT_ONE, True)


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": Symbol("BTC/USDT")},
        {"side": SELL},
        {"order_qty": Decimal("1.01")},
        {"limit_px": Decimal("100.01")},
        {"created_at": at(-1.000001)},
        {"created_at": at(11.000001)},
    ],
    ids=["symbol", "side", "quantity", "limit", "created before", "created after"],
)
@pytest.mark.parametrize("where", ["open_orders", "closed", "both"])
def test_an_order_that_is_not_this_intent_is_never_adopted(change: dict[str, Any], where: str) -> None:
    """The same client id with another symbol, side, quantity, limit or time is somebody else's."""
    desk = lost_buy()
    other = replace(report(S.NEW, of=desk.order("m1")), **change)
    lists: dict[str, list[OrderReport]] = {
        "open_orders": [other] if where != "closed" else [],
        "closed": [replace(other, ord_status=S.CANCELED)] if where != "open_orders" else [],
    }
    found = desk.apply(empty(3, **lists))
    refs = [each.found.ref for each in found.findings if each.found]
    assert (set(kinds(found)), len(refs), in_doubt(desk)) == ({"foreign_order"}, len(set(refs)), True)
    found = desk.once(empty(60, **lists))
    assert (kinds(found), in_doubt(desk)) == ([], True), "what is listed under its id is no absence"
    assert "m1: another order is listed under its id" in found.pending


@pytest.mark.parametrize("change", [{"limit_px": None}, {"created_at": at(-1)}, {"created_at": at(11)}])
def test_what_the_venue_leaves_open_is_no_mismatch(change: dict[str, Any]) -> None:
    """No limit in the record, or a time within skew and accept lateness: it is this intent."""
    desk = lost_buy()
    desk.once(empty(3, open_orders=[replace(report(S.NEW, of=desk.order("m1")), **change)]))
    assert not desk.order("m1").unknown


def test_two_venue_orders_under_one_client_id() -> None:
    """One is adopted, the other is foreign, and both count in the interval."""
    desk = lost_buy()
    sent = desk.order("m1")
    twice = [report(S.NEW, of=sent), report(S.NEW, of=sent, order_id="V2")]
    found = desk.once(empty(3, open_orders=twice))
    assert (sorted(kinds(found)), desk.order("m1").order_id) == (["foreign_order", "unknown_resolved"], "V1")
    assert desk.order("kraken:BTC/USD:V2").order_id == "V2"
    assert desk.interval(BTC) == Interval(Decimal(10), Decimal(12))


def test_never_accepted_is_concluded_by_a_late_and_complete_read() -> None:
    """unknown_resolved: refused and settled, with the read and its bound in the entry."""
    desk = lost_buy()
    found = desk.once(empty(BOUND_S))
    known = desk.order("m1")
    assert (kinds(found), known.ord_status, known.settled) == (["unknown_resolved"], S.REJECTED, True)
    (concluded,) = (e for e in desk.log if isinstance(e, log.NeverAccepted))
    assert (concluded.by, concluded.read_at, concluded.bound_at) == ("venue", at(BOUND_S), at(BOUND_S))


@pytest.mark.parametrize("cancelling", [False, True])
def test_never_accepted_is_concluded_for_an_intent_that_was_never_dispatched(cancelling: bool) -> None:
    """Its worker died before or while it sent; a cancel asked for meanwhile changes nothing."""
    desk = opened()
    sent = desk.intend(BUY, time_in_force=TimeInForce.IOC)
    if cancelling:
        desk.append(log.CancelRequested(sent.cl_ord_id))
    desk.once(empty(BOUND_S))
    assert (desk.order(sent).ord_status, desk.order(sent).worst_qty) == (S.REJECTED, Decimal(0))


@pytest.mark.parametrize(
    ("terms", "began_s"),
    [
        ({}, BOUND_S - 0.000001),
        ({"clock_skew_s": 2.0}, BOUND_S + 0.9),
        ({"accept_lateness_s": 5.0}, BOUND_S + 0.9),
        ({"listing_lag_s": 3.0}, BOUND_S + 0.9),
    ],
)
def test_a_read_that_began_too_early_proves_nothing(terms: dict[str, float], began_s: float) -> None:
    """deadline + clock skew + accept lateness + listing lag, each of them counts."""
    desk = with_terms(**terms)
    desk.lost(BUY, time_in_force=TimeInForce.IOC)
    found = desk.once(empty(began_s))
    assert (written(found), len(found.pending), in_doubt(desk)) == ([], 1, True)


@pytest.mark.parametrize(("second_s", "proven"), [(15.999999, False), (16, True)])
def test_an_order_that_can_rest_is_proven_absent_by_two_readings_a_listing_lag_apart(
    second_s: float, proven: bool
) -> None:
    """The first one, at 12 s, had read the open orders by 14 s: before its balances, which were of 13 s by a
    clock that may be a second off. The lists lag by 2 s."""
    desk = opened()
    desk.lost(BUY)
    assert written(desk.once(empty(BOUND_S))) == ["FoundAbsent"]
    found = desk.once(empty(second_s))
    assert (written(found), len(found.pending)) == (["NeverAccepted"] * proven, 1 - proven)
    assert in_doubt(desk) is not proven


def test_an_order_that_fills_just_before_a_reading_is_not_proven_absent() -> None:
    """It rested for a minute and nobody looked. Now it is not among the open any more, and neither its record
    nor its trade is listed yet."""
    desk = opened()
    desk.lost(BUY)
    desk.apply(reading(60, totals=BOUGHT_ONE))
    assert (in_doubt(desk), desk.interval(BTC).contains(Decimal(11))) == (True, True)
    sent = desk.order("m1")
    traded = fill("1", at_s=59.9)
    closed = [report(S.FILLED, "1", of=sent)]
    found = desk.once(reading(65, totals=BOUGHT_ONE, closed=closed, trades=[traded]))
    assert (kinds(found), desk.order(sent).ord_status) == (["unknown_resolved"], S.FILLED)


def test_a_read_that_does_not_reach_back_to_the_intent_proves_nothing() -> None:
    """The order may have come and gone before `since`."""
    desk = lost_buy()
    assert (written(desk.once(empty(60, since_s=-0.9))), in_doubt(desk)) == ([], True)
    assert written(desk.once(empty(60, since_s=-1))) == ["NeverAccepted"]


def test_a_venue_whose_lists_are_incomplete_proves_nothing() -> None:
    """Canceled orders missing from its lists: it stays unknown until a human says so."""
    desk = with_terms(closed_orders_complete=False)
    desk.lost(BUY, time_in_force=TimeInForce.IOC)
    for began_s in (60, 600, 6000):
        found = desk.once(empty(began_s))
        assert (written(found), len(found.pending), in_doubt(desk)) == ([], 1, True)


def test_a_market_that_the_desk_names_no_more_proves_nothing() -> None:
    """Binance lists closed orders and trades market by market, and this one was taken out of the
    configuration while an order was on its way: it may have filled. One that is found there is adopted."""
    desk = with_terms(instruments={})
    desk.lost(BUY, time_in_force=TimeInForce.IOC)
    found = desk.once(empty(60))
    assert (written(found), len(found.pending), in_doubt(desk)) == ([], 1, True)
    filled = report(S.FILLED, "1", of=desk.order("m1"))
    desk.once(reading(61, totals=BOUGHT_ONE, closed=[filled], trades=[fill("1")]))
    assert (desk.held(), desk.order("m1").filled_qty) == (BOUGHT_ONE, Decimal(1))


def test_our_own_order_in_a_market_that_is_named_no_more_is_not_pending_for_ever() -> None:
    """It filled, and its trade is never listed: the balance tells."""
    desk = with_terms(instruments={})
    sent = desk.acked(BUY)
    filled = report(S.FILLED, "1", of=sent)
    for began_s in (3, 16, 27, 40):
        found = desk.apply(reading(began_s, totals=BOUGHT_ONE, closed=[filled]))
    assert (found.agreed, found.pending, desk.held()) == (True, (), BOUGHT_ONE)
    assert (desk.order(sent).settled, desk.order(sent).filled_qty) == (True, Decimal(1))


def test_a_list_that_forgets_proves_nothing_of_what_is_older() -> None:
    """Binance puts unfilled orders away after 90 days: who was away as long learns no more of one."""
    for began_s, facts in ((600, ["NeverAccepted"]), (600.000001, [])):
        desk = with_terms(closed_kept_s=600.0)
        desk.lost(BUY, time_in_force=TimeInForce.IOC)
        assert (written(desk.once(empty(began_s))), in_doubt(desk)) == (facts, not facts)


def test_a_trade_that_nobody_owns_yet_keeps_an_unknown_order_unknown() -> None:
    """It may be the order's own."""
    desk = lost_buy()
    found = desk.once(reading(60, totals=UNTOUCHED, trades=[fill("0.5")]))
    assert (written(found), found.reach_back, in_doubt(desk)) == ([], True, True)


def test_an_outdated_reading_proves_nothing() -> None:
    """One that began before the last applied one changes nothing by absence."""
    desk = opened()
    desk.apply(empty(90))
    desk.lost(BUY)
    assert (written(desk.once(empty(80))), in_doubt(desk)) == ([], True)


def test_an_order_that_was_found_is_not_proven_absent_by_the_same_read() -> None:
    """Present is present, however late the read."""
    desk = lost_buy()
    desk.once(empty(60, closed=[report(S.CANCELED, of=desk.order("m1"))]))
    assert desk.order("m1").ord_status is S.CANCELED


def never_accepted() -> Desk:
    """A desk whose order was concluded never to have been accepted."""
    desk = lost_buy()
    desk.apply(empty(BOUND_S))
    assert desk.order("m1").settled
    return desk


@pytest.mark.parametrize(
    ("status", "cum", "totals"),
    [(S.NEW, "0", UNTOUCHED), (S.PARTIALLY_FILLED, "0.5", {"BTC": "10.5", "USD": "950"}),
     (S.FILLED, "1", BOUGHT_ONE), (S.CANCELED, "1", BOUGHT_ONE)],
)  # fmt: skip
def test_an_order_found_after_all_is_loud_and_right_at_once(
    status: OrdStatus, cum: str, totals: dict[str, str]
) -> None:
    """Concluded never accepted, and found: another break, and position and reservation are right."""
    desk = never_accepted()
    listed = report(status, cum, of=desk.order("m1"))
    lists = {"closed" if status in (S.FILLED, S.CANCELED) else "open_orders": [listed]}
    trades = [fill(cum)] if Decimal(cum) else []
    found = desk.once(reading(30, totals=totals, trades=trades, **lists))
    assert kinds(found) != []
    assert (desk.held(), desk.order("m1").settled, found.agreed) == (totals, False, True)


def test_an_order_found_filled_after_all_is_reserved_until_its_trade_is_listed() -> None:
    """The record shows it before the trades do: the interval holds the venue's balance at once."""
    desk = never_accepted()
    desk.apply(reading(30, totals=BOUGHT_ONE, closed=[report(S.FILLED, "1", of=desk.order("m1"))]))
    assert desk.interval(BTC).contains(Decimal(11))
    assert desk.interval(USD).contains(Decimal(900))


def test_a_refusal_that_the_venue_s_list_repeats_is_no_break() -> None:
    """Some venues list refused orders: both say the same."""
    desk = opened()
    sent = desk.intend(BUY)
    desk.append(log.Rejected(sent.cl_ord_id, "no funds"))
    found = desk.once(empty(30, closed=[report(S.REJECTED, of=sent)]))
    assert (kinds(found), desk.order(sent).ord_status) == ([], S.REJECTED)


def test_a_refusal_that_the_venue_lists_with_a_fill_is_loud_and_owns_its_fill() -> None:
    """Refused here, refused there, and half of it traded all the same: booked on the order."""
    desk = opened()
    sent = desk.intend(BUY)
    desk.append(log.Rejected(sent.cl_ord_id, "no funds"))
    totals = {"BTC": "10.5", "USD": "950"}
    listed = report(S.REJECTED, "0.5", of=sent)
    found = desk.apply(reading(30, totals=totals, closed=[listed], trades=[fill("0.5")]))
    assert "foreign_fill" not in kinds(found)
    assert (bool(kinds(found)), desk.order(sent).filled_qty) == (True, Decimal("0.5"))


def test_a_listed_order_without_our_id_is_not_ours() -> None:
    """No client id in the record, other id in the record: nothing is adopted by likeness."""
    desk = lost_buy()
    likeness = [
        report(S.NEW, of=order(BUY), order_id="X1", cl_ord_id=None),
        report(S.NEW, of=order(BUY), order_id="X2", cl_ord_id=ClOrdId("m17")),
    ]
    found = desk.once(empty(3, open_orders=likeness))
    assert (kinds(found), in_doubt(desk)) == (["foreign_order"] * 2, True)


def test_a_late_ack_after_adoption_changes_nothing() -> None:
    """The worker's answer arrives when reconciliation was there first."""
    desk = lost_buy()
    desk.once(empty(3, open_orders=[report(S.NEW, of=desk.order("m1"))]))
    before = desk.order("m1")
    desk.append(log.Acked(ClOrdId("m1"), OrderId("V1")))
    desk.append(log.OutcomeLost(ClOrdId("m1"), "timeout"))
    desk.append(log.Rejected(ClOrdId("m1"), "duplicate id"))
    assert desk.order("m1") == before
