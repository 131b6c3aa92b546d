"""What each limit refuses, and what made it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from mvx.domain.ids import Asset
from mvx.domain.instant import after
from mvx.domain.order_status import OrdStatus
from mvx.risk.checks import assess, assess_after_lateness
from mvx.risk.question import Approved, Refused
from tests.risk.desk import (
    BTC,
    BUY,
    SELL,
    A,
    B,
    book,
    holding,
    limits,
    order,
    proposal,
    refused,
    working,
    world,
)
from tests.support import START

D = Decimal
LONG_9 = holding(A, "BTC", "109", "100")


def sentence(answer: Approved | Refused) -> str:
    assert isinstance(answer, Refused)
    (refusal,) = answer.refusals
    return refusal.worst_case


def test_what_fits_is_approved_with_its_children() -> None:
    child = order(BUY, "1")
    assert assess(proposal(child), world(), limits(position="1")) == Approved((child,))


class TestPosition:
    def test_it_is_confirmed_less_baseline_over_all_venues(self) -> None:
        desk = world(LONG_9, holding(B, "BTC", "101", "100"))
        answer = assess(proposal(order(BUY, "0.5")), desk, limits(position="10"))
        assert refused(answer) == {"max_position": (D("10.5"), D(10))}

    def test_a_buy_that_is_not_known_to_have_failed_counts_in_full(self) -> None:
        lost = order(BUY, "2", parent="p2", unknown=True, status=OrdStatus.PENDING_NEW)
        answer = assess(proposal(order(BUY, "1")), world(LONG_9, orders=(lost,)), limits(position="10"))
        assert refused(answer) == {"max_position": (D(12), D(10))}
        assert sentence(answer) == (
            "12 BTC if everything on this side fills: 9 confirmed, 2 by other orders, 1 by this order"
        )

    def test_a_sell_that_has_not_been_confirmed_makes_no_room(self) -> None:
        sell = order(SELL, "5", parent="p2", claimed="5", status=OrdStatus.FILLED)
        answer = assess(proposal(order(BUY, "2")), world(LONG_9, orders=(sell,)), limits(position="10"))
        assert refused(answer) == {"max_position": (D(11), D(10))}

    def test_a_sell_mirrors_a_buy(self) -> None:
        desk = world(holding(A, "BTC", "91", "100"), orders=(order(SELL, "1", parent=None),))
        answer = assess(proposal(order(SELL, "0.5")), desk, limits(position="10"))
        assert refused(answer) == {"max_position": (D("-10.5"), D(-10))}

    def test_a_fee_that_a_sell_pays_in_base_counts(self) -> None:
        child = order(SELL, "10", fee_bps="100", fee_assets=("BTC",))
        assert refused(assess(proposal(child), world(), limits(position="10"))) == {
            "max_position": (D("-10.1"), D(-10))
        }

    def test_the_least_limit_of_the_instruments_of_one_base_binds_them_all(self) -> None:
        """BTC that was bought for USDT is as much of the desk's BTC as what was bought for USD."""
        desk = world(LONG_9, instruments=("BTC-USD", "BTC-USDT", "ETH-USD"))
        of_pair = {"BTC-USD": D(20), "BTC-USDT": D(10), "ETH-USD": D(1)}
        answer = assess(proposal(order(BUY, "2")), desk, replace(limits(), max_position=of_pair))
        assert refused(answer) == {"max_position": (D(11), D(10))}
        assert sentence(answer).endswith("2 by this order; BTC-USDT has the least limit on BTC")

    def test_a_parent_in_work_keeps_the_room_of_its_residual(self) -> None:
        mine = order(BUY, "2", parent="p2")
        desk = world(orders=(mine,), working=(working("p2", BUY, "9"),))
        assert refused(assess(proposal(order(BUY, "2")), desk, limits(position="10"))) == {
            "max_position": (D(11), D(10))
        }

    def test_a_parent_in_work_on_the_other_side_takes_no_room(self) -> None:
        desk = world(working=(working("p2", SELL, "9"),))
        assert refused(assess(proposal(order(BUY, "2")), desk, limits(position="10"))) == {}

    def test_the_proposals_own_parent_counts_once(self) -> None:
        desk = world(orders=(order(BUY, "3"),), working=(working("p1", BUY, "10"),))
        answer = assess(proposal(order(BUY, "2"), leaves="10"), desk, limits(position="10"))
        assert refused(answer) == {}

    def test_a_parent_is_refused_for_all_of_what_is_left_of_it(self) -> None:
        answer = assess(proposal(order(BUY, "2"), leaves="11"), world(), limits(position="10"))
        assert refused(answer) == {"max_position": (D(11), D(10))}

    def test_what_is_left_of_the_order_counts_and_not_what_its_worker_reserved(self) -> None:
        """A reservation is for others to respect; the order itself is judged by its residual."""
        desk = world(working=(working("p1", BUY, "10"),))
        assert refused(assess(proposal(order(BUY, "4")), desk, limits(position="4"))) == {}

    def test_a_limit_binds_an_instrument_that_the_desk_does_not_list(self) -> None:
        answer = assess(proposal(order(BUY, "2")), world(instruments=()), limits(position="1"))
        assert refused(answer) == {"max_position": (D(2), D(1))}

    def test_what_has_no_bound_is_refused(self) -> None:
        other = order(BUY, "1", parent="p2", fee_assets=("BTC", "BNB"))
        assert (
            refused(assess(proposal(order(SELL, "1")), world(orders=(other,)), limits(position="10"))) == {}
        )
        vague = replace(other, base=Asset("ETH"), fee_assets=(BTC,))
        answer = assess(proposal(order(SELL, "1")), world(orders=(vague,)), limits(position="10"))
        assert set(refused(answer)) == {"max_position", "balance"}

    def test_of_what_nobody_knows_how_much_there_is_nothing_is_within_a_limit(self) -> None:
        """And nothing is known to reduce it. At a venue by itself, as a flatten leaves it, it is known."""
        desk = world(LONG_9, unknown={"BTC": "kraken has not agreed since"})
        for side in (BUY, SELL):
            answer = assess(proposal(order(side, "1")), desk, limits(position="100", gross_notional="9999"))
            assert refused(answer).keys() == {"max_position", "max_gross_notional"}
            assert isinstance(answer, Refused)
            assert {"kraken has not agreed since"} == {each.worst_case for each in answer.refusals}
        leaving = replace(proposal(order(SELL, "1")), flattening=True)
        assert isinstance(assess(leaving, desk, limits(position="1")), Approved)


