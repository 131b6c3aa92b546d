"""The first SIGINT, SIGTERM or SIGHUP stops the work and lets it settle; the second exits at once. A daemon
takes SIGHUP as the word to read its configuration again.

In synchronous work the first one raises Interrupted; in asynchronous work it cancels the main task
once, and the use case settles or records what is in flight before it returns or lets go. While somebody is
asked nothing is in flight, and it raises Interrupted there too. When the work is over its answer is told
whole, with the signal's exit code. The journal tells the truth in every case, the second signal included.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from mvx.errors import Exit

T = TypeVar("T")

_FIRST = b"\nmvx: stopping; what is in flight is settled first (a second signal exits at once)\n"


class Interrupted(BaseException):
    """The operator or the system asked to stop."""

    def __init__(self, exit_code: Exit) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class Signals:
    """Which signal came first, and how the running work is told. `speaks`: the first one is answered on
    stderr, as befits work that has something to settle. `asking`: somebody reads a question."""

    def __init__(self) -> None:
        self.exit_code: Exit | None = None
        self.speaks = True
        self.asking = False
        self.on_hangup: Callable[[], object] | None = None
        self._cancel: Callable[[], object] | None = None
        self._is_over = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handlers in place for the block. An ignored signal (nohup, a job in the background) stays so."""
        before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        mine = {number: old for number, old in before.items() if old is not signal.SIG_IGN}
        for number in mine:
            signal.signal(number, self.receive)
        try:
            yield
        finally:
            for number, old in mine.items():
                signal.signal(number, old)

    def receive(self, number: int, _frame: FrameType | None = None) -> None:
        """The handler."""
        if number == signal.SIGHUP and self.on_hangup is not None:
            self.on_hangup()
            return
        exit_code = Exit.INTERRUPTED if number == signal.SIGINT else Exit.TERMINATED
        if self.exit_code is not None:
            os._exit(exit_code)
        self.exit_code = exit_code
        if self._is_over:
            return
        if self._cancel is None or self.asking:
            raise Interrupted(exit_code)
        if self.speaks:
            os.write(2, _FIRST)
        self._cancel()

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Runs the work to its end. Raises Interrupted where a signal cancelled it and it let go."""
        import asyncio

        async def cancellable() -> T:
            task = asyncio.ensure_future(work())
            loop = asyncio.get_running_loop()
            # The handler may run while the loop sleeps in select: only this call wakes it.
            self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
            try:
                return await task
            finally:
                self._is_over = True

        try:
            return asyncio.run(cancellable())
        except asyncio.CancelledError:
            if self.exit_code is None:
                raise
            raise Interrupted(self.exit_code) from None
