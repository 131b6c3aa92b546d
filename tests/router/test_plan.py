"""What a plan says about a market small enough to work out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mvx.domain.ids import Venue
from mvx.domain.order import Side
from mvx.router.plan import Skipped, make_plan
from tests.router.market import BUY, SELL, quantities, quote, request, why

D = Decimal


def test_a_hand_computed_example() -> None:
    """All-in: b 100.5*1.001 = 100.6005, a 100*1.01 = 101 and 100.2*1.01 = 101.202, c (in USDT)
    101.5*0.999 = 101.3985. Of 2.5 coins 1 goes to b, 1 and then 0.5 to a, and nothing to c."""
    plan = make_plan(
        request("2.5"),
        [
            quote("a", asks=[("100", "1"), ("100.2", "1")], bids=[("99", "1")], fee_bps="100"),
            quote("b", asks=[("100.5", "1"), ("103", "9")], bids=[("99.5", "1")], fee_bps="10"),
            quote("c", asks=[("101.5", "9")], bids=[("99", "1")], rate="0.999", asset="USDT"),
        ],
    )
    a, b = plan.legs
    assert quantities(plan) == {"a": "1.5", "b": "1"}
    assert (a.limit_px, a.expected_px, a.all_in_px) == (
        D("100.20"),
        D("100.0666666667"),
        D("101.0673333333"),
    )
    assert (b.limit_px, b.expected_px, b.all_in_px) == (D("100.50"), D("100.5"), D("100.6005"))
    assert plan.planned_qty == D("2.5")
    assert plan.arrival_px == D("99.75")  # between b's bid and a's ask
    assert plan.expected_px == D("100.24")  # (100 + 50.1 + 100.5) / 2.5
    assert plan.all_in_px == D("100.8806")  # (101 + 50.601 + 100.6005) / 2.5
    assert plan.slippage_bps == D("49.1228070175")
    assert plan.best_single_venue is not None
    assert plan.best_single_venue.venue == "c"
    assert plan.best_single_venue.all_in_px == D("101.3985")
    assert plan.saving_bps == D("51.0757062481")
    assert why(plan, "c") == "all-in 101.4 is worse than the last level taken, 101.2"
    assert b.why == "best all-in: 100.6 for 1 of 1 offered up to the last level taken, 101.2"


def test_a_sell_takes_the_bids_that_bring_the_most_after_fees() -> None:
    plan = make_plan(
        request("2", SELL),
        [
            quote("a", bids=[("100", "5")], asks=[("102", "1")], fee_bps="100"),
            quote("b", bids=[("99.5", "1"), ("98", "5")], fee_bps="10"),
        ],
    )
    assert quantities(plan) == {"a": "1", "b": "1"}
    assert [leg.all_in_px for leg in plan.legs] == [D("99"), D("99.4005")]
    assert plan.slippage_bps is not None
    assert plan.slippage_bps > 0


def test_quotes_in_another_order_give_the_same_plan() -> None:
    quotes = [quote("a"), quote("b"), quote("c", fee_bps="5")]
    assert make_plan(request("12"), quotes) == make_plan(request("12"), quotes[::-1])


def test_no_quotes_make_an_empty_plan_that_passes_on_why() -> None:
    plan = make_plan(request("1"), [], [Skipped(Venue("a"), "dark")])
    assert (plan.legs, plan.planned_qty, plan.arrival_px, plan.saving_bps) == ((), 0, None, None)
    assert plan.skipped == (Skipped(Venue("a"), "dark"),)


def test_two_quotes_of_one_venue_are_a_defect() -> None:
    with pytest.raises(ValueError, match="two quotes of one venue"):
        make_plan(request("1"), [quote("a"), quote("a", asset="USDT")])


def test_nothing_is_taken_beyond_the_limit_after_conversion() -> None:
    quotes = [
        quote("a", asks=[("100", "1"), ("101", "1")]),
        quote("b", asks=[("100.04", "1"), ("100.10", "1")], rate="0.9995", asset="USDT"),
    ]
    plan = make_plan(request("4", limit="100"), quotes)
    assert quantities(plan) == {"a": "1", "b": "1"}  # 100.04 USDT are 99.98998 USD
    assert all(leg.limit_px <= D("100.05") for leg in plan.legs)


def test_the_slippage_cap_is_a_price_against_the_consolidated_mid() -> None:
    quotes = [quote("a", asks=[("101", "1"), ("101.01", "1")], bids=[("99", "1")])]
    assert make_plan(request("2", slippage="100"), quotes).planned_qty == 1
    assert make_plan(request("2", slippage="101"), quotes).planned_qty == 2


def test_a_venue_wholly_beyond_the_limit_says_so() -> None:
    plan = make_plan(request("1", limit="100"), [quote("a", asks=[("101", "1")])])
    assert why(plan, "a") == "its best price, 101 USD, is beyond the limit of 100 USD"
    plan = make_plan(request("1", slippage="5"), [quote("a", asks=[("101", "1")])])
    assert why(plan, "a") == "its best price, 101 USD, is beyond 5 bps from the mid"


def test_a_limit_is_on_the_tick_grid_even_where_a_level_is_not() -> None:
    plan = make_plan(request("1"), [quote("a", asks=[("100.003", "1")], tick="0.01")])
    assert plan.legs[0].limit_px == D("100.01")
    plan = make_plan(request("1", limit="100.005"), [quote("a", asks=[("100.003", "1")], tick="0.01")])
    assert plan.legs == ()  # the only limit that reaches it is beyond the caller's


def test_a_buy_spends_no_more_than_its_limit_price_reserves() -> None:
    """10 at 100 and then 110 with 1,100 USD: at a limit of 110 the venue reserves 110 a coin."""
    plan = make_plan(request("12"), [quote("a", asks=[("100", "9"), ("110", "9")], spendable="1100")])
    assert plan.planned_qty == 10
    assert plan.legs[0].limit_px == 110
    assert plan.legs[0].why.endswith("; its balance covers no more")
    plan = make_plan(
        request("12"), [quote("a", asks=[("100", "9"), ("110", "9")], spendable="1100", fee_bps="100")]
    )
    assert plan.planned_qty == D("9.90")


@pytest.mark.parametrize(("side", "spendable"), [(BUY, "1011.01"), (SELL, "10")])
def test_a_balance_that_is_just_enough_is_enough(side: Side, spendable: str) -> None:
    """10 at 101 with a fee of 10 bps come to 1011.01; a sell's fee is out of what it brings."""
    plan = make_plan(request("10", side), [quote("a", fee_bps="10", spendable=spendable)])
    assert plan.planned_qty == 10
    assert plan.best_single_venue is not None
    assert plan.best_single_venue.venue == "a"


