"""Queries of the journal's history: fills, parents, anchors, doubts and breaks.

Busts, transfers and pushed fills, which are rare, are in events.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mvx.domain.entries import FillBooked
from mvx.domain.execution import Fill, FillKey
from mvx.domain.ids import Asset, ClOrdId, OrderId, ParentId, Venue
from mvx.domain.instant import Instant
from mvx.domain.ledger import Anchor, Doubt
from mvx.domain.money import plain
from mvx.domain.order import Order
from mvx.journal.fill_rows import fill_of
from mvx.journal.rows import number_or_none, text_or_none
from mvx.journal.schema import FILL_KEY
from mvx.journal.store import HELD, ReadTx, held
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
    opened_at: Instant


_PARENTS = (
    "SELECT parent_id, key, params, instrument, side, order_qty, status, result, opened_at FROM parents"
)


_IS_KEY = " AND ".join(f"{name} = ?" for name in FILL_KEY)
_KEY = ", ".join(FILL_KEY)
_STANDS = f"({_KEY}) NOT IN (SELECT {_KEY} FROM busts)"  # noqa: S608  our own column names


def _booked(tx: ReadTx, tail: str, values: Sequence[Any]) -> tuple[FillBooked, ...]:
    return tuple(
        FillBooked(fill_of(row), row["base"], row["quote"], row["cl_ord_id"], json.loads(row["absorbed"]))
        for row in tx.rows("fills", tail, values)
    )


def fills_booked_after(tx: ReadTx, venue: Venue, seq: int) -> tuple[FillBooked, ...]:
    """A venue's fills that were booked after an entry of the log, in the order of booking."""
    return _booked(tx, "WHERE seq > ? AND venue = ? ORDER BY seq", (seq, venue))


def fills_with_keys(tx: ReadTx, keys: Iterable[FillKey]) -> tuple[FillBooked, ...]:
    """The booked fills of these keys."""
    return tuple(booked for key in keys for booked in _booked(tx, f"WHERE {_IS_KEY}", key))


def recent_fills(
    tx: ReadTx, *, since: Instant | None, venue: str | None, limit: int
) -> tuple[FillBooked, ...]:
    """The newest fills first; of one instant the one that was booked last."""
    tail = "WHERE at >= ? AND (? IS NULL OR venue = ?) ORDER BY at DESC, seq DESC LIMIT ?"
    return _booked(tx, tail, (since or 0, venue, venue, limit))


def fills_of(tx: ReadTx, orders: Iterable[Order]) -> tuple[FillBooked, ...]:
    """The fills of these orders that their venues did not take back: they were booked after the order was."""
    intended = "(SELECT seq FROM orders WHERE cl_ord_id = ?1)"
    tail = f"WHERE seq > {intended} AND cl_ord_id = ?1 AND {_STANDS} ORDER BY seq"
    return tuple(booked for each in orders for booked in _booked(tx, tail, (each.cl_ord_id,)))


def known_fills(tx: ReadTx, fills: Sequence[Fill]) -> dict[FillKey, Fill]:
    """Those of these fills whose key is booked, as they were booked.

    Replays are the ordinary case, and mostly of what was booked last: the end of the table is read at
    once and compared as text, without making a value of each row; what is older is looked up by key.
    """
    last = _last_numbers(tx, 2 * len(fills))
    known: dict[FillKey, Fill] = {}
    for fill in fills:
        key = fill.key
        row = last.get(key) or _numbers_of_key(tx, key)
        if row is not None:
            known[key] = fill if row == _numbers(fill) else _fill(key, row)
    return known


_NUMBERS = "order_id, qty, price, fee_asset, fee_amount, at, gross_trade_amt"
_Numbers = tuple[str, str, str, str, str, int, str | None]


def _numbers(fill: Fill) -> _Numbers:
    amount, moved = plain(fill.fee_amount), text_or_none(fill.gross_trade_amt)
    return (fill.order_id, plain(fill.qty), plain(fill.price), fill.fee_asset, amount, fill.at, moved)


def _fill(key: FillKey, row: _Numbers) -> Fill:
    order_id, qty, price, fee_asset, amount, at, moved = row
    asset, paid = Asset(fee_asset), Decimal(amount)
    numbers = (Decimal(qty), Decimal(price), asset, paid, Instant(at))
    return Fill(*key, OrderId(order_id), *numbers, gross_trade_amt=number_or_none(moved))


def _last_numbers(tx: ReadTx, count: int) -> dict[tuple[str, ...], _Numbers]:
    # A limit that is a bare parameter has SQLite prepare the statement anew each time.
    sql = f"SELECT {_KEY}, {_NUMBERS} FROM fills ORDER BY seq DESC LIMIT 0 + ?"  # noqa: S608  our own names
    width = len(FILL_KEY)
    return {row[:width]: row[width:] for row in tx.connection.execute(sql, (count,))}


def _numbers_of_key(tx: ReadTx, key: FillKey) -> _Numbers | None:
    sql = f"SELECT {_NUMBERS} FROM fills WHERE {_IS_KEY}"  # noqa: S608  our own column names
    row: _Numbers | None = tx.connection.execute(sql, key).fetchone()
    return row


_ANCHORS = """
SELECT asset, kind, at, listed, (SELECT log.at FROM log WHERE log.seq = anchors.seq) AS committed_at,
  kind != 'opening' AND EXISTS (
    SELECT 1 FROM log WHERE log.seq > anchors.seq AND log.kind = 'BaselineSet'
      AND log.body ->> 'venue' = anchors.venue AND log.body ->> 'asset' = anchors.asset)
FROM anchors WHERE venue = ?
"""


