"""The two sides of a comparison, and what the venue declares about its own lateness."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from mvx.domain.entries import BreakFound, Entry, FillBooked
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
    closed_kept_s: float | None
    fee_bps: Decimal
    fee_assets: Mapping[Symbol, tuple[Asset, ...]]
    instruments: Mapping[Symbol, str]
    transfer_step_s: float = 0.0
    balances_span_s: float = 0.0


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

    @property
    def trades(self) -> tuple[Fill, ...]:
        """Both readings of them, in which a trade may be twice."""
        return self.trades_before + self.trades_after

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """Both readings of them, likewise."""
        return self.transfers_before + self.transfers_after

    @property
    def moved_meanwhile(self) -> bool:
        """Whether the second lists show other events than the first."""
        trades, transfers = set(self.trades_before), set(self.transfers_before)
        return trades != set(self.trades_after) or transfers != set(self.transfers_after)

    @property
    def busts(self) -> dict[FillKey, Fill]:
        """The trades that it shows as taken back, in one of their readings at least."""
        return {fill.key: fill for fill in self.trades if fill.busted_at is not None}

    @property
    def times(self) -> tuple[Instant, ...]:
        """Of all that it lists to have happened."""
        traded = (fill.at for fill in self.trades)
        busted = (fill.busted_at for fill in self.trades if fill.busted_at is not None)
        moved = (transfer.at for transfer in self.transfers)
        return (*traded, *busted, *moved)

    @property
    def oldest_at(self) -> Instant:
        """Nothing that it lists happened before: an anchor that is older absorbs none of it."""
        return min((self.since, *self.times))


@dataclass(frozen=True, slots=True)
class Ours:
    """What the journal holds of that venue, read in the transaction that will correct it.

    `orders`: the unsettled ones, and every one that the snapshot names. `recent`: fills, busts and
    transfers booked since the reading began, or listed only by its second half. `anchors`: the opening,
    and the adjustments made since the snapshot's oldest_at, or in the minute before. `known`: the
    snapshot's fills that are booked; `known_busts`, `known_transfers` likewise (a bust by its fill's key,
    shown as taken back or not; a transfer by its listing); `taken_back`: how those were booked that the
    snapshot shows as taken back. `heard`: fills that were pushed and not listed yet. `expected`: orders that
    a live worker is at, whose fills and states are no surprise.
    """

    orders: tuple[Order, ...]
    known: Mapping[FillKey, Fill]
    recent: tuple[Posted, ...]
    holdings: Mapping[Asset, Decimal]
    anchors: tuple[Anchor, ...]
    doubts: Mapping[Asset, Doubt]
    last_read_began_at: Instant | None
    expected: frozenset[ClOrdId] = frozenset()
    known_busts: frozenset[FillKey] = frozenset()
    taken_back: Mapping[FillKey, FillBooked] = field(default_factory=dict)
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
    `reach_back`: a listed trade or transfer was not booked, or a trade that a record claims is not listed
    yet, so the next reading must reach as far back as this one.

    A break that was said before is among the findings again: see `unsaid`."""

    findings: tuple[Finding, ...]
    agreed: bool
    pending: tuple[str, ...]
    reach_back: bool

    @property
    def refs(self) -> tuple[str, ...]:
        """What its breaks are called."""
        return tuple(each.found.ref for each in self.findings if each.found is not None)

    def unsaid(self, known_refs: Collection[str]) -> Comparison:
        """Without the breaks that the journal holds: one difference is one break, however often it is
        seen. What they correct stays."""
        new = (
            Finding(each.corrections) if each.found is not None and each.found.ref in known_refs else each
            for each in self.findings
        )
        return replace(self, findings=tuple(each for each in new if each.corrections or each.found))
