"""Queries of the journal's history: fills, parents, anchors, doubts and breaks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mvx.domain.entries import FillBooked
from mvx.domain.execution import Fill, FillKey
from mvx.domain.ids import Asset, OrderId, ParentId, Venue
from mvx.domain.instant import Instant, after
from mvx.domain.ledger import Anchor, Doubt
from mvx.domain.money import plain
from mvx.domain.order import Order
from mvx.journal.fill_rows import fill_of
from mvx.journal.schema import FILL_KEY, FOLDS
from mvx.journal.store import ReadTx
from mvx.journal.views import DOUBTS_OPEN


@dataclass(frozen=True, slots=True)
class ParentRow:
    parent_id: ParentId
    key: str | None
    params: str
    instrument: str
    side: str
    order_qty: Decimal
    status: str
    result: str | None


_PARENTS = "SELECT parent_id, key, params, instrument, side, order_qty, status, result FROM parents"


_FILL_COLUMNS = FOLDS["fills"].columns
_FILLS = f"SELECT {', '.join(_FILL_COLUMNS)} FROM fills"  # noqa: S608  our own column names


def _booked(rows: Iterable[Sequence[Any]]) -> tuple[FillBooked, ...]:
    named = (dict(zip(_FILL_COLUMNS, row, strict=True)) for row in rows)
    return tuple(
        FillBooked(fill_of(row), row["base"], row["quote"], row["cl_ord_id"], json.loads(row["absorbed"]))
        for row in named
    )


def fills_since(tx: ReadTx, venue: Venue, since: Instant) -> tuple[FillBooked, ...]:
    """A venue's fills at or after since, oldest first."""
    sql = f"{_FILLS} WHERE venue = ? AND at >= ? ORDER BY at, exec_id"
    return _booked(tx.connection.execute(sql, (venue, since)))


def recent_fills(
    tx: ReadTx, *, since: Instant | None, venue: str | None, limit: int
) -> tuple[FillBooked, ...]:
    """The newest fills first."""
    sql = f"{_FILLS} WHERE at >= ? AND (? IS NULL OR venue = ?) ORDER BY at DESC, exec_id DESC LIMIT ?"
    return _booked(tx.connection.execute(sql, (since or 0, venue, venue, limit)))


def fills_of(tx: ReadTx, orders: Iterable[Order]) -> tuple[FillBooked, ...]:
    """The fills of these orders. A fill is dated by the venue's clock, hence the hour of slack."""
    sql = f"{_FILLS} WHERE venue = ? AND at >= ? AND cl_ord_id = ? ORDER BY at, exec_id"
    return tuple(
        booked
        for each in orders
        for booked in _booked(
            tx.connection.execute(sql, (each.venue, after(each.created_at, -3600), each.cl_ord_id))
        )
    )


def known_fills(tx: ReadTx, fills: Iterable[Fill]) -> dict[FillKey, Fill]:
    """Those of these fills whose key is booked, as they were booked.

    Replays are the ordinary case, so they are compared as text, without making a value of each row.
    """
    by_venue: dict[Venue, list[Fill]] = {}
    for fill in fills:
        by_venue.setdefault(fill.venue, []).append(fill)
    known: dict[FillKey, Fill] = {}
    for venue, listed in by_venue.items():
        rows = _numbers_by_key(tx, venue, min(f.at for f in listed), max(f.at for f in listed))
        for fill in listed:
            key = fill.key
            row = rows.get(key) or _numbers_of_key(tx, key)
            if row is not None:
                known[key] = fill if row == _numbers(fill) else _fill(key, row)
    return known


_NUMBERS = "order_id, qty, price, fee_asset, fee_amount, at"
_KEY = ", ".join(FILL_KEY)
_Numbers = tuple[str, str, str, str, str, int]


def _numbers(fill: Fill) -> _Numbers:
    amount = plain(fill.fee_amount)
    return (fill.order_id, plain(fill.qty), plain(fill.price), fill.fee_asset, amount, fill.at)


def _fill(key: FillKey, row: _Numbers) -> Fill:
    order_id, qty, price, fee_asset, amount, at = row
    asset, paid = Asset(fee_asset), Decimal(amount)
    return Fill(*key, OrderId(order_id), Decimal(qty), Decimal(price), asset, paid, Instant(at))


