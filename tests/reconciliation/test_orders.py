"""Order states: what moved, what vanished, and what is settled."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mvx.domain.exposure import Interval
from mvx.domain.order import Order
from mvx.domain.order_status import OrdStatus
from tests.domain.orders import BTC, BUY, at, fill, report
from tests.reconciliation.desk import BOUND_S, Desk, kinds, opened, reading, with_terms, written

S = OrdStatus
UNTOUCHED = {"BTC": "10", "USD": "1000"}
BOUGHT_HALF = {"BTC": "10.5", "USD": "950"}
BOUGHT_ONE = {"BTC": "11", "USD": "900"}


def empty(began_s: float, **more: Any) -> Any:
    return reading(began_s, totals=UNTOUCHED, **more)


def resting() -> tuple[Desk, Order]:
    desk = opened()
    return desk, desk.acked(BUY)


@pytest.mark.parametrize("status", [S.CANCELED, S.EXPIRED])
def test_a_state_that_moved_without_us_is_said(status: OrdStatus) -> None:
    """order_state: the journal moves to the venue's state."""
    desk, sent = resting()
    found = desk.once(empty(3, closed=[report(status, of=sent)]))
    assert (kinds(found), desk.order(sent).ord_status) == (["order_state"], status)


def test_a_state_that_its_fills_explain_is_no_break_of_its_own() -> None:
    """The fill was missing; that the order is filled follows from it."""
    desk, sent = resting()
    found = desk.once(
        reading(3, totals=BOUGHT_ONE, closed=[report(S.FILLED, "1", of=sent)], trades=[fill("1")])
    )
    assert kinds(found) == ["missing_fill"]


@pytest.mark.parametrize("behind", [S.NEW, S.PARTIALLY_FILLED])
def test_a_list_that_is_behind_changes_nothing(behind: OrdStatus) -> None:
    """NEW after FILLED is no news."""
    desk, sent = resting()
    closed = report(S.FILLED, "1", of=sent)
    desk.once(reading(3, totals=BOUGHT_ONE, closed=[closed], trades=[fill("1")]), [sent])
    stale = report(behind, "0" if behind is S.NEW else "0.5", of=sent)
    found = desk.once(reading(5, totals=BOUGHT_ONE, open_orders=[stale], trades=[fill("1")]))
    assert (written(found), desk.order(sent).ord_status) == ([], S.FILLED)


def test_a_record_that_no_table_row_allows_does_not_stop_the_venue_s_pass() -> None:
    """REJECTED after a partial fill is absurd, and everything else at the venue is still compared."""
    desk, sent = resting()
    listed = report(S.PARTIALLY_FILLED, "0.5", of=sent)
    desk.once(reading(3, totals=BOUGHT_HALF, open_orders=[listed], trades=[fill("0.5")]), [sent])
    absurd = report(S.REJECTED, "0.5", of=sent)
    other = fill("0.5", exec_id="e2", order_id="X", at_s=4)
    desk.apply(reading(5, totals=BOUGHT_ONE, closed=[absurd], trades=[fill("0.5"), other]))
    assert desk.held() == BOUGHT_ONE


# Absence


def test_one_absent_read_changes_no_state() -> None:
    """It is noted, and the pass proves less than all."""
    desk, sent = resting()
    found = desk.once(empty(20))
    assert (kinds(found), written(found), len(found.pending)) == ([], ["FoundAbsent"], 1)
    assert (desk.order(sent).ord_status, desk.order(sent).worst_qty) == (S.NEW, Decimal(1))


@pytest.mark.parametrize(("second_s", "expected"), [(31.999999, S.NEW), (32, S.CANCELED)])
def test_two_absent_reads_lateness_apart_deduce_a_cancel(second_s: float, expected: OrdStatus) -> None:
    """order_state: the break says that it was deduced. Apart from when the first one had read the open
    orders: that was before its balances, which were of 21 s by a clock that may be a second off."""
    desk, sent = resting()
    desk.apply(empty(20))
    found = desk.once(empty(second_s))
    assert desk.order(sent).ord_status is expected
    assert kinds(found) == (["order_state"] if expected is S.CANCELED else [])
    assert all("deduced" in each.found.note for each in found.findings if each.found)


