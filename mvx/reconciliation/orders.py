"""Order states: unknown orders found or proven absent, unsent ones given up, states that moved, settling.

Rule: absence proves something only in a complete read that began late enough, on a venue whose lists
cover every terminal state (DESIGN 2.5). An order that can rest may close at any time, and be for a
listing lag neither among the open nor among the closed: of it two such reads prove something, so far
apart. An order never times out into a terminal state on a guess.
"""

from __future__ import annotations

from functools import partial

from mvx.domain import order_life
from mvx.domain.entries import BreakFound, FoundAbsent, NeverAccepted, Reopened, Reported, Revoked, Settled
from mvx.domain.instant import Instant, after, rfc3339
from mvx.domain.money import plain
from mvx.domain.order import Order, OrderReport, TimeInForce
from mvx.domain.order_status import TERMINAL, IllegalTransition, OrdStatus
from mvx.reconciliation.kinds import BreakKind
from mvx.reconciliation.snapshot import Terms
from mvx.reconciliation.working import Working


def adopt(work: Working) -> None:
    """Orders whose outcome we do not know and that the venue lists under our client order id."""
    for report in work.records.values():
        order = work.orders.get(report.cl_ord_id) if report.cl_ord_id else None
        if order is None or order.order_id is not None:
            continue
        if order.ord_status is report.ord_status is OrdStatus.REJECTED and not report.cum_qty:
            continue  # some venues list what they refused: both say the same
        mismatch = _mismatch(order, report, work.terms)
        if mismatch:
            note = f"the venue's order {report.order_id} under this id has another {mismatch}"
            ref = f"{order.cl_ord_id}:{report.order_id}"
            found = work.a_break(
                BreakKind.FOREIGN_ORDER,
                ref,
                order.order_qty,
                report.order_qty,
                cl_ord_id=order.cl_ord_id,
                corrected=False,
                note=note,
            )
            work.find(found=found)
            continue
        work.adopted.add(order.cl_ord_id)
        work.step(order, partial(order_life.reported, report=report, at=work.snapshot.began_at))
        resolved: BreakFound | None = None
        if order.unknown or order.terminal or order.cl_ord_id not in work.ours.expected:
            ours, theirs = _said(order), f"{report.ord_status} {plain(report.cum_qty)}"
            ref = f"{order.cl_ord_id}:{report.order_id}"
            kind = BreakKind.UNKNOWN_RESOLVED
            resolved = work.a_break(kind, ref, ours, theirs, cl_ord_id=order.cl_ord_id)
        work.find(Reported(order.cl_ord_id, report), found=resolved)


def give_up_unsent(work: Working) -> None:
    """Intents that nobody began to send and nobody will: their worker is gone, or their deadline passed.
    Whoever sends marks it first, so this needs no word from the venue and is no difference."""
    for order in list(work.orders.values()):
        if order.sending or order.terminal or order.order_id is not None:
            continue
        if work.snapshot.began_at >= order.deadline:
            _revoke(work, order, "its deadline passed before it was sent")
        elif order.cl_ord_id not in work.ours.expected:
            _revoke(work, order, "whoever was to send it is gone")


def follow(work: Working) -> None:
    """Known orders whose record at the venue says more than ours. Fills are applied before this, so
    that a state which only they explain is no break of its own."""
    if work.outdated:
        return
    for report in work.records.values():
        order = work.by_order_id(report.symbol, report.order_id)
        if order is None:
            continue
        try:
            moved = order_life.reported(order, report, work.snapshot.began_at)
        except IllegalTransition as error:
            ref = f"{order.cl_ord_id}:{report.ord_status}"
            status = report.ord_status
            work.find(found=_state_break(work, order, ref, status, corrected=False, note=str(error)))
            continue
        if moved == order:
            continue
        work.take_in(moved)
        surprise = (
            moved.ord_status != order.ord_status
            and order.parent_id is not None
            and order.cl_ord_id not in work.ours.expected
        )
        ref = f"{order.cl_ord_id}:{moved.ord_status}:{plain(moved.cum_qty)}"
        found = _state_break(work, order, ref, moved.ord_status) if surprise else None
        work.find(Reported(order.cl_ord_id, report), found=found)


