"""What a halt, reducing only and a flatten let pass, one by one and for every desk."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvx.domain.exposure import still_possible
from mvx.domain.ids import Asset, Venue
from mvx.domain.money import BPS, ZERO
from mvx.domain.order import Order, Side
from mvx.domain.order_status import OrdStatus
from mvx.domain.trading import Trading, TradingState
from mvx.risk.checks import assess
from mvx.risk.question import Approved, Proposal, Refused, World
from mvx.risk.worst_case import reduction
from tests.risk.desk import BTC, BUY, SELL, A, B, holding, limits, order, proposal, refused, rule, world
from tests.risk.test_properties import NO_GROWTH, orders, parents, sides

D = Decimal
HALTED, REDUCING, ACTIVE = TradingState.HALTED, TradingState.REDUCING, TradingState.ACTIVE
LONG_9 = holding(A, "BTC", "109", "100")
SHORT_3 = holding(B, "BTC", "97", "100")


def reasons(answer: Approved | Refused) -> list[tuple[str, Venue | None, str]]:
    assert isinstance(answer, Refused)
    return [(each.limit, each.venue, each.worst_case) for each in answer.refusals]


class TestHalt:
    def test_a_halted_system_refuses_everything(self) -> None:
        desk = world(LONG_9, trading=(rule(HALTED),))
        for child in (order(BUY, "1"), order(SELL, "1"), order(BUY, "1", venue=B)):
            assert [("trading", None, "the system was halted by ops@desk: maintenance")] == reasons(
                assess(proposal(child), desk, limits())
            )

    def test_a_halted_venue_refuses_its_own_children_by_name(self) -> None:
        desk = world(trading=(rule(HALTED, A),))
        both = proposal(order(BUY, "1"), order(BUY, "2", venue=B))
        found = assess(both, desk, limits())
        assert [("trading", A, "halted by ops@desk: maintenance")] == reasons(found)
        assert {"trading": (D(1), ZERO)} == refused(found)
        assert {} == refused(assess(proposal(order(BUY, "2", venue=B)), desk, limits()))

    def test_a_reduction_is_refused_too(self) -> None:
        desk = world(LONG_9, trading=(rule(HALTED, A),))
        assert {"trading"} == set(refused(assess(proposal(order(SELL, "1")), desk, limits())))

    def test_it_is_said_beside_every_other_refusal(self) -> None:
        desk = world(holding(A, "USD", "1"), trading=(rule(HALTED), rule(HALTED, A)))
        found = assess(proposal(order(BUY, "2")), desk, limits(position="1"))
        assert ["max_position", "trading", "trading", "balance"] == [each for each, *_ in reasons(found)]

    def test_what_was_resumed_is_free(self) -> None:
        desk = world(trading=(rule(ACTIVE), rule(ACTIVE, A)))
        assert {} == refused(assess(proposal(order(BUY, "1")), desk, limits()))


class TestReducingOnly:
    def test_what_nobody_knows_nothing_surely_reduces(self) -> None:
        desk = world(LONG_9, trading=(rule(REDUCING),), unknown={"BTC": "kraken has not agreed since"})
        answer = assess(proposal(order(SELL, "1")), desk, limits())
        assert refused(answer) == {"trading": (D(1), D(0))}
        said = "kraken has not agreed since, so nothing surely reduces the desk's position"
        assert said in str(answer)

    def test_the_system_judges_by_the_desks_position(self) -> None:
        """A is long 9 and B short 3: the desk is long 6."""
        desk = world(LONG_9, SHORT_3, trading=(rule(REDUCING),))
        assert {} == refused(assess(proposal(order(SELL, "6", venue=B)), desk, limits()))
        found = assess(proposal(order(SELL, "6.1", venue=B)), desk, limits())
        assert {"trading": (D("6.1"), D(6))} == refused(found)
        ((_, scope, said),) = reasons(found)
        assert scope is None
        assert said == (
            "the system was set to reducing only by ops@desk: maintenance, and to sell 6.1 BTC could make the"
            " desk's position larger: with what open orders may still do, 6 is the most that only reduces it"
        )

    def test_a_venue_judges_by_its_own_position(self) -> None:
        desk = world(LONG_9, SHORT_3, trading=(rule(REDUCING, A), rule(REDUCING, B)))
        assert {} == refused(assess(proposal(order(SELL, "9")), desk, limits()))
        assert {} == refused(assess(proposal(order(BUY, "3", venue=B)), desk, limits()))
        grows_b = assess(proposal(order(SELL, "1", venue=B)), desk, limits())
        assert {"trading": (D(1), ZERO)} == refused(grows_b)

    def test_each_child_is_judged_where_it_goes(self) -> None:
        desk = world(LONG_9, trading=(rule(REDUCING, A),))
        both = proposal(order(SELL, "10"), order(SELL, "5", venue=B))
        found = assess(both, desk, limits())
        assert [("trading", A)] == [each[:2] for each in reasons(found)]

    def test_the_stricter_of_both_rules(self) -> None:
        desk = world(LONG_9, trading=(rule(REDUCING), rule(HALTED, A)))
        assert [("trading", A)] == [
            each[:2] for each in reasons(assess(proposal(order(SELL, "1")), desk, limits()))
        ]
        desk = world(LONG_9, trading=(rule(HALTED), rule(REDUCING, A)))
        assert [("trading", None)] == [
            each[:2] for each in reasons(assess(proposal(order(SELL, "1")), desk, limits()))
        ]

    def test_open_orders_of_its_side_take_room(self) -> None:
        lost = order(SELL, "4", parent="p2", unknown=True)
        desk = world(LONG_9, orders=(lost,), trading=(rule(REDUCING, A),))
        assert {} == refused(assess(proposal(order(SELL, "5")), desk, limits()))
        assert {"trading": (D("5.1"), D(5))} == refused(assess(proposal(order(SELL, "5.1")), desk, limits()))

    def test_open_orders_elsewhere_take_no_room_of_a_venue(self) -> None:
        lost = order(SELL, "4", parent="p2", venue=B, unknown=True)
        desk = world(LONG_9, orders=(lost,), trading=(rule(REDUCING, A),))
        assert {} == refused(assess(proposal(order(SELL, "9")), desk, limits()))

    def test_what_has_no_bound_reduces_nothing(self) -> None:
        vague = replace(order(BUY, "1", parent="p2"), base=Asset("ETH"), fee_assets=(BTC,))
        desk = world(LONG_9, orders=(vague,), trading=(rule(REDUCING, A),))
        found = assess(proposal(order(SELL, "1")), desk, limits())
        assert ("trading", A) in [each[:2] for each in reasons(found)]
        assert "without a bound" in reasons(found)[0][2]


class TestFlatten:
    strict = (rule(HALTED), rule(HALTED, A), rule(HALTED, B))

    def test_it_passes_every_halt_and_every_limit_on_growth(self) -> None:
        desk = world(LONG_9, prices={}, trading=self.strict)
        leaving = proposal(order(SELL, "9"), flattening=True)
        assert {} == refused(assess(leaving, desk, NO_GROWTH))

    def test_it_is_judged_by_its_venue_and_not_by_the_desk(self) -> None:
        """The desk is short by far because of B; to sell at A all the same leaves A."""
        desk = world(LONG_9, holding(B, "BTC", "100", "200"), trading=self.strict)
        assert {} == refused(assess(proposal(order(SELL, "9"), flattening=True), desk, NO_GROWTH))
        at_b = proposal(order(SELL, "1", venue=B), flattening=True)
        assert {"flatten": (D(1), ZERO)} == refused(assess(at_b, desk, limits()))

    def test_it_is_refused_where_it_would_not_reduce(self) -> None:
        lost = order(SELL, "4", parent="p2", unknown=True)
        desk = world(LONG_9, orders=(lost,))
        found = assess(proposal(order(SELL, "5.1"), flattening=True), desk, limits())
        assert {"flatten": (D("5.1"), D(5))} == refused(found)
        assert [("flatten", A)] == [each[:2] for each in reasons(found)]

    def test_one_child_that_does_not_reduce_refuses_all(self) -> None:
        desk = world(LONG_9)
        both = proposal(order(SELL, "5"), order(SELL, "5", venue=B), flattening=True)
        assert [("flatten", B)] == [each[:2] for each in reasons(assess(both, desk, limits()))]

    def test_its_balance_is_checked_all_the_same(self) -> None:
        desk = world(holding(B, "BTC", "91", "100"), holding(B, "USD", "5"), trading=self.strict)
        leaving = proposal(order(BUY, "9", venue=B), flattening=True)
        assert {"balance"} == set(refused(assess(leaving, desk, limits())))

    def test_numbers_are_checked_all_the_same(self) -> None:
        leaving = proposal(order(SELL, "NaN"), leaves="1", flattening=True)
        assert {"numbers"} == set(refused(assess(leaving, world(LONG_9), limits())))


states = st.sampled_from([ACTIVE, REDUCING, HALTED])
rules = st.builds(lambda *decided: tuple(map(rule, decided, (None, A, B))), states, states, states)
tenths = st.integers(-200, 200).map(lambda number: str(500 + D(number) / 10))


@st.composite
def desks(draw: st.DrawFn) -> World:
    """Positions of up to 20 either way, open orders, and any trading states."""
    found = tuple(draw(st.lists(orders(), max_size=4)))
    held = (holding(A, "BTC", draw(tenths), "500"), holding(B, "BTC", draw(tenths), "500"))
    return world(*held, orders=found, trading=draw(rules))


@st.composite
def proposals(draw: st.DrawFn, *, flattening: bool) -> Proposal:
    side, parent = draw(sides), draw(parents)
    children = draw(st.lists(orders(side, parent), min_size=1, max_size=2))
    return proposal(*children, flattening=flattening)


def positions_at(desk: World, venue: Venue | None, chosen: st.DataObject) -> Decimal:
    """One of the positions that the open orders can come to: each fills in part, whole or not."""
    total = sum(
        (
            held.confirmed - held.baseline
            for held in desk.holdings.values()
            if held.asset == BTC and venue in (None, held.venue)
        ),
        ZERO,
    )
    for each in desk.orders:
        if venue in (None, each.venue):
            total += outcome(each, chosen)
    return total


def outcome(each: Order, chosen: st.DataObject) -> Decimal:
    reach = still_possible(each)[BTC]
    assert reach.lo is not None
    assert reach.hi is not None
    return chosen.draw(st.sampled_from([ZERO, D("0.5"), D(1)])) * (reach.lo + reach.hi)


@settings(max_examples=200, deadline=None)
@given(proposals(flattening=False), desks())
def test_a_halted_venue_never_gets_a_child(asked: Proposal, desk: World) -> None:
    """I12. Nor does any venue of a halted system; a refusal names who halted it."""
    answer = assess(asked, desk, limits())
    halted = {scope for scope, each in desk.trading.items() if each.state is HALTED}
    touched: set[Venue | None] = {None, *(child.venue for child in asked.children)}
    if halted & touched:
        assert {(scope, True) for scope in halted & touched} <= {
            (venue, "ops@desk" in said) for limit, venue, said in reasons(answer) if limit == "trading"
        }
    elif all(each.state is ACTIVE for each in desk.trading.values()):
        assert "trading" not in refused(answer)


@settings(max_examples=200, deadline=None)
@given(proposals(flattening=False), desks(), st.data())
def test_reducing_only_lets_nothing_pass_that_could_grow(
    asked: Proposal, desk: World, data: st.DataObject
) -> None:
    """Whatever the open orders come to, and however much of the proposal fills."""
    if isinstance(assess(asked, desk, limits()), Refused):
        return
    for scope in (None, *{child.venue for child in asked.children}):
        if desk.trading[scope].state is REDUCING:
            assert_never_larger(asked, desk, scope, data)


@settings(max_examples=200, deadline=None)
@given(proposals(flattening=True), desks(), st.data())
def test_a_flatten_that_passes_never_grows_a_position_at_its_venue(
    asked: Proposal, desk: World, data: st.DataObject
) -> None:
    """Halted or not; and one that could grow it is refused as a whole."""
    venues = {child.venue for child in asked.children}
    answer = assess(asked, desk, NO_GROWTH)
    if isinstance(answer, Approved):
        for venue in venues:
            assert_never_larger(asked, desk, venue, data)
    else:
        assert {"flatten", "balance"} >= set(refused(answer))
        reducing = all(reduction(asked, desk, venue).holds for venue in venues)
        assert not reducing or "balance" in refused(answer)


def assert_never_larger(asked: Proposal, desk: World, scope: Venue | None, data: st.DataObject) -> None:
    """Nor turned, but by what fees in base may take on top."""
    before = positions_at(desk, scope, data)
    children = [child for child in asked.children if scope in (None, child.venue)]
    after = before + sum((outcome(child, data) for child in children), ZERO)
    fees = sum((each.worst_qty * each.fee_bps / BPS for each in (*desk.orders, *children)), ZERO)
    assert abs(after) <= abs(before)
    assert before * after >= 0 or abs(after) <= fees


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_position_that_an_open_order_may_have_turned_is_reduced_by_nobody(side: Side) -> None:
    """A confirmed position of 1 and an unknown order of 3 against it: it may be on either side of zero."""
    at = "101" if side is SELL else "99"
    lost = order(side, "3", parent="p2", unknown=True, status=OrdStatus.PENDING_NEW)
    desk = world(holding(A, "BTC", at, "100"), orders=(lost,))
    for tried in (BUY, SELL):
        asked = proposal(order(tried, "0.5"), flattening=True)
        assert {"flatten"} == set(refused(assess(asked, desk, limits())))


def test_a_rule_says_what_was_done_by_whom_and_why() -> None:
    assert "set to reducing only by ops@desk: maintenance" == str(rule(REDUCING, A))
    assert "halted by ops@desk" == str(Trading(None, HALTED, "", "ops@desk", rule(HALTED).at))
