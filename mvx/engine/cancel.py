"""Cancelling resting orders: ask the venue, then believe only its record."""

from __future__ import annotations

import asyncio

from mvx.domain.entries import CancelRequested
from mvx.domain.ids import Venue
from mvx.domain.order import Order
from mvx.engine.desk import Desk
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import pass_warnings
from mvx.engine.results import CancelResult, CancelRow
from mvx.engine.settle import answered, settle
from mvx.errors import Exit, OutcomeUnknown, UsageError, VenueRejected, VenueUnreachable
from mvx.journal import history, views
from mvx.journal.store import ReadTx


async def cancel(desk: Desk, target: str | None, all_orders: bool, venues: tuple[Venue, ...]) -> Outcome:
    """Cancel one order, a parent's orders, or all of ours. Exit 5 where one may still be working."""
    chosen = desk.select(venues)
    with desk.journal.write() as tx:
        targets = [o for o in _targets(tx, target, all_orders) if o.venue in chosen and not o.terminal]
        for order in targets:
            tx.append(CancelRequested(order.cl_ord_id))
    said = await asyncio.gather(*(_ask(desk, order) for order in targets))
    passes = await settle(desk, [order.cl_ord_id for order in targets])
    with desk.journal.read() as tx:
        after = [views.order(tx, order.cl_ord_id) for order in targets]
    orders = [order for order in after if order is not None]
    uncertain = any(not answered(order) for order in orders)
    rows = tuple(
        CancelRow(order.cl_ord_id, order.venue, order.ord_status.value, order.cum_qty, outcome)
        for order, outcome in zip(orders, said, strict=True)
    )
    last = {each.venue: each for each in passes}
    return Outcome(
        data=CancelResult(rows),
        exit_code=Exit.UNCERTAIN if uncertain else Exit.OK,
        sent=bool(targets),
        uncertain=uncertain,
        breaks=tuple(found for each in passes for found in each.breaks),
        warnings=(*pass_warnings(list(last.values())), *desk.watch.changes()),
    )


def _targets(tx: ReadTx, target: str | None, all_orders: bool) -> tuple[Order, ...]:
    """Ours only: a foreign order is cancelled by its own id, never by --all."""
    if all_orders:
        return tuple(order for order in views.unsettled_orders(tx) if order.parent_id is not None)
    if target is None:
        raise UsageError("nothing to cancel was named", next_step="mvx orders --open; or add --all")
    parent = history.parent(tx, target)
    if parent is not None:
        return views.children(tx, parent.parent_id)
    order = views.order(tx, target)
    if order is None:
        raise UsageError(f"no parent and no order is called {target!r}", next_step="mvx orders --open")
    return (order,)


async def _ask(desk: Desk, order: Order) -> str:
    """What the venue said to the request; its record decides what became of the order."""
    try:
        await desk.venues[order.venue].cancel(order.symbol, order.cl_ord_id, order.order_id)
    except VenueRejected as error:
        return f"the venue has no such open order: {error.reason_code}"
    except VenueUnreachable as error:
        return f"not asked: {error.message}"
    except OutcomeUnknown as error:
        return f"asked, no answer: {error.message}"
    return "asked"
