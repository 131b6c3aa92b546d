"""Fills: what the venue lists and the journal lacks, joined to its order and booked once.

Rule: the venue is right about what filled, on whatever order, in whatever state. A trade that may
belong to an order whose outcome is not known yet waits until the lists can tell.
"""

from __future__ import annotations

from functools import partial

from mvx.domain import order_life
from mvx.domain.entries import FillBooked
from mvx.domain.execution import Fill
from mvx.domain.ids import Asset
from mvx.domain.instrument import split_symbol
from mvx.domain.ledger import effects
from mvx.domain.money import plain
from mvx.domain.order import Order
from mvx.domain.order_status import OrdStatus
from mvx.reconciliation.working import Working

_CLOSED_UNFILLED = (OrdStatus.CANCELED, OrdStatus.REJECTED, OrdStatus.EXPIRED)


def book_missing(work: Working) -> None:
    """Book every listed trade that the journal lacks, oldest first."""
    named = {(report.symbol, report.order_id) for report in work.reports}
    known = dict(work.ours.known)
    for fill in _listed(work):
        if fill.key in known:
            _check_conflict(work, fill, known[fill.key])
        elif not work.in_an_opening(fill):
            order = work.by_order_id(fill.symbol, fill.order_id)
            if order is None and (fill.symbol, fill.order_id) not in named and _may_be_ours(work, fill):
                work.unjoined.append(fill)
                work.pending.append(f"trade {fill.exec_id} is listed without its order")
            else:
                known[fill.key] = fill
                _book(work, fill, order)


def _listed(work: Working) -> list[Fill]:
    """Every distinct record of both readings, oldest first; two records of one trade both count."""
    distinct = dict.fromkeys(work.snapshot.trades_before + work.snapshot.trades_after)
    return sorted(distinct, key=lambda each: (each.at, each.exec_id))


def _book(work: Working, fill: Fill, order: Order | None) -> None:
    base, quote = (order.base, order.quote) if order else split_symbol(fill.symbol)
    absorbed = _absorbed(work, fill, base, quote)
    if order is not None and order.parent_id is None and absorbed.get(base) == "opening":
        order = None  # what a foreign order had filled before first contact was counted when it was found
    cl_ord_id = None if order is None else order.cl_ord_id
    entry = FillBooked(fill, base, quote, cl_ord_id, absorbed)
    kind, ours = _kind(work, fill, order)
    found = None
    if kind:
        theirs = f"{fill.side} {plain(fill.qty)} at {plain(fill.price)}"
        ref = ":".join(map(str, fill.key[1:]))
        found = work.a_break(kind, ref, ours, theirs, order=order, asset=base, exec_id=fill.exec_id)
    work.booked.append(entry)
    work.find(entry, found=found)
    if order is not None:
        step = partial(order_life.filled, qty=fill.qty, price=fill.price, at=work.snapshot.began_at)
        work.step(order, step)


def _kind(work: Working, fill: Fill, order: Order | None) -> tuple[str, str]:
    """The kind of break that this fill is, and what we had; an empty kind: ordinary life."""
    if order is None or order.parent_id is None:
        return "foreign_fill", "none"
    had = f"{order.ord_status} {plain(order.filled_qty)} of {plain(order.order_qty)}"
    if order.filled_qty + fill.qty > order.order_qty:
        return "overfill", had
    beyond_claim = order.filled_qty + fill.qty > order.cum_qty
    if order.settled or (order.ord_status in _CLOSED_UNFILLED and beyond_claim):
        return "late_fill", had
    if order.cl_ord_id in work.ours.expected or order.cl_ord_id in work.adopted:
        return "", had
    return "missing_fill", had


def _check_conflict(work: Working, fill: Fill, known: Fill) -> None:
    """Two confirmed records with one key and other numbers: said once, both kept, nothing posted."""
    if fill == known:
        return
    ours, theirs = _numbers(known), _numbers(fill)
    order = work.by_order_id(fill.symbol, fill.order_id)
    ref = ":".join(map(str, (*fill.key[1:], theirs)))
    note = "the venue lists one trade with two sets of numbers"
    found = work.a_break(
        "fill_conflict", ref, ours, theirs, order=order, exec_id=fill.exec_id, corrected=False, note=note
    )
    work.find(found=found)


def _numbers(fill: Fill) -> str:
    fee = f"{plain(fill.fee_amount)} {fill.fee_asset}"
    return f"{fill.order_id} {plain(fill.qty)} at {plain(fill.price)} fee {fee}"


def _may_be_ours(work: Working, fill: Fill) -> bool:
    """Whether an order whose outcome we do not know could own this trade."""
    return any(
        order.order_id is None
        and not order.terminal
        and order.symbol == fill.symbol
        and order.side is fill.side
        and order.order_qty >= fill.qty
        for order in work.orders.values()
    )


def _absorbed(work: Working, fill: Fill, base: Asset, quote: Asset) -> dict[Asset, str]:
    """Per asset the first opening or adjustment that was made after this trade without knowing it:
    the venue's balance counted the trade then, so its effect is posted with its exact opposite."""
    absorbed: dict[Asset, str] = {}
    for asset in {each.asset for each in effects(fill, base, quote)}:
        adjustments = [a for a in work.ours.anchors if a.asset == asset and a.kind != "opening"]
        for anchor in [work.opening, *adjustments]:
            if anchor is not None and fill.at <= anchor.at and fill.listing not in anchor.listed:
                absorbed[asset] = anchor.kind
                break
    return absorbed
