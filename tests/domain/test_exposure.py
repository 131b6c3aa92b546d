"""The interval: what a holding may be while orders are open, unknown or unsettled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvx.domain import order_life
from mvx.domain.execution import Fill
from mvx.domain.exposure import UNBOUNDED, Interval, claimed, holding, point, still_possible
from mvx.domain.ids import Asset
from mvx.domain.ledger import effects, net
from mvx.domain.money import BPS
from mvx.domain.order import Order
from mvx.domain.order_status import OrdStatus
from tests.domain.orders import BNB, BTC, BUY, SELL, USD, at, fill, order, report

D = Decimal
CENT = D("0.01")


@dataclass(frozen=True)
class History:
    """An order, and the fills by which a venue works it off."""

    order: Order
    fills: tuple[Fill, ...]


@st.composite
def histories(draw: st.DrawFn, cl_ord_id: str = "m1") -> History:
    """Any order, and any partial fills that its limit, the price band and the fee rate allow."""
    side = draw(st.sampled_from([BUY, SELL]))
    lots = draw(st.integers(1, 12))
    limit_px = draw(st.integers(1, 20_000)) * CENT
    band = draw(st.none() | st.integers(0, 300).map(lambda pct: limit_px * (100 + pct) / 100))
    fee_assets = draw(st.sampled_from([(USD,), (BTC,), (USD, BTC), (USD, BNB)]))
    fee_bps = D(draw(st.integers(0, 500)))
    sent = order(
        side, D(lots) / 10, limit_px, cl_ord_id=cl_ord_id, fee_bps=fee_bps, fee_assets=fee_assets,
        max_px=band if side is SELL else None,
    )  # fmt: skip
    fills: list[Fill] = []
    while lots and draw(st.booleans()):
        part = draw(st.integers(1, lots))
        lots -= part
        better = D(draw(st.integers(0, 100))) / 100
        highest = sent.max_px or limit_px * 9
        px = limit_px * better if side is BUY else limit_px + (highest - limit_px) * better
        fee_asset = draw(st.sampled_from(fee_assets))
        qty = D(part) / 10
        brought = {BTC: qty, USD: qty * px, BNB: D(1)}[fee_asset]
        fee = brought * fee_bps / BPS * draw(st.integers(0, 4)) / 4
        fills.append(fill(qty, px, exec_id=f"{cl_ord_id}-{lots}", side=side, fee=fee, fee_asset=fee_asset))
    return History(sent, tuple(fills))


def moved(held: dict[Asset, Decimal], each: Fill) -> dict[Asset, Decimal]:
    effect = net(effects(each, BTC, USD))
    return {asset: amount + effect.get(asset, D(0)) for asset, amount in held.items()}


def book(known: Order, each: Fill) -> Order:
    return order_life.filled(known, each.qty, each.notional, each.at)


@given(histories(), histories("m2"), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_truth_lies_in_every_interval_that_was_ever_said(first: History, second: History, dice) -> None:
    """Before each fill is booked, and after, the interval holds every way in which things went on."""
    left = {h.order.cl_ord_id: list(h.fills) for h in (first, second)}
    known = {h.order.cl_ord_id: h.order for h in (first, second)}
    truth = {BTC: D(5), USD: D(1000), BNB: D(1)}
    said = [{asset: holding(truth[asset], asset, known.values()) for asset in truth}]
    while waiting := [key for key, fills in left.items() if fills]:
        key = dice.choice(waiting)
        each = left[key].pop(0)
        truth = moved(truth, each)
        for intervals in said:
            assert all(intervals[asset].contains(truth[asset]) for asset in truth), (intervals, truth)
        known[key] = book(known[key], each)
        said.append({asset: holding(truth[asset], asset, known.values()) for asset in truth})
        assert all(said[-1][asset].contains(truth[asset]) for asset in truth)


@given(histories(), st.sampled_from([BTC, USD, BNB]))
@settings(max_examples=100, deadline=None)
def test_booking_a_fill_never_widens_a_bound(history: History, asset: Asset) -> None:
    """What is confirmed takes possibilities away and adds none."""
    known, held = history.order, {BTC: D(0), USD: D(0), BNB: D(0)}
    before = holding(held[asset], asset, [known])
    for each in history.fills:
        known, held = book(known, each), moved(held, each)
        now = holding(held[asset], asset, [known])
        assert before.lo is None or (now.lo is not None and now.lo >= before.lo)
        assert before.hi is None or (now.hi is not None and now.hi <= before.hi)
        before = now


@given(histories())
@settings(max_examples=50, deadline=None)
def test_a_settled_order_leaves_a_point(history: History) -> None:
    """Nothing more can happen to it: each holding is its number."""
    known = history.order
    for each in history.fills:
        known = book(known, each)
    done = order_life.settled(known)
    assert [holding(D(7), asset, [done]) for asset in (BTC, USD, BNB)] == [point(D(7))] * 3


@pytest.mark.parametrize("status", OrdStatus)
def test_an_order_is_reserved_in_every_state_until_it_is_settled(status: OrdStatus) -> None:
    """The state's name frees nothing: only settling does."""
    assert still_possible(order(ord_status=status))[BTC] == Interval(D(0), D(1))


def test_a_buy_may_spend_its_limit_and_the_fee() -> None:
    """A buy of 2 at 100 with 50 bps may cost 201 and bring 2."""
    possible = still_possible(order(BUY, "2", "100", fee_bps=D(50)))
    assert possible == {BTC: Interval(D(0), D(2)), USD: Interval(D(-201), D(0))}


