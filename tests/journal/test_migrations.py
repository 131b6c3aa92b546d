"""Migrations: a journal that an older version wrote is opened as this one, with all that it held."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvx.domain.ids import ClOrdId
from mvx.domain.order_status import OrdStatus
from mvx.errors import JournalError
from mvx.journal import views
from mvx.journal.schema import VERSION
from mvx.journal.store import Journal
from mvx.journal.verify import differences
from mvx.sqlite import Database

OLD = sorted(Path(__file__).parent.glob("journal_v*.sql"))


def written(dump: Path, folder: Path) -> tuple[Path, int]:
    """A journal as that version left it, and how many entries its log has."""
    path = folder / "journal.db"
    old = Database(path)
    old.connection.executescript(dump.read_text(encoding="utf-8"))
    (entries,) = old.connection.execute("SELECT count(*) FROM log").fetchone()
    old.close()
    return path, entries


@pytest.mark.parametrize("dump", OLD, ids=lambda path: path.stem)
def test_an_older_paper_journal_is_not_migrated_to_a_live_one(tmp_path: Path, dump: Path) -> None:
    path, _ = written(dump, tmp_path)
    with pytest.raises(JournalError, match="is a paper journal, and the configured venues are live"):
        Journal(path, mode="live", create=False)


@pytest.mark.parametrize("dump", OLD, ids=lambda path: path.stem)
def test_an_older_journal_is_migrated_with_all_that_it_held(tmp_path: Path, dump: Path) -> None:
    """Written by that version: its log folds to the migrated tables, to the last column."""
    path, entries = written(dump, tmp_path)
    journal = Journal(path, mode="paper", create=False)
    with journal.read() as tx:
        assert [] == list(differences(tx))
        assert (VERSION, entries) == (
            tx.connection.execute("PRAGMA user_version").fetchone()[0],
            views.last_seq(tx),
        )
        assert "2" == tx.meta("orders")
        lost = views.order(tx, ClOrdId("m2"))
    journal.close()
    assert lost is not None
    # It may have been sent: nobody may revoke it on the ground that nobody noted so.
    assert (OrdStatus.PENDING_NEW, True, False) == (lost.ord_status, lost.unknown, lost.unsent)


def test_every_version_but_the_newest_has_a_journal_to_migrate() -> None:
    assert [f"journal_v{version}" for version in range(1, VERSION)] == [path.stem for path in OLD]
