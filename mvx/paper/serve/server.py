"""The HTTP end of the paper exchange: one port per venue.

Rule: what happens at the venue's end, and what a fault does to an answer, is said in endpoint.py; here is
only how an HTTP client hears of it. No transaction is open while it waits.
"""

from __future__ import annotations

from typing import Any

from mvx.clock import Clock
from mvx.config.settings import VenueSettings
from mvx.paper.exchange import PaperExchange
from mvx.paper.lists import PAGE_ROWS
from mvx.paper.serve.binance import BinanceDialect
from mvx.paper.serve.dialect import Asked, Dialect
from mvx.paper.serve.endpoint import Endpoint, Ends, Told
from mvx.paper.serve.keys import PAPER_KEYS, KeyPair
from mvx.paper.serve.kraken import KrakenDialect


def dialect_of(
    settings: VenueSettings, keys: KeyPair = PAPER_KEYS, page_rows: int = PAGE_ROWS
) -> Dialect | None:
    """None where we do not speak the venue's. page_rows: where the client does not say it."""
    match settings.name:
        case "kraken":
            return KrakenDialect(settings, keys, page_rows)
        case "binance":
            return BinanceDialect(settings, keys)
    return None


class Served:
    """One venue on one port."""

    def __init__(
        self, exchange: PaperExchange, settings: VenueSettings, dialect: Dialect, clock: Clock
    ) -> None:
        self._end = Endpoint(exchange, settings, dialect)
        self._clock = clock
        self.venue = settings.name
        self._runner: Any = None

    async def start(self, host: str, port: int) -> str:
        """The address that it is served at. Port 0: any that is free. Raises OSError."""
        from aiohttp import web

        server = web.Server(self._handle, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        name, at = self._runner.addresses[0][:2]
        return f"http://[{name}]:{at}" if ":" in name else f"http://{name}:{at}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: Any) -> Any:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = (await request.read()).decode("utf-8", "replace")
        asked = Asked(request.method, request.path, request.rel_url.raw_query_string, body, headers)
        told = self._end.reach(self._end.read(asked))
        if told.after_s:
            await self._clock.sleep(told.after_s)
        return await _rendered(request, told)


async def _rendered(request: Any, told: Told) -> Any:
    """Half an answer is half of the body that its header promises. Who can not be reached takes nothing in,
    and is heard of as a connection that is reset."""
    from aiohttp import web

    if told.ends is Ends.WHOLE:
        return web.Response(status=told.status, text=told.text, content_type=told.kind)
    if told.ends is Ends.HALF:
        body = told.text.encode()
        response = web.StreamResponse(status=told.status, headers={"Content-Type": told.kind})
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
