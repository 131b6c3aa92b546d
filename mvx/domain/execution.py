"""One fill as the venue's record lists it, and the key that makes it count once."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from mvx.domain.ids import Asset, ExecId, OrderId, Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.order import Side


class FillKey(NamedTuple):
    """What is unique about a fill. The side is part of it: a self-trade's two sides may share an
    exec_id (vnpy #3229). The epoch changes when a venue restarts its ids (a paper reset)."""

    venue: Venue
    account: str
    epoch: str
    symbol: Symbol
    side: Side
    exec_id: ExecId


@dataclass(frozen=True, slots=True)
class Fill:
    """`qty` in base, `price` and notional in quote, the fee in its own asset (positive: paid)."""

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

    @property
    def key(self) -> FillKey:
        return FillKey(self.venue, self.account, self.epoch, self.symbol, self.side, self.exec_id)

    @property
    def listing(self) -> str:
        """What tells this fill from the others of its venue's account, as one text: ids may be counted
        per market."""
        return f"{self.epoch}/{self.symbol}/{self.side.value}/{self.exec_id}"

    @property
    def notional(self) -> Decimal:
        return self.qty * self.price
