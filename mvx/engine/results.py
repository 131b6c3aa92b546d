"""What each use case returns: plain values that one function renders as a table or as JSON.

Field names and shapes are the contract of the command line (`data` of the JSON envelope). Decimals
are exact, instants end in `at` or `since`, ages end in `_s`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from mvx.domain.ids import Asset, ClOrdId, ExecId, JobId, OrderId, ParentId, Symbol, Venue
from mvx.domain.instant import Instant


@dataclass(frozen=True, slots=True)
class ChildRow:
    cl_ord_id: ClOrdId
    order_id: OrderId | None
    venue: Venue
    order_qty: Decimal
    cum_qty: Decimal
    avg_px: Decimal | None
    ord_status: str
    unknown: bool
    settled: bool
    reason: str


@dataclass(frozen=True, slots=True)
class OrderRow:
    cl_ord_id: ClOrdId
    order_id: OrderId | None
    parent_id: ParentId | None
    venue: Venue
    instrument: str
    side: str
    order_qty: Decimal
    limit_px: Decimal
    cum_qty: Decimal
    avg_px: Decimal | None
    ord_status: str
    unknown: bool
    settled: bool
    reason: str
    created_at: Instant


@dataclass(frozen=True, slots=True)
class FeeRow:
    asset: Asset
    amount: Decimal


@dataclass(frozen=True, slots=True)
class FillRow:
    """`taken_back`: a bust; it moves nothing any more."""

    venue: Venue
    symbol: Symbol
    side: str
    exec_id: ExecId
    order_id: OrderId
    cl_ord_id: ClOrdId | None
    qty: Decimal
    price: Decimal
    fee: FeeRow
    at: Instant
    confirmed: bool
    taken_back: bool


@dataclass(frozen=True, slots=True)
class LegRow:
    """`limit_px` and `expected_px` in the symbol's own quote, `all_in_px` in the instrument's."""

    venue: Venue
    symbol: Symbol
    qty: Decimal
    limit_px: Decimal
    expected_px: Decimal
    fee_bps: Decimal
    all_in_px: Decimal
    why: str


@dataclass(frozen=True, slots=True)
class SkippedRow:
    venue: Venue
    why: str


@dataclass(frozen=True, slots=True)
class BestSingleVenue:
    venue: Venue
    all_in_px: Decimal


@dataclass(frozen=True, slots=True)
class PlanRow:
    legs: tuple[LegRow, ...]
    skipped: tuple[SkippedRow, ...]
    best_single_venue: BestSingleVenue | None
    saving_bps: Decimal | None


@dataclass(frozen=True, slots=True)
class RouteResult:
    parent_id: ParentId | None
    id: str | None
    instrument: str
    side: str
    order_qty: Decimal
    cum_qty: Decimal
    leaves_qty: Decimal
    avg_px: Decimal | None
    fees: Mapping[Asset, Decimal]
    all_in_px: Decimal | None
    arrival_px: Decimal | None
    slippage_bps: Decimal | None
    status: str
    plan: PlanRow | None
    children: tuple[ChildRow, ...]
    rounds: int
    job_id: JobId | None = None
    planned_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a leader did until it was stopped: jobs answered, passes made, breaks found in them."""

    jobs: int
    passes: int
    breaks: int
    ran_s: float


@dataclass(frozen=True, slots=True)
class CheckedRow:
    orders: int
    fills: int
    balances: int


@dataclass(frozen=True, slots=True)
class VenuePassRow:
    venue: Venue
    complete: bool
    agreed: bool
    checked: CheckedRow
    breaks: int
    took_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReconcileResult:
    venues: tuple[VenuePassRow, ...]


@dataclass(frozen=True, slots=True)
class CancelRow:
    cl_ord_id: ClOrdId
    venue: Venue
    ord_status: str
    cum_qty: Decimal
    outcome: str


@dataclass(frozen=True, slots=True)
class CancelResult:
    orders: tuple[CancelRow, ...]


@dataclass(frozen=True, slots=True)
class FlattenRow:
    """`before` and `after`: position by base asset (holding less baseline; None: the venue was never read).
    `dust`: what is left and too small for any order there. `plan`: the first slices, and `to_cancel` the
    orders to cancel, as they were before anything was done. `verified`: on the venue's own record; None where
    nothing was done (a dry run). `reason`: why more than dust is left, or why it is not verified."""

    venue: Venue
    before: Mapping[Asset, Decimal | None]
    after: Mapping[Asset, Decimal | None]
    dust: Mapping[Asset, Decimal]
    cancelled: tuple[ClOrdId, ...]
    children: tuple[ChildRow, ...]
    verified: bool | None
    reason: str
    to_cancel: tuple[ClOrdId, ...]
    plan: tuple[LegRow, ...]


@dataclass(frozen=True, slots=True)
class FlattenResult:
    venues: tuple[FlattenRow, ...]


@dataclass(frozen=True, slots=True)
class TradingRow:
    """What was decided about the system; None: nothing ever was, and it is ACTIVE."""

    trading: str
    reason: str
    by: str | None
    since: Instant | None


@dataclass(frozen=True, slots=True)
class VenueTradingRow:
    """The same about a venue. `in_force`: what rules there, the system's state included."""

    venue: Venue
    trading: str
    in_force: str
    reason: str
    by: str | None
    since: Instant | None


@dataclass(frozen=True, slots=True)
class TradingResult:
    """`revoked`: intents that will never be sent now. `working`: orders of ours, of what was named, that a
    halt leaves alone."""

    system: TradingRow
    venues: tuple[VenueTradingRow, ...]
    revoked: tuple[ClOrdId, ...]
    working: tuple[ClOrdId, ...]


@dataclass(frozen=True, slots=True)
class BaselineRow:
    """`position` = holding - baseline. None: the venue was never read."""

    venue: Venue
    asset: Asset
    baseline: Decimal | None
    holding: Decimal | None
    position: Decimal | None


@dataclass(frozen=True, slots=True)
class BaselinesResult:
    baselines: tuple[BaselineRow, ...]


@dataclass(frozen=True, slots=True)
class BaselineSetResult:
    venue: Venue
    asset: Asset
    holding: Decimal
    baseline_before: Decimal
    baseline: Decimal
    position_before: Decimal
    position: Decimal


@dataclass(frozen=True, slots=True)
class KnownBreak:
    """A break as it was found, and who has seen it since. Open: neither corrected nor acknowledged."""

    id: int
    venue: Venue
    kind: str
    asset: Asset | None
    cl_ord_id: ClOrdId | None
    exec_id: ExecId | None
    ours: str
    theirs: str
    corrected: bool
    at: Instant
    note: str
    known: str
    next: str
    acked_at: Instant | None
    acked_by: str | None


@dataclass(frozen=True, slots=True)
class BreaksResult:
    breaks: tuple[KnownBreak, ...]


@dataclass(frozen=True, slots=True)
class OrdersResult:
    orders: tuple[OrderRow, ...]


@dataclass(frozen=True, slots=True)
class FillsResult:
    fills: tuple[FillRow, ...]