def test_a_rebate_is_not_there_to_be_spent() -> None:
    """It comes in with the fill; until then the venue reserves the whole price."""
    plan = make_plan(request("11"), [quote("a", asks=[("101", "20")], fee_bps="-10", spendable="1010")])
    assert plan.planned_qty == 10


def test_the_consolidated_mid_is_in_the_instruments_quote_on_both_sides() -> None:
    """b bids 108 and asks 112 in a quote that is worth 0.9: 97.2 and 100.8 as a counts."""
    quotes = [
        quote("a", bids=[("97", "1")], asks=[("101", "1")]),
        quote("b", bids=[("108", "1")], asks=[("112", "1")], rate="0.9", asset="EUR"),
    ]
    plan = make_plan(request("1"), quotes)
    assert quantities(plan) == {"b": "1"}
    assert (plan.arrival_px, plan.expected_px, plan.all_in_px) == (99, D("100.8"), D("100.8"))
    assert plan.slippage_bps == D("181.8181818182")


def test_a_venue_without_balance_is_skipped_with_that_reason() -> None:
    plan = make_plan(request("1"), [quote("a", spendable="0"), quote("b"), quote("c", spendable="0.5")])
    assert quantities(plan) == {"b": "1"}
    assert why(plan, "a") == "no USD balance to spend"
    assert why(plan, "c") == "its balance of 0.5 USD does not cover one lot"
    assert why(make_plan(request("1", SELL), [quote("a", spendable="0")]), "a") == "no BTC balance to spend"


