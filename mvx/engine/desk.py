"""The desk: what every use case needs in hand. The only place that builds venues."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from mvx.clock import Clock, SystemClock
from mvx.config.settings import Settings
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.instrument import Instrument, split_symbol
from mvx.engine.adapters import live_venue
from mvx.engine.watch import Watch
from mvx.errors import ConfigError, JournalError, MvxError, UsageError
from mvx.journal import views
from mvx.journal.store import Journal
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


def open_exchange(settings: Settings, clock: Clock) -> PaperExchange:
    """The paper exchange of the desk's paper venues. Raises ConfigError where there is none."""
    paper = {name: venue for name, venue in settings.venues.items() if venue.adapter == "paper"}
    if not paper:
        raise ConfigError("no paper venue is configured", next_step="mvx config show")
    return PaperExchange(paper_path(settings.desk.journal), paper, clock)


@asynccontextmanager
async def open_desk(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Desk]:
    """Open the journal and the venues; both are closed at the end, however it ends."""
    clock = clock or SystemClock()
    mode = settings.desk.mode
    paper = {name: venue for name, venue in settings.venues.items() if venue.live is None}
    ports: dict[Venue, VenuePort] = {
        name: live_venue(settings, venue, clock)
        for name, venue in settings.venues.items()
        if venue.live is not None
    }
    journal = Journal(settings.desk.journal, mode=mode, create=mode == "paper", clock=clock)
    exchange = open_exchange(settings, clock) if paper else None
    if exchange is not None:
        ports |= {name: PaperVenue(exchange, venue, clock) for name, venue in paper.items()}
    watch = Watch(journal, clock)
    venues = {name: watch.over(ports[name]) for name in settings.venues}
    with journal.read() as tx:
        outdated = views.out_of_date(tx, venues, restored=journal.restored)
    for name in outdated:
        watch.hear(name, Outdated(clock.now()), later=True)
    try:
        yield Desk(settings, clock, journal, venues, f"{os.getpid()}-{secrets.token_hex(4)}", watch)
    except MvxError as error:
        error.warnings += watch.changes()
        raise
    finally:
        for port in venues.values():
            await port.close()
        with suppress(JournalError):  # the use case has said so itself, if it matters to its answer
            watch.save()
        if exchange is not None:
            exchange.close()
        journal.close()
