"""The desk: what every use case needs in hand. The only place that builds venues."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypeGuard

from mvx.clock import Clock, SystemClock
from mvx.config.settings import Settings
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.instrument import Instrument, split_symbol
from mvx.engine.adapters import live_venue, refuse_unknown_exchanges
from mvx.engine.watch import Watch
from mvx.errors import (
    ConfigError,
    JournalDamaged,
    JournalError,
    LeaseLost,
    MvxError,
    UsageError,
    VenueBusy,
)
from mvx.journal import views
from mvx.journal.store import Journal
from mvx.journal.verify import check_whole
from mvx.paper.exchange import PaperExchange
from mvx.paper.venue import PaperVenue
from mvx.reconciliation.snapshot import Terms
from mvx.venues.health import Outdated
from mvx.venues.port import VenuePort

_FOREIGN_FEE_BPS = Decimal(100)


@dataclass(frozen=True, slots=True)
class Desk:
    """Settings, clock, journal and venues of one process; `holder` names it in leases. `watch` hears every
    call to a venue and knows its health."""

    settings: Settings
    clock: Clock
    journal: Journal
    venues: Mapping[Venue, VenuePort]
    holder: str
    watch: Watch

    def instrument(self, name: str) -> Instrument:
        """Raises UsageError for one that is not configured."""
        found = self.settings.desk.instruments.get(name)
        if found is None:
            known = ", ".join(sorted(self.settings.desk.instruments))
            raise UsageError(
                f"unknown instrument {name!r}", next_step=f"configured: {known} (mvx config show)"
            )
        return found

    def select(self, names: tuple[Venue, ...], exclude: tuple[Venue, ...] = ()) -> tuple[Venue, ...]:
        """The named venues (all, where none is named) less the excluded. Raises UsageError for an
        unknown one."""
        for name in (*names, *exclude):
            if name not in self.venues:
                raise UsageError(
                    f"unknown venue {name!r}", next_step=f"configured: {', '.join(sorted(self.venues))}"
                )
        return tuple(name for name in self.venues if name not in exclude and (not names or name in names))

    def symbols(self, venue: Venue) -> Mapping[str, Symbol]:
        """Instrument name -> the venue's symbol."""
        return self.settings.venues[venue].symbols

    def assets(self, venue: Venue) -> tuple[Asset, ...]:
        return self.settings.desk.assets[venue]

    def terms(self, venue: Venue) -> Terms:
        """What the venue declares, as reconciliation needs it. An unknown fee bounds nothing, and no
        order of ours is sent there; 100 bps stand in for orders that others sent."""
        declared = self.venues[venue].capabilities
        return Terms(
            lateness_s=declared.lateness_s,
            accept_lateness_s=declared.accept_lateness_s,
            listing_lag_s=declared.listing_lag_s,
            clock_skew_s=declared.clock_skew_s,
            closed_orders_complete=declared.closed_orders_complete,
            fee_bps=declared.taker_bps or _FOREIGN_FEE_BPS,
            fee_assets={
                symbol: declared.fee_assets(*split_symbol(symbol)) for symbol in self.symbols(venue).values()
            },
            instruments={symbol: name for name, symbol in self.symbols(venue).items()},
        )


def is_alive(holder: str) -> bool:
    """Whether the process that a lease names still runs: on this machine, where the journal is too."""
    try:
        os.kill(int(holder.partition("-")[0]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def paper_path(journal: Path) -> Path:
    """The paper exchange's own file, beside the journal."""
    return journal.with_name(journal.name + ".paper")


def damage(journal: Path) -> JournalError | None:
    """What SQLite itself finds wrong with the journal, or with the paper venues beside it; None where it
    finds nothing."""
    for path in (journal, paper_path(journal)):
        try:
            check_whole(path)
        except JournalDamaged as error:
            return error
    return None


def open_exchange(settings: Settings, clock: Clock) -> PaperExchange:
    """The paper exchange of the desk's paper venues. Raises ConfigError where there is none."""
    paper = {name: venue for name, venue in settings.venues.items() if venue.adapter == "paper"}
    if not paper:
        raise ConfigError("no paper venue is configured", next_step="mvx config show")
    return PaperExchange(paper_path(settings.desk.journal), paper, clock)


@asynccontextmanager
async def open_venues(settings: Settings, clock: Clock) -> AsyncIterator[Mapping[Venue, VenuePort]]:
    """The venues as they are, with nobody listening to their health. Raises ConfigError, JournalError."""
    refuse_unknown_exchanges(settings)
    paper = {name: venue for name, venue in settings.venues.items() if venue.live is None}
    ports: dict[Venue, VenuePort] = {
        name: live_venue(settings, venue, clock)
        for name, venue in settings.venues.items()
        if venue.live is not None
    }
    with ExitStack() as stack:
        if paper:
            exchange = stack.enter_context(closing(open_exchange(settings, clock)))
            ports |= {name: PaperVenue(exchange, venue, clock) for name, venue in paper.items()}
        try:
            yield {name: ports[name] for name in settings.venues}
        finally:
            for port in ports.values():
                await port.close()


def _is_failing(error: MvxError) -> TypeGuard[JournalError]:
    """The journal can not be written: not that somebody else is at work."""
    return isinstance(error, JournalError) and not isinstance(error, LeaseLost | VenueBusy)


@asynccontextmanager
async def open_desk(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Desk]:
    """Open the journal and the venues; both are closed at the end, however it ends. Where the journal fails
    after something was sent, the error says so."""
    clock = clock or SystemClock()
    mode = settings.desk.mode
    refuse_unknown_exchanges(settings)  # before a journal is made
    journal = Journal(settings.desk.journal, mode=mode, create=mode == "paper", clock=clock)
    with closing(journal):
        watch = Watch(journal, clock)
        async with open_venues(settings, clock) as ports:
            venues: dict[Venue, VenuePort] = {name: watch.over(port) for name, port in ports.items()}
            with journal.read() as tx:
                outdated = views.out_of_date(tx, venues, restored=journal.restored)
            for name in outdated:
                watch.hear(name, Outdated(clock.now()), later=True)
            try:
                yield Desk(settings, clock, journal, venues, f"{os.getpid()}-{secrets.token_hex(4)}", watch)
            except MvxError as error:
                error.warnings += watch.changes()
                if watch.has_sent and _is_failing(error):
                    error.after_dispatch()
                raise
            finally:
                with suppress(JournalError):  # the use case has said so itself, if it matters to its answer
                    watch.save()
