"""How a journal is, without using it: nothing in it is changed or mended, and its lock is only tried.

For whoever asks after its health, so a file that can not be used at all is an answer here and no error.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mvx import sqlite, turn
from mvx.domain.ids import Venue
from mvx.domain.instant import Instant
from mvx.domain.order import Order
from mvx.domain.trading import Trading
from mvx.errors import JournalError
from mvx.journal import history, jobs, views
from mvx.journal.generation import Writer
from mvx.journal.schema import HOLDS, VERSION, version_of
from mvx.journal.store import ReadTx
from mvx.journal.verify import unbalanced
from mvx.sqlite import Connection
from mvx.unusable import unusable

SQLITE = sqlite.VERSION
#: A transaction takes milliseconds, and many may stand in the queue.
_PATIENCE_S = 2.0


class Checkup(NamedTuple):
    """`schema`: of the file, `knows`: the newest that this mvx knows; where they differ nothing else is read.
    `locked_by`: the process that keeps others from writing.
    `unbalanced`: holdings that are not the sum of their postings. `restored`: why it is not the journal that
    was last written here. `outdated`: venues that it knows from an older one. `queued`: work that nobody has
    ended."""

    schema: int
    knows: int
    mode: str = ""
    locked_by: str | None = None
    entries: int = 0
    last_at: Instant | None = None
    unbalanced: tuple[str, ...] = ()
    restored: str = ""
    outdated: tuple[Venue, ...] = ()
    open_breaks: int = 0
    unsettled: tuple[Order, ...] = ()
    trading: tuple[Trading, ...] = ()
    leader: jobs.Leader | None = None
    queued: int = 0


def unsafe_sqlite(version: tuple[int, ...] | None = None) -> JournalError | None:
    """Why this SQLite is not used."""
    try:
        sqlite.check_version() if version is None else sqlite.check_version(version)
    except JournalError as error:
        return error
    return None


def check_up(path: Path, venues: Sequence[Venue], at: Instant) -> Checkup | JournalError | None:
    """What there is to say of the journal; the error where it can not be read, None where it is not there."""
    try:
        if not sqlite.is_there(path):
            return None
        sqlite.refuse_mixture(path)
        sqlite.check_whole(path)
        with sqlite.read_only(path) as connection:
            return _checked(connection, path, venues, at)
    except JournalError as error:
        return error
    except OSError as error:
        return unusable(path, error)


def _checked(connection: Connection, path: Path, venues: Sequence[Venue], at: Instant) -> Checkup:
    sqlite.refuse_foreign(path, connection, HOLDS)
    schema = version_of(path, connection)
    if schema != VERSION:
        return Checkup(schema, VERSION)
    locked_by = turn.holder_of(path, _PATIENCE_S)
    restored = _restored(connection, path)
    connection.execute("BEGIN")  # what follows is one snapshot
    tx = ReadTx(connection)
    return Checkup(
        schema,
        VERSION,
        mode=tx.meta("mode"),
        locked_by=locked_by,
        entries=views.last_seq(tx),
        last_at=views.last_at(tx),
        unbalanced=tuple(" ".join(map(str, each.key)) for each in unbalanced(tx)),
        restored=restored,
        outdated=tuple(sorted(views.out_of_date(tx, venues, restored=restored))),
        open_breaks=history.open_breaks(tx),
        unsettled=views.unsettled_orders(tx),
        trading=tuple(views.trading(tx).values()),
        leader=jobs.leader(tx, at),
        queued=len(jobs.open_jobs(tx)),
    )


def _restored(connection: Connection, path: Path) -> str:
    """As the next one who opens it will find; each reading is of the moment, for others may be writing."""
    tx = ReadTx(connection)
    writer = Writer(path)
    writer.look(lambda: (tx.meta("epoch"), views.last_seq(tx)))
    writer.close()
    return writer.restored
