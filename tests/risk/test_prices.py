"""Book age, price collar and the venues that have to be alive."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mvx.domain.order import Side
from mvx.risk.checks import assess
from mvx.risk.question import Approved, Refused
from tests.risk.desk import BUY, SELL, A, B, book, holding, limits, order, proposal, refused, world

D = Decimal
LONG_9 = holding(A, "BTC", "109", "100")


def sentence(answer: Approved | Refused) -> str:
    assert isinstance(answer, Refused)
    (refusal,) = answer.refusals
    return refusal.worst_case


class TestBookAge:
    @pytest.mark.parametrize(("age_s", "passes"), [(5, True), (5.001, False), (-5, True), (-5.001, False)])
    def test_it_holds_at_the_limit_and_not_one_step_above(self, age_s: float, passes: bool) -> None:
        """A book from the future says that the clock was set back."""
        asked = proposal(order(BUY, "1"), books={A: book(age_s=age_s)})
        answer = assess(asked, world(), limits())
        assert passes is isinstance(answer, Approved)
        if not passes:
            assert {"max_book_age_s": (D("5.001"), D(5))} == refused(answer)
            assert "the book of a that the plan was made on is 5 s old" == sentence(answer)

    def test_only_the_venues_of_the_children_count(self) -> None:
        asked = proposal(order(BUY, "1"), books={A: book(), B: book(age_s=99)})
        assert {} == refused(assess(asked, world(), limits()))

    def test_a_book_that_nobody_read_is_refused(self) -> None:
        answer = assess(proposal(order(BUY, "1"), books={B: book()}), world(), limits())
        assert {"max_book_age_s": (None, D(5))} == refused(answer)

    def test_an_unknown_order_changes_nothing_and_a_reduction_passes(self) -> None:
        lost = order(BUY, "1", parent="p2", unknown=True)
        asked = proposal(order(SELL, "9"), books={A: book(age_s=99)})
        assert {} == refused(assess(asked, world(LONG_9, orders=(lost,)), limits()))


class TestCollar:
    @pytest.mark.parametrize(
        ("side", "px", "passes"),
        [
            (BUY, "100.5", True),
            (BUY, "100.501", False),
            (BUY, "1", True),
            (SELL, "99.5", True),
            (SELL, "99.499", False),
            (SELL, "900", True),
        ],
    )
    def test_it_holds_at_the_limit_and_not_one_step_beyond(self, side: Side, px: str, passes: bool) -> None:
        """Only what pays away is too far: a limit on the other side of the mid fills well or rests."""
        answer = assess(proposal(order(side, "1", px=px)), world(), limits(collar_bps="50"))
        assert passes is isinstance(answer, Approved)
        if not passes:
            assert {"price_collar_bps": (D("50.1"), D(50))} == refused(answer)
            assert (
                f"a {side.value} limited at {px} USD is 50.1 bps beyond the consolidated mid of 100"
            ) == sentence(answer)

    def test_the_consolidated_mid_is_taken_at_the_rate_of_the_venues_quote(self) -> None:
        """In a quote that is worth 2 the mid is 50."""
        asked = proposal(order(BUY, "1", px="51"), books={A: book("51", rate="2")})
        assert {"price_collar_bps": (D(200), D(100))} == refused(
            assess(asked, world(), limits(collar_bps="100"))
        )

    def test_a_reduction_is_measured_by_its_venues_own_book(self) -> None:
        near = proposal(order(SELL, "9", px="80"), books={A: book("80")})
        assert {} == refused(assess(near, world(LONG_9), limits(collar_bps="50")))
        far = proposal(order(SELL, "9", px="80"), mid="150", books={A: book("100")})
        answer = assess(far, world(LONG_9), limits(collar_bps="50"))
        assert {"price_collar_bps": (D(2000), D(50))} == refused(answer)
        assert "a sell limited at 80 USD is 2000 bps beyond a's own mid of 100" == sentence(answer)

    def test_a_reduction_passes_where_growth_would(self) -> None:
        """Its venue's own mid may be the further one; who grows a position is measured by the other alone."""
        asked = proposal(order(SELL, "9", px="80"), mid="80", books={A: book("100")})
        assert {} == refused(assess(asked, world(), limits(collar_bps="50")))
        assert {} == refused(assess(asked, world(LONG_9), limits(collar_bps="50")))
        wild = proposal(order(SELL, "9", px="79"), mid="80", books={A: book("100")})
        answer = assess(wild, world(LONG_9), limits(collar_bps="50"))
        assert {"price_collar_bps": (D(125), D(50))} == refused(answer)
        assert "a sell limited at 79 USD is 125 bps beyond the consolidated mid of 80" == sentence(answer)

    def test_a_reduction_that_an_unknown_order_may_undo_is_growth(self) -> None:
        lost = order(SELL, "5", parent="p2", unknown=True)
        asked = proposal(order(SELL, "9", px="80"), books={A: book("80")})
        answer = assess(asked, world(LONG_9, orders=(lost,)), limits(collar_bps="50"))
        assert {"price_collar_bps": (D(2000), D(50))} == refused(answer)

    def test_a_flatten_needs_no_other_venue_and_is_not_above_it(self) -> None:
        alone = proposal(order(SELL, "9", px="80"), mid=None, books={A: book("80")}, flattening=True)
        assert {} == refused(assess(alone, world(LONG_9), limits(collar_bps="50")))
        wild = proposal(order(SELL, "9", px="79"), mid=None, books={A: book("80")}, flattening=True)
        assert {"price_collar_bps"} == refused(assess(wild, world(LONG_9), limits(collar_bps="50"))).keys()

    def test_a_flatten_that_grows_the_desk_is_measured_by_its_venues_own_book_too(self) -> None:
        """The desk is short because of B; to sell at A leaves A."""
        short = holding(B, "BTC", "50", "100")
        leaving = proposal(order(SELL, "9", px="80"), books={A: book("80")}, flattening=True)
        assert {} == refused(assess(leaving, world(LONG_9, short), limits(collar_bps="50")))

    def test_without_a_mid_it_is_refused(self) -> None:
        answer = assess(proposal(order(BUY, "1"), mid=None), world(), limits(collar_bps="50"))
        assert {"price_collar_bps": (None, D(50))} == refused(answer)
        unread = assess(proposal(order(SELL, "9"), books={}), world(LONG_9), limits(collar_bps="50"))
        assert {"price_collar_bps": (None, D(50))} == refused(unread)


class TestVenuesAlive:
    @pytest.mark.parametrize(("least", "passes"), [(1, True), (2, False)])
    def test_it_holds_at_the_limit_and_not_one_step_below(self, least: int, passes: bool) -> None:
        desk = world(dead={B: "dark for 12 s: refused"})
        answer = assess(proposal(order(BUY, "1")), desk, limits(venues_alive=least))
        assert passes is isinstance(answer, Approved)
        if not passes:
            assert {"min_venues_alive": (D(1), D(2))} == refused(answer)
            assert ("1 of 2 venues that list BTC-USD are alive: b is dark for 12 s: refused") == sentence(
                answer
            )

    def test_fewer_venues_than_required_are_refused_even_where_none_is_dead(self) -> None:
        answer = assess(proposal(order(BUY, "1")), world(), limits(venues_alive=3))
        assert "2 of 2 venues that list BTC-USD are alive" == sentence(answer)

    def test_a_reduction_needs_no_other_venue(self) -> None:
        desk = world(LONG_9, dead={B: "dark"})
        assert {} == refused(assess(proposal(order(SELL, "9")), desk, limits(venues_alive=2)))
