"""Order states: unknown orders found or proven absent, foreign orders, states that moved, settling.

Rule: absence proves something only in a complete read that began late enough, on a venue whose lists
cover every terminal state (DESIGN 2.5). An order never times out into a terminal state on a guess.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from mvx.domain import order_life
from mvx.domain.entries import BreakFound, ForeignOrderFound, FoundAbsent, NeverAccepted, Reported, Settled
from mvx.domain.ids import ClOrdId
from mvx.domain.instant import Instant, after, rfc3339
from mvx.domain.instrument import split_symbol
from mvx.domain.money import ZERO, plain
from mvx.domain.order import Order, OrderReport, TimeInForce
from mvx.domain.order_status import TERMINAL, IllegalTransition, OrdStatus
from mvx.reconciliation.snapshot import Snapshot, Terms
from mvx.reconciliation.working import Working


def adopt(work: Working) -> None:
    """Orders whose outcome we do not know and that the venue lists under our client order id."""
    for report in work.reports:
        order = work.orders.get(report.cl_ord_id) if report.cl_ord_id else None
        if order is None or order.order_id is not None:
            continue
        if order.ord_status is report.ord_status is OrdStatus.REJECTED and not report.cum_qty:
            continue  # some venues list what they refused: both say the same
        mismatch = _mismatch(order, report, work.terms)
        if mismatch:
            note = f"the venue's order {report.order_id} under this id has another {mismatch}"
            ref = f"{order.cl_ord_id}:{report.order_id}"
            ours, theirs = plain(order.order_qty), plain(report.order_qty)
            work.find(
                found=work.a_break(
                    "foreign_order", ref, ours, theirs, order=order, corrected=False, note=note
                )
            )
            continue
        work.adopted.add(order.cl_ord_id)
        work.step(order, partial(order_life.reported, report=report, at=work.snapshot.began_at))
        found: BreakFound | None = None
        if order.unknown or order.terminal or order.cl_ord_id not in work.ours.expected:
            ours, theirs = _said(order), f"{report.ord_status} {plain(report.cum_qty)}"
            ref = f"{order.cl_ord_id}:{report.order_id}"
            found = work.a_break("unknown_resolved", ref, ours, theirs, order=order)
        work.find(Reported(order.cl_ord_id, report), found=found)


def take_in_foreign(work: Working, *, loud: bool) -> None:
    """Open orders that mvx did not send: known from now on, so that the interval counts them."""
    for report in work.reports:
        closed = report.ord_status in TERMINAL
        if closed or work.outdated or work.by_order_id(report.symbol, report.order_id) is not None:
            continue
        theirs = f"{report.side} {plain(report.order_qty)} {report.symbol}"
        ref = f"{report.symbol}:{report.order_id}"
        order = foreign_order(report, work.snapshot, work.terms, booked_before(work, report))
        if order is None:
            note = "it has no limit price: what it may do to the position has no bound and is not counted"
            found = work.a_break("foreign_order", ref, "none", theirs, corrected=False, note=note)
            work.find(found=found)
            continue
        work.take_in(order)
        found = work.a_break("foreign_order", ref, "none", theirs, order=order)
        work.find(ForeignOrderFound(order), Reported(order.cl_ord_id, report), found=found if loud else None)
        work.step(order, partial(order_life.reported, report=report, at=work.snapshot.began_at))


def follow(work: Working) -> None:
    """Known orders whose record at the venue says more than ours. Fills are applied before this, so
    that a state which only they explain is no break of its own."""
    if work.outdated:
        return
    for report in work.reports:
        order = work.by_order_id(report.symbol, report.order_id)
        if order is None or order.cl_ord_id in work.adopted:
            continue
        try:
            moved = order_life.reported(order, report, work.snapshot.began_at)
        except IllegalTransition as error:
            ref = f"{order.cl_ord_id}:{report.ord_status}"
            ours, theirs = str(order.ord_status), str(report.ord_status)
            work.find(
                found=work.a_break(
                    "order_state", ref, ours, theirs, order=order, corrected=False, note=str(error)
                )
            )
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
        found = work.a_break("order_state", ref, order.ord_status, moved.ord_status, order=order)
        work.find(Reported(order.cl_ord_id, report), found=found if surprise else None)


def prove_absent(work: Working) -> None:
    """Intents whose outcome is not known and that no list of a complete read shows."""
    if work.outdated:
        return
    for order in list(work.orders.values()):
        if order.order_id is None and not order.settled and not order.terminal:
            _prove_never_accepted(work, order)


def deduce_canceled(work: Working, *, agreed: bool) -> None:
    """Orders known to be open once that are missing from two complete reads lateness_s apart, with
    complete trades and agreeing balances: canceled, by deduction. The break says so."""
    if work.outdated:
        return
    listed = {(report.symbol, report.order_id) for report in work.reports}
    for order in list(work.orders.values()):
        if order.order_id is None or order.terminal or (order.symbol, order.order_id) in listed:
            continue
        if work.snapshot.began_at >= never_accepted_bound(order, work.terms):
            _deduce_canceled(work, order, agreed=agreed)


def settle(work: Working) -> None:
    """Terminal orders with complete trades, in a read that began after the venue's lateness."""
    if work.outdated:
        return
    began_at, lateness_s = work.snapshot.began_at, work.terms.lateness_s
    for order in list(work.orders.values()):
        if order.settled or not order.trades_complete or order.terminal_at is None:
            continue
        if began_at >= after(order.terminal_at, lateness_s):
            work.step(order, order_life.settled)
            work.find(Settled(order.cl_ord_id, order.terminal_at, lateness_s, began_at))


