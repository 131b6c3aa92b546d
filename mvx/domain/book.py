"""A venue's order book at one moment."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from mvx.domain.ids import Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.money import bounded
from mvx.domain.order import Side
from mvx.errors import BadVenueData


class Level(NamedTuple):
    px: Decimal
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """Bids and asks, best first. `at` is when it was read. Build it through `checked_book`."""

    venue: Venue
    symbol: Symbol
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    at: Instant

    @property
    def mid(self) -> Decimal:
        return (self.bids[0].px + self.asks[0].px) / 2

    def against(self, side: Side) -> tuple[Level, ...]:
        """The levels that an order of this side takes, best first."""
        return self.asks if side is Side.BUY else self.bids


def checked_book(book: Book) -> Book:
    """The book, if it can be true. Raises BadVenueData where a side is empty, the book is crossed,
    a level is not positive, finite and short, or the levels are not in order."""
    for name, levels, step in (("bids", book.bids, -1), ("asks", book.asks, 1)):
        if not levels:
            raise BadVenueData(f"{book.venue} {book.symbol}: no {name}")
        for level in levels:
            if not (bounded(level.px) and bounded(level.qty) and level.px > 0 and level.qty > 0):
                raise BadVenueData(f"{book.venue} {book.symbol}: no positive number in {name}")
        if any((b.px - a.px) * step <= 0 for a, b in itertools.pairwise(levels)):
            raise BadVenueData(f"{book.venue} {book.symbol}: {name} out of order")
    if book.bids[0].px >= book.asks[0].px:
        raise BadVenueData(f"{book.venue} {book.symbol}: crossed book")
    return book
