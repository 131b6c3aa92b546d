"""What `mvx venue-status` answers: plain values in the shape of the command line's contract."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from mvx.domain.ids import Venue
from mvx.domain.instant import Instant


class VenueStatusRow(NamedTuple):
    """One venue. None: not known, or never. `health` is what the venue does, `trading` what an operator
    allows there, the stricter of the whole desk's and the venue's own. `since` is the health's; a venue
    that never left its first state has none. clock_skew_ms: its clock less ours. rate_limit_used: the share
    of a live venue's scarcest budget of requests that is used now, of 1."""

    venue: Venue
    health: str
    trading: str
    reason: str
    since: Instant | None
    latency_ms: float | None
    error_rate: float | None
    rate_limit_used: float | None
    book_age_s: float | None
    stream: str
    answered_age_s: float | None
    agreed_age_s: float | None
    unknown_orders: int
    taker_bps: Decimal | None
    clock_skew_ms: float | None


class VenueStatusResult(NamedTuple):
    venues: tuple[VenueStatusRow, ...]
