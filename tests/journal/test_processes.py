"""Several processes on one journal."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import mvx
from mvx.domain import entries as log
from mvx.journal import views
from mvx.journal.store import Journal
from mvx.journal.verify import differences
from tests.domain.orders import BTC, KRAKEN, USD, at, fill

ROOT = Path(mvx.__file__).parents[1]
Worker = subprocess.Popen[str]


def start(task: str, path: Path, count: int = 0) -> Worker:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.journal.worker", task, str(path), str(count)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def go(worker: Worker) -> None:
    assert worker.stdin is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()


def at_once(task: str, path: Path, count: int, workers: int) -> list[tuple[str, str]]:
    """What so many processes say when they do one task at once."""
    started = [start(task, path, count) for _ in range(workers)]
    for worker in started:
        go(worker)
    return [worker.communicate(timeout=60) for worker in started]


def test_two_writers_at_once_lose_nothing_and_share_one_order(tmp_path: Path) -> None:
    """200 transactions each: no error, all there, ids never doubled, and the fold agrees."""
    path = tmp_path / "journal.db"
    said = at_once("write_many", path, 200, 2)
    assert said == [("", "")] * 2
    journal = Journal(path, mode="paper")
    with journal.read() as tx:
        seqs = [seq for (seq,) in tx.connection.execute("SELECT seq FROM log ORDER BY seq")]
        assert seqs == list(range(1, 802))
        assert (views.table_counts(tx)["orders"], views.table_counts(tx)["fills"]) == (400, 400)
        assert tx.meta("orders") == "400"
        assert str(views.holdings(tx)[KRAKEN, BTC].confirmed) == "0.4"
        assert list(differences(tx)) == []
    journal.close()


def test_processes_that_make_the_journal_at_once_all_get_one(tmp_path: Path) -> None:
    """One epoch, one opening entry, and no loser."""
    path = tmp_path / "new" / "journal.db"
    said = at_once("create", path, 0, 4)
    assert [error for _, error in said] == [""] * 4
    assert len({epoch for epoch, _ in said}) == 1
    assert re.fullmatch("[a-z0-9]{10}", said[0][0])
    journal = Journal(path, mode="paper", create=False)
    with journal.read() as tx:
        assert views.table_counts(tx)["log"] == 1
    journal.close()


def test_nobody_finds_a_journal_locked_while_it_is_made(tmp_path: Path) -> None:
    """The change to WAL is under the lock too: SQLite refuses the second one without any wait."""
    said = at_once("create_many", tmp_path / "journal.db", 40, 6)
    assert said == [("", "")] * 6


def test_a_process_killed_inside_a_transaction_leaves_nothing(tmp_path: Path) -> None:
    """Neither entry nor fold nor lock: the next writer goes on at once."""
    path = tmp_path / "journal.db"
    Journal(path, mode="paper").close()
    worker = start("die", path)
    worker.communicate("go\n", timeout=30)
    assert worker.returncode == -signal.SIGKILL
    journal = Journal(path, mode="paper")
    with journal.write(at=at(1)) as tx:
        assert views.table_counts(tx)["fills"] == 0
        assert tx.append(log.FillBooked(fill("1"), BTC, USD, None)) == 2
    with journal.read() as tx:
        assert list(differences(tx)) == []
    journal.close()


def test_reads_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    """While another process holds the write transaction a reader sees the state before it."""
    path = tmp_path / "journal.db"
    journal = Journal(path, mode="paper")
    worker = start("hold", path)
    go(worker)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "holding\n"
    began = time.monotonic()
    with journal.read() as tx:
        assert views.table_counts(tx)["fills"] == 0
    assert time.monotonic() - began < 1
    worker.communicate("done\n", timeout=30)
    with journal.read() as tx:
        assert views.table_counts(tx)["fills"] == 1
    journal.close()
