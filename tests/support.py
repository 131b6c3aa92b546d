"""Builders that tests share: a clock that nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from mvx.domain.instant import MICROS_PER_S, Instant

T = TypeVar("T")

#: 2026-11-22T12:00:00Z
START = Instant(1_795_348_800 * MICROS_PER_S)


class ManualClock:
    """Stands still until it is advanced; a sleep advances it to the sleeper's own end."""

    def __init__(self, start: Instant = START) -> None:
        self._now = start

    def now(self) -> Instant:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now = Instant(self._now + round(seconds * MICROS_PER_S))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The work's answer, on a loop of its own."""
        return asyncio.run(work)

    async def sleep(self, seconds: float) -> None:
        wake_at = Instant(self._now + round(seconds * MICROS_PER_S))
        await asyncio.sleep(0)
        self._now = max(self._now, wake_at)
