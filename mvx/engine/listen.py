"""Hearing what venues push while orders are in flight, and keeping it as what it is: a claim.

Rule: a pushed report names its order and makes a fill expected; it confirms nothing and closes nothing, for
it may be doubled, late or about an order that is not ours. The reads decide (DESIGN 4).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from mvx.domain.entries import Heard
from mvx.domain.execution import ExecutionReport
from mvx.domain.ids import Venue
from mvx.engine.desk import Desk
from mvx.errors import JournalError, VenueError
from mvx.journal import history, views
from mvx.journal.heard import heard_fills
from mvx.journal.store import ReadTx

#: Between a connection that was lost and the next one.
_PAUSE_S = 1.0


@asynccontextmanager
async def listening(desk: Desk, venues: Iterable[Venue]) -> AsyncIterator[None]:
    """Whatever these venues push during the block is in the journal at its end."""
    streaming = [venue for venue in sorted(set(venues)) if desk.venues[venue].capabilities.streams]
    ears = [asyncio.ensure_future(_listen(desk, venue)) for venue in streaming]
    await asyncio.sleep(0)  # each has asked for its stream before anything is sent
    try:
        yield
    finally:
        for ear in ears:
            ear.cancel()
        for ear in ears:
            with suppress(asyncio.CancelledError):
                await ear


async def _listen(desk: Desk, venue: Venue) -> None:
    """Until the venue is closed; after a lost connection again, and after a journal that failed, of which
    whoever works is told by what he writes himself. What was missed is read."""
    while True:
        try:
            async for report in desk.venues[venue].executions():
                hear(desk, report)
        except (VenueError, JournalError):
            await desk.clock.sleep(_PAUSE_S)
        else:
            return


def hear(desk: Desk, report: ExecutionReport) -> bool:
    """Journal one report; False where it teaches nothing: a replay, or an order that is not ours."""
    with desk.journal.read() as tx:
        if not _is_news(tx, report):
            return False
    with desk.journal.write() as tx:
        news = _is_news(tx, report)
        if news:
            tx.append(Heard(report))
    return news


def _is_news(tx: ReadTx, report: ExecutionReport) -> bool:
    order = views.order(tx, report.cl_ord_id)
    if order is None or order.parent_id is None:
        return False
    if (order.venue, order.symbol, order.side) != (report.venue, report.symbol, report.side):
        return False
    if order.order_id is None:
        return True
    fill = report.fill
    if order.order_id != report.order_id or fill is None or history.known_fills(tx, [fill]):
        return False
    return all(heard.fill.key != fill.key for heard in heard_fills(tx, report.venue))
