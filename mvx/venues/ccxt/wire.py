"""ccxt's class of an exchange, with our hands on its wire: exact numbers, our own pace, and a record of what
became of each call.

What is overridden, and why (ccxt 4.5.90):
- fetch2 (async_support/base/exchange.py) is where every request passes: its limiter is first come, first
  served, per instance; ours lets orders overtake and is shared. Its loop of retries is pinned to one try:
  maxRetriesOnFailure = 1 has placed one order twice.
- sign: the deadline and the timestamp are made at the last moment, and nothing is signed at the deadline.
- fetch: an answer that is no JSON, or holds no rows where rows must be, is an error. ccxt's methods take it
  for an empty list or an order without an id.
- handle_errors: the venue's own code is noted before ccxt turns it into a class, which depends on the host.
- on_json_response: text instead of binary floats. parse_order_book: as the venue sent it, for the base
  class makes floats. parse_trades, parse_orders, parse_ledger, parse_transactions: every row, in the venue's
  order; the base class sorts by id and drops rows. parse_trade, parse_order: the market is the one that the
  row names; ccxt takes the one that was asked for where it does not know that. safe_ledger_entry: the asset
  as the balances name it; the base class does not know kraken.safe_currency_code, and calls BTC.F XBT.F.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import urlsplit

from mvx.domain.instant import Instant, seconds_between
from mvx.errors import DeadlinePassed
from mvx.venues.ccxt.access import Access
from mvx.venues.ccxt.errors import VenueCode
from mvx.venues.ccxt.load import load_exchange
from mvx.venues.ccxt.quirks import Quirks, exact_json, holds, tells
from mvx.venues.ccxt.shared import MOST_WAIT_S, Nonce
from mvx.venues.port import request_times

Answer = Any

_silent = logging.getLogger("mvx.ccxt")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False  # ccxt logs URLs with signatures in them
_silent.disabled = True


class Unreadable(Exception):
    """An answer that ccxt would have taken for an empty one."""


@dataclass(slots=True)
class Call:
    """One call to the venue, and what is known of it so far. first: before those who only read. deadline:
    nothing is sent at it. timer: what ends a read. private: its last request needed a key. admitted_at: when
    that one's turn came. left: something may have reached the venue. answers: what was said, as JSON."""

    first: bool
    give_up_at: Instant
    deadline: Instant | None = None
    timer: asyncio.Timeout | None = None
    private: bool = False
    admitted_at: Instant | None = None
    left: bool = False
    status: int | None = None
    codes: tuple[VenueCode, ...] = ()
    retry_after_s: float | None = None
    answers: list[Answer] = field(default_factory=list)
    nonce: Nonce | None = None


#: The call that this task is in the middle of.
current: ContextVar[Call] = ContextVar("current")


def left() -> None:
    """For whatever carries requests: from now on something may have reached the venue."""
    current.get().left = True


class Gate(Protocol):
    """Who decides when a request may go out."""

    def now(self) -> Instant: ...

    def venue_now(self) -> Instant: ...

    def admitted(self, section: str, cost: float, call: Call) -> AbstractAsyncContextManager[None]: ...


class Line(Protocol):
    """What carries requests, as ccxt uses an aiohttp.ClientSession. It says `left()` when one leaves."""

    async def close(self) -> None: ...


def open_exchange(access: Access, quirks: Quirks, gate: Gate, line: Line) -> Any:
    """An instance of ccxt's class of the exchange."""
    kind = _wired(load_exchange(access.exchange))
    exchange = kind({**quirks.config, "number": str, "enableRateLimit": False, "session": line})
    exchange.gate, exchange.quirks = gate, quirks
    exchange.timeout = round((access.timeout_s + 5) * 1_000)  # calls.py ends a call, and knows what it means
    exchange.timeout_on_exit = 0
    exchange.enableLastHttpResponse = exchange.enableLastResponseHeaders = False
    exchange.ssl_context = True  # the line has its own
    if access.sandbox:
        exchange.set_sandbox_mode(True)
    exchange.urls["api"] = rehosted(exchange.urls["api"], access.api_url, access.ws_url)
    return exchange


@cache
def _wired(whole: Any) -> Any:
    """ccxt's class behind our overrides, once: each instance writes a thousand names into its class, and what
    Python has learnt of one is of no use for a twin."""
    return type(whole.__name__, (Wire, whole), {})


def rehosted(urls: Any, api_url: str | None, ws_url: str | None) -> Any:
    """Every URL in it, however deep, at another host; each keeps its path behind that of the new one."""
    if isinstance(urls, dict):
        return {key: rehosted(inner, api_url, ws_url) for key, inner in urls.items()}
    if not isinstance(urls, str):
        return urls
    old = urlsplit(urls)
    new = ws_url if old.scheme in ("ws", "wss") else api_url
    return urls if new is None else new.rstrip("/") + old.path


def _seconds(headers: Any) -> float | None:
    """A Retry-After in seconds (Binance docs, IP Limits)."""
    for name, value in headers.items() if isinstance(headers, dict) else ():
        if name.lower() == "retry-after" and str(value).isdecimal():
            return min(float(value[:9]), MOST_WAIT_S)
    return None


_Base: Any = object


