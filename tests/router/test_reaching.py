"""A reaching plan: for a quantity that lost the race for its level once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from mvx.domain.order import Side
from mvx.router.plan import Plan, make_plan
from tests.router.market import BUY, SELL, quote, request

D = Decimal


def plan(side: Side, spendable: str = "1000000", fee_bps: str = "0", **bounds: str) -> Plan:
    """One BTC at 101 (bought) or 99 (sold) on one venue, reaching as far as the bounds allow."""
    asked = replace(request("1", side), reaching=True, **{name: D(value) for name, value in bounds.items()})
    return make_plan(asked, [quote("kraken", spendable=spendable, fee_bps=fee_bps)])


@pytest.mark.parametrize(("side", "limit"), [(BUY, "105"), (SELL, "95")])
def test_its_legs_are_limited_at_the_caller_s_own_bound(side: Side, limit: str) -> None:
    """Not at the level that somebody else may take again; what is expected stays what the book says."""
    (leg,) = plan(side, limit_px=limit).legs
    assert (leg.limit_px, leg.expected_px) == (D(limit), D(101) if side is BUY else D(99))


def test_the_slippage_cap_bounds_it_on_the_tick_grid() -> None:
    """The mid is 100, and 333.3 bps from it lie between two ticks."""
    (leg,) = plan(BUY, max_slippage_bps="333.3").legs
    assert leg.limit_px == D("103.33")


@pytest.mark.parametrize(("spendable", "fee_bps"), [("103.005", "0"), ("104.03", "100")])
def test_it_reaches_no_further_than_the_balance_affords(spendable: str, fee_bps: str) -> None:
    """A buy reserves quantity times limit, and its fee: 103 and a half tick buy one at 103 and no higher."""
    (leg,) = plan(BUY, spendable, fee_bps, limit_px="105").legs
    assert leg.limit_px == D(103)


@pytest.mark.parametrize(
    ("qty", "slippage", "limit"),
    [("0.0512", "250", "97.66"), ("0.0506", "250", "98.82"), ("1", "250", "97.5"), ("1", "20000", "5")],
)
def test_a_sell_reaches_no_further_than_its_venue_s_minimum(qty: str, slippage: str, limit: str) -> None:
    """It is checked at the limit: 0.0512 at the bound of 97.5 are less than 5, and at 99 are more."""
    rules = quote("kraken", lot="0.0001", min_qty="0.0001", min_notional="5")
    (leg,) = make_plan(replace(request(qty, SELL, slippage=slippage), reaching=True), [rules]).legs
    assert leg.limit_px == D(limit)


def test_without_a_bound_it_stays_at_its_worst_planned_level() -> None:
    """Nobody said how far it may go."""
    (leg,) = plan(BUY).legs
    assert leg.limit_px == D(101)
