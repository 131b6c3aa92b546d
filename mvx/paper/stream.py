"""What a venue pushes to those who listen in this process, and what faults make of it.

Rule: reports are pushed once their transaction is committed. What other processes do at the venue is
not pushed here: a gap, as after a lost connection. A venue that can not be reached pushes nothing, then or
later, and who listened is told that the connection was lost. Who listens must read to know the truth.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from mvx.domain.execution import ExecutionReport
from mvx.domain.ids import Venue
from mvx.domain.instant import Instant
from mvx.errors import VenueUnreachable
from mvx.paper import faults
from mvx.sqlite import Connection


class Stream:
    """What one listener has yet to hear, until it is closed or the listener leaves."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[ExecutionReport | VenueUnreachable | None] = asyncio.Queue()
        self.closed = False

    def push(self, reports: Iterable[ExecutionReport]) -> None:
        for report in reports:
            self._queue.put_nowait(report)

    def close(self) -> None:
        """It ends after what was pushed before."""
        self.closed = True
        self._queue.put_nowait(None)

    def cut(self, why: str) -> None:
        """The same, and whoever listens is told that it did not end by itself."""
        self.closed = True
        self._queue.put_nowait(VenueUnreachable(why))

    async def reports(self) -> AsyncIterator[ExecutionReport]:
        """Raises VenueUnreachable where it was cut."""
        try:
            while (report := await self._queue.get()) is not None:
                if isinstance(report, VenueUnreachable):
                    raise report
                yield report
        finally:
            self.closed = True


def as_heard(
    con: Connection, venue: Venue, events: Iterable[ExecutionReport], now: Instant
) -> tuple[ExecutionReport, ...]:
    """The events as faults let them through: dropped, doubled, and two neighbours swapped."""
    heard: list[ExecutionReport] = []
    for event in events:
        if faults.spend(con, venue, "drop-event", now):
            continue
        heard.append(event)
        if faults.spend(con, venue, "duplicate-event", now):
            heard.append(event)
    at = 0
    while at + 1 < len(heard):
        if heard[at] != heard[at + 1] and faults.spend(con, venue, "reorder-event", now):
            heard[at], heard[at + 1] = heard[at + 1], heard[at]
            at += 1
        at += 1
    return tuple(heard)
