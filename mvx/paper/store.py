"""The paper file: its tables, and rows as values. No rule of trading is here.

Rule: decimals are TEXT in plain notation, instants INTEGER microseconds. Nothing that matters lives
outside this file, so that a command, the next command and a killed one see one truth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from mvx.domain.execution import Fill
from mvx.domain.ids import Asset, ClOrdId, ExecId, OrderId, Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.money import ZERO, plain, round_px
from mvx.domain.order import OrderReport, OrderRequest, Side, TimeInForce
from mvx.domain.order_status import TERMINAL, OrdStatus
from mvx.errors import JournalError
from mvx.sqlite import Connection, Database

SCHEMA_VERSION = 1
ACCOUNT = "paper"
BEGINNING = Instant(0)

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE venues (
    venue TEXT PRIMARY KEY, epoch INTEGER NOT NULL, last_event_at INTEGER NOT NULL,
    orders INTEGER NOT NULL, fills INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE balances (
    venue TEXT, asset TEXT, total TEXT NOT NULL, PRIMARY KEY (venue, asset)
) STRICT, WITHOUT ROWID;
CREATE TABLE orders (
    venue TEXT, number INTEGER, order_id TEXT NOT NULL, cl_ord_id TEXT, symbol TEXT NOT NULL,
    side TEXT NOT NULL, order_qty TEXT NOT NULL, limit_px TEXT, time_in_force TEXT NOT NULL,
    cum_qty TEXT NOT NULL, notional TEXT NOT NULL, ord_status TEXT NOT NULL, open INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (venue, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_open ON orders (venue) WHERE open;
CREATE INDEX orders_closed ON orders (venue, updated_at) WHERE NOT open;
CREATE TABLE fills (
    venue TEXT, number INTEGER, epoch TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
    exec_id TEXT NOT NULL, order_id TEXT NOT NULL, qty TEXT NOT NULL, price TEXT NOT NULL,
    fee_asset TEXT NOT NULL, fee_amount TEXT NOT NULL, at INTEGER NOT NULL,
    listed_at INTEGER NOT NULL, PRIMARY KEY (venue, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX fills_at ON fills (venue, at);
CREATE TABLE in_flight (
    id INTEGER PRIMARY KEY, venue TEXT NOT NULL, arrives_at INTEGER NOT NULL, cl_ord_id TEXT NOT NULL,
    symbol TEXT NOT NULL, side TEXT NOT NULL, order_qty TEXT NOT NULL, limit_px TEXT NOT NULL,
    time_in_force TEXT NOT NULL, post_only INTEGER NOT NULL, deadline INTEGER NOT NULL
) STRICT;
CREATE TABLE faults (
    id INTEGER PRIMARY KEY, venue TEXT NOT NULL, kind TEXT NOT NULL, remaining INTEGER,
    until_at INTEGER, delay_s REAL NOT NULL
) STRICT;
CREATE TABLE feeds (
    venue TEXT, symbol TEXT, step INTEGER, walked INTEGER, PRIMARY KEY (venue, symbol)
) STRICT, WITHOUT ROWID;
CREATE TABLE recordings (path TEXT PRIMARY KEY, origin INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE taken (
    venue TEXT, symbol TEXT, position INTEGER, side TEXT, px TEXT, qty TEXT NOT NULL,
    PRIMARY KEY (venue, symbol, position, side, px)
) STRICT, WITHOUT ROWID;
"""
_TABLES = (
    "meta", "venues", "balances", "orders", "fills", "in_flight", "faults", "feeds", "recordings", "taken",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class VenueRow:
    """One account's counters. The epoch tells its ids from those before a reset."""

    venue: Venue
    epoch: int
    last_event_at: Instant
    orders: int = 0
    fills: int = 0


@dataclass(frozen=True, slots=True)
class PaperOrder:
    """One accepted order. `cl_ord_id` and `limit_px` are None for a manual trade."""

    number: int
    order_id: OrderId
    cl_ord_id: ClOrdId | None
    symbol: Symbol
    side: Side
    order_qty: Decimal
    limit_px: Decimal | None
    time_in_force: TimeInForce
    cum_qty: Decimal
    notional: Decimal
    ord_status: OrdStatus
    accepted_at: Instant
    updated_at: Instant

    @property
    def leaves_qty(self) -> Decimal:
        return self.order_qty - self.cum_qty

    @property
    def open(self) -> bool:
        return self.ord_status not in TERMINAL

    def report(self) -> OrderReport:
        return OrderReport(
            order_id=self.order_id,
            cl_ord_id=self.cl_ord_id,
            symbol=self.symbol,
            side=self.side,
            order_qty=self.order_qty,
            limit_px=self.limit_px,
            cum_qty=self.cum_qty,
            avg_px=round_px(self.notional / self.cum_qty) if self.cum_qty else None,
            ord_status=self.ord_status,
            created_at=self.accepted_at,
            updated_at=self.updated_at,
        )


def open_file(path: Path) -> Database:
    """The paper file, made where there is none. It need not survive a power loss, only a killed process."""
    db = Database(path, durable=False)
    if _version(db.connection) == 0:
        with db.write() as con:
            if _version(con) == 0:
                for statement in SCHEMA.split(";\n"):
                    con.execute(statement)
                con.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    if _version(db.connection) != SCHEMA_VERSION:
        db.close()
        raise JournalError(
            f"{path} was written by another version of mvx",
            next_step=f"start the paper venues afresh: rm {path}*",
        )
    return db


def _version(con: Connection) -> int:
    return int(con.execute("PRAGMA user_version").fetchone()[0])


def wipe(con: Connection) -> None:
    for table in _TABLES:
        con.execute(f"DELETE FROM {table}")  # noqa: S608 - the names are the constants above


def load_venue(con: Connection, venue: Venue) -> VenueRow | None:
    row = con.execute("SELECT * FROM venues WHERE venue = ?", (venue,)).fetchone()
    return VenueRow(*row) if row else None


def last_epoch(con: Connection) -> int:
    return int(con.execute("SELECT coalesce(max(epoch), 0) FROM venues").fetchone()[0])


def save_venue(con: Connection, row: VenueRow) -> None:
    con.execute("INSERT OR REPLACE INTO venues VALUES (?, ?, ?, ?, ?)", astuple(row))


def totals(con: Connection, venue: Venue) -> dict[Asset, Decimal]:
    rows = con.execute("SELECT asset, total FROM balances WHERE venue = ? ORDER BY asset", (venue,))
    return {Asset(asset): Decimal(total) for asset, total in rows}


def add_total(con: Connection, venue: Venue, asset: Asset, amount: Decimal) -> None:
    row = con.execute("SELECT total FROM balances WHERE venue = ? AND asset = ?", (venue, asset)).fetchone()
    total = amount + (Decimal(row[0]) if row else ZERO)
    con.execute("INSERT OR REPLACE INTO balances VALUES (?, ?, ?)", (venue, asset, plain(total)))


_ORDER_COLUMNS = (
    "number, order_id, cl_ord_id, symbol, side, order_qty, limit_px, time_in_force, cum_qty, notional,"
    " ord_status, accepted_at, updated_at"
)


def save_order(con: Connection, venue: Venue, order: PaperOrder) -> None:
    """Inserts the order, or replaces what it was."""
    con.execute(
        f"INSERT OR REPLACE INTO orders (venue, open, {_ORDER_COLUMNS})"  # noqa: S608 - constants
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            venue,
            order.open,
            order.number,
            order.order_id,
            order.cl_ord_id,
            order.symbol,
            order.side,
            plain(order.order_qty),
            None if order.limit_px is None else plain(order.limit_px),
            order.time_in_force,
            plain(order.cum_qty),
            plain(order.notional),
            order.ord_status,
            order.accepted_at,
            order.updated_at,
        ),
    )


