"""Builders of a desk: holdings, orders and limits in one line each."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from decimal import Decimal

from mvx.domain.ids import Asset, ClOrdId, ParentId, Symbol, Venue
from mvx.domain.instant import after
from mvx.domain.instrument import Instrument
from mvx.domain.order import Order, Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.domain.trading import Trading, TradingState
from mvx.risk.limits import Approved, Holding, Limits, Proposal, Refused, WorkingParent, World
from tests.support import START

BTC_USD = Instrument("BTC-USD", Asset("BTC"), Asset("USD"))
BTC, USD = BTC_USD.base, BTC_USD.quote
A, B = Venue("a"), Venue("b")
BUY, SELL = Side.BUY, Side.SELL

_ids = itertools.count(1)


def order(
    side: Side,
    qty: str,
    *,
    parent: str | None = "p1",
    px: str = "100",
    venue: Venue = A,
    filled: str = "0",
    status: OrdStatus = OrdStatus.NEW,
    unknown: bool = False,
    fee_bps: str = "0",
    fee_assets: tuple[str, ...] = ("USD",),
    claimed: str | None = None,
) -> Order:
    return Order(
        cl_ord_id=ClOrdId(f"m{next(_ids)}"),
        parent_id=None if parent is None else ParentId(parent),
        venue=venue,
        account="main",
        symbol=Symbol("BTC/USD"),
        instrument="BTC-USD",
        base=BTC,
        quote=USD,
        side=side,
        order_qty=Decimal(qty),
        limit_px=Decimal(px),
        time_in_force=TimeInForce.IOC,
        post_only=False,
        created_at=START,
        deadline=after(START, 5),
        fee_bps=Decimal(fee_bps),
        fee_assets=tuple(Asset(name) for name in fee_assets),
        max_px=None,
        ord_status=status,
        unknown=unknown,
        cum_qty=Decimal(claimed or filled),
        filled_qty=Decimal(filled),
    )


def holding(venue: Venue, asset: str, confirmed: str, baseline: str = "0") -> Holding:
    return Holding(venue, Asset(asset), Decimal(confirmed), Decimal(baseline))


def world(
    *holdings: Holding,
    orders: tuple[Order, ...] = (),
    working: tuple[WorkingParent, ...] = (),
    prices: Mapping[str, Decimal] | None = None,
    trading: tuple[Trading, ...] = (),
) -> World:
    """A desk of 1,000,000 USD and 100 BTC of inventory at each venue, unless said otherwise."""
    held = {(venue, USD): holding(venue, "USD", "1000000") for venue in (A, B)}
    held |= {(venue, BTC): holding(venue, "BTC", "100", "100") for venue in (A, B)}
    held |= {(each.venue, each.asset): each for each in holdings}
    px = {"BTC-USD": Decimal(100)} if prices is None else prices
    return World(held, orders, working, px, {rule.scope: rule for rule in trading})


def rule(state: TradingState, scope: Venue | None = None) -> Trading:
    """What an operator decided."""
    return Trading(scope, state, "maintenance", "ops@desk", START)


def working(parent: str, side: Side, leaves: str) -> WorkingParent:
    return WorkingParent(ParentId(parent), "BTC-USD", side, Decimal(leaves))


def proposal(
    *children: Order,
    leaves: str | None = None,
    rates: Mapping[Venue, str] | None = None,
    flattening: bool = False,
) -> Proposal:
    parent = children[0].parent_id
    if leaves is None:
        leaves = str(sum((child.order_qty for child in children), Decimal(0)))
    assert parent is not None
    return Proposal(
        parent,
        BTC_USD,
        children[0].side,
        Decimal(leaves),
        children,
        {venue: Decimal(rate) for venue, rate in ({A: "1", B: "1"} if rates is None else rates).items()},
        flattening,
    )


def limits(
    *,
    position: str | None = None,
    order_qty: str | None = None,
    order_notional: str | None = None,
    venue_notional: Mapping[Venue, str] | None = None,
    open_orders: int | None = None,
    unknown_orders: int | None = None,
) -> Limits:
    return Limits(
        max_position={} if position is None else {"BTC-USD": Decimal(position)},
        max_order_qty={} if order_qty is None else {"BTC-USD": Decimal(order_qty)},
        max_order_notional=None if order_notional is None else Decimal(order_notional),
        max_venue_notional={venue: Decimal(most) for venue, most in (venue_notional or {}).items()},
        max_open_orders=open_orders,
        max_unknown_orders=unknown_orders,
    )


def refused(answer: Approved | Refused) -> dict[str, tuple[Decimal, Decimal]]:
    """Each refused limit with its value and its bound."""
    if isinstance(answer, Approved):
        return {}
    return {refusal.limit: (refusal.value, refusal.bound) for refusal in answer.refusals}
