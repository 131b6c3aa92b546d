"""One order, seen from three sides: as it is sent, as the venue reports it, as the journal knows it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from mvx.domain.changing import changer
from mvx.domain.ids import Asset, ClOrdId, OrderId, ParentId, Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.money import ZERO, round_px
from mvx.domain.order_status import TERMINAL, OrdStatus


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 where base comes in, -1 where it goes out."""
        return 1 if self is Side.BUY else -1


class TimeInForce(StrEnum):
    IOC = "ioc"
    FOK = "fok"
    GTC = "gtc"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A limit order as it is sent. `deadline` is the one absolute instant, never extended."""

    cl_ord_id: ClOrdId
    symbol: Symbol
    side: Side
    order_qty: Decimal
    limit_px: Decimal
    time_in_force: TimeInForce
    post_only: bool
    deadline: Instant


@dataclass(frozen=True, slots=True)
class Ack:
    """The venue accepted a request and named it."""

    order_id: OrderId


@dataclass(frozen=True, slots=True)
class OrderReport:
    """A venue's own record of one order at one moment.

    `cl_ord_id` is None where the order carries none. `ord_status` is NEW, PARTIALLY_FILLED or
    terminal. `avg_px` is None before the first fill.
    """

    order_id: OrderId
    cl_ord_id: ClOrdId | None
    symbol: Symbol
    side: Side
    order_qty: Decimal
    limit_px: Decimal | None
    cum_qty: Decimal
    avg_px: Decimal | None
    ord_status: OrdStatus
    created_at: Instant
    updated_at: Instant


@dataclass(frozen=True, slots=True)
class Order:
    """A child order as the journal knows it: its intent, and what the venue has confirmed since.

    cum_qty is what the venue's record claims; filled_qty and filled_notional are summed from the
    trades it has listed and not taken back, busted_qty from those that it took back; heard_qty and
    heard_notional from the fills that it pushed and has not listed. `fee_bps` is the worst rate a fill
    may cost, taken in one of `fee_assets`. An intent is `sending` from just before it is dispatched, unless
    nothing of it left: what is not can still be revoked, and then it is never sent.
    terminal_at is when we first heard of a terminal state, absent_since when a complete read first
    missed an order that was open or may have been, both on our clock.
    A foreign order (`parent_id` None) is one that mvx did not send and found open at the venue.
    """

    cl_ord_id: ClOrdId
    parent_id: ParentId | None
    venue: Venue
    account: str
    symbol: Symbol
    instrument: str
    base: Asset
    quote: Asset
    side: Side
    order_qty: Decimal
    limit_px: Decimal
    time_in_force: TimeInForce
    post_only: bool
    created_at: Instant
    deadline: Instant
    fee_bps: Decimal
    fee_assets: tuple[Asset, ...]
    max_px: Decimal | None
    sending: bool = True
    ord_status: OrdStatus = OrdStatus.PENDING_NEW
    unknown: bool = False
    settled: bool = False
    reason: str = ""
    order_id: OrderId | None = None
    cum_qty: Decimal = ZERO
    avg_px: Decimal | None = None
    filled_qty: Decimal = ZERO
    filled_notional: Decimal = ZERO
    busted_qty: Decimal = ZERO
    heard_qty: Decimal = ZERO
    heard_notional: Decimal = ZERO
    terminal_at: Instant | None = None
    absent_since: Instant | None = None

    @property
    def terminal(self) -> bool:
        return self.ord_status in TERMINAL

    @property
    def trades_complete(self) -> bool:
        """Terminal on the venue's record, with every trade it claims listed, busts included: some
        venues take them out of what the order claims, and some do not."""
        return self.terminal and self.filled_qty <= self.cum_qty <= self.filled_qty + self.busted_qty

    @property
    def worst_qty(self) -> Decimal:
        """What may still fill: held until settled (DESIGN 2.8), whatever the state says. Where the
        venue's record claims an overfill, what it claims."""
        most = max(self.order_qty + self.uncounted_qty, self.cum_qty, self.filled_qty + self.heard_qty)
        return ZERO if self.settled else most - self.filled_qty

    @property
    def residual_worst_qty(self) -> Decimal:
        """The same for its parent's residual, where a complete terminal child counts zero (I14), unless more
        of it was pushed than its trades list."""
        return ZERO if self.trades_complete and not self.heard_qty else self.worst_qty

    @property
    def claimed_qty(self) -> Decimal:
        """Filled by the venue's record of the order, and not yet listed as trades."""
        return max(ZERO, self.cum_qty - self.filled_qty - self.busted_qty)

    @property
    def uncounted_qty(self) -> Decimal:
        """Listed as trades, and not counted by the record that opened it again: taken back without a word."""
        return max(ZERO, self.filled_qty - self.cum_qty)

    @property
    def unanswered(self) -> bool:
        """Nobody was told yet that the venue has it, or that it has not; a cancel asked for meanwhile tells
        neither."""
        return self.order_id is None and not self.terminal

    @property
    def unsent(self) -> bool:
        """An intent that nobody has begun to send: it can be revoked."""
        return not self.sending and self.ord_status is OrdStatus.PENDING_NEW


def is_unknown(order: Order, now: Instant) -> bool:
    """Said so by its sender; or its sender never said, and the deadline is past."""
    return order.unknown or (order.unanswered and now >= order.deadline)


changed = changer(Order)


def average_px(order: Order) -> Decimal | None:
    """From the listed trades; before they are listed, from the venue's record."""
    return round_px(order.filled_notional / order.filled_qty) if order.filled_qty else order.avg_px
