"""The entries that move holdings, seen as one kind of thing: an event of the venue with its movements."""

from __future__ import annotations

from mvx.domain.entries import FillBooked, FillBusted, TransferBooked
from mvx.domain.ids import Venue
from mvx.domain.instant import Instant
from mvx.domain.ledger import Movement, booked_movements, busted_movements, transferred_movements

Posted = FillBooked | FillBusted | TransferBooked


def movements_of(posted: Posted) -> tuple[Movement, ...]:
    """What it does to its venue's holdings, each absorbed part followed by its exact opposite."""
    match posted:
        case FillBooked():
            return booked_movements(posted.fill, posted.base, posted.quote, posted.absorbed)
        case FillBusted():
            return busted_movements(posted.fill, posted.base, posted.quote, posted.absorbed)
        case TransferBooked():
            return transferred_movements(posted.transfer, posted.absorbed)


def listing_of(posted: Posted) -> str:
    """What tells this event from the others of its venue's account."""
    match posted:
        case FillBooked():
            return posted.fill.listing
        case FillBusted():
            return posted.fill.bust_listing
        case TransferBooked():
            return posted.transfer.listing


def happened_at(posted: Posted) -> Instant:
    """When it happened, on the venue's clock."""
    match posted:
        case FillBooked():
            return posted.fill.at
        case FillBusted():
            return posted.fill.at if posted.fill.busted_at is None else posted.fill.busted_at
        case TransferBooked():
            return posted.transfer.at


def venue_of(posted: Posted) -> Venue:
    return posted.transfer.venue if isinstance(posted, TransferBooked) else posted.fill.venue
