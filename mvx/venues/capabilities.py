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
    not, absence proves nothing. lists_transfers: deposits and withdrawals have a record of their own.
    streams: it pushes execution reports. taker_bps None: unknown, and then not routable. fee_in_base: a
    fee may be taken in the base asset, of a sell on top of what is sold (Kraken's oflags `fcib`).
    fee_tokens: further assets in which a fee may be taken, such as BNB."""

    timeout_s: float
    lateness_s: float
    accept_lateness_s: float
    listing_lag_s: float
    clock_skew_s: float
    closed_orders_complete: bool
    taker_bps: Decimal | None
    fee_in_base: bool = False
    fee_tokens: tuple[Asset, ...] = ()
    lists_transfers: bool = False
    streams: bool = False

    def fee_assets(self, base: Asset, quote: Asset) -> tuple[Asset, ...]:
        """Every asset in which a fee of this market may be taken."""
        own = (quote, base) if self.fee_in_base else (quote,)
        return tuple(dict.fromkeys((*own, *self.fee_tokens)))
