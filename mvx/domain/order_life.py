"""What each input does to an order: pure steps from one Order to the next (DESIGN 2).

The fold of the journal and the comparison of reconciliation both take these steps, so that what was
foreseen and what is stored can not differ. A step that teaches nothing returns an equal order.
"""

from __future__ import annotations

from decimal import Decimal

from mvx.domain.ids import OrderId
from mvx.domain.instant import Instant
from mvx.domain.money import ZERO
from mvx.domain.order import Order, OrderReport, changed
from mvx.domain.order_status import TERMINAL, ExecType, OrdStatus, next_status
from mvx.domain.text import storable

#: The execution report that a venue's snapshot of an order amounts to.
SNAPSHOT_EXEC_TYPE = {
    OrdStatus.NEW: ExecType.NEW,
    OrdStatus.PARTIALLY_FILLED: ExecType.PARTIAL_FILL,
    OrdStatus.FILLED: ExecType.FILL,
    OrdStatus.CANCELED: ExecType.CANCELED,
    OrdStatus.REJECTED: ExecType.REJECTED,
    OrdStatus.EXPIRED: ExecType.EXPIRED,
}

_PROGRESS = {
    OrdStatus.PENDING_NEW: 0,
    OrdStatus.NEW: 1,
    OrdStatus.PARTIALLY_FILLED: 2,
    OrdStatus.PENDING_CANCEL: 3,
}
_CLOSED = 4


def acked(order: Order, order_id: OrderId) -> Order:
    """The venue named the order; a second name does not replace the first. A late ack of an order that
    went on since only adds the name; one of an order thought refused opens it again."""
    named = changed(order, order_id=order.order_id or order_id, unknown=False)
    if order.order_id is None and order.ord_status in (OrdStatus.PENDING_NEW, OrdStatus.REJECTED):
        status = next_status(order.ord_status, ExecType.NEW)
        return changed(named, ord_status=status, settled=False, terminal_at=None)
    return named


def rejected(order: Order, reason: str, at: Instant) -> Order:
    """A definite refusal, or proof that it was never accepted. The venue's record outranks it: an
    order that was found there is not refused any more."""
    if order.order_id is not None or order.terminal:
        return order
    return changed(
        order,
        ord_status=next_status(order.ord_status, ExecType.REJECTED),
        unknown=False,
        settled=True,
        reason=storable(reason),
        terminal_at=at,
    )


def sending(order: Order) -> Order:
    """Its dispatch begins: it can not be revoked any more."""
    return changed(order, sending=True)


def revoked(order: Order, reason: str, at: Instant) -> Order:
    """Given up before anybody sent it, canceled or not; of one that is being sent nothing changes."""
    return order if order.sending else rejected(order, f"revoked: {reason}", at)


def never_left(order: Order, reason: str, at: Instant) -> Order:
    """Nothing of it left, so it is as it was before its sending began, and given up."""
    given_up = rejected(order, f"never left: {reason}", at)
    return order if given_up is order else changed(given_up, sending=False)


def outcome_lost(order: Order, reason: str) -> Order:
    """It left and no answer came back: unknown, unless the venue's record has spoken already."""
    if order.order_id is not None or order.terminal:
        return order
    return changed(order, unknown=True, reason=storable(reason))


def cancel_requested(order: Order) -> Order:
    """We ask for a cancel: of an open order only."""
    if order.terminal:
        return order
    return changed(order, ord_status=next_status(order.ord_status, ExecType.PENDING_CANCEL))


def cancel_rejected(order: Order) -> Order:
    """No cancel of it is pending any more: its state is again what its own numbers say. FIX has a message of
    its own for this (OrderCancelReject), which is no execution report and so no row of the table."""
    if order.ord_status is not OrdStatus.PENDING_CANCEL:
        return order
    if order.cum_qty or order.filled_qty or order.busted_qty:
        return changed(order, ord_status=OrdStatus.PARTIALLY_FILLED)
    status = OrdStatus.PENDING_NEW if order.order_id is None else OrdStatus.NEW
    return changed(order, ord_status=status)