class TestLateness:
    def test_a_cancelled_child_that_is_not_settled_counts_beside_the_residual(self) -> None:
        """Round one: 4 of 10 filled and the rest cancelled, and a late fill of 6 is still possible."""
        late = order(BUY, "10", filled="4", status=OrdStatus.CANCELED)
        desk = world(holding(A, "BTC", "104", "100"), orders=(late,))
        second = proposal(order(BUY, "6"))
        assert refused(assess(second, desk, limits(position="10"))) == {"max_position": (D(16), D(10))}
        assert refused(assess_after_lateness(second, desk, limits(position="10"))) == {}

    def test_lateness_excuses_no_order_whose_trades_are_missing(self) -> None:
        late = order(BUY, "10", filled="4", claimed="5", status=OrdStatus.CANCELED)
        desk = world(holding(A, "BTC", "104", "100"), orders=(late,))
        answer = assess_after_lateness(proposal(order(BUY, "6")), desk, limits(position="10"))
        assert refused(answer) == {"max_position": (D(16), D(10))}

    def test_lateness_excuses_no_order_that_nobody_will_settle(self) -> None:
        late = order(BUY, "10", filled="4", status=OrdStatus.CANCELED)
        desk = world(holding(A, "BTC", "104", "100"), orders=(late,))
        asked, bound = proposal(order(BUY, "6")), limits(position="10")
        assert refused(assess_after_lateness(asked, desk, bound, lambda _: False)) == {
            "max_position": (D(16), D(10))
        }


