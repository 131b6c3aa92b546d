"""Builders of paper venues: settings, recorded books, requests, and one bench that holds them."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from mvx.config.settings import PaperSettings, VenueSettings
from mvx.domain.book import Book
from mvx.domain.execution import Fill
from mvx.domain.ids import Asset, ClOrdId, Symbol, Venue
from mvx.domain.instant import Instant, after
from mvx.domain.order import Ack, OrderReport, OrderRequest, Side, TimeInForce
from mvx.paper.exchange import PaperExchange
from mvx.paper.venue import PaperVenue
from tests.support import START, ManualClock

BTC_USD = Symbol("BTC/USD")
BEGINNING = Instant(0)
Pairs = Sequence[tuple[str, str]]


def venue_settings(
    name: str = "kraken",
    symbols: Sequence[str] = ("BTC/USD",),
    *,
    taker_bps: str | None = None,
    timeout_s: float = 1.0,
    **paper: Any,
) -> VenueSettings:
    """A paper venue with mvx's own bounds for paper venues."""
    return VenueSettings(
        name=Venue(name),
        adapter="paper",
        symbols={symbol.replace("/", "-"): Symbol(symbol) for symbol in symbols},
        timeout_s=timeout_s,
        lateness_s=2.0,
        accept_lateness_s=4.0,
        listing_lag_s=1.0,
        taker_bps=None if taker_bps is None else Decimal(taker_bps),
        baseline={},
        paper=PaperSettings(**paper),
    )


def write_books(path: Path, *books: tuple[float, Pairs, Pairs], exchange: str = "kraken") -> Path:
    """Recorded books, one a line: (seconds, bids, asks)."""
    lines = (
        json.dumps({"timestamp": 1_000 + at_s, "exchange": exchange, "bids": bids, "asks": asks})
        for at_s, bids, asks in books
    )
    path.write_text("\n".join(lines) + "\n")
    return path


class Bench:
    """One paper exchange and a clock; calls that need no event loop of the caller's."""

    def __init__(self, path: Path, *venues: VenueSettings, clock: ManualClock | None = None) -> None:
        self.settings: Mapping[Venue, VenueSettings] = {
            venue.name: venue for venue in venues or (venue_settings(),)
        }
        self.clock = clock or ManualClock(START)
        self.path = path
        self.exchange = PaperExchange(path, self.settings, self.clock)
        self._ids = itertools.count(1)

    def venue(self, name: str | None = None) -> PaperVenue:
        settings = self.settings[Venue(name)] if name else next(iter(self.settings.values()))
        return PaperVenue(self.exchange, settings, self.clock)

    def twin(self) -> Bench:
        """Another exchange on the same file, as another process would open it."""
        return Bench(self.path, *self.settings.values(), clock=self.clock)

    def request(
        self,
        side: Side,
        qty: str,
        limit_px: str | Decimal,
        *,
        tif: TimeInForce = TimeInForce.IOC,
        symbol: Symbol = BTC_USD,
        post_only: bool = False,
        deadline_s: float = 5.0,
        cl_ord_id: str | None = None,
    ) -> OrderRequest:
        return OrderRequest(
            cl_ord_id=ClOrdId(cl_ord_id or f"m{next(self._ids):017d}"),
            symbol=symbol,
            side=side,
            order_qty=Decimal(qty),
            limit_px=Decimal(limit_px),
            time_in_force=tif,
            post_only=post_only,
            deadline=after(self.clock.now(), deadline_s),
        )

    def submit(self, request: OrderRequest, venue: str | None = None) -> Ack:
        return asyncio.run(self.venue(venue).submit(request))

    def cancel(self, request: OrderRequest) -> None:
        asyncio.run(self.venue().cancel(request.symbol, request.cl_ord_id, None))

    def book(self, symbol: Symbol = BTC_USD, venue: str | None = None) -> Book:
        return asyncio.run(self.venue(venue).book(symbol))

    def trades(self, venue: str | None = None) -> tuple[Fill, ...]:
        return asyncio.run(self.venue(venue).trades(BEGINNING))

    def orders(self, venue: str | None = None) -> tuple[OrderReport, ...]:
        """Open orders, then closed ones."""
        port = self.venue(venue)
        return asyncio.run(port.open_orders()) + asyncio.run(port.closed_orders(BEGINNING))

    def order(self) -> OrderReport:
        """The one order that there is."""
        (report,) = self.orders()
        return report

    def total(self, asset: str, venue: str | None = None) -> Decimal:
        return asyncio.run(self.venue(venue).balances()).total[Asset(asset)]

    def free(self, asset: str) -> Decimal:
        return asyncio.run(self.venue().balances()).free[Asset(asset)]
