"""The two sides of a comparison, and what the venue declares about its own lateness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from mvx.domain.entries import BreakFound, Entry
from mvx.domain.execution import Fill, FillKey, HeardFill, Transfer
from mvx.domain.ids import Asset, ClOrdId, Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.ledger import Anchor, Doubt
from mvx.domain.order import Order, OrderReport
from mvx.domain.postings import Posted


@dataclass(frozen=True, slots=True)
class Terms:
    """What the venue declares (see venues.capabilities), which markets the desk trades there, and in
    which assets a fee of each may be taken (the quote alone, where a market is not the desk's)."""

    lateness_s: float
    accept_lateness_s: float
    listing_lag_s: float
    clock_skew_s: float
    closed_orders_complete: bool
    fee_bps: Decimal
    fee_assets: Mapping[Symbol, tuple[Asset, ...]]
    instruments: Mapping[Symbol, str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One complete reading of a venue: open orders, closed orders since `since`, trades since then,
    transfers, balances, and trades and transfers once more. It began at `began_at` on our clock."""

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
    transfers_before: tuple[Transfer, ...] = ()
    transfers_after: tuple[Transfer, ...] = ()


@dataclass(frozen=True, slots=True)
class Ours:
    """What the journal holds of that venue, read in the transaction that will correct it.

    `orders`: the unsettled ones, and every one that the snapshot names. `recent`: fills, busts and
    transfers booked since the reading began, or listed only by its second half. `known`: the snapshot's
    fills that are booked; `known_busts`, `known_transfers` likewise (a bust by its fill's key, a transfer
    by its listing). `heard`: fills that were pushed and not listed yet. `expected`: orders that a live
    worker is at, whose fills and states are no surprise.
    """

    orders: tuple[Order, ...]
    known: Mapping[FillKey, Fill]
    recent: tuple[Posted, ...]
    holdings: Mapping[Asset, Decimal]
    anchors: tuple[Anchor, ...]
    doubts: Mapping[Asset, Doubt]
    known_break_refs: frozenset[str]
    last_read_began_at: Instant | None
    expected: frozenset[ClOrdId] = frozenset()
    known_busts: frozenset[FillKey] = frozenset()
    known_transfers: frozenset[str] = frozenset()
    heard: tuple[HeardFill, ...] = ()


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
