"""Builders of desks: settings for paper venues in a folder, orders, and an operator at the keyboard."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, TypeVar

from mvx.config.desk import DeskSettings
from mvx.config.settings import RouteSettings, Settings, VenueSettings
from mvx.domain.ids import Asset, Venue
from mvx.domain.instrument import Instrument
from mvx.domain.limits import Limits
from mvx.domain.order import Ack, OrderRequest, Side, TimeInForce
from mvx.engine.cancel import cancel
from mvx.engine.desk import Desk, open_desk, open_exchange, paper_path
from mvx.engine.outcome import Outcome
from mvx.engine.positions import positions
from mvx.engine.reconcile import reconcile
from mvx.engine.route import route
from mvx.engine.route_order import RouteOrder
from mvx.journal.generation import Found, MarkFile, mark_path, read_mark
from mvx.venues.port import VenuePort
from tests.paper.builders import venue_settings
from tests.support import ManualClock

BUY, SELL = Side.BUY, Side.SELL
IOC, FOK, GTC = TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTC
KRAKEN, BINANCE, OKX = Venue("kraken"), Venue("binance"), Venue("okx")

T = TypeVar("T")
#: Called with the venue and "before submit", "after book", ...
Look = Callable[[Venue, str], None]

NO_LIMITS = Limits()


def route_settings(**changes: Any) -> RouteSettings:
    """The product's own defaults, with changes."""
    usual = RouteSettings(Decimal(25), max_rounds=3, max_s=30, deadline_s=5)
    return replace(usual, **changes)


def risk(**limits: Any) -> Limits:
    """No limits but these."""
    return replace(NO_LIMITS, **limits)


def settings(
    folder: Path,
    *venues: str | VenueSettings,
    limits: Limits = NO_LIMITS,
    currency: str = "USD",
    **route_changes: Any,
) -> Settings:
    """A desk of these paper venues; one that is only named trades BTC/USD on the generated market."""
    paper = {v.name: v for v in (venue_settings(v) if isinstance(v, str) else v for v in venues)}
    pairs = {name: symbol for v in paper.values() for name, symbol in v.symbols.items()}
    instruments = {}
    for name, symbol in pairs.items():
        base, _, quote = symbol.partition("/")
        instruments[name] = Instrument(name, Asset(base), Asset(quote))
    desk = DeskSettings(
        source="test",
        journal=folder / "mvx.db",
        mode="paper",
        currency=Asset(currency),
        instruments=instruments,
        symbols={name: v.symbols for name, v in paper.items()},
        assets={name: _assets(v.symbols.values()) for name, v in paper.items()},
        quote_as={},
        max_age_s=30,
        lateness_s={name: v.lateness_s for name, v in paper.items()},
    )
    return Settings(desk, paper, {}, route_settings(**route_changes), limits, interval_s=5)


def _assets(symbols: Any) -> tuple[Asset, ...]:
    return tuple(dict.fromkeys(Asset(name) for symbol in symbols for name in symbol.split("/")))


def order(qty: str, side: Side = BUY, **changes: Any) -> RouteOrder:
    """A route of BTC-USD over every venue, immediate or cancel, unless changed."""
    plain = RouteOrder(
        instrument="BTC-USD",
        side=side,
        order_qty=Decimal(qty),
        limit_px=None,
        max_slippage_bps=None,
        time_in_force=IOC,
        post_only=False,
        venues=(),
        exclude=(),
        id=None,
        max_rounds=None,
        deadline_s=None,
        dry_run=False,
    )
    return replace(plain, **changes)


class Witness:
    """A venue port that lets a test look on before and after every call; `turns` says how often
    everybody else gets a turn there."""

    def __init__(self, port: VenuePort, look: Look, turns: Callable[[], int] = lambda: 0) -> None:
        self.port = port
        self._look = look
        self._turns = turns

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.port, name)
        return partial(self._seen, name, found) if iscoroutinefunction(found) else found

    async def _seen(self, call: str, ask: Callable[..., Awaitable[T]], *terms: Any) -> T:
        await self._yield()
        self._look(self.name, f"before {call}")
        try:
            return await ask(*terms)
        finally:
            self._look(self.name, f"after {call}")
            await self._yield()

    async def _yield(self) -> None:
        for _ in range(self._turns()):
            await asyncio.sleep(0)


class Interlude(Witness):
    """A venue during whose first submit something else happens."""

    def __init__(self, port: VenuePort, happens: Callable[[], Awaitable[None]]) -> None:
        super().__init__(port, lambda venue, call: None)
        self.happens = happens
        self.done = False

    async def submit(self, request: OrderRequest) -> Ack:
        ack = await self.port.submit(request)
        if not self.done:
            self.done = True
            await self.happens()
        return ack


class Operator:
    """Types one command after another; each opens the desk afresh, as a process would."""

    def __init__(self, settings: Settings, clock: ManualClock | None = None) -> None:
        self.settings = settings
        self.clock = clock or ManualClock()
        self.exchange = open_exchange(settings, self.clock)
        self.look: Look | None = None

    @property
    def venues(self) -> tuple[Venue, ...]:
        return tuple(self.settings.venues)

    def does(self, work: Callable[[Desk], Awaitable[T]]) -> T:
        """Work on a desk that is opened for it and closed after it."""

        async def with_desk() -> T:
            async with open_desk(self.settings, clock=self.clock) as desk:
                return await work(self.watched(desk))

        return self.clock.run(with_desk())

    def watched(self, desk: Desk) -> Desk:
        """The desk whose every call to a venue is looked upon, where somebody looks."""
        if self.look is None:
            return desk
        return replace(desk, venues={name: Witness(port, self.look) for name, port in desk.venues.items()})

    def routes(self, asked: RouteOrder) -> Outcome:
        return self.does(lambda desk: routed(desk, asked))

    def cancels(self, target: str | None = None) -> Outcome:
        return self.does(lambda desk: cancel(desk, target, target is None, ()))

    def reconciles(self) -> Outcome:
        return self.does(lambda desk: reconcile(desk, ()))

    def positions(self) -> Outcome:
        return positions(self.settings.desk, self.clock.now())

    def ledger(self, venue: Venue) -> dict[str, Any]:
        return self.exchange.ledger(venue)

    def ledger_rows(self, table: str) -> list[dict[str, Any]]:
        """Orders or fills of every venue's own record."""
        return [row for venue in self.venues for row in self.ledger(venue)[table]]

    def photographs(self, folder: Path) -> Settings:
        """Settings for a copy of every file as it is now: what a kill -9 at this moment leaves."""
        folder.mkdir()
        journal = self.settings.desk.journal
        files: Sequence[Path] = (journal, paper_path(journal))
        there = [p for f in files for p in (f, f.with_name(f.name + "-wal")) if p.exists()]
        # Another process copies: closing a file here would drop the locks that SQLite holds on it.
        subprocess.run(["cp", *map(str, there), str(folder)], check=True)
        marked = read_mark(mark_path(journal))
        if isinstance(marked, Found):
            # A copy is not what a kill leaves: the mark there says that this is the journal itself.
            made = MarkFile(folder / journal.name)
            made.adopt(marked.mark.epoch, marked.mark.seq)
            made.close()
        return replace(self.settings, desk=self.settings.desk._replace(journal=folder / journal.name))


async def routed(desk: Desk, asked: RouteOrder) -> Outcome:
    """A route that shows its plan to nobody and is agreed to."""
    return await route(desk, asked, show=lambda plan: None, confirm=lambda: True)
