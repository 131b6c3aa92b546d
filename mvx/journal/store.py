"""The journal's file: write transactions that append and fold, read transactions, leases, contact.

Rule: a write transaction sees and changes one state, is fsynced before it returns, and when it is
fenced it is refused as soon as another worker took the lease. No `await` happens inside one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mvx.clock import Clock, SystemClock
from mvx.domain.ids import (
    EPOCH_RANGE,
    ClOrdId,
    JobId,
    ParentId,
    make_cl_ord_id,
    make_epoch,
    make_job_id,
    make_parent_id,
)
from mvx.domain.instant import Instant, after
from mvx.errors import JournalError, LeaseLost
from mvx.journal.schema import FOLDS, VERSION, migrate
from mvx.machine import THIS_MACHINE, Machine
from mvx.sqlite import Connection, Database, DatabaseError, unusable

if TYPE_CHECKING:
    from mvx.domain.entries import Entry
    from mvx.domain.order import Order

LEASE_S = 15.0
_ROWS_KEPT = 1000


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


class WriteTx(ReadTx):
    """A write transaction: what is appended here is folded here, and lands whole or not at all."""

    __slots__ = ("_state", "at")

    def __init__(self, connection: Connection, at: Instant, state: SqlState | None = None) -> None:
        super().__init__(connection)
        self.at = at
        self._state = state or SqlState(connection)

    def append(self, entry: Entry) -> int:
        """Log an entry and fold it; returns its seq."""
        encode, apply = _tools()
        cursor = self.connection.execute(
            "INSERT INTO log (at, kind, body) VALUES (?, ?, ?)",
            (self.at, type(entry).__name__, encode(entry)),
        )
        seq = cursor.lastrowid
        assert seq is not None
        apply(self._state, seq, self.at, entry)
        return seq

    def next_cl_ord_ids(self, count: int) -> tuple[ClOrdId, ...]:
        """The ids for the next intents of this transaction."""
        epoch, used = self.meta("epoch"), int(self.meta("orders"))
        return tuple(make_cl_ord_id(epoch, used + 1 + each) for each in range(count))

    def next_parent_id(self) -> ParentId:
        return make_parent_id(self.meta("epoch"), int(self.meta("parents")) + 1)

    def next_job_id(self) -> JobId:
        return make_job_id(self.meta("epoch"), int(self.meta("jobs") or 0) + 1)

    def take_lease(self, name: str, holder: str) -> Lease | None:
        """The lease, or None while somebody else's has not expired."""
        row = self.connection.execute(
            "SELECT holder, fence, expires_at FROM leases WHERE name = ?", (name,)
        ).fetchone()
        if row is not None and row[0] != holder and row[2] > self.at:
            return None
        fence = 1 if row is None else row[1] + 1
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


