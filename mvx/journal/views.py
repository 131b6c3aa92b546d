"""Queries on one snapshot of the journal that every command needs: orders, holdings, contact, marks.

Fills, parents and breaks are in history.py, which a read-only command does not load.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from mvx.domain.ids import Asset, ClOrdId, OrderId, ParentId, Venue
from mvx.domain.instant import Instant
from mvx.domain.order import Order
from mvx.domain.trading import Trading, TradingState
from mvx.journal.rows import order_of
from mvx.journal.schema import FOLDS, ORDER_COLUMNS
from mvx.journal.store import ReadTx

DOUBTS_OPEN = (
    "FROM doubts LEFT JOIN holdings USING (venue, asset) WHERE doubts.seq > coalesce(holdings.last_seq, 0)"
)
_ORDERS = f"SELECT {', '.join(ORDER_COLUMNS)} FROM orders"  # noqa: S608  our own column names
#: Named, for left to itself SQLite reads every order there ever was, in the order that is asked for.
_UNSETTLED = "INDEXED BY orders_unsettled WHERE settled = 0"


class HoldingRow(NamedTuple):
    """What a venue has confirmed of an asset, and the part of it that is no position."""

    venue: Venue
    asset: Asset
    confirmed: Decimal
    baseline: Decimal


class Contact(NamedTuple):
    """When a venue last answered, last agreed, last failed; None: never."""

    answered_at: Instant | None = None
    agreed_at: Instant | None = None
    failed_at: Instant | None = None
    failed_why: str | None = None
    read_began_at: Instant | None = None
    cursor_at: Instant | None = None


class Mark(NamedTuple):
    """A price, and when it was seen."""

    px: Decimal
    at: Instant


def _orders(tx: ReadTx, tail: str, *values: Any) -> tuple[Order, ...]:
    rows = tx.connection.execute(f"{_ORDERS} {tail}", values)
    return tuple(map(_order, rows))


@lru_cache(maxsize=1024)
def _order(row: tuple[Any, ...]) -> Order:
    """A desk reads the same few rows again and again, and an order never changes."""
    return order_of(dict(zip(ORDER_COLUMNS, row, strict=True)))


def unsettled_orders(tx: ReadTx, venue: Venue | None = None) -> tuple[Order, ...]:
    """Every order that may still change a holding, oldest first."""
    if venue is None:
        return _orders(tx, f"{_UNSETTLED} ORDER BY created_at, cl_ord_id")
    return _orders(tx, f"{_UNSETTLED} AND venue = ? ORDER BY created_at, cl_ord_id", venue)


def order(tx: ReadTx, cl_ord_id: str) -> Order | None:
    found = _orders(tx, "WHERE cl_ord_id = ?", cl_ord_id)
    return found[0] if found else None


def orders_with_venue_id(tx: ReadTx, order_id: str) -> tuple[Order, ...]:
    """Those that a venue knows by this id: two venues may count alike."""
    return tuple(_orders(tx, "WHERE order_id = ? ORDER BY seq", order_id))


def orders_named(
    tx: ReadTx, venue: Venue, cl_ord_ids: Iterable[ClOrdId], order_ids: Iterable[OrderId]
) -> tuple[Order, ...]:
    """The orders of a venue that carry one of these ids, settled ones included."""
    found: dict[ClOrdId, Order] = {}
    for cl_ord_id in set(cl_ord_ids):
        for each in _orders(tx, "WHERE cl_ord_id = ? AND venue = ?", cl_ord_id, venue):
            found[each.cl_ord_id] = each
    for order_id in set(order_ids):
        for each in _orders(tx, "WHERE venue = ? AND order_id = ?", venue, order_id):
            found[each.cl_ord_id] = each
    return tuple(found.values())


def children(tx: ReadTx, parent_id: ParentId) -> tuple[Order, ...]:
    return _orders(tx, "WHERE parent_id = ? ORDER BY created_at, cl_ord_id", parent_id)


def created_after(tx: ReadTx, since: Instant) -> tuple[Instant, ...]:
    """When each of our own orders of that time was committed, whatever became of it."""
    sql = "SELECT created_at FROM orders WHERE created_at > ? AND parent_id IS NOT NULL"
    return tuple(at for (at,) in tx.connection.execute(sql, (since,)))


def recent_orders(
    tx: ReadTx, *, since: Instant | None, venue: str | None, open_only: bool, limit: int
) -> tuple[Order, ...]:
    """The newest orders first."""
    return _orders(
        tx,
        "WHERE created_at >= ? AND (? IS NULL OR venue = ?) AND (NOT ? OR settled = 0)"
        " ORDER BY created_at DESC, cl_ord_id DESC LIMIT ?",
        since or 0,
        venue,
        venue,
        open_only,
        limit,
    )


def holdings(tx: ReadTx, venue: Venue | None = None) -> dict[tuple[Venue, Asset], HoldingRow]:
    rows = tx.connection.execute(
        "SELECT venue, asset, confirmed, baseline FROM holdings WHERE ? IS NULL OR venue = ?",
        (venue, venue),
    )
    return {
        (venue_, asset): HoldingRow(venue_, asset, Decimal(confirmed), Decimal(baseline))
        for venue_, asset, confirmed, baseline in rows
    }


def is_opened(tx: ReadTx, venue: Venue) -> bool:
    """Whether first contact has been committed."""
    sql = "SELECT 1 FROM anchors WHERE venue = ? LIMIT 1"
    return tx.connection.execute(sql, (venue,)).fetchone() is not None


def was_traded(tx: ReadTx, venue: Venue, asset: Asset) -> bool:
    """Whether an order of the journal was in this base there."""
    sql = "SELECT 1 FROM orders WHERE venue = ? AND base = ? LIMIT 1"
    return tx.connection.execute(sql, (venue, asset)).fetchone() is not None


def doubted(tx: ReadTx) -> frozenset[tuple[Venue, Asset]]:
    """The balances left open, with no event on their asset since."""
    return frozenset(tx.connection.execute(f"SELECT venue, asset {DOUBTS_OPEN}"))


def contacts(tx: ReadTx) -> dict[Venue, Contact]:
    rows = tx.connection.execute(
        "SELECT venue, answered_at, agreed_at, failed_at, failed_why, read_began_at, cursor_at FROM contact"
    )
    return {venue: Contact(*columns) for venue, *columns in rows}


def out_of_date(tx: ReadTx, venues: Iterable[Venue], *, restored: str) -> frozenset[Venue]:
    """The venues that this journal knows from an older one: it was put back or copied, and they have not
    agreed since. `restored` is the journal's own."""
    if not restored and not tx.meta("restored"):
        return frozenset()
    known = contacts(tx)
    return frozenset(
        venue
        for venue in venues
        if is_opened(tx, venue) and (restored or known.get(venue, Contact()).agreed_at is None)
    )


