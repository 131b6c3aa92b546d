"""Waiting for what was sent: passes over the touched venues until every child says how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from mvx.domain.ids import ClOrdId, Venue
from mvx.domain.order import Order, TimeInForce
from mvx.engine.desk import Desk
from mvx.engine.moment import Moment
from mvx.engine.reconcile import VenuePass, reconcile_venue
from mvx.journal import views

_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.25


def resting(order: Order) -> bool:
    """Acknowledged and working in the venue's book, whether or not a cancel was asked for. An order that
    can not rest is not there, whatever a list that lags says of it."""
    can_rest = order.time_in_force is TimeInForce.GTC
    return can_rest and order.order_id is not None and not order.terminal


def answered(order: Order) -> bool:
    """Nothing of it is in question: settled, or terminal with complete trades."""
    return order.settled or order.trades_complete


async def settle(
    desk: Desk,
    cl_ord_ids: Iterable[ClOrdId],
    *,
    done: Callable[[Order], bool] = answered,
    stopping: Callable[[], bool] = lambda: False,
    patience_s: float = 0.0,
) -> list[VenuePass]:
    """Reconcile the orders' venues until each order is done, or the venues had their declared time to
    answer and to list, and patience_s more. Returns the passes; each venue is passed over at least once,
    but for those that are not configured any more."""
    expected = frozenset(cl_ord_ids)
    passes: list[VenuePass] = []
    orders = _read(desk, expected)
    pending = {order.venue for order in orders if order.venue in desk.venues}
    declared_s = max((_declared_s(desk, venue) for venue in pending), default=0.0)
    give_up = Moment(desk.clock, declared_s + patience_s)
    pause_s = _FIRST_PAUSE_S
    while pending:
        passes += await asyncio.gather(
            *(reconcile_venue(desk, venue, expected=expected) for venue in sorted(pending))
        )
        pending &= {order.venue for order in _read(desk, expected) if not done(order)}
        if not pending or give_up.left_s() <= 0 or stopping():
            break
        await desk.clock.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    return passes


def unasked(desk: Desk, orders: Iterable[Order]) -> tuple[str, ...]:
    """What nobody can tell of orders whose venue is not configured any more."""
    return tuple(
        f"{order.cl_ord_id} is not known to be done, and nobody asks {order.venue}, which is not configured"
        for order in orders
        if order.venue not in desk.venues and not answered(order)
    )


def _read(desk: Desk, cl_ord_ids: frozenset[ClOrdId]) -> list[Order]:
    with desk.journal.read() as tx:
        found = (views.order(tx, cl_ord_id) for cl_ord_id in cl_ord_ids)
        return [order for order in found if order is not None]


def _declared_s(desk: Desk, venue: Venue) -> float:
    declared = desk.venues[venue].capabilities
    return declared.timeout_s + declared.listing_lag_s
