"""Opening the journal, and making it on purpose: the only way for a live one to begin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from mvx.config.desk import DeskSettings
from mvx.errors import MvxError
from mvx.journal.store import Journal

#: How a use case that asks no venue comes by its journal.
Opener = Callable[[DeskSettings], Journal]


def create_journal(desk: DeskSettings) -> tuple[bool, tuple[str, ...]]:
    """Make the journal where there is none, False where it is there already; and what must be heard of it."""
    fresh = not desk.journal.exists()
    with closing(Journal(desk.journal, mode=desk.mode)) as journal:
        return fresh, journal.notices()


def existing_journal(desk: DeskSettings) -> Journal:
    """The desk's journal, for whoever only looks into it. Raises JournalError where there is none."""
    return Journal(desk.journal, mode=desk.mode, create=False)


def open_journal(desk: DeskSettings) -> Journal:
    """The desk's journal; a paper one is made where there is none."""
    return Journal(desk.journal, mode=desk.mode, create=desk.mode == "paper")


@contextmanager
def telling(journal: Journal) -> Iterator[Journal]:
    """Closed at the end. It says only once what must be heard of it, so where an error ends the block, the
    error says it."""
    with closing(journal):
        try:
            yield journal
        except MvxError as error:
            error.warnings += journal.notices()
            raise
