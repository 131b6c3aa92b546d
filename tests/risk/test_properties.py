"""What holds for every sequence of proposals, fills, cancels and settlements."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from mvx.domain.exposure import still_possible
from mvx.domain.money import BPS, ZERO
from mvx.domain.order import Order, Side
from mvx.domain.order_status import OrdStatus
from mvx.risk.checks import assess, assess_after_lateness
from mvx.risk.question import Approved, Proposal, Refused, World
from tests.risk.desk import BTC, BUY, SELL, USD, A, B, holding, limits, order, proposal, working, world

D = Decimal
LIMIT = D(10)

quantities = st.integers(1, 120).map(lambda number: str(D(number) / 10))
venues = st.sampled_from([A, B])
sides = st.sampled_from([BUY, SELL])
parents = st.sampled_from(["p1", "p2", "p3"])


@st.composite
def orders(draw: st.DrawFn, side: Side | None = None, parent: str | None = None) -> Order:
    return order(
        side or draw(sides),
        draw(quantities),
        parent=parent or draw(parents),
        venue=draw(venues),
        fee_bps=draw(st.sampled_from(["0", "50"])),
        fee_assets=draw(st.sampled_from([("USD",), ("BTC",)])),
    )


@st.composite
def proposals(draw: st.DrawFn) -> Proposal:
    side, parent = draw(sides), draw(parents)
    children = draw(st.lists(orders(side, parent), min_size=1, max_size=2))
    extra = draw(st.sampled_from([ZERO, ZERO, D(3)]))
    return proposal(*children, leaves=str(sum((c.order_qty for c in children), ZERO) + extra))


def worst_positions(desk: World) -> tuple[Decimal, Decimal]:
    """The least and the most that the desk's position can be, from the domain's own interval."""
    low = high = sum((h.confirmed - h.baseline for h in desk.holdings.values() if h.asset == BTC), ZERO)
    for each in desk.orders:
        reach = still_possible(each).get(BTC)
        if reach is not None:
            assert reach.lo is not None
            assert reach.hi is not None
            low, high = low + reach.lo, high + reach.hi
    return low, high


def fill(desk: World, index: int, part: Decimal) -> World:
    """Part of what is left of an order fills, and the venue confirms it, fee included."""
    each = desk.orders[index]
    qty = each.worst_qty * part
    fee = qty * each.fee_bps / BPS
    base = each.side.sign * qty - (fee if BTC in each.fee_assets else ZERO)
    quote = -each.side.sign * qty * each.limit_px - (fee * each.limit_px if USD in each.fee_assets else ZERO)
    held = dict(desk.holdings)
    for asset, change in ((BTC, base), (USD, quote)):
        key = (each.venue, asset)
        held[key] = replace(held[key], confirmed=held[key].confirmed + change)
    filled = replace(each, filled_qty=each.filled_qty + qty, cum_qty=each.filled_qty + qty)
    return replace(desk, holdings=held, orders=replaced(desk.orders, index, filled))


def replaced(all_orders: tuple[Order, ...], index: int, new: Order | None) -> tuple[Order, ...]:
    return (*all_orders[:index], *(() if new is None else (new,)), *all_orders[index + 1 :])


def step(desk: World, data: st.DataObject) -> World:
    """One random event of a desk's life."""
    kind = data.draw(st.sampled_from(["propose", "propose", "fill", "cancel", "settle", "work"]))
    if kind == "propose":
        asked = data.draw(proposals())
        answer = assess(asked, desk, limits(position=str(LIMIT)))
        return replace(desk, orders=desk.orders + answer.children) if isinstance(answer, Approved) else desk
    if kind == "work":
        parent = working(data.draw(parents), data.draw(sides), data.draw(quantities))
        others = tuple(each for each in desk.working if each.parent_id != parent.parent_id)
        return replace(desk, working=(*others, parent))
    if not desk.orders:
        return desk
    index = data.draw(st.integers(0, len(desk.orders) - 1))
    if kind == "fill":
        return fill(desk, index, data.draw(st.sampled_from([D(1), D("0.5")])))
    if kind == "cancel":
        cancelled = replace(desk.orders[index], ord_status=OrdStatus.CANCELED)
        return replace(desk, orders=replaced(desk.orders, index, cancelled))
    return replace(desk, orders=replaced(desk.orders, index, None))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_approved_the_worst_case_position_stays_within_its_limit(data: st.DataObject) -> None:
    desk = world()
    for _ in range(data.draw(st.integers(1, 15))):
        desk = step(desk, data)
        low, high = worst_positions(desk)
        assert -LIMIT <= low <= high <= LIMIT


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_approved_no_balance_can_be_overdrawn(data: st.DataObject) -> None:
    desk = world(
        holding(A, "USD", "700"),
        holding(A, "BTC", "4", "4"),
        holding(B, "USD", "300"),
        holding(B, "BTC", "2", "2"),
    )
    for _ in range(data.draw(st.integers(1, 15))):
        desk = step(desk, data)
        for (venue, asset), held in desk.holdings.items():
            possible = [still_possible(each).get(asset) for each in desk.orders if each.venue == venue]
            least = held.confirmed + sum((each.lo or ZERO for each in possible if each is not None), ZERO)
            assert least >= 0


