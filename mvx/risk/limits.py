"""What risk is asked, what it may know, and what it answers.

Rule: everything here is a value read inside the intent's own write transaction; nothing comes from the
reporting side, and nothing unconfirmed is known to it except as an order that could still fill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from mvx.domain.ids import Asset, ParentId, Venue
from mvx.domain.instrument import Instrument
from mvx.domain.order import Order, Side
from mvx.domain.trading import TradingStates


@dataclass(frozen=True, slots=True)
class Limits:
    """None or an absent key: no such limit. Position and order quantity in base by instrument name,
    notionals in the desk's currency."""

    max_position: Mapping[str, Decimal]
    max_order_qty: Mapping[str, Decimal]
    max_order_notional: Decimal | None
    max_venue_notional: Mapping[Venue, Decimal]
    max_open_orders: int | None
    max_unknown_orders: int | None


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

    `leaves_qty` is its quantity less its confirmed fills."""

    parent_id: ParentId
    instrument: str
    side: Side
    leaves_qty: Decimal


@dataclass(frozen=True, slots=True)
class World:
    """`orders`: all that are not settled, of every venue, foreign ones included. `prices`: instrument
    name to mid in the desk's currency. `trading`: what the operator decided, of the system and its venues."""

    holdings: Mapping[tuple[Venue, Asset], Holding]
    orders: tuple[Order, ...]
    working: tuple[WorkingParent, ...]
    prices: Mapping[str, Decimal]
    trading: TradingStates


@dataclass(frozen=True, slots=True)
class Proposal:
    """Children of one parent, about to be committed.

    `parent_leaves_qty` is the parent's whole remaining quantity, these children included.
    `notional_rates`: the desk's currency per unit of the venue's quote. `flattening`: it leaves a venue,
    halted or not, and is judged by that venue's own position alone."""

    parent_id: ParentId
    instrument: Instrument
    side: Side
    parent_leaves_qty: Decimal
    children: tuple[Order, ...]
    notional_rates: Mapping[Venue, Decimal]
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


@dataclass(frozen=True, slots=True)
class Refusal:
    """One limit that the worst case would break; `worst_case` says in one sentence what made it.

    A sell's position is signed: value -12 against bound -10."""

    limit: str
    value: Decimal
    bound: Decimal
    worst_case: str
    venue: Venue | None = None


@dataclass(frozen=True, slots=True)
class Approved:
    children: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    refusals: tuple[Refusal, ...]