def reported(order: Order, report: OrderReport, at: Instant) -> Order:
    """The venue's snapshot of the order. One that is behind what we know changes nothing, nor does one
    that goes on counting what was taken back; one that teaches something takes a settled order's
    reservation up again."""
    status, cum_qty, avg_px = order.ord_status, order.cum_qty, order.avg_px
    if report.cum_qty > cum_qty + order.busted_qty:
        cum_qty, avg_px = report.cum_qty, report.avg_px
    if not _is_behind(order, report.ord_status):
        status = next_status(status, SNAPSHOT_EXEC_TYPE[report.ord_status])
    settled = order.settled and (status, cum_qty) == (order.ord_status, order.cum_qty)
    heard_at = order.terminal_at if settled == order.settled else None
    return changed(
        order,
        order_id=report.order_id,
        ord_status=status,
        unknown=False,
        settled=settled,
        cum_qty=cum_qty,
        avg_px=avg_px,
        terminal_at=_terminal_at(status, heard_at, at),
        absent_since=None,
    )


def reopened(order: Order, report: OrderReport) -> Order:
    """It was done by its trades, or by what we deduced, and the venue still lists it as open when nothing of
    that can be late any more: its record is the truth, and what that leaves may still fill."""
    return changed(
        order,
        order_id=report.order_id,
        ord_status=report.ord_status,
        unknown=False,
        settled=False,
        cum_qty=report.cum_qty,
        avg_px=report.avg_px,
        terminal_at=None,
        absent_since=None,
    )


def filled(order: Order, qty: Decimal, notional: Decimal, at: Instant) -> Order:
    """One listed trade. On a settled order the wait for further ones begins anew."""
    filled_qty = order.filled_qty + qty
    filled_notional = order.filled_notional + notional
    counted_qty = filled_qty - order.uncounted_qty
    exec_type = ExecType.FILL if counted_qty >= order.order_qty else ExecType.PARTIAL_FILL
    status = next_status(order.ord_status, exec_type)
    heard_at = None if order.settled else order.terminal_at
    return changed(
        order,
        ord_status=status,
        unknown=False,
        settled=False,
        cum_qty=max(order.cum_qty, counted_qty),
        filled_qty=filled_qty,
        filled_notional=filled_notional,
        terminal_at=_terminal_at(status, heard_at, at),
        absent_since=None,
    )


def counted_before(order: Order, qty: Decimal) -> Order:
    """A foreign order's fills that first contact had counted: no trade of them will be listed."""
    return changed(
        order,
        filled_qty=order.filled_qty + qty,
        filled_notional=order.filled_notional + qty * (order.avg_px or ZERO),
    )


def busted(order: Order, qty: Decimal, notional: Decimal) -> Order:
    """One trade that the venue took back. What settled stays so: a bust brings nothing to life again. What
    the record does not count is not taken out of that once more."""
    counted_qty = max(ZERO, qty - order.uncounted_qty)
    return changed(
        order,
        cum_qty=max(ZERO, order.cum_qty - counted_qty),
        filled_qty=order.filled_qty - qty,
        filled_notional=order.filled_notional - notional,
        busted_qty=order.busted_qty + counted_qty,
    )


def heard(order: Order, qty: Decimal, notional: Decimal, at: Instant) -> Order:
    """A fill that was pushed: expected, and not confirmed. The state follows the venue's record alone; a
    settled order's reservation is taken up again, and the wait for further fills begins anew."""
    return changed(
        order,
        heard_qty=order.heard_qty + qty,
        heard_notional=order.heard_notional + notional,
        settled=False,
        terminal_at=at if order.settled else order.terminal_at,
    )


def unheard(order: Order, qty: Decimal, notional: Decimal) -> Order:
    """What was pushed is superseded by the record, or was never so."""
    return changed(
        order,
        heard_qty=order.heard_qty - qty,
        heard_notional=order.heard_notional - notional,
    )


def absent(order: Order, at: Instant) -> Order:
    """A complete read did not list an order that was open or may have been."""
    return changed(order, absent_since=at)


def settled(order: Order) -> Order:
    """Nothing more can happen to it within what the venue declares: the reservation is dropped."""
    return changed(order, settled=True)


def _terminal_at(status: OrdStatus, heard_at: Instant | None, at: Instant) -> Instant | None:
    """When we first heard of a terminal state; None while there is none."""
    if status not in TERMINAL:
        return None
    return at if heard_at is None else heard_at


def _is_behind(order: Order, status: OrdStatus) -> bool:
    """Whether a snapshot's status is no news. A refused order that the venue shows alive is news."""
    if order.ord_status is OrdStatus.REJECTED:
        return status is OrdStatus.REJECTED
    return _PROGRESS.get(status, _CLOSED) <= _PROGRESS.get(order.ord_status, _CLOSED)
