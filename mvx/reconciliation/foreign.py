"""Foreign orders: open at the venue, and mvx did not send them.

Rule: one is known from the pass that finds it, so that the interval counts what it may still do. What
it had filled by then counts once: what first contact or a booked trade had counted is remembered as
filled, and everything else is booked on it when its trade is listed. Where first contact can not tell,
it remembers less, and the interval is the wider for it until the balances have told.
"""

from __future__ import annotations

from functools import partial

from mvx.domain import order_life
from mvx.domain.entries import CountedBefore, ForeignOrderFound, Reported
from mvx.domain.ids import ClOrdId
from mvx.domain.instant import Instant, after
from mvx.domain.instrument import split_symbol
from mvx.domain.money import ZERO, plain
from mvx.domain.order import Order, OrderReport, TimeInForce, changed
from mvx.domain.order_status import TERMINAL
from mvx.reconciliation.kinds import BreakKind
from mvx.reconciliation.snapshot import Snapshot, Terms
from mvx.reconciliation.working import Working


def take_in_foreign(work: Working, *, first_contact: bool) -> None:
    """Open orders that nobody here knows. At first contact quietly: nobody claimed to know them."""
    for report in work.records.values():
        closed = report.ord_status in TERMINAL
        if closed or work.outdated or work.by_order_id(report.symbol, report.order_id) is not None:
            continue
        theirs = f"{report.side} {plain(report.order_qty)} {report.symbol}"
        ref = f"{report.symbol}:{report.order_id}"
        order = _foreign_order(report, work.snapshot, work.terms)
        if order is None:
            note = "it has no limit price: what it may do to the position has no bound and is not counted"
            kind = BreakKind.FOREIGN_ORDER
            work.find(found=work.a_break(kind, ref, "none", theirs, corrected=False, note=note))
            continue
        order = _counted(work, order, report, first_contact=first_contact)
        work.take_in(order)
        found = None
        if not first_contact:
            kind = BreakKind.FOREIGN_ORDER
            found = work.a_break(kind, ref, "none", theirs, cl_ord_id=order.cl_ord_id)
        work.find(ForeignOrderFound(order), Reported(order.cl_ord_id, report), found=found)
        work.step(order, partial(order_life.reported, report=report, at=work.snapshot.began_at))


def count_claims(work: Working) -> bool:
    """What an order's record claims and no list ever will show, where every balance agrees without it. True
    where there was any."""
    found = False
    for order in list(work.orders.values()):
        if is_overdue(work, order):
            found = True
            work.find(CountedBefore(order.cl_ord_id, order.claimed_qty))
            work.step(order, partial(order_life.counted_before, qty=order.claimed_qty))
    return found


def is_overdue(work: Working, order: Order) -> bool:
    """Whether what its record claims would be listed long since: a foreign order's that first contact had
    counted, before or while that was made, or an order's in a market that the desk does not name, whose
    trades some venues list by themselves."""
    if not order.claimed_qty or (order.parent_id is not None and order.symbol in work.terms.instruments):
        return False
    lateness_s = work.terms.lateness_s + work.terms.listing_lag_s
    since = quiet_since(work, order)
    return since is not None and work.snapshot.began_at >= after(since, lateness_s)


def quiet_since(work: Working, order: Order) -> Instant | None:
    """When it last traded, at the latest: what it claims is older."""
    assert order.order_id is not None, "what the venue has a record of is known by its id"
    record = work.records.get((order.symbol, order.order_id))
    if record is not None:
        return after(record.updated_at, work.terms.clock_skew_s)
    return order.terminal_at or order.absent_since


def _counted(work: Working, order: Order, report: OrderReport, *, first_contact: bool) -> Order:
    """The order with its trades that will not be booked on it: from before first contact, or booked as
    nobody's before the order was listed. What is not listed yet is left to be booked."""
    taken_back = {*work.snapshot.busts, *work.ours.known_busts}
    listed = {fill.key: fill for fill in work.snapshot.trades}
    counted = [
        fill
        for fill in listed.values()
        if (fill.symbol, fill.order_id) == (report.symbol, report.order_id)
        and (fill.key in work.ours.known or work.before_first_contact(fill.at))
    ]
    filled_qty = sum((fill.qty for fill in counted if fill.key not in taken_back), ZERO)
    if first_contact:  # the balances were read after the order lists: they count all that those claim
        filled_qty = max(filled_qty, report.cum_qty)
    return changed(
        order,
        cum_qty=max(order.cum_qty, filled_qty),  # a record may be behind its trades
        filled_qty=filled_qty,
        filled_notional=filled_qty * (report.avg_px or ZERO),
        busted_qty=sum((fill.qty for fill in counted if fill.key in taken_back), ZERO),
    )


def _foreign_order(report: OrderReport, snapshot: Snapshot, terms: Terms) -> Order | None:
    """An order made from the venue's own record; None where it carries no limit to bound it by."""
    if report.limit_px is None:
        return None
    base, quote = split_symbol(report.symbol)
    return Order(
        cl_ord_id=ClOrdId(f"{snapshot.venue}:{report.symbol}:{report.order_id}"),
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
    )