def prove_absent(work: Working) -> None:
    """Orders that were sent, whose outcome is not known and that no list of a complete read shows."""
    if work.outdated:
        return
    for order in list(work.orders.values()):
        if order.sending and order.order_id is None and not order.terminal:
            _prove_never_accepted(work, order)


def deduce_canceled(work: Working, *, agreed: bool) -> None:
    """Orders known to be open once that are missing from two complete reads lateness_s apart, with
    complete trades and agreeing balances: canceled, by deduction. The break says so."""
    if work.outdated:
        return
    for order in list(work.orders.values()):
        if order.order_id is None or order.terminal or (order.symbol, order.order_id) in work.records:
            continue
        if work.snapshot.began_at >= never_accepted_bound(order, work.terms):
            _deduce_canceled(work, order, agreed=agreed)


def reopen(work: Working) -> None:
    """Orders that were done by their trades, or by what was deduced, and that the venue still lists as open
    when nothing of that can be late any more. Some venues take a trade back without a word, and list what it
    was corrected to under another id."""
    if work.outdated:
        return
    began_at, lateness_s = work.snapshot.began_at, work.terms.lateness_s
    for report in work.records.values():
        order = work.by_order_id(report.symbol, report.order_id)
        if order is None or order.terminal_at is None or report.ord_status in TERMINAL:
            continue
        if began_at < after(order.terminal_at, lateness_s):
            continue
        reopened = work.step(order, partial(order_life.reopened, report=report))
        note = "still open there; what its record leaves may fill"
        if reopened.uncounted_qty:
            note += f", and of its trades it does not count {plain(reopened.uncounted_qty)}"
        ref = f"{order.cl_ord_id}:reopened:{plain(report.cum_qty)}"
        found = _state_break(work, order, ref, report.ord_status, note=note)
        work.find(Reopened(order.cl_ord_id, report), found=found)


def settle(work: Working) -> None:
    """Terminal orders with complete trades, in a read that began after the venue's lateness."""
    if work.outdated:
        return
    began_at, lateness_s = work.snapshot.began_at, work.terms.lateness_s
    for order in list(work.orders.values()):
        if order.settled or order.terminal_at is None or not _lists_all(order):
            continue
        if began_at >= after(order.terminal_at, lateness_s):
            work.step(order, order_life.settled)
            work.find(Settled(order.cl_ord_id, order.terminal_at, lateness_s, began_at))


def is_gone(work: Working, order: Order) -> bool:
    """Absent for lateness_s from complete readings that list all that it is known to have filled: by the
    venue's own bounds it neither is open nor has traded since."""
    return _lists_all(order) and _is_missed(work, order, work.terms.lateness_s)


def _is_missed(work: Working, order: Order, for_s: float) -> bool:
    """By an earlier reading, so long before this one began."""
    return order.absent_since is not None and work.snapshot.began_at >= after(order.absent_since, for_s)


def _miss(work: Working, order: Order) -> None:
    """The first complete reading that does not list it: it was not open when that read the open orders,
    which was before the balances, whose instant is the venue's."""
    if order.absent_since is None:
        snapshot = work.snapshot
        read_at = max(snapshot.began_at, after(snapshot.balances_at, work.terms.clock_skew_s))
        work.step(order, partial(order_life.absent, at=read_at))
        work.find(FoundAbsent(order.cl_ord_id, read_at))


def _lists_all(order: Order) -> bool:
    """Whether all is listed that it is known to have filled, by its record or by a push."""
    return not order.claimed_qty and not order.heard_qty


def never_accepted_bound(order: Order, terms: Terms) -> Instant:
    """Before this instant a request may still become an order, or an order may be unlisted."""
    return after(order.deadline, terms.clock_skew_s + terms.accept_lateness_s + terms.listing_lag_s)


def _said(order: Order) -> str:
    return "unknown" if order.unknown else str(order.ord_status)


