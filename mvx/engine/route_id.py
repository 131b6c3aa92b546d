"""Idempotency: a run that carries an `--id` is answered, followed or reported, and never run twice."""

from __future__ import annotations

import json
from decimal import Decimal

from mvx.domain.entries import ParentClosed
from mvx.domain.ids import Venue
from mvx.domain.money import plain
from mvx.domain.order import Side
from mvx.engine.desk import Desk
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import pass_warnings
from mvx.engine.route_order import RouteOrder
from mvx.engine.route_result import EXIT_OF_STATUS, Asked, Context, route_result, route_status
from mvx.engine.settle import settle
from mvx.errors import Refused
from mvx.journal import history, views
from mvx.journal.codec import decode_as, encode
from mvx.journal.store import ReadTx

_FOLLOW_S = 0.25


def parameters(order: RouteOrder) -> str:
    """The canonical text of what was asked for; two runs of one id must agree on it."""
    return json.dumps(
        {
            "instrument": order.instrument,
            "side": order.side.value,
            "order_qty": plain(order.order_qty),
            "limit_px": None if order.limit_px is None else plain(order.limit_px),
            "max_slippage_bps": None if order.max_slippage_bps is None else plain(order.max_slippage_bps),
            "time_in_force": order.time_in_force.value,
            "post_only": order.post_only,
            "venues": sorted(order.venues),
            "exclude": sorted(order.exclude),
            "max_rounds": order.max_rounds,
            "deadline_s": order.deadline_s,
        },
        sort_keys=True,
    )


class AlreadyStarted(Exception):
    """Another process opened this id between our look and our transaction: follow that run."""


def refuse_used_id(tx: ReadTx, order: RouteOrder) -> None:
    """For the transaction that would open the id. Raises Refused where it was used with other
    parameters, AlreadyStarted where it was used with the same."""
    assert order.id is not None
    row = history.parent_by_key(tx, order.id)
    if row is None:
        return
    if row.params == parameters(order):
        raise AlreadyStarted
    raise Refused(
        f"the id {order.id!r} was used before with other parameters: {row.params}",
        known=f"it is parent {row.parent_id}, {row.status}; nothing was sent now",
        next_step="choose another --id",
    )


async def answer_known_id(desk: Desk, order: RouteOrder) -> Outcome | None:
    """The answer of an id that was used before; None for a new one. Sends nothing, ever."""
    assert order.id is not None
    while True:
        with desk.journal.read() as tx:
            row = history.parent_by_key(tx, order.id)
            if row is None:
                return None
            if row.params != parameters(order):
                refuse_used_id(tx, order)
            followed = row.status == "working" and history.lease_is_held(tx, row.parent_id, desk.clock.now())
        if not followed:
            return await _answer(desk, row)
        await desk.clock.sleep(_FOLLOW_S)


async def _answer(desk: Desk, row: history.ParentRow) -> Outcome:
    """From the journal; the children of a run that died, or that nobody could resolve then, are
    resolved now."""
    with desk.journal.read() as tx:
        children = views.children(tx, row.parent_id)
    died = row.status == "working"
    passes = []
    if died or route_status(row.order_qty, children) == "uncertain":
        passes = await settle(desk, [child.cl_ord_id for child in children])
    with desk.journal.read() as tx:
        children = views.children(tx, row.parent_id)
        fills = history.fills_of(tx, children)
        context = decode_as(Context, row.result) if row.result else _context_of_marks(desk, tx)
    status = route_status(row.order_qty, children)
    if died and status != "uncertain":
        with desk.journal.write(desk.clock.now()) as tx:
            tx.append(ParentClosed(row.parent_id, "died", encode(context)))
    asked = Asked(row.parent_id, row.key, row.instrument, Side(row.side), row.order_qty)
    label = "died" if died or row.status == "died" else status
    warnings = (
        [f"the first run of id {row.key!r} died; nothing more is sent for it"] if label == "died" else []
    )
    return Outcome(
        data=route_result(asked, context, children, fills, label),
        exit_code=EXIT_OF_STATUS[status],
        uncertain=status == "uncertain",
        breaks=tuple(found for each in passes for found in each.breaks),
        warnings=(*(warnings if label == "died" else ()), *pass_warnings(passes)),
    )


def _context_of_marks(desk: Desk, tx: ReadTx) -> Context:
    """For a run that died before it kept its own: the last known rates."""
    marks = views.marks(tx)
    rates: dict[Venue, Decimal] = {}
    for venue in desk.venues:
        for name, symbol in desk.symbols(venue).items():
            quote, wanted = symbol.partition("/")[2], desk.settings.desk.instruments[name].quote
            rate = Decimal(1) if quote == wanted else marks.get(f"{quote}-{wanted}")
            if rate is not None:
                rates[venue] = rate
    return Context(None, None, rates, 0)
