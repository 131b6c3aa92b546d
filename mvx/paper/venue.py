"""A paper venue as the desk sees it: the venue port on top of the paper exchange.

Rule: what it promises (capabilities) holds under every fault that an operator can inject with its
default delay.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

from mvx.clock import Clock
from mvx.config.settings import VenueSettings
from mvx.domain.book import Book, checked_book
from mvx.domain.execution import ExecutionReport, Fill, Transfer
from mvx.domain.ids import ClOrdId, OrderId, Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.instrument import MarketRules
from mvx.domain.order import Ack, OrderReport, OrderRequest
from mvx.errors import BadVenueData, DeadlinePassed
from mvx.paper.client import Carry, Client, at_once
from mvx.paper.due import CancelArrives, OrderArrives
from mvx.paper.exchange import PaperExchange
from mvx.paper.faults import Call
from mvx.paper.markets import fee_tokens, listed_symbols, rules_of, taker_bps
from mvx.paper.store import ACCOUNT
from mvx.paper.stream import Stream
from mvx.venues.capabilities import Capabilities
from mvx.venues.port import Balances, VenueStatus

#: Half a second either way is what the clock-skew fault fits into.
CLOCK_SKEW_S = 0.5


class PaperVenue:
    """One account at one paper venue."""

    def __init__(
        self,
        exchange: PaperExchange,
        settings: VenueSettings,
        clock: Clock,
        *,
        carry: Carry = at_once,
    ) -> None:
        self._exchange = exchange
        self._settings = settings
        self._clock = clock
        self._client = Client(exchange, settings.name, clock, settings.timeout_s, carry)
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
        return await self._client.ask(Call.STATUS, lambda session: session.status())

    async def rules(self, symbol: Symbol) -> MarketRules:
        await self._client.ask(Call.PUBLIC, lambda session: None)
        return rules_of(self._settings, _listed(self._settings, symbol))

    async def book(self, symbol: Symbol) -> Book:
        _listed(self._settings, symbol)
        sides, at = await self._client.ask(
            Call.PUBLIC, lambda session: (session.book(symbol), session.time())
        )
        return checked_book(Book(self.name, symbol, sides.bids, sides.asks, at))

    async def submit(self, request: OrderRequest) -> Ack:
        if self._clock.now() >= request.deadline:
            raise DeadlinePassed(f"{self.name}: the deadline had passed, the order was not sent")
        accepted = await self._client.ask(
            Call.WRITE, lambda session: session.submit(request), late=OrderArrives(request)
        )
        return Ack(accepted.order_id)

    async def cancel(self, symbol: Symbol, cl_ord_id: ClOrdId, order_id: OrderId | None) -> None:
        await self._client.ask(
            Call.WRITE,
            lambda session: session.cancel(cl_ord_id, order_id),
            late=CancelArrives(cl_ord_id, order_id),
        )

    async def open_orders(self) -> tuple[OrderReport, ...]:
        return await self._client.ask(Call.PRIVATE, lambda session: session.lists.open_orders())

    async def closed_orders(
        self, since: Instant, known: Collection[tuple[Symbol, OrderId]] = ()
    ) -> tuple[OrderReport, ...]:
        return await self._client.history(
            lambda session, offset: session.lists.closed_orders(since, offset), lambda row: row.order_id
        )

    async def trades(self, since: Instant) -> tuple[Fill, ...]:
        return await self._client.history(
            lambda session, offset: session.lists.trades(since, offset), lambda row: row.key
        )

    async def transfers(self, since: Instant) -> tuple[Transfer, ...]:
        return await self._client.history(
            lambda session, offset: session.lists.transfers(since, offset), lambda row: row.listing
        )

    async def balances(self) -> Balances:
        return await self._client.ask(Call.PRIVATE, lambda session: session.balances())

    def executions(self) -> AsyncIterator[ExecutionReport]:
        stream = self._exchange.listen(self.name)
        self._streams = [*(each for each in self._streams if not each.closed), stream]
        return stream.reports()

    async def close(self) -> None:
        """Ends what is pushed. The exchange belongs to whoever opened it."""
        for stream in self._streams:
            stream.close()


def _listed(settings: VenueSettings, symbol: Symbol) -> Symbol:
    """The symbol. Raises BadVenueData where the venue does not list it."""
    if symbol not in listed_symbols(settings):
        raise BadVenueData(f"{settings.name} does not list {symbol}")
    return symbol
