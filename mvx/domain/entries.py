"""The entries of the journal's log: everything that was decided, heard or concluded.

All state is a fold of them, so an entry carries every number that went into a timed decision: the
fold needs neither clock nor file. What an entry means to an order is in order_life.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from mvx.domain.execution import ExecutionReport, Fill, Transfer
from mvx.domain.ids import Asset, ClOrdId, ExecId, JobId, OrderId, ParentId, Venue
from mvx.domain.instant import Instant
from mvx.domain.order import Order, OrderReport, Side
from mvx.domain.trading import TradingState


@dataclass(frozen=True, slots=True)
class JournalOpened:
    """The journal was made; its epoch tells it from every other."""

    epoch: str
    mode: str


@dataclass(frozen=True, slots=True)
class JournalRestored:
    """This is not the journal that was last written here, but an older state or a copy, and `why` we know.
    What happened in between is not in it. It is another journal from here on, so its epoch is another."""

    epoch: str
    why: str


@dataclass(frozen=True, slots=True)
class Opening:
    """First contact with a venue: what it held, and the trades, busts and transfers (their `listing`)
    that it listed then."""

    venue: Venue
    account: str
    at: Instant
    balances: Mapping[Asset, Decimal]
    baseline: Mapping[Asset, Decimal]
    listed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParentOpened:
    """`params` is the canonical text of what was asked for; `key` the operator's idempotency key."""

    parent_id: ParentId
    key: str | None
    params: str
    instrument: str
    side: Side
    order_qty: Decimal


@dataclass(frozen=True, slots=True)
class ParentClosed:
    """The parent's worker is done with it; `result` is the JSON of what it answered. Empty: its worker
    went with the journal that was here before."""

    parent_id: ParentId
    status: str
    result: str


@dataclass(frozen=True, slots=True)
class ParentResumed:
    """Another worker goes on with a parent whose first one died or was stopped."""

    parent_id: ParentId
    by: str


@dataclass(frozen=True, slots=True)
class JobQueued:
    """Work handed over to whoever leads: `params` is the JSON of what was asked for."""

    job_id: JobId
    kind: str
    params: str
    by: str


@dataclass(frozen=True, slots=True)
class JobClaimed:
    """The leader has begun it: nobody else executes it from here on, until the next leader does."""

    job_id: JobId
    by: str


@dataclass(frozen=True, slots=True)
class JobEnded:
    """It is done; `answer` is the JSON of what it came to. Empty: it was open in a journal that was put
    back or copied, and nobody goes on with it."""

    job_id: JobId
    answer: str


@dataclass(frozen=True, slots=True)
class JobWithdrawn:
    """Whoever queued it, or a leader that came too late to it, took it back before anybody began it."""

    job_id: JobId
    by: str


@dataclass(frozen=True, slots=True)
class Intended:
    """An order that is about to be sent, durable before a byte of it leaves."""

    order: Order


@dataclass(frozen=True, slots=True)
class Sending:
    """Its dispatch begins now: from here on it can not be revoked any more."""

    cl_ord_id: ClOrdId


@dataclass(frozen=True, slots=True)
class Revoked:
    """An intent that nobody had begun to send was given up, and will never be sent."""

    cl_ord_id: ClOrdId
    reason: str


@dataclass(frozen=True, slots=True)
class ForeignOrderFound:
    """An open order at the venue that mvx did not send; its key is made from the venue's own id."""

    order: Order


@dataclass(frozen=True, slots=True)
class CountedBefore:
    """So much of what an order filled is in the balances, of first contact or as they were adjusted: its
    record claims it, no list shows it, and every balance agrees without it."""

    cl_ord_id: ClOrdId
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Acked:
    cl_ord_id: ClOrdId
    order_id: OrderId


@dataclass(frozen=True, slots=True)
class Rejected:
    cl_ord_id: ClOrdId
    reason: str


@dataclass(frozen=True, slots=True)
class NeverLeft:
    """Its sending began, and nothing of it left this machine."""

    cl_ord_id: ClOrdId
    reason: str


@dataclass(frozen=True, slots=True)
class OutcomeLost:
    cl_ord_id: ClOrdId
    reason: str


@dataclass(frozen=True, slots=True)
class CancelRequested:
    cl_ord_id: ClOrdId


@dataclass(frozen=True, slots=True)
class CancelRejected:
    """The venue refused every cancel that was asked for, or nothing of it left: none is pending."""

    cl_ord_id: ClOrdId
    reason: str


@dataclass(frozen=True, slots=True)
class Reported:
    """The venue's record of the order, where it taught us something."""

    cl_ord_id: ClOrdId
    report: OrderReport


