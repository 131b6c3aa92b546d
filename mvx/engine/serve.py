"""The desk's paper venues over HTTP, until somebody says otherwise.

Rule: one port per paper venue whose dialect we speak, counted from the first one in the order of the
config.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import NoReturn

from mvx.clock import SystemClock
from mvx.config.secrets import read_secret
from mvx.config.settings import Settings, VenueSettings
from mvx.errors import Refused, UsageError
from mvx.paper.exchange import PaperExchange
from mvx.paper.serve.keys import PAPER_KEYS, KeyPair
from mvx.paper.serve.server import Served, dialect_of


async def serve(
    exchange: PaperExchange, settings: Settings, host: str, port_base: int, say: Callable[[str], object]
) -> NoReturn:
    """Serves until it is cancelled. Raises Refused where there is nothing to serve, UsageError where an
    address can not be had, ConfigError where a key can not."""
    paper = [venue for venue in settings.venues.values() if venue.adapter == "paper"]
    keys = {venue.name: keys_of(venue, os.environ) for venue in paper}
    dialects = ((venue, dialect_of(venue, keys[venue.name], limited=True)) for venue in paper)
    spoken = [(venue, dialect) for venue, dialect in dialects if dialect is not None]
    if not spoken:
        raise Refused("no paper venue has a dialect that is served", known="served are: kraken, binance")
    async with AsyncExitStack() as stack:
        for port, (venue, dialect) in enumerate(spoken, port_base):
            served = Served(exchange, venue, dialect, SystemClock())
            stack.push_async_callback(served.close)
            try:
                address = await served.start(host, port)
            except OSError as error:
                why = os.strerror(error.errno) if error.errno else error
                raise UsageError(
                    f"{venue.name} can not be served at {host}:{port}: {why}",
                    next_step="mvx paper serve --port-base N, with other ports",
                ) from error
            whose = PAPER_KEYS.api_key if keys[venue.name] is PAPER_KEYS else "as configured"
            say(f"mvx: {venue.name} is served at {address}, key {whose}")
        await asyncio.Event().wait()
    raise AssertionError("an event that nobody sets")


def keys_of(venue: VenueSettings, environ: Mapping[str, str]) -> KeyPair:
    """What its requests have to be signed with: the pair that the config names, else the one of every paper
    account. Raises ConfigError where it can not be read."""
    api_key, api_secret = venue.paper.api_key, venue.paper.api_secret
    if api_key is None or api_secret is None:  # both, or keys_come_with_their_secrets
        return PAPER_KEYS
    return KeyPair(read_secret(api_key, environ), read_secret(api_secret, environ))
