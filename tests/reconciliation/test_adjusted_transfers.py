"""Transfers beside the balances that an adjustment or a first contact rests on. A balance is as of when it
was asked for, at the earliest: it may count what came while the answer was made."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from mvx.domain.ids import Asset
from tests.domain.orders import USD
from tests.reconciliation.desk import TERMS, Desk, reading, transfer
from tests.reconciliation.test_transfers import RICHER, UNTOUCHED, read_twice

D = Decimal
SLOW = replace(TERMS, balances_span_s=3.0)


def adjusted_by(amount: str) -> Desk:
    """Asked for at 4 s and again at 15 s, and told up to 3 s later."""
    desk = Desk(SLOW)
    desk.open()
    for began_s in (3, 14):
        desk.once(reading(began_s, totals=UNTOUCHED | {"USD": str(1000 + int(amount))}))
    return desk


def test_a_transfer_that_came_while_an_adjustment_was_read_counts_once() -> None:
    desk = adjusted_by("250")
    found = read_twice(desk, RICHER, transfer("250", at_s=5))
    assert (found.agreed, desk.held()) == (True, RICHER)
    assert [{USD: "adjustment"}] == [each.absorbed for each in desk.transfers()]


def test_a_transfer_right_after_an_adjustment_was_read_moves_the_holding() -> None:
    desk = adjusted_by("100")
    found = read_twice(desk, UNTOUCHED | {"USD": "1350"}, transfer("250", at_s=5))
    assert (found.agreed, [each.absorbed for each in desk.transfers()]) == (True, [{}])


@pytest.mark.parametrize(
    ("totals", "absorbed"), [(RICHER, {USD: "adjustment"}), (UNTOUCHED | {"USD": "1500"}, {})]
)
def test_what_came_between_the_two_balances_of_an_adjustment_it_may_have_counted_or_not(
    totals: dict[str, str], absorbed: dict[Asset, str]
) -> None:
    """The second one had, and the first was stale, older than what had brought it there; or it was not."""
    desk = adjusted_by("250")
    found = read_twice(desk, totals, transfer("250", at_s=13.5))
    assert (found.agreed, desk.held()) == (True, totals)
    assert [absorbed] == [each.absorbed for each in desk.transfers()]


@pytest.mark.parametrize(("at_s", "waits"), [(19, True), (19.000001, False)])
def test_a_balance_may_count_what_came_as_long_as_its_answer_was_made(at_s: float, waits: bool) -> None:
    """And while it waits readings reach back to it: one that lists it no more would be adjusted by it."""
    desk = adjusted_by("250")
    found = desk.once(reading(20, totals=RICHER, transfers=[transfer("250", at_s=at_s)]))
    assert (len(desk.transfers()), found.reach_back) == (int(not waits), waits)


def test_a_balance_that_fits_neither_is_adjusted_again_and_with_it_the_transfer_is_counted() -> None:
    """It came after the first adjustment was asked for: one of the two has counted it."""
    desk, totals = adjusted_by("250"), UNTOUCHED | {"USD": "1253"}
    assert read_twice(desk, totals, transfer("250", at_s=5)).agreed
    assert (desk.held(), [each.absorbed for each in desk.transfers()]) == (totals, [{USD: "adjustment"}])


def test_first_contact_may_have_counted_a_transfer_of_what_was_not_held_then() -> None:
    """It set every asset, those that it did not name to zero."""
    desk = Desk(SLOW)
    desk.open()
    desk.once(reading(-95, totals=UNTOUCHED, transfers=[transfer("5", Asset("ETH"), at_s=-97)]))
    assert desk.transfers() == []


def test_an_adjustment_of_another_asset_does_not_hide_that_of_the_transfer_s_own() -> None:
    """Dollars were adjusted by balances of 4 s, coins by balances of 5 s."""
    desk = Desk(SLOW)
    desk.open()
    both = RICHER | {"BTC": "11"}
    for began_s, totals in ((3, RICHER), (4, both), (14, both), (15, both)):
        desk.once(reading(began_s, totals=totals))
    assert desk.held() == both
    found = read_twice(desk, both, transfer("250", at_s=5.5))
    assert (found.agreed, [each.absorbed for each in desk.transfers()]) == (True, [{USD: "adjustment"}])


def test_no_balance_is_adjusted_that_was_read_before_a_transfer_that_waits() -> None:
    """It was in the second reading, and in the first it may have been: it counts once, and moves the baseline
    alone."""
    desk = Desk(SLOW)
    desk.open()
    totals, moved = UNTOUCHED | {"USD": "1260"}, transfer("250", at_s=-96.8)
    desk.once(reading(-98, totals=totals))
    found = desk.once(reading(-86.9, totals=totals, transfers=[moved]))
    waits = ("USD: 1260 there, 1000 here, to be read again", "deposit of 250 USD: to be read again")
    assert (found.pending, desk.held(), desk.transfers()) == (waits, UNTOUCHED, [])
    found = read_twice(desk, totals, moved)
    assert (found.agreed, desk.held(), desk.baseline(USD)) == (True, totals, D(1250))
