"""What risk is asked: children that are about to be committed, in the world as the journal holds it; and
what it answers.

Rule: the world is what one transaction reads. Nothing in it is an estimate, and a fill that no venue has
confirmed is known to it except as an order that could still fill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from mvx.domain.ids import Asset, ParentId, Venue
from mvx.domain.instant import Instant
from mvx.domain.instrument import Instrument
from mvx.domain.order import Order, Side
from mvx.domain.trading import TradingStates


@dataclass(frozen=True, slots=True)
class Holding:
    """What a venue has confirmed, and what of it is inventory and no position."""

    venue: Venue
    asset: Asset
    confirmed: Decimal
    baseline: Decimal


@dataclass(frozen=True, slots=True)
class WorkingParent:
    """A parent that a live worker still works: it reserves all it was admitted for.

    `leaves_qty` is its quantity less its confirmed fills, of `base`."""

    parent_id: ParentId
    base: Asset
    side: Side
    leaves_qty: Decimal


@dataclass(frozen=True, slots=True)
class World:
    """`orders`: all that are not settled, of every venue, foreign ones included. `prices`: what one of an
    asset is worth in the desk's currency, of bases and quotes. `trading`: what the operator decided, of the
    system and its venues. `bases`: the assets that are positions, by instrument. `sent_at`: when each order
    of the last minute was committed. `traded`: what was filled since 00:00 UTC, in each quote. `health`: the
    venues that list the instrument, and why one of them is not alive (empty: it is). `unknown`: the assets of
    which the desk holds nobody knows how much, and why."""

    at: Instant
    holdings: Mapping[tuple[Venue, Asset], Holding]
    orders: tuple[Order, ...]
    working: tuple[WorkingParent, ...]
    prices: Mapping[Asset, Decimal]
    trading: TradingStates
    bases: Mapping[str, Asset]
    sent_at: tuple[Instant, ...]
    traded: Mapping[Asset, Decimal]
    health: Mapping[Venue, str]
    unknown: Mapping[Asset, str]


class Priced(NamedTuple):
    """The book that a venue's children were planned on: its own mid, when it was read, and the instrument's
    quote per unit of the book's."""

    mid_px: Decimal
    rate: Decimal
    read_at: Instant


@dataclass(frozen=True, slots=True)
class Proposal:
    """Children of one parent, about to be committed.

    `parent_leaves_qty` is the parent's whole remaining quantity, these children included. `mid_px`: the
    consolidated mid in the instrument's quote. `flattening`: it leaves a venue, halted or not, and is judged
    by that venue's own position and book alone."""

    parent_id: ParentId
    instrument: Instrument
    side: Side
    parent_leaves_qty: Decimal
    children: tuple[Order, ...]
    mid_px: Decimal | None
    books: Mapping[Venue, Priced]
    flattening: bool = False

    def __post_init__(self) -> None:
        for child in self.children:
            if (child.parent_id, child.instrument, child.base, child.side) != (
                self.parent_id,
                self.instrument.name,
                self.instrument.base,
                self.side,
            ):
                raise ValueError(f"{child.cl_ord_id} is no child of {self.parent_id}")

    @property
    def venues(self) -> list[Venue]:
        """Where its children go."""
        return sorted({child.venue for child in self.children})


@dataclass(frozen=True, slots=True)
class Refusal:
    """One limit that the worst case would break; `worst_case` says in one sentence what made it.

    A sell's position is signed: value -12 against bound -10. A value of None has no bound, or can not be
    computed."""

    limit: str
    value: Decimal | None
    bound: Decimal
    worst_case: str
    venue: Venue | None = None


@dataclass(frozen=True, slots=True)
class Approved:
    children: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    refusals: tuple[Refusal, ...]