class TestOrder:
    def test_quantity_is_that_of_the_whole_parent(self) -> None:
        answer = assess(proposal(order(BUY, "1"), leaves="6"), world(), limits(order_qty="5"))
        assert refused(answer) == {"max_order_qty": (D(6), D(5))}

    @pytest.mark.parametrize(("qty", "passes"), [("5", True), ("5.01", False)])
    def test_quantity_holds_at_the_limit_and_not_one_step_above(self, qty: str, passes: bool) -> None:
        answer = assess(proposal(order(BUY, qty)), world(), limits(order_qty="5"))
        assert passes is isinstance(answer, Approved)

    def test_what_the_children_ask_for_counts_whatever_is_said_to_be_left(self) -> None:
        bounds = limits(order_qty="5", order_notional="599", daily_turnover="599")
        answer = assess(proposal(order(BUY, "6"), leaves="1"), world(), bounds)
        assert refused(answer) == {
            "max_order_qty": (D(6), D(5)),
            "max_order_notional": (D(600), D(599)),
            "max_daily_turnover": (D(600), D(599)),
        }

    def test_what_is_to_come_counts_at_the_dearest_child(self) -> None:
        children = (order(BUY, "1", px="100"), order(BUY, "1", px="110", venue=B))
        answer = assess(proposal(*children, leaves="4"), world(), limits(order_notional="400"))
        assert refused(answer) == {"max_order_notional": (D(430), D(400))}

    def test_notional_is_at_the_limits_in_the_desks_currency(self) -> None:
        children = (order(BUY, "1", px="100"), order(BUY, "2", px="110", venue=B, quote="EUR"))
        desk = world(holding(B, "EUR", "1000"), prices={"USD": "1", "EUR": "0.5"})
        answer = assess(proposal(*children), desk, limits(order_notional="200"))
        assert refused(answer) == {"max_order_notional": (D(210), D(200))}

    def test_a_thin_book_does_not_let_a_large_order_pass_in_small_rounds(self) -> None:
        answer = assess(proposal(order(BUY, "1"), leaves="10"), world(), limits(order_notional="500"))
        assert refused(answer) == {"max_order_notional": (D(1000), D(500))}

    def test_a_missing_rate_is_refused_by_name(self) -> None:
        answer = assess(proposal(order(BUY, "1")), world(prices={}), limits(order_notional="500"))
        assert "no price of USD in the desk's currency is known, so there is no notional" == sentence(answer)
        assert {"max_order_notional": (None, D(500))} == refused(answer)
        assert refused(assess(proposal(order(BUY, "1")), world(prices={}), limits())) == {}


class TestVenue:
    def test_notional_is_the_worst_position_at_that_venue(self) -> None:
        desk = world(LONG_9, orders=(order(BUY, "3", venue=B, parent="p2"), order(BUY, "1", parent="p2")))
        answer = assess(proposal(order(BUY, "2")), desk, limits(venue_notional={A: "1100", B: "1"}))
        assert refused(answer) == {"max_venue_notional": (D(1200), D(1100))}
        assert isinstance(answer, Refused)
        assert answer.refusals[0].venue == A

    def test_a_sell_is_judged_by_how_short_the_venue_could_be(self) -> None:
        answer = assess(proposal(order(SELL, "2")), world(), limits(venue_notional={A: "150"}))
        assert refused(answer) == {"max_venue_notional": (D(200), D(150))}

    def test_a_child_elsewhere_is_none_of_this_venues(self) -> None:
        both = proposal(order(BUY, "1"), order(BUY, "2", venue=B))
        assert refused(assess(both, world(), limits(venue_notional={A: "100", B: "200"}))) == {}

    def test_a_missing_price_is_refused_and_never_passes(self) -> None:
        answer = assess(proposal(order(BUY, "1")), world(prices={}), limits(venue_notional={A: "1E9"}))
        assert sentence(answer) == "no price of BTC in the desk's currency is known, so there is no notional"


