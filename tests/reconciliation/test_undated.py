"""Transfers of which the venue does not say when they happened, only since when: the balance tells."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from mvx.domain.execution import Transfer
from mvx.domain.ids import Asset
from mvx.domain.order import TimeInForce
from tests.domain.orders import SELL, USD
from tests.reconciliation.desk import BOUND_S, TERMS, Desk, kinds, opened, reading, transfer

D = Decimal
UNTOUCHED = {"BTC": "10", "USD": "1000"}
RICHER = {"BTC": "10", "USD": "1250"}


def undated(amount: str = "250", *, transfer_id: str = "u1", at_s: float = -120) -> Transfer:
    """It was asked for before first contact, which was at -99 s."""
    return replace(transfer(amount, transfer_id=transfer_id, at_s=at_s), undated=True)


def test_one_that_nothing_can_have_counted_is_booked_at_once() -> None:
    desk = opened()
    assert desk.once(reading(3, totals=RICHER, transfers=[undated(at_s=-98)])).agreed
    assert (desk.held(), desk.baseline(USD)) == (RICHER, D(1250))


@pytest.mark.parametrize(("totals", "absorbed"), [(RICHER, {}), (UNTOUCHED, {USD: "opening"})])
def test_two_equal_balances_tell_whether_first_contact_had_counted_it(
    totals: dict[str, str], absorbed: dict[Asset, str]
) -> None:
    """However long ago that was."""
    desk, moved = opened(), undated()
    found = desk.once(reading(1_000, totals=totals, transfers=[moved]))
    assert (found.pending[-1], desk.transfers()) == ("deposit of 250 USD: to be read again", [])
    found = desk.once(reading(1_011, totals=totals, transfers=[moved]))
    assert (found.agreed, found.pending, desk.held()) == (True, (), totals)
    assert [absorbed] == [each.absorbed for each in desk.transfers()]
    assert desk.baseline(USD) == D(totals["USD"])


def test_it_waits_for_no_order_that_the_same_pass_proves_absent() -> None:
    """Else that pass adjusts by what it brought, and it is taken for counted by first contact."""
    desk, moved = opened(), undated()
    desk.once(reading(-20, totals=RICHER))
    desk.lost(SELL, "3", "100", time_in_force=TimeInForce.IOC)
    now = desk.once(reading(BOUND_S + 2, totals=RICHER, transfers=[moved]))
    assert (now.agreed, kinds(now), desk.held()) == (True, ["unknown_resolved", "balance"], RICHER)
    assert ([{}], D(1250)) == ([each.absorbed for each in desk.transfers()], desk.baseline(USD))


def test_one_that_first_contact_listed_is_part_of_it() -> None:
    desk = Desk()
    desk.open(reading(-100, totals=UNTOUCHED, transfers=[undated()], since_s=-160))
    assert desk.once(reading(3, totals=UNTOUCHED, transfers=[undated()])).findings == ()


@pytest.mark.parametrize(("later", "absorbed"), [("1253", {USD: "opening"}), ("1503", {})])
def test_a_balance_that_fits_neither_is_adjusted_and_the_next_two_tell(
    later: str, absorbed: dict[Asset, str]
) -> None:
    """It may have come after the balance that was adjusted to, of which one reading was older than its
    listing."""
    desk, moved = opened(), undated()
    totals = UNTOUCHED | {"USD": "1253"}
    desk.once(reading(3, totals=totals))
    found = desk.once(reading(14, totals=totals, transfers=[moved]))
    assert (kinds(found), desk.held(), desk.transfers()) == (["balance"], totals, [])
    for began_s in (15, 26):
        found = desk.once(reading(began_s, totals=totals | {"USD": later}, transfers=[moved]))
    assert (found.agreed, found.pending, desk.held()["USD"]) == (True, (), later)
    assert [absorbed] == [each.absorbed for each in desk.transfers()]


def test_a_balance_between_the_lists_that_lack_it_and_those_that_have_it_tells_nothing() -> None:
    """It came before that was read, or after: a later one that is stale may say the same."""
    desk, moved = opened(), undated()
    desk.once(reading(3, totals=UNTOUCHED, transfers_after=[moved]))
    desk.once(reading(14, totals=UNTOUCHED, transfers=[moved]))
    assert desk.transfers() == []
    for began_s in (15, 26):
        found = desk.once(reading(began_s, totals=RICHER, transfers=[moved]))
    assert (found.agreed, desk.held(), [each.absorbed for each in desk.transfers()]) == (True, RICHER, [{}])


def test_no_reading_between_such_lists_ends_a_doubt() -> None:
    """Of an earlier transfer, which waits for its balance too: the later one waits for another."""
    desk = opened()
    first, second = undated(), undated(transfer_id="u2", at_s=-110)
    desk.once(reading(3, totals=UNTOUCHED, transfers=[first]))
    desk.once(reading(14, totals=UNTOUCHED, transfers=[first], transfers_after=[first, second]))
    assert desk.transfers() == []


def test_one_that_has_a_time_is_told_first() -> None:
    """By a doubt of its own; what it was told by is none about the other."""
    desk = Desk(replace(TERMS, transfer_step_s=1.0))
    desk.open(reading(-99.6, totals=UNTOUCHED, since_s=-160, balances_s=-98.4))
    dated, other = transfer("250", at_s=-99), undated()
    desk.once(reading(3, totals=UNTOUCHED, transfers=[dated]))
    desk.once(reading(14, totals=UNTOUCHED, transfers=[dated, other]))
    assert ["t1"] == [each.transfer.transfer_id for each in desk.transfers()]
    for began_s in (15, 26):
        found = desk.once(reading(began_s, totals=RICHER, transfers=[dated, other]))
    assert (found.agreed, desk.held()) == (True, RICHER)
    assert [{USD: "opening"}, {}] == [each.absorbed for each in desk.transfers()]