def anchors(tx: ReadTx, venue: Venue, since: Instant) -> tuple[Anchor, ...]:
    """A venue's opening, which is one row of many alike, and its adjustments that were made at or after
    since, oldest first. None: not opened yet."""
    opened = tx.connection.execute(f"{_ANCHORS} AND kind = 'opening' LIMIT 1", (venue,)).fetchall()
    adjusted = tx.connection.execute(
        f"{_ANCHORS} AND kind != 'opening' AND max(at, committed_at) >= ? ORDER BY seq", (venue, since)
    )
    rows = [*opened, *adjusted]
    return tuple(
        Anchor(asset, kind, at, frozenset(json.loads(listed)), until, bool(rebased))
        for asset, kind, at, listed, until, rebased in rows
    )


def known_break_refs(tx: ReadTx, refs: Iterable[str]) -> frozenset[str]:
    """Those of these breaks that were said before."""
    known = (tx.connection.execute("SELECT ref FROM breaks WHERE ref = ?", (ref,)).fetchone() for ref in refs)
    return frozenset(row[0] for row in known if row is not None)


def breaks(tx: ReadTx, after_seq: int) -> list[dict[str, Any]]:
    """The breaks logged after a seq."""
    return tx.rows("breaks", "WHERE id > ? ORDER BY id", (after_seq,))


_OPEN = "corrected = 0 AND acked_at IS NULL"


def open_breaks(tx: ReadTx) -> int:
    """How many are neither corrected nor acknowledged."""
    sql = f"SELECT count(*) FROM breaks WHERE {_OPEN}"  # noqa: S608  our own words
    return int(tx.connection.execute(sql).fetchone()[0])


def recent_breaks(
    tx: ReadTx, *, since: Instant | None, venue: str | None, open_only: bool, limit: int
) -> list[dict[str, Any]]:
    """The newest breaks first. Open: neither corrected nor acknowledged."""
    tail = f"WHERE at >= ? AND (? IS NULL OR venue = ?) AND (NOT ? OR ({_OPEN})) ORDER BY id DESC LIMIT ?"
    return tx.rows("breaks", tail, (since or 0, venue, venue, open_only, limit))


def break_by_id(tx: ReadTx, break_id: int) -> dict[str, Any] | None:
    found = tx.rows("breaks", "WHERE id = ?", (break_id,))
    return found[0] if found else None


def parent_by_key(tx: ReadTx, key: str) -> ParentRow | None:
    return _parent(tx, "WHERE key = ?", key)


def parent(tx: ReadTx, parent_id: str) -> ParentRow | None:
    return _parent(tx, "WHERE parent_id = ?", parent_id)


def _parent(tx: ReadTx, where: str, value: str) -> ParentRow | None:
    row = tx.connection.execute(f"{_PARENTS} {where}", (value,)).fetchone()
    return None if row is None else _parent_row(row)


def _parent_row(row: Sequence[Any]) -> ParentRow:
    parent_id, key, params, instrument, side, order_qty, status, result, opened_at = row
    return ParentRow(parent_id, key, params, instrument, side, Decimal(order_qty), status, result, opened_at)


def account_of(tx: ReadTx, venue: Venue) -> str | None:
    """The account that the journal's orders at a venue are of; None where there are none."""
    row = tx.connection.execute("SELECT account FROM orders WHERE venue = ? LIMIT 1", (venue,)).fetchone()
    return None if row is None else str(row[0])


def is_cancel_requested_after(tx: ReadTx, cl_ord_id: ClOrdId, seq: int) -> bool:
    """Whether anybody asked for a cancel of an order after an entry of the log."""
    sql = "SELECT 1 FROM log WHERE seq > ? AND kind = 'CancelRequested' AND body ->> 'cl_ord_id' = ?"
    return tx.connection.execute(sql, (seq, cl_ord_id)).fetchone() is not None


def working_parents(tx: ReadTx, at: Instant) -> tuple[ParentRow, ...]:
    """Parents that a live worker is working: the lease is held and has not expired."""
    live = f"JOIN leases ON name = parent_id WHERE status = 'working' AND {HELD} ORDER BY parent_id"
    return tuple(map(_parent_row, tx.connection.execute(f"{_PARENTS} {live}", held(at))))


def holders(tx: ReadTx, at: Instant) -> dict[ParentId, str]:
    """Who holds a lease that has not expired, by what it is on."""
    sql = f"SELECT name, holder FROM leases WHERE {HELD}"  # noqa: S608  our own words
    return dict(tx.connection.execute(sql, held(at)).fetchall())


def lease_is_held(tx: ReadTx, name: str, at: Instant) -> bool:
    sql = f"SELECT 1 FROM leases WHERE name = ? AND {HELD}"  # noqa: S608  our own words
    return tx.connection.execute(sql, (name, *held(at))).fetchone() is not None


def doubts(tx: ReadTx, venue: Venue | None = None) -> dict[tuple[Venue, Asset], Doubt]:
    """The balances left open, with no event on their asset since."""
    rows = tx.connection.execute(
        f"SELECT venue, asset, theirs, read_at {DOUBTS_OPEN} AND (? IS NULL OR venue = ?)",
        (venue, venue),
    )
    return {
        (venue_, asset): Doubt(asset, Decimal(theirs), read_at) for venue_, asset, theirs, read_at in rows
    }
