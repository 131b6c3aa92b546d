"""The promises of DESIGN.md 9, each a function with the sentence that it proves, and who looks when.

Rule: the truth is the venues' own record, read beside every process; ours is what the journal has committed.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import Any, NoReturn

from mvx.journal import views
from mvx.journal.store import ReadTx
from mvx.sqlite import read_only
from tests.simulation.process import Process
from tests.simulation.world import World


class Violation(Exception):
    """A promise is broken."""


class Judge:
    """Looks at a world after each step in which something was written."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.fills = 0
        self.breaks: Counter[str] = Counter()
        self._stack = ExitStack()
        self._tx: ReadTx | None = None
        world.on_commit = self.committed

    def open(self) -> None:
        self._tx = ReadTx(self._stack.enter_context(read_only(self.world.settings.desk.journal)))

    def close(self) -> None:
        self._stack.close()

    @property
    def tx(self) -> ReadTx:
        assert self._tx is not None
        return self._tx

    def fail(self, name: str, sentence: str, found: str) -> NoReturn:
        raise Violation(f"{name}: {sentence}: {found}")

    def defect(self, process: Process, error: BaseException) -> None:
        raise Violation(f"defect in {process.name}: {type(error).__name__}: {error}") from error

    def committed(self) -> None:
        pass

    def look(self) -> None:
        pass

    def all_settled(self) -> bool:
        return not [order for order in views.unsettled_orders(self.tx) if order.parent_id is not None]

    def at_the_end(self) -> None:
        pass
