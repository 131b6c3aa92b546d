"""Builders of orders, of venues' reports on them and of fills, in one line each."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from mvx.domain.execution import Fill
from mvx.domain.ids import Asset, ClOrdId, ExecId, OrderId, Symbol, Venue
from mvx.domain.instant import Instant, after
from mvx.domain.order import Order, OrderReport, Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from tests.support import START

BUY, SELL = Side.BUY, Side.SELL
KRAKEN = Venue("kraken")
BTC, USD, BNB = Asset("BTC"), Asset("USD"), Asset("BNB")
BTC_USD = Symbol("BTC/USD")


def at(seconds: float) -> Instant:
    """So many seconds after the start of every test."""
    return after(START, seconds)


def order(
    side: Side = BUY,
    qty: str | Decimal = "1",
    px: str | Decimal = "100",
    *,
    cl_ord_id: str = "m1",
    **progress: Any,
) -> Order:
    """An intent of 0 s with a deadline of 5 s; `progress` is whatever else it is to hold."""
    intent = Order(
        cl_ord_id=ClOrdId(cl_ord_id),
        parent_id=None,
        venue=KRAKEN,
        account="main",
        symbol=BTC_USD,
        instrument="BTC-USD",
        base=BTC,
        quote=USD,
        side=side,
        order_qty=Decimal(qty),
        limit_px=Decimal(px),
        time_in_force=TimeInForce.GTC,
        post_only=False,
        created_at=START,
        deadline=at(5),
        fee_bps=Decimal(0),
        fee_assets=(USD,),
        max_px=None,
    )
    return replace(intent, **progress)


def report(
    status: OrdStatus,
    cum: str | Decimal = "0",
    *,
    of: Order | None = None,
    order_id: str = "V1",
    avg_px: str | None = None,
    **changes: Any,
) -> OrderReport:
    """What the venue says of an order: its average price is the limit unless said otherwise."""
    about = of or order()
    filled = Decimal(cum)
    listed = OrderReport(
        order_id=OrderId(order_id),
        cl_ord_id=about.cl_ord_id,
        symbol=about.symbol,
        side=about.side,
        order_qty=about.order_qty,
        limit_px=about.limit_px,
        cum_qty=filled,
        avg_px=(Decimal(avg_px) if avg_px else about.limit_px) if filled else None,
        ord_status=status,
        created_at=after(about.created_at, 1),
        updated_at=after(about.created_at, 2),
    )
    return replace(listed, **changes)


def fill(
    qty: str | Decimal,
    px: str | Decimal = "100",
    *,
    exec_id: str = "e1",
    side: Side = BUY,
    order_id: str = "V1",
    at_s: float = 1,
    fee: str | Decimal = "0",
    fee_asset: Asset = USD,
    symbol: Symbol = BTC_USD,
    busted_at: Instant | None = None,
) -> Fill:
    return Fill(
        venue=KRAKEN,
        account="main",
        epoch="",
        symbol=symbol,
        side=side,
        exec_id=ExecId(exec_id),
        order_id=OrderId(order_id),
        qty=Decimal(qty),
        price=Decimal(px),
        fee_asset=fee_asset,
        fee_amount=Decimal(fee),
        at=at(at_s),
        busted_at=busted_at,
    )