def test_a_venue_below_its_minimum_is_dropped_and_its_quantity_placed_elsewhere() -> None:
    quotes = [
        quote("a", asks=[("100", "1"), ("102", "1")]),
        quote("b", asks=[("101", "9")], min_notional="50", min_qty="0.01", fee_bps="10"),
    ]
    plan = make_plan(request("1.1"), quotes)
    assert quantities(plan) == {"a": "1.1"}
    assert why(plan, "b") == "less than its minimum of 50 USD would be left for it"


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize(("field", "minimum"), [("min_qty", "1 BTC"), ("min_notional", "90 USD")])
def test_a_balance_below_the_minimum_is_named_and_not_the_others(
    side: Side, field: str, minimum: str
) -> None:
    """Nobody else takes anything: more would be left for it, and it has not the money for it."""
    spendable, asset = ("51", "USD") if side is BUY else ("0.5", "BTC")
    poor = quote("a", spendable=spendable, **{field: minimum.split()[0]})
    for others in ((), (quote("b", asks=(("102", "1"),), bids=(("98", "1"),)),)):
        plan = make_plan(request("5", side), [poor, *others])
        expected = f"its balance of {spendable} {asset} does not cover its minimum of {minimum}"
        assert why(plan, "a") == expected


def test_a_minimum_is_met_by_shifting_quantity_where_dropping_would_leave_some_over() -> None:
    quotes = [quote("a", asks=[("100", "1")]), quote("b", asks=[("101", "9")], min_qty="0.5")]
    plan = make_plan(request("1.1"), quotes)
    assert quantities(plan) == {"a": "0.6", "b": "0.5"}


def test_no_more_is_shifted_than_the_minimum_asks_for() -> None:
    """The half coin that b needs is spread over two of its levels."""
    b = quote("b", asks=[("101", "0.3"), ("102", "9")], min_qty="0.5")
    plan = make_plan(request("1.1"), [quote("a", asks=[("100", "1")]), b])
    assert quantities(plan) == {"a": "0.6", "b": "0.5"}


def test_the_quantity_is_shifted_to_where_it_costs_the_least() -> None:
    """Either of b and c could be raised to its minimum; b comes first and c is cheaper."""
    dear, cheap = quote("b", asks=[("103", "9")], min_qty="0.5"), quote("c", min_qty="0.5")
    plan = make_plan(request("1.1"), [quote("a", asks=[("100", "1")]), dear, cheap])
    assert quantities(plan) == {"a": "0.6", "c": "0.5"}


def test_lots_are_shifted_until_nothing_is_left_that_they_can_take() -> None:
    """b takes one lot more, then another: its 1.5 leave 0.2 over, 1.8 leave 0.1, and 2.1 leave nothing."""
    quotes = [quote("a", asks=[("100", "1")], lot="0.2"), quote("b", asks=[("101", "9")], lot="0.3")]
    assert quantities(make_plan(request("2.7"), quotes)) == {"a": "0.6", "b": "2.1"}
    b = quote("b", asks=[("101", "2"), ("103", "0.5")], lot="0.3", min_qty="0.5")
    plan = make_plan(request("3.8"), [quote("a", asks=[("101", "9")], lot="0.5", min_qty="1"), b])
    assert quantities(plan) == {"a": "2", "b": "1.8"}


def test_a_shift_that_places_no_more_is_not_made() -> None:
    """1.8 of 1.9 are placed; a lot more of b would only take the place of cheaper a."""
    a = quote("a", asks=[("101", "0.3")], lot="0.1", min_qty="0.3")
    plan = make_plan(request("1.9"), [a, quote("b", asks=[("102", "2")], lot="0.3")])
    assert quantities(plan) == {"a": "0.3", "b": "1.5"}