class SqlState:
    """The fold's view of the tables. It keeps the rows that it last read or wrote, for a stream of
    fills moves the same few; `refresh` drops them as soon as another connection has committed."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute
        self.orders: dict[str, Order] = {}
        self._rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._version = -1

    def refresh(self) -> None:
        """For the start of a transaction, once it has the lock."""
        version = self._execute("PRAGMA data_version").fetchone()[0]
        if version != self._version or len(self._rows) + len(self.orders) > _ROWS_KEPT:
            self.forget()
            self._version = version

    def forget(self) -> None:
        """For a transaction that was rolled back."""
        self._rows.clear()
        self.orders.clear()

    def get(self, table: str, *key: Any) -> dict[str, Any] | None:
        kept = self._rows.get((table, *key))
        if kept is not None:
            return kept
        values = self._execute(_SELECT[table], key).fetchone()
        if values is None:
            return None
        row = self._rows[table, *key] = dict(zip(FOLDS[table].columns, values, strict=True))
        return row

    def add(self, table: str, row: dict[str, Any]) -> bool:
        return self._execute(_INSERT[table], [row[name] for name in FOLDS[table].columns]).rowcount == 1

    def put(self, table: str, row: dict[str, Any]) -> None:
        self._execute(_REPLACE[table], [row[name] for name in FOLDS[table].columns])
        self._rows.pop((table, *(row[name] for name in FOLDS[table].key)), None)

    def update(self, table: str, row: dict[str, Any]) -> None:
        values = list(row.values())
        keys = len(FOLDS[table].key)
        cursor = self._execute(_update(table, tuple(row)), values[keys:] + values[:keys])
        if cursor.rowcount != 1:
            raise LookupError(f"no row {values[:keys]} in {table}")
        kept = self._rows.get((table, *values[:keys]))
        if kept is not None:
            kept.update(row)

    def delete(self, table: str, *key: Any) -> None:
        self._execute(_DELETE[table], key)
        self._rows.pop((table, *key), None)


def _where(table: str) -> str:
    return " AND ".join(f"{name} = ?" for name in FOLDS[table].key)


def _insert(table: str, verb: str, tail: str = "") -> str:
    columns = FOLDS[table].columns
    holes = ", ".join("?" * len(columns))
    return f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({holes}) {tail}"


@cache
def _update(table: str, columns: tuple[str, ...]) -> str:
    changed = columns[len(FOLDS[table].key) :]
    return f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in changed)} WHERE {_where(table)}"  # noqa: S608  our own names


_SELECT = {t: f"SELECT {', '.join(FOLDS[t].columns)} FROM {t} WHERE {_where(t)}" for t in FOLDS}  # noqa: S608  our own names
_DELETE = {t: f"DELETE FROM {t} WHERE {_where(t)}" for t in FOLDS}  # noqa: S608  our own names
_INSERT = {t: _insert(t, "INSERT", f"ON CONFLICT ({', '.join(FOLDS[t].key)}) DO NOTHING") for t in FOLDS}
_REPLACE = {t: _insert(t, "INSERT OR REPLACE") for t in FOLDS}


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
        if not create and not path.exists():
            raise _missing(path)
        self.path = path
        self._clock = clock or SystemClock()
        self._machine = machine
        self._database = Database(path, machine=machine)
        self._state = SqlState(self._database.connection)
        try:
            version = self._database.connection.execute("PRAGMA user_version").fetchone()[0]
        except DatabaseError as error:
            raise unusable(path, error) from error
        if version > VERSION:
            raise JournalError(
                f"{path} was written by a newer mvx (schema {version}, this one knows {VERSION})",
                next_step="upgrade mvx",
            )
        if version < VERSION:
            if version == 0 and not create:
                raise _missing(path)
            self._create(mode)
        self._check_mode(mode)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def write(self, lease: Lease | None = None, *, at: Instant | None = None) -> Iterator[WriteTx]:
        """A durable transaction, dated once it has the lock (or `at`). Raises LeaseLost where the lease
        was taken by another worker."""
        try:
            with self._database.write() as connection:
                self._state.refresh()
                now = self._clock.now() if at is None else at
                transaction = WriteTx(connection, now, self._state)
                if lease is not None:
                    transaction._renew(lease)
                yield transaction
        except BaseException:
            self._state.forget()
            raise

    @contextmanager
    def read(self) -> Iterator[ReadTx]:
        with self._database.read() as connection:
            yield ReadTx(connection)

    def _create(self, mode: str) -> None:
        from mvx.domain.entries import JournalOpened

        with self._database.write() as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] == VERSION:
                return
            migrate(connection)
            transaction = WriteTx(connection, self._clock.now())
            transaction.append(JournalOpened(make_epoch(self._machine.randbelow(EPOCH_RANGE)), mode))

    def _check_mode(self, mode: str) -> None:
        with self.read() as tx:
            found = tx.meta("mode")
        if found != mode:
            raise JournalError(
                f"{self.path} is a {found} journal, and the configured venues are {mode}",
                known="paper and live never share a journal",
                next_step="name another one with --journal, or [journal] path in the configuration",
            )


def _missing(path: Path) -> JournalError:
    return JournalError(
        f"there is no journal at {path}",
        known="a fresh one would forget every order id and reservation",
        next_step="mvx init makes it; if it was moved, name it with --journal",
    )
