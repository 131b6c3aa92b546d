"""The journal's tables: the log, its folds, and the four tables that are not folds.

Rule: money and instants are exact: decimals are TEXT in plain notation, instants INTEGER microseconds.
`FOLDS` is what `journal verify` recomputes from the log. Leases, contact (ages), health and marks are not
folds: they record when something was last seen, not what happened. A fill and an order carry the `seq` of
the entry that made them, so that "the fills since" is the end of a table; those of a day are the venues'
days, and have an index. Postings lie in the
rows that made them (fills, busts, transfers, anchors); the view `postings` shows them one by one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from mvx.errors import JournalDamaged, JournalError
from mvx.sqlite import Connection, in_memory

VERSION = 5
#: What tells a journal from another program's database.
HOLDS = ("log", "meta")


class Table(NamedTuple):
    """A materialised table: its key columns first in `columns`."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


ORDER_COLUMNS = (
    "cl_ord_id",
    "parent_id",
    "venue",
    "account",
    "symbol",
    "instrument",
    "base",
    "quote",
    "side",
    "order_qty",
    "limit_px",
    "time_in_force",
    "post_only",
    "created_at",
    "deadline",
    "fee_bps",
    "fee_assets",
    "max_px",
    "sending",
    "ord_status",
    "unknown",
    "settled",
    "reason",
    "order_id",
    "cum_qty",
    "avg_px",
    "filled_qty",
    "filled_notional",
    "busted_qty",
    "heard_qty",
    "heard_notional",
    "terminal_at",
    "absent_since",
)
FILL_KEY = ("venue", "account", "epoch", "symbol", "side", "exec_id")
TRANSFER_KEY = ("venue", "account", "epoch", "transfer_id")
_NUMBERS = ("order_id", "qty", "price", "fee_asset", "fee_amount", "at", "gross_trade_amt")
_POSTED = ("base", "quote", "cl_ord_id", "absorbed", "postings")

FOLDS = {
    table.name: table
    for table in (
        Table("meta", ("name",), ("name", "value")),
        Table(
            "parents",
            ("parent_id",),
            (
                "parent_id",
                "key",
                "params",
                "instrument",
                "side",
                "order_qty",
                "status",
                "result",
                "opened_at",
            ),
        ),
        Table(
            "jobs", ("job_id",), ("job_id", "kind", "params", "by", "status", "worker", "answer", "at", "seq")
        ),
        Table("orders", ("cl_ord_id",), (*ORDER_COLUMNS, "seq")),
        Table(
            "fills",
            FILL_KEY,
            (*FILL_KEY, "seq", *_NUMBERS, *_POSTED),
        ),
        Table("busts", FILL_KEY, (*FILL_KEY, "seq", *_NUMBERS, "busted_at", *_POSTED)),
        Table("heard", FILL_KEY, (*FILL_KEY, "seq", *_NUMBERS, "cl_ord_id", "heard_at")),
        Table(
            "transfers",
            TRANSFER_KEY,
            (*TRANSFER_KEY, "seq", "asset", "amount", "at", "absorbed", "postings"),
        ),
        Table("trading", ("scope",), ("scope", "state", "reason", "by", "at")),
        Table("holdings", ("venue", "asset"), ("venue", "asset", "confirmed", "baseline", "last_seq")),
        Table(
            "anchors", ("venue", "asset", "seq"), ("venue", "asset", "seq", "kind", "amount", "at", "listed")
        ),
        Table("doubts", ("venue", "asset"), ("venue", "asset", "ours", "theirs", "read_at", "seq")),
        Table(
            "breaks",
            ("ref",),
            (
                "ref",
                "id",
                "venue",
                "kind",
                "asset",
                "cl_ord_id",
                "exec_id",
                "ours",
                "theirs",
                "corrected",
                "at",
                "note",
                "acked_at",
                "acked_by",
            ),
        ),
    )
}

