"""The journal's file: write transactions that append and fold, read transactions, leases, contact.

Rule: a write transaction sees and changes one state, is fsynced before it returns, and when it is
fenced it is refused as soon as another worker took the lease. No `await` happens inside one. The first one
of a process that finds the journal put back or copied says so in the log (generation.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mvx.clock import Clock, SystemClock
from mvx.domain.ids import ClOrdId, JobId, ParentId, make_cl_ord_id, make_job_id, make_parent_id
from mvx.domain.instant import Instant, after
from mvx.errors import JournalError, LeaseLost
from mvx.journal.generation import Writer, begun_anew, put_back, random_epoch
from mvx.journal.schema import FOLDS, HOLDS, VERSION, migrate, refuse_other_schema, version_of
from mvx.journal.sql_state import SqlState
from mvx.machine import THIS_MACHINE, Machine
from mvx.sqlite import Connection, Database, is_there

if TYPE_CHECKING:
    from mvx.domain.entries import Entry, JournalRestored

LEASE_S = 15.0
#: Which leases are held, with the values of `held`.
HELD = "expires_at > ? AND expires_at <= ?"


def held(at: Instant) -> tuple[Instant, Instant]:
    """After when, and at the latest when, a lease runs out that is held now. One that runs out later than any
    can was taken before the clock was set back: whoever holds it renews it by this one, or is dead."""
    return at, after(at, 2 * LEASE_S)


class Lease(NamedTuple):
    """The right to work on `name`, until somebody else takes it with a higher fence."""

    name: str
    fence: int


class ReadTx:
    """One snapshot of the journal; the queries are in views.py."""

    __slots__ = ("connection",)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def meta(self, name: str) -> str:
        row = self.connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def rows(self, table: str, tail: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        """Rows of a fold, by the names of its columns. `tail`: which of them, and in what order."""
        columns = FOLDS[table].columns
        sql = f"SELECT {', '.join(columns)} FROM {table} {tail}"  # noqa: S608  our own names
        return [dict(zip(columns, row, strict=True)) for row in self.connection.execute(sql, values)]


class WriteTx(ReadTx):
    """A write transaction: what is appended here is folded here, and lands whole or not at all. `seq` is
    the last entry that was appended in it, `noticed` that the journal is another one, where it said so, and
    `told` what an operator must hear of it; `if_lost` is called where it does not land."""

    __slots__ = ("_state", "_writer", "at", "if_lost", "noticed", "seq", "told")

    def __init__(
        self,
        connection: Connection,
        at: Instant,
        state: SqlState | None = None,
        writer: Writer | None = None,
    ) -> None:
        super().__init__(connection)
        self.at = at
        self.seq = 0
        self.if_lost: list[Callable[[], None]] = []
        self.noticed: JournalRestored | None = None
        self.told: tuple[str, ...] = ()
        self._state = state or SqlState(connection)
        self._writer = writer or Writer()

    def append(self, entry: Entry) -> int:
        """Log an entry and fold it; returns its seq. Raises JournalError where the log is shorter than this
        process knows it."""
        self._notice()
        return self._log(entry)

    def _notice(self) -> None:
        """Before anything is written to a journal that was put back or copied: from here on it is another
        one, what it knew of the venues holds no more, and nobody goes on with what it holds as open."""
        if not self._writer.restored or self.noticed:
            return
        from mvx.domain.entries import JournalRestored
        from mvx.journal.left_open import close

        self.noticed = JournalRestored(random_epoch(self._writer.machine), self._writer.restored)
        self._log(self.noticed)
        left = close(self.connection)
        for entry in left.entries:
            self._log(entry)
        self.told = left.told
        self.connection.execute("UPDATE contact SET agreed_at = NULL")

    def _log(self, entry: Entry) -> int:
        encode, apply = _tools()
        cursor = self.connection.execute(
            "INSERT INTO log (at, kind, body) VALUES (?, ?, ?)",
            (self.at, type(entry).__name__, encode(entry)),
        )
        seq = cursor.lastrowid
        assert seq is not None
        self._writer.refuse_if_shorter(seq)
        self.seq = seq
        apply(self._state, seq, self.at, entry)
        return seq

    def next_cl_ord_ids(self, count: int) -> tuple[ClOrdId, ...]:
        """The ids for the next intents of this transaction."""
        used = int(self.meta("orders"))
        return tuple(make_cl_ord_id(self._writer.epoch, used + 1 + each) for each in range(count))

    def next_parent_id(self) -> ParentId:
        return make_parent_id(self._writer.epoch, int(self.meta("parents")) + 1)

    def next_job_id(self) -> JobId:
        return make_job_id(self._writer.epoch, int(self.meta("jobs") or 0) + 1)

    def take_lease(self, name: str, holder: str, *, by_force: bool = False) -> Lease | None:
        """The lease, or None while one has not expired, whoever holds it: a process has many workers. By
        force it is taken from them. It is work that begins, so a journal that was put back says so first."""
        self._notice()
        row = self.connection.execute(
            f"SELECT fence, iif({HELD}, expires_at, 0) FROM leases WHERE name = ?",  # noqa: S608  our own words
            (*held(self.at), name),
        ).fetchone()
        if row is not None and row[1] > self.at and not by_force:
            return None
        fence = 1 if row is None else row[0] + 1
        self.connection.execute(
            "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)",
            (name, holder, fence, after(self.at, LEASE_S)),
        )
        return Lease(name, fence)

    def drop_lease(self, lease: Lease) -> None:
        """Give it back. The fence moves on and is never used twice, so whoever stalled stays out."""
        self.connection.execute(
            "UPDATE leases SET fence = fence + 1, expires_at = 0 WHERE name = ? AND fence = ?",
            (lease.name, lease.fence),
        )

    def _renew(self, lease: Lease) -> None:
        cursor = self.connection.execute(
            "UPDATE leases SET expires_at = ? WHERE name = ? AND fence = ?",
            (after(self.at, LEASE_S), lease.name, lease.fence),
        )
        if cursor.rowcount != 1:
            raise LeaseLost(
                f"another worker took over {lease.name}",
                known="this process sends nothing more for it",
                next_step="mvx orders",
            )

    def note_contact(self, venue: str, **columns: Any) -> None:
        """Ages and health of a venue: not part of the log, and not a fold of it."""
        self._notice()
        names = ", ".join(columns)
        holes = ", ".join("?" * len(columns))
        updates = ", ".join(f"{name} = excluded.{name}" for name in columns)
        self.connection.execute(
            f"INSERT INTO contact (venue, {names}) VALUES (?, {holes})"  # noqa: S608  our own names
            f" ON CONFLICT (venue) DO UPDATE SET {updates}",
            (venue, *columns.values()),
        )

    def note_health(self, venue: str, body: str) -> None:
        """What is known of a venue's health: not part of the log, and not a fold of it."""
        self._notice()
        self.connection.execute("INSERT OR REPLACE INTO health VALUES (?, ?)", (venue, body))

    def note_mark(self, instrument: str, px: str) -> None:
        """The last mid seen of an instrument, for reports only."""
        self.connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", (instrument, px, self.at))