def _mismatch(order: Order, report: OrderReport, terms: Terms) -> str:
    """What keeps a listed order from being this intent; empty: nothing."""
    earliest = after(order.created_at, -terms.clock_skew_s)
    # Accepted by a clock that was behind, and dated by one that was put ahead meanwhile.
    latest = after(order.deadline, 2 * terms.clock_skew_s + terms.accept_lateness_s)
    checks = (
        ("symbol", report.symbol == order.symbol),
        ("side", report.side is order.side),
        ("quantity", report.order_qty == order.order_qty),
        ("limit", report.limit_px is None or report.limit_px == order.limit_px),
        ("creation time", earliest <= report.created_at <= latest),
    )
    return next((name for name, holds in checks if not holds), "")


def _state_break(
    work: Working, order: Order, ref: str, theirs: OrdStatus, *, corrected: bool = True, note: str = ""
) -> BreakFound:
    return work.a_break(
        BreakKind.ORDER_STATE,
        ref,
        order.ord_status,
        theirs,
        cl_ord_id=order.cl_ord_id,
        corrected=corrected,
        note=note,
    )


def _revoke(work: Working, order: Order, reason: str) -> None:
    work.step(order, partial(order_life.revoked, reason=reason, at=work.snapshot.began_at))
    work.find(Revoked(order.cl_ord_id, reason))


def _prove_never_accepted(work: Working, order: Order) -> None:
    bound_at = never_accepted_bound(order, work.terms)
    began_at = work.snapshot.began_at
    if began_at < bound_at:
        work.pending.append(f"{order.cl_ord_id} may still be accepted or unlisted")
    elif not work.terms.closed_orders_complete:
        work.pending.append(f"{order.cl_ord_id}: this venue's lists can not prove that it never was")
    elif work.terms.closed_kept_s is not None and began_at > after(
        order.created_at, work.terms.closed_kept_s
    ):
        work.pending.append(f"{order.cl_ord_id}: this venue does not list orders as old as it any more")
    elif work.snapshot.since > after(order.created_at, -work.terms.clock_skew_s):
        work.pending.append(f"{order.cl_ord_id}: the lists do not reach back to its intent")
    elif any(report.cl_ord_id == order.cl_ord_id for report in work.records.values()):
        work.pending.append(f"{order.cl_ord_id}: another order is listed under its id")
    elif order.symbol not in work.terms.instruments:
        work.pending.append(f"{order.cl_ord_id}: {order.symbol} is not the desk's: it may be unlisted")
    elif work.unjoined:
        work.pending.append(f"{order.cl_ord_id}: a trade may be its own")
    elif order.time_in_force is TimeInForce.GTC and not _is_missed(work, order, work.terms.listing_lag_s):
        _miss(work, order)
        work.pending.append(f"{order.cl_ord_id} may have closed just before this reading")
    else:
        work.step(order, partial(order_life.rejected, reason="never accepted", at=began_at))
        ref = f"{order.cl_ord_id}:never"
        kind = BreakKind.UNKNOWN_RESOLVED
        found = work.a_break(kind, ref, _said(order), "never accepted", cl_ord_id=order.cl_ord_id)
        work.find(NeverAccepted(order.cl_ord_id, "venue", began_at, bound_at), found=found)


def _deduce_canceled(work: Working, order: Order, *, agreed: bool) -> None:
    began_at = work.snapshot.began_at
    _miss(work, order)
    if agreed and is_gone(work, order):
        report = _canceled(order, began_at)
        work.step(order, partial(order_life.reported, report=report, at=began_at))
        assert order.absent_since is not None
        ref, note = f"{order.cl_ord_id}:absent", f"deduced: in no list since {rfc3339(order.absent_since)}"
        found = _state_break(work, order, ref, OrdStatus.CANCELED, note=note)
        work.find(Reported(order.cl_ord_id, report), found=found)
        return
    work.pending.append(f"{order.cl_ord_id} was open and is in no list")


def _canceled(order: Order, at: Instant) -> OrderReport:
    """The record that the venue would show, had it kept one."""
    assert order.order_id is not None
    return OrderReport(
        order_id=order.order_id,
        cl_ord_id=order.cl_ord_id,
        symbol=order.symbol,
        side=order.side,
        order_qty=order.order_qty,
        limit_px=order.limit_px,
        cum_qty=order.filled_qty,
        avg_px=order.avg_px,
        ord_status=OrdStatus.CANCELED,
        created_at=order.created_at,
        updated_at=at,
    )
