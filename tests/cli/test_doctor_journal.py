"""`mvx doctor` on journals that something is wrong with, or that tell of something to see to."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.entries import BreakFound, Intended
from mvx.domain.ids import Asset, Venue
from mvx.domain.instant import Instant
from mvx.journal.jobs import LEADER
from mvx.journal.store import Journal
from mvx.sqlite import Connection
from tests.cli.looking import desk, looked, only, said, typed
from tests.cli.test_config import LIVE
from tests.domain.orders import BUY, order


def rows_of(journal: Path) -> Connection:
    return sqlite3.connect(journal, isolation_level=None)  # type: ignore[return-value]  any driver will do


def test_a_live_desk_without_a_journal_does_not_work(tmp_path: Path) -> None:
    (tmp_path / "mvx.toml").write_text(LIVE)
    _, checks = looked(tmp_path)
    assert ("fail", 8) == (checks["journal"]["state"], checks["journal"]["exit_code"])


def damaged(journal: Path) -> None:
    """Its pages after the first are gone over."""
    data = bytearray(journal.read_bytes())
    data[8192:40960] = os.urandom(32768)
    journal.write_bytes(bytes(data))


def of_a_newer_mvx(journal: Path) -> None:
    rows_of(journal).execute("PRAGMA user_version = 99")


def of_a_dump(journal: Path) -> None:
    rows_of(journal).execute("PRAGMA user_version = 0")


def of_something_else(journal: Path) -> None:
    journal.unlink()
    journal.touch(0o600)
    rows_of(journal).execute("CREATE TABLE notes (text)")


def unbalanced(journal: Path) -> None:
    rows_of(journal).execute("UPDATE holdings SET confirmed = '11' WHERE venue = 'okx' AND asset = 'BTC'")


def live(journal: Path) -> None:
    rows_of(journal).execute("UPDATE meta SET value = 'live' WHERE name = 'mode'")


def of_another_program(journal: Path) -> None:
    journal.write_text("no database at all, but long enough to be looked at" * 90)


def emptied(journal: Path) -> None:
    journal.write_bytes(b"")


@pytest.mark.parametrize(
    ("break_it", "says", "exit_code"),
    [
        (damaged, "", 8),
        (of_another_program, "file is not a database", 8),
        (emptied, "is empty", 8),
        (of_a_newer_mvx, "written by a newer mvx (schema 99", 8),
        (of_a_dump, "lost its version", 8),
        (of_something_else, "not one of mvx for this", 8),
        (live, "is a live journal, and the configured venues are paper", 8),
        (unbalanced, "holdings that are not the sum of their postings: okx BTC", 1),
    ],
)
def test_a_journal_that_can_not_be_used_is_found(
    break_it: Any, says: str, exit_code: int, tmp_path: Path
) -> None:
    journal = desk(tmp_path)
    typed(tmp_path, "reconcile")
    break_it(journal)
    found, checks = looked(tmp_path)
    assert (exit_code, "fail") == (found, only(checks, "journal")["state"])
    assert says in checks["journal"]["says"]
    assert checks["journal"]["next"]


def test_a_journal_that_was_put_back_is_found(tmp_path: Path) -> None:
    """Until it agrees with the venues again."""
    journal = desk(tmp_path)
    typed(tmp_path, "reconcile")
    typed(tmp_path, "journal", "backup", "old.db")
    typed(tmp_path, "halt", "--reason", "test")
    typed(tmp_path, "resume")
    (tmp_path / "old.db").replace(journal)
    exit_code, checks = looked(tmp_path)
    assert (0, ("warn", "mvx reconcile")) == (exit_code, said(only(checks, "journal")))
    assert "put back or copied" in checks["journal"]["says"]
    typed(tmp_path, "reconcile")
    assert "ok" == looked(tmp_path)[1]["journal"]["state"]


def test_a_lock_that_is_kept_is_found(tmp_path: Path) -> None:
    """Its holder is named, and the rest is looked at all the same."""
    journal = desk(tmp_path)
    keep = (
        "import fcntl, sys; kept = open(sys.argv[1]); fcntl.flock(kept, fcntl.LOCK_EX);"
        " print(1, flush=True); input()"
    )
    argv = [sys.executable, "-c", keep, f"{journal}.lock"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        exit_code, checks = looked(tmp_path)
        holder.kill()
    assert (8, ("fail", f"ps -p {holder.pid}")) == (exit_code, said(only(checks, "lock")))
    assert "ok" == looked(tmp_path)[1]["lock"]["state"]


def test_an_open_break_is_found(tmp_path: Path) -> None:
    journal = Journal(desk(tmp_path), mode="paper")
    found = BreakFound(
        "r1", Venue("okx"), "balance", Asset("BTC"), None, None, "1", "2", corrected=False, note=""
    )
    with journal.write() as tx:
        tx.append(found)
    journal.close()
    exit_code, checks = looked(tmp_path)
    assert (0, ("warn", "mvx breaks --open")) == (exit_code, said(only(checks, "breaks")))
    typed(tmp_path, "breaks", "ack", "2")
    assert "ok" == looked(tmp_path)[1]["breaks"]["state"]


def test_an_order_whose_outcome_is_unknown_is_found(tmp_path: Path) -> None:
    """Its sender never said what became of it, and its deadline is past."""
    journal = Journal(desk(tmp_path), mode="paper")
    with journal.write() as tx:
        tx.append(Intended(replace(order(BUY, "1", cl_ord_id="m1"), deadline=Instant(1))))
    journal.close()
    exit_code, checks = looked(tmp_path)
    assert (0, ("warn", "mvx reconcile")) == (exit_code, said(only(checks, "orders")))
    assert "1 unknown: m1" == checks["orders"]["says"]


def test_a_halt_is_found(tmp_path: Path) -> None:
    desk(tmp_path)
    typed(tmp_path, "halt", "--venue", "okx", "--reason", "incident 7")
    exit_code, checks = looked(tmp_path)
    assert (0, "warn") == (exit_code, only(checks, "trading")["state"])
    assert checks["trading"]["says"].startswith("okx is HALTED by ")
    assert checks["trading"]["says"].endswith(": incident 7")
    assert checks["trading"]["next"] == "mvx resume --venue okx, once the reason is gone"


def test_what_lifts_halts_of_everything_and_of_venues_is_named(tmp_path: Path) -> None:
    """`mvx resume` alone lifts no venue's own halt."""
    desk(tmp_path)
    for words in ((), ("--venue", "okx"), ("--venue", "bybit")):
        typed(tmp_path, "halt", *words)
    _, checks = looked(tmp_path)
    expected = "mvx resume; mvx resume --venue bybit,okx, once the reason is gone"
    assert expected == checks["trading"]["next"]


