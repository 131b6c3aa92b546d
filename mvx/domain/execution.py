"""What a venue says happened: fills, trades it took back, transfers, and the reports it pushes.

Rule: each has a key that makes it count once, however often it is heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from mvx.domain.ids import Asset, ClOrdId, ExecId, OrderId, Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.order import Side
from mvx.domain.order_status import ExecType


class FillKey(NamedTuple):
    """What is unique about a fill. The side is part of it: a self-trade's two sides may share an
    exec_id (vnpy #3229). The epoch changes when a venue restarts its ids (a paper reset)."""

    venue: Venue
    account: str
    epoch: str
    symbol: Symbol
    side: Side
    exec_id: ExecId


def notional_of(qty: Decimal, price: Decimal, gross_trade_amt: Decimal | None) -> Decimal:
    """What a trade moved in quote (see Fill)."""
    return qty * price if gross_trade_amt is None else gross_trade_amt


@dataclass(frozen=True, slots=True)
class Fill:
    """`qty` in base, `price` and notional in quote, the fee in its own asset (positive: paid).

    busted_at: when the venue took the trade back, on its own clock; None while it stands. Venues mark the
    trade (Gemini `break`) or add a reversal to it (Coinbase `trade_type` REVERSAL); a corrected trade is
    one taken back and another one with an exec_id of its own, as FIX has it (ExecTransType 1 and 2).
    gross_trade_amt: what moved in quote, where the venue cuts quantity times price to that asset's digits;
    None where it is just that.
    """

    venue: Venue
    account: str
    epoch: str
    symbol: Symbol
    side: Side
    exec_id: ExecId
    order_id: OrderId
    qty: Decimal
    price: Decimal
    fee_asset: Asset
    fee_amount: Decimal
    at: Instant
    busted_at: Instant | None = None
    gross_trade_amt: Decimal | None = None

    @property
    def key(self) -> FillKey:
        return FillKey(self.venue, self.account, self.epoch, self.symbol, self.side, self.exec_id)

    @property
    def listing(self) -> str:
        """What tells this fill from the others of its venue's account, as one text: ids may be counted
        per market."""
        return f"{self.epoch}/{self.symbol}/{self.side.value}/{self.exec_id}"

    @property
    def bust_listing(self) -> str:
        """The same for its being taken back, which is an event of its own."""
        return f"{self.listing}/bust"

    @property
    def notional(self) -> Decimal:
        return notional_of(self.qty, self.price, self.gross_trade_amt)


@dataclass(frozen=True, slots=True)
class Transfer:
    """A deposit, or where the amount is negative a withdrawal, as the venue's record lists it. undated: the
    record does not say when it moved, only that it was not before `at`."""

    venue: Venue
    account: str
    epoch: str
    transfer_id: str
    asset: Asset
    amount: Decimal
    at: Instant
    undated: bool = False

    @property
    def listing(self) -> str:
        return f"{self.epoch}/transfer/{self.transfer_id}"

    @property
    def kind(self) -> str:
        return "withdrawal" if self.amount < 0 else "deposit"


class HeardFill(NamedTuple):
    """A fill of an order of ours that a venue pushed and has not listed yet, and when, on our clock."""

    cl_ord_id: ClOrdId
    fill: Fill
    heard_at: Instant


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """What a venue pushed about one order of ours. `fill` is None where the report is about none.

    A claim and no more: it may come twice, late, out of order or never, and the venue's record
    supersedes it.
    """

    venue: Venue
    cl_ord_id: ClOrdId
    order_id: OrderId
    symbol: Symbol
    side: Side
    exec_type: ExecType
    fill: Fill | None
    at: Instant
