"""Fills that were pushed: expected until the venue's record confirms them or shows that they never were.

Rule: what was pushed is a claim. It moves no holding, and it is dropped only by a complete reading that
began late enough and reaches back to it.
"""

from __future__ import annotations

from mvx.domain.entries import PhantomDropped
from mvx.domain.execution import HeardFill
from mvx.domain.instant import Instant, after
from mvx.domain.order import Order
from mvx.reconciliation.kinds import BreakKind
from mvx.reconciliation.working import Working, ref_of, traded


def drop_phantoms(work: Working) -> None:
    """Pushed fills that the record does not hold, or holds as another order's. Run after the booking:
    what was booked on its order is heard of no more."""
    if work.outdated:
        return
    listed = {fill.key for fill in work.snapshot.trades} - {fill.key for fill in work.unjoined}
    for heard in list(work.heard.values()):
        if heard.fill.key in listed:
            _drop(work, heard, "not this order's", "the venue's record has it on another order, or on none")
        elif _proven(work, heard):
            _drop(work, heard, "not listed", "")
        else:
            name = f"fill {heard.fill.exec_id} of {heard.cl_ord_id}"
            work.pending.append(f"{name} was pushed and is not listed yet")


def reach_of(heard: HeardFill, order: Order, clock_skew_s: float) -> Instant:
    """How far a reading must reach back to tell of it: to its own time, which is a claim as well, so at
    most to the order that it is of."""
    return max(heard.fill.at, after(order.created_at, -clock_skew_s))


def _proven(work: Working, heard: HeardFill) -> bool:
    terms, snapshot = work.terms, work.snapshot
    order = work.orders[heard.cl_ord_id]
    return (
        snapshot.began_at >= after(heard.heard_at, terms.lateness_s + terms.listing_lag_s)
        and snapshot.since <= reach_of(heard, order, terms.clock_skew_s)
        and not any(
            (each.symbol, each.side) == (heard.fill.symbol, heard.fill.side) for each in work.unjoined
        )
    )


def _drop(work: Working, heard: HeardFill, theirs: str, note: str) -> None:
    found = work.a_break(
        BreakKind.PHANTOM_FILL,
        ref_of(heard.fill),
        f"pushed {traded(heard.fill)}",
        theirs,
        cl_ord_id=heard.cl_ord_id,
        exec_id=heard.fill.exec_id,
        note=note,
    )
    work.unhear(heard)
    work.find(PhantomDropped(heard.cl_ord_id, heard.fill), found=found)