class TestBalance:
    def test_a_buy_needs_its_limit_and_its_fee(self) -> None:
        desk = world(holding(A, "USD", "1000"))
        child = order(BUY, "10", fee_bps="10")
        assert refused(assess(proposal(child), desk, limits())) == {"balance": (D(1001), D(1000))}
        in_base = order(BUY, "10", fee_bps="10", fee_assets=("BTC",))
        assert refused(assess(proposal(in_base), desk, limits())) == {}

    def test_a_sell_needs_its_fee_in_base(self) -> None:
        child = order(SELL, "100", fee_bps="10", fee_assets=("BTC",))
        assert refused(assess(proposal(child), world(), limits())) == {"balance": (D("100.1"), D(100))}

    def test_what_is_reserved_is_not_spent_again(self) -> None:
        desk = world(
            holding(A, "USD", "1000"), orders=(order(BUY, "4", parent=None), order(BUY, "9", venue=B))
        )
        assert refused(assess(proposal(order(BUY, "7")), desk, limits())) == {"balance": (D(700), D(600))}

    def test_what_may_come_in_is_not_spent(self) -> None:
        sells = replace(order(SELL, "50", parent="p2"), max_px=D(200))
        desk = world(holding(A, "USD", "0"), orders=(sells,))
        assert refused(assess(proposal(order(BUY, "1")), desk, limits())) == {"balance": (D(100), D(0))}

    def test_each_venue_pays_for_its_own_children(self) -> None:
        desk = world(holding(B, "USD", "199"))
        both = proposal(order(BUY, "1"), order(BUY, "2", venue=B))
        answer = assess(both, desk, limits())
        assert refused(answer) == {"balance": (D(200), D(199))}
        assert isinstance(answer, Refused)
        assert [B] == [each.venue for each in answer.refusals]

    def test_a_venue_whose_balance_was_never_confirmed_is_refused(self) -> None:
        desk = world()
        unread = replace(desk, holdings={})
        answer = assess(proposal(order(BUY, "1")), unread, limits())
        assert sentence(answer) == "no confirmed USD balance at a is known"


class TestCounts:
    def test_open_orders_count_with_the_new_ones(self) -> None:
        done = order(BUY, "1", status=OrdStatus.CANCELED)
        desk = world(orders=(order(BUY, "1", parent=None), order(SELL, "1"), done))
        both = proposal(order(BUY, "1"), order(BUY, "1", venue=B))
        assert refused(assess(both, desk, limits(open_orders=4))) == {}
        assert refused(assess(both, desk, limits(open_orders=3))) == {"max_open_orders": (D(4), D(3))}

    @pytest.mark.parametrize(("most", "passes"), [(0, False), (1, False), (2, True)])
    def test_a_new_order_could_be_the_next_unknown_one(self, most: int, passes: bool) -> None:
        desk = world(orders=(order(BUY, "1", unknown=True),))
        answer = assess(proposal(order(BUY, "1")), desk, limits(unknown_orders=most))
        assert isinstance(answer, Approved) is passes

    @pytest.mark.parametrize(("age_s", "counts"), [(4, False), (5, True)])
    def test_one_whose_sender_died_is_unknown_at_its_deadline(self, age_s: int, counts: bool) -> None:
        silent = order(BUY, "1", parent="p2", status=OrdStatus.PENDING_NEW)
        desk = replace(world(orders=(silent,)), at=after(START, age_s))
        found = refused(assess(proposal(order(BUY, "1")), desk, limits(unknown_orders=1)))
        assert counts is ("max_unknown_orders" in found)

    def test_a_limit_of_no_unknown_orders_lets_a_clean_desk_trade(self) -> None:
        assert refused(assess(proposal(order(BUY, "1")), world(), limits(unknown_orders=0))) == {}


class TestReducing:
    tight = limits(
        position="1",
        order_qty="1",
        order_notional="1",
        venue_notional={A: "1"},
        open_orders=0,
        unknown_orders=0,
    )

    def test_it_passes_every_limit_on_growth(self) -> None:
        lost = order(SELL, "4", parent="p2", unknown=True)
        desk = world(LONG_9, orders=(lost,), prices={})
        assert refused(assess(proposal(order(SELL, "5"), mid=None), desk, self.tight)) == {}

    def test_it_does_not_count_sells_that_open_orders_may_have_done(self) -> None:
        lost = order(SELL, "4", parent="p2", unknown=True)
        answer = assess(proposal(order(SELL, "5.01")), world(LONG_9, orders=(lost,)), self.tight)
        assert "max_order_qty" in refused(answer)

    def test_open_buys_do_not_make_a_sell_reducing(self) -> None:
        desk = world(orders=(order(BUY, "9", parent="p2", claimed="9", status=OrdStatus.FILLED),))
        assert "max_order_qty" in refused(assess(proposal(order(SELL, "2")), desk, self.tight))

    def test_what_has_filled_of_an_open_sell_takes_no_room_any_more(self) -> None:
        """It is in the confirmed position; what is left of it is not."""
        half = order(SELL, "8", parent="p2", filled="6")
        desk = world(LONG_9, orders=(half,), prices={})
        assert refused(assess(proposal(order(SELL, "7"), mid=None), desk, self.tight)) == {}
        assert "max_order_qty" in refused(assess(proposal(order(SELL, "7.01")), desk, self.tight))

    def test_what_an_order_in_another_market_could_take_of_the_base_takes_room(self) -> None:
        """ETH that is bought for BTC sells the BTC."""
        pair = replace(order(BUY, "10", px="0.4", parent="p2"), base=Asset("ETH"), quote=BTC)
        desk = world(LONG_9, orders=(pair,), prices={})
        assert refused(assess(proposal(order(SELL, "5"), mid=None), desk, self.tight)) == {}
        assert "max_order_qty" in refused(assess(proposal(order(SELL, "5.01")), desk, self.tight))

    def test_no_child_at_all_reduces_nothing(self) -> None:
        asked = replace(proposal(order(SELL, "5")), children=())
        assert "max_order_qty" in refused(assess(asked, world(LONG_9), self.tight))

    def test_a_short_position_is_reduced_by_buying(self) -> None:
        desk = world(holding(A, "BTC", "95", "100"))
        assert refused(assess(proposal(order(BUY, "5")), desk, self.tight)) == {}

    def test_its_balance_is_checked_all_the_same(self) -> None:
        desk = world(holding(A, "BTC", "3", "0"), holding(B, "BTC", "20", "0"))
        assert set(refused(assess(proposal(order(SELL, "5")), desk, self.tight))) == {"balance"}