@cache
def _tools() -> tuple[Callable[[object], str], Callable[..., None]]:
    """Encoding and folding, loaded by who writes: a read-only command does without."""
    from mvx.journal.codec import encode
    from mvx.journal.fold import apply

    return encode, apply


class Journal:
    """The journal of a desk. Raises JournalError where its file can not be used."""

    def __init__(
        self,
        path: Path,
        *,
        mode: str,
        create: bool = True,
        clock: Clock | None = None,
        machine: Machine = THIS_MACHINE,
    ) -> None:
        if not create and not is_there(path):
            raise _missing(path)
        self.path = path
        self._clock = clock or SystemClock()
        self._database = Database(path, holds=HOLDS, machine=machine)
        self._state = SqlState(self._database.connection)
        self._writer = Writer(path, machine)
        self._notices: list[str] = []
        with self._database.read() as connection:
            version = version_of(path, connection)
        if version < VERSION:
            if not version and not create:
                raise _missing(path)
            self._create(mode)
        self._check_mode(mode)
        self._writer.look(self._identity)

    def close(self) -> None:
        self._writer.close()
        self._database.close()

    @property
    def restored(self) -> str:
        """Why this is not the journal that was last written here; empty where it is, and once the log
        says so."""
        return self._writer.restored

    def notices(self) -> tuple[str, ...]:
        """What an operator must hear of the journal itself, once."""
        told, self._notices = tuple(self._notices), []
        return told

    @contextmanager
    def write(self, lease: Lease | None = None, *, at: Instant | None = None) -> Iterator[WriteTx]:
        """A durable transaction, dated once it has the lock (or `at`). Raises LeaseLost where the lease
        was taken by another worker."""
        if_lost = [self._state.forget]
        try:
            with self._database.write() as connection:
                if self._state.refresh():
                    refuse_other_schema(self.path, connection)
                self._writer.make_sure(partial(_identity, connection))
                now = self._clock.now() if at is None else at
                transaction = WriteTx(connection, now, self._state, self._writer)
                transaction.if_lost = if_lost
                if lease is not None:
                    transaction._renew(lease)
                yield transaction
                connection.execute("COMMIT")
                self._landed(transaction)
        except BaseException:
            for undo in if_lost:
                undo()
            raise

    @contextmanager
    def read(self) -> Iterator[ReadTx]:
        with self._database.read() as connection:
            yield ReadTx(connection)

    def _landed(self, transaction: WriteTx) -> None:
        """After its commit, and under its lock still."""
        found = transaction.noticed
        if found is not None:
            self._notices += [put_back(self.path, found.why), *transaction.told]
        if transaction.seq:
            self._writer.landed(transaction.seq, None if found is None else found.epoch)

    def _create(self, mode: str) -> None:
        from mvx.domain.entries import JournalOpened

        with self._database.write() as connection:
            version = version_of(self.path, connection)
            if version == VERSION:
                return
            lost = self._writer.marked_entries()
            migrate(connection)
            if version:
                return  # it was opened long ago, and keeps its mode and its counts
            transaction = WriteTx(connection, self._clock.now())
            epoch = random_epoch(self._writer.machine)
            # Before the commit: a journal without its mark is an alarm, a mark without its journal is none.
            self._writer.begin(epoch)
            transaction.append(JournalOpened(epoch, mode))
        if lost:
            self._notices.append(begun_anew(self.path, lost))

    def _identity(self) -> tuple[str, int]:
        with self.read() as tx:
            return _identity(tx.connection)

    def _check_mode(self, mode: str) -> None:
        with self.read() as tx:
            found = tx.meta("mode")
        if found != mode:
            raise JournalError(
                f"{self.path} is a {found} journal, and the configured venues are {mode}",
                known="paper and live never share a journal",
                next_step="name another one with --journal, or [journal] path in the configuration",
            )


def _identity(connection: Connection) -> tuple[str, int]:
    """The journal's epoch, and how far its log has come."""
    epoch, seq = connection.execute(
        "SELECT (SELECT value FROM meta WHERE name = 'epoch'), coalesce(max(seq), 0) FROM log"
    ).fetchone()
    return epoch, seq


def _missing(path: Path) -> JournalError:
    return JournalError(
        f"there is no journal at {path}",
        known="a fresh one would forget every order id and reservation",
        next_step="mvx init makes it; if it was moved, name it with --journal",
    )
