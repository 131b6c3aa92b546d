"""A simulated process: a machine of its own, its tasks, the database files that it has open, and its death.

Rule: a kill closes its files without a commit, drops what it had to do, and nothing that it still does on the
way out reaches anybody: its files are closed and no venue hears of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from mvx.machine import Held, Machine, OpenFile
from mvx.sqlite import Connection
from tests.simulation.chance import draw
from tests.simulation.loop import Loop, Turns


class Killed(BaseException):
    """The process is gone in the middle of what it does."""


@dataclass
class Doom:
    """How a process will die: at its `after`-th await, or before or after its `after`-th commit. With a time
    it is stopped for so long instead."""

    point: str
    after: int
    held_s: float = 0.0


class Process(Turns, Machine):
    """One run of one of them, from its start to its end or death. `committed` hears of every commit, right
    after it."""

    def __init__(
        self,
        name: str,
        pid: int,
        seed: int,
        loop: Loop,
        runs: Callable[[int], bool],
        committed: Callable[[], None],
    ) -> None:
        super().__init__(f"{name}#{pid}")
        self.kind = name
        self.doom: Doom | None = None
        self.main: asyncio.Task[Any] | None = None
        self.died = ""
        self._pid = pid
        self._seed = seed
        self._loop = loop
        self._runs = runs
        self._committed = committed
        self._files: list[Held] = []
        self._drawn = 0

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        self.main = self._loop.begin(self, work)

    def pid(self) -> int:
        return self._pid

    def runs(self, pid: int) -> bool:
        return self._runs(pid)

    def randbelow(self, bound: int) -> int:
        self._drawn += 1
        return draw(self._seed, "machine", self._pid, self._drawn) % bound

    def opened(self, file: OpenFile) -> None:
        file.connection = Tapped(file.connection, self)
        self._files.append(file)

    def holds(self, file: Held) -> None:
        self._files.append(file)

    def die(self, why: str) -> None:
        """kill -9."""
        self.died = why
        self.kill()
        for file in self._files:
            file.close()

    def awaited(self) -> None:
        """One callback of it has run: it waits for something now."""
        if self._strikes("await"):
            self.die("await")

    def commit(self, connection: Connection) -> Any:
        if self._strikes("before-commit"):
            self.die("before-commit")
            raise Killed
        done = connection.execute("COMMIT")
        self._committed()
        if self.doom is not None and self._strikes("after-commit"):
            if self.doom.held_s:
                self._loop.hold(self, self.doom.held_s)
                self.doom = None
                return done
            self.die("after-commit")
            raise Killed
        return done

    def has_read(self) -> None:
        """Between two transactions anybody may come."""
        self._loop.interrupt(self)

    def _strikes(self, point: str) -> bool:
        if self.doom is None or self.doom.point != point:
            return False
        self.doom.after -= 1
        return self.doom.after < 0


class Tapped:
    """A connection whose commits are heard of, and the ends of its readings."""

    def __init__(self, connection: Connection, process: Process) -> None:
        self._connection = connection
        self._process = process
        self._execute = connection.execute
        self._reads = False

    def execute(self, sql: str, *values: Any) -> Any:
        if sql == "COMMIT":
            return self._process.commit(self._connection)
        done = self._execute(sql, *values)
        if sql == "BEGIN":
            self._reads = True
        elif sql == "ROLLBACK" and self._reads:
            self._reads = False
            self._process.has_read()
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)
