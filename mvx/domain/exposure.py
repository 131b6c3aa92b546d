"""The interval: what a holding may be while orders are open, unknown or unsettled (DESIGN 4).

Promise: apart from activity that did not pass through mvx, and from busts, overfills and events
beyond a venue's declared lateness, the venue's true figure lies in [lo, hi] at every instant. What
can not be bounded is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from mvx.domain.ids import Asset
from mvx.domain.money import BPS, ZERO
from mvx.domain.order import Order, Side


@dataclass(frozen=True, slots=True)
class Interval:
    """lo <= the truth <= hi; None is unbounded."""

    lo: Decimal | None
    hi: Decimal | None

    def __add__(self, other: Interval) -> Interval:
        return Interval(_plus(self.lo, other.lo), _plus(self.hi, other.hi))

    def contains(self, value: Decimal) -> bool:
        return (self.lo is None or self.lo <= value) and (self.hi is None or value <= self.hi)

    @property
    def is_point(self) -> bool:
        return self.lo is not None and self.lo == self.hi


POINT_ZERO = Interval(ZERO, ZERO)
UNBOUNDED = Interval(None, None)


def point(value: Decimal) -> Interval:
    return Interval(value, value)


def _plus(a: Decimal | None, b: Decimal | None) -> Decimal | None:
    return None if a is None or b is None else a + b


def still_possible(order: Order) -> dict[Asset, Interval]:
    """What this order could still do to each asset of its venue, fees included.

    A buy spends at most its limit; a sell may fill above its limit, up to the venue's highest price.
    A fee in a third asset has no bound here. A fee never exceeds what a fill brings in.
    """
    qty = order.worst_qty
    if not qty:
        return {}
    rate = order.fee_bps / BPS
    base_fee = qty * rate if order.base in order.fee_assets else ZERO
    if order.side is Side.BUY:
        spent = qty * order.limit_px
        quote_fee = spent * rate if order.quote in order.fee_assets else ZERO
        possible = {
            order.base: Interval(ZERO, qty),
            order.quote: Interval(-(spent + quote_fee), ZERO),
        }
    else:
        most = None if order.max_px is None else qty * order.max_px
        possible = {
            order.base: Interval(-(qty + base_fee), ZERO),
            order.quote: Interval(ZERO, most),
        }
    for asset in order.fee_assets:
        possible.setdefault(asset, Interval(None, ZERO))
    return possible


def claimed(order: Order) -> dict[Asset, Decimal]:
    """Fills that were pushed, or that the venue's record of the order claims, and that its trades do
    not list yet: of the two accounts of the same fills the one that knows of more. Fees aside, which
    stand with the pushed fills themselves."""
    qty, notional = order.heard_qty, order.heard_notional
    standing_qty = order.cum_qty - order.busted_qty
    if order.claimed_qty > qty and order.avg_px is not None:
        qty, notional = order.claimed_qty, order.avg_px * standing_qty - order.filled_notional
    if not qty:
        return {}
    sign = order.side.sign
    return {order.base: sign * qty, order.quote: -sign * notional}


def holding(confirmed: Decimal, asset: Asset, orders: Iterable[Order]) -> Interval:
    """The interval of one venue's holding of an asset, given that venue's unsettled orders."""
    interval = point(confirmed)
    for order in orders:
        if (possible := still_possible(order).get(asset)) is not None:
            interval = interval + possible
    return interval
