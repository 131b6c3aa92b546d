"""The journal's file: transactions, snapshots, and the ways in which a file can not be used."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from mvx.domain import entries as log
from mvx.domain.ids import ClOrdId, ParentId
from mvx.errors import Exit, JournalDamaged, JournalError
from mvx.journal import history, schema, views
from mvx.journal.store import Journal
from mvx.journal.verify import differences
from mvx.sqlite import VERSION, Database, check_version
from tests.domain.orders import BTC, KRAKEN, USD, at, fill, order
from tests.journal.journals import PRELUDE, write

BOUGHT = log.FillBooked(fill("1"), BTC, USD, None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    made = Journal(path, mode="paper")
    yield made
    made.close()


def fills(journal: Journal) -> int:
    with journal.read() as tx:
        return views.table_counts(tx)["fills"]


def edit(path: Path, sql: str) -> None:
    """What some other program does to the file."""
    with sqlite3.connect(path) as connection:
        connection.execute(sql)
    connection.close()


def write_then(journal: Journal, last: log.Entry | BaseException) -> None:
    """One transaction of a fill and of something that fails."""
    with journal.write(at=at(1)) as tx:
        tx.append(BOUGHT)
        if isinstance(last, BaseException):
            raise last
        tx.append(last)


def test_an_entry_about_nothing_that_is_there_lands_nowhere(journal: Journal) -> None:
    """A parent that nobody opened is a defect of ours, and the log does not take it."""
    with pytest.raises(LookupError, match="no-such-parent"):
        write_then(journal, log.ParentClosed(ParentId("no-such-parent"), "filled", "{}"))
    assert 0 == fills(journal)


def test_of_two_that_make_a_journal_at_once_one_makes_it(path: Path) -> None:
    """Both found none and wait for the lock: the second one opens what the first one made."""
    Database(path).close()

    def opens(_: int) -> str:
        with closing(Journal(path, mode="paper")) as made, made.read() as tx:
            return tx.meta("epoch")

    with closing(Database(path)) as other, ThreadPoolExecutor(2) as pool:
        with other.write():
            found = pool.map(opens, range(2))
            time.sleep(0.3)
        assert 1 == len(set(found))


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_transaction_that_raises_leaves_nothing(journal: Journal, error: type[BaseException]) -> None:
    """Whatever ended the block, neither entry nor fold is there, and the next transaction works."""
    with pytest.raises(error):
        write_then(journal, error())
    with journal.read() as tx:
        assert (views.table_counts(tx)["log"], views.table_counts(tx)["fills"]) == (1, 0)
    write(journal, [BOUGHT])
    assert fills(journal) == 1


def test_a_fold_that_fails_takes_its_entry_back(journal: Journal) -> None:
    """An entry about an unknown order is not in the log either."""
    with pytest.raises(LookupError):
        write_then(journal, log.OutcomeLost(ClOrdId("m9"), "timeout"))
    with journal.read() as tx:
        assert views.table_counts(tx)["log"] == 1


def test_a_reader_sees_one_snapshot(path: Path, journal: Journal) -> None:
    """What is committed while a read transaction is open is not in it."""
    other = Journal(path, mode="paper")
    with other.read() as tx:
        before = views.last_seq(tx)
        write(journal, [BOUGHT])
        assert views.last_seq(tx) == before
    assert fills(other) == 1
    other.close()


def test_what_was_written_is_there_after_reopening(path: Path) -> None:
    """A commit outlives its process, and the epoch stays."""
    first = Journal(path, mode="paper")
    write(first, PRELUDE)
    with first.read() as tx:
        epoch, orders = tx.meta("epoch"), views.unsettled_orders(tx)
    first.close()
    again = Journal(path, mode="paper", create=False)
    with again.read() as tx:
        assert (tx.meta("epoch"), views.unsettled_orders(tx)) == (epoch, orders)
        assert list(differences(tx)) == []
    again.close()


def test_every_journal_has_an_epoch_of_its_own(tmp_path: Path) -> None:
    """Ids of two journals never meet."""
    epochs = set()
    for name in "abc":
        journal = Journal(tmp_path / f"{name}.db", mode="paper")
        with journal.read() as tx:
            epochs.add(tx.meta("epoch"))
        journal.close()
    assert len(epochs) == 3


def test_ids_follow_the_intents_that_were_written(journal: Journal) -> None:
    """An id is taken by its intent: a transaction that came to nothing takes none."""
    with journal.write(at=at(1)) as tx:
        first = tx.next_cl_ord_ids(2)
    with journal.write(at=at(1)) as tx:
        assert tx.next_cl_ord_ids(2) == first
        tx.append(log.Intended(order(cl_ord_id=first[0])))
        assert tx.next_cl_ord_ids(1) == (first[1],)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_every_file_is_its_owner_s_alone(tmp_path: Path, umask: int) -> None:
    """0600 for the journal, its -wal, -shm, lock, queue and mark, 0700 for a folder that was made for it."""
    before = os.umask(umask)
    try:
        path = tmp_path / "desk" / "journal.db"
        journal = Journal(path, mode="paper")
        write(journal, [BOUGHT])
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
        journal.close()
    finally:
        os.umask(before)
    names = (f"journal.db{part}" for part in ("", "-wal", "-shm", ".lock", ".queue", ".mark"))
    assert modes == dict.fromkeys(names, 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_may_read_is_made_private(path: Path) -> None:
    """A copy that was made with open hands is closed when it is opened."""
    Journal(path, mode="paper").close()
    path.chmod(0o644)
    Journal(path, mode="paper").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_missing_journal_is_not_made_unasked(path: Path) -> None:
    """A fresh one would forget every id and reservation."""
    with pytest.raises(JournalError, match="no journal"):
        Journal(path, mode="live", create=False)
    assert not path.exists()


@pytest.mark.parametrize(("made", "opened"), [("paper", "live"), ("live", "paper")])
def test_paper_and_live_never_share_a_journal(path: Path, made: str, opened: str) -> None:
    """The mode is written in the journal and refused where it differs."""
    Journal(path, mode=made).close()
    with pytest.raises(JournalError, match=made):
        Journal(path, mode=opened)


def test_a_newer_schema_is_refused(path: Path) -> None:
    """An old mvx does not write into what a newer one made."""
    Journal(path, mode="paper").close()
    edit(path, "PRAGMA user_version = 99")
    with pytest.raises(JournalError, match="newer mvx") as raised:
        Journal(path, mode="paper")
    assert raised.value.exit_code is Exit.UNAVAILABLE


@pytest.mark.parametrize(
    ("version", "says"), [(99, "newer mvx"), (3, "has schema 3 by now"), (0, "lost its version")]
)
def test_a_schema_that_changes_under_an_open_journal_is_refused(
    path: Path, journal: Journal, version: int, says: str
) -> None:
    """A newer mvx migrates it while a daemon of this one is up: each further transaction is refused."""
    write(journal, PRELUDE[:1])
    newer = Database(path)
    newer.connection.execute(f"PRAGMA user_version = {version}")
    for _ in range(2):
        with pytest.raises(JournalError, match=says), journal.write() as tx:
            tx.append(PRELUDE[1])
    newer.connection.execute(f"PRAGMA user_version = {schema.VERSION}")
    write(journal, PRELUDE[1:2])
    with journal.read() as tx:
        assert 3 == views.last_seq(tx)
    newer.close()


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("version", [0, -1])
def test_a_journal_that_lost_its_version_is_not_made_anew(path: Path, version: int, create: bool) -> None:
    """As a dump does: it would be begun anew over what it holds, or be told as not there."""
    Journal(path, mode="paper").close()
    edit(path, f"PRAGMA user_version = {version}")
    with pytest.raises(JournalDamaged, match="lost its version") as raised:
        Journal(path, mode="paper", create=create)
    (mend,) = re.findall(r"'(PRAGMA .*?)'", raised.value.next_step)
    edit(path, mend)
    Journal(path, mode="paper", create=create).close()


def test_one_that_lost_what_it_says_of_its_version_too_is_told_likewise(path: Path) -> None:
    Journal(path, mode="paper").close()
    edit(path, "DROP TABLE _sqlite_migrations")
    edit(path, "PRAGMA user_version = 0")
    with pytest.raises(JournalDamaged, match="lost its version") as raised:
        Journal(path, mode="paper")
    assert f"user_version = {schema.VERSION}" in raised.value.next_step


@pytest.mark.parametrize("content", [b"", b"x"])
def test_a_journal_that_was_cut_to_nothing_is_not_made_anew(path: Path, content: bytes) -> None:
    """An emptied file forgets every id and reservation just as a missing one does."""
    path.write_bytes(content)
    with pytest.raises(JournalError):
        Journal(path, mode="paper", create=False)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """The error names the file, and the file is left as it was."""
    content = b"not a database at all, but long enough to look like one" * 40
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"journal\.db"):
        Journal(path, mode="paper")
    assert path.read_bytes() == content


def test_a_directory_in_place_of_the_file_is_refused(path: Path) -> None:
    """What can not be opened is a JournalError, not a traceback."""
    path.mkdir()
    with pytest.raises(JournalError, match=r"journal\.db"):
        Journal(path, mode="paper")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """A path through a file is a JournalError too."""
    (tmp_path / "desk").write_text("")
    with pytest.raises(JournalError):
        Journal(tmp_path / "desk" / "journal.db", mode="paper")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_foreign_file_is_refused(path: Path) -> None:
    """A journal that belongs to another user is not used."""
    Journal(path, mode="paper").close()
    os.chown(path, 12345, -1)
    with pytest.raises(JournalError, match="12345"):
        Journal(path, mode="paper")


@pytest.mark.parametrize("writing", [False, True])
def test_pages_that_went_bad_are_a_journal_error(path: Path, writing: bool) -> None:
    """Damage that shows only when a page is read ends in the operator's error, not in a traceback."""
    made = Journal(path, mode="paper")
    write(made, PRELUDE)
    made.close()
    whole = path.read_bytes()
    page = 4096
    path.write_bytes(whole[:page] + b"\xa5" * (len(whole) - page))
    with pytest.raises(JournalError):  # noqa: PT012 - where it shows is SQLite's to choose
        journal = Journal(path, mode="paper")
        if writing:
            write(journal, [BOUGHT])
        else:
            fills(journal)