def test_a_sell_whose_fee_is_taken_in_base_may_take_more_than_its_quantity() -> None:
    """Selling 2 with 50 bps in base may cost 2.01, and brings at most the price band."""
    sold = order(SELL, "2", "100", fee_bps=D(50), fee_assets=(USD, BTC), max_px=D(150))
    assert still_possible(sold) == {BTC: Interval(D("-2.01"), D(0)), USD: Interval(D(0), D(300))}


def test_a_fee_that_is_not_taken_in_an_asset_widens_nothing_there() -> None:
    """A sell whose fee is taken in quote takes its quantity and no more, a buy whose fee is taken in base its
    limit."""
    terms = {"fee_bps": D(50), "max_px": D(150)}
    assert still_possible(order(SELL, "2", fee_assets=(USD,), **terms))[BTC] == Interval(D(-2), D(0))
    assert still_possible(order(BUY, "2", fee_assets=(BTC,), **terms))[USD] == Interval(D(-200), D(0))


def test_a_sell_without_a_price_band_has_no_upper_bound() -> None:
    """What can not be bounded is None, never a guess."""
    assert still_possible(order(SELL))[USD] == Interval(D(0), None)


def test_a_fee_in_a_third_asset_has_no_lower_bound() -> None:
    """Every asset that a fee may take widens too."""
    assert still_possible(order(fee_assets=(USD, BNB)))[BNB] == Interval(None, D(0))


def test_none_stays_none() -> None:
    """No bounded order makes an unbounded side bounded again."""
    wide = [order(SELL), order(BUY, fee_assets=(USD, BNB), fee_bps=D(10)), order(SELL, max_px=D(200))]
    assert holding(D(0), USD, wide) == Interval(D("-100.1"), None)
    assert holding(D(0), BNB, wide).lo is None
    assert UNBOUNDED + point(D(3)) == UNBOUNDED


@pytest.mark.parametrize(
    ("interval", "value", "inside"),
    [
        (Interval(D(1), D(2)), D(1), True),
        (Interval(D(1), D(2)), D("2.0"), True),
        (Interval(D(1), D(2)), D("2.00000000000000000000000000000001"), False),
        (Interval(D(1), D(2)), D("0.999"), False),
        (Interval(None, D(2)), D(-9), True),
        (Interval(D(1), None), D(9), True),
        (UNBOUNDED, D(0), True),
    ],
)
def test_an_interval_holds_its_ends_and_nothing_beyond(
    interval: Interval, value: Decimal, inside: bool
) -> None:
    """Both ends belong to it, an unbounded side ends nowhere."""
    assert interval.contains(value) is inside


@pytest.mark.parametrize(
    ("interval", "expected"), [(point(D(1)), True), (UNBOUNDED, False), (Interval(D(1), D(2)), False)]
)
def test_only_one_number_is_a_point(interval: Interval, expected: bool) -> None:
    """Unbounded on both sides is not a point."""
    assert interval.is_point is expected


def test_a_claim_counts_at_what_the_trades_do_not_list() -> None:
    """The record claims 0.7 at 99 on average, the trades list 0.5 at 100: 19.3 are still to be paid."""
    heard = order_life.reported(
        replace(order(), filled_qty=D("0.5"), filled_notional=D(50), cum_qty=D("0.5")),
        report(OrdStatus.PARTIALLY_FILLED, "0.7", avg_px="99"),
        at(3),
    )
    assert claimed(heard) == {BTC: D("0.2"), USD: D("-19.3")}


def test_what_was_taken_back_is_no_part_of_a_claim() -> None:
    """The record counts a trade of 0.2 at 99 that was taken back: one of 0.3 is still to be listed."""
    listed = replace(order(), filled_qty=D("0.2"), filled_notional=D("19.8"), busted_qty=D("0.2"))
    claiming = replace(listed, cum_qty=D("0.7"), avg_px=D(99))
    assert claimed(claiming) == {BTC: D("0.3"), USD: D("-29.7")}


def test_where_a_push_and_the_record_tell_of_as_much_the_push_has_the_price() -> None:
    """A record's average price may be rounded, and a pushed fill's is its own."""
    both = replace(order(), cum_qty=D("0.3"), avg_px=D(100), heard_qty=D("0.3"), heard_notional=D("29.9"))
    assert claimed(both) == {BTC: D("0.3"), USD: D("-29.9")}


def test_no_claim_is_made_where_the_record_names_no_price() -> None:
    """Without an average price the effect on the quote can not be told, so none is guessed."""
    assert claimed(replace(order(), cum_qty=D("0.5"))) == {}


@pytest.mark.parametrize("status", [OrdStatus.FILLED, OrdStatus.CANCELED])
def test_a_claim_on_a_refused_order_is_in_the_interval_at_once(status: OrdStatus) -> None:
    """An order thought refused that the venue shows filled is exogenous; right after it was heard the
    interval holds the truth again, listed trade or not."""
    refused = order_life.rejected(order(), "never accepted", at(2))
    heard = order_life.reported(refused, report(status, "1"), at(9))
    assert holding(D(0), BTC, [heard]).contains(D(1))


def test_a_claimed_overfill_is_in_the_interval_at_once() -> None:
    """An overfill is exogenous; right after its record was heard the interval holds it."""
    heard = order_life.reported(order(), report(OrdStatus.FILLED, "1.2"), at(9))
    assert holding(D(0), BTC, [heard]).contains(D("1.2"))
