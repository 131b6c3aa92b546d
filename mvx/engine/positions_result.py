"""What `mvx positions` answers: plain values in the shape of the command line's contract.

Named tuples and a module of its own: a class costs a read-only command four times less that way, and
this one is asked all day.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from mvx.domain.ids import Asset, Venue


class PositionRow(NamedTuple):
    """One venue's holding of one asset. None: not bounded, or not known yet."""

    venue: Venue
    asset: Asset
    confirmed: Decimal | None
    expected: Decimal | None
    lo: Decimal | None
    hi: Decimal | None
    baseline: Decimal | None
    position: Decimal | None
    state: str
    open_orders: int
    settling_orders: int
    unknown_orders: int
    answered_age_s: float | None
    agreed_age_s: float | None


class TotalRow(NamedTuple):
    """`mark_px`: the last price seen, in the desk's currency, mark_age_s ago."""

    asset: Asset
    confirmed: Decimal | None
    expected: Decimal | None
    lo: Decimal | None
    hi: Decimal | None
    baseline: Decimal | None
    position: Decimal | None
    position_lo: Decimal | None
    position_hi: Decimal | None
    mark_px: Decimal | None
    notional: Decimal | None
    stale_venues: tuple[Venue, ...]
    mark_age_s: float | None


class BalanceRow(NamedTuple):
    """`free` is the worst case: the least the holding may be, less what is reserved by open orders."""

    venue: Venue
    asset: Asset
    total: Decimal | None
    free: Decimal | None
    reserved: Decimal | None


class PositionsResult(NamedTuple):
    positions: tuple[PositionRow, ...]
    totals: tuple[TotalRow, ...]
    balances: tuple[BalanceRow, ...]
