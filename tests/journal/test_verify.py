"""`journal verify`: the tables are what the log makes of them, and a hand in the file is found."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from mvx.domain import entries as log
from mvx.domain.execution import Transfer
from mvx.domain.ids import ClOrdId, OrderId
from mvx.domain.order_status import OrdStatus
from mvx.domain.trading import TradingState
from mvx.journal import views
from mvx.journal.checkup import Checkup, check_up
from mvx.journal.schema import FOLDS
from mvx.journal.store import Journal, ReadTx
from mvx.journal.verify import differences, gaps, refold, unbalanced
from mvx.sqlite import Connection
from tests.domain.orders import BTC, KRAKEN, USD, at, fill, report
from tests.journal.journals import PRELUDE, D, heard, sequences, write

M1 = ClOrdId("m1")
A_DAY: tuple[log.Entry, ...] = (
    *PRELUDE,
    log.Acked(M1, OrderId("V1")),
    log.FillBooked(fill("0.4", "99", fee="0.1"), BTC, USD, M1),
    log.Reported(M1, report(OrdStatus.CANCELED, "0.4")),
    log.BalanceDoubted(KRAKEN, BTC, D(1), D(2), at(9)),
    log.Adjusted(KRAKEN, "main", USD, D("-3.5"), at(9), ()),
    log.BreakFound("r1", KRAKEN, "balance", BTC, None, None, "1", "2", True, ""),
    log.BreakAcked("r1", "ops"),
    heard("m1", fill("0.2", "99", exec_id="e9")),
    log.FillBusted(fill("0.1", "99", exec_id="old", busted_at=at(4)), BTC, USD, None),
    log.TransferBooked(Transfer(KRAKEN, "main", "", "t1", USD, D(5), at(4))),
    log.TradingSet(KRAKEN, TradingState.HALTED, "maintenance", "ops"),
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.db", mode="paper")
    write(made, A_DAY)
    yield made
    made.close()


def tamper(journal: Journal, sql: str, *values: Any) -> None:
    with journal._database.write() as connection:
        connection.execute("PRAGMA defer_foreign_keys=ON")
        connection.execute(sql, values)


def found(journal: Journal) -> set[str]:
    with journal.read() as tx:
        return {each.table for each in differences(tx)}


@given(sequences())
@settings(max_examples=25, deadline=None)
def test_the_tables_are_the_fold_of_the_log(entries: list[log.Entry]) -> None:
    """After any sequence of real transactions there is no difference, to the last column."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal.db", mode="paper")
        with journal.write(at=at(1)) as tx:
            for entry in entries:
                tx.append(entry)
        with journal.read() as tx:
            assert list(differences(tx)) == []
            assert views.last_seq(tx) == len(entries) + 1
            assert len(refold(tx).tables["orders"]) == 3
        journal.close()


def test_an_untouched_journal_has_no_difference(journal: Journal) -> None:
    """The day below is what the tampering tests start from."""
    assert found(journal) == set()


def _rows() -> Iterator[tuple[str, str]]:
    for name, table in FOLDS.items():
        for column in table.columns:
            yield name, column


@pytest.mark.parametrize(("table", "column"), list(_rows()))
def test_a_change_in_any_column_is_found(journal: Journal, table: str, column: str) -> None:
    """Every column of every materialised table is compared."""
    with journal._database.write() as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        (kind,) = connection.execute(
            "SELECT type FROM pragma_table_info(?) WHERE name = ?", (table, column)
        ).fetchone()
        value = 424242 if kind == "INTEGER" else "tampered"
        if column in ("confirmed", "amount"):
            value = "424242"
    _update_one(journal._database.connection, table, column, value)
    assert table in found(journal)


def _update_one(connection: Connection, table: str, column: str, value: object) -> None:
    connection.execute("PRAGMA foreign_keys=OFF")
    keys = ", ".join(FOLDS[table].key)
    first = f"SELECT {keys} FROM {table} ORDER BY {keys} LIMIT 1"
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE ({keys}) = ({first})", (value,))


