"""The faults that desks are put under in these tests, and how long those that last do."""

from __future__ import annotations

import itertools
from decimal import Decimal
from pathlib import Path

from mvx.config.settings import VenueSettings
from mvx.domain.ids import Asset, Venue
from mvx.paper.exchange import FAULT_KINDS
from tests.engine.truth import At
from tests.paper.builders import venue_settings

#: What the venue takes back is exogenous to the interval until it is read: it has tests of its own.
BUST = "bust"
KINDS = tuple(kind for kind in FAULT_KINDS if kind != BUST)
#: Under these every call fails, or every private one: they take a time. clock-skew, base-fee and token-fee
#: last as well, and nothing fails under them.
DARK = ("outage", "hang", "maintenance", "key-revoked")
#: Each shapes the one request that it hits; with a time they hit reads too.
REQUEST_KINDS = KINDS[: KINDS.index("no-id") + 1]
#: One of each sort: to a desk a broken answer is like another.
SORTS = tuple(
    kind
    for kind in KINDS
    if kind not in ("reset-after", "html-200", "empty-200", "truncated", "no-id", "key-revoked")
    and not kind.endswith("-event")
)
#: These twist what the lists say of an order or what became of it.
TWISTS = ("late-trade", "stale-order", "not-found", "late-fill", "partial")


#: Every two sorts of which one twists what the lists say, and the requests that may land twice.
PAIRS = tuple(
    pair
    for pair in itertools.combinations_with_replacement(SORTS, 2)
    if set(pair) & set(TWISTS) or set(pair) <= {"lost-request", "late-request", "lost-ack", "late-ack"}
)


def strike(at: At, venue: Venue, kind: str, *, lasts_s: float = 3.0) -> None:
    """One fault; one that lasts and makes calls fail ends by itself."""
    at.exchange.inject(venue, kind, for_s=lasts_s if kind in DARK else None)


def account(name: str = "kraken", *, books: Path | None = None) -> VenueSettings:
    """A venue that takes fees in a token while there is any: some fills' worth."""
    held = {"BTC": "10", "USD": "500000", "USDT": "500000", "BNB": "0.05"}
    return venue_settings(
        name, books=books, balances={Asset(asset): Decimal(amount) for asset, amount in held.items()}
    )
