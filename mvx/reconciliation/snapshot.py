"""The two sides of a comparison, and what the venue declares about its own lateness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from mvx.domain.entries import BreakFound, Entry, FillBooked
from mvx.domain.execution import Fill, FillKey
from mvx.domain.ids import Asset, ClOrdId, Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.ledger import Anchor, Doubt
from mvx.domain.order import Order, OrderReport


@dataclass(frozen=True, slots=True)
class Terms:
    """What the venue declares (see venues.capabilities) and which markets the desk trades there."""

    lateness_s: float
    accept_lateness_s: float
    listing_lag_s: float
    clock_skew_s: float
    closed_orders_complete: bool
    fee_bps: Decimal
    extra_fee_assets: tuple[Asset, ...]
    instruments: Mapping[Symbol, str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One complete reading of a venue: open orders, closed orders since `since`, trades since then,
    balances, and the trades once more. It began at `began_at` on our clock."""

    venue: Venue
    account: str
    began_at: Instant
    since: Instant
    open_orders: tuple[OrderReport, ...]
    closed_orders: tuple[OrderReport, ...]
    trades_before: tuple[Fill, ...]
    balances_at: Instant
    totals: Mapping[Asset, Decimal]
    trades_after: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class Ours:
    """What the journal holds of that venue, read in the transaction that will correct it.

    `orders`: the unsettled ones, and every one that the snapshot names. `recent`: fills booked since
    the reading began, or listed only by its second reading of the trades. `known`: the snapshot's fills
    that are booked. `expected`: orders that a live worker is at, whose fills and states are no surprise.
    """

    orders: tuple[Order, ...]
    known: Mapping[FillKey, Fill]
    recent: tuple[FillBooked, ...]
    holdings: Mapping[Asset, Decimal]
    anchors: tuple[Anchor, ...]
    doubts: Mapping[Asset, Doubt]
    known_break_refs: frozenset[str]
    last_read_began_at: Instant | None
    expected: frozenset[ClOrdId] = frozenset()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to write: corrections, and the break that says why, if it is one."""

    corrections: tuple[Entry, ...]
    found: BreakFound | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`agreed`: every balance equals its postings. `pending`: why the pass proves less than it could.
    `unjoined`: a listed trade was not booked, so the next reading must reach back to it."""

    findings: tuple[Finding, ...]
    agreed: bool
    pending: tuple[str, ...]
    unjoined: bool
