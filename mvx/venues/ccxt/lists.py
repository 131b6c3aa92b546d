"""What the account's record says: each list whole, in the venue's order, or an error.

Rule: a row is one of ours to tell as soon as the venue tells all of it. A trade whose fee stands in the
ledger waits for its lines there; where they do not come in time, that is an error and no guess.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, NamedTuple

from mvx.domain.execution import Fill, Transfer
from mvx.domain.ids import OrderId, Symbol
from mvx.domain.instant import Instant, after
from mvx.domain.instrument import split_symbol
from mvx.domain.money import ZERO
from mvx.domain.order import OrderReport
from mvx.domain.order_status import TERMINAL
from mvx.errors import BadVenueData, VenueRejected
from mvx.venues.capabilities import History, ListedBy, Paging
from mvx.venues.ccxt.ledger import Posting, by_trade, posting_of, told_by_ledger, transfers_of
from mvx.venues.ccxt.pages import Windows, by_offset, by_window, once
from mvx.venues.ccxt.parse import Account, balances_of, fill_of, least_of, report_of
from mvx.venues.ccxt.quirks import Pages, rows_at
from mvx.venues.ccxt.session import Session
from mvx.venues.ccxt.transfers import moved_by
from mvx.venues.port import Balances

Rows = list[dict[str, Any]]
#: ccxt's method of a list: its object, a symbol (None: all), since in ms, a limit, parameters.
Fetch = Callable[[Any, str | None, int | None, int | None, dict[str, Any]], Awaitable[Rows]]

#: How far behind its window a deposit or a withdrawal may have been asked for that ends within it.
_UNDER_WAY_S = 7 * 86_400.0
_UNKNOWN_ORDER = "unknown_order"


class _Kept(NamedTuple):
    """The ledger that was read with the trades: whoever asks for the transfers next, and for nothing between,
    need not read it again. It costs as much as the trades."""

    task: asyncio.Task[Any] | None
    since: Instant
    lines: list[Posting]


class Lists:
    """The lists of one account."""

    def __init__(self, session: Session, whose: Account) -> None:
        self._session = session
        self._whose = whose
        self._kept: _Kept | None = None

    async def open_orders(self) -> tuple[OrderReport, ...]:
        exchange = await self._session.private()
        rows, _ = await self._session.calls.read(exchange, lambda ex: ex.fetch_open_orders())
        return tuple(_reports(rows, self._whose, self._session.calls.venue_now()))

    async def closed_orders(
        self, since: Instant, known: Collection[tuple[Symbol, OrderId]]
    ) -> tuple[OrderReport, ...]:
        """What the list holds, and where it goes by creation, the known ones that are not in it."""
        row = self._session.row

        async def fetch(ex: Any, symbol: Any, start: Any, limit: Any, params: Any) -> Rows:
            way = ex.fetch_orders if row.closed_by is ListedBy.CREATION else ex.fetch_closed_orders
            return list(await way(symbol, start, limit, params))

        rows = await self._whole(row.closed_orders, self._session.quirks.closed_orders, since, fetch)
        if row.closed_by is ListedBy.CREATION:
            listed = {(each.get("symbol"), each.get("id")) for each in rows}
            for symbol, order_id in known:
                if (symbol, order_id) not in listed:
                    rows += await self._one_order(symbol, order_id)
        reports = _reports(rows, self._whose, self._session.calls.venue_now())
        closed = [each for each in reports if each.ord_status in TERMINAL and each.updated_at >= since]
        closed = once(closed, lambda each: (each.symbol, each.order_id))  # ids may be counted per market
        return tuple(sorted(closed, key=lambda each: each.updated_at))

    async def trades(self, since: Instant) -> tuple[Fill, ...]:
        async def fetch(ex: Any, symbol: Any, start: Any, limit: Any, params: Any) -> Rows:
            return list(await ex.fetch_my_trades(symbol, start, limit, params))

        row, quirks = self._session.row, self._session.quirks
        rows = await self._whole(row.trades, quirks.trades, since, fetch)
        fills = [fill_of(each, self._whose) for each in rows if not quirks.on_margin(each.get("info") or {})]
        fills = [each for each in once(fills, lambda each: each.key) if each.at >= since]
        if row.ledger is not None and fills:
            lines = await self._ledger(row.ledger, since)
            self._kept = _Kept(asyncio.current_task(), since, lines)
            fills = self._with_their_fees(fills, lines, await self._session.private())
        return tuple(sorted(fills, key=lambda each: each.at))

    async def transfers(self, since: Instant) -> tuple[Transfer, ...]:
        row = self._session.row
        if not self._session.access.lists_transfers(row):
            return ()
        if row.ledger is not None:
            kept, self._kept = self._kept, None
            if kept is None or kept[:2] != (asyncio.current_task(), since):
                kept = _Kept(None, since, await self._ledger(row.ledger, since))
            moved = [each for each in transfers_of(kept.lines, self._whose) if each.at >= since]
        else:
            assert row.transfers is not None, "what lists transfers says how"
            moved = await self._deposits_and_withdrawals(row.transfers, since)
        return tuple(sorted(once(moved, lambda each: each.transfer_id), key=lambda each: each.at))

    async def balances(self) -> Balances:
        """As of when the request left, at the earliest: what happens on the way is later, and so is all
        that follows, however coarse the venue's clock is."""
        self._kept = None  # what is read from here on has to be later than they are
        exchange = await self._session.private()
        balance, call = await self._session.calls.read(exchange, lambda ex: ex.fetch_balance())
        at = self._session.earliest_there(call)
        place, amounts = self._session.quirks.balances
        total, free = balances_of(balance, rows_at(call.answers[-1], place), amounts)
        held = {asset for asset, amount in total.items() if amount != ZERO}
        return Balances(at, {each: total[each] for each in total if each in held}, {a: free[a] for a in held})

    async def _ledger(self, history: History, since: Instant) -> list[Posting]:
        async def fetch(ex: Any, symbol: Any, start: Any, limit: Any, params: Any) -> Rows:
            return list(await ex.fetch_ledger(symbol, start, limit, params))

        rows = await self._whole(history, Pages(), after(since, -1), fetch)
        lines = [posting_of(row, self._whose) for row in rows]
        return once(lines, lambda line: line.posting_id)

    def _with_their_fees(
        self, fills: Sequence[Fill], postings: Sequence[Posting], exchange: Any
    ) -> list[Fill]:
        lines = by_trade(postings)
        lag_s = self._session.access.listing_lag_s + self._session.row.clock_skew_s
        patient_until = after(self._session.calls.venue_now(), -lag_s)
        told = []
        for fill in fills:
            own, late = lines.get(fill.exec_id, ()), fill.at < patient_until
            traded = split_symbol(fill.symbol) if late else ()
            whole = told_by_ledger(fill, own, {each: least_of(exchange.currencies, each) for each in traded})
            if whole is not None:
                told.append(whole)
            elif late:
                raise BadVenueData(f"{fill.venue}: its ledger does not list trade {fill.exec_id}")
        return told

    async def _deposits_and_withdrawals(self, history: History, since: Instant) -> list[Transfer]:
        """Each list by the time of the request, so that one is asked for that was made before. What may have
        come to be listed since, at any time, is told each time, and known by its id."""
        assert history.window_s is not None
        start = max(self._session.row.opened_at, after(since, -_UNDER_WAY_S))
        rows: Rows = []
        while start <= self._latest_there():
            rows += await self._transferred(history, start)
            start = after(start, history.window_s)
        elsewhere = self._session.quirks.of_another_wallet
        here = [row for row in rows if not elsewhere(row.get("info") or {})]
        moved = [each for row in here for each in moved_by(row, self._whose)]
        return [each.transfer for each in moved if each.may_be_new(since)]

    async def _transferred(self, history: History, start: Instant) -> Rows:
        """Within one window."""
        exchange, calls = await self._session.private(), self._session.calls
        terms = (None, start // 1_000, history.page_rows)
        deposits, _ = await calls.read(exchange, lambda ex: ex.fetch_deposits(*terms))
        withdrawals, _ = await calls.read(exchange, lambda ex: ex.fetch_withdrawals(*terms))
        if max(len(deposits), len(withdrawals)) >= history.page_rows:
            raise BadVenueData(f"{self._whose.venue}: more transfers than one list holds")
        return [*deposits, *withdrawals]

    async def _one_order(self, symbol: Symbol, order_id: OrderId) -> Rows:
        exchange = await self._session.private()
        if symbol not in exchange.markets:  # it is gone, and its orders with it
            return []
        try:
            order, _ = await self._session.calls.read(exchange, lambda ex: ex.fetch_order(order_id, symbol))
        except VenueRejected as refused:
            if refused.reason_code != _UNKNOWN_ORDER:
                raise
            return []
        return [order]

    async def _whole(self, history: History, pages: Pages, since: Instant, fetch: Fetch) -> Rows:
        """Every row of a list, for all symbols, oldest first."""
        exchange = await self._session.private()
        start = max(self._session.row.opened_at, after(since, -history.step_s))
        if history.paging is Paging.OFFSET:
            return await self._by_offset(exchange, pages, start, fetch)
        rows: Rows = []
        for symbol in self._session.access.symbols:
            self._session.rules(exchange, symbol)
            rows += await self._by_window(exchange, symbol, history, pages, start, fetch)
        return rows

    async def _by_offset(self, exchange: Any, pages: Pages, start: Instant, fetch: Fetch) -> Rows:
        async def page(offset: int) -> tuple[Rows, int | None]:
            params = {**pages.extra, pages.offset: offset}
            rows, call = await self._session.calls.read(
                exchange, lambda ex: fetch(ex, None, start // 1_000, None, params)
            )
            return rows, self._session.quirks.total(call.answers[-1])

        return (await by_offset(page))[::-1]

    async def _by_window(
        self, exchange: Any, symbol: Symbol, history: History, pages: Pages, start: Instant, fetch: Fetch
    ) -> Rows:
        async def ask(start_ms: int | None, params: dict[str, Any]) -> Rows:
            rows, _ = await self._session.calls.read(
                exchange, lambda ex: fetch(ex, symbol, start_ms, history.page_rows, params)
            )
            return rows

        assert history.window_s is not None
        windows = Windows(
            in_window=lambda first_ms, last_ms: ask(first_ms, {pages.until: last_ms}),
            from_id=lambda first_id: ask(None, {pages.from_id: first_id}),
            first_id=pages.first_id,
            page_rows=history.page_rows,
            window_s=history.window_s,
        )
        return await by_window(windows, start, self._latest_there())

    def _latest_there(self) -> Instant:
        """The venue's time now, at the latest that it may be."""
        return after(self._session.calls.venue_now(), self._session.row.clock_skew_s)


def _reports(rows: Rows, whose: Account, now: Instant) -> list[OrderReport]:
    """Without those of which nothing is told but an amount of quote that nobody took (Kraken's viqc)."""
    reports = (report_of(row, whose, now) for row in rows)
    return [each for each in reports if each.order_qty > ZERO]
