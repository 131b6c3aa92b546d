"""Builders: a venue over loopback, requests, and whoever runs them."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mvx.clock import Clock
from mvx.domain.ids import ClOrdId, Symbol, Venue
from mvx.domain.instant import after
from mvx.domain.order import OrderRequest, Side, TimeInForce
from mvx.venues.ccxt.access import Access, Keys
from mvx.venues.ccxt.shared import Note
from mvx.venues.ccxt.venue import CcxtVenue
from tests.support import ManualClock
from tests.venues.ccxt import binance, kraken
from tests.venues.ccxt.inprocess import PLENTY
from tests.venues.ccxt.loopback import Loopback, Said

T = TypeVar("T")

#: The canaries: neither may ever be written anywhere.
API_KEY, API_SECRET = "canary-key-4f1d", "Y2FuYXJ5LXNlY3JldC05YTdi"


@contextmanager
def plenty(folder: Path) -> Iterator[None]:
    """An account that may ask as much as it likes: its budget is always whole."""
    done = threading.Event()

    def refill() -> None:
        while not done.wait(0.05):
            for spent in folder.glob("*.db.venues/*.budget"):
                spent.unlink(missing_ok=True)

    filler = threading.Thread(target=refill)
    filler.start()
    try:
        yield
    finally:
        done.set()
        filler.join()


class Dialect(NamedTuple):
    """What is said in one venue's words. submit, cancel: the paths that take orders and cancels. owner: the
    account."""

    exchange: str
    symbol: Symbol
    answers: Callable[..., dict[str, Said]]
    submit: str
    cancel: str
    owner: str


KRAKEN = Dialect("kraken", Symbol("BTC/USD"), kraken.answers, "AddOrder", "CancelOrder", kraken.IIBAN)
BINANCE = Dialect("binance", Symbol("BTC/USDT"), binance.answers, "order", "order", binance.UID)
DIALECTS = {"kraken": KRAKEN, "binance": BINANCE}


class Rig:
    """One venue, asked over loopback, by a desk that knows whose its key is. What it says can be changed in
    `wire.answers`."""

    def __init__(
        self, wire: Loopback, folder: Path, dialect: Dialect, clock: ManualClock | None = None
    ) -> None:
        self.wire = wire
        self.dialect = dialect
        self.clock = clock or ManualClock()
        self.access = Access(
            name=Venue(dialect.exchange),
            exchange=dialect.exchange,
            symbols=(dialect.symbol,),
            folder=folder,
            keys=lambda: Keys(API_KEY, API_SECRET),
            timeout_s=5.0,
            api_url=wire.url,
            read_attempts=1,
            budgets={"private": PLENTY, "public": PLENTY},
        )
        wire.answers |= dialect.answers(lambda: self.clock.now() // 1_000_000)
        Note(folder / f"{dialect.exchange}-{Keys(API_KEY, API_SECRET).name}.account").first(dialect.owner)

    def run(self, work: Callable[[CcxtVenue], Awaitable[T]], clock: Clock | None = None, **changes: Any) -> T:
        """The work's answer, by a venue that is opened for it. `clock`: instead of the rig's own, which only
        moves when it is told to."""
        if clock is not None:
            self.wire.answers |= self.dialect.answers(lambda: clock.now() // 1_000_000)

        async def opened() -> T:
            venue = CcxtVenue(replace(self.access, **changes), clock or self.clock)
            try:
                return await work(venue)
            finally:
                await venue.close()

        return asyncio.run(opened())

    def request(self, side: Side = Side.BUY, **changes: Any) -> OrderRequest:
        """Half a BTC at the best ask, or with changes."""
        terms: dict[str, Any] = {
            "cl_ord_id": ClOrdId(f"m{next(_ids):017d}"),
            "symbol": self.dialect.symbol,
            "side": side,
            "order_qty": Decimal("0.5"),
            "limit_px": Decimal("80000.1"),
            "time_in_force": TimeInForce.IOC,
            "post_only": False,
            "deadline": after(self.clock.now(), 5),
        }
        return OrderRequest(**(terms | changes))


_ids = itertools.count(1)
