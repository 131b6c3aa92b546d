"""The weather of one seed: which fault waits for the next call, how long ways take, and what has struck.

Rule: a strike that is armed hits the next call, answer or order at its venue that it can hit, and is spent.
"""

from __future__ import annotations

import contextvars
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from mvx.domain.execution import ExecutionReport, Fill
from mvx.domain.ids import Venue
from mvx.venues.port import Balances
from tests.simulation.faults import KINDS, Group, Strike
from tests.simulation.loop import Loop


class Sky:
    """`struck` counts the faults that hit something; `tell` hears of each."""

    def __init__(self, seed: int, loop: Loop, tell: Callable[[str], None]) -> None:
        self.clock = loop.clock
        self.struck: Counter[str] = Counter()
        self.last_balances: dict[Venue, Balances] = {}
        self.accept_at_the_latest: Callable[[Venue, Strike], float] = lambda venue, strike: 0.0
        self.rest_of: Callable[[Venue, ExecutionReport], Fill | None] = lambda venue, report: None
        self.is_booked: Callable[[Venue, Fill], bool] = lambda venue, fill: False
        self.is_opened: Callable[[Venue], bool] = lambda venue: False
        self.rests: Callable[[Venue, Any], bool] = lambda venue, answer: False
        self._tell = tell
        self._loop = loop
        self._armed: dict[Venue, list[Strike]] = {}
        self._was_stale: set[Venue] = set()
        self._chance = random.Random(f"{seed}/latency")
        self._context = contextvars.copy_context()

    def later(self, delay_s: float, what: Callable[[], Any]) -> None:
        """In the world, whatever becomes of who asks for it."""
        self._loop.call_later(max(0.0, delay_s), what, context=self._context)

    def latencies(self) -> tuple[float, float]:
        """Of a request and of its answer."""
        out_s, back_s = self._chance.random() ** 3, self._chance.random() ** 3
        return 0.002 + 0.06 * out_s, 0.002 + 0.06 * back_s

    def arm(self, strike: Strike) -> None:
        self._armed.setdefault(strike.venue, []).append(strike)

    def clear(self) -> None:
        """Good weather from now on."""
        self._armed.clear()

    def hit(self, strike: Strike, what: str = "") -> None:
        self.struck[strike.kind] += 1
        self._tell(f"FAULT {strike.name} at {strike.venue} {what}".rstrip())

    def request_fault(self, venue: Venue, *, write: bool) -> Strike | None:
        """Two of three wait for an order or a cancel, the others take what comes."""
        for strike in self._armed.get(venue, ()):
            if KINDS[strike.kind].group is Group.REQUEST and (write or not strike.pick % 3):
                return self._spent(strike, "write" if write else "read")
        return None

    def answer_fault(self, kind: str, venue: Venue) -> Strike | None:
        for strike in self._armed.get(venue, ()):
            if strike.kind == kind:
                return self._spent(strike)
        return None

    def balances_are_stale(self, venue: Venue) -> bool:
        """Once at most before first contact: what a venue says twice then has nothing to be held against."""
        if venue in self._was_stale and not self.is_opened(venue):
            return False
        struck = self.answer_fault("stale-balance", venue) is not None
        if struck:
            self._was_stale.add(venue)
        return struck

    def repeats(self, venue: Venue, answer: Any) -> bool:
        """Whether a gateway hands on once more what was answered so: an order that rests by now, whose id is
        then one that is taken."""
        waits = any(strike.kind == "repeated-request" for strike in self._armed.get(venue, ()))
        return (
            waits and self.rests(venue, answer) and self.answer_fault("repeated-request", venue) is not None
        )

    def _spent(self, strike: Strike, what: str = "") -> Strike:
        self._armed[strike.venue].remove(strike)
        self.hit(strike, what)
        return strike
