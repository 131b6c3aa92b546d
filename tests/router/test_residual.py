"""What of a parent may be planned again."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from mvx.domain.ids import Asset, ClOrdId, ParentId, Symbol, Venue
from mvx.domain.instant import after
from mvx.domain.order import Order, Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.router.plan import residual
from tests.support import START

D = Decimal

CHILD = Order(
    cl_ord_id=ClOrdId("m1"),
    parent_id=ParentId("p1"),
    venue=Venue("a"),
    account="main",
    symbol=Symbol("BTC/USD"),
    instrument="BTC-USD",
    base=Asset("BTC"),
    quote=Asset("USD"),
    side=Side.BUY,
    order_qty=D(4),
    limit_px=D(100),
    time_in_force=TimeInForce.IOC,
    post_only=False,
    created_at=START,
    deadline=after(START, 5),
    fee_bps=D(10),
    fee_assets=(Asset("USD"),),
    max_px=None,
)


def test_an_unknown_child_is_never_bought_twice() -> None:
    assert residual(D(10), D(0), [replace(CHILD, unknown=True)]) == 6


def test_a_terminal_child_with_every_trade_listed_holds_nothing_back() -> None:
    done = replace(CHILD, ord_status=OrdStatus.CANCELED, cum_qty=D(1), filled_qty=D(1))
    assert residual(D(10), D(1), [done]) == 9


def test_a_terminal_child_with_a_trade_missing_is_held_back_whole() -> None:
    late = replace(CHILD, ord_status=OrdStatus.CANCELED, cum_qty=D(2), filled_qty=D(1))
    assert residual(D(10), D(1), [late]) == 6


def test_an_overfill_leaves_nothing_rather_than_less() -> None:
    assert residual(D(3), D(4), []) == 0
