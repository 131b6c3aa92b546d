"""What holds for every plan, whatever the market."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from mvx.domain.money import BPS, is_multiple
from mvx.domain.order import Side
from mvx.router.cost import Quote, make_offer
from mvx.router.plan import Plan, PlanRequest, make_plan
from mvx.router.split import alone
from tests.router.market import quote, request

D = Decimal
CENT = D("0.01")


def cents(low: int, high: int) -> st.SearchStrategy[Decimal]:
    return st.integers(low, high).map(lambda number: number * CENT)


@st.composite
def ladders(draw: st.DrawFn, start: str, step: int) -> list[tuple[Decimal, Decimal]]:
    px, rows = D(start), []
    for gap in draw(st.lists(st.integers(1, 150), min_size=1, max_size=5)):
        px += step * gap * CENT
        rows.append((px, draw(cents(1, 300))))
    return rows


@st.composite
def quotes(draw: st.DrawFn, *, plain: bool = False) -> list[Quote]:
    """A market; `plain`: one lot for all, and no minimum above it."""
    venues = draw(st.lists(st.sampled_from("abcde"), min_size=1, max_size=4, unique=True))
    return [
        quote(
            venue,
            asks=draw(ladders("100", 1)),
            bids=draw(ladders("100", -1)),
            fee_bps=str(draw(st.integers(0, 60))),
            rate=draw(st.sampled_from(["1", "0.9995", "1.002"])),
            spendable=str(draw(st.integers(0, 700))),
            tick=draw(st.sampled_from(["0.01", "0.05", "0.5"])),
            lot="0.01" if plain else draw(st.sampled_from(["0.01", "0.1", "0.25", "1"])),
            min_qty="0.01" if plain else draw(st.sampled_from(["0.01", "0.3", "1"])),
            min_notional="0" if plain else draw(st.sampled_from(["0", "5", "50"])),
            penalty_bps=draw(st.sampled_from(["0", "0", "1000"])),
        )
        for venue in venues
    ]


@st.composite
def requests(draw: st.DrawFn) -> PlanRequest:
    resting, post_only = draw(st.booleans()), draw(st.booleans())
    limit = draw(cents(9500, 10500).map(str) | (st.none() if not (resting or post_only) else st.nothing()))
    asked = request(
        str(draw(cents(1, 900))),
        draw(st.sampled_from(Side)),
        limit=limit,
        slippage=draw(st.none() | st.integers(0, 300).map(str)),
        resting=resting,
        post_only=post_only,
    )
    return replace(asked, reaching=draw(st.booleans()))


@given(requests(), quotes())
def test_never_plans_more_than_the_order(request: PlanRequest, market: list[Quote]) -> None:
    plan = make_plan(request, market)
    assert plan.planned_qty == sum(leg.qty for leg in plan.legs) <= request.order_qty
    venues = [leg.venue for leg in plan.legs] + [skip.venue for skip in plan.skipped]
    assert sorted(venues) == sorted(q.venue for q in market)
    assert all(leg.why for leg in plan.legs)


@given(requests(), quotes())
def test_every_leg_is_a_legal_order(request: PlanRequest, market: list[Quote]) -> None:
    rules = {q.venue: q.rules for q in market}
    for leg in make_plan(request, market).legs:
        its = rules[leg.venue]
        assert is_multiple(leg.qty, its.lot)
        assert is_multiple(leg.limit_px, its.tick)
        assert leg.qty >= its.min_qty
        assert leg.qty * leg.limit_px >= its.min_notional


@given(requests(), quotes())
def test_no_leg_goes_beyond_the_limit_or_the_slippage_cap(request: PlanRequest, market: list[Quote]) -> None:
    plan, sign = make_plan(request, market), request.side.sign
    rates = {q.venue: q.rate for q in market}
    for leg in plan.legs:
        px = leg.limit_px * rates[leg.venue]
        if request.limit_px is not None:
            assert sign * (px - request.limit_px) <= 0
        if request.max_slippage_bps is not None:
            assert plan.arrival_px is not None
            assert sign * (px - plan.arrival_px) / plan.arrival_px * BPS <= request.max_slippage_bps + D(
                "1E-6"
            )


@given(requests(), quotes())
def test_no_leg_spends_more_than_its_balance(request: PlanRequest, market: list[Quote]) -> None:
    spendable = {q.venue: q.spendable for q in market}
    for leg in make_plan(request, market).legs:
        spent = leg.qty
        if request.side is Side.BUY:
            spent = leg.qty * leg.limit_px * (1 + leg.fee_bps / BPS)
        assert spent <= spendable[leg.venue]


@given(requests(), quotes())
def test_a_leg_can_fill_what_was_planned_within_its_limit(request: PlanRequest, market: list[Quote]) -> None:
    if request.rests:
        return
    books = {q.venue: q.book for q in market}
    for leg in make_plan(request, market).legs:
        levels = books[leg.venue].against(request.side)
        reach = sum(x.qty for x in levels if request.side.sign * (x.px - leg.limit_px) <= 0)
        assert leg.qty <= reach


@given(requests(), quotes(), st.randoms())
def test_the_order_of_the_quotes_changes_nothing(
    request: PlanRequest, market: list[Quote], rng: random.Random
) -> None:
    shuffled = list(market)
    rng.shuffle(shuffled)
    assert make_plan(request, shuffled) == make_plan(request, market)


def soundest(market: list[Quote]) -> list[Quote]:
    """The quotes with the least penalty: the live ones, where there is one."""
    return [q for q in market if q.penalty_bps == min(each.penalty_bps for each in market)]


def best_alone(plan: Plan, market: list[Quote], qty: Decimal) -> Decimal | None:
    """The least signed cost of the quantity at one venue, worked out without the split."""
    costs = []
    for q in market:
        offer = make_offer(
            q, plan.request.side, limit_px=plan.request.limit_px, mid=None, max_slippage_bps=None
        )
        take = alone(offer, qty)
        if take is not None:
            costs.append(take.paid)
    return min(costs, default=None)


@settings(max_examples=150)
@given(cents(1, 900).map(str), st.sampled_from(Side), st.booleans(), st.data())
def test_a_plan_is_never_dearer_than_the_best_legal_venue_alone(
    qty: str, side: Side, plain: bool, data: st.DataObject
) -> None:
    """In what is paid, penalties apart; of the live venues, where one is live."""
    market = data.draw(quotes(plain=plain))
    plan = make_plan(request(qty, side), market)
    whole = best_alone(plan, market, plan.request.order_qty)
    if whole is not None:
        assert plan.planned_qty == plan.request.order_qty
    same = best_alone(plan, soundest(market), plan.planned_qty)
    if same is not None:
        cost = side.sign * sum(leg.qty * leg.all_in_px for leg in plan.legs)
        assert cost <= same + D("1E-6")
    assert (plan.saving_bps is None) == (same is None)
    assert plan.saving_bps is None or plan.saving_bps >= 0


@settings(max_examples=50)
@given(cents(1, 900).map(str), st.sampled_from(Side), quotes(plain=True))
def test_all_that_can_be_placed_is_placed_where_lots_are_equal(
    qty: str, side: Side, market: list[Quote]
) -> None:
    plan = make_plan(request(qty, side), market)
    assert plan.planned_qty == min(capacity(plan, market), plan.request.order_qty)


@settings(max_examples=50)
@given(cents(1, 900).map(str), st.sampled_from(Side), quotes(plain=True))
def test_a_penalised_venue_gets_what_the_others_can_not_fill(
    qty: str, side: Side, market: list[Quote]
) -> None:
    """The market's prices, fees and rates lie less than the penalty apart."""
    plan = make_plan(request(qty, side), market)
    sound = soundest(market)
    taken = sum(leg.qty for leg in plan.legs if leg.venue in {q.venue for q in sound})
    assert taken == min(capacity(plan, sound), plan.request.order_qty)


@given(requests(), quotes())
def test_no_price_of_a_plan_has_a_penalty_in_it(request: PlanRequest, market: list[Quote]) -> None:
    for leg in make_plan(request, market).legs:
        rate = next(q.rate for q in market if q.venue == leg.venue)
        paid = leg.expected_px * (1 + request.side.sign * leg.fee_bps / BPS) * rate
        assert abs(leg.all_in_px - paid) < D("1E-6")


def capacity(plan: Plan, market: list[Quote]) -> Decimal:
    """The most of the quantity that each venue could take by itself, in all."""
    total = D(0)
    for q in market:
        offer = make_offer(q, plan.request.side, limit_px=None, mid=None, max_slippage_bps=None)
        steps = (n * CENT for n in range(1, int(plan.request.order_qty / CENT) + 1))
        total += max((step for step in steps if alone(offer, step) is not None), default=D(0))
    return total
