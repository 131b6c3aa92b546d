"""`journal verify`: ask SQLite about its file, refold the whole log from seq 0 and compare every
materialised row, and the tables themselves with those that the migrations make.

A difference is a defect of mvx or a hand in the file; nothing is repaired.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mvx.domain.money import MAX_DIGITS, ZERO, bounded
from mvx.domain.order import Order
from mvx.journal.codec import decode
from mvx.journal.fold import apply
from mvx.journal.schema import FOLDS, fresh_schema, schema_of
from mvx.journal.store import ReadTx
from mvx.sqlite import check_whole as check_whole

#: Of a posting: a quantity times a price, or a sum of such.
_MOST_DIGITS = 3 * MAX_DIGITS


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that the log does not explain; None: not there."""

    table: str
    key: tuple[Any, ...]
    refolded: tuple[Any, ...] | None
    stored: tuple[Any, ...] | None


class MemoryState:
    """The fold's state in plain dicts."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.tables: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {name: {} for name in FOLDS}

    def get(self, table: str, *key: Any) -> dict[str, Any] | None:
        return self.tables[table].get(key)

    def add(self, table: str, row: dict[str, Any]) -> bool:
        key = _key(table, row)
        return self.tables[table].setdefault(key, row) is row

    def put(self, table: str, row: dict[str, Any]) -> None:
        self.tables[table][_key(table, row)] = row

    def update(self, table: str, row: dict[str, Any]) -> None:
        self.tables[table][_key(table, row)] |= row

    def delete(self, table: str, *key: Any) -> None:
        self.tables[table].pop(key, None)


def _key(table: str, row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in FOLDS[table].key)


class Unfoldable(Exception):
    """An entry that is none, or that does not follow from those before it."""

    def __init__(self, seq: int, kind: str, why: Exception) -> None:
        super().__init__(f"{type(why).__name__}: {why}")
        self.entry = (seq, kind)


def refold(tx: ReadTx) -> MemoryState:
    """The tables that the log makes. Raises Unfoldable."""
    state = MemoryState()
    for seq, at, kind, body in tx.connection.execute("SELECT seq, at, kind, body FROM log ORDER BY seq"):
        try:
            apply(state, seq, at, decode(kind, body))
        except Exception as error:  # whatever a hand in the log can make of it
            raise Unfoldable(seq, kind, error) from error
    return state


def differences(tx: ReadTx) -> Iterator[Difference]:
    """Every row that differs between the log's fold and the tables; and every holding that is not
    the sum of its postings. Of a log that can not be folded, the first entry that can not. Of a file whose
    tables are others than mvx makes, these alone: nothing in them would mean what it says."""
    others = tuple(other_schema(tx))
    yield from others
    if any(each.refolded is not None and each.key[0] in ("table", "view") for each in others):
        return
    yield from gaps(tx)
    try:
        state = refold(tx)
    except Unfoldable as error:
        yield Difference("log", error.entry[:1], (str(error),), error.entry)
        return
    for name, table in FOLDS.items():
        expected = {
            key: tuple(row[column] for column in table.columns) for key, row in state.tables[name].items()
        }
        rows = tx.connection.execute(f"SELECT {', '.join(table.columns)} FROM {name}")  # noqa: S608  our own names
        stored = {tuple(row[: len(table.key)]): tuple(row) for row in rows}
        for key in sorted(expected.keys() | stored.keys(), key=repr):
            if expected.get(key) != stored.get(key):
                yield Difference(name, key, expected.get(key), stored.get(key))
    yield from unbalanced(tx)


def other_schema(tx: ReadTx) -> Iterator[Difference]:
    """Every table, view, index or trigger that mvx would not make, or would make otherwise: a trigger changes
    what is written, and a view what is read."""
    made, stored = fresh_schema(), schema_of(tx.connection)
    for key in sorted(made.keys() | stored.keys()):
        if made.get(key) != stored.get(key):
            yield Difference("sqlite_master", key, _cell(made.get(key)), _cell(stored.get(key)))


def _cell(text: str | None) -> tuple[str] | None:
    return None if text is None else (text,)


def gaps(tx: ReadTx) -> Iterator[Difference]:
    """Entries that are gone from the log: it counts from 1, and skips nothing."""
    for first, last in tx.connection.execute(
        "SELECT before + 1, seq - 1 FROM (SELECT seq, lag(seq, 1, 0) OVER (ORDER BY seq) AS before FROM log)"
        " WHERE seq <> before + 1 ORDER BY seq"
    ):
        yield Difference("log", (first, last), ("these entries",), None)


def unbalanced(tx: ReadTx) -> Iterator[Difference]:
    """Every holding that is not the sum of its postings, or where one of them is no number."""
    sums: dict[tuple[str, str], Decimal | None] = {}
    for venue, asset, amount in tx.connection.execute("SELECT venue, asset, amount FROM postings"):
        before, number = sums.get((venue, asset), ZERO), _number(amount)
        sums[venue, asset] = None if before is None or number is None else before + number
    rows = tx.connection.execute("SELECT venue, asset, confirmed FROM holdings")
    held = {(venue, asset): confirmed for venue, asset, confirmed in rows}
    for key in sorted(sums.keys() | held.keys(), key=repr):
        total = sums.get(key, ZERO)
        if total is None or total != _number(held.get(key, "0")):
            yield Difference("holdings", key, (str(total),), (held.get(key),))


def _number(text: Any) -> Decimal | None:
    """None for what can not be one of ours, whoever wrote it."""
    try:
        number = Decimal(text)
    except (ArithmeticError, TypeError, ValueError):
        return None
    return number if bounded(number, _MOST_DIGITS) else None
