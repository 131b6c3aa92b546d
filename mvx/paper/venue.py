"""A paper venue as the desk sees it: the venue port on top of the paper exchange.

Rule: what a fault does to the request happened in the exchange; here is only how the client hears of
it. A call that waits in vain takes timeout_s on the clock and no transaction is open meanwhile.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from mvx.clock import Clock
from mvx.config.settings import VenueSettings
from mvx.domain.book import Book, checked_book
from mvx.domain.execution import ExecutionReport, Fill, Transfer
from mvx.domain.ids import ClOrdId, OrderId, Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.instrument import MarketRules
from mvx.domain.order import Ack, OrderReport, OrderRequest
from mvx.errors import BadVenueData, OutcomeUnknown, VenueRejected, VenueUnreachable
from mvx.paper.admission import Refused
from mvx.paper.exchange import PaperExchange
from mvx.paper.faults import Answer
from mvx.paper.markets import listed_symbols, rules_of, taker_bps
from mvx.paper.session import Delivery, Session
from mvx.paper.store import ACCOUNT
from mvx.venues.capabilities import Capabilities
from mvx.venues.port import Balances, VenueStatus

T = TypeVar("T")


class PaperVenue:
    """One account at one paper venue."""

    def __init__(self, exchange: PaperExchange, settings: VenueSettings, clock: Clock) -> None:
        self._exchange = exchange
        self._settings = settings
        self._clock = clock
        self.name: Venue = settings.name
        self.account = ACCOUNT
        self.capabilities = Capabilities(
            timeout_s=settings.timeout_s,
            lateness_s=settings.lateness_s,
            accept_lateness_s=settings.accept_lateness_s,
            listing_lag_s=settings.listing_lag_s,
            clock_skew_s=0.0,
            closed_orders_complete=True,
            taker_bps=taker_bps(settings),
        )

    async def status(self) -> VenueStatus:
        return self._call(lambda session: VenueStatus(True, "online", session.now))

    async def rules(self, symbol: Symbol) -> MarketRules:
        self._call(lambda session: None)
        return rules_of(self._settings, _listed(self._settings, symbol))

    async def book(self, symbol: Symbol) -> Book:
        _listed(self._settings, symbol)
        sides, at = self._call(lambda session: (session.book(symbol), session.now))
        return checked_book(Book(self.name, symbol, sides.bids, sides.asks, at))

    async def submit(self, request: OrderRequest) -> Ack:
        if self._clock.now() >= request.deadline:
            raise VenueUnreachable(f"{self.name}: the deadline had passed, the order was not sent")
        delivery = self._call(lambda session: session.submit(request))
        await self._hear(delivery)
        match delivery.answer:
            case Refused(reason_code, message):
                raise VenueRejected(f"{self.name}: {message}", reason_code=reason_code)
            case None:
                raise OutcomeUnknown(f"{self.name}: no answer")
            case accepted:
                return Ack(accepted.order_id)

    async def cancel(self, symbol: Symbol, cl_ord_id: ClOrdId, order_id: OrderId | None) -> None:
        refused = self._call(lambda session: session.cancel(cl_ord_id, order_id))
        if refused:
            raise VenueRejected(f"{self.name}: {refused.message}", reason_code=refused.reason_code)

    async def open_orders(self) -> tuple[OrderReport, ...]:
        return self._call(lambda session: session.open_orders())

    async def closed_orders(self, since: Instant) -> tuple[OrderReport, ...]:
        return self._call(lambda session: session.closed_orders(since))

    async def trades(self, since: Instant) -> tuple[Fill, ...]:
        return self._call(lambda session: session.trades(since))

    async def balances(self) -> Balances:
        return self._call(lambda session: session.balances())

    async def transfers(self, since: Instant) -> tuple[Transfer, ...]:
        return ()

    async def executions(self) -> AsyncIterator[ExecutionReport]:
        nothing: tuple[ExecutionReport, ...] = ()
        for report in nothing:
            yield report

    async def close(self) -> None:
        """The exchange belongs to whoever opened it."""

    def _call(self, operation: Callable[[Session], T]) -> T:
        """One request. Raises VenueUnreachable where nobody can connect."""
        with self._exchange.visit(self.name) as session:
            if not session.outage():
                return operation(session)
        raise VenueUnreachable(f"{self.name}: connection refused")

    async def _hear(self, delivery: Delivery) -> None:
        """Waits for the answer as the fault has it. Raises OutcomeUnknown where none can be relied on."""
        fault = delivery.fault
        if fault is None:
            return
        if fault.kind.answer is Answer.BROKEN:
            raise OutcomeUnknown(f"{self.name}: {fault.kind.says}")
        timeout_s = self._settings.timeout_s
        await self._clock.sleep(min(fault.answer_after_s, timeout_s))
        if fault.answer_after_s >= timeout_s:
            raise OutcomeUnknown(f"{self.name}: no answer within {timeout_s:g} s")


def _listed(settings: VenueSettings, symbol: Symbol) -> Symbol:
    """The symbol. Raises BadVenueData where the venue does not list it."""
    if symbol not in listed_symbols(settings):
        raise BadVenueData(f"{settings.name} does not list {symbol}")
    return symbol
