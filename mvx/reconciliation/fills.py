"""Fills: what the venue lists and the journal lacks, joined to its order and booked once, and what it
took back.

Rule: the venue is right about what filled, on whatever order, in whatever state. A trade that may
belong to an order whose outcome is not known yet waits until the lists can tell. A trade is taken back
once and for ever: a list that shows it standing again is behind.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mvx.domain import order_life
from mvx.domain.entries import FillBooked, FillBusted
from mvx.domain.execution import Fill, FillKey
from mvx.domain.ids import counted
from mvx.domain.instant import Instant, rfc3339
from mvx.domain.instrument import split_symbol
from mvx.domain.money import plain
from mvx.domain.order import Order
from mvx.domain.order_status import OrdStatus
from mvx.domain.postings import listing_of
from mvx.reconciliation.kinds import BreakKind
from mvx.reconciliation.working import Working, ref_of, traded

_CLOSED_UNFILLED = (OrdStatus.CANCELED, OrdStatus.REJECTED, OrdStatus.EXPIRED)


def book_missing(work: Working) -> None:
    """Book every listed trade that the journal lacks, oldest first, and take back what the venue took
    back. That comes before the rest: what a trade was corrected to is no overfill."""
    busts = work.snapshot.busts
    known = {key: _standing(fill) for key, fill in work.ours.known.items()}
    for fill in _listed(work, busts):
        if fill.key in known:
            _check_conflict(work, fill, known[fill.key])
        elif _join(work, fill):
            known[fill.key] = fill
        bust = busts.pop(fill.key, None)
        if bust is not None and bust.busted_at is not None and fill not in work.unjoined:
            _take_back(work, bust, bust.busted_at)


def _listed(work: Working, busts: dict[FillKey, Fill]) -> list[Fill]:
    """Every distinct record of both readings, as if none were taken back; two records of one trade both
    count. First those that were, then oldest first."""
    distinct = dict.fromkeys(map(_standing, work.snapshot.trades))
    return sorted(distinct, key=lambda each: (each.key not in busts, each.at, counted(each.exec_id)))


def _standing(fill: Fill) -> Fill:
    """The trade as it was made."""
    return fill if fill.busted_at is None else replace(fill, busted_at=None)


def _join(work: Working, fill: Fill) -> bool:
    """Book a trade, on its order where it has one; False where it waits, or where first contact had
    counted it."""
    if work.in_the_opening(fill.listing, fill.at):
        return False
    order = work.by_order_id(fill.symbol, fill.order_id)
    if order is None and (fill.symbol, fill.order_id) not in work.records and _may_be_ours(work, fill):
        work.unjoined.append(fill)
        work.pending.append(f"trade {fill.exec_id} is listed without its order")
        return False
    _book(work, fill, order)
    return True


def _book(work: Working, fill: Fill, order: Order | None) -> None:
    base, quote = (order.base, order.quote) if order else split_symbol(fill.symbol)
    entry = FillBooked(fill, base, quote, None)
    absorbed = work.absorbed(entry)
    if order is not None and order.parent_id is None and work.before_first_contact(fill.at):
        order = None  # what a foreign order had filled by then was counted when the order was found
    cl_ord_id = None if order is None else order.cl_ord_id
    kind, ours = _kind(work, fill, order)
    found = None
    if kind is not None:
        ref, theirs, name = ref_of(fill), traded(fill), fill.exec_id
        found = work.a_break(kind, ref, ours, theirs, cl_ord_id=cl_ord_id, asset=base, exec_id=name)
    work.post(replace(entry, cl_ord_id=cl_ord_id, absorbed=absorbed), found=found)
    if order is not None:
        step = partial(order_life.filled, qty=fill.qty, notional=fill.notional, at=work.snapshot.began_at)
        work.step(order, step)
        heard = work.heard.get(fill.key)
        if heard is not None and heard.cl_ord_id == order.cl_ord_id:
            work.unhear(heard)


def _kind(work: Working, fill: Fill, order: Order | None) -> tuple[BreakKind | None, str]:
    """The kind of break that this fill is, and what we had; no kind: ordinary life."""
    if order is None or order.parent_id is None:
        return BreakKind.FOREIGN_FILL, "none"
    had = f"{order.ord_status} {plain(order.filled_qty)} of {plain(order.order_qty)}"
    if order.filled_qty + fill.qty > order.order_qty:
        return BreakKind.OVERFILL, had
    beyond_claim = order.filled_qty + fill.qty > order.cum_qty
    if order.settled or (order.ord_status in _CLOSED_UNFILLED and beyond_claim):
        return BreakKind.LATE_FILL, had
    if order.cl_ord_id in work.ours.expected or order.cl_ord_id in work.adopted:
        return None, had
    return BreakKind.MISSING_FILL, had


def _take_back(work: Working, bust: Fill, busted_at: Instant) -> None:
    """Post the exact opposite of what was booked for a trade that the venue took back. One that only
    first contact had counted was never booked: there the opposite stands alone."""
    if bust.key in work.ours.known_busts or work.in_the_opening(bust.bust_listing, busted_at):
        return
    booked = _booking_of(work, bust)
    if booked is None:
        entry = FillBusted(bust, *split_symbol(bust.symbol), None)
    else:
        taken = replace(booked.fill, busted_at=busted_at)
        entry = FillBusted(taken, booked.base, booked.quote, booked.cl_ord_id)
    found = work.a_break(
        BreakKind.BUST,
        ref_of(bust),
        traded(entry.fill),
        f"taken back {rfc3339(busted_at)}",
        cl_ord_id=entry.cl_ord_id,
        asset=entry.base,
        exec_id=bust.exec_id,
    )
    work.post(replace(entry, absorbed=work.absorbed(entry)), found=found)
    if entry.cl_ord_id is not None and entry.cl_ord_id in work.orders:
        step = partial(order_life.busted, qty=entry.fill.qty, notional=entry.fill.notional)
        work.step(work.orders[entry.cl_ord_id], step)


def _booking_of(work: Working, bust: Fill) -> FillBooked | None:
    """How the trade was booked: before, or in this very pass."""
    now = (each for each in work.booked if isinstance(each, FillBooked) and listing_of(each) == bust.listing)
    return work.ours.taken_back.get(bust.key) or next(now, None)


def _check_conflict(work: Working, fill: Fill, known: Fill) -> None:
    """Two confirmed records with one key and other numbers: said once, both kept, nothing posted."""
    if fill == known:
        return
    order = work.by_order_id(fill.symbol, fill.order_id)
    theirs = _numbers(fill)
    work.find(
        found=work.a_break(
            BreakKind.FILL_CONFLICT,
            ref_of(fill, theirs),
            _numbers(known),
            theirs,
            cl_ord_id=None if order is None else order.cl_ord_id,
            exec_id=fill.exec_id,
            corrected=False,
            note="the venue lists one trade with two sets of numbers",
        )
    )


def _numbers(fill: Fill) -> str:
    fee = f"{plain(fill.fee_amount)} {fill.fee_asset}"
    moved = f"{plain(fill.qty)} at {plain(fill.price)} for {plain(fill.notional)}"
    return f"{fill.order_id} {moved} fee {fee}"


def _may_be_ours(work: Working, fill: Fill) -> bool:
    """Whether an order whose outcome we do not know could own this trade."""
    return any(
        order.sending
        and order.order_id is None
        and not order.terminal
        and order.symbol == fill.symbol
        and order.side is fill.side
        and order.order_qty >= fill.qty
        for order in work.orders.values()
    )