@pytest.mark.parametrize(("second_s", "expected"), [(29.999999, S.NEW), (30, S.CANCELED)])
def test_absence_counts_on_our_clock_where_the_venues_is_behind(second_s: float, expected: OrdStatus) -> None:
    """The first read began at 20 s, and its balances are of 10 s by the venue's clock."""
    desk, sent = resting()
    desk.apply(empty(20, balances_s=10))
    desk.once(empty(second_s))
    assert desk.order(sent).ord_status is expected


@pytest.mark.parametrize(("began_s", "counts"), [(BOUND_S - 0.000001, False), (BOUND_S, True)])
def test_absence_counts_from_when_the_order_would_be_listed(began_s: float, counts: bool) -> None:
    desk, _ = resting()
    assert written(desk.once(empty(began_s))) == ["FoundAbsent"] * counts


def test_a_read_that_shows_it_again_begins_the_count_anew() -> None:
    """Absent, there, absent: twice absent with a sighting between deduces nothing."""
    desk, sent = resting()
    desk.apply(empty(20))
    desk.once(empty(25, open_orders=[report(S.NEW, of=sent)]))
    desk.once(empty(33))
    assert desk.order(sent).ord_status is S.NEW
    desk.once(empty(45))
    assert desk.order(sent).ord_status is S.CANCELED


def test_an_order_whose_claimed_trades_are_not_listed_is_not_deduced() -> None:
    """Its record says more than its trades: it may say more still."""
    desk, sent = resting()
    claims = report(S.PARTIALLY_FILLED, "0.5", of=sent)
    desk.apply(empty(3, open_orders=[claims]), [sent])
    for began_s in (20, 40, 60):
        desk.apply(empty(began_s))
    assert desk.order(sent).ord_status is S.PARTIALLY_FILLED


def test_an_order_is_not_deduced_while_the_balance_disagrees() -> None:
    """DESIGN 2.8: with complete trades and agreeing balance. Here the venue holds what the order would
    have bought, and its trade is still to be listed."""
    desk, sent = resting()
    desk.apply(reading(20, totals=BOUGHT_ONE))
    desk.apply(reading(40, totals=BOUGHT_ONE))
    assert (desk.order(sent).ord_status, desk.order(sent).worst_qty) == (S.NEW, Decimal(1))


def test_a_read_that_began_before_the_order_could_be_listed_is_no_absence() -> None:
    """The lists may lag by five seconds: two reads within them tell nothing of a new order."""
    desk = with_terms(lateness_s=1.0, listing_lag_s=5.0)
    sent = desk.acked(BUY)
    for began_s in (-1, 0.5, 1.5, 3):
        desk.apply(empty(began_s))
    assert desk.order(sent).ord_status is S.NEW


def test_an_outdated_read_counts_no_absence() -> None:
    """One that began before the last applied one."""
    desk, sent = resting()
    desk.apply(empty(50, open_orders=[report(S.NEW, of=sent)]))
    found = desk.once(empty(20))
    assert written(found) == []
    assert found.pending == ("a later reading was applied before this one",)


# Settling


@pytest.mark.parametrize(("second_s", "settled"), [(13.999999, False), (14, True)])
def test_an_order_is_settled_by_a_read_that_began_after_the_wait(second_s: float, settled: bool) -> None:
    """Terminal heard of at 4 s (a second after the read began), lateness 10 s."""
    desk, sent = resting()
    canceled = report(S.CANCELED, of=sent)
    desk.once(empty(3, closed=[canceled]), [sent])
    assert desk.order(sent).terminal_at == at(4)
    found = desk.once(empty(second_s, closed=[canceled]))
    assert (written(found), desk.order(sent).settled) == (["Settled"] if settled else [], settled)


def test_settling_needs_no_further_listing() -> None:
    """The order fell out of the lists meanwhile: what counts is that no trade came."""
    desk, sent = resting()
    desk.once(empty(3, closed=[report(S.CANCELED, of=sent)]), [sent])
    assert written(desk.once(empty(60))) == ["Settled"]


def test_an_order_whose_trades_are_incomplete_is_never_settled() -> None:
    """FILLED by its record, no trade listed: the reservation is held for ever."""
    desk, sent = resting()
    for began_s in (3, 30, 3000):
        desk.apply(empty(began_s, closed=[report(S.FILLED, "1", of=sent)]), [sent])
    assert (desk.order(sent).settled, desk.interval(BTC)) == (False, Interval(Decimal(10), Decimal(11)))


