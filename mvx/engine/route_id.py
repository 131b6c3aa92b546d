"""Idempotency: a run that carries an `--id` is answered, followed or reported, and never run twice."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from mvx.domain.entries import FillBooked, ParentClosed, ParentResumed
from mvx.domain.ids import ParentId, Venue
from mvx.domain.instant import Instant
from mvx.domain.instrument import split_symbol
from mvx.domain.money import ONE, plain
from mvx.domain.order import Order, Side
from mvx.engine.desk import Desk
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import pass_warnings
from mvx.engine.route_order import RouteOrder
from mvx.engine.route_result import EXIT_OF_STATUS, Asked, Context, half_placed, route_result, route_status
from mvx.engine.settle import answered, resting, settle, unasked
from mvx.engine.submit import filled_qty
from mvx.errors import Refused
from mvx.journal import history, views
from mvx.journal.codec import decode_as, encode
from mvx.journal.left_open import DIED
from mvx.journal.store import Lease, ReadTx
from mvx.router.plan import residual

_FOLLOW_S = 0.25
#: How a parent ends that the operator gave up: nobody goes on with it.
CANCELED = "canceled"
_GONE = {DIED: "died", CANCELED: "was canceled by the operator"}


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
            **({} if order.twap_s is None else {"twap_s": order.twap_s}),
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
        f"the id {order.id!r} was used before with other parameters: {_differences(row.params, order)}",
        known=f"it is parent {row.parent_id}, {row.status}; nothing was sent now",
        next_step="choose another --id",
    )


def _differences(before: str, order: RouteOrder) -> str:
    """`order_qty was 0.5 and is 0.6 now; ...`."""
    old, new = json.loads(before), json.loads(parameters(order))
    differing = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return "; ".join(
        f"{name} was {_said(old.get(name))} and is {_said(new.get(name))} now" for name in differing
    )


def _said(value: object) -> str:
    if value is None or value == []:
        return "not given"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


class TakenUp(NamedTuple):
    """A parent that this process goes on with: its lease, and what it is measured against."""

    parent_id: ParentId
    lease: Lease
    context: Context
    opened_at: Instant


async def answer_known_id(desk: Desk, order: RouteOrder) -> Outcome | TakenUp | None:
    """The answer of an id that was used before, or with `resume` the parent itself, where anything is left
    of it; None for a new id. Sends nothing, ever. A run that is still at work is followed."""
    assert order.id is not None
    while True:
        with desk.journal.read() as tx:
            row = history.parent_by_key(tx, order.id)
            if row is None:
                return None
            if row.params != parameters(order):
                refuse_used_id(tx, order)
            followed = row.status == "working" and history.lease_is_held(tx, row.parent_id, desk.clock.now())
        if not followed and order.resume and (taken := _take_up(desk, row)):
            return taken
        if not followed and (row.status != "working" or _declare_dead(desk, row)):
            answer = await _answer(desk, order.id)
            if answer is not None:
                return answer
        await desk.clock.sleep(_FOLLOW_S)


def _take_up(desk: Desk, row: history.ParentRow) -> TakenUp | None:
    """Go on with a parent that nobody works; taking its lease fences out whoever only stalled. None where
    nothing is left of it, the operator gave it up, or somebody was quicker. What a child in question holds
    may turn out to be left."""
    with desk.journal.write() as tx:
        found = history.parent(tx, row.parent_id)
        assert found is not None
        children = views.children(tx, row.parent_id)
        known = all(answered(child) or resting(child) for child in children)
        spent = known and not residual(found.order_qty, filled_qty(children), children)
        if spent or found.status == CANCELED:
            return None
        lease = tx.take_lease(row.parent_id, desk.holder)
        if lease is None:
            return None
        context = _context(desk, tx, found)
        tx.append(ParentResumed(row.parent_id, desk.holder))
    return TakenUp(row.parent_id, lease, replace(context, rounds=0), found.opened_at)


def _declare_dead(desk: Desk, row: history.ParentRow) -> bool:
    """Close a parent whose worker let its lease run out. Taking the lease fences that worker out, should
    it only have stalled: what is answered now stays true. False where somebody was quicker."""
    with desk.journal.write() as tx:
        found = history.parent(tx, row.parent_id)
        if found is None or found.status != "working":
            return False  # the worker woke and finished since the row was read
        lease = tx.take_lease(row.parent_id, desk.holder)
        if lease is None:
            return False
        tx.append(ParentClosed(row.parent_id, DIED, encode(context_of_marks(desk, tx, row.instrument))))
        tx.drop_lease(lease)
    return True


async def _answer(desk: Desk, key: str) -> Outcome | None:
    """From the journal; children that nobody could resolve before are resolved now. None where somebody took
    the run up again meanwhile: there is no answer yet."""
    row, children, fills = _read(desk, key)
    passes = []
    if route_status(row.order_qty, children) == "uncertain":
        passes = await settle(desk, [child.cl_ord_id for child in children])
        row, children, fills = _read(desk, key)
    if row.result is None:
        return None
    with desk.journal.read() as tx:
        context = _context(desk, tx, row)
    status = route_status(row.order_qty, children)
    gone = _GONE.get(row.status)
    asked = Asked(row.parent_id, row.key, row.instrument, Side(row.side), row.order_qty)
    warnings = (f"the first run of id {row.key!r} {gone}; nothing more is sent for it",) if gone else ()
    return Outcome(
        data=route_result(asked, context, children, fills, row.status if gone else status),
        exit_code=EXIT_OF_STATUS[status],
        uncertain=status == "uncertain",
        breaks=tuple(found for each in passes for found in each.breaks),
        warnings=(
            *warnings,
            *half_placed(row.order_qty, children),
            *unasked(desk, children),
            *pass_warnings(passes),
            *desk.watch.changes(),
        ),
    )


def _read(desk: Desk, key: str) -> tuple[history.ParentRow, tuple[Order, ...], tuple[FillBooked, ...]]:
    """A parent, its children and their fills, in one snapshot."""
    with desk.journal.read() as tx:
        row = history.parent_by_key(tx, key)
        assert row is not None
        children = views.children(tx, row.parent_id)
        return row, children, history.fills_of(tx, children)


def _context(desk: Desk, tx: ReadTx, row: history.ParentRow) -> Context:
    """What the run kept when it ended."""
    return decode_as(Context, row.result) if row.result else context_of_marks(desk, tx, row.instrument)


def context_of_marks(desk: Desk, tx: ReadTx, instrument: str) -> Context:
    """For a run that died before it kept its own: the last known rates to its instrument's quote."""
    marks, rates = views.marks(tx), dict[Venue, Decimal]()
    for venue in desk.venues:
        symbol = desk.symbols(venue).get(instrument)
        if symbol is None:
            continue
        quote, wanted = split_symbol(symbol)[1], desk.settings.desk.instruments[instrument].quote
        if quote == wanted:
            rates[venue] = ONE
        elif (seen := marks.get(f"{quote}-{wanted}")) is not None:
            rates[venue] = seen.px
    return Context(None, None, rates, 0)
