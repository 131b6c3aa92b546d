"""A live venue as the desk sees it: the venue port over ccxt.

Rule: nothing here decides what an answer means. Numbers are checked in parse.py, failures in errors.py, and
what differs between venues stands in their rows (capabilities.py) and in quirks.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

from mvx.clock import Clock
from mvx.domain.book import Book
from mvx.domain.execution import ExecutionReport, Fill, Transfer
from mvx.domain.ids import ClOrdId, OrderId, Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.instrument import MarketRules
from mvx.domain.money import plain
from mvx.domain.order import Ack, OrderReport, OrderRequest
from mvx.errors import OutcomeUnknown
from mvx.machine import THIS_MACHINE, Machine
from mvx.venues.capabilities import ROWS, Capabilities
from mvx.venues.ccxt.access import Access
from mvx.venues.ccxt.errors import Operation
from mvx.venues.ccxt.fees import Fees
from mvx.venues.ccxt.lists import Lists
from mvx.venues.ccxt.parse import Account, book_of, order_id_of
from mvx.venues.ccxt.session import Session
from mvx.venues.ccxt.wire import Line
from mvx.venues.port import Balances, KeyRights, VenueStatus

ACCOUNT = "main"


class CcxtVenue:
    """One account at one venue."""

    def __init__(
        self, access: Access, clock: Clock, line: Line | None = None, machine: Machine = THIS_MACHINE
    ) -> None:
        self._row = ROWS[access.exchange]
        self._access = access
        self._session = Session(access, self._row, clock, line, machine)
        self.name: Venue = access.name
        self.account = ACCOUNT
        whose = Account(
            venue=access.name,
            account=ACCOUNT,
            epoch="sandbox" if access.sandbox else "live",
            client_id=self._row.client_ids.told_as,
            order_keys=self._session.quirks.order_keys,
            gross_key=self._session.quirks.gross_key,
            held_key=self._session.quirks.held_key,
            times=self._session.quirks.times,
        )
        self._lists = Lists(self._session, whose)
        self._fees = Fees(self._session)

    @property
    def capabilities(self) -> Capabilities:
        """The fee is the dearest that it told, where none is configured."""
        access, row = self._access, self._row
        return Capabilities(
            timeout_s=access.timeout_s,
            lateness_s=access.lateness_s,
            accept_lateness_s=access.accept_lateness_s,
            listing_lag_s=access.listing_lag_s,
            clock_skew_s=row.clock_skew_s,
            closed_orders_complete=row.closed_orders_complete,
            taker_bps=self._fees.dearest_bps if access.taker_bps is None else access.taker_bps,
            closed_kept_s=row.closed_kept_s,
            fee_in_base=row.fee_in_base,
            fee_tokens=row.fee_tokens,
            lists_transfers=access.lists_transfers(row),
            transfer_step_s=row.transfer_step_s,
            balances_span_s=access.timeout_s,
            streams=row.streams,
        )

    async def status(self) -> VenueStatus:
        """As of the middle of the call, where whoever compares clocks takes it to be."""
        began_at = self._session.calls.now()
        exchange = await self._session.public()
        await self._session.read_time(exchange)
        says = "ok" if self._access.sandbox else await self._session.says(exchange)
        half_us = (self._session.calls.now() - began_at) // 2
        return VenueStatus(says == "ok", says, Instant(self._session.calls.venue_now() - half_us))

    async def rules(self, symbol: Symbol) -> MarketRules:
        exchange = await self._session.public()
        rules = self._session.rules(exchange, symbol)
        if self._access.asks_fees(self._row):
            await self._fees.learn(symbol)
        return rules

    async def book(self, symbol: Symbol) -> Book:
        """As of when it was asked for: what happens on the way is later."""
        exchange = await self._session.public()
        self._session.rules(exchange, symbol)
        at = self._session.calls.now()
        raw, _ = await self._session.calls.read(
            exchange, lambda ex: ex.fetch_order_book(symbol, self._row.book_levels)
        )
        return book_of(self.name, symbol, raw, at)

    async def submit(self, request: OrderRequest) -> Ack:
        exchange = await self._session.to_write()
        self._session.check(exchange, request)
        qty, limit_px = plain(request.order_qty), plain(request.limit_px)
        params = {
            self._row.client_ids.sent_as: request.cl_ord_id,
            **self._session.quirks.order_params(request),
        }
        order = await self._session.calls.write(
            Operation.SUBMIT,
            exchange,
            lambda ex: ex.create_order(request.symbol, "limit", request.side.value, qty, limit_px, params),
            deadline=request.deadline,
        )
        order_id = order_id_of(order)
        if order_id is None:
            raise OutcomeUnknown(f"{self.name}: an answer without the id of an order")
        return Ack(order_id)

    async def cancel(self, symbol: Symbol, cl_ord_id: ClOrdId, order_id: OrderId | None) -> None:
        exchange = await self._session.to_write()
        params = {} if order_id is not None else {"clientOrderId": cl_ord_id}
        await self._session.calls.write(
            Operation.CANCEL, exchange, lambda ex: ex.cancel_order(order_id or "", symbol, params)
        )

    async def open_orders(self) -> tuple[OrderReport, ...]:
        return await self._lists.open_orders()

    async def closed_orders(
        self, since: Instant, known: Collection[tuple[Symbol, OrderId]] = ()
    ) -> tuple[OrderReport, ...]:
        return await self._lists.closed_orders(since, known)

    async def trades(self, since: Instant) -> tuple[Fill, ...]:
        return await self._lists.trades(since)

    async def transfers(self, since: Instant) -> tuple[Transfer, ...]:
        return await self._lists.transfers(since)

    async def balances(self) -> Balances:
        return await self._lists.balances()

    async def rights(self) -> KeyRights | None:
        return await self._session.rights()

    async def executions(self) -> AsyncIterator[ExecutionReport]:
        """Nothing yet: no row says that it streams."""
        nothing: tuple[ExecutionReport, ...] = ()
        for report in nothing:
            yield report

    async def close(self) -> None:
        await self._session.close()
