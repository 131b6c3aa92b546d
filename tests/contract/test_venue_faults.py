"""Faults at the venue: what its lists say meanwhile, and that the truth is told within its own bounds."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest

from mvx.domain.ids import Asset
from mvx.domain.instant import MICROS_PER_S, after, seconds_between
from mvx.domain.order import Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.errors import VenueError, VenueRejected
from tests.contract.rigs import Rig
from tests.contract.venue import (
    BEGINNING,
    BTC_USD,
    Order,
    assert_lists_tell_the_truth,
    balances,
    cancel,
    closed_orders,
    offered,
    open_orders,
    report_of,
    rest,
    submit,
    trades,
)

HALF = Decimal("0.5")
BTC, USD = Asset("BTC"), Asset("USD")
GTC = TimeInForce.GTC


def filled(rig: Rig) -> Decimal:
    return sum((fill.qty for fill in trades(rig)), Decimal(0))


def moved(rig: Rig, fee_asset: Asset) -> dict[Asset, Decimal]:
    """What the listed trades did to each asset; every fee was taken in that one."""
    fills = trades(rig)
    assert {fee_asset} == {fill.fee_asset for fill in fills}
    by_asset = dict.fromkeys((BTC, USD, rig.fee_token), Decimal(0))
    for fill in fills:
        by_asset[BTC] += fill.side.sign * fill.qty
        by_asset[USD] -= fill.side.sign * fill.notional
        by_asset[fill.fee_asset] -= fill.fee_amount
    return by_asset


def test_a_late_trade_is_listed_within_the_declared_lag(rig: Rig, order: Order) -> None:
    """The order claims it first."""
    rig.inject(offered(rig, "late-trade"))
    request = order()
    submit(rig, request)
    report = report_of(rig, request)
    assert (HALF, ()) == (report.cum_qty, trades(rig))
    rig.clock.advance(rig.venue.capabilities.listing_lag_s)
    assert report.cum_qty == filled(rig)


def test_a_stale_order_is_listed_as_it_was_before_it_filled(rig: Rig, order: Order) -> None:
    """New and unfilled, though its trades may be listed; within the lag it is in the other list."""
    rig.inject(offered(rig, "stale-order"))
    request = order()
    submit(rig, request)
    (stale,) = open_orders(rig)
    assert (request.cl_ord_id, OrdStatus.NEW, Decimal(0), None) == (
        stale.cl_ord_id, stale.ord_status, stale.cum_qty, stale.avg_px,
    )  # fmt: skip
    assert () == closed_orders(rig)
    rig.clock.advance(rig.venue.capabilities.listing_lag_s)
    assert (OrdStatus.FILLED, ()) == (report_of(rig, request).ord_status, open_orders(rig))


def test_a_stale_order_is_listed_as_open_after_its_cancel(rig: Rig, order: Order) -> None:
    """The cancel was heard; a second one is refused, for nothing is open."""
    request = rest(rig, order)
    before = report_of(rig, request)
    rig.inject(offered(rig, "stale-order"))
    cancel(rig, request)
    assert ((before,), ()) == (open_orders(rig), closed_orders(rig))
    with pytest.raises(VenueRejected):
        cancel(rig, request)
    rig.clock.advance(rig.venue.capabilities.listing_lag_s)
    assert (OrdStatus.CANCELED, ()) == (report_of(rig, request).ord_status, open_orders(rig))


@pytest.mark.parametrize("rests", [True, False])
def test_an_order_that_is_not_found_yet_is_in_no_list_and_not_cancelled(
    rig: Rig, order: Order, rests: bool
) -> None:
    """It was accepted, its trades may be listed and its money is held; within the lag it is found."""
    rig.inject(offered(rig, "not-found"))
    request = order(limit_px=Decimal(60_000), time_in_force=GTC) if rests else order()
    submit(rig, request)
    assert ((), ()) == (open_orders(rig), closed_orders(rig))
    assert balances(rig).free[USD] < 1_000_000
    with pytest.raises(VenueRejected) as refused:
        cancel(rig, request)
    assert "unknown_order" == refused.value.reason_code
    rig.clock.advance(rig.venue.capabilities.listing_lag_s)
    assert (OrdStatus.NEW if rests else OrdStatus.FILLED) is report_of(rig, request).ord_status
    if rests:
        cancel(rig, request)
        assert OrdStatus.CANCELED is report_of(rig, request).ord_status


def test_part_of_a_cancelled_order_may_fill_within_the_declared_lateness(rig: Rig, order: Order) -> None:
    """Its state stays, what it filled rises, and the money for it was never free."""
    request = rest(rig, order)
    free = balances(rig).free[USD]
    rig.inject(offered(rig, "late-fill"))
    cancel(rig, request)
    assert (OrdStatus.CANCELED, Decimal(0), ()) == (
        report_of(rig, request).ord_status, report_of(rig, request).cum_qty, trades(rig),
    )  # fmt: skip
    assert free < balances(rig).free[USD] < 1_000_000
    rig.clock.advance(rig.venue.capabilities.lateness_s)
    report = report_of(rig, request)
    assert OrdStatus.CANCELED is report.ord_status
    assert Decimal(0) < report.cum_qty == filled(rig) < request.order_qty
    assert_lists_tell_the_truth(rig)


def test_a_bust_takes_the_last_fill_back_and_marks_it(rig: Rig, order: Order) -> None:
    """Balances are what they were, the order counts it no more, the trade stays and says when, where the
    venue says so at all."""
    opening = balances(rig).total
    rig.inject(offered(rig, "bust"))
    request = order(order_qty=Decimal("0.001"))
    submit(rig, request)
    assert OrdStatus.FILLED is report_of(rig, request).ord_status
    rig.clock.advance(rig.venue.capabilities.lateness_s)
    *stand, busted = trades(rig)
    assert rig.habits.names_busts == (busted.busted_at is not None)
    assert busted.busted_at is None or busted.at < busted.busted_at
    assert [None] * len(stand) == [fill.busted_at for fill in stand]
    report = report_of(rig, request)
    assert (OrdStatus.CANCELED, request.order_qty - busted.qty) == (report.ord_status, report.cum_qty)
    left = {asset: opening[asset] for asset in (BTC, USD, rig.fee_token)}
    for fill in stand:
        left[BTC] += fill.qty
        left[USD] -= fill.notional + fill.fee_amount
    assert left == {asset: balances(rig).total[asset] for asset in left}
    told = {asset: opening[asset] for asset in left}
    for fill in stand if busted.busted_at else trades(rig):
        told[BTC] += fill.qty
        told[USD] -= fill.notional + fill.fee_amount
    for transfer in rig.clock.run(rig.venue.transfers(BEGINNING)):
        told[transfer.asset] += transfer.amount
    assert rig.habits.names_busts == (told == left)
    assert_lists_tell_the_truth(rig)


def test_under_clock_skew_every_time_is_the_venues_own(rig: Rig, order: Order) -> None:
    """Within the skew that it declares."""
    balances(rig)
    rig.inject(offered(rig, "clock-skew"))
    rig.clock.advance(60)
    now = rig.clock.now()
    request = order()
    submit(rig, request)
    report, (fill, *_) = report_of(rig, request), trades(rig)
    book, status = rig.clock.run(rig.venue.book(BTC_USD)), rig.clock.run(rig.venue.status())
    times = [report.created_at, report.updated_at, fill.at, status.at, balances(rig).at]
    assert rig.habits.dates_books or book.at == now
    times += [book.at] if rig.habits.dates_books else []
    apart_s = [abs(seconds_between(at, now)) for at in times]
    assert 0.1 < min(apart_s)
    assert max(apart_s) <= rig.venue.capabilities.clock_skew_s


def test_a_deadline_is_judged_by_the_venues_clock(rig: Rig, order: Order) -> None:
    """It is behind: what comes a little late by ours is in time by its own, and never by more than that. The
    deadline is a whole second, as Kraken's are (docs, Add Order)."""
    takes_s = 3.5
    declared = rig.venue.capabilities
    for late_s, skewed, in_time in ((0.2, False, False), (0.2, True, True), (0.6, True, False)):
        rig.heal()
        rig.clock.advance(60 - rig.clock.now() % MICROS_PER_S / MICROS_PER_S + late_s - takes_s % 1)
        if skewed:
            rig.inject(offered(rig, "clock-skew"))
        request = order(deadline=after(rig.clock.now(), takes_s - late_s))
        rig.inject(offered(rig, "late-request"), delay_s=takes_s)
        with suppress(VenueError):
            submit(rig, request)
        rig.clock.advance(60)
        found = [report for report in closed_orders(rig) if report.cl_ord_id == request.cl_ord_id]
        assert in_time == bool(found)
        assert not found or late_s < declared.clock_skew_s


