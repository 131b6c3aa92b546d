"""Builders of a desk: holdings, orders and limits in one line each."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from decimal import Decimal

from mvx.domain.ids import Asset, ClOrdId, ParentId, Symbol, Venue
from mvx.domain.instant import after
from mvx.domain.instrument import Instrument
from mvx.domain.limits import Limits
from mvx.domain.order import Order, Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.domain.trading import Trading, TradingState
from mvx.risk.question import Approved, Holding, Priced, Proposal, Refused, WorkingParent, World
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
    quote: str = "USD",
    tif: TimeInForce = TimeInForce.IOC,
) -> Order:
    return Order(
        cl_ord_id=ClOrdId(f"m{next(_ids)}"),
        parent_id=None if parent is None else ParentId(parent),
        venue=venue,
        account="main",
        symbol=Symbol(f"BTC/{quote}"),
        instrument="BTC-USD",
        base=BTC,
        quote=Asset(quote),
        side=side,
        order_qty=Decimal(qty),
        limit_px=Decimal(px),
        time_in_force=tif,
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
    prices: Mapping[str, str] | None = None,
    trading: tuple[Trading, ...] = (),
    instruments: tuple[str, ...] = ("BTC-USD",),
    sent_s_ago: tuple[float, ...] = (),
    traded: Mapping[str, str] | None = None,
    dead: Mapping[Venue, str] | None = None,
    unknown: Mapping[str, str] | None = None,
) -> World:
    """A desk of 1,000,000 USD and 100 BTC of inventory at each venue, in which one BTC is worth 100 USD,
    unless said otherwise."""
    held = {(venue, USD): holding(venue, "USD", "1000000") for venue in (A, B)}
    held |= {(venue, BTC): holding(venue, "BTC", "100", "100") for venue in (A, B)}
    held |= {(each.venue, each.asset): each for each in holdings}
    worth = {"BTC": "100", "USD": "1"} if prices is None else prices
    return World(
        at=START,
        holdings=held,
        orders=orders,
        working=working,
        prices={Asset(name): Decimal(price) for name, price in worth.items()},
        trading={rule.scope: rule for rule in trading},
        bases={name: Asset(name.partition("-")[0]) for name in instruments},
        sent_at=tuple(after(START, -ago_s) for ago_s in sent_s_ago),
        traded={Asset(quote): Decimal(notional) for quote, notional in (traded or {}).items()},
        health={A: "", B: ""} | dict(dead or {}),
        unknown={Asset(name): why for name, why in (unknown or {}).items()},
    )


def rule(state: TradingState, scope: Venue | None = None) -> Trading:
    """What an operator decided."""
    return Trading(scope, state, "maintenance", "ops@desk", START)


def working(parent: str, side: Side, leaves: str) -> WorkingParent:
    return WorkingParent(ParentId(parent), BTC, side, Decimal(leaves))


def book(mid: str = "100", *, rate: str = "1", age_s: float = 0) -> Priced:
    """What the children of a venue were planned on."""
    return Priced(Decimal(mid), Decimal(rate), after(START, -age_s))


def proposal(
    *children: Order,
    leaves: str | None = None,
    mid: str | None = "100",
    books: Mapping[Venue, Priced] | None = None,
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
        None if mid is None else Decimal(mid),
        {A: book(), B: book()} if books is None else books,
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
    position_notional: str | None = None,
    gross_notional: str | None = None,
    orders_per_minute: int | None = None,
    daily_turnover: str | None = None,
    collar_bps: str | None = None,
    venues_alive: int | None = None,
) -> Limits:
    def of_btc(text: str | None) -> dict[str, Decimal]:
        return {} if text is None else {"BTC-USD": Decimal(text)}

    def number(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    return Limits(
        max_position=of_btc(position),
        max_position_notional=of_btc(position_notional),
        max_gross_notional=number(gross_notional),
        max_order_qty=of_btc(order_qty),
        max_order_notional=number(order_notional),
        max_venue_notional={venue: Decimal(most) for venue, most in (venue_notional or {}).items()},
        max_open_orders=open_orders,
        max_unknown_orders=unknown_orders,
        max_orders_per_minute=orders_per_minute,
        max_daily_turnover=number(daily_turnover),
        price_collar_bps=number(collar_bps),
        min_venues_alive=venues_alive,
    )


def refused(answer: Approved | Refused) -> dict[str, tuple[Decimal | None, Decimal]]:
    """Each refused limit with its value and its bound."""
    if isinstance(answer, Approved):
        return {}
    return {refusal.limit: (refusal.value, refusal.bound) for refusal in answer.refusals}
