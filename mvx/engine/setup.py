"""Opening the journal, and making it on purpose: the only way for a live one to begin."""

from __future__ import annotations

from collections.abc import Callable

from mvx.config.desk import DeskSettings
from mvx.journal.store import Journal

#: How a use case that asks no venue comes by its journal.
Opener = Callable[[DeskSettings], Journal]


def create_journal(desk: DeskSettings) -> bool:
    """Make the journal where there is none; False where it is there already."""
    fresh = not desk.journal.exists()
    Journal(desk.journal, mode=desk.mode).close()
    return fresh


def existing_journal(desk: DeskSettings) -> Journal:
    """The desk's journal, for whoever only looks into it. Raises JournalError where there is none."""
    return Journal(desk.journal, mode=desk.mode, create=False)


def open_journal(desk: DeskSettings) -> Journal:
    """The desk's journal; a paper one is made where there is none."""
    return Journal(desk.journal, mode=desk.mode, create=desk.mode == "paper")
