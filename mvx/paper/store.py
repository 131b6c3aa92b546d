"""The paper file: its tables, each venue's counters, and its balances. No rule of trading is here.

Rule: decimals are TEXT in plain notation, instants INTEGER microseconds. Nothing that matters lives
outside this file, so that a command, the next command and a killed one see one truth.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from mvx.domain.ids import Asset, Venue
from mvx.domain.instant import Instant
from mvx.domain.money import ZERO, plain
from mvx.errors import JournalError
from mvx.sqlite import Connection, Database

SCHEMA_VERSION = 3
ACCOUNT = "paper"

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE venues (
    venue TEXT PRIMARY KEY, epoch INTEGER NOT NULL, last_event_at INTEGER NOT NULL,
    orders INTEGER NOT NULL, fills INTEGER NOT NULL, transfers INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE balances (
    venue TEXT, asset TEXT, total TEXT NOT NULL, PRIMARY KEY (venue, asset)
) STRICT, WITHOUT ROWID;
CREATE TABLE orders (
    venue TEXT, number INTEGER, order_id TEXT NOT NULL, cl_ord_id TEXT, symbol TEXT NOT NULL,
    side TEXT NOT NULL, order_qty TEXT NOT NULL, limit_px TEXT, time_in_force TEXT NOT NULL,
    fee_in_base INTEGER NOT NULL, cum_qty TEXT NOT NULL, notional TEXT NOT NULL, busted_qty TEXT NOT NULL,
    ord_status TEXT NOT NULL, accepted_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    closed_at INTEGER, PRIMARY KEY (venue, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_open ON orders (venue) WHERE closed_at IS NULL;
CREATE INDEX orders_closed ON orders (venue, closed_at) WHERE closed_at IS NOT NULL;
CREATE TABLE masks (
    venue TEXT, number INTEGER, until_at INTEGER NOT NULL, shown TEXT, PRIMARY KEY (venue, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE fills (
    venue TEXT, number INTEGER, epoch TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
    exec_id TEXT NOT NULL, order_id TEXT NOT NULL, qty TEXT NOT NULL, price TEXT NOT NULL,
    fee_asset TEXT NOT NULL, fee_amount TEXT NOT NULL, at INTEGER NOT NULL, busted_at INTEGER,
    listed_at INTEGER, PRIMARY KEY (venue, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX fills_at ON fills (venue, at);
CREATE TABLE transfers (
    venue TEXT, number INTEGER, epoch TEXT NOT NULL, transfer_id TEXT NOT NULL, asset TEXT NOT NULL,
    amount TEXT NOT NULL, at INTEGER NOT NULL, listed_at INTEGER, ended_at INTEGER, failed INTEGER NOT NULL,
    PRIMARY KEY (venue, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE due (
    id INTEGER PRIMARY KEY, venue TEXT NOT NULL, due_at INTEGER NOT NULL, what TEXT NOT NULL,
    body TEXT NOT NULL
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
    "meta", "venues", "balances", "orders", "masks", "fills", "transfers", "due", "faults", "feeds",
    "recordings", "taken",
)  # fmt: skip


class VenueRow(NamedTuple):
    """One account's counters. The epoch tells its ids from those before a reset."""

    venue: Venue
    epoch: int
    last_event_at: Instant
    orders: int = 0
    fills: int = 0
    transfers: int = 0


def open_file(path: Path) -> Database:
    """The paper file, made where there is none. It need not survive a power loss, only a killed process."""
    db = Database(path, holds=("venues", "due"), durable=False)
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
    con.execute("INSERT OR REPLACE INTO venues VALUES (?, ?, ?, ?, ?, ?)", row)


def totals(con: Connection, venue: Venue) -> dict[Asset, Decimal]:
    rows = con.execute("SELECT asset, total FROM balances WHERE venue = ? ORDER BY asset", (venue,))
    return {Asset(asset): Decimal(total) for asset, total in rows}


def add_total(con: Connection, venue: Venue, asset: Asset, amount: Decimal) -> None:
    row = con.execute("SELECT total FROM balances WHERE venue = ? AND asset = ?", (venue, asset)).fetchone()
    total = amount + (Decimal(row[0]) if row else ZERO)
    con.execute("INSERT OR REPLACE INTO balances VALUES (?, ?, ?)", (venue, asset, plain(total)))
