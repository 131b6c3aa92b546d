"""An event loop whose time is a clock's: where nobody has anything to do, time jumps to whoever wakes first.

Several tasks that sleep, wait and time out behave as they would in real time, in no time at all.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from mvx.domain.instant import MICROS_PER_S, seconds_between
from tests.support import START, ManualClock

T = TypeVar("T")


class VirtualClock(ManualClock):
    """A clock that advances while its loop is idle; `advance` jumps besides."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The work's answer, on a loop of this clock's time."""
        with asyncio.Runner(loop_factory=lambda: _VirtualLoop(self)) as runner:
            return runner.run(work)


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: ManualClock) -> None:
        super().__init__(_Idle(clock))
        self._clock = clock
        self._clock_resolution = 1 / MICROS_PER_S

    def time(self) -> float:
        return seconds_between(START, self._clock.now())


class _Idle(selectors.DefaultSelector):
    """Never waits: it lets the time pass instead."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout is None:
            raise RuntimeError("every task waits for something that can not come")
        if not found and timeout:
            self._clock.advance(math.ceil(timeout * MICROS_PER_S) / MICROS_PER_S)
        return found