def _numbers_by_key(
    tx: ReadTx, venue: Venue, start: Instant, end: Instant
) -> dict[tuple[str, ...], _Numbers]:
    sql = f"SELECT {_KEY}, {_NUMBERS} FROM fills WHERE venue = ? AND at BETWEEN ? AND ?"  # noqa: S608
    width = len(FILL_KEY)
    return {row[:width]: row[width:] for row in tx.connection.execute(sql, (venue, start, end))}


def _numbers_of_key(tx: ReadTx, key: FillKey) -> _Numbers | None:
    """One row by its key: a fill that is listed with another time than it was booked with."""
    where = " AND ".join(f"{name} = ?" for name in FILL_KEY)
    sql = f"SELECT {_NUMBERS} FROM fills WHERE {where}"  # noqa: S608  our own column names
    row: _Numbers | None = tx.connection.execute(sql, key).fetchone()
    return row


def anchors(tx: ReadTx, venue: Venue) -> tuple[Anchor, ...]:
    """The openings and adjustments of a venue, oldest first. None: not opened yet."""
    rows = tx.connection.execute(
        "SELECT asset, kind, at, listed FROM anchors WHERE venue = ? ORDER BY seq", (venue,)
    )
    return tuple(Anchor(asset, kind, at, frozenset(json.loads(listed))) for asset, kind, at, listed in rows)


def known_break_refs(tx: ReadTx, venue: Venue) -> frozenset[str]:
    rows = tx.connection.execute("SELECT ref FROM breaks WHERE venue = ?", (venue,))
    return frozenset(ref for (ref,) in rows)


def breaks(tx: ReadTx, after_seq: int) -> list[dict[str, Any]]:
    """The breaks logged after a seq."""
    columns = FOLDS["breaks"].columns
    sql = f"SELECT {', '.join(columns)} FROM breaks WHERE id > ? ORDER BY id"  # noqa: S608
    return [dict(zip(columns, row, strict=True)) for row in tx.connection.execute(sql, (after_seq,))]


def parent_by_key(tx: ReadTx, key: str) -> ParentRow | None:
    return _parent(tx, "WHERE key = ?", key)


def parent(tx: ReadTx, parent_id: str) -> ParentRow | None:
    return _parent(tx, "WHERE parent_id = ?", parent_id)


def _parent(tx: ReadTx, where: str, value: str) -> ParentRow | None:
    row = tx.connection.execute(f"{_PARENTS} {where}", (value,)).fetchone()
    return None if row is None else _parent_row(row)


def _parent_row(row: Sequence[Any]) -> ParentRow:
    parent_id, key, params, instrument, side, order_qty, status, result = row
    return ParentRow(parent_id, key, params, instrument, side, Decimal(order_qty), status, result)


def working_parents(tx: ReadTx, at: Instant) -> tuple[ParentRow, ...]:
    """Parents that a live worker is working: the lease is held and has not expired."""
    live = "EXISTS (SELECT 1 FROM leases WHERE leases.name = parents.parent_id AND leases.expires_at > ?)"
    rows = tx.connection.execute(f"{_PARENTS} WHERE status = 'working' AND {live}", (at,))
    return tuple(_parent_row(row) for row in rows)


def holders(tx: ReadTx, at: Instant) -> dict[ParentId, str]:
    """Who holds a lease that has not expired, by what it is on."""
    rows = tx.connection.execute("SELECT name, holder FROM leases WHERE expires_at > ?", (at,))
    return dict(rows.fetchall())


def lease_is_held(tx: ReadTx, name: str, at: Instant) -> bool:
    sql = "SELECT 1 FROM leases WHERE name = ? AND expires_at > ?"
    return tx.connection.execute(sql, (name, at)).fetchone() is not None


def doubts(tx: ReadTx, venue: Venue | None = None) -> dict[tuple[Venue, Asset], Doubt]:
    """The balances left open, with no event on their asset since."""
    rows = tx.connection.execute(
        f"SELECT venue, asset, ours, theirs, read_at {DOUBTS_OPEN} AND (? IS NULL OR venue = ?)",
        (venue, venue),
    )
    return {
        (venue_, asset): Doubt(asset, Decimal(ours), Decimal(theirs), read_at)
        for venue_, asset, ours, theirs, read_at in rows
    }