_FIRST = """
CREATE TABLE log (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE parents (
  parent_id TEXT PRIMARY KEY, key TEXT UNIQUE, params TEXT NOT NULL, instrument TEXT NOT NULL,
  side TEXT NOT NULL, order_qty TEXT NOT NULL, status TEXT NOT NULL, result TEXT,
  opened_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE orders (
  cl_ord_id TEXT PRIMARY KEY, parent_id TEXT REFERENCES parents, venue TEXT NOT NULL,
  account TEXT NOT NULL, symbol TEXT NOT NULL, instrument TEXT NOT NULL, base TEXT NOT NULL,
  quote TEXT NOT NULL, side TEXT NOT NULL, order_qty TEXT NOT NULL, limit_px TEXT NOT NULL,
  time_in_force TEXT NOT NULL, post_only INTEGER NOT NULL, created_at INTEGER NOT NULL,
  deadline INTEGER NOT NULL, fee_bps TEXT NOT NULL, fee_assets TEXT NOT NULL, max_px TEXT,
  ord_status TEXT NOT NULL, unknown INTEGER NOT NULL, settled INTEGER NOT NULL, reason TEXT NOT NULL,
  order_id TEXT, cum_qty TEXT NOT NULL, avg_px TEXT, filled_qty TEXT NOT NULL,
  filled_notional TEXT NOT NULL, terminal_at INTEGER, absent_since INTEGER,
  seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX orders_unsettled ON orders (venue) WHERE settled = 0;
CREATE INDEX orders_by_parent ON orders (parent_id);
CREATE INDEX orders_by_order_id ON orders (venue, order_id);
CREATE INDEX orders_by_time ON orders (created_at);
CREATE TABLE fills (
  seq INTEGER PRIMARY KEY, venue TEXT NOT NULL, account TEXT NOT NULL, epoch TEXT NOT NULL,
  symbol TEXT NOT NULL, side TEXT NOT NULL, exec_id TEXT NOT NULL, order_id TEXT NOT NULL, qty TEXT NOT NULL,
  price TEXT NOT NULL, fee_asset TEXT NOT NULL, fee_amount TEXT NOT NULL, at INTEGER NOT NULL,
  base TEXT NOT NULL, quote TEXT NOT NULL, cl_ord_id TEXT REFERENCES orders, absorbed TEXT NOT NULL,
  postings TEXT NOT NULL,
  UNIQUE (venue, account, epoch, symbol, side, exec_id)) STRICT;
CREATE TABLE holdings (
  venue TEXT NOT NULL, asset TEXT NOT NULL, confirmed TEXT NOT NULL, baseline TEXT NOT NULL,
  last_seq INTEGER NOT NULL,   PRIMARY KEY (venue, asset)) STRICT, WITHOUT ROWID;
CREATE TABLE anchors (
  venue TEXT NOT NULL, asset TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL,
  amount TEXT NOT NULL, at INTEGER NOT NULL, listed TEXT NOT NULL,
  PRIMARY KEY (venue, asset, seq)) STRICT, WITHOUT ROWID;
CREATE VIEW postings AS
  SELECT seq, line.key AS line, venue, line.value ->> 0 AS asset, line.value ->> 1 AS amount,
    line.value ->> 2 AS contra
  FROM fills, json_each(iif(json_valid(postings), postings, '[]')) AS line
  UNION ALL SELECT seq, 0, venue, asset, amount, kind FROM anchors;
CREATE TABLE doubts (
  venue TEXT NOT NULL, asset TEXT NOT NULL, ours TEXT NOT NULL, theirs TEXT NOT NULL,
  read_at INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (venue, asset)) STRICT, WITHOUT ROWID;
CREATE TABLE breaks (
  id INTEGER PRIMARY KEY, ref TEXT NOT NULL UNIQUE, venue TEXT NOT NULL, kind TEXT NOT NULL, asset TEXT,
  cl_ord_id TEXT, exec_id TEXT, ours TEXT NOT NULL, theirs TEXT NOT NULL, corrected INTEGER NOT NULL,
  at INTEGER NOT NULL, note TEXT NOT NULL) STRICT;
CREATE TABLE leases (
  name TEXT PRIMARY KEY, holder TEXT NOT NULL, fence INTEGER NOT NULL, expires_at INTEGER NOT NULL)
  STRICT, WITHOUT ROWID;
CREATE TABLE contact (
  venue TEXT PRIMARY KEY, answered_at INTEGER, agreed_at INTEGER, failed_at INTEGER, failed_why TEXT,
  read_began_at INTEGER, cursor_at INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE marks (
  instrument TEXT PRIMARY KEY, px TEXT NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

#: An intent of an older journal was written as being sent.
_SECOND = """
ALTER TABLE orders ADD COLUMN sending INTEGER NOT NULL DEFAULT 1;
ALTER TABLE orders ADD COLUMN busted_qty TEXT NOT NULL DEFAULT '0';
ALTER TABLE orders ADD COLUMN heard_qty TEXT NOT NULL DEFAULT '0';
ALTER TABLE orders ADD COLUMN heard_notional TEXT NOT NULL DEFAULT '0';
ALTER TABLE breaks ADD COLUMN acked_at INTEGER;
ALTER TABLE breaks ADD COLUMN acked_by TEXT;
CREATE TABLE busts (
  seq INTEGER PRIMARY KEY, venue TEXT NOT NULL, account TEXT NOT NULL, epoch TEXT NOT NULL,
  symbol TEXT NOT NULL, side TEXT NOT NULL, exec_id TEXT NOT NULL, order_id TEXT NOT NULL, qty TEXT NOT NULL,
  price TEXT NOT NULL, fee_asset TEXT NOT NULL, fee_amount TEXT NOT NULL, at INTEGER NOT NULL,
  busted_at INTEGER NOT NULL, base TEXT NOT NULL, quote TEXT NOT NULL, cl_ord_id TEXT REFERENCES orders,
  absorbed TEXT NOT NULL, postings TEXT NOT NULL,
  UNIQUE (venue, account, epoch, symbol, side, exec_id)) STRICT;
