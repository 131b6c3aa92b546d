"""Work that a signal only asks to stop: it settles what it began, and its answer is what is known."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def settled(work: Coroutine[Any, Any, T], stop: asyncio.Event) -> T:
    """The work's own answer or error. Where whoever waits for it is cancelled, `stop` tells it so."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        return await task
