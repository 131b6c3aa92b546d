"""The desk's paper venues over HTTP, until somebody says otherwise.

Rule: one port per paper venue whose dialect we speak, counted from the first one in the order of the
config.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import NoReturn

from mvx.clock import SystemClock
from mvx.config.settings import Settings
from mvx.errors import Refused, UsageError
from mvx.paper.exchange import PaperExchange
from mvx.paper.serve.keys import PAPER_KEYS
from mvx.paper.serve.server import Served, dialect_of


async def serve(
    exchange: PaperExchange, settings: Settings, host: str, port_base: int, say: Callable[[str], object]
) -> NoReturn:
    """Serves until it is cancelled. Raises Refused where there is nothing to serve, UsageError where an
    address can not be had."""
    paper = [venue for venue in settings.venues.values() if venue.adapter == "paper"]
    spoken = [(venue, dialect) for venue in paper if (dialect := dialect_of(venue)) is not None]
    if not spoken:
        raise Refused("no paper venue has a dialect that is served", known="served are: kraken, binance")
    async with AsyncExitStack() as stack:
        for port, (venue, dialect) in enumerate(spoken, port_base):
            served = Served(exchange, venue, dialect, SystemClock())
            stack.push_async_callback(served.close)
            try:
                address = await served.start(host, port)
            except OSError as error:
                raise UsageError(
                    f"{venue.name} can not be served at {host}:{port}: {error.strerror}"
                ) from error
            say(f"mvx: {venue.name} is served at {address}, key {PAPER_KEYS.api_key}")
        await asyncio.Event().wait()
    raise AssertionError("an event that nobody sets")