class Wire(_Base):  # type: ignore[misc]  # goes in front of a class that is known at run time only
    """Our overrides; each says super() to ccxt's own."""

    logger = _silent
    on_json_response = staticmethod(exact_json)
    gate: Gate
    quirks: Quirks

    async def fetch2(
        self, path: str, api: Any = "public", method: str = "GET", params: Any = None, config: Any = None
    ) -> Answer:
        section = api if isinstance(api, str) else api[0]
        asked, how = dict(params or {}), dict(config or {})
        cost = float(self.calculate_rate_limiter_cost(api, method, path, asked, how))
        call = current.get()
        async with self.gate.admitted(section, cost, call):
            return await super().fetch2(path, api, method, asked | {"maxRetriesOnFailure": 0}, how)

    def sign(self, path: str, api: Any = "public", method: str = "GET", params: Any = None) -> Any:
        call, asked = current.get(), dict(params or {})
        if call.deadline is not None:
            if self.gate.now() >= call.deadline:
                raise DeadlinePassed("the deadline had passed, the order was not sent")
            asked |= self.quirks.deadline_params(call.deadline, self.gate.venue_now())
        return super().sign(path, api, method, asked)

    def nonce(self) -> int:
        return self.gate.venue_now() // 1_000

    def incrementing_nonce(self) -> int:
        call = current.get()
        return self.nonce() if call.nonce is None else call.nonce.next()

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Answer:
        began_at, took = self.gate.now(), request_times.get()
        try:
            answer = await super().fetch(url, method, headers, body)
        finally:
            if took is not None:
                took.append(max(0.0, seconds_between(began_at, self.gate.now())))
        wanted = self._wanted(url)
        if not isinstance(answer, dict | list) or (wanted is not None and not holds(answer, wanted)):
            raise Unreadable(f"an answer that says nothing about {urlsplit(url).path.rpartition('/')[2]}")
        current.get().answers.append(answer)
        return answer

    def _wanted(self, url: str) -> tuple[str, ...] | None:
        """Where an answer from there holds what was asked for; None: it is not known."""
        path = urlsplit(url).path
        known = [at for at in self.quirks.answers if path.endswith(f"/{at}")]
        return self.quirks.answers[max(known, key=len)] if known else None

    def handle_errors(
        self, code: Any, reason: Any, url: Any, method: Any, headers: Any, body: Any, response: Any,
        request_headers: Any, request_body: Any,
    ) -> Any:  # fmt: skip
        call = current.get()
        call.status, call.codes = code, self.quirks.codes(response)
        if call.codes and (wanted := self._wanted(url)) and tells(response, wanted):
            call.codes += (VenueCode("and yet what was asked for"),)  # a word on no list of refusals
        call.retry_after_s = _seconds(headers)
        return super().handle_errors(
            code, reason or "", url, method, headers, body, response, request_headers, request_body
        )

    def parse_order_book(self, orderbook: Any, *_: Any, **__: Any) -> Any:
        found = orderbook if isinstance(orderbook, dict) else {}
        return {"bids": found.get("bids"), "asks": found.get("asks")}

    def parse_trades(self, trades: Any, market: Any = None, *_: Any, **__: Any) -> Any:
        return [self.parse_trade(trade) for trade in self.to_array(trades)]

    def parse_trade(self, trade: Any, market: Any = None) -> Any:
        return super().parse_trade(self.quirks.trade_row(trade))

    def parse_orders(self, orders: Any, market: Any = None, *_: Any, **__: Any) -> Any:
        return [self.parse_order(order) for order in self.to_array(orders)]

    def parse_order(self, order: Any, market: Any = None) -> Any:
        return super().parse_order(self.quirks.order_row(order))

    def parse_ledger(self, data: Any, currency: Any = None, *_: Any, **__: Any) -> Any:
        return [self.parse_ledger_entry(entry, currency) for entry in self.to_array(data)]

    def safe_ledger_entry(self, entry: Any, currency: Any = None) -> Any:
        return super().safe_ledger_entry(entry, currency) | {"currency": entry.get("currency")}

    def parse_transactions(self, transactions: Any, currency: Any = None, *_: Any, **__: Any) -> Any:
        return [self.parse_transaction(each, currency) for each in self.to_array(transactions)]


class HttpLine:
    """The line over HTTP. It follows no redirect: what is signed for one host goes to no other. headers: that
    ccxt would add to each request."""

    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self._session: Any = None

    def get(self, url: Any, **how: Any) -> Any:
        return self._open().get(url, allow_redirects=False, **how)

    def post(self, url: Any, **how: Any) -> Any:
        return self._open().post(url, allow_redirects=False, **how)

    def put(self, url: Any, **how: Any) -> Any:
        return self._open().put(url, allow_redirects=False, **how)

    def delete(self, url: Any, **how: Any) -> Any:
        return self._open().delete(url, allow_redirects=False, **how)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> Any:
        if self._session is None:
            import aiohttp

            trace = aiohttp.TraceConfig()
            trace.on_request_headers_sent.append(_on_headers_sent)
            connector = aiohttp.TCPConnector(ssl=_certificates() if self._secure else False)
            self._session = aiohttp.ClientSession(connector=connector, trace_configs=[trace])
            # It would send a GET, and a DELETE that cancels, a second time over a new connection.
            self._session._retry_connection = False
        return self._session


async def _on_headers_sent(session: Any, context: Any, params: Any) -> None:
    """aiohttp says so just before it writes the first byte."""
    left()


def _certificates() -> Any:
    """The bundle that ccxt trusts."""
    import ssl

    import certifi

    return ssl.create_default_context(cafile=certifi.where())
