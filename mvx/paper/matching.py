"""Matching, pure: an order against the levels of a book.

Rule: a fill has the price of the level that it takes; what fills in all is a multiple of the lot.
Invariants: never more than was asked for, never worse than the limit, FOK all or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal

from mvx.domain.book import Level
from mvx.domain.money import ONE, ZERO, floor_to
from mvx.domain.order import Side, TimeInForce
from mvx.domain.order_status import OrdStatus

_FEE_PLACES = Decimal("0.00000001")


def crossing(side: Side, limit_px: Decimal | None, levels: Sequence[Level]) -> tuple[Level, ...]:
    """The levels that an order of this side may take; limit None takes any."""
    if limit_px is None:
        return tuple(levels)
    return tuple(level for level in levels if crosses(side, limit_px, level.px))


def crosses(side: Side, limit_px: Decimal, opposite_px: Decimal) -> bool:
    """Whether an order at this limit would take what is offered at that price."""
    return (limit_px - opposite_px) * side.sign >= 0


def take(levels: Sequence[Level], qty: Decimal, lot: Decimal) -> tuple[Level, ...]:
    """What comes of walking the levels for at most qty, best first."""
    left = floor_to(min(qty, total(levels)), lot)
    taken = []
    for level in levels:
        if left <= 0:
            break
        part = min(level.qty, left)
        taken.append(Level(level.px, part))
        left -= part
    return tuple(taken)


def match(
    tif: TimeInForce, qty: Decimal, levels: Sequence[Level], lot: Decimal, *, partial: bool = False
) -> tuple[Level, ...]:
    """The executions of an arriving order on the levels that it crosses.

    partial: a fault; it fills only half of what it would have.
    """
    executions = take(levels, qty, lot)
    if partial:
        executions = take(executions, total(executions) / 2, lot)
    if tif is TimeInForce.FOK and total(executions) < qty:
        return ()
    return executions


def total(levels: Sequence[Level]) -> Decimal:
    return sum((level.qty for level in levels), ZERO)


def status_of(order_qty: Decimal, cum_qty: Decimal, *, rests: bool, killed: OrdStatus) -> OrdStatus:
    """An order's status after matching; `killed` is the venue's word for a remainder that can not rest."""
    if cum_qty == order_qty:
        return OrdStatus.FILLED
    if not rests:
        return killed
    return OrdStatus.PARTIALLY_FILLED if cum_qty else OrdStatus.NEW


def hold_of(
    side: Side, leaves: Decimal, limit_px: Decimal, fee_rate: Decimal, *, fee_in_base: bool = False
) -> Decimal:
    """What an order keeps from being spent: quote for a buy, base for a sell, with the fee where it is
    taken in that asset."""
    spent = leaves * limit_px if side is Side.BUY else leaves
    return spent * (ONE + fee_rate) if fee_in_base is (side is Side.SELL) else spent


def fee_of(traded: Decimal, fee_rate: Decimal) -> Decimal:
    """The fee on so much of an asset, cut to 8 places, so that it never exceeds its rate."""
    return (traded * fee_rate).quantize(_FEE_PLACES, ROUND_DOWN)
