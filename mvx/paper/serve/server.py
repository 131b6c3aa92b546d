"""The HTTP end of the paper exchange: one port per venue.

Rule: what happens at the venue's end, and what a fault does to an answer, is said in endpoint.py; here is
only how an HTTP client hears of it. No transaction is open while it waits.
"""

from __future__ import annotations

import logging
from typing import Any

from mvx.clock import Clock
from mvx.config.settings import VenueSettings
from mvx.paper.exchange import PaperExchange
from mvx.paper.lists import PAGE_ROWS
from mvx.paper.serve.binance import BinanceDialect
from mvx.paper.serve.binance_limits import WeighedBinance
from mvx.paper.serve.dialect import Asked, Dialect
from mvx.paper.serve.endpoint import Endpoint, Ends, Told
from mvx.paper.serve.keys import PAPER_KEYS, KeyPair
from mvx.paper.serve.kraken import KrakenDialect

log = logging.getLogger(__name__)

#: The largest request that is read. The longest of these dialects, an order, has half a kilobyte.
MOST_BYTES = 65_536


def dialect_of(
    settings: VenueSettings,
    keys: KeyPair = PAPER_KEYS,
    *,
    limited: bool = False,
    page_rows: int = PAGE_ROWS,
) -> Dialect | None:
    """None where we do not speak the venue's. limited: it refuses what is more than the venue takes.
    page_rows: how many rows of a list an answer holds where the client does not say it."""
    match settings.name:
        case "kraken":
            return KrakenDialect(settings, keys, limited=limited, page_rows=page_rows)
        case "binance":
            binance = BinanceDialect(settings, keys)
            return WeighedBinance(binance) if limited else binance
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

        server = web.Server(self._handle, access_log=None, logger=_Log(log))
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
        # what is larger is answered with 413
        body = (await request.clone(client_max_size=MOST_BYTES).read()).decode("utf-8", "replace")
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
        return web.Response(status=told.status, text=told.text, content_type=told.kind, headers=told.headers)
    if told.ends is Ends.HALF:
        body = told.text.encode()
        response = web.StreamResponse(status=told.status, headers={"Content-Type": told.kind})
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


class _Log(logging.LoggerAdapter[logging.Logger]):
    """What aiohttp says of it: a client that speaks no HTTP is no defect, and worth a line."""

    def exception(self, msg: object, *args: object, exc_info: Any = True, **how: Any) -> None:
        from aiohttp.http_exceptions import HttpProcessingError

        if isinstance(exc_info, HttpProcessingError):
            self.warning("a request that is no HTTP: %s", type(exc_info).__name__)
        else:
            super().exception(msg, *args, exc_info=exc_info, **how)
