"""The desk: what every use case needs in hand. The only place that builds venues."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    closing,
    contextmanager,
    suppress,
)
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypeGuard

from mvx.clock import Clock, SystemClock
from mvx.config.settings import Settings
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.instrument import Instrument, split_symbol
from mvx.domain.limits import Limits
from mvx.engine.adapters import live_venue
from mvx.engine.setup import telling
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
from mvx.journal import history, views
from mvx.journal.store import Journal, ReadTx
from mvx.journal.verify import check_whole
from mvx.machine import THIS_MACHINE, Machine
from mvx.paper.exchange import PaperExchange
from mvx.paper.venue import PaperVenue
from mvx.reconciliation.snapshot import Terms
from mvx.venues.health import Outdated
from mvx.venues.port import VenuePort

_FOREIGN_FEE_BPS = Decimal(100)
_HOLDERS = 16**8


@dataclass(slots=True)
class InForce:
    """The limits that orders are judged by from now on: read anew they bind what is worked already too."""

    limits: Limits


@dataclass(frozen=True, slots=True)
class Desk:
    """Settings, clock, journal and venues of one process; `holder` names it in leases. `watch` hears every
    call to a venue and knows its health. `machine` is what the process runs on."""

    settings: Settings
    clock: Clock
    journal: Journal
    venues: Mapping[Venue, VenuePort]
    holder: str
    watch: Watch
    machine: Machine
    in_force: InForce

    @property
    def limits(self) -> Limits:
        return self.in_force.limits

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

    def is_alive(self, holder: str) -> bool:
        """Whether the process that a lease names still runs: on this machine, where the journal is too."""
        return is_alive(holder, self.machine)

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
            closed_kept_s=declared.closed_kept_s,
            transfer_step_s=declared.transfer_step_s,
            balances_span_s=declared.balances_span_s,
            fee_bps=declared.taker_bps or _FOREIGN_FEE_BPS,
            fee_assets={
                symbol: declared.fee_assets(*split_symbol(symbol)) for symbol in self.symbols(venue).values()
            },
            instruments={symbol: name for name, symbol in self.symbols(venue).items()},
        )


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


def is_alive(holder: str, machine: Machine = THIS_MACHINE) -> bool:
    """Whether the process that a lease names still runs."""
    return machine.runs(int(holder.partition("-")[0]))


#: Opens the ports of a desk's venues. What they share is closed at the end of the block.
Ports = Callable[[Settings, Clock], AbstractContextManager[Mapping[Venue, VenuePort]]]


@contextmanager
def open_ports(settings: Settings, clock: Clock) -> Iterator[Mapping[Venue, VenuePort]]:
    """One port per venue, as its adapter makes it."""
    paper = {name: venue for name, venue in settings.venues.items() if venue.live is None}
    ports: dict[Venue, VenuePort] = {
        name: live_venue(settings, venue, clock)
        for name, venue in settings.venues.items()
        if venue.live is not None
    }
    with ExitStack() as shared:
        if paper:
            exchange = shared.enter_context(closing(open_exchange(settings, clock)))
            ports |= {name: PaperVenue(exchange, venue, clock) for name, venue in paper.items()}
        yield {name: ports[name] for name in settings.venues}


@asynccontextmanager
async def open_venues(
    settings: Settings, clock: Clock, ports: Ports = open_ports
) -> AsyncIterator[Mapping[Venue, VenuePort]]:
    """The venues as they are, with nobody listening to their health. Raises ConfigError, JournalError."""
    with ports(settings, clock) as opened:
        try:
            yield opened
        finally:
            for port in opened.values():
                await port.close()


@asynccontextmanager
async def open_desk(
    settings: Settings,
    *,
    clock: Clock | None = None,
    machine: Machine = THIS_MACHINE,
    ports: Ports = open_ports,
) -> AsyncIterator[Desk]:
    """Open the journal and the venues; both are closed at the end, however it ends. Where the journal fails
    after something was sent, the error says so."""
    clock = clock or SystemClock()
    mode = settings.desk.mode
    journal = Journal(settings.desk.journal, mode=mode, create=mode == "paper", clock=clock, machine=machine)
    holder = f"{machine.pid()}-{machine.randbelow(_HOLDERS):08x}"
    with telling(journal):
        watch = Watch(journal, clock)
        async with open_venues(settings, clock, ports) as opened:
            venues: dict[Venue, VenuePort] = {name: watch.over(port) for name, port in opened.items()}
            with journal.read() as tx:
                _refuse_other_accounts(tx, journal.path, venues)
                outdated = views.out_of_date(tx, venues, restored=journal.restored)
            for name in outdated:
                watch.hear(name, Outdated(clock.now()), later=True)
            try:
                yield Desk(settings, clock, journal, venues, holder, watch, machine, InForce(settings.risk))
            except MvxError as error:
                error.warnings += watch.changes()
                if watch.has_sent and is_failing(error):
                    error.after_dispatch()
                raise
            finally:
                with suppress(JournalError):  # the use case has said so itself, if it matters to its answer
                    watch.save()


def is_failing(error: MvxError) -> TypeGuard[JournalError]:
    """The journal can not be written: not that somebody else is at work."""
    return isinstance(error, JournalError) and not isinstance(error, LeaseLost | VenueBusy)


def _refuse_other_accounts(tx: ReadTx, path: Path, venues: Mapping[Venue, VenuePort]) -> None:
    """Raises JournalError where an account here is not the one that the journal is about: two desks in one
    journal would take each other's fills for their own."""
    for venue, port in venues.items():
        known = history.account_of(tx, venue)
        if known is not None and known != port.account:
            raise JournalError(
                f"{path} is about the account {known} at {venue}, and this desk's is {port.account}",
                known="nothing was sent",
                next_step="name a journal of its own with --journal, or [journal] path in the configuration",
            )
