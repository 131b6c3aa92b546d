"""The kinds of breaks: what each one means, what is known at the venue, and what an operator does next.

Rule: every break is of one of these kinds, and every kind says all three. What the journal made of it
is said by the break itself: both numbers, corrected or not, and its note.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from mvx.domain.entries import BreakFound
from mvx.domain.text import typed


class BreakKind(StrEnum):
    MISSING_FILL = "missing_fill"
    PHANTOM_FILL = "phantom_fill"
    ORDER_STATE = "order_state"
    UNKNOWN_RESOLVED = "unknown_resolved"
    FOREIGN_ORDER = "foreign_order"
    FOREIGN_FILL = "foreign_fill"
    FILL_CONFLICT = "fill_conflict"
    OVERFILL = "overfill"
    LATE_FILL = "late_fill"
    BUST = "bust"
    BALANCE = "balance"
    POSITION = "position"


class Meaning(NamedTuple):
    """`next` is what to run, with the break's own {venue} and {asset} to be filled in."""

    means: str
    known: str
    next: str


_ORDERS, _FILLS = "mvx orders --venue {venue}", "mvx fills --venue {venue}"
_POSITIONS = "mvx positions --venue {venue}"

MEANINGS: dict[BreakKind, Meaning] = {
    BreakKind.MISSING_FILL: Meaning(
        "A trade of one of our orders that nobody here had heard of.",
        "the venue lists the trade on our order",
        _FILLS,
    ),
    BreakKind.PHANTOM_FILL: Meaning(
        "A fill was pushed and expected, and it never was.",
        "the venue's complete list of trades does not hold it as it was pushed",
        _ORDERS,
    ),
    BreakKind.ORDER_STATE: Meaning(
        "An order's state moved, and nobody here had moved it.",
        "the venue's own record of the order, where it goes on listing it as open too, or that it keeps none",
        _ORDERS,
    ),
    BreakKind.UNKNOWN_RESOLVED: Meaning(
        "An order whose outcome was not known: it was found at the venue, or proven never to have been.",
        "the venue's complete lists of orders and trades",
        _ORDERS,
    ),
    BreakKind.FOREIGN_ORDER: Meaning(
        "An order is at the venue that mvx did not send as it stands there.",
        "the venue lists the order on our account",
        "mvx orders --venue {venue} --open",
    ),
    BreakKind.FOREIGN_FILL: Meaning(
        "A trade of the account that no order of ours made.",
        "the venue lists the trade on our account",
        _POSITIONS,
    ),
    BreakKind.FILL_CONFLICT: Meaning(
        "One trade with two sets of numbers.",
        "the venue listed the trade with either set of numbers; the first one is booked",
        _FILLS,
    ),
    BreakKind.OVERFILL: Meaning(
        "An order filled for more than was ordered.",
        "the venue lists the trade on our order, beyond the order's quantity",
        _POSITIONS,
    ),
    BreakKind.LATE_FILL: Meaning(
        "An order filled after it was closed.",
        "the venue lists the trade on an order that it had reported as closed",
        _POSITIONS,
    ),
    BreakKind.BUST: Meaning(
        "The venue took a trade back.",
        "the venue lists the trade as taken back; a corrected one is listed under another id",
        _POSITIONS,
    ),
    BreakKind.BALANCE: Meaning(
        "A balance moved by a transfer, or without anything that explains it.",
        "the venue's own balance and its record of transfers",
        # It may be of an asset that no symbol names, which positions does not know.
        "mvx baseline show --venue {venue}",
    ),
    BreakKind.POSITION: Meaning(
        "A position moved, and no trade, order or transfer explains it.",
        "the venue's own balance, read twice",
        "mvx positions {asset} --venue {venue}; where it is inventory, mvx baseline set {venue} {asset} QTY",
    ),
}


def known_of(found: BreakFound) -> str:
    """What is known at the venue about a break."""
    return MEANINGS[BreakKind(found.kind)].known


def next_of(found: BreakFound, break_id: int | None) -> str:
    """What to run about a break: its kind's command; one that was left as it is waits for a human's word
    besides. break_id None: it was only looked at, and an ordinary pass is what writes it down."""
    if break_id is None:
        return f"mvx reconcile --venue {typed(found.venue)}"
    told = MEANINGS[BreakKind(found.kind)].next
    command = told.format(venue=typed(found.venue), asset=typed(found.asset or ""))
    return command if found.corrected else f"{command}; mvx breaks ack {break_id}"
