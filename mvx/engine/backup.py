"""Backing the journal up while it is in use."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mvx.config.desk import DeskSettings
from mvx.domain.instant import Instant
from mvx.engine.outcome import Outcome
from mvx.engine.setup import existing_journal
from mvx.errors import Exit, JournalError, UsageError
from mvx.journal.backup import back_up


@dataclass(frozen=True, slots=True)
class BackedUp:
    journal: str
    backup: str
    entries: int
    last_entry_at: Instant
    size_bytes: int


def journal_backup(desk: DeskSettings, target: Path) -> Outcome:
    """A whole, private, durable copy. Raises UsageError for a file that is there: nothing is overwritten."""
    with closing(existing_journal(desk)) as journal:
        try:
            copied = back_up(journal, target)
        except FileExistsError as error:
            raise UsageError(
                f"{target} exists, and a backup never overwrites anything",
                known="nothing was written",
                next_step="mvx journal backup FILE, with another name",
            ) from error
        except OSError as error:
            raise JournalError(
                f"{target}: {error.strerror}",
                known="nothing was written",
                next_step="mvx journal backup FILE, where there is a folder that may be written",
            ) from error
        restored = journal.restored
    result = BackedUp(str(desk.journal), str(target), copied.entries, copied.last_at, copied.size_bytes)
    warning = f"it is a backup of a journal that was put back or copied ({restored}): mvx reconcile"
    return Outcome(result, Exit.OK, warnings=(warning,) if restored else ())
