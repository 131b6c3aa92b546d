"""Lines within this process: what ccxt uses as its aiohttp.ClientSession, with no socket behind it.

What is raised is what aiohttp raises, and what is read of an answer is what ccxt's fetch reads
(ccxt/async_support/base/exchange.py). Nothing waits but on the clock that is given, and nothing is asked of
the event loop but what asyncio itself needs: the simulation's has no more.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from aiohttp import ClientConnectorError, ClientPayloadError, ServerDisconnectedError
from aiohttp.client_reqrep import ConnectionKey

from mvx.clock import Clock
from mvx.config.settings import VenueSettings
from mvx.paper.client import Carry, at_once
from mvx.paper.exchange import PaperExchange
from mvx.paper.lists import PAGE_ROWS
from mvx.paper.serve.dialect import Asked
from mvx.paper.serve.endpoint import Endpoint, Ends, Told
from mvx.paper.serve.keys import PAPER_KEYS
from mvx.paper.serve.server import dialect_of
from mvx.venues.capabilities import Budget
from mvx.venues.ccxt.access import Access, Keys
from mvx.venues.ccxt.venue import CcxtVenue
from mvx.venues.ccxt.wire import current, left

PLENTY = Budget(burst=1e9, per_s=1e9)


class Verbs(Protocol):
    """The methods of a session, each of them one request. headers: that ccxt would add."""

    headers: Mapping[str, str] = {}

    def get(self, url: Any, **how: Any) -> AbstractAsyncContextManager[Any]:
        return self.ask("GET", url, how)

    def post(self, url: Any, **how: Any) -> AbstractAsyncContextManager[Any]:
        return self.ask("POST", url, how)

    def put(self, url: Any, **how: Any) -> AbstractAsyncContextManager[Any]:
        return self.ask("PUT", url, how)

    def delete(self, url: Any, **how: Any) -> AbstractAsyncContextManager[Any]:
        return self.ask("DELETE", url, how)

    async def close(self) -> None:
        return None

    def ask(self, method: str, url: Any, how: Mapping[str, Any]) -> AbstractAsyncContextManager[Any]: ...


class InProcess(Verbs):
    """To a venue of the paper exchange, in the venue's own words. `carry` takes each request there and its
    answer back, as it does those of mvx/paper/client.py; what it raises goes through ccxt as it is. It may
    let the request meet a fault there."""

    def __init__(self, end: Endpoint, clock: Clock, carry: Carry = at_once) -> None:
        self._end = end
        self._clock = clock
        self._carry = carry

    @asynccontextmanager
    async def ask(self, method: str, url: Any, how: Mapping[str, Any]) -> AsyncIterator[Any]:
        headers = {name.lower(): value for name, value in how["headers"].items()}
        asked = Asked(method, url.path, url.raw_query_string, (how["data"] or b"").decode(), headers)
        wanted = self._end.read(asked)
        call = current.get()
        had_left = call.left
        left()
        told = await self._carry(wanted.call, lambda fault=None: self._end.reach(wanted, fault))
        if told.after_s:
            await self._clock.sleep(told.after_s)
        if told.ends is Ends.UNREACHABLE:
            call.left = had_left  # nobody was there to connect to, so there was nothing to send
            raise ClientConnectorError(_key_of(url), OSError(errno.ECONNREFUSED, "Connect call failed"))
        if told.ends is Ends.CUT:
            raise ServerDisconnectedError
        yield answered(told)


def answered(told: Told) -> Any:
    """An answer as aiohttp shows it."""

    async def text(errors: str) -> str:
        if told.ends is Ends.HALF:
            raise ClientPayloadError("Response payload is not completed")
        return told.text

    reason = HTTPStatus(told.status).phrase
    return SimpleNamespace(text=text, status=told.status, reason=reason, headers={"Content-Type": told.kind})


def _key_of(url: Any) -> ConnectionKey:
    return ConnectionKey(url.host or "", url.port, False, True, None, None, None)


def adapter_to(
    exchange: PaperExchange,
    settings: VenueSettings,
    clock: Clock,
    folder: Path,
    carry: Carry = at_once,
    page_rows: int = PAGE_ROWS,
) -> CcxtVenue:
    """mvx's own adapter before a venue of the paper exchange, without a budget that it could use up.
    `folder`: for what processes share."""
    end = end_of(exchange, settings, page_rows)
    return CcxtVenue(access_to(settings, folder), clock, InProcess(end, clock, carry))


def end_of(
    exchange: PaperExchange, settings: VenueSettings, page_rows: int = PAGE_ROWS, *, limited: bool = False
) -> Endpoint:
    """The venue's end of all lines to it: it remembers the last nonce."""
    dialect = dialect_of(settings, limited=limited, page_rows=page_rows)
    assert dialect is not None
    return Endpoint(exchange, settings, dialect)


def access_to(settings: VenueSettings, folder: Path, **terms: Any) -> Access:
    """How the adapter reaches such a venue."""
    usual: dict[str, Any] = {
        "timeout_s": settings.timeout_s,
        "api_url": "http://in.process",
        "read_attempts": 1,
        "budgets": {"private": PLENTY, "public": PLENTY},
    }
    return Access(
        name=settings.name,
        exchange=settings.name,
        symbols=tuple(settings.symbols.values()),
        folder=folder,
        keys=lambda: Keys(*PAPER_KEYS),
        lateness_s=settings.lateness_s,
        accept_lateness_s=settings.accept_lateness_s,
        listing_lag_s=settings.listing_lag_s,
        **usual | terms,
    )