def trading(tx: ReadTx) -> dict[Venue | None, Trading]:
    """The trading states that were ever set; what was not is ACTIVE."""
    rows = tx.connection.execute("SELECT scope, state, reason, by, at FROM trading")
    return {
        (scope or None): Trading(scope or None, TradingState(state), reason, by, at)
        for scope, state, reason, by, at in rows
    }


def health_texts(tx: ReadTx) -> dict[Venue, str]:
    """What was last noted of each venue's health."""
    return dict(tx.connection.execute("SELECT venue, body FROM health").fetchall())


def unsent_orders(tx: ReadTx, venue: Venue | None = None) -> tuple[Order, ...]:
    """Intents that nobody has begun to send."""
    return tuple(order for order in unsettled_orders(tx, venue) if order.unsent)


def marks(tx: ReadTx) -> dict[str, Mark]:
    """The last mid seen of each instrument, in its quote."""
    rows = tx.connection.execute("SELECT instrument, px, at FROM marks")
    return {name: Mark(Decimal(px), at) for name, px, at in rows}


def last_seq(tx: ReadTx) -> int:
    return int(tx.connection.execute("SELECT coalesce(max(seq), 0) FROM log").fetchone()[0])


def last_at(tx: ReadTx) -> Instant | None:
    """The latest time in the log."""
    at: Instant | None = tx.connection.execute("SELECT max(at) FROM log").fetchone()[0]
    return at


def table_counts(tx: ReadTx) -> dict[str, int]:
    """Rows per table, the log's included; of those that are there."""
    count = tx.connection.execute
    there = {name for (name,) in count("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return {
        name: int(count(f"SELECT count(*) FROM {name}").fetchone()[0])  # noqa: S608  our own table names
        for name in ("log", *FOLDS)
        if name in there
    }


def sqlite_version(tx: ReadTx) -> str:
    return str(tx.connection.execute("SELECT sqlite_version()").fetchone()[0])