class TestNumbers:
    @pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity", "1E40"])
    def test_what_is_no_number_passes_nothing(self, text: str) -> None:
        child = order(BUY, "1")
        none = limits()
        cases = [
            (proposal(order(BUY, "1", px=text)), world(), none),
            (proposal(order(BUY, text), leaves="1"), world(), none),
            (proposal(child, leaves=text), world(), none),
            (proposal(order(BUY, "1", fee_bps=text)), world(), none),
            (proposal(child, books={A: book(rate=text)}), world(), none),
            (proposal(child, books={A: book(text)}), world(), none),
            (proposal(child, mid=text), world(), none),
            (proposal(child), world(traded={"USD": text}), none),
            (proposal(child), world(holding(B, "BTC", text)), none),
            (proposal(child), world(holding(B, "BTC", "1", text)), none),
            (proposal(child), world(orders=(order(SELL, text, parent=None),)), none),
            (proposal(child), world(orders=(replace(order(SELL, "1"), max_px=D(text)),)), none),
            (proposal(child), world(working=(working("p2", BUY, text),)), none),
            (proposal(child), world(prices={"BTC": text}), none),
            (proposal(child), world(), limits(position=text)),
            (proposal(child), world(), limits(order_notional=text)),
            (proposal(child), world(), limits(order_qty=text)),
            (proposal(child), world(), limits(venue_notional={A: text})),
            (proposal(child), world(), limits(daily_turnover=text)),
            (proposal(child), world(), limits(collar_bps=text)),
        ]
        for asked, desk, bounds in cases:
            answer = assess(asked, desk, bounds)
            assert isinstance(answer, Refused)
            assert {refusal.limit for refusal in answer.refusals} == {"numbers"}

    @pytest.mark.parametrize("text", ["0", "-1"])
    def test_a_factor_can_only_be_positive(self, text: str) -> None:
        for asked, desk in [
            (proposal(order(BUY, "1", px=text)), world()),
            (proposal(order(BUY, text)), world()),
            (proposal(order(BUY, "1"), books={A: book(rate=text)}), world()),
            (proposal(order(BUY, "1"), books={A: book(text)}), world()),
            (proposal(order(BUY, "1"), mid=text), world()),
            (proposal(order(BUY, "1")), world(prices={"BTC": text})),
        ]:
            assert set(refused(assess(asked, desk, limits()))) == {"numbers"}


def test_all_checks_run_and_all_refusals_are_reported() -> None:
    desk = world(LONG_9, holding(A, "USD", "1"), orders=(order(BUY, "1", parent="p2", unknown=True),))
    answer = assess(proposal(order(BUY, "2")), desk, TestReducing.tight)
    assert list(refused(answer)) == [
        "max_position",
        "max_order_qty",
        "max_order_notional",
        "max_venue_notional",
        "max_open_orders",
        "max_unknown_orders",
        "balance",
    ]


def test_a_child_of_another_parent_is_a_defect() -> None:
    with pytest.raises(ValueError, match="is no child of p1"):
        proposal(order(BUY, "1"), order(SELL, "1"))