CREATE TABLE heard (
  venue TEXT NOT NULL, account TEXT NOT NULL, epoch TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
  exec_id TEXT NOT NULL, seq INTEGER NOT NULL, order_id TEXT NOT NULL, qty TEXT NOT NULL, price TEXT NOT NULL,
  fee_asset TEXT NOT NULL, fee_amount TEXT NOT NULL, at INTEGER NOT NULL,
  cl_ord_id TEXT NOT NULL REFERENCES orders, heard_at INTEGER NOT NULL,
  PRIMARY KEY (venue, account, epoch, symbol, side, exec_id)) STRICT, WITHOUT ROWID;
CREATE TABLE transfers (
  seq INTEGER PRIMARY KEY, venue TEXT NOT NULL, account TEXT NOT NULL, epoch TEXT NOT NULL,
  transfer_id TEXT NOT NULL, asset TEXT NOT NULL, amount TEXT NOT NULL, at INTEGER NOT NULL,
  absorbed TEXT NOT NULL, postings TEXT NOT NULL,
  UNIQUE (venue, account, epoch, transfer_id)) STRICT;
CREATE TABLE trading (
  scope TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, by TEXT NOT NULL,
  at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE jobs (
  job_id TEXT PRIMARY KEY, kind TEXT NOT NULL, params TEXT NOT NULL, by TEXT NOT NULL, status TEXT NOT NULL,
  worker TEXT, answer TEXT, at INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_open ON jobs (seq) WHERE status IN ('queued', 'claimed');
CREATE TABLE health (venue TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
DROP VIEW postings;
CREATE VIEW postings AS
  SELECT seq, line.key AS line, venue, line.value ->> 0 AS asset, line.value ->> 1 AS amount,
    line.value ->> 2 AS contra
  FROM (SELECT seq, venue, postings FROM fills UNION ALL SELECT seq, venue, postings FROM busts
        UNION ALL SELECT seq, venue, postings FROM transfers) AS event,
    json_each(iif(json_valid(event.postings), event.postings, '[]')) AS line
  UNION ALL SELECT seq, 0, venue, asset, amount, kind FROM anchors
"""

#: From here on the log tells of orders that never left, which an older mvx can not fold.
_THIRD = "CREATE INDEX leases_by_end ON leases (expires_at)"

#: A fill moved quantity times price in quote, until a venue could say otherwise.
_FOURTH = """
ALTER TABLE fills ADD COLUMN gross_trade_amt TEXT;
ALTER TABLE busts ADD COLUMN gross_trade_amt TEXT;
ALTER TABLE heard ADD COLUMN gross_trade_amt TEXT
"""

#: The fills of a day were found by when they were booked, which a clock that was wrong made another day.
_FIFTH = "CREATE INDEX fills_by_time ON fills (at)"


def version_of(path: Path, connection: Connection) -> int:
    """The schema of a file; 0 where it is empty, and nothing else is. Raises JournalError for one of a newer
    mvx, JournalDamaged for one that lost its version: taken for a new one it would be no journal any more."""
    # In this order: whoever makes a journal commits its tables together with their version.
    if connection.execute("SELECT NOT EXISTS (SELECT 1 FROM sqlite_master)").fetchone()[0]:
        return 0
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise JournalError(
            f"{path} was written by a newer mvx (schema {version}, this one knows {VERSION})",
            known="nothing was written",
            next_step="upgrade mvx",
        )
    if version < 1:
        raise JournalDamaged(
            f"{path} lost its version (user_version is {version}), as one does that is made from a dump",
            known="nothing was written; a copy that mvx journal backup makes keeps it",
            next_step=f"put the last backup in its place; or, where all tables are there: sqlite3 {path}"
            f" 'PRAGMA user_version = {_applied(connection)}', then: mvx journal verify",
        )
    return version


def refuse_other_schema(path: Path, connection: Connection) -> None:
    """For whoever has it open while others write: a newer mvx may have migrated it, and nothing of an older
    one may be written there. Raises JournalError."""
    version = version_of(path, connection)
    if version != VERSION:
        raise JournalError(
            f"{path} has schema {version} by now, and had {VERSION} when this process opened it",
            known="nothing was written",
            next_step="stop every mvx of this desk, put the right file there, then: mvx reconcile",
        )


def _applied(connection: Connection) -> int:
    """How many migrations the file had, as it says itself."""
    tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone()
    if tables is None:
        return VERSION
    return int(connection.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()[0])


def migrate(connection: Connection) -> None:
    """Bring an opened write transaction's database to VERSION.

    sqlite-utils is imported only here: it costs a fifth of a second, and a migration is rare.
    """
    from sqlite_utils import Database, Migrations

    migrations = Migrations("mvx")

    def steps(database: Database, statements: str) -> None:
        for statement in statements.split(";"):
            if statement.strip():
                database.execute(statement)

    @migrations(name="0001_journal")
    def _journal(database: Database) -> None:
        steps(database, _FIRST)

    @migrations(name="0002_bad_weather")
    def _bad_weather(database: Database) -> None:
        steps(database, _SECOND)

    @migrations(name="0003_never_left")
    def _never_left(database: Database) -> None:
        steps(database, _THIRD)

    @migrations(name="0004_gross_trade_amt")
    def _gross_trade_amt(database: Database) -> None:
        steps(database, _FOURTH)

    @migrations(name="0005_fills_by_time")
    def _fills_by_time(database: Database) -> None:
        steps(database, _FIFTH)

    migrations.apply(Database(connection))
    connection.execute(f"PRAGMA user_version = {VERSION}")


@cache
def fresh_schema() -> dict[tuple[str, str], str]:
    """What the migrations make."""
    with in_memory() as connection:
        migrate(connection)
        return schema_of(connection)


def schema_of(connection: Connection) -> dict[tuple[str, str], str]:
    """By kind and name, what each was made with. Without what SQLite makes by itself, and the migrations'
    own table, which is another library's."""
    rows = connection.execute(
        "SELECT type, name, sql FROM sqlite_master"
        " WHERE name NOT GLOB 'sqlite_*' AND name NOT GLOB '_sqlite_migrations*'"
    )
    return {(kind, name): " ".join(sql.split()) for kind, name, sql in rows}
