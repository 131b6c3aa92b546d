"""The order rate, and orders of our own on the other side."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mvx.domain.ids import Asset, ClOrdId
from mvx.domain.order import Order, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.risk.checks import assess
from mvx.risk.question import Approved, Refused
from tests.risk.desk import BUY, SELL, A, B, holding, limits, order, proposal, refused, world

D = Decimal
GTC = TimeInForce.GTC
LONG_9 = holding(A, "BTC", "109", "100")


class TestOrderRate:
    both = proposal(order(BUY, "1"), order(BUY, "1", venue=B))

    @pytest.mark.parametrize(("most", "passes"), [(4, True), (3, False)])
    def test_new_orders_count_with_those_of_the_last_minute(self, most: int, passes: bool) -> None:
        answer = assess(self.both, world(sent_s_ago=(1, 59)), limits(orders_per_minute=most))
        assert passes is isinstance(answer, Approved)
        if not passes:
            assert isinstance(answer, Refused)
            assert {"max_orders_per_minute": (D(4), D(3))} == refused(answer)
            assert ("2 orders were committed in the last 60 s and 2 would be added") == answer.refusals[
                0
            ].worst_case

    def test_an_unknown_order_was_committed_like_any_other(self) -> None:
        """What became of it does not matter: the count is of commits, and it is settled long after."""
        lost = order(BUY, "1", parent="p2", unknown=True)
        desk = world(orders=(lost,), sent_s_ago=(0,))
        assert {"max_orders_per_minute": (D(2), D(1))} == refused(
            assess(proposal(order(BUY, "1")), desk, limits(orders_per_minute=1))
        )

    def test_a_reduction_passes(self) -> None:
        desk = world(LONG_9, sent_s_ago=(1, 2, 3))
        assert {} == refused(assess(proposal(order(SELL, "9")), desk, limits(orders_per_minute=1)))


def resting(px: str = "100", **changes: Any) -> Order:
    """An order of our own that sells one, parent p2."""
    return replace(order(SELL, "1", parent="p2", px=px, tif=GTC), **changes)


class TestSelfTrade:
    @pytest.mark.parametrize("venue", [A, B])
    @pytest.mark.parametrize(("px", "passes"), [("99.99", True), ("100", False), ("101", False)])
    def test_a_buy_does_not_reach_our_own_sell_at_any_venue(self, venue: str, px: str, passes: bool) -> None:
        own = resting(venue=venue)
        answer = assess(proposal(order(BUY, "1", px=px)), world(orders=(own,)), limits())
        assert passes is isinstance(answer, Approved)
        if not passes:
            assert isinstance(answer, Refused)
            assert {"self_trade": (D(px), D(100))} == refused(answer)
            assert (
                f"our own order {own.cl_ord_id} would sell at 100 USD at {venue}, and this one would buy at"
                f" {px} USD: mvx cancel {own.cl_ord_id}"
            ) == answer.refusals[0].worst_case

    def test_what_a_venue_calls_an_order_is_no_command(self) -> None:
        """A foreign order's id is the venue's own text."""
        foreign = replace(resting(), cl_ord_id=ClOrdId("okx:BTC/USDT:1;id>x;"))
        answer = assess(proposal(order(BUY, "1", px="100")), world(orders=(foreign,)), limits())
        assert isinstance(answer, Refused)
        assert answer.refusals[0].worst_case.endswith(": mvx cancel 'okx:BTC/USDT:1;id>x;'")

    @pytest.mark.parametrize(("px", "passes"), [("100.01", True), ("100", False)])
    def test_a_sell_mirrors_a_buy(self, px: str, passes: bool) -> None:
        own = order(BUY, "1", parent="p2", tif=GTC)
        answer = assess(proposal(order(SELL, "1", px=px)), world(orders=(own,)), limits())
        assert passes is isinstance(answer, Approved)

    @pytest.mark.parametrize(
        "own",
        [
            resting(unknown=True, ord_status=OrdStatus.PENDING_NEW),
            resting(ord_status=OrdStatus.PENDING_CANCEL),
            resting(parent_id=None),
        ],
        ids=["unknown", "being cancelled", "not sent by mvx"],
    )
    def test_what_may_rest_counts(self, own: Order) -> None:
        answer = assess(proposal(order(BUY, "1")), world(orders=(own,)), limits())
        assert {"self_trade"} == refused(answer).keys()

    @pytest.mark.parametrize(
        "own",
        [
            resting(ord_status=OrdStatus.CANCELED),
            resting(time_in_force=TimeInForce.IOC),
            resting(side=BUY),
            resting(base=Asset("ETH")),
        ],
        ids=["terminal", "immediate like the other", "same side", "another asset"],
    )
    def test_what_can_not_meet_does_not_count(self, own: Order) -> None:
        assert {} == refused(assess(proposal(order(BUY, "1")), world(orders=(own,)), limits()))

    def test_one_that_is_to_rest_does_not_wait_for_one_under_way(self) -> None:
        under_way = order(SELL, "1", parent="p2")
        answer = assess(proposal(order(BUY, "1", tif=GTC)), world(orders=(under_way,)), limits())
        assert {"self_trade"} == refused(answer).keys()

    @pytest.mark.parametrize(("rate", "passes"), [("0.99", False), ("1.01", True)])
    def test_another_quote_is_compared_at_its_rate(self, rate: str, passes: bool) -> None:
        desk = world(
            orders=(resting(quote=Asset("USDT"), venue=B),), prices={"BTC": "100", "USD": "1", "USDT": rate}
        )
        answer = assess(proposal(order(BUY, "1")), desk, limits())
        assert passes is isinstance(answer, Approved)

    def test_without_a_rate_it_is_refused_and_says_so(self) -> None:
        desk = world(orders=(resting("1000", quote=Asset("USDT"), venue=B),))
        answer = assess(proposal(order(BUY, "1")), desk, limits())
        assert isinstance(answer, Refused)
        assert {"self_trade"} == refused(answer).keys()
        assert answer.refusals[0].worst_case.endswith("; no rate between USD and USDT is known")

    def test_a_reduction_passes(self) -> None:
        """What is held can be left whatever rests on the other side."""
        own = order(BUY, "1", parent="p2", tif=GTC)
        assert {} == refused(assess(proposal(order(SELL, "9")), world(LONG_9, orders=(own,)), limits()))