def leads(journal: Path, pid: int) -> None:
    opened = Journal(journal, mode="paper")
    with opened.write() as tx:
        assert tx.take_lease(LEADER, f"{pid}-abcd")
    opened.close()


def test_a_leader_that_died_is_found(tmp_path: Path) -> None:
    journal = desk(tmp_path)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    leads(journal, ended.pid)
    exit_code, checks = looked(tmp_path)
    assert (0, ("warn", "mvx run")) == (exit_code, said(only(checks, "leader")))
    assert f"{ended.pid}-abcd led and died" == checks["leader"]["says"]


def test_a_leader_that_lives_is_well(tmp_path: Path) -> None:
    leads(desk(tmp_path), os.getpid())
    assert f"{os.getpid()}-abcd leads, 0 jobs in hand" == looked(tmp_path)[1]["leader"]["says"]


def test_work_that_nobody_leads_is_found(tmp_path: Path) -> None:
    desk(tmp_path)
    assert 0 == typed(tmp_path, "route", "BTC-USD", "0.01", "--queue").exit_code
    _, checks = looked(tmp_path)
    assert ("warn", "mvx run") == said(checks["leader"])
    assert "1 jobs wait and nobody leads" == checks["leader"]["says"]


def test_the_worst_exit_code_wins(tmp_path: Path) -> None:
    """A defect before a journal before a config."""
    journal = desk(tmp_path)
    typed(tmp_path, "reconcile")
    (tmp_path / "mvx.toml").chmod(0o666)
    assert 2 == looked(tmp_path)[0]
    unbalanced(journal)
    assert 1 == looked(tmp_path)[0]
