"""The fold of what was sent, heard and concluded about orders and their fills."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from mvx.domain import entries as log
from mvx.domain import order_life
from mvx.domain.execution import Fill
from mvx.domain.ids import ClOrdId
from mvx.domain.instant import Instant
from mvx.domain.ledger import Movement
from mvx.domain.postings import movements_of
from mvx.journal.fill_rows import fill_of, fill_row
from mvx.journal.fold_state import Handler, State, count, move, postings_text, take_step, to_text
from mvx.journal.rows import order_row


def _intended(state: State, seq: int, at: Instant, entry: log.Intended) -> None:
    state.add("orders", order_row(entry.order) | {"seq": seq})
    count(state, "orders")


def _sending(state: State, seq: int, at: Instant, entry: log.Sending) -> None:
    take_step(state, entry.cl_ord_id, order_life.sending)


def _revoked(state: State, seq: int, at: Instant, entry: log.Revoked) -> None:
    take_step(state, entry.cl_ord_id, lambda order: order_life.revoked(order, entry.reason, at))


def _foreign_order_found(state: State, seq: int, at: Instant, entry: log.ForeignOrderFound) -> None:
    state.add("orders", order_row(entry.order) | {"seq": seq})


def _counted_before(state: State, seq: int, at: Instant, entry: log.CountedBefore) -> None:
    take_step(state, entry.cl_ord_id, lambda order: order_life.counted_before(order, entry.qty))


def _acked(state: State, seq: int, at: Instant, entry: log.Acked) -> None:
    take_step(state, entry.cl_ord_id, lambda order: order_life.acked(order, entry.order_id))


def _rejected(state: State, seq: int, at: Instant, entry: log.Rejected) -> None:
    take_step(state, entry.cl_ord_id, lambda order: order_life.rejected(order, entry.reason, at))


def _never_left(state: State, seq: int, at: Instant, entry: log.NeverLeft) -> None:
    take_step(state, entry.cl_ord_id, lambda order: order_life.never_left(order, entry.reason, at))


def _outcome_lost(state: State, seq: int, at: Instant, entry: log.OutcomeLost) -> None:
    take_step(state, entry.cl_ord_id, lambda order: order_life.outcome_lost(order, entry.reason))


def _cancel_requested(state: State, seq: int, at: Instant, entry: log.CancelRequested) -> None:
    take_step(state, entry.cl_ord_id, order_life.cancel_requested)


def _cancel_rejected(state: State, seq: int, at: Instant, entry: log.CancelRejected) -> None:
    take_step(state, entry.cl_ord_id, order_life.cancel_rejected)


def _reported(state: State, seq: int, at: Instant, entry: log.Reported) -> None:
    take_step(state, entry.cl_ord_id, lambda order: order_life.reported(order, entry.report, at))


def _reopened(state: State, seq: int, at: Instant, entry: log.Reopened) -> None:
    take_step(state, entry.cl_ord_id, lambda order: order_life.reopened(order, entry.report))


def _fill_booked(state: State, seq: int, at: Instant, entry: log.FillBooked) -> None:
    fill = entry.fill
    movements = movements_of(entry)
    if not state.add("fills", _posted_row(seq, entry, movements)):
        return
    if entry.cl_ord_id is not None:
        step = partial(order_life.filled, qty=fill.qty, notional=fill.notional, at=at)
        if take_step(state, entry.cl_ord_id, step).heard_qty:
            _unhear(state, fill)
    move(state, seq, fill.venue, movements)


def _fill_busted(state: State, seq: int, at: Instant, entry: log.FillBusted) -> None:
    fill = entry.fill
    movements = movements_of(entry)
    row = _posted_row(seq, entry, movements) | {"busted_at": fill.busted_at}
    if not state.add("busts", row):
        return
    if entry.cl_ord_id is not None and state.get("fills", *fill.key) is not None:
        take_step(state, entry.cl_ord_id, partial(order_life.busted, qty=fill.qty, notional=fill.notional))
    move(state, seq, fill.venue, movements)


def _posted_row(
    seq: int, entry: log.FillBooked | log.FillBusted, movements: Sequence[Movement]
) -> dict[str, Any]:
    row = fill_row(entry.fill)
    row |= {"seq": seq, "base": entry.base, "quote": entry.quote, "cl_ord_id": entry.cl_ord_id}
    row["absorbed"] = to_text(dict(entry.absorbed)) if entry.absorbed else "{}"
    row["postings"] = postings_text(movements)
    return row


def _heard(state: State, seq: int, at: Instant, entry: log.Heard) -> None:
    """The order is named by it; a fill that is neither listed nor heard yet is expected from now on."""
    report, fill = entry.report, entry.report.fill
    take_step(state, report.cl_ord_id, lambda order: order_life.acked(order, report.order_id))
    if fill is None or state.get("fills", *fill.key) is not None:
        return
    row = fill_row(fill) | {"seq": seq, "cl_ord_id": report.cl_ord_id, "heard_at": at}
    if state.add("heard", row):
        step = partial(order_life.heard, qty=fill.qty, notional=fill.notional, at=at)
        take_step(state, report.cl_ord_id, step)


def _phantom_dropped(state: State, seq: int, at: Instant, entry: log.PhantomDropped) -> None:
    _unhear(state, entry.fill)


def _unhear(state: State, fill: Fill) -> None:
    """What was pushed about this fill is superseded; by its own numbers and its own order, which need not
    be the record's."""
    row = state.get("heard", *fill.key)
    if row is not None:
        cl_ord_id, pushed = ClOrdId(row["cl_ord_id"]), fill_of(row)
        state.delete("heard", *fill.key)
        step = partial(order_life.unheard, qty=pushed.qty, notional=pushed.notional)
        take_step(state, cl_ord_id, step)


def _found_absent(state: State, seq: int, at: Instant, entry: log.FoundAbsent) -> None:
    take_step(state, entry.cl_ord_id, lambda order: order_life.absent(order, entry.read_at))


def _never_accepted(state: State, seq: int, at: Instant, entry: log.NeverAccepted) -> None:
    reason = f"never accepted, by {entry.by}"
    take_step(state, entry.cl_ord_id, lambda order: order_life.rejected(order, reason, at))


def _settled(state: State, seq: int, at: Instant, entry: log.Settled) -> None:
    take_step(state, entry.cl_ord_id, order_life.settled)


HANDLERS: dict[type, Handler] = {
    log.Intended: _intended,
    log.Sending: _sending,
    log.Revoked: _revoked,
    log.ForeignOrderFound: _foreign_order_found,
    log.CountedBefore: _counted_before,
    log.Acked: _acked,
    log.Rejected: _rejected,
    log.NeverLeft: _never_left,
    log.OutcomeLost: _outcome_lost,
    log.CancelRequested: _cancel_requested,
    log.CancelRejected: _cancel_rejected,
    log.Reported: _reported,
    log.Reopened: _reopened,
    log.Heard: _heard,
    log.PhantomDropped: _phantom_dropped,
    log.FillBooked: _fill_booked,
    log.FillBusted: _fill_busted,
    log.FoundAbsent: _found_absent,
    log.NeverAccepted: _never_accepted,
    log.Settled: _settled,
}
