"""What every call to a venue says of its health: heard at the port, kept in memory, folded in the journal.

Rules:
- Nothing here changes what a call answers or raises, but for one thing: an answer that can not be true is
  BadVenueData, and after a submit an unknown outcome. A venue's words are bounded.
- Health is help and no truth: where the journal can not take it now, it is kept for later.
- What the journal holds is folded afresh in each transaction, so that processes share one health. It goes
  along with transactions that are written anyway; by itself it is written when a state changes, and at the
  end.
- Every change of a state is told once, to whoever caused or noticed it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache, reduce
from typing import TypeVar

from mvx.clock import Clock
from mvx.domain.book import Book
from mvx.domain.execution import ExecutionReport, Fill, Transfer
from mvx.domain.ids import ClOrdId, OrderId, Symbol, Venue
from mvx.domain.instant import Instant, seconds_between
from mvx.domain.instrument import MarketRules
from mvx.domain.order import Ack, OrderReport, OrderRequest
from mvx.domain.text import storable
from mvx.domain.trading import Trading, TradingState, TradingStates, strictest
from mvx.engine.trading import resume_command
from mvx.errors import (
    BadVenueData,
    HeldBack,
    JournalError,
    OutcomeUnknown,
    Refusal,
    VenueError,
    VenueRejected,
    VenueUnreachable,
)
from mvx.journal import views
from mvx.journal.codec import decode_as, encode
from mvx.journal.store import Journal, ReadTx, WriteTx
from mvx.venues.capabilities import Capabilities
from mvx.venues.credible import refuse_incredible
from mvx.venues.health import (
    Answered,
    BookRead,
    Cause,
    Failed,
    Health,
    HealthState,
    Observation,
    Reconciled,
    StatusRead,
    observe,
)
from mvx.venues.port import Balances, VenuePort, VenueStatus, request_times

T = TypeVar("T")

#: A list that whoever does one thing beside others puts here: each order that is sent for it, or is asked to
#: be canceled, is added.
dispatched: ContextVar[list[ClOrdId] | None] = ContextVar("dispatched", default=None)

_MEANS = {
    HealthState.LIVE: "it is used again",
    HealthState.DEGRADED: "it is used only where no live venue can fill",
    HealthState.DARK: "nothing is sent there and its position keeps its interval; it is probed by itself,"
    " look with mvx venue-status",
    HealthState.RECOVERING: "nothing is sent there until a reconcile agrees: the next route does one, or"
    " mvx reconcile --venue {}",
}
_SENT = {
    TradingState.REDUCING: "only what makes its position smaller is sent there",
    TradingState.HALTED: "nothing new is sent there",
}
_REFUSED = {
    Refusal.THROTTLED: Cause.THROTTLED,
    Refusal.CLOSED: Cause.CLOSED,
    Refusal.FORBIDDEN: Cause.FORBIDDEN,
}


class Watch:
    """The health of a desk's venues: the journal's, and what this desk has seen since. `only_looks`: it
    writes nothing, for a dry run. `has_sent`: this desk has sent an order or a cancel, or whoever leads may
    have for it."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.clock = clock
        self._journal = journal
        self._ports: dict[Venue, VenuePort] = {}
        self._health: dict[Venue, Health] = {}
        self._unsaved: dict[Venue, list[Observation]] = {}
        self._paths: dict[Venue, list[HealthState]] = {}
        self._failures: dict[Venue, Failed] = {}
        self.only_looks = False
        self.has_sent = False
        with journal.read() as tx:
            self._health = _stored(tx)

    def over(self, port: VenuePort) -> WatchedPort:
        """The port, watched from now on."""
        self._ports[port.name] = port
        return WatchedPort(port, self)

    def health(self, venue: Venue) -> Health:
        return self._health.get(venue) or Health()

    @contextmanager
    def only_looking(self) -> Iterator[None]:
        """A dry run for the length of the block: what was seen in it may be written afterwards."""
        before = self.only_looks
        try:
            yield
        finally:
            self.only_looks = before

    def hear(self, venue: Venue, seen: Observation, *, later: bool = False) -> None:
        """One more observation. Raises nothing. `later`: written along with whatever is written next."""
        if isinstance(seen, Failed):
            self._failures[venue] = seen
        before = self.health(venue)
        self._unsaved.setdefault(venue, []).append(seen)
        found = self._observed(venue, before, (seen,))
        if found.state is before.state or self.only_looks or later:
            self._know(venue, found)
            return
        try:
            self.save()
        except JournalError:
            self._know(venue, found)  # and it stays unsaved: whoever writes next says what is wrong

    def gave_up(self, venue: Venue, waited_s: float) -> None:
        """Whoever asked did not wait any longer: silence, if that was as long as the venue may take."""
        silent = waited_s >= self._ports[venue].capabilities.timeout_s
        cause = Cause.NO_ANSWER if silent else Cause.CUT_SHORT
        self.hear(venue, Failed(self.clock.now(), cause, f"no answer within {waited_s:g} s"))

    def failures_since(self, start: Instant) -> dict[Venue, str]:
        """The venues that failed a call of this desk since then, and why."""
        return {venue: failed.why for venue, failed in self._failures.items() if failed.at >= start}

    def refresh(self, tx: ReadTx) -> None:
        """Take in what other processes have learnt."""
        for venue, stored in _stored(tx).items():
            if venue in self._ports:
                self._know(venue, self._observed(venue, stored, self._unsaved.get(venue, ())))

    def reconciled(self, tx: WriteTx, venue: Venue, began_at: Instant, why_not: str) -> None:
        """For the transaction that applied a full pass: it agreed, or `why_not`."""
        self.flush(tx)
        self._fold(tx, {venue: [Reconciled(tx.at, began_at, not why_not, why_not)]})

    def flush(self, tx: WriteTx) -> None:
        """Fold what was seen into the journal's health, at the end of a transaction. Where that is lost, the
        next one writes it."""
        seen, self._unsaved = self._unsaved, {}
        tx.if_lost.append(lambda: _add(self._unsaved, seen))
        self._fold(tx, seen)

    def save(self) -> None:
        """The same in a transaction of its own, where there is anything to write. Raises JournalError, and
        then nothing of it is forgotten."""
        if self._unsaved and not self.only_looks:
            with self._journal.write() as tx:
                self.flush(tx)

    def changes(self) -> tuple[str, ...]:
        """What changed since this was asked last, a line for each venue; a probe in vain is no change. What
        is to be said of the journal itself comes first."""
        paths, self._paths = self._paths, {}
        return self._journal.notices() + tuple(
            f"{venue} {' -> '.join(path)}: {self.health(venue).reason};"
            f" {_means(self._journal, venue, path[-1])}"
            for venue, path in paths.items()
            if path[0] is not path[-1]
        )

    def _fold(self, tx: WriteTx, heard: Mapping[Venue, list[Observation]]) -> None:
        stored = _stored(tx) if heard else {}
        for venue, seen in heard.items():
            found = self._observed(venue, stored.get(venue, Health()), seen)
            tx.note_health(venue, encode(found))
            self._know(venue, found)

    def _observed(self, venue: Venue, health: Health, seen: Iterable[Observation]) -> Health:
        declared = self._ports[venue].capabilities
        found = reduce(lambda found, each: observe(found, each, declared.timeout_s), seen, health)
        if found.taker_bps == declared.taker_bps:
            return found
        return replace(found, taker_bps=declared.taker_bps)

    def _know(self, venue: Venue, health: Health) -> None:
        before = self.health(venue).state
        self._health[venue] = health
        if health.state is not before:
            self._paths.setdefault(venue, [before]).append(health.state)