def test_the_times_of_a_venue_never_go_back(rig: Rig, order: Order) -> None:
    """Not when its clock falls behind, nor when it is right again."""
    for _ in range(4):
        submit(rig, order())
        rig.inject(offered(rig, "clock-skew"))
        submit(rig, order(Side.SELL))
        rig.clock.advance(0.1)
        rig.heal()
    times = [row["accepted_at"] for row in rig.ledger()["orders"]]
    assert times == sorted(set(times))
    assert_lists_tell_the_truth(rig)


def test_a_fee_in_base_comes_out_of_what_is_bought_and_on_top_of_what_is_sold(rig: Rig, order: Order) -> None:
    """To the last digit; and the adapter declares that it may."""
    opening = balances(rig).total
    rig.inject(offered(rig, "base-fee"))
    submit(rig, order())
    submit(rig, order(Side.SELL))
    assert rig.venue.capabilities.fee_in_base
    changed = {asset: balances(rig).total[asset] - opening[asset] for asset in (BTC, USD, rig.fee_token)}
    assert moved(rig, BTC) == changed
    assert changed[BTC] < 0


def test_a_sell_must_have_its_fee_in_base(rig: Rig, order: Order) -> None:
    """All that there is can not be sold then, and an open order holds its fee."""
    rig.inject(offered(rig, "base-fee"))
    with pytest.raises(VenueRejected) as refused:
        submit(rig, order(Side.SELL, order_qty=Decimal(100), limit_px=Decimal(95_000), time_in_force=GTC))
    assert "insufficient_funds" == refused.value.reason_code
    submit(rig, order(Side.SELL, order_qty=Decimal(50), limit_px=Decimal(95_000), time_in_force=GTC))
    assert balances(rig).free[BTC] < 50


def test_a_fee_may_be_taken_in_a_token(rig: Rig, order: Order) -> None:
    """Declared, and to the last digit."""
    opening = balances(rig).total
    rig.inject(offered(rig, "token-fee"))
    submit(rig, order())
    assert (rig.fee_token,) == rig.venue.capabilities.fee_tokens
    changed = {asset: balances(rig).total[asset] - opening[asset] for asset in (BTC, USD, rig.fee_token)}
    assert moved(rig, rig.fee_token) == changed


def test_where_the_token_runs_out_the_fee_is_in_quote(rig: Rig, order: Order) -> None:
    """The token never goes below zero."""
    rig.inject(offered(rig, "token-fee"))
    for _ in range(12):
        submit(rig, order(order_qty=Decimal(1)))
    assets = [fill.fee_asset for fill in trades(rig)]
    assert {rig.fee_token, USD} == set(assets)
    assert balances(rig).total[rig.fee_token] >= 0
    assert_lists_tell_the_truth(rig)
