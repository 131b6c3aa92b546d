"""Saying that a worker is alive: its lease is renewed at every pause of its work, and by a beat in between.

Rule: a lease is lost by whoever stands still, never by whoever waits: a venue's reading may wait longer for
its turn than a lease lasts. A beat that fails ends the work where a pause that fails does: at the next one,
once what is in flight was heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from mvx.domain.ids import ParentId
from mvx.engine.route_id import CANCELED
from mvx.errors import LeaseLost
from mvx.journal import history
from mvx.journal.store import LEASE_S, Journal, Lease

_BEAT_S = LEASE_S / 5


async def beats(beat: Callable[[], None]) -> None:
    """One after the other, for ever. Raises what a beat raises. In the loop's own time, which is as steady
    where the clock is set."""
    while True:
        await asyncio.sleep(_BEAT_S)
        beat()


@asynccontextmanager
async def beating(journal: Journal, lease: Callable[[], Lease | None]) -> AsyncIterator[Callable[[], None]]:
    """While the block works its lease (None: not taken yet, or lost) is kept. What it is given is called at
    each of its pauses: it renews the lease as well, and raises what a beat before it raised; so does the
    block's end. Raises LeaseLost and JournalError."""

    def renew() -> None:
        held = lease()
        if held is not None:
            with journal.write(held):
                pass

    def at_pause() -> None:
        _raise_failure(going)
        renew()

    going = asyncio.ensure_future(beats(renew))
    try:
        yield at_pause
        _raise_failure(going)
    finally:
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)


def _raise_failure(going: asyncio.Future[None]) -> None:
    if going.done():
        going.result()


def why_lost(journal: Journal, parent_id: ParentId, error: LeaseLost) -> str:
    """Somebody else decides over the parent now: who, as far as the journal tells."""
    with journal.read() as tx:
        row = history.parent(tx, parent_id)
    if row is not None and row.status == CANCELED:
        return f"{parent_id} was canceled by the operator: nothing more is sent for it"
    return error.message
