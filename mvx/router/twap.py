"""Spreading a quantity evenly over time: how much should have been traded by now.

Rule: whole slices at even intervals, the first at once and the last an interval before the end, so that
the whole quantity is due before the time is over. What fell behind is caught up by one more slice at a time;
after the end everything that is left is due. A slice that is too small for every venue is the smallest order
that one takes, and the next ones wait until the schedule is ahead of it.
"""

from __future__ import annotations

import math
from decimal import Decimal

from mvx.domain.money import ZERO

SLICE_S = 30.0
SHORTEST_S = 0.001
LEAST_SLICES, MOST_SLICES = 4, 120


def slices_of(duration_s: float) -> int:
    """One about every SLICE_S, within bounds."""
    return max(LEAST_SLICES, min(MOST_SLICES, round(duration_s / SLICE_S)))


def slice_at(elapsed_s: float, duration_s: float) -> int:
    """The number, from 0, of the slice whose time it is; after the end one more than the last one's."""
    slices = slices_of(duration_s)
    if elapsed_s >= duration_s:
        return slices
    return min(slices - 1, max(0, math.floor(elapsed_s / duration_s * slices)))


def due_qty(order_qty: Decimal, done_qty: Decimal, elapsed_s: float, duration_s: float) -> Decimal:
    """What may be traded in the slice that begins now, given what is done or may still come of what was
    sent."""
    if elapsed_s >= duration_s:
        return max(ZERO, order_qty - done_qty)
    slices = slices_of(duration_s)
    behind = order_qty * (slice_at(elapsed_s, duration_s) + 1) / slices - done_qty
    return max(ZERO, min(behind, 2 * order_qty / slices))


def placeable_qty(due_qty: Decimal, left_qty: Decimal, least_qty: Decimal) -> Decimal:
    """What is due, of what is left, as orders of at least `least_qty`: no less, and with nothing left over
    that is less."""
    placed = max(due_qty, min(least_qty, left_qty))
    return left_qty if left_qty - placed < least_qty else placed


def next_slice_s(elapsed_s: float, duration_s: float) -> float:
    """Seconds until the next slice, or the end, begins; never so few that nothing would have changed."""
    slices = slices_of(duration_s)
    begins_s = (math.floor(elapsed_s / duration_s * slices) + 1) / slices * duration_s
    return max(SHORTEST_S, begins_s - elapsed_s)
