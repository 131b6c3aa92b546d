"""The rows that the fold reads and writes, in the SQL tables."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from mvx.journal.schema import FOLDS
from mvx.sqlite import Connection

if TYPE_CHECKING:
    from mvx.domain.order import Order

_ROWS_KEPT = 1000


class SqlState:
    """The fold's view of the tables. It keeps the rows that it last read or wrote, for a stream of
    fills moves the same few; `refresh` drops them as soon as another connection has committed."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute
        self.orders: dict[str, Order] = {}
        self._rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._version = -1

    def refresh(self) -> bool:
        """For the start of a transaction, once it has the lock: whether another connection may have committed
        since the last one."""
        version = self._execute("PRAGMA data_version").fetchone()[0]
        changed: bool = version != self._version
        if changed or len(self._rows) + len(self.orders) > _ROWS_KEPT:
            self.forget()
            self._version = version
        return changed

    def forget(self) -> None:
        """For a transaction that was rolled back."""
        self._rows.clear()
        self.orders.clear()
        self._version = -1

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
