"""The clock is an argument: what the engine, the venues and the paper exchange ask for the time."""

from __future__ import annotations

import time
from typing import Protocol

from mvx.domain.instant import Instant


class Clock(Protocol):
    """UTC now, and a wait on that same clock."""

    def now(self) -> Instant: ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> Instant:
        return Instant(time.time_ns() // 1_000)

    async def sleep(self, seconds: float) -> None:
        import asyncio  # here, for read-only commands only ask the time

        await asyncio.sleep(seconds)
