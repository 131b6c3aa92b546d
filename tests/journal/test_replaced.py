"""A file that was moved, deleted or put back in the middle: nothing is written where nobody will look, and no
two files are taken for one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from mvx.errors import JournalDamaged, JournalError
from mvx.journal import views
from mvx.journal.backup import back_up
from mvx.journal.checkup import check_up
from mvx.journal.store import Journal
from mvx.journal.verify import differences
from tests.domain.orders import at
from tests.journal.journals import PRELUDE, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mvx.db"


def opened(path: Path) -> Journal:
    return Journal(path, mode="paper")


def moved(path: Path) -> None:
    aside = path.parent / "aside"
    aside.mkdir()
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).rename(aside / (path.name + suffix))


def replaced(path: Path) -> None:
    """As a copy program does that writes beside the file first."""
    fresh = path.with_name("fresh")
    shutil.copy(path, fresh)
    fresh.rename(path)


def test_a_file_with_two_names_is_opened_by_neither(path: Path) -> None:
    """Each has a log of its own, and what was acknowledged under the one would be lost under the other."""
    other = path.with_name("other.db")
    with closing(opened(path)) as journal:
        write(journal, PRELUDE[:1])
    other.hardlink_to(path)
    for name in (path, other):
        with pytest.raises(JournalError, match="has another name as well") as caught:
            opened(name)
        assert f"-samefile {name}" in caught.value.next_step
    other.unlink()
    with closing(opened(path)) as journal:
        write(journal, PRELUDE[1:])


@pytest.mark.parametrize("meddle", [moved, Path.unlink, replaced])
def test_nothing_is_written_to_a_file_that_nobody_will_open(
    meddle: Callable[[Path], None], path: Path
) -> None:
    """The daemon goes on while the file is moved away: what it committed then would be lost with it."""
    with closing(opened(path)) as journal:
        write(journal, PRELUDE[:1])
        meddle(path)
        with journal.read() as tx:
            before = views.last_seq(tx)
        with pytest.raises(JournalError, match=r"another file|No such file"):
            write(journal, PRELUDE[1:])
        with journal.read() as tx:
            assert views.last_seq(tx) == before


def test_a_link_that_still_leads_to_the_file_is_no_other_file(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    opened(path).close()
    link.symlink_to(path)
    with closing(opened(link)) as journal:
        write(journal, PRELUDE)


def killed(path: Path, there: Path) -> None:
    """What is left of the journal where its process is killed now."""
    there.mkdir()
    for suffix in ("", "-wal", "-shm", ".mark"):
        shutil.copy(path.with_name(path.name + suffix), there / (path.name + suffix))


def test_a_backup_beside_the_log_of_what_it_replaces_is_no_journal(path: Path, tmp_path: Path) -> None:
    """SQLite would write the newer pages over the older file. The way out that is told leads out."""
    dead = tmp_path / "dead" / path.name
    with closing(opened(path)) as journal:
        back_up(journal, tmp_path / "backup.db")
        write(journal, PRELUDE)
        killed(path, dead.parent)
    shutil.copy(tmp_path / "backup.db", dead)
    log = dead.with_name("mvx.db-wal").read_bytes()
    with pytest.raises(JournalDamaged, match="is the log of the file that was here before") as caught:
        opened(dead)
    assert str(caught.value) == str(check_up(dead, (), at(9)))
    assert "mvx.db-wal" in caught.value.next_step
    assert log == dead.with_name("mvx.db-wal").read_bytes()
    for suffix in ("-wal", "-shm"):
        dead.with_name(f"mvx.db{suffix}").unlink()
    with closing(opened(dead)) as journal, journal.read() as tx:
        assert 1 == views.last_seq(tx)
        assert [] == list(differences(tx))


def test_a_backup_beside_an_empty_log_is_whole(path: Path, tmp_path: Path) -> None:
    with closing(opened(path)) as journal:
        write(journal, PRELUDE)
        back_up(journal, tmp_path / "backup.db")
    (tmp_path / "backup.db-wal").touch()
    with closing(opened(tmp_path / "backup.db")) as journal, journal.read() as tx:
        assert [] == list(differences(tx))


@pytest.mark.parametrize("length", [300, 253], ids=["its own", "its log's"])
def test_a_path_that_can_not_be_looked_at_is_told_as_such(length: int, tmp_path: Path) -> None:
    """A name has 255 letters at most, that of the log beside it as well."""
    path = tmp_path / ("x" * length)
    with suppress(OSError):
        path.touch()
    found = check_up(path, (), at(9))
    assert isinstance(found, JournalError)
    assert "File name too long" in found.message
