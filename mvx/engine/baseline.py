"""What of a holding is inventory and no position, as the operator says it."""

from __future__ import annotations

from decimal import Decimal

from mvx.config.desk import DeskSettings
from mvx.domain.entries import BaselineSet
from mvx.domain.ids import Asset, Venue
from mvx.domain.text import storable
from mvx.engine.outcome import Outcome
from mvx.engine.results import BaselineSetResult
from mvx.engine.setup import Opener, open_journal, telling
from mvx.errors import Exit, UsageError
from mvx.journal import views


def set_baseline(
    desk: DeskSettings,
    venue: Venue,
    asset: Asset,
    qty: Decimal,
    *,
    by: str,
    opened: Opener = open_journal,
) -> Outcome:
    """The position at the venue is what it holds less this from now on. The baseline in force again
    writes nothing. Raises UsageError before first contact, and for an asset that the venue does not hold."""
    with telling(opened(desk)) as journal, journal.write() as tx:
        if not views.is_opened(tx, venue):
            raise UsageError(
                f"{venue} was never read, so nothing of it is known to be inventory",
                known="nothing was written",
                next_step=f"mvx reconcile --venue {venue}",
            )
        held = views.holdings(tx, venue)
        row = held.get((venue, asset))
        if row is None:
            raise UsageError(
                f"{venue} holds no asset {asset}",
                known="nothing was written",
                next_step=f"use one of: {', '.join(sorted(name for _, name in held))}",
            )
        if row.baseline != qty:
            tx.append(BaselineSet(venue, asset, qty, storable(by)))
    result = BaselineSetResult(
        venue=venue,
        asset=asset,
        holding=row.confirmed,
        baseline_before=row.baseline,
        baseline=qty,
        position_before=row.confirmed - row.baseline,
        position=row.confirmed - qty,
    )
    return Outcome(result, Exit.OK, warnings=journal.notices())
