"""The HTTP end of the paper exchange: one port per venue, and what a fault does to an answer on its way.

Rule: what a fault does to a request happens in the exchange, as for a client within this process
(mvx/paper/client.py); here is only how an HTTP client hears of it. No transaction is open while it waits.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from mvx.clock import Clock
from mvx.config.settings import VenueSettings
from mvx.domain.ids import Venue
from mvx.paper.exchange import PaperExchange
from mvx.paper.faults import Answer, Arrives, Fault
from mvx.paper.serve.binance import BinanceDialect
from mvx.paper.serve.binance_limits import WeighedBinance
from mvx.paper.serve.dialect import Asked, Dialect, Reply, Wanted
from mvx.paper.serve.keys import PAPER_KEYS, KeyPair
from mvx.paper.serve.kraken import KrakenDialect

log = logging.getLogger(__name__)

#: The largest request that is read. The longest of these dialects, an order, has half a kilobyte.
MOST_BYTES = 65_536
_MOST_SHOWN = 200
_HTML = "<html><head><title>Service</title></head><body>try again</body></html>"


def dialect_of(
    settings: VenueSettings, keys: KeyPair = PAPER_KEYS, *, limited: bool = False
) -> Dialect | None:
    """None where we do not speak the venue's. limited: it refuses what is more than the venue takes."""
    match settings.name:
        case "kraken":
            return KrakenDialect(settings, keys, limited=limited)
        case "binance":
            binance = BinanceDialect(settings, keys)
            return WeighedBinance(binance) if limited else binance
    return None


class Served:
    """One venue on one port."""

    def __init__(
        self, exchange: PaperExchange, settings: VenueSettings, dialect: Dialect, clock: Clock
    ) -> None:
        self._exchange = exchange
        self._dialect = dialect
        self._clock = clock
        self._timeout_s = settings.timeout_s
        self.venue: Venue = settings.name
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
        wanted = self._dialect.read(asked)
        if wanted is None:
            log.warning("%s: %s %s is not served", self.venue, asked.method, _shown(asked.path))
            wanted = self._dialect.unknown(asked)
        if isinstance(wanted, Reply):
            return _response(wanted)
        reply, fault = self._reach(wanted)
        return _response(reply) if fault is None else await self._disturbed(request, reply, fault)

    def _reach(self, wanted: Wanted) -> tuple[Reply, Fault | None]:
        """What happens at the venue's end."""
        reply = Reply({})
        with self._exchange.visit(self.venue) as session:
            fault = session.meet(wanted.call)
            arrives = fault.kind.arrives if fault else Arrives.NOW
            if arrives is not Arrives.NEVER:
                turned_away = wanted.admit(session.time())
                if turned_away is not None:
                    reply = turned_away
                elif arrives is Arrives.NOW:
                    reply = wanted.answer(session)
                elif fault and wanted.late:
                    session.delay(wanted.late(session), fault.delay_s)
        return reply, fault

    async def _disturbed(self, request: Any, reply: Reply, fault: Fault) -> Any:
        """The answer as the fault has it."""
        match fault.kind.answer:
            case Answer.REFUSED if fault.kind.refusal:
                return _response(self._dialect.refused(fault.kind.refusal))
            case Answer.BROKEN:
                return await self._broken(request, reply, fault.name)
            case Answer.LATE:
                await self._clock.sleep(fault.delay_s)
            case Answer.NEVER:
                await self._clock.sleep(self._timeout_s)
                return _cut(request)
            case Answer.UNREACHABLE:
                return _cut(request)
        return _response(reply)

    async def _broken(self, request: Any, reply: Reply, name: str) -> Any:
        from aiohttp import web

        match name:
            case "http-503-before" | "http-503-after":
                return web.Response(status=503, text=_HTML, content_type="text/html")
            case "html-200":
                return web.Response(text=_HTML, content_type="text/html")
            case "empty-200":
                return web.Response(content_type="application/json")
            case "no-id":
                return _response(self._dialect.without_id(reply))
            case "truncated":
                return await _truncated(request, reply)
        return _cut(request)


class _Log(logging.LoggerAdapter[logging.Logger]):
    """What aiohttp says of it: a client that speaks no HTTP is no defect, and worth a line."""

    def exception(self, msg: object, *args: object, exc_info: Any = True, **how: Any) -> None:
        from aiohttp.http_exceptions import HttpProcessingError

        if isinstance(exc_info, HttpProcessingError):
            self.warning("a request that is no HTTP: %s", type(exc_info).__name__)
        else:
            super().exception(msg, *args, exc_info=exc_info, **how)


def _shown(path: str) -> str:
    """On one line, whatever it holds, and not too long."""
    return path[:_MOST_SHOWN].encode("unicode_escape").decode()


def _text(reply: Reply) -> str:
    return json.dumps(reply.body, separators=(",", ":"))


def _response(reply: Reply) -> Any:
    from aiohttp import web

    return web.Response(
        status=reply.status, text=_text(reply), content_type="application/json", headers=reply.headers
    )


def _cut(request: Any) -> Any:
    """Resets the connection; what is returned goes nowhere."""
    from aiohttp import web

    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _truncated(request: Any, reply: Reply) -> Any:
    """Half of the body that its header promises."""
    from aiohttp import web

    body = _text(reply).encode()
    response = web.StreamResponse(status=reply.status, headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    return _cut(request)
