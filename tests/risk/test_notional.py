"""The limits on notionals: what each counts, at which price, and one step above."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from mvx.domain.ids import Asset
from mvx.domain.order import Order
from mvx.domain.order_status import OrdStatus
from mvx.risk.checks import assess, assess_after_lateness
from mvx.risk.question import Approved, Refused
from tests.risk.desk import (
    BTC,
    BUY,
    SELL,
    A,
    B,
    holding,
    limits,
    order,
    proposal,
    refused,
    working,
    world,
)

D = Decimal
LONG_9 = holding(A, "BTC", "109", "100")
BOTH = ("BTC-USD", "ETH-USD")
PRICES = {"BTC": "100", "ETH": "10", "USD": "1"}
UNPRICED = "no price of {} in the desk's currency is known, so there is no notional"


def sentence(answer: Approved | Refused) -> str:
    assert isinstance(answer, Refused)
    (refusal,) = answer.refusals
    return refusal.worst_case


def vague() -> Order:
    """An order that may take any amount of BTC as its fee."""
    return replace(order(BUY, "1", parent="p2"), base=Asset("ETH"), fee_assets=(BTC,))


class TestPositionNotional:
    @pytest.mark.parametrize(("qty", "passes"), [("1", True), ("1.01", False)])
    def test_it_holds_at_the_limit_and_not_one_step_above(self, qty: str, passes: bool) -> None:
        answer = assess(proposal(order(BUY, qty)), world(LONG_9), limits(position_notional="1000"))
        assert passes is isinstance(answer, Approved)

    def test_the_worst_case_counts_an_unknown_order(self) -> None:
        lost = order(BUY, "2", parent="p2", unknown=True, status=OrdStatus.PENDING_NEW)
        answer = assess(
            proposal(order(BUY, "1")), world(LONG_9, orders=(lost,)), limits(position_notional="1000")
        )
        assert {"max_position_notional": (D(1200), D(1000))} == refused(answer)
        assert (
            "12 BTC if everything on this side fills: 9 confirmed, 2 by other orders, 1 by this order, at 100"
        ) == sentence(answer)

    def test_a_sell_is_signed(self) -> None:
        answer = assess(proposal(order(SELL, "11")), world(), limits(position_notional="1000"))
        assert {"max_position_notional": (D(-1100), D(-1000))} == refused(answer)

    def test_a_reduction_passes(self) -> None:
        answer = assess(proposal(order(SELL, "9")), world(LONG_9), limits(position_notional="1"))
        assert {} == refused(answer)

    def test_without_a_price_it_is_refused(self) -> None:
        answer = assess(proposal(order(BUY, "1")), world(prices={}), limits(position_notional="1000"))
        assert {"max_position_notional": (None, D(1000))} == refused(answer)
        assert UNPRICED.format("BTC") == sentence(answer)

    def test_without_a_bound_it_is_refused(self) -> None:
        desk = world(orders=(vague(),))
        answer = assess(proposal(order(SELL, "1")), desk, limits(position_notional="1000"))
        assert (None, D(-1000)) == refused(answer)["max_position_notional"]

    def test_the_least_limit_of_the_instruments_of_one_base_binds_them_all(self) -> None:
        desk = world(LONG_9, instruments=("BTC-USD", "BTC-USDT"))
        of_pair = {"BTC-USDT": D(1000)}
        answer = assess(proposal(order(BUY, "2")), desk, replace(limits(), max_position_notional=of_pair))
        assert {"max_position_notional": (D(1100), D(1000))} == refused(answer)
        assert sentence(answer).endswith("at 100; BTC-USDT has the least limit on BTC")


class TestVenueNotional:
    def test_without_a_bound_it_is_refused(self) -> None:
        answer = assess(
            proposal(order(SELL, "1")), world(orders=(vague(),)), limits(venue_notional={A: "1000"})
        )
        assert (None, D(1000)) == refused(answer)["max_venue_notional"]

    def test_another_venue_has_no_limit(self) -> None:
        answer = assess(proposal(order(BUY, "1")), world(), limits(venue_notional={B: "1"}))
        assert {} == refused(answer)

    def test_a_vague_order_elsewhere_does_not_unbound_this_venue(self) -> None:
        answer = assess(
            proposal(order(SELL, "1", venue=B)), world(orders=(vague(),)), limits(venue_notional={B: "100"})
        )
        assert {} == refused(answer)

    @pytest.mark.parametrize("eth", ["50", "-50"])
    def test_all_that_is_at_a_venue_counts(self, eth: str) -> None:
        """A venue that fails takes everything with it; what is elsewhere stays."""
        desk = world(LONG_9, holding(A, "ETH", eth), holding(B, "ETH", "7"), instruments=BOTH, prices=PRICES)
        answer = assess(proposal(order(BUY, "2")), desk, limits(venue_notional={A: "1500", B: "1"}))
        assert {"max_venue_notional": (D(1600), D(1500))} == refused(answer)
        assert sentence(answer).endswith("9 confirmed, 2 by this order, at 100; and 500 in ETH there")

    def test_an_open_order_in_another_asset_counts_there(self) -> None:
        other = replace(order(SELL, "3", parent="p2", unknown=True), base=Asset("ETH"))
        desk = world(orders=(other,), instruments=BOTH, prices=PRICES)
        answer = assess(proposal(order(BUY, "1")), desk, limits(venue_notional={A: "129"}))
        assert {"max_venue_notional": (D(130), D(129))} == refused(answer)

    def test_what_makes_the_position_there_smaller_passes(self) -> None:
        """It is no reduction of the desk, which is long elsewhere what it is short here."""
        short = holding(B, "BTC", "91", "100")
        desk = world(LONG_9, short, holding(A, "ETH", "50"), instruments=BOTH, prices=PRICES)
        assert {} == refused(assess(proposal(order(SELL, "9")), desk, limits(venue_notional={A: "1"})))


class TestGrossNotional:
    @pytest.mark.parametrize(("qty", "passes"), [("1", True), ("1.01", False)])
    def test_positions_on_both_sides_add_up(self, qty: str, passes: bool) -> None:
        desk = world(LONG_9, holding(B, "ETH", "-50"), instruments=BOTH, prices=PRICES)
        answer = assess(proposal(order(BUY, qty)), desk, limits(gross_notional="1500"))
        assert passes is isinstance(answer, Approved)
        if not passes:
            assert {"max_gross_notional": (D(1501), D(1500))} == refused(answer)
            assert ("1001 in BTC, 500 in ETH, if everything fills that makes a position larger") == sentence(
                answer
            )

    def test_an_unknown_order_of_another_asset_counts(self) -> None:
        other = replace(order(BUY, "3", parent="p2", unknown=True), base=Asset("ETH"))
        desk = world(orders=(other,), instruments=BOTH, prices=PRICES)
        assert {"max_gross_notional": (D(130), D(129))} == refused(
            assess(proposal(order(BUY, "1")), desk, limits(gross_notional="129"))
        )

    def test_a_parent_that_works_another_asset_keeps_its_room(self) -> None:
        parent = replace(working("p2", SELL, "3"), base=Asset("ETH"))
        desk = world(working=(parent,), instruments=BOTH, prices=PRICES)
        assert {"max_gross_notional": (D(130), D(129))} == refused(
            assess(proposal(order(BUY, "1")), desk, limits(gross_notional="129"))
        )

    def test_each_position_counts_in_its_worse_direction(self) -> None:
        """A sell that has not been confirmed makes no room."""
        sells = order(SELL, "12", parent="p2", unknown=True)
        answer = assess(
            proposal(order(BUY, "1")), world(LONG_9, orders=(sells,)), limits(gross_notional="999")
        )
        assert {"max_gross_notional": (D(1000), D(999))} == refused(answer)

    def test_an_order_that_turns_a_position_counts_on_its_own_side_only(self) -> None:
        """Short 5, and 6 to buy: 5 short at worst if nothing fills, 1 long if all does."""
        desk = world(holding(A, "BTC", "95", "100"))
        assert {} == refused(assess(proposal(order(BUY, "6")), desk, limits(gross_notional="500")))

    def test_the_order_counts_though_the_desk_does_not_list_its_instrument(self) -> None:
        answer = assess(proposal(order(BUY, "2")), world(instruments=()), limits(gross_notional="199"))
        assert {"max_gross_notional": (D(200), D(199))} == refused(answer)

    def test_what_is_no_position_needs_no_price(self) -> None:
        desk = world(holding(A, "EUR", "500"), instruments=BOTH)
        assert {} == refused(assess(proposal(order(BUY, "1")), desk, limits(gross_notional="100")))

    def test_a_position_without_a_price_is_refused(self) -> None:
        desk = world(holding(A, "ETH", "1"), instruments=BOTH)
        answer = assess(proposal(order(BUY, "1")), desk, limits(gross_notional="1000000"))
        assert {"max_gross_notional": (None, D(1000000))} == refused(answer)
        assert UNPRICED.format("ETH") == sentence(answer)

    def test_without_a_bound_it_is_refused(self) -> None:
        answer = assess(proposal(order(BUY, "1")), world(orders=(vague(),)), limits(gross_notional="1000000"))
        assert (None, D(1000000)) == refused(answer)["max_gross_notional"]

    def test_a_reduction_passes(self) -> None:
        assert {} == refused(assess(proposal(order(SELL, "9")), world(LONG_9), limits(gross_notional="1")))


class TestTurnover:
    @pytest.mark.parametrize(("traded", "passes"), [("900", True), ("900.01", False)])
    def test_it_holds_at_the_limit_and_not_one_step_above(self, traded: str, passes: bool) -> None:
        answer = assess(
            proposal(order(BUY, "1")), world(traded={"USD": traded}), limits(daily_turnover="1000")
        )
        assert passes is isinstance(answer, Approved)

    def test_everything_that_may_still_fill_counts(self) -> None:
        lost = order(BUY, "2", parent="p2", unknown=True, status=OrdStatus.PENDING_NEW)
        mine = order(BUY, "1", px="110")
        desk = world(
            orders=(lost, mine, order(SELL, "1", parent=None)),
            working=(working("p2", BUY, "5"), working("p3", SELL, "1"), working("p1", BUY, "9")),
            traded={"USD": "50"},
        )
        answer = assess(proposal(order(BUY, "1"), leaves="4"), desk, limits(daily_turnover="1"))
        # 2 sent and 3 to come of p2, 1 of p3, 1 of somebody else; 1 before, 1 now and 3 to come of our own.
        assert {"max_daily_turnover": (D(50 + 700 + 110 + 400), D(1))} == refused(answer)
        assert (
            "50 traded since 00:00 UTC, 700 by other orders and 510 by this one if all of them fill"
        ) == sentence(answer)

    def test_a_sell_below_the_mid_counts_at_the_mid(self) -> None:
        answer = assess(proposal(order(SELL, "1", px="1")), world(), limits(daily_turnover="99"))
        assert {"max_daily_turnover": (D(100), D(99))} == refused(answer)

    def test_each_quote_is_converted_and_never_at_par(self) -> None:
        desk = world(traded={"USDT": "100"}, prices={"BTC": "100", "USD": "1", "USDT": "0.9"})
        assert {"max_daily_turnover": (D(190), D(189))} == refused(
            assess(proposal(order(BUY, "1")), desk, limits(daily_turnover="189"))
        )
        answer = assess(
            proposal(order(BUY, "1")), world(traded={"USDT": "1"}), limits(daily_turnover="1000000")
        )
        assert {"max_daily_turnover": (None, D(1000000))} == refused(answer)
        assert UNPRICED.format("USDT") == sentence(answer)

    def test_what_can_fill_no_more_needs_no_price(self) -> None:
        done = order(BUY, "1", parent="p2", quote="EUR", filled="1", status=OrdStatus.FILLED)
        answer = assess(proposal(order(BUY, "1")), world(orders=(done,)), limits(daily_turnover="100"))
        assert {} == refused(answer)

    def test_a_parent_without_orders_needs_its_price(self) -> None:
        other = replace(working("p2", BUY, "1"), base=Asset("ETH"))
        answer = assess(proposal(order(BUY, "1")), world(working=(other,)), limits(daily_turnover="1000000"))
        assert UNPRICED.format("ETH") == sentence(answer)

    def test_a_cancelled_order_counts_until_its_lateness_is_over(self) -> None:
        late = order(BUY, "5", parent="p2", filled="1", status=OrdStatus.CANCELED)
        desk = world(orders=(late,), traded={"USD": "100"})
        second, bound = proposal(order(BUY, "1")), limits(daily_turnover="200")
        assert {"max_daily_turnover": (D(600), D(200))} == refused(assess(second, desk, bound))
        assert {} == refused(assess_after_lateness(second, desk, bound))

    def test_a_reduction_passes(self) -> None:
        desk = world(LONG_9, traded={"USD": "1000"})
        assert {} == refused(assess(proposal(order(SELL, "9")), desk, limits(daily_turnover="1")))


class TestOrderNotional:
    @pytest.mark.parametrize(("qty", "passes"), [("5", True), ("5.01", False)])
    def test_it_holds_at_the_limit_and_not_one_step_above(self, qty: str, passes: bool) -> None:
        answer = assess(proposal(order(BUY, qty)), world(), limits(order_notional="500"))
        assert passes is isinstance(answer, Approved)

    def test_a_sell_below_the_mid_counts_at_the_mid(self) -> None:
        answer = assess(proposal(order(SELL, "2", px="1")), world(), limits(order_notional="199"))
        assert {"max_order_notional": (D(200), D(199))} == refused(answer)

    def test_a_sell_above_the_mid_counts_at_its_limit(self) -> None:
        answer = assess(proposal(order(SELL, "2", px="150")), world(), limits(order_notional="299"))
        assert {"max_order_notional": (D(300), D(299))} == refused(answer)