def open_orders(con: Connection, venue: Venue) -> tuple[PaperOrder, ...]:
    """In the order of acceptance."""
    return _orders(con, "venue = ? AND open ORDER BY number", (venue,))


def closed_orders(con: Connection, venue: Venue, since: Instant) -> tuple[PaperOrder, ...]:
    """By the time that they closed."""
    condition = "venue = ? AND NOT open AND updated_at >= ? ORDER BY updated_at"
    return _orders(con, condition, (venue, since))


def all_orders(con: Connection, venue: Venue) -> tuple[PaperOrder, ...]:
    return _orders(con, "venue = ? ORDER BY number", (venue,))


def _orders(con: Connection, condition: str, values: tuple[object, ...]) -> tuple[PaperOrder, ...]:
    query = f"SELECT {_ORDER_COLUMNS} FROM orders WHERE {condition}"  # noqa: S608 - constants
    return tuple(map(_order, con.execute(query, values)))


def _order(row: Iterable[Any]) -> PaperOrder:
    number, order_id, cl_ord_id, symbol, side, qty, limit_px, tif, cum, notional, status, at, updated = row
    return PaperOrder(
        number,
        order_id,
        cl_ord_id,
        symbol,
        Side(side),
        Decimal(qty),
        None if limit_px is None else Decimal(limit_px),
        TimeInForce(tif),
        Decimal(cum),
        Decimal(notional),
        OrdStatus(status),
        at,
        updated,
    )