@pytest.mark.parametrize("table", sorted(FOLDS))
def test_a_row_that_was_taken_away_is_found(journal: Journal, table: str) -> None:
    """A missing row is a difference as much as a changed one."""
    journal._database.connection.execute("PRAGMA foreign_keys=OFF")
    tamper(journal, f"DELETE FROM {table}")
    assert table in found(journal)


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("UPDATE log SET body = replace(body, '0.4', '0.3') WHERE kind = 'FillBooked'", "fills"),
        ("DELETE FROM log WHERE kind = 'FillBooked'", "fills"),
        ("DELETE FROM log WHERE kind = 'Adjusted'", "anchors"),
        ("DELETE FROM log WHERE kind = 'Reported'", "orders"),
        ("UPDATE log SET at = at + 1 WHERE kind = 'BreakFound'", "breaks"),
        ("UPDATE log SET body = replace(body, '\"m2\"', '\"m7\"') WHERE kind = 'Intended'", "orders"),
        ("UPDATE log SET seq = 999 WHERE kind = 'Opening'", "anchors"),
        (
            "INSERT INTO log (at, kind, body)"
            " SELECT at, kind, replace(body, '\"e1\"', '\"e2\"') FROM log WHERE kind = 'FillBooked'",
            "fills",
        ),
    ],
)
def test_a_change_in_the_log_is_found(journal: Journal, sql: str, table: str) -> None:
    """The log is refolded from seq 0, so the tables betray what was done to it."""
    tamper(journal, sql)
    assert table in found(journal)


NO_NUMBERS = [
    ("UPDATE anchors SET amount = 'abc'", "anchors"),
    ("UPDATE fills SET postings = '[5]'", "fills"),
    ("UPDATE fills SET postings = '{\"a\":1}'", "fills"),
    ("UPDATE fills SET postings = '[[\"BTC\"]]'", "fills"),
    ('UPDATE fills SET postings = \'[["BTC",[1],"fill"]]\'', "fills"),
    ("UPDATE fills SET postings = json_insert(postings, '$[#]', 5)", "fills"),
    ("UPDATE holdings SET confirmed = 'NaN'", "holdings"),
    ("UPDATE holdings SET confirmed = 'sNaN'", "holdings"),
    ("UPDATE holdings SET confirmed = 'Infinity'", "holdings"),
    ("UPDATE anchors SET amount = '9e999999'", "anchors"),
]


@pytest.mark.parametrize(("sql", "table"), NO_NUMBERS, ids=[sql for sql, _ in NO_NUMBERS])
def test_what_is_no_number_is_a_difference_and_no_crash(journal: Journal, sql: str, table: str) -> None:
    tamper(journal, sql)
    assert {table, "holdings"} == found(journal)
    looked = check_up(journal.path, (KRAKEN,), at(99))
    assert isinstance(looked, Checkup)
    assert looked.unbalanced


def test_a_holding_that_was_taken_away_is_not_the_sum_of_its_postings(journal: Journal) -> None:
    tamper(journal, "DELETE FROM holdings WHERE asset = 'BTC'")
    with journal.read() as tx:
        assert [("kraken", "BTC")] == [each.key for each in unbalanced(tx)]


@pytest.mark.parametrize(
    ("sql", "missing"),
    [
        ("DELETE FROM log WHERE kind = 'BreakAcked'", [(14, 14)]),
        ("DELETE FROM log WHERE kind IN ('JournalOpened', 'Opening', 'Acked')", [(1, 2), (8, 8)]),
        ("UPDATE log SET seq = 99 WHERE seq = 18", [(18, 98)]),
    ],
)
def test_entries_that_are_gone_from_the_log_are_found(
    journal: Journal, sql: str, missing: list[tuple[int, int]]
) -> None:
    """Also where they changed no table, or no other entry follows from them."""
    tamper(journal, sql)
    with journal.read() as tx:
        assert missing == [each.key for each in gaps(tx)]
        assert missing == [each.key for each in differences(tx) if each.refolded == ("these entries",)]