@dataclass(frozen=True, slots=True)
class Reopened:
    """The venue still lists as open, when nothing could be late any more, what was thought done."""

    cl_ord_id: ClOrdId
    report: OrderReport


@dataclass(frozen=True, slots=True)
class Heard:
    """The venue pushed a report about an order of ours: a claim, until its record confirms it."""

    report: ExecutionReport


@dataclass(frozen=True, slots=True)
class PhantomDropped:
    """A fill that was pushed and that the venue's complete record does not hold: it never was."""

    cl_ord_id: ClOrdId
    fill: Fill


@dataclass(frozen=True, slots=True)
class FillBooked:
    """One trade of the venue's record. `absorbed` names, per asset, the opening or adjustment that
    counted this trade's effect already: there the exact opposite is posted beside it."""

    fill: Fill
    base: Asset
    quote: Asset
    cl_ord_id: ClOrdId | None
    absorbed: Mapping[Asset, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FillBusted:
    """The venue took a trade back. The fill need not have been booked: first contact may have counted
    it. `absorbed` as in FillBooked."""

    fill: Fill
    base: Asset
    quote: Asset
    cl_ord_id: ClOrdId | None
    absorbed: Mapping[Asset, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TransferBooked:
    """A deposit or withdrawal of the venue's record; the baseline moves with it, so that the position
    does not. `absorbed` as in FillBooked; an opening that counted it has it in its baseline already, and so
    has an adjustment (in_baseline) after which the baseline was set."""

    transfer: Transfer
    absorbed: Mapping[Asset, str] = field(default_factory=dict)
    in_baseline: bool = False


@dataclass(frozen=True, slots=True)
class BaselineSet:
    """The operator says how much of a holding is inventory and no position."""

    venue: Venue
    asset: Asset
    qty: Decimal
    by: str


@dataclass(frozen=True, slots=True)
class TradingSet:
    """A human, or a flatten, halted or resumed a venue, or the whole system (venue None)."""

    venue: Venue | None
    state: TradingState
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class BreakAcked:
    """A human has seen a break."""

    ref: str
    by: str


@dataclass(frozen=True, slots=True)
class FoundAbsent:
    """A complete read, of the open orders by read_at, did not list an order that may have been open."""

    cl_ord_id: ClOrdId
    read_at: Instant


@dataclass(frozen=True, slots=True)
class NeverAccepted:
    """Proof by absence, or a human's word. The read began at read_at, not before bound_at = deadline
    + clock skew + accept lateness + listing lag."""

    cl_ord_id: ClOrdId
    by: str
    read_at: Instant
    bound_at: Instant


@dataclass(frozen=True, slots=True)
class Settled:
    """Terminal at terminal_at, trades complete in a read that began lateness_s later or after."""

    cl_ord_id: ClOrdId
    terminal_at: Instant
    lateness_s: float
    read_at: Instant


@dataclass(frozen=True, slots=True)
class BalanceDoubted:
    """A balance differs and nothing explains it yet, or does not tell yet what is in it: left open until a
    second, later read."""

    venue: Venue
    asset: Asset
    ours: Decimal
    theirs: Decimal
    read_at: Instant


@dataclass(frozen=True, slots=True)
class BalanceAgreed:
    """A doubted balance agrees again."""

    venue: Venue
    asset: Asset


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The holding moves to the venue's balance as of `at`; `listed` are the trades, busts and transfers
    that were booked."""

    venue: Venue
    account: str
    asset: Asset
    amount: Decimal
    at: Instant
    listed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BreakFound:
    """A difference found by reconciliation, with both numbers. `ref` makes it one: the same
    difference seen again is not another break."""

    ref: str
    venue: Venue
    kind: str
    asset: Asset | None
    cl_ord_id: ClOrdId | None
    exec_id: ExecId | None
    ours: str
    theirs: str
    corrected: bool
    note: str


_OfTheJournal = JournalOpened | JournalRestored | Opening
_OfParents = ParentOpened | ParentClosed | ParentResumed | JobQueued | JobClaimed | JobEnded | JobWithdrawn
_OfOrders = (
    Intended
    | Sending
    | Revoked
    | ForeignOrderFound
    | CountedBefore
    | Acked
    | Rejected
    | NeverLeft
    | OutcomeLost
    | CancelRequested
    | CancelRejected
    | Reported
    | Reopened
    | Heard
    | FoundAbsent
    | NeverAccepted
    | Settled
)
_OfTheRecord = PhantomDropped | FillBooked | FillBusted | TransferBooked | BalanceDoubted | BalanceAgreed
_OfHumans = BaselineSet | TradingSet | BreakAcked
Entry = _OfTheJournal | _OfParents | _OfOrders | _OfTheRecord | _OfHumans | Adjusted | BreakFound