def insert_fill(con: Connection, number: int, fill: Fill, listed_at: Instant) -> None:
    con.execute(
        "INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            fill.venue,
            number,
            fill.epoch,
            fill.symbol,
            fill.side,
            fill.exec_id,
            fill.order_id,
            plain(fill.qty),
            plain(fill.price),
            fill.fee_asset,
            plain(fill.fee_amount),
            fill.at,
            listed_at,
        ),
    )


def fills(
    con: Connection, venue: Venue, since: Instant = BEGINNING, listed_by: Instant | None = None
) -> tuple[Fill, ...]:
    """Oldest first; those listed by an instant, or all that there are."""
    rows = con.execute(
        "SELECT epoch, symbol, side, exec_id, order_id, qty, price, fee_asset, fee_amount, at FROM fills"
        " WHERE venue = ?1 AND at >= ?2 AND (?3 IS NULL OR listed_at <= ?3) ORDER BY at",
        (venue, since, listed_by),
    )
    return tuple(_fill(venue, row) for row in rows)


def _fill(venue: Venue, row: Iterable[Any]) -> Fill:
    epoch, symbol, side, exec_id, order_id, qty, price, fee_asset, fee_amount, at = row
    return Fill(
        venue=venue,
        account=ACCOUNT,
        epoch=epoch,
        symbol=symbol,
        side=Side(side),
        exec_id=ExecId(exec_id),
        order_id=order_id,
        qty=Decimal(qty),
        price=Decimal(price),
        fee_asset=fee_asset,
        fee_amount=Decimal(fee_amount),
        at=at,
    )


def put_in_flight(con: Connection, venue: Venue, request: OrderRequest, arrives_at: Instant) -> None:
    con.execute(
        "INSERT INTO in_flight (venue, arrives_at, cl_ord_id, symbol, side, order_qty, limit_px,"
        " time_in_force, post_only, deadline) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            venue,
            arrives_at,
            request.cl_ord_id,
            request.symbol,
            request.side,
            plain(request.order_qty),
            plain(request.limit_px),
            request.time_in_force,
            request.post_only,
            request.deadline,
        ),
    )


def take_arrived(con: Connection, venue: Venue, now: Instant) -> list[tuple[Instant, OrderRequest]]:
    """The requests that have arrived by now, oldest first; they are in flight no longer."""
    rows = con.execute(
        "SELECT arrives_at, cl_ord_id, symbol, side, order_qty, limit_px, time_in_force, post_only,"
        " deadline FROM in_flight WHERE venue = ? AND arrives_at <= ? ORDER BY arrives_at, id",
        (venue, now),
    ).fetchall()
    con.execute("DELETE FROM in_flight WHERE venue = ? AND arrives_at <= ?", (venue, now))
    return [
        (
            arrives_at,
            OrderRequest(
                cl_ord_id,
                symbol,
                Side(side),
                Decimal(qty),
                Decimal(px),
                TimeInForce(tif),
                bool(post),
                deadline,
            ),
        )
        for arrives_at, cl_ord_id, symbol, side, qty, px, tif, post, deadline in rows
    ]