def test_an_entry_that_changed_no_table_is_missed(journal: Journal) -> None:
    """Acknowledged twice is acknowledged once."""
    write(journal, [log.BalanceAgreed(KRAKEN, USD), log.BalanceAgreed(KRAKEN, USD)])
    tamper(journal, "DELETE FROM log WHERE seq = (SELECT max(seq) - 1 FROM log)")
    assert {"log"} == found(journal)


OTHERS = {
    "an index is gone": ("DROP INDEX orders_unsettled", ("index", "orders_unsettled"), False),
    "a trigger": (
        "CREATE TRIGGER t AFTER INSERT ON fills BEGIN SELECT 1; END",
        ("trigger", "t"),
        False,
    ),
    "a table of a hand's": ("CREATE TABLE notes (text)", ("table", "notes"), False),
    "a view is gone": ("DROP VIEW postings", ("view", "postings"), True),
    "a table is gone": ("DROP TABLE doubts", ("table", "doubts"), True),
    "one that is no fold is gone": ("DROP TABLE leases", ("table", "leases"), True),
    "another column": ("ALTER TABLE holdings ADD COLUMN mine TEXT", ("table", "holdings"), True),
}


@pytest.mark.parametrize(("sql", "key", "alone"), OTHERS.values(), ids=list(OTHERS))
def test_another_schema_is_found(journal: Journal, sql: str, key: tuple[str, str], alone: bool) -> None:
    """Where no row means what it says it is told alone, and nothing fails on it."""
    tamper(journal, "UPDATE parents SET status = 'done'")
    tamper(journal, sql)
    with journal.read() as tx:
        seen = [each for each in differences(tx) if each.table == "sqlite_master"]
        assert key in [each.key for each in seen]
        assert alone == ("parents" not in {each.table for each in differences(tx)})
        assert "log" in views.table_counts(tx)


def test_another_view_of_the_same_name_is_found(journal: Journal) -> None:
    """As one would write it who wants the sums to be right."""
    tamper(journal, "DROP VIEW postings")
    tamper(journal, "CREATE VIEW postings AS SELECT venue, asset, confirmed AS amount FROM holdings")
    with journal.read() as tx:
        (each,) = differences(tx)
    assert ("sqlite_master", ("view", "postings")) == (each.table, each.key)


def test_a_row_that_no_entry_made_is_found(journal: Journal) -> None:
    """A planted posting is a difference, and its holding is not the sum of its postings."""
    tamper(journal, "INSERT INTO anchors VALUES ('kraken', 'BTC', 999999, 'adjustment', '1', 0, '[]')")
    assert found(journal) == {"anchors", "holdings"}


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE log SET body = '{' WHERE kind = 'Acked'",
        "UPDATE log SET kind = 'Teleported' WHERE kind = 'Acked'",
        "UPDATE log SET body = '{}' WHERE kind = 'Acked'",
        "DELETE FROM log WHERE kind = 'Intended'",
    ],
)
def test_a_log_that_can_not_be_folded_is_not_passed_over(journal: Journal, sql: str) -> None:
    """An entry that is no entry any more, or follows from nothing, is itself the difference."""
    tamper(journal, sql)
    assert found(journal) == {"log"}


def test_a_difference_names_both_rows(journal: Journal) -> None:
    """Whoever looks sees what the log makes and what is stored."""
    tamper(journal, "UPDATE parents SET status = 'done'")
    with journal.read() as tx:
        (each,) = differences(ReadTx(tx.connection))
    assert each.refolded is not None
    assert each.stored is not None
    assert ("working" in each.refolded, "done" in each.stored, each.key) == (True, True, ("p1",))
