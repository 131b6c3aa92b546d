"""A journal that was put back or copied is noticed, and no id is ever made twice."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvx.domain import entries as log
from mvx.domain.ids import ClOrdId
from mvx.errors import JournalError
from mvx.journal import views
from mvx.journal.generation import Found, MarkFile, mark_path, read_mark
from mvx.journal.store import Journal
from mvx.journal.verify import differences
from mvx.sqlite import Connection
from tests.domain.orders import KRAKEN, at, order

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("", "-wal", "-shm", ".lock", ".queue", ".mark")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "desk" / "mvx.db"


def opened(path: Path) -> Journal:
    return Journal(path, mode="paper")


def orders(journal: Journal, count: int = 3) -> list[str]:
    """So many intents, each in a transaction of its own; the ids that they took."""
    taken: list[str] = []
    for _ in range(count):
        with journal.write(at=at(1)) as tx:
            (cl_ord_id,) = tx.next_cl_ord_ids(1)
            tx.append(log.Intended(order(cl_ord_id=cl_ord_id)))
        taken.append(cl_ord_id)
    return taken


def in_a_process(path: Path, count: int = 3) -> list[str]:
    """The same on a journal that is opened for it and closed after it."""
    with closing(opened(path)) as journal:
        return orders(journal, count)


def restored(path: Path) -> str:
    """What a process that opens the journal now finds."""
    with closing(opened(path)) as journal:
        return journal.restored


def noticed(path: Path) -> list[log.JournalRestored]:
    """What the log says of it."""
    with closing(opened(path)) as journal, journal.read() as tx:
        rows = tx.connection.execute("SELECT body FROM log WHERE kind = 'JournalRestored' ORDER BY seq")
        from mvx.journal.codec import decode_as

        return [decode_as(log.JournalRestored, body) for (body,) in rows]


def epoch(path: Path) -> str:
    with closing(opened(path)) as journal, journal.read() as tx:
        return tx.meta("epoch")


def keep(path: Path, folder: Path) -> Path:
    """Every file of the journal copied, as an operator's `cp` does."""
    folder.mkdir(exist_ok=True)
    for part in PARTS:
        there = path.with_name(path.name + part)
        if there.exists():
            shutil.copyfile(there, folder / there.name)
    return folder / path.name


def put_back(kept: Path, path: Path, *parts: str) -> None:
    """Copied over what is there, into the very files; what was not kept is removed."""
    for part in parts or PARTS:
        source, target = kept.with_name(kept.name + part), path.with_name(path.name + part)
        if source.exists():
            shutil.copyfile(source, target)
        else:
            target.unlink(missing_ok=True)


def copied_by_sqlite(source: Path, target: Path) -> None:
    """All of it, into the file that is there, under SQLite's own locks."""
    with closing(Connection(source)) as from_, closing(Connection(target)) as to:
        from_.backup(to)