@settings(deadline=None)
@given(proposals(), st.lists(orders(), max_size=4), st.integers(0, 3000))
def test_turnover_is_refused_exactly_where_everything_together_could_exceed_it(
    asked: Proposal, others: list[Order], traded: int
) -> None:
    """Worked out without the code under test: at a price of 100, what was traded and all that may be."""
    desk = world(orders=tuple(others), traded={"USD": str(traded)})
    to_come = asked.parent_leaves_qty + sum((each.order_qty for each in others), ZERO)
    answer = assess(asked, desk, limits(daily_turnover="3000"))
    named = {refusal.limit for refusal in answer.refusals} if isinstance(answer, Refused) else set()
    assert (traded + 100 * to_come > 3000) is ("max_daily_turnover" in named)


NO_GROWTH = limits(
    position="0",
    order_qty="0",
    order_notional="0",
    venue_notional={A: "0", B: "0"},
    open_orders=0,
    unknown_orders=0,
    position_notional="0",
    gross_notional="0",
    orders_per_minute=0,
    daily_turnover="0",
    venues_alive=3,
)


@settings(deadline=None)
@given(proposals(), st.lists(orders(), max_size=4), st.integers(-300, 300))
def test_a_reduction_is_never_refused_by_limits_on_growth(
    asked: Proposal, others: list[Order], tenths: int
) -> None:
    """Worked out without the code under test: for every point of the interval the position after the
    proposal's worst case lies between the position before it and zero, fees aside."""
    desk = world(holding(A, "BTC", str(500 + D(tenths) / 10), "500"), orders=tuple(others))
    feeless = [replace(each, fee_bps=D(0)) for each in (*desk.orders, *asked.children)]
    low, high = worst_positions(replace(desk, orders=tuple(feeless[: len(others)])))
    new_low, new_high = worst_positions(replace(desk, orders=tuple(feeless)))
    reducing = low > 0 and new_low >= 0 if asked.side is SELL else high < 0 and new_high <= 0
    answer = assess(asked, desk, NO_GROWTH)
    named = {refusal.limit for refusal in answer.refusals} if isinstance(answer, Refused) else set()
    if reducing:
        assert named <= {"balance"}
    else:
        assert "max_order_qty" in named


@settings(deadline=None)
@given(proposals(), st.lists(orders(), max_size=4))
def test_every_refusal_names_its_limit_its_value_and_its_worst_case(
    asked: Proposal, others: list[Order]
) -> None:
    answer = assess(asked, world(orders=tuple(others)), NO_GROWTH)
    assert isinstance(answer, Refused)
    for refusal in answer.refusals:
        assert refusal.limit
        assert refusal.worst_case
        assert refusal.value is not None
        if refusal.limit == "min_venues_alive":
            assert refusal.value < refusal.bound
        elif refusal.limit not in {"max_position", "max_position_notional", "balance"}:
            assert refusal.value > refusal.bound
        assert (refusal.venue is not None) == (refusal.limit in {"max_venue_notional", "balance"})


@settings(deadline=None)
@given(proposals(), st.lists(orders(), max_size=4), st.sampled_from(["1", "5", "20"]))
def test_waiting_for_lateness_never_makes_it_worse(asked: Proposal, others: list[Order], limit: str) -> None:
    """What passes now passes after settlement, where cancelled orders hold nothing."""
    ended = tuple(replace(each, ord_status=OrdStatus.CANCELED) for each in others)
    desk = world(orders=ended)
    if isinstance(assess(asked, desk, limits(position=limit)), Approved):
        assert isinstance(assess_after_lateness(asked, desk, limits(position=limit)), Approved)