def _means(journal: Journal, venue: Venue, state: HealthState) -> str:
    """What follows from a venue's health, unless a human decided otherwise."""
    if state in (HealthState.LIVE, HealthState.DEGRADED):
        with suppress(JournalError), journal.read() as tx:
            if (rule := _restraint(views.trading(tx), venue)) is not None:
                whose = "the system" if rule.scope is None else "it"
                return f"{_SENT[rule.state]}, for {whose} was {rule}: {resume_command(rule.scope)}"
    return _MEANS[state].format(venue)


def _restraint(states: TradingStates, venue: Venue) -> Trading | None:
    """The strictest decision that holds there; None where nothing is held back."""
    found = [states[scope] for scope in (None, venue) if scope in states]
    ruling = strictest(*(rule.state for rule in found))
    return None if ruling is TradingState.ACTIVE else next(rule for rule in found if rule.state is ruling)


def _add(unsaved: dict[Venue, list[Observation]], lost: Mapping[Venue, list[Observation]]) -> None:
    for venue, seen in lost.items():
        unsaved.setdefault(venue, []).extend(seen)


def _stored(tx: ReadTx) -> dict[Venue, Health]:
    return {venue: _health_of(body) for venue, body in views.health_texts(tx).items()}


@lru_cache
def _health_of(body: str) -> Health:
    """Each transaction reads all venues, of which few have changed."""
    return decode_as(Health, body)


