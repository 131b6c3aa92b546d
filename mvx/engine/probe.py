"""Asking every venue how it is: its status, then a book, all at once and not for long."""

from __future__ import annotations

import asyncio

from mvx.domain.ids import Venue
from mvx.domain.instant import after
from mvx.engine.desk import Desk
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import note_failure
from mvx.engine.venue_status import status_rows
from mvx.engine.venue_status_result import VenueStatusResult
from mvx.engine.watch import said
from mvx.errors import BadVenueData, Exit, HeldBack, VenueError
from mvx.journal import views
from mvx.venues.port import turn_until

#: An operator who looks does not wait longer, however patient the venue's own timeout_s is.
_PATIENCE_S = 1.0
#: A live venue is opened when it is first asked, which takes ccxt and its list of markets some seconds.
_LIVE_PATIENCE_S = 5.0


async def venue_status(desk: Desk) -> Outcome:
    """Probe every venue and tell what is known of it. It is an answer about venues: exit 0 where one
    answered, with a warning for each that did not, and 7 where none did. A probe never makes a venue that
    was dark LIVE: that takes a reconcile."""
    with desk.journal.read() as tx:
        desk.watch.refresh(tx)
        opened = {venue for venue in desk.venues if views.is_opened(tx, venue)}
    found = await asyncio.gather(*(_probe(desk, venue, opened=venue in opened) for venue in desk.venues))
    silent = {venue: why for venue, why in zip(desk.venues, found, strict=True) if why}
    desk.watch.save()
    with desk.journal.read() as tx:
        rows = status_rows(tx, desk.settings.desk, desk.clock.now())
    return Outcome(
        data=VenueStatusResult(rows),
        exit_code=Exit.NO_VENUE if len(silent) == len(desk.venues) else Exit.OK,
        warnings=(*(f"{venue}: {why}" for venue, why in silent.items()), *desk.watch.changes()),
    )


async def _probe(desk: Desk, venue: Venue, *, opened: bool) -> str:
    """What is wrong; empty where the venue answered and takes orders. Where it was not reached, its position
    is stale from now on."""
    port = desk.venues[venue]
    is_live = desk.settings.venues[venue].live is not None
    patience_s = min(port.capabilities.timeout_s, _LIVE_PATIENCE_S if is_live else _PATIENCE_S)
    turn_until.set(after(desk.clock.now(), patience_s / 2))  # later there is no time for an answer
    try:
        async with asyncio.timeout(patience_s):
            status = await port.status()
            if not status.accepts_orders:
                return f"takes no orders: {status.says}"
            await port.book(next(iter(desk.symbols(venue).values())))
    except TimeoutError:
        desk.watch.gave_up(venue, patience_s)
        why = f"no answer within {patience_s:g} s"
    except HeldBack as error:
        return f"not asked: {said(venue, error)}"
    except (VenueError, BadVenueData) as error:
        why = said(venue, error)
    else:
        return ""
    if opened:
        note_failure(desk, venue, why)
    return why