def test_at_equal_cost_fewer_orders_are_better() -> None:
    quotes = [
        quote("a", asks=[("100", "0.5")], lot="0.5"),
        quote("b", asks=[("102", "9")], lot="0.1", min_qty="0.3"),
        quote("c", asks=[("101", "1")], lot="0.2", min_qty="0.3"),
    ]
    assert quantities(make_plan(request("1"), quotes)) == {"c": "1"}


def test_of_two_venues_below_their_minimum_the_dearer_one_is_dropped() -> None:
    """Without c enough is left for b; without b c would get it for more."""
    b = quote("b", asks=[("101", "0.3"), ("103", "9")], min_qty="0.5")
    c = quote("c", asks=[("102", "0.3"), ("104", "9")], min_qty="0.5")
    plan = make_plan(request("1"), [quote("a", asks=[("100", "0.4")]), b, c])
    assert quantities(plan) == {"a": "0.4", "b": "0.6"}


def test_the_venue_of_finer_lots_takes_the_rest() -> None:
    quotes = [quote("a", asks=[("100", "9")], lot="1"), quote("b", asks=[("101", "9")], lot="0.001")]
    plan = make_plan(request("2.345"), quotes)
    assert quantities(plan) == {"a": "2", "b": "0.345"}


def test_a_fine_venue_gives_way_to_another_coarse_lot() -> None:
    """Cheapest first would take all 0.7 of b, one lot of a, and leave 0.8 that nobody can take."""
    quotes = [quote("a", asks=[("101", "9")], lot="1"), quote("b", asks=[("100", "0.7")], lot="0.1")]
    assert quantities(make_plan(request("2.5"), quotes)) == {"a": "2", "b": "0.5"}


def test_lots_that_do_not_divide_one_another_are_fitted_together() -> None:
    """Two lots of 0.3 come first and leave 0.2; one of 0.3 and one of 0.5 leave nothing."""
    quotes = [quote("a", asks=[("100", "0.7")], lot="0.3"), quote("b", asks=[("102", "1")], lot="0.5")]
    assert quantities(make_plan(request("0.8"), quotes)) == {"a": "0.3", "b": "0.5"}


def test_a_part_of_a_lot_waits_for_the_next_level() -> None:
    plan = make_plan(request("1"), [quote("a", asks=[("100", "0.4"), ("101", "0.7")], lot="1")])
    assert quantities(plan) == {"a": "1"}
    assert plan.legs[0].expected_px == D("100.6")
    dear = quote("b", asks=[("105", "9")], lot="1")
    plan = make_plan(request("2"), [quote("a", asks=[("100", "0.4"), ("101", "0.7")], lot="1"), dear])
    assert quantities(plan) == {"a": "1", "b": "1"}


def test_what_no_lot_can_take_stays_unplanned() -> None:
    plan = make_plan(request("1.2345"), [quote("a"), quote("b", lot="0.1")])
    assert plan.planned_qty == D("1.23")


def test_a_plan_is_never_dearer_than_the_best_single_venue() -> None:
    """Cheapest first takes a's half coin; b's minimum then makes the rest go to dear a."""
    quotes = [
        quote("a", asks=[("100", "0.5"), ("150", "9")]),
        quote("b", asks=[("101", "1")], min_qty="0.8"),
    ]
    plan = make_plan(request("1"), quotes)
    assert quantities(plan) == {"b": "1"}
    assert plan.saving_bps == 0
    assert (
        why(plan, "a") == "its lots and minimums leave no room for it: the others fill the quantity for less"
    )


def test_no_single_venue_means_no_saving() -> None:
    quotes = [quote("a", asks=[("100", "1")]), quote("b", asks=[("101", "1")])]
    plan = make_plan(request("2"), quotes)
    assert (plan.best_single_venue, plan.saving_bps) == (None, None)


def test_a_buy_limit_stays_below_the_venues_highest_price() -> None:
    plan = make_plan(request("2"), [quote("a", asks=[("100", "1"), ("120", "1")], max_px="110")])
    assert plan.planned_qty == 1


