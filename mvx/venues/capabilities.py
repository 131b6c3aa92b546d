"""What a venue promises and when: one typed row per venue, data instead of branches.

Every promise of mvx about an order rests on these numbers, so they are journaled with the decisions
that used them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from mvx.domain.ids import Asset


@dataclass(frozen=True, slots=True)
class Capabilities:
    """timeout_s: how long one request may take. lateness_s: how long after a terminal state a fill
    may still appear. accept_lateness_s: how long after its deadline a request may still be accepted.
    listing_lag_s: how long the venue's lists may lag. clock_skew_s: how far its clock may be from
    ours. closed_orders_complete: its closed-order list covers every terminal state; where it does
    not, absence proves nothing. taker_bps None: unknown, and then not routable. extra_fee_assets:
    assets besides the quote in which a fee may be taken."""

    timeout_s: float
    lateness_s: float
    accept_lateness_s: float
    listing_lag_s: float
    clock_skew_s: float
    closed_orders_complete: bool
    taker_bps: Decimal | None
    extra_fee_assets: tuple[Asset, ...] = ()