def never_accepted_bound(order: Order, terms: Terms) -> Instant:
    """Before this instant a request may still become an order, or an order may be unlisted."""
    return after(order.deadline, terms.clock_skew_s + terms.accept_lateness_s + terms.listing_lag_s)


def booked_before(work: Working, report: OrderReport) -> Decimal:
    """What a foreign order filled before we knew it: all but the trades that are still to be booked."""
    listed = {f.key: f for f in work.snapshot.trades_before + work.snapshot.trades_after}
    to_book = sum(
        (
            fill.qty
            for fill in listed.values()
            if (fill.symbol, fill.order_id) == (report.symbol, report.order_id)
            and fill.key not in work.ours.known
            and (work.opening is None or fill.at > work.opening.at)
        ),
        ZERO,
    )
    return max(ZERO, report.cum_qty - to_book)


def foreign_order(report: OrderReport, snapshot: Snapshot, terms: Terms, filled_qty: Decimal) -> Order | None:
    """An order made from the venue's own record; None where it carries no limit to bound it by."""
    if report.limit_px is None:
        return None
    base, quote = split_symbol(report.symbol)
    return Order(
        cl_ord_id=ClOrdId(f"{snapshot.venue}:{report.order_id}"),
        parent_id=None,
        venue=snapshot.venue,
        account=snapshot.account,
        symbol=report.symbol,
        instrument=terms.instruments.get(report.symbol, report.symbol),
        base=base,
        quote=quote,
        side=report.side,
        order_qty=report.order_qty,
        limit_px=report.limit_px,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        created_at=report.created_at,
        deadline=report.created_at,
        fee_bps=terms.fee_bps,
        fee_assets=terms.fee_assets.get(report.symbol, (quote,)),
        max_px=None,
        order_id=report.order_id,
        filled_qty=filled_qty,
        filled_notional=filled_qty * (report.avg_px or ZERO),
    )


def _said(order: Order) -> str:
    return "unknown" if order.unknown else str(order.ord_status)


def _mismatch(order: Order, report: OrderReport, terms: Terms) -> str:
    """What keeps a listed order from being this intent; empty: nothing."""
    earliest = after(order.created_at, -terms.clock_skew_s)
    latest = after(order.deadline, terms.clock_skew_s + terms.accept_lateness_s)
    checks = (
        ("symbol", report.symbol == order.symbol),
        ("side", report.side is order.side),
        ("quantity", report.order_qty == order.order_qty),
        ("limit", report.limit_px is None or report.limit_px == order.limit_px),
        ("creation time", earliest <= report.created_at <= latest),
    )
    return next((name for name, holds in checks if not holds), "")


def _prove_never_accepted(work: Working, order: Order) -> None:
    bound_at = never_accepted_bound(order, work.terms)
    began_at = work.snapshot.began_at
    if began_at < bound_at:
        work.pending.append(f"{order.cl_ord_id} may still be accepted or unlisted")
    elif not work.terms.closed_orders_complete:
        work.pending.append(f"{order.cl_ord_id}: this venue's lists can not prove that it never was")
    elif work.snapshot.since > after(order.created_at, -work.terms.clock_skew_s):
        work.pending.append(f"{order.cl_ord_id}: the lists do not reach back to its intent")
    elif work.unjoined:
        work.pending.append(f"{order.cl_ord_id}: a trade may be its own")
    else:
        work.step(order, partial(order_life.rejected, reason="never accepted", at=began_at))
        ref = f"{order.cl_ord_id}:never"
        found = work.a_break("unknown_resolved", ref, _said(order), "never accepted", order=order)
        work.find(NeverAccepted(order.cl_ord_id, "venue", began_at, bound_at), found=found)


def _deduce_canceled(work: Working, order: Order, *, agreed: bool) -> None:
    began_at = work.snapshot.began_at
    if order.absent_since is None:
        work.step(order, partial(order_life.absent, at=began_at))
        work.find(FoundAbsent(order.cl_ord_id, began_at))
    elif agreed and not order.claimed_qty and began_at >= after(order.absent_since, work.terms.lateness_s):
        report = _canceled(order, began_at)
        work.step(order, partial(order_life.reported, report=report, at=began_at))
        ref, note = f"{order.cl_ord_id}:absent", f"deduced: in no list since {rfc3339(order.absent_since)}"
        found = work.a_break("order_state", ref, order.ord_status, "CANCELED", order=order, note=note)
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