def test_a_sells_slippage_cap_lies_below_the_mid() -> None:
    quotes = [quote("a", bids=[("99", "1"), ("98.99", "1")], asks=[("101", "1")])]
    assert make_plan(request("2", SELL, slippage="100"), quotes).planned_qty == 1
    assert make_plan(request("2", SELL, slippage="101"), quotes).planned_qty == 2


def test_a_balance_is_measured_against_the_limit_on_the_grid() -> None:
    plan = make_plan(request("5"), [quote("a", asks=[("100.003", "9")], spendable="500.02")])
    assert plan.planned_qty == D("4.99")  # five at 100.01 would reserve 500.05


def test_a_sell_reaches_its_minimum_at_its_limit_price() -> None:
    """Two coins bring 180 as planned, and only 160 at the limit that the venue checks."""
    bids = [("100", "1"), ("80", "1")]
    plan = make_plan(request("2", SELL), [quote("a", bids=bids, min_notional="170")])
    assert plan.legs == ()
    assert make_plan(request("2", SELL), [quote("a", bids=bids, min_notional="160")]).planned_qty == 2


def test_a_buy_reaches_its_minimum_at_its_expected_price() -> None:
    asks = [("100", "1"), ("120", "1")]
    assert make_plan(request("2"), [quote("a", asks=asks, min_notional="230")]).legs == ()


def test_one_venue_that_can_take_all_goes_before_several_that_leave_some() -> None:
    """Three lots of 0.3 come first and leave 0.1; two lots of 0.5 leave nothing."""
    quotes = [quote("a", asks=[("100", "9")], lot="0.3"), quote("b", asks=[("101", "9")], lot="0.5")]
    assert quantities(make_plan(request("1"), quotes)) == {"b": "1"}


def test_a_degraded_venue_is_taken_last_and_its_prices_are_its_own() -> None:
    """b is the cheapest by far: it gets only what a can not fill, and says so."""
    quotes = [
        quote("a", asks=[("100", "1"), ("101", "1")], fee_bps="10"),
        quote("b", asks=[("90", "9")], bids=[("89", "1")], fee_bps="10", penalty_bps="1500"),
    ]
    whole = make_plan(request("2"), quotes)
    assert quantities(whole) == {"a": "2"}
    assert why(whole, "b") == "degraded: compared at 1500 bps more: the others fill the quantity"
    plan = make_plan(request("3"), quotes)
    assert quantities(plan) == {"a": "2", "b": "1"}
    a, b = plan.legs
    assert b.all_in_px == D("90.09")
    assert b.why.endswith("degraded: compared at 1500 bps more, and still the best that is left")
    assert "degraded" not in a.why
    assert plan.all_in_px == (D("201") * D("1.001") + D("90.09")) / 3


def test_the_best_single_venue_is_a_live_one_where_there_is_one() -> None:
    """A degraded venue alone would cost less; nobody is told that the split lost by it."""
    quotes = [quote("a", asks=[("100", "2")]), quote("b", asks=[("99.5", "9")], penalty_bps="1000")]
    plan = make_plan(request("2"), quotes)
    assert plan.best_single_venue is not None
    assert (plan.best_single_venue.venue, plan.saving_bps) == ("a", 0)
    plan = make_plan(request("3"), quotes)
    assert (plan.best_single_venue, plan.saving_bps) == (None, None)


def test_where_every_venue_is_degraded_they_compare_as_ever() -> None:
    prices = {"a": "100", "b": "100.2", "c": "101"}
    live = [quote(venue, asks=[(px, "1")]) for venue, px in prices.items()]
    degraded = [quote(venue, asks=[(px, "1")], penalty_bps="1000") for venue, px in prices.items()]
    plan, other = make_plan(request("2"), live), make_plan(request("2"), degraded)
    assert quantities(plan) == quantities(other) == {"a": "1", "b": "1"}
    assert (plan.all_in_px, plan.slippage_bps) == (other.all_in_px, other.slippage_bps)