def test_an_open_order_is_never_settled() -> None:
    """However long it rests."""
    desk, sent = resting()
    for began_s in (3, 30, 3000):
        desk.once(empty(began_s, open_orders=[report(S.NEW, of=sent)]))
    assert not desk.order(sent).settled


def corrected() -> tuple[Desk, Order]:
    """Half of it traded, and that trade was corrected under another id, with no word of the first one. Its
    record stays at half, and its trades add up to all of it."""
    desk, sent = resting()
    trades = [fill("0.5"), fill("0.5", "90", exec_id="e2")]
    half = report(S.PARTIALLY_FILLED, "0.5", avg_px="90", of=sent)
    desk.once(reading(3, totals=BOUGHT_ONE, open_orders=[half], trades=trades), [sent])
    assert desk.order(sent).ord_status is S.FILLED
    return desk, sent


@pytest.mark.parametrize(("second_s", "opened_again"), [(13.999999, False), (14, True)])
def test_what_the_venue_still_lists_as_open_is_not_done(second_s: float, opened_again: bool) -> None:
    """order_state: not before what it lists could not be late any more. Then what its record leaves may fill,
    and is reserved."""
    desk, sent = corrected()
    half = report(S.PARTIALLY_FILLED, "0.5", avg_px="90", of=sent)
    found = desk.once(reading(second_s, totals=BOUGHT_ONE, open_orders=[half]))
    assert [each for each in kinds(found) if each == "order_state"] == ["order_state"] * opened_again
    order = desk.order(sent)
    assert order.ord_status is (S.PARTIALLY_FILLED if opened_again else S.FILLED)
    assert (order.worst_qty, order.settled) == (Decimal("0.5") if opened_again else Decimal(0), False)


def test_an_order_that_was_opened_again_fills_to_its_end_and_settles() -> None:
    """What its record did not count stays uncounted: the rest of it is no overfill of the reservation."""
    desk, sent = corrected()
    half = report(S.PARTIALLY_FILLED, "0.5", avg_px="90", of=sent)
    desk.once(reading(14, totals=BOUGHT_ONE, open_orders=[half]))
    more = [fill("0.2", exec_id="e3", at_s=15)]
    most = report(S.PARTIALLY_FILLED, "0.7", avg_px="93", of=sent)
    desk.apply(reading(16, totals=BOUGHT_ONE, open_orders=[most], trades=more))
    order = desk.order(sent)
    assert (order.ord_status, order.filled_qty, order.worst_qty) == (
        *(S.PARTIALLY_FILLED, Decimal("1.2")),
        Decimal("0.3"),
    )
    more = [fill("0.3", exec_id="e4", at_s=17)]
    desk.apply(reading(18, totals=BOUGHT_ONE, closed=[report(S.FILLED, "1", of=sent)], trades=more))
    assert desk.order(sent).ord_status is S.FILLED
    desk.apply(reading(40, totals=BOUGHT_ONE))
    assert desk.order(sent).settled


def test_a_settled_order_that_the_venue_lists_as_open_is_opened_again() -> None:
    """It was missing from the lists for long enough to be deduced canceled, and is there after all."""
    desk, sent = resting()
    desk.apply(empty(20))
    desk.apply(empty(32))
    desk.apply(empty(50))
    assert desk.order(sent).settled
    found = desk.once(empty(60, open_orders=[report(S.NEW, of=sent)]))
    assert (kinds(found), written(found)) == (["order_state"], ["Reopened"])
    order = desk.order(sent)
    assert (order.ord_status, order.worst_qty, order.settled) == (S.NEW, Decimal(1), False)


def test_an_outdated_read_settles_nothing() -> None:
    """Its status is behind."""
    desk, sent = resting()
    desk.once(empty(3, closed=[report(S.CANCELED, of=sent)]), [sent])
    desk.last_read_at = at(100)
    assert written(desk.once(empty(60))) == []


def test_a_report_under_another_market_is_another_order_s() -> None:
    """Order ids that are counted per market: the state of the one is not the state of the other."""
    desk, sent = resting()
    other = replace(report(S.CANCELED, of=sent), symbol="ETH/USD", cl_ord_id=None)
    desk.apply(empty(3, open_orders=[report(S.NEW, of=sent)], closed=[other]))
    assert desk.order(sent).ord_status is S.NEW
