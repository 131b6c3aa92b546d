"""The limits that an operator sets: read from the configuration, checked by risk.

Rule: None or an absent key is no such limit. Notionals are in the desk's currency, positions and order
quantities in base by instrument name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from mvx.domain.ids import Venue

#: What `max_orders_per_minute` looks back on.
ORDER_RATE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`max_daily_turnover` is of one UTC day. `price_collar_bps`: how far beyond the mid an order may be
    limited. `min_venues_alive`: of those that list the instrument."""

    max_position: Mapping[str, Decimal] = field(default_factory=dict)
    max_position_notional: Mapping[str, Decimal] = field(default_factory=dict)
    max_gross_notional: Decimal | None = None
    max_order_qty: Mapping[str, Decimal] = field(default_factory=dict)
    max_order_notional: Decimal | None = None
    max_venue_notional: Mapping[Venue, Decimal] = field(default_factory=dict)
    max_open_orders: int | None = None
    max_unknown_orders: int | None = None
    max_orders_per_minute: int | None = None
    max_daily_turnover: Decimal | None = None
    price_collar_bps: Decimal | None = None
    max_book_age_s: float = 5.0
    min_venues_alive: int | None = None

    def within_collar(self, slippage_bps: Decimal) -> Decimal:
        """How far from the mid it makes sense to go: what reaches beyond the collar is refused."""
        return slippage_bps if self.price_collar_bps is None else min(slippage_bps, self.price_collar_bps)
