"""From a plan to orders at venues: risk and intents in one transaction, then dispatch.

Rule: an intent is durable before a byte is sent, and it is sent at most once. Whatever happens to the
call, its outcome is written: accepted, refused, never left, or unknown. Unknown is the outcome unless
something better is certain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from mvx.domain.entries import Acked, Entry, NeverLeft, OutcomeLost, Rejected, Revoked, Sending
from mvx.domain.ids import ParentId
from mvx.domain.instant import Instant
from mvx.domain.instrument import Instrument
from mvx.domain.money import ZERO
from mvx.domain.order import Order, OrderRequest, Side, TimeInForce
from mvx.engine.desk import Desk
from mvx.engine.market import Market
from mvx.engine.watch import said
from mvx.errors import OutcomeUnknown, VenueRejected, VenueUnreachable
from mvx.journal import views
from mvx.journal.store import WriteTx
from mvx.router.plan import Plan


@dataclass(frozen=True, slots=True)
class Parent:
    """The parent order whose children are sent."""

    parent_id: ParentId
    instrument: Instrument
    side: Side
    order_qty: Decimal
    time_in_force: TimeInForce
    post_only: bool


def make_children(
    desk: Desk, tx: WriteTx, parent: Parent, plan: Plan, market: Market, deadline: Instant
) -> tuple[Order, ...]:
    """The plan's legs as orders, with the next client order ids of the journal."""
    ids = tx.next_cl_ord_ids(len(plan.legs))
    return tuple(
        Order(
            cl_ord_id=cl_ord_id,
            parent_id=parent.parent_id,
            venue=leg.venue,
            account=desk.venues[leg.venue].account,
            symbol=leg.symbol,
            instrument=parent.instrument.name,
            base=market.rules[leg.venue].base,
            quote=market.rules[leg.venue].quote,
            side=leg.side,
            order_qty=leg.qty,
            limit_px=leg.limit_px,
            time_in_force=parent.time_in_force,
            post_only=parent.post_only,
            created_at=tx.at,
            deadline=deadline,
            fee_bps=leg.fee_bps,
            fee_assets=desk.venues[leg.venue].capabilities.fee_assets(
                market.rules[leg.venue].base, market.rules[leg.venue].quote
            ),
            max_px=market.rules[leg.venue].max_px,
            sending=False,
        )
        for leg, cl_ord_id in zip(plan.legs, ids, strict=True)
    )


def filled_qty(orders: Iterable[Order]) -> Decimal:
    return sum((order.filled_qty for order in orders), ZERO)


async def dispatch(desk: Desk, children: tuple[Order, ...]) -> tuple[Order, ...]:
    """Send approved children at once, each exactly once, and write each one's outcome. Returns those that
    were sent: not what was revoked before. An exception that nobody expected is raised after all outcomes,
    its own as unknown, are in the journal."""
    begun = _begin_sending(desk, children)
    outcomes = await asyncio.gather(*(_send(desk, child) for child in begun), return_exceptions=True)
    for outcome in outcomes:
        if outcome is not None:
            raise outcome
    return begun


def _begin_sending(desk: Desk, children: tuple[Order, ...]) -> tuple[Order, ...]:
    """Those that nobody revoked since they were committed; from here on nobody can. Whoever gives up on an
    intent and whoever sends it meet in the journal, and the first one wins (DESIGN 2.3). Of a fill-or-kill
    that lost a part nothing is sent."""
    with desk.journal.write() as tx:
        now = (views.order(tx, child.cl_ord_id) for child in children)
        begun = tuple(order for order in now if order is not None and order.unsent)
        if len(begun) < len(children) and any(o.time_in_force is TimeInForce.FOK for o in begun):
            for order in begun:
                tx.append(Revoked(order.cl_ord_id, "another part of this fill-or-kill was revoked"))
            return ()
        for order in begun:
            tx.append(Sending(order.cl_ord_id))
    return begun


async def _send(desk: Desk, child: Order) -> None:
    request = OrderRequest(
        cl_ord_id=child.cl_ord_id,
        symbol=child.symbol,
        side=child.side,
        order_qty=child.order_qty,
        limit_px=child.limit_px,
        time_in_force=child.time_in_force,
        post_only=child.post_only,
        deadline=child.deadline,
    )
    outcome: Entry = OutcomeLost(child.cl_ord_id, "the call was cut short")
    try:
        ack = await desk.venues[child.venue].submit(request)
        outcome = Acked(child.cl_ord_id, ack.order_id)
    except VenueRejected as error:
        outcome = Rejected(child.cl_ord_id, f"{error.reason_code}: {said(child.venue, error)}")
    except VenueUnreachable as error:
        outcome = NeverLeft(child.cl_ord_id, said(child.venue, error))
    except OutcomeUnknown as error:
        outcome = OutcomeLost(child.cl_ord_id, said(child.venue, error))
    finally:
        with desk.journal.write() as tx:
            tx.append(outcome)
