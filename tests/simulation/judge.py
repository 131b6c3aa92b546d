"""Who looks when: after each venue event, after each commit, after each step in which anything happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from typing import NoReturn

from mvx.domain.ids import Venue
from mvx.journal import views
from mvx.journal.store import ReadTx
from mvx.sqlite import read_only
from tests.simulation import invariants
from tests.simulation.invariants import Case, Invariant
from tests.simulation.ours import Ours
from tests.simulation.process import Process
from tests.simulation.truth import Truth
from tests.simulation.world import World


class Violation(Exception):
    """A promise is broken."""


class Judge:
    """What was found first is raised at the next step: it is found in the middle of somebody's work."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stack = ExitStack()
        self._found: Violation | None = None
        self._dirty = False
        self.truth = Truth(world.exchange.connection, world.venues, world.wires, world.tell)
        journal = self._stack.enter_context(read_only(world.settings.desk.journal))
        self.ours = Ours(ReadTx(journal), world.tell)
        world.on_commit = self._committed
        world.sky.rest_of = self.truth.rest_of
        world.sky.is_opened = lambda venue: venue in self.ours.opened
        world.sky.is_booked = lambda venue, fill: (venue, fill.exec_id) in self.ours.fills
        world.exchange.visited = self._visited

    def close(self) -> None:
        self._stack.close()

    @property
    def fills(self) -> int:
        return sum(len(it.fills) for it in self.truth.venues.values())

    @property
    def breaks(self) -> Counter[str]:
        return self.ours.breaks

    def fail(self, sentence: str, found: str) -> NoReturn:
        raise Violation(f"{sentence}: {found}")

    def defect(self, process: Process, error: BaseException) -> None:
        self._found = self._found or Violation(f"defect in {process.name}: {type(error).__name__}: {error}")

    def note(self) -> None:
        """After each callback: what is found is kept."""
        if self._dirty:
            self._dirty = False
            self._judge(invariants.AT_A_STEP, None)

    def look(self) -> None:
        """After each step: what was found is raised."""
        self.note()
        if self._found is not None:
            raise self._found

    def any_rests(self) -> bool:
        orders = views.unsettled_orders(self.ours.tx)
        return any(order.parent_id is not None and not order.terminal for order in orders)

    def all_settled(self) -> bool:
        orders = views.unsettled_orders(self.ours.tx)
        return not [order for order in orders if order.parent_id is not None]

    def at_the_end(self) -> None:
        self.look()
        self._judge((*invariants.AT_A_STEP, *invariants.AT_THE_END), None)
        self.look()

    def _committed(self) -> None:
        if self.ours.refresh():
            self._judge(invariants.AT_A_COMMIT, None)

    def _visited(self, venue: Venue) -> None:
        if self.truth.refresh(venue, by_hand=self._world.by_hand):
            self._dirty = True
            self._judge(invariants.AT_A_VENUE, venue)

    def _judge(self, promises: Iterable[Invariant], venue: Venue | None) -> None:
        case = Case(self.truth, self.ours, self._world.settings, venue)
        for promise in promises:
            for found in promise(case):
                if self._found is None:
                    name = promise.__name__.partition("_")[0].upper()
                    self._found = Violation(f"{name}: {promise.__doc__} {found}")