class WatchedPort:
    """A venue port whose every call is heard of. It answers and raises what the port does, where that can be
    true."""

    def __init__(self, port: VenuePort, watch: Watch) -> None:
        self.port = port
        self.watch = watch
        self.name = port.name
        self.account = port.account

    @property
    def capabilities(self) -> Capabilities:
        """As the port knows them by now: a fee may be learnt on the way."""
        return self.port.capabilities

    async def status(self) -> VenueStatus:
        def spoken(status: VenueStatus, began_at: Instant, at: Instant) -> Observation:
            skew_ms = (status.at - (began_at + at) / 2) / 1_000
            return StatusRead(at, _ms(began_at, at), status.accepts_orders, status.says, skew_ms)

        return await self._heard(_brief(self.port.status()), spoken)

    async def rules(self, symbol: Symbol) -> MarketRules:
        return await self._heard(self.port.rules(symbol))

    async def book(self, symbol: Symbol) -> Book:
        def read(book: Book, began_at: Instant, at: Instant) -> Observation:
            return BookRead(at, _ms(began_at, at), max(0.0, seconds_between(book.at, at)))

        return await self._heard(self.port.book(symbol), read)

    async def submit(self, request: OrderRequest) -> Ack:
        _note_dispatch(self.watch, request.cl_ord_id)
        try:
            return await self._heard(self.port.submit(request))
        except BadVenueData as error:
            raise OutcomeUnknown(error.message) from error

    async def cancel(self, symbol: Symbol, cl_ord_id: ClOrdId, order_id: OrderId | None) -> None:
        _note_dispatch(self.watch, cl_ord_id)
        return await self._heard(self.port.cancel(symbol, cl_ord_id, order_id))

    async def open_orders(self) -> tuple[OrderReport, ...]:
        return await self._heard(self.port.open_orders())

    async def closed_orders(
        self, since: Instant, known: Collection[tuple[Symbol, OrderId]] = ()
    ) -> tuple[OrderReport, ...]:
        return await self._heard(self.port.closed_orders(since, known))

    async def trades(self, since: Instant) -> tuple[Fill, ...]:
        return await self._heard(self.port.trades(since))

    async def transfers(self, since: Instant) -> tuple[Transfer, ...]:
        return await self._heard(self.port.transfers(since))

    async def balances(self) -> Balances:
        return await self._heard(self.port.balances())

    def executions(self) -> AsyncIterator[ExecutionReport]:
        return _believed(self.port.executions(), self.name, self.watch)

    async def close(self) -> None:
        await self.port.close()

    async def _heard(
        self, call: Awaitable[T], says: Callable[[T, Instant, Instant], Observation] | None = None
    ) -> T:
        """The call's own answer or error. One that is cancelled says nothing: nobody waited for it."""
        clock = self.watch.clock
        began_at = clock.now()
        token = request_times.set([])
        try:
            answer = await call
            refuse_incredible(self.name, answer)
        except (VenueError, BadVenueData) as error:
            error.message = storable(error.message)
            if isinstance(error, VenueRejected):
                error.reason_code = storable(error.reason_code)
            seen = _of_error(self.name, error, began_at, clock.now())
            if seen is not None:
                self.watch.hear(self.name, seen)
            raise
        else:
            at = clock.now()
            seen = says(answer, began_at, at) if says else Answered(at, _ms(began_at, at))
            self.watch.hear(self.name, seen)
            return answer
        finally:
            request_times.reset(token)


def _note_dispatch(watch: Watch, cl_ord_id: ClOrdId) -> None:
    watch.has_sent = True
    if (sent := dispatched.get()) is not None:
        sent.append(cl_ord_id)


async def _brief(status: Awaitable[VenueStatus]) -> VenueStatus:
    """Whatever a venue says of itself is its own affair, and bounded."""
    said_so = await status
    return replace(said_so, says=storable(said_so.says))


async def _believed(
    reports: AsyncIterator[ExecutionReport], venue: Venue, watch: Watch
) -> AsyncIterator[ExecutionReport]:
    """What is pushed and can be true. The reads tell what is missing."""
    async for report in reports:
        try:
            refuse_incredible(venue, report)
        except BadVenueData as error:
            watch.hear(venue, Failed(watch.clock.now(), Cause.BAD_DATA, said(venue, error)))
        else:
            yield report


def _of_error(
    venue: Venue, error: VenueError | BadVenueData, began_at: Instant, at: Instant
) -> Observation | None:
    """What an error says of the venue; None for a request that was held back on our side."""
    cause = Cause.NO_ANSWER
    match error:
        case HeldBack():
            return None
        case VenueRejected(about=Refusal.REQUEST):
            return Answered(at, _ms(began_at, at))
        case VenueRejected(about=about):
            cause = _REFUSED[about]
        case VenueUnreachable():
            cause = Cause.UNREACHABLE
        case BadVenueData():
            cause = Cause.BAD_DATA
    return Failed(at, cause, said(venue, error))


def said(venue: Venue, error: VenueError | BadVenueData) -> str:
    """What an error says, where it is clear who says it."""
    return error.message.removeprefix(f"{venue}: ")


def _ms(began_at: Instant, at: Instant) -> float:
    """What the venue took: its slowest request, where the port has told them apart, and else the call."""
    told = request_times.get()
    return max(told) * 1_000 if told else max(0, at - began_at) / 1_000
