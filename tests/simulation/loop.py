"""The event loop of the simulation: several processes in one, a virtual clock, and chance says who goes next.

Rules:
- Time moves only where nobody has anything to do, and then to whoever wakes first.
- Within a process callbacks run in the order in which they came, as asyncio promises; between processes
  the order is drawn from the seed. One may be interrupted where it holds no lock, as by a scheduler.
- What a process that was killed had to do is never done, and nothing in it hears of that.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import math
import random
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from mvx.domain.instant import MICROS_PER_S, Instant, after
from tests.support import START

#: A `finally` that waits for something takes its end for an answer, and is asked again.
_LAST_WORDS = 20
#: For so long, in seconds, one is interrupted: while others have something to do at once, for a moment, or
#: for as long as another one's whole work takes.
INTERRUPTS_S = (0.0, 0.03, 0.5)
#: And for so many callbacks of others at most.
CALLBACKS = 400
#: So many are interrupted at once: whoever goes on may be interrupted as well.
DEPTH = 3


class Turns:
    """What one simulated process has to do now. `held`: it is stopped, as by SIGSTOP. `waits`: it is
    interrupted in the middle of a callback."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.held = False
        self.waits = False
        self.ready: deque[asyncio.Handle] = deque()
        self.tasks: list[asyncio.Task[Any]] = []

    def kill(self) -> None:
        """Nothing of it runs any more. Its tasks are kept, so that no `finally` of them runs either."""
        self.alive = False
        self.ready.clear()

    def bury(self) -> None:
        """After the end: what its tasks still want to say goes nowhere."""
        for task in self.tasks:
            coroutine: Any = task.get_coro()
            for _ in range(_LAST_WORDS):
                with suppress(BaseException):
                    coroutine.close()
                    break
        self.tasks.clear()


#: Whose callbacks these are.
WHOSE: contextvars.ContextVar[Turns] = contextvars.ContextVar("whose")


class SimulatedClock:
    """One time for all; a sleep is a timer of the loop."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> Instant:
        return self._now

    def jump(self, to: Instant) -> None:
        self._now = max(self._now, to)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Kernel(asyncio.AbstractEventLoop):
    """As much of an event loop as asyncio itself asks for: no sockets, no threads, no signals."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.world = Turns("world")
        self._ready: list[Turns] = []
        self._timers: list[tuple[int, int, asyncio.TimerHandle]] = []
        self._count = 0
        self._world_context = contextvars.copy_context()
        self._world_context.run(WHOSE.set, self.world)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def time(self) -> float:
        return (self.clock.now() - START) / MICROS_PER_S

    def call_soon(
        self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._queue(handle, self._whose(context))
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        context = context or contextvars.copy_context()
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        at = START + math.ceil(round(when * MICROS_PER_S, 3))
        self._count += 1
        heapq.heappush(self._timers, (at, self._count, timer))
        timer._scheduled = True  # type: ignore[attr-defined]  # what BaseEventLoop does
        return timer

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Any = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        self._whose(context).tasks.append(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Whoever failed is asked for its result; whoever was killed is asked for nothing."""

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It stays in the heap and is passed over when its time comes."""

    def _whose(self, context: contextvars.Context | None) -> Turns:
        return (WHOSE.get() if context is None else context.get(WHOSE)) or self.world

    def _queue(self, handle: asyncio.Handle, turns: Turns) -> None:
        if turns.alive:
            if not turns.ready and not turns.held:
                self._ready.append(turns)
            turns.ready.append(handle)


class Loop(Kernel):
    """What the simulation does with it: one callback after the other, of whomever chance says.
    `interrupting`: how often one that has just read the journal is interrupted."""

    def __init__(self, chance: random.Random, clock: SimulatedClock) -> None:
        super().__init__(clock)
        self.steps = 0
        self.interrupting = 0.0
        self.stepped: Callable[[Turns], None] = lambda turns: None
        self._chance = chance
        self._interrupted = 0

    def begin(self, turns: Turns, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task of that process."""
        context = contextvars.copy_context()
        context.run(WHOSE.set, turns)
        return context.run(self.create_task, work)

    @contextmanager
    def running(self) -> Iterator[None]:
        before = events._get_running_loop()
        events._set_running_loop(self)
        token = WHOSE.set(self.world)
        try:
            yield
        finally:
            WHOSE.reset(token)
            events._set_running_loop(before)

    def step(self) -> Turns | None:
        """One callback of one process; None where nobody will ever have anything to do again."""
        while True:
            turns = self._next()
            if turns is not None:
                self.steps += 1
                turns.ready.popleft()._run()
                self.stepped(turns)
                return turns
            if not self._timers:
                return None
            self.clock.jump(Instant(self._timers[0][0]))

    def interrupt(self, turns: Turns) -> None:
        """Others go on for a while, in the middle of what this one does."""
        if self._interrupted == DEPTH or self._chance.random() > self.interrupting:
            return
        task = asyncio.current_task(self)
        turns.waits = True
        self._interrupted += 1
        if task is not None:
            asyncio.tasks._leave_task(self, task)
        try:
            until = after(self.clock.now(), self._chance.choice(INTERRUPTS_S))
            for _ in range(self._chance.randrange(1, CALLBACKS)):
                if not self._anybody(until):
                    break
                self.step()
        finally:
            if task is not None:
                asyncio.tasks._enter_task(self, task)
            turns.waits = False
            self._interrupted -= 1
            if turns.ready and turns not in self._ready:
                self._ready.append(turns)

    def hold(self, turns: Turns, seconds: float) -> None:
        """SIGSTOP, and SIGCONT so many seconds later."""

        turns.held = True
        self.call_later(seconds, self.resume, turns, context=self._world_context)

    def resume(self, turns: Turns) -> None:
        """SIGCONT."""
        turns.held = False
        if turns.ready and turns not in self._ready:
            self._ready.append(turns)

    def _wake(self) -> None:
        """What is due by now is ready."""
        now = self.clock.now()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if not timer.cancelled():
                self._queue(timer, self._whose(timer._context))  # type: ignore[attr-defined]  # as asyncio has it

    def _anybody(self, until: Instant) -> bool:
        """Whether anybody has something to do by then."""
        return bool(self._at_work() or (self._timers and self._timers[0][0] <= until))

    def _next(self) -> Turns | None:
        self._wake()
        ready = self._at_work()
        if len(ready) < 2:
            return ready[0] if ready else None
        return ready[self._chance.randrange(len(ready))]

    def _at_work(self) -> list[Turns]:
        self._ready = [turns for turns in self._ready if turns.ready and not turns.held and not turns.waits]
        return self._ready
