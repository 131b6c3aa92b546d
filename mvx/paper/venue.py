"""A paper venue as the desk sees it: the venue port on top of the paper exchange.

Rule: what a fault does to a request happened in the exchange; here is only how the client hears of it.
A call that waits in vain takes timeout_s on the clock and no transaction is open meanwhile. A history
comes in pages, each of them a request of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable
from functools import partial
from typing import TypeVar

from mvx.clock import Clock
from mvx.config.settings import VenueSettings
from mvx.domain.book import Book, checked_book
from mvx.domain.execution import ExecutionReport, Fill, Transfer
from mvx.domain.ids import ClOrdId, OrderId, Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.instrument import MarketRules
from mvx.domain.order import Ack, OrderReport, OrderRequest
from mvx.errors import BadVenueData, DeadlinePassed, OutcomeUnknown, VenueRejected, VenueUnreachable
from mvx.paper.admission import Refused
from mvx.paper.due import CancelArrives, Coming, OrderArrives
from mvx.paper.exchange import PaperExchange
from mvx.paper.faults import Answer, Arrives, Call, Fault
from mvx.paper.lists import PAGE_ROWS
from mvx.paper.markets import fee_tokens, listed_symbols, rules_of, taker_bps
from mvx.paper.session import Session
from mvx.paper.store import ACCOUNT
from mvx.paper.stream import Stream
from mvx.venues.capabilities import Capabilities
from mvx.venues.port import Balances, VenueStatus

T = TypeVar("T")

#: Half a second either way is what the clock-skew fault fits into.
CLOCK_SKEW_S = 0.5


class _Lost:
    """The answer to a request that has not reached the venue."""


class PaperVenue:
    """One account at one paper venue."""

    def __init__(self, exchange: PaperExchange, settings: VenueSettings, clock: Clock) -> None:
        self._exchange = exchange
        self._settings = settings
        self._clock = clock
        self._streams: list[Stream] = []
        self.name: Venue = settings.name
        self.account = ACCOUNT
        self.capabilities = Capabilities(
            timeout_s=settings.timeout_s,
            lateness_s=settings.lateness_s,
            accept_lateness_s=settings.accept_lateness_s,
            listing_lag_s=settings.listing_lag_s,
            clock_skew_s=CLOCK_SKEW_S,
            closed_orders_complete=True,
            taker_bps=taker_bps(settings),
            fee_in_base=True,  # an operator can switch it on at any time
            fee_tokens=fee_tokens(settings),
            lists_transfers=True,
            streams=True,
        )

    async def status(self) -> VenueStatus:
        return await self._ask(Call.STATUS, lambda session: session.status())

    async def rules(self, symbol: Symbol) -> MarketRules:
        await self._ask(Call.PUBLIC, lambda session: None)
        return rules_of(self._settings, _listed(self._settings, symbol))

    async def book(self, symbol: Symbol) -> Book:
        _listed(self._settings, symbol)
        sides, at = await self._ask(Call.PUBLIC, lambda session: (session.book(symbol), session.time()))
        return checked_book(Book(self.name, symbol, sides.bids, sides.asks, at))

    async def submit(self, request: OrderRequest) -> Ack:
        if self._clock.now() >= request.deadline:
            raise DeadlinePassed(f"{self.name}: the deadline had passed, the order was not sent")
        accepted = await self._ask(
            Call.WRITE, lambda session: session.submit(request), late=OrderArrives(request)
        )
        return Ack(accepted.order_id)

    async def cancel(self, symbol: Symbol, cl_ord_id: ClOrdId, order_id: OrderId | None) -> None:
        await self._ask(
            Call.WRITE,
            lambda session: session.cancel(cl_ord_id, order_id),
            late=CancelArrives(cl_ord_id, order_id),
        )

    async def open_orders(self) -> tuple[OrderReport, ...]:
        return await self._ask(Call.PRIVATE, lambda session: session.lists.open_orders())

    async def closed_orders(self, since: Instant) -> tuple[OrderReport, ...]:
        return await self._history(
            lambda session, offset: session.lists.closed_orders(since, offset), lambda row: row.order_id
        )

    async def trades(self, since: Instant) -> tuple[Fill, ...]:
        return await self._history(
            lambda session, offset: session.lists.trades(since, offset), lambda row: row.key
        )

    async def transfers(self, since: Instant) -> tuple[Transfer, ...]:
        return await self._history(
            lambda session, offset: session.lists.transfers(since, offset), lambda row: row.listing
        )

    async def balances(self) -> Balances:
        return await self._ask(Call.PRIVATE, lambda session: session.balances())

    def executions(self) -> AsyncIterator[ExecutionReport]:
        stream = self._exchange.listen(self.name)
        self._streams.append(stream)
        return stream

    async def close(self) -> None:
        """Ends what is pushed. The exchange belongs to whoever opened it."""
        for stream in self._streams:
            stream.close()

    async def _history(
        self, page: Callable[..., tuple[T, ...]], key: Callable[[T], Hashable]
    ) -> tuple[T, ...]:
        """Every row, oldest first. A row that joins while we read pushes others onto the next page, where
        they come a second time: each counts once."""
        rows: dict[Hashable, T] = {}
        offset, full = 0, True
        while full:
            found = await self._ask(Call.PRIVATE, partial(page, offset=offset))
            rows.update((key(row), row) for row in found)
            offset += len(found)
            full = len(found) == PAGE_ROWS
        return tuple(reversed(rows.values()))

    async def _ask(
        self, call: Call, operation: Callable[[Session], T | Refused], *, late: Coming | None = None
    ) -> T:
        """One request and its answer; `late`: what it amounts to where it comes later. Raises
        VenueRejected, VenueUnreachable, OutcomeUnknown."""
        answer: T | Refused | _Lost = _Lost()
        with self._exchange.visit(self.name) as session:
            fault = session.meet(call)
            arrives = fault.kind.arrives if fault else Arrives.NOW
            if arrives is Arrives.NOW:
                answer = operation(session)
            elif arrives is Arrives.LATE and fault and late:
                session.delay(late, fault.delay_s)
        if fault:
            answer = fault.kind.refusal or answer
            await self._hear(fault)
        if isinstance(answer, Refused):
            message = f"{self.name}: {answer.message}"
            raise VenueRejected(message, reason_code=answer.reason_code, about=answer.about)
        if isinstance(answer, _Lost):
            raise OutcomeUnknown(f"{self.name}: no answer")
        return answer

    async def _hear(self, fault: Fault) -> None:
        """Waits for the answer as the fault has it. Raises where none comes that can be relied on."""
        timeout_s = self._settings.timeout_s
        match fault.kind.answer:
            case Answer.UNREACHABLE:
                raise VenueUnreachable(f"{self.name}: connection refused")
            case Answer.BROKEN:
                raise OutcomeUnknown(f"{self.name}: {fault.kind.says}")
            case Answer.LATE if fault.delay_s < timeout_s:
                await self._clock.sleep(fault.delay_s)
            case Answer.LATE | Answer.NEVER:
                await self._clock.sleep(timeout_s)
                raise OutcomeUnknown(f"{self.name}: no answer within {timeout_s:g} s")


def _listed(settings: VenueSettings, symbol: Symbol) -> Symbol:
    """The symbol. Raises BadVenueData where the venue does not list it."""
    if symbol not in listed_symbols(settings):
        raise BadVenueData(f"{settings.name} does not list {symbol}")
    return symbol