def test_a_table_that_went_bad_under_an_open_journal_is_a_journal_error(path: Path, journal: Journal) -> None:
    """The same where the journal was opened before."""
    write(journal, PRELUDE)
    journal._database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    other = journal._database.connection
    other.execute("PRAGMA shrink_memory")
    with pytest.raises(JournalError):
        write(journal, [BOUGHT])


@pytest.mark.parametrize("version", [(3, 7, 0), (3, 40, 1), (3, 51, 2)])
def test_an_sqlite_that_can_corrupt_a_wal_is_refused(version: tuple[int, ...]) -> None:
    """mvx does not start on one, and says which it found."""
    with pytest.raises(JournalError, match=r"\.".join(map(str, version))):
        check_version(version)


@pytest.mark.parametrize("version", [(3, 51, 3), (3, 53, 4), (4, 0, 0)])
def test_a_fixed_sqlite_is_taken(version: tuple[int, ...]) -> None:
    """The first safe version and all later ones."""
    check_version(version)


def test_the_sqlite_of_this_machine_is_a_fixed_one() -> None:
    """What the tests run on is what mvx would accept."""
    assert tuple(map(int, VERSION.split("."))) >= (3, 51, 3)


def test_the_journal_is_durable_and_checks_its_references(journal: Journal) -> None:
    """WAL, synchronous=FULL, foreign keys on: each asked of the open connection."""
    ask = journal._database.connection.execute
    asked = ("journal_mode", "synchronous", "foreign_keys", "user_version")
    assert [ask(f"PRAGMA {name}").fetchone()[0] for name in asked] == ["wal", 2, 1, schema.VERSION]


def test_every_table_is_strict(journal: Journal) -> None:
    """No column takes a value of another type, so no float slips into money."""
    rows = journal._database.connection.execute("PRAGMA table_list").fetchall()
    loose = [
        row[1]
        for row in rows
        if row[2] == "table" and not row[5] and not row[1].startswith(("sqlite_", "_sqlite"))
    ]
    assert loose == []


def test_a_reason_with_half_a_character_is_stored(journal: Journal) -> None:
    """A venue's or a proxy's message is foreign text: no part of it may keep its outcome from the log."""
    with journal.write(at=at(1)) as tx:
        tx.append(log.Intended(order()))
    with journal.write(at=at(1)) as tx:
        tx.append(log.OutcomeLost(ClOrdId("m1"), "bad gateway \ud800"))
    with journal.read() as tx:
        found = views.order(tx, "m1")
    assert found is not None
    assert found.unknown


def test_one_difference_is_one_break(journal: Journal) -> None:
    """The same ref a second time is neither another break nor an error."""
    found = log.BreakFound("r1", KRAKEN, "balance", BTC, None, None, "1", "2", True, "")
    write(journal, [found, found])
    with journal.read() as tx:
        assert len(history.breaks(tx, 0)) == 1
        assert list(differences(tx)) == []