def test_a_journal_that_was_only_closed_or_killed_is_the_same(path: Path) -> None:
    """Also one whose last process was killed after a commit."""
    in_a_process(path)
    script = (
        "import os, signal; from pathlib import Path; from tests.journal.test_generation import *\n"
        f"journal = opened(Path({str(path)!r})); orders(journal, 40); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False, timeout=60)
    assert ("", []) == (restored(path), noticed(path))
    with closing(opened(path)) as journal, journal.read() as tx:
        assert "43" == tx.meta("orders")


def test_the_mark_is_its_owner_s_alone(path: Path) -> None:
    in_a_process(path)
    assert 0o600 == stat.S_IMODE(mark_path(path).stat().st_mode)


def test_an_old_backup_is_noticed_and_makes_no_id_again(path: Path, tmp_path: Path) -> None:
    """The file alone is put back; the log says so, the epoch is another one, and the counters go on."""
    first = in_a_process(path)
    kept = keep(path, tmp_path / "backup")
    lost = in_a_process(path)
    before = epoch(path)
    put_back(kept, path, "", "-wal", "-shm")
    assert "it has 4 entries, and had 7" == restored(path)
    after = in_a_process(path)
    assert set() == set(after) & {*first, *lost}
    assert ["it has 4 entries, and had 7"] == [each.why for each in noticed(path)]
    assert before != epoch(path)
    assert "" == restored(path)
    with closing(opened(path)) as journal, journal.read() as tx:
        assert ("6", []) == (tx.meta("orders"), list(differences(tx)))


def test_a_backup_with_its_mark_is_noticed_too(path: Path, tmp_path: Path) -> None:
    """Every file of the folder is put back, into the same inodes."""
    first = in_a_process(path)
    kept = keep(path, tmp_path / "backup")
    lost = in_a_process(path)
    time.sleep(0.2)
    put_back(kept, path)
    assert "mvx.db.mark was changed, and not by mvx" == restored(path)
    assert set() == set(in_a_process(path)) & {*first, *lost}


def test_a_folder_that_was_replaced_is_noticed(path: Path, tmp_path: Path) -> None:
    """Removed and copied back: other files, whatever their inodes are."""
    first = in_a_process(path)
    kept = keep(path, tmp_path / "backup")
    lost = in_a_process(path)
    shutil.rmtree(path.parent)
    path.parent.mkdir()
    time.sleep(0.2)
    put_back(kept, path)
    assert restored(path)
    assert set() == set(in_a_process(path)) & {*first, *lost}


def test_a_copy_is_noticed_and_the_original_is_not_disturbed(path: Path, tmp_path: Path) -> None:
    """Both go on at once, on the same venues: they never make the same id."""
    shared = in_a_process(path)
    copy = keep(path, tmp_path / "copy")
    with closing(opened(path)) as here, closing(opened(copy)) as there:
        assert ("", "mvx.db.mark is a copy") == (here.restored, there.restored)
        ours, theirs = orders(here, 5), orders(there, 5)
        ours += orders(here, 5)
    assert 18 == len({*shared, *ours, *theirs}) == 3 + len(ours) + len(theirs)
    assert ([], 1) == (noticed(path), len(noticed(copy)))


def test_a_copy_of_the_file_alone_is_noticed(path: Path, tmp_path: Path) -> None:
    in_a_process(path)
    copy = keep(path, tmp_path / "copy")
    mark_path(copy).unlink()
    assert "mvx.db.mark is missing" == restored(copy)


def test_a_copy_while_it_is_written_makes_no_id_of_the_original(path: Path, tmp_path: Path) -> None:
    """The process that writes the original lives on, before, during and after the copy."""
    with closing(opened(path)) as here:
        ours = orders(here, 4)
        copy = keep(path, tmp_path / "copy")
        ours += orders(here, 4)
        theirs = in_a_process(copy, 8)
        ours += orders(here, 4)
    assert set() == set(ours) & set(theirs)


def test_a_journal_of_another_desk_in_its_place_is_noticed(path: Path, tmp_path: Path) -> None:
    """However many entries it has."""
    in_a_process(path)
    other = tmp_path / "other" / "mvx.db"
    in_a_process(other, 20)
    put_back(other, path, "", "-wal", "-shm")
    assert "mvx.db.mark is about another one" == restored(path)


def test_a_mark_that_is_no_mark_is_noticed_and_mended(path: Path) -> None:
    in_a_process(path)
    mark_path(path).write_text("\0" * 90)
    assert "mvx.db.mark can not be read: it is no mark" == restored(path)
    in_a_process(path)
    assert "" == restored(path)


@pytest.mark.parametrize("rename", [lambda path: path.parent, lambda path: path])
def test_a_journal_that_was_moved_is_the_same_or_is_noticed(
    path: Path, tmp_path: Path, rename: Callable[[Path], Path]
) -> None:
    """A folder that was renamed is the same; a file that left its mark behind is not."""
    in_a_process(path)
    rename(path).rename(tmp_path / "moved")
    moved = tmp_path / "moved"
    if moved.is_dir():
        assert "" == restored(moved / path.name)
    else:
        assert "moved.mark is missing" == restored(moved)


def test_another_name_of_the_same_file_is_the_same_journal(path: Path, tmp_path: Path) -> None:
    in_a_process(path)
    (tmp_path / "link.db").symlink_to(path)
    in_a_process(tmp_path / "link.db")
    assert ("", "") == (restored(path), restored(tmp_path / "link.db"))


def test_reading_notices_and_writes_nothing(path: Path, tmp_path: Path) -> None:
    """Nor does a transaction that comes to nothing."""
    in_a_process(path)
    copy = keep(path, tmp_path / "copy")
    with closing(opened(copy)) as journal:
        with journal.read() as tx:
            seq = views.last_seq(tx)
        with journal.write():
            pass
        with journal.read() as tx:
            assert seq == views.last_seq(tx)
        assert "mvx.db.mark is a copy" == journal.restored
        assert () == journal.notices()


def test_what_was_rolled_back_is_noticed_by_the_next_one(path: Path, tmp_path: Path) -> None:
    in_a_process(path)
    copy = keep(path, tmp_path / "copy")
    with closing(opened(copy)) as journal:
        with pytest.raises(LookupError), journal.write() as tx:
            tx.append(log.OutcomeLost(ClOrdId("m9"), "timeout"))
        assert () == journal.notices()
        orders(journal, 2)
        (told,) = journal.notices()
        assert f"{copy} was put back or copied (mvx.db.mark is a copy)" in told
        assert () == journal.notices()
    assert 1 == len(noticed(copy))


def test_what_it_knew_of_the_venues_holds_no_more(path: Path, tmp_path: Path) -> None:
    """Whatever agreed before, agreed with another journal."""
    with closing(opened(path)) as journal, journal.write(at=at(1)) as tx:
        tx.append(log.Opening(KRAKEN, "main", at(0), {}, {}, ()))
        tx.note_contact(KRAKEN, answered_at=at(1), agreed_at=at(1))
    copy = keep(path, tmp_path / "copy")
    with closing(opened(copy)) as journal, journal.write(at=at(2)) as tx:
        tx.note_contact("another", answered_at=at(2))
        contact = views.contacts(tx)[KRAKEN]
    assert (at(1), None) == (contact.answered_at, contact.agreed_at)


def test_one_that_is_put_back_under_a_running_process_is_refused(path: Path, tmp_path: Path) -> None:
    """`.restore` of the SQLite shell, which writes into the open file: the process that goes on would make
    its own ids again."""
    backup = tmp_path / "backup.db"
    with closing(opened(path)) as journal:
        copied_by_sqlite(path, backup)
        orders(journal)
        copied_by_sqlite(backup, path)
        with pytest.raises(JournalError, match="put back to an older one while it was written"):
            orders(journal)
    assert "it has 1 entries, and had 4" == restored(path)


def test_a_journal_that_begins_anew_where_another_was_says_so(path: Path) -> None:
    """The mark that was left tells how much is forgotten."""
    in_a_process(path)
    path.unlink()
    with closing(opened(path)) as journal:
        (told,) = journal.notices()
        assert "begins anew, and the one that was here had 4 entries" in told
        assert "" == journal.restored
    assert "" == restored(path)


def test_two_processes_that_write_in_turns_are_no_alarm(path: Path) -> None:
    """Whoever is behind in the mark takes nothing back."""
    with closing(opened(path)) as one, closing(opened(path)) as two:
        ids = [each for _ in range(4) for each in (*orders(one, 1), *orders(two, 2))]
        assert "" == restored(path)
    assert 12 == len(set(ids))
    assert ("", []) == (restored(path), noticed(path))


def test_a_file_system_that_keeps_no_time_is_no_alarm(path: Path) -> None:
    """Such a mark says so, and its times are not compared."""
    in_a_process(path)
    mark = mark_path(path)
    text = mark.read_text()
    mark.write_text(text[: text.index("at=")] + f"at={0:019d}\n")
    assert "" == restored(path)


def test_a_file_system_that_keeps_no_time_says_so_in_the_mark(path: Path) -> None:
    """An hour beside the clock, as a share of another machine may be: its times are not compared."""
    in_a_process(path)
    with closing(opened(path)) as journal, journal.read() as tx:
        found, seq = tx.meta("epoch"), views.last_seq(tx)
    elsewhere = MarkFile(path, now_ns=lambda: time.time_ns() + 3600 * 10**9)
    elsewhere.adopt(found, seq)
    elsewhere.close()
    marked = read_mark(mark_path(path))
    assert isinstance(marked, Found)
    assert (seq, 0) == (marked.mark.seq, marked.mark.at)
    assert "" == restored(path)


def test_without_its_mark_no_journal_is_begun(path: Path) -> None:
    """What stands in its place is said, and the next one who comes finds no half of a journal."""
    mark_path(path).mkdir(parents=True)
    with pytest.raises(JournalError, match=r"mvx\.db\.mark"):
        opened(path)
    mark_path(path).rmdir()
    assert 3 == len(in_a_process(path))


@pytest.mark.parametrize("text", ["", "nonsense", "epoch=x"])
def test_whoever_writes_in_the_mark_is_noticed_and_breaks_nothing(path: Path, text: str) -> None:
    """What is committed is acknowledged, whatever became of the mark meanwhile."""
    with closing(opened(path)) as journal:
        orders(journal, 1)
        mark_path(path).write_text(text)
        orders(journal, 1)
    assert "it is no mark" in restored(path)


class Lineages:
    """Journals that were copied and put back at will, each by processes that came and went. `copies` are
    whole folders as they once were."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.desks = [folder / "0" / "mvx.db"]
        self.copies: list[Path] = []
        self.ids: list[str] = []

    def trades(self, pick: int, count: int) -> None:
        self.ids += in_a_process(self.desks[pick % len(self.desks)], count)

    def dies(self, pick: int, count: int) -> None:
        """Its mark was written before the last commits, as a kill leaves it."""
        path = self.desks[pick % len(self.desks)]
        journal = opened(path)
        self.ids += orders(journal, count)
        journal._writer._sure = False
        journal.close()

    def copied(self, pick: int, count: int) -> None:
        kept = keep(self.desks[pick % len(self.desks)], self.folder / f"copy{len(self.copies)}")
        self.copies.append(kept)
        if count % 2:
            self.desks.append(kept)

    def put_back(self, pick: int, count: int) -> None:
        if self.copies:
            kept, desk = self.copies[count % len(self.copies)], self.desks[pick % len(self.desks)]
            if kept != desk:
                put_back(kept, desk, *(("", "-wal", "-shm") if count % 2 else ()))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["trades", "dies", "copied", "put_back"]), st.integers(0, 5), st.integers(1, 4)
        ),
        max_size=12,
    )
)
@settings(max_examples=30, deadline=None)
def test_whatever_is_copied_killed_and_put_back_no_id_is_made_twice(
    steps: list[tuple[str, int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = Lineages(Path(folder))
        found.trades(0, 1)
        for what, pick, count in steps:
            getattr(found, what)(pick, count)
        assert sorted(set(found.ids)) == sorted(found.ids)
