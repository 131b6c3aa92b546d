"""The lock around write transactions: fair, named where it is held too long, and never left behind."""

from __future__ import annotations

import fcntl
import gc
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from mvx import turn
from mvx.errors import JournalError
from mvx.journal.store import Journal
from mvx.sqlite import Database
from tests.journal.test_processes import Worker, go, start


def holding(path: Path) -> Worker:
    """Another process in the middle of a write transaction."""
    Journal(path, mode="paper").close()
    worker = start("hold", path)
    go(worker)
    assert worker.stdout is not None
    assert "holding\n" == worker.stdout.readline()
    return worker


def let_go(worker: Worker) -> None:
    worker.communicate("done\n", timeout=30)


def test_a_lock_that_is_held_too_long_names_its_holder(tmp_path: Path) -> None:
    """And what to run; nothing was written."""
    path = tmp_path / "journal.db"
    worker = holding(path)
    with closing(Database(path, lock_timeout_s=0.2)) as impatient:
        with pytest.raises(JournalError) as caught, impatient.write():
            pass
        assert f"is locked by process {worker.pid} for over 0.2 s" in caught.value.message
        assert f"ps -p {worker.pid}" in caught.value.next_step
    let_go(worker)


def test_a_wait_that_was_given_up_holds_nothing_when_its_turn_comes(tmp_path: Path) -> None:
    """The lock that it gets too late is given back: the next one writes at once, and so does it itself."""
    path = tmp_path / "journal.db"
    worker = holding(path)
    with closing(Database(path, lock_timeout_s=0.2)) as impatient:
        with pytest.raises(JournalError), impatient.write():
            pass
        let_go(worker)
        for _ in range(3):
            with closing(Database(path, lock_timeout_s=5)) as other, other.write():
                pass
            with impatient.write():
                pass


def test_a_wait_that_was_given_up_does_not_let_go_of_a_later_lock(tmp_path: Path) -> None:
    """The same database writes in time once the holder is gone, and nobody else can in the meantime."""
    path = tmp_path / "journal.db"
    worker = holding(path)
    with (
        closing(Database(path, lock_timeout_s=0.2)) as impatient,
        closing(Database(path, lock_timeout_s=0.2)) as other,
    ):
        with pytest.raises(JournalError), impatient.write():
            pass
        let_go(worker)
        with impatient.write():
            time.sleep(0.1)
            with pytest.raises(JournalError), other.write():
                pass


@contextmanager
def at_the_head(path: Path) -> Iterator[None]:
    """Somebody is next to write. Raises BlockingIOError where another one is."""
    head = os.open(f"{path}.queue", os.O_RDWR)
    try:
        fcntl.flock(head, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(head)


def test_nobody_overtakes_whoever_is_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even while nobody writes."""
    monkeypatch.setattr(turn, "QUEUE_S", 3_600)
    path = tmp_path / "journal.db"
    Database(path).close()
    wrote = threading.Event()

    def write() -> None:
        with closing(Database(path)) as database, database.write():
            wrote.set()

    writer = threading.Thread(target=write)
    with at_the_head(path):
        writer.start()
        assert not wrote.wait(0.2)
    writer.join()
    assert wrote.is_set()


def test_a_queue_that_does_not_move_is_left(tmp_path: Path) -> None:
    """Whoever is next may have been stopped."""
    path = tmp_path / "journal.db"
    with closing(Database(path)) as database, at_the_head(path), database.write():
        pass


def test_a_writer_leaves_the_queue_when_it_has_its_turn(tmp_path: Path) -> None:
    """The next one is at its head while it writes."""
    path = tmp_path / "journal.db"
    with closing(Database(path)) as database, database.write(), at_the_head(path):
        pass


def test_a_database_that_is_forgotten_keeps_no_file(tmp_path: Path) -> None:
    """Open files are few: a process that has too many can not do much else."""
    gc.collect()  # what other tests forgot
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(5):
        with Database(tmp_path / f"{number}.db").write():
            pass
    gc.collect()
    assert before == len(list(Path("/proc/self/fd").iterdir()))


def all_that_can_be_opened() -> list[int]:
    opened: list[int] = []
    with suppress(OSError):
        while True:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    return opened


@contextmanager
def few_files(free: int) -> Iterator[None]:
    """This process may open so many more files, and no more; afterwards it may open as many yet."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    opened = all_that_can_be_opened()
    try:
        for _ in range(free):
            os.close(opened.pop())
        yield
        opened += (left := all_that_can_be_opened())
        assert free == len(left)
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("free", [0, 1])
def test_whoever_may_open_no_more_files_to_wait_is_told_so(tmp_path: Path, free: int) -> None:
    """It keeps none of those that it opened, and writes in time once nobody has to be waited for."""
    path = tmp_path / "journal.db"
    worker = holding(path)
    with closing(Database(path)) as database:
        told = pytest.raises(JournalError, match="it can not be opened")
        with few_files(free), told as caught, database.write():
            pass
        assert "ulimit -n" in caught.value.next_step
        let_go(worker)
        with database.write():
            pass


def test_a_signal_in_the_wait_leaves_no_lock_behind(tmp_path: Path) -> None:
    """The handler raises in the middle of the wait, and the process goes on."""
    path = tmp_path / "journal.db"
    worker = holding(path)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with closing(Database(path)) as patient:
            subprocess.Popen(["sh", "-c", f"sleep 0.2; kill -USR1 {os.getpid()}"])
            with pytest.raises(KeyboardInterrupt), patient.write():
                pass
            let_go(worker)
            time.sleep(0.1)
            with closing(Database(path, lock_timeout_s=1)) as other, other.write():
                pass
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_lock_that_was_tidied_away_while_it_is_held_ends_no_writer(tmp_path: Path) -> None:
    """One at a time writes all the same: SQLite sees to it."""
    path = tmp_path / "journal.db"
    waiting = Database(path)
    worker = holding(path)
    for suffix in (".lock", ".queue"):
        Path(f"{path}{suffix}").unlink()
    freed = threading.Timer(0.3, let_go, [worker])
    freed.start()
    with closing(waiting), waiting.write() as connection:
        assert 2 == connection.execute("SELECT count(*) FROM log").fetchone()[0]
    freed.join()
