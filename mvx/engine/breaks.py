"""Marking a break as seen by a human."""

from __future__ import annotations

from mvx.config.desk import DeskSettings
from mvx.domain.entries import BreakAcked
from mvx.domain.text import storable
from mvx.engine.outcome import Outcome
from mvx.engine.reports import known_break
from mvx.engine.results import BreaksResult
from mvx.engine.setup import Opener, open_journal, telling
from mvx.errors import Exit, UsageError
from mvx.journal import history


def acknowledge(desk: DeskSettings, break_id: int, *, by: str, opened: Opener = open_journal) -> Outcome:
    """The break is not open any more; its numbers stay. Of one that was seen before nothing is written.
    Raises UsageError for one that there is not."""
    with telling(opened(desk)) as journal, journal.write() as tx:
        row = history.break_by_id(tx, break_id)
        if row is None:
            raise UsageError(
                f"there is no break {break_id}", known="nothing was written", next_step="mvx breaks --open"
            )
        if row["acked_at"] is None:
            tx.append(BreakAcked(row["ref"], storable(by)))
            row = history.break_by_id(tx, break_id)
            assert row is not None
    return Outcome(BreaksResult((known_break(row),)), Exit.OK, warnings=journal.notices())
