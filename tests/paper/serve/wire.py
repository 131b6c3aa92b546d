"""A served paper venue, and those who ask it over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from mvx.clock import Clock, SystemClock
from mvx.domain.ids import ClOrdId, Symbol, Venue
from mvx.domain.instant import after
from mvx.domain.order import OrderRequest, Side, TimeInForce
from mvx.paper.exchange import PaperExchange
from mvx.paper.serve.keys import PAPER_KEYS
from mvx.paper.serve.server import Served, dialect_of
from mvx.venues.ccxt.load import load_exchange
from mvx.venues.ccxt.venue import CcxtVenue
from mvx.venues.ccxt.wire import rehosted
from tests.paper.builders import venue_settings
from tests.venues.ccxt.inprocess import access_to

T = TypeVar("T")
D = Decimal
SYMBOLS = {"kraken": Symbol("BTC/USD"), "binance": Symbol("BTC/USDT")}
OURS = "m0000000000000abcd"


class Wire:
    """A served venue, and those who ask it, for the length of one event loop."""

    def __init__(
        self,
        folder: Path,
        name: str,
        timeout_s: float = 0.3,
        *,
        limited: bool = False,
        clock: Clock | None = None,
        **paper: Any,
    ) -> None:
        self.venue, self.symbol = Venue(name), SYMBOLS[name]
        self.settings = venue_settings(name, (self.symbol,), timeout_s=timeout_s, **paper)
        self.folder = folder
        self.clock = clock or SystemClock()
        self.limited = limited
        self.exchange = PaperExchange(folder / "paper.db", {self.venue: self.settings}, self.clock)

    def run(self, work: Callable[[str], Awaitable[T]]) -> T:
        """The work's answer, which is told the address."""

        async def served() -> T:
            dialect = dialect_of(self.settings, limited=self.limited)
            assert dialect is not None
            server = Served(self.exchange, self.settings, dialect, self.clock)
            try:
                return await work(await server.start("127.0.0.1", 0))
            finally:
                await server.close()

        return asyncio.run(served())

    def ccxt(self, work: Callable[[Any], Awaitable[T]], **config: Any) -> T:
        """The same by ccxt's own class, unmodified but for where it asks."""

        async def asked(url: str) -> T:
            terms = {"apiKey": PAPER_KEYS.api_key, "secret": PAPER_KEYS.api_secret, "enableRateLimit": False}
            exchange = load_exchange(self.venue)(terms | config)
            exchange.urls["api"] = rehosted(exchange.urls["api"], url, None)
            try:
                return await work(exchange)
            finally:
                await exchange.close()

        return self.run(asked)

    def adapter(self, work: Callable[[CcxtVenue], Awaitable[T]], timeout_s: float = 2.0) -> T:
        """The same by mvx's adapter."""

        async def asked(url: str) -> T:
            terms: dict[str, Any] = {"budgets": {}} if self.limited else {}
            access = access_to(
                self.settings, self.folder / "shared", timeout_s=timeout_s, api_url=url, **terms
            )
            venue = CcxtVenue(access, self.clock)
            try:
                return await work(venue)
            finally:
                await venue.close()

        return self.run(asked)

    def request(self, name: str = OURS, limit_px: str = "900000", **terms: Any) -> OrderRequest:
        """Buys a tenth at nearly any price."""
        it: dict[str, Any] = {
            "order_qty": D("0.1"),
            "side": Side.BUY,
            "time_in_force": TimeInForce.IOC,
            "post_only": False,
        } | terms
        deadline = after(self.clock.now(), 20)
        return OrderRequest(ClOrdId(name), self.symbol, limit_px=D(limit_px), deadline=deadline, **it)

    def told(self, name: str) -> str:
        """An id of the ledger as the dialect tells it."""
        return name if self.venue == "kraken" else name.rpartition("-")[2].lstrip("T")

    def ledger(self) -> Any:
        return self.exchange.ledger(self.venue)
