"""A copy of the journal while it is in use, and what is in the copy."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mvx import sqlite
from mvx.domain.instant import Instant
from mvx.journal.store import Journal


class Copied(NamedTuple):
    """`entries`: of its log; `last_at`: when the last one was written."""

    entries: int
    last_at: Instant
    size_bytes: int


def back_up(journal: Journal, target: Path) -> Copied:
    """One snapshot of it, whatever is written meanwhile. What is counted is counted in the copy. Raises
    FileExistsError for a file that is there, JournalError."""
    with journal.read() as tx:
        sqlite.back_up(tx.connection, target)
    with sqlite.read_only(target) as copy:
        entries, last_at = copy.execute("SELECT count(*), max(at) FROM log").fetchone()
    return Copied(entries, last_at, target.stat().st_size)
