"""Where the quantity rests that nothing takes now."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mvx.errors import UsageError
from mvx.router.plan import make_plan
from tests.router.market import SELL, quantities, quote, request, why

D = Decimal


@pytest.mark.parametrize(("resting", "post_only"), [(True, False), (False, True)])
def test_an_order_that_rests_needs_a_limit(resting: bool, post_only: bool) -> None:
    with pytest.raises(UsageError, match="needs a limit price"):
        make_plan(request("1", resting=resting, post_only=post_only), [quote("a")])


def test_what_crosses_is_taken_and_the_rest_rests_where_the_fee_is_lowest() -> None:
    quotes = [
        quote("a", asks=[("100", "1"), ("105", "1")], fee_bps="20"),
        quote("b", asks=[("105", "1")], fee_bps="10"),
    ]
    plan = make_plan(request("3", limit="100.005", resting=True), quotes)
    a, b = plan.legs
    assert quantities(plan) == {"a": "1", "b": "2"}
    assert (a.limit_px, b.limit_px, b.all_in_px) == (100, 100, D("100.1"))
    assert b.why == "rests 2 at 100: the lowest fee of those that can take it, 10 bps"
    assert (plan.best_single_venue, plan.saving_bps) == (None, None)


def test_a_venue_gets_one_order_that_takes_and_rests() -> None:
    quotes = [quote("a", asks=[("100", "1"), ("105", "1")]), quote("b", fee_bps="10")]
    plan = make_plan(request("3", limit="100.5", resting=True), quotes)
    (leg,) = plan.legs
    assert (leg.venue, leg.qty, leg.limit_px) == ("a", 3, D("100.5"))
    assert leg.expected_px == D("100.3333333333")
    assert why(plan, "b") == "its fee of 10 bps is above the 0 bps of a"


def test_an_order_that_crosses_entirely_rests_nothing() -> None:
    plan = make_plan(request("2", limit="102", resting=True), [quote("a"), quote("b", fee_bps="10")])
    assert quantities(plan) == {"a": "2"}
    assert plan.saving_bps is not None


def test_a_resting_price_is_rounded_inward() -> None:
    buy = make_plan(request("1", limit="98.999", post_only=True), [quote("a")])
    sell = make_plan(request("1", SELL, limit="101.001", post_only=True), [quote("a")])
    assert [buy.legs[0].limit_px, sell.legs[0].limit_px] == [D("98.99"), D("101.01")]


def test_a_post_only_order_avoids_the_book_that_it_would_cross() -> None:
    quotes = [quote("a", asks=[("100", "1")]), quote("b", asks=[("101", "1")], fee_bps="10")]
    plan = make_plan(request("1", limit="100.5", post_only=True), quotes)
    assert quantities(plan) == {"b": "1"}
    assert why(plan, "a") == "a post-only order at 100.5 would take its best ask, 100"


def test_a_post_only_order_that_crosses_everywhere_is_not_placed() -> None:
    plan = make_plan(request("1", SELL, limit="98", post_only=True), [quote("a")])
    assert plan.legs == ()
    assert why(plan, "a") == "a post-only order at 98 would take its best bid, 99"


def test_a_venue_that_can_not_take_it_leaves_it_to_a_dearer_one() -> None:
    quotes = [
        quote("poor", spendable="20"),
        quote("picky", min_notional="500", fee_bps="1"),
        quote("plain", fee_bps="10"),
    ]
    plan = make_plan(request("1", limit="50", post_only=True), quotes)
    assert quantities(plan) == {"plain": "1"}
    assert why(plan, "picky") == "less than its minimum of 500 USD would rest at it"


def test_the_venue_that_can_rest_the_most_is_taken_where_none_can_rest_all() -> None:
    quotes = [quote("a", spendable="100"), quote("b", spendable="200", fee_bps="10")]
    plan = make_plan(request("9", limit="50", post_only=True), quotes)
    assert quantities(plan) == {"b": "3.99"}


def test_a_lot_that_takes_all_goes_before_a_lower_fee_that_leaves_some() -> None:
    quotes = [quote("a", lot="1"), quote("b", fee_bps="10")]
    assert quantities(make_plan(request("1.5", limit="50", post_only=True), quotes)) == {"b": "1.5"}


def test_a_whole_lot_that_is_left_over_counts_like_any_quantity() -> None:
    """Nobody can rest all 2: b leaves 0.51, a leaves one whole lot."""
    quotes = [quote("a", lot="1", spendable="50"), quote("b", spendable="75", fee_bps="10")]
    assert quantities(make_plan(request("2", limit="50", post_only=True), quotes)) == {"b": "1.49"}


def test_a_part_of_a_lot_that_is_left_over_is_worth_no_higher_fee() -> None:
    quotes = [quote("a", lot="1"), quote("b", lot="0.2", fee_bps="10")]
    assert quantities(make_plan(request("1.5", limit="50", post_only=True), quotes)) == {"a": "1"}


def test_of_equals_the_venue_that_takes_rests_too() -> None:
    quotes = [quote("a"), quote("b", asks=[("100", "1"), ("105", "1")])]
    assert quantities(make_plan(request("3", limit="100.5", resting=True), quotes)) == {"b": "3"}


def test_a_sell_does_not_rest_above_the_venues_highest_price() -> None:
    quotes = [quote("a", max_px="150"), quote("b", fee_bps="10")]
    plan = make_plan(request("1", SELL, limit="200", post_only=True), quotes)
    assert quantities(plan) == {"b": "1"}
    assert why(plan, "a") == "the limit is above its highest price, 150"


def test_what_an_order_takes_is_not_there_to_rest_with() -> None:
    plan = make_plan(
        request("9", limit="100.5", resting=True), [quote("a", asks=[("100", "1")], spendable="200")]
    )
    assert quantities(plan) == {"a": "1.99"}
    assert plan.legs[0].why.endswith("rests 0.99 at 100.5: the lowest fee of those that can take it, 0 bps")


def test_a_resting_price_stays_inside_the_slippage_cap() -> None:
    plan = make_plan(request("1", limit="120", slippage="50", resting=True), [quote("a")])
    assert plan.legs[0].limit_px == D("100.50")


def test_nothing_rests_at_a_degraded_venue_that_a_live_one_can_hold() -> None:
    """Not even for a lower fee; alone it is used, and says so."""
    degraded = quote("b", penalty_bps="1000")
    plan = make_plan(request("1", limit="98", post_only=True), [quote("a", fee_bps="10"), degraded])
    assert quantities(plan) == {"a": "1"}
    assert why(plan, "b") == "degraded: the quantity rests at a"
    (leg,) = make_plan(request("1", limit="98", post_only=True), [degraded]).legs
    assert leg.all_in_px == 98
    assert leg.why.endswith("; degraded: compared at 1000 bps more, and still the best that is left")
