"""A backup of the journal while it is in use, and what a desk does when one was put back."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from mvx import sqlite
from mvx.domain.ids import Venue
from mvx.domain.order import Side
from mvx.domain.trading import TradingState
from mvx.engine.backup import BackedUp, journal_backup
from mvx.engine.outcome import Outcome
from mvx.engine.positions import positions
from mvx.engine.positions_result import PositionsResult
from mvx.engine.reconcile import reconcile
from mvx.engine.trading import change_trading
from mvx.engine.venue_status import cached_status
from mvx.engine.venue_status_result import VenueStatusResult
from mvx.errors import Exit, JournalError, Refused, UsageError
from mvx.journal import views
from mvx.journal.generation import mark_path
from mvx.journal.store import Journal
from mvx.journal.verify import differences
from tests.engine.desk import BINANCE, GTC, OKX, Operator, order, risk, settings
from tests.engine.leaving import flattens
from tests.engine.truth import assert_healed, assert_truth_inside, last_seq, reading, until_agreed
from tests.journal.test_processes import go, start
from tests.support import ManualClock

D = Decimal


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    """A desk that has traded."""
    folder = tmp_path / "desk"
    folder.mkdir()
    at = Operator(settings(folder, BINANCE, OKX))
    at.routes(order("0.1"))
    return at


def backup_of(at: Operator, name: str = "backup.db") -> Path:
    target = at.settings.desk.journal.parent.with_name(name)
    assert Exit.OK is journal_backup(at.settings.desk, target).exit_code
    return target


def put_back(backup: Path, at: Operator) -> None:
    """As the documentation says: the journal's own files go, the backup takes the place of one."""
    journal = at.settings.desk.journal
    for suffix in ("", "-wal", "-shm"):
        journal.with_name(journal.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(backup, journal)


def accepted(at: Operator) -> Counter[str]:
    """How often each client id was accepted by the venues."""
    return Counter(row["cl_ord_id"] for row in at.ledger_rows("orders"))


def states(at: Operator) -> set[str]:
    found = positions(at.settings.desk, at.clock.now()).data
    assert isinstance(found, PositionsResult)
    return {row.state for row in found.positions}


def told(outcome: Outcome) -> list[str]:
    return [line for line in outcome.warnings if "was put back or copied" in line]


def test_a_backup_is_whole_private_and_one_file(at: Operator) -> None:
    """It says how many entries it has, and its tables are the fold of its log."""
    target = at.settings.desk.journal.parent.with_name("backup.db")
    result = journal_backup(at.settings.desk, target).data
    assert isinstance(result, BackedUp)
    assert (last_seq(at.settings), str(target)) == (result.entries, result.backup)
    assert 0o600 == stat.S_IMODE(target.stat().st_mode)
    assert ["backup.db"] == [each.name for each in target.parent.iterdir() if each.is_file()]
    with closing(Journal(target, mode="paper", create=False)) as journal, journal.read() as tx:
        assert [] == list(differences(tx))


def test_a_backup_never_overwrites(at: Operator) -> None:
    """Not a backup, not the journal itself, and what is there is untouched."""
    backup = backup_of(at)
    for target in (backup, at.settings.desk.journal):
        before = target.read_bytes()
        with pytest.raises(UsageError, match="exists"):
            journal_backup(at.settings.desk, target)
        assert before == target.read_bytes()


def test_a_backup_that_can_not_be_made_leaves_nothing(at: Operator, tmp_path: Path) -> None:
    """A folder that is not there, and a journal that is not there: exit 8, and no file is made."""
    with pytest.raises(JournalError) as failed:
        journal_backup(at.settings.desk, tmp_path / "no" / "backup.db")
    assert (Exit.UNAVAILABLE, "nothing was written") == (failed.value.exit_code, failed.value.known)
    at.settings.desk.journal.rename(tmp_path / "elsewhere.db")
    with pytest.raises(JournalError, match="there is no journal"):
        journal_backup(at.settings.desk, tmp_path / "backup.db")
    assert not (tmp_path / "backup.db").exists()
    assert not at.settings.desk.journal.exists()


def test_a_backup_that_is_killed_leaves_no_file_of_that_name(at: Operator) -> None:
    """A torn one would be put back some day. What is left is in nobody's way."""
    target = at.settings.desk.journal.parent.with_name("backup.db")
    script = (
        "import os, signal, sys; from pathlib import Path; from mvx import sqlite\n"
        "sqlite._fsync = lambda path: os.kill(os.getpid(), signal.SIGKILL)\n"
        "with sqlite.read_only(Path(sys.argv[1])) as source: sqlite.back_up(source, Path(sys.argv[2]))"
    )
    argv = [sys.executable, "-c", script, str(at.settings.desk.journal), str(target)]
    assert -signal.SIGKILL == subprocess.run(argv, check=False, timeout=60).returncode
    left = [each for each in target.parent.iterdir() if each.is_file()]
    assert [".mvx-backup-"] == [each.name[:12] for each in left]
    assert 0o600 == stat.S_IMODE(left[0].stat().st_mode)
    backup_of(at)
    assert 1 == target.stat().st_nlink


def files_beside(at: Operator) -> set[str]:
    return {each.name for each in at.settings.desk.journal.parent.parent.iterdir() if each.is_file()}


def test_a_backup_on_a_disk_without_links_is_whole(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a stick's: and there too nothing is overwritten that came meanwhile."""

    def no_links(source: Path, target: Path) -> None:
        if target.name == "taken.db":
            target.write_text("mine")
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    backup = backup_of(at)
    assert 0o600 == stat.S_IMODE(backup.stat().st_mode)
    with closing(Journal(backup, mode="paper", create=False)) as journal, journal.read() as tx:
        assert [] == list(differences(tx))
    with pytest.raises(UsageError, match="exists"):
        backup_of(at, "taken.db")
    assert "mine" == backup.with_name("taken.db").read_text()
    assert not [name for name in files_beside(at) if name.startswith(".mvx-backup")]


@pytest.mark.parametrize("fails", ["link", "fsync of its folder"])
def test_a_backup_that_can_not_be_named_leaves_nothing(
    fails: str, at: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sqlite._fsync

    def fail(*paths: Path) -> None:
        if fails == "link" or paths[0].is_dir():
            raise OSError(errno.EIO, "Input/output error")
        real(*paths)

    monkeypatch.setattr(*((os, "link") if fails == "link" else (sqlite, "_fsync")), fail)
    with pytest.raises(JournalError, match="Input/output error"):
        backup_of(at)
    assert set() == files_beside(at)


def test_a_backup_while_others_write_is_one_moment(tmp_path: Path) -> None:
    """Each is the fold of its log, and none is shorter than the one before."""
    desk = settings(tmp_path, BINANCE).desk
    Journal(desk.journal, mode="paper").close()
    writer = start("write_many", desk.journal, 300)
    go(writer)
    seqs = []
    while writer.poll() is None:
        target = tmp_path / f"{len(seqs)}.db"
        result = journal_backup(desk, target).data
        assert isinstance(result, BackedUp)
        seqs.append(result.entries)
        with closing(Journal(target, mode="paper")) as journal, journal.read() as tx:
            assert (result.entries, []) == (views.last_seq(tx), list(differences(tx)))
    assert ("", "") == writer.communicate(timeout=60)
    assert len(seqs) > 1
    assert sorted(seqs) == seqs


def test_after_an_old_backup_nothing_is_sent_before_a_reconcile_agrees(at: Operator) -> None:
    """The next route reads the venues first, finds what was lost, says so, and makes no id again."""
    backup = backup_of(at)
    at.routes(order("0.2"))
    put_back(backup, at)
    at.clock.advance(1)
    assert {"unconfirmed"} == states(at)
    assert_truth_inside(at, "put back")
    outcome = at.routes(order("0.1"))
    (line,) = told(outcome)
    assert "an --id used since would trade again" in line
    assert {"foreign_fill"} == {row.kind for row in outcome.breaks}
    assert {1} == set(accepted(at).values())
    assert_truth_inside(at)
    until_agreed(at)
    assert [] == told(at.routes(order("0.1")))
    with reading(at.settings) as tx:
        assert [] == list(differences(tx))


def test_nothing_bounds_a_position_in_a_journal_that_was_put_back(at: Operator) -> None:
    """`?..?`, at each venue until its own reconcile agrees: nothing in the file tells what was sent since."""
    backup = backup_of(at)
    at.routes(order("0.2"))
    put_back(backup, at)
    assert {(None, None)} == bounds(at)
    at.does(lambda desk: reconcile(desk, (BINANCE,)))
    at.clock.advance(3)
    at.does(lambda desk: reconcile(desk, (BINANCE,)))
    assert {(None, None)} == bounds(at, OKX)
    assert (None, None) not in bounds(at, BINANCE)
    assert_truth_inside(at)


def test_no_limit_on_a_position_is_asked_of_a_journal_that_was_put_back(at: Operator) -> None:
    """Of a venue that is dark it has an old point, and what was sent since lies outside of it: an order could
    go beyond the limit, or pass for one that reduces."""
    at.settings = replace(at.settings, risk=risk(max_position={"BTC-USD": D(1)}))
    backup = backup_of(at)
    at.routes(order("0.9", venues=(BINANCE,)))
    put_back(backup, at)
    at.exchange.inject(BINANCE, "outage")
    for _ in range(2):
        at.does(lambda desk: reconcile(desk, (OKX,)))
        at.clock.advance(3)
    for side in Side:
        with pytest.raises(Refused, match=r"max_position: unknown .* binance has not agreed since") as caught:
            at.routes(order("0.2", side, venues=(OKX,)))
        assert "mvx reconcile --venue binance" in caught.value.message
    assert Exit.OK is flattens(at, "okx").exit_code
    at.exchange.heal()
    until_agreed(at)
    with pytest.raises(Refused, match=r"max_position: 1\.[12]\d* against 1"):
        at.routes(order("0.2", venues=(BINANCE,)))


def bounds(at: Operator, venue: Venue | None = None) -> set[tuple[Decimal | None, Decimal | None]]:
    found = positions(at.settings.desk, at.clock.now(), venue=venue).data
    assert isinstance(found, PositionsResult)
    return {(row.lo, row.hi) for row in found.positions}


def test_an_order_that_was_lost_and_still_rests_is_found_as_foreign(at: Operator) -> None:
    """It is shown and bounds the position from then on."""
    backup = backup_of(at)
    at.routes(order("1", time_in_force=GTC, limit_px=Decimal(70_000)))
    resting = [row for row in at.ledger_rows("orders") if row["status"] == "NEW"]
    assert resting
    put_back(backup, at)
    outcome = at.reconciles()
    assert {"foreign_order"} == {row.kind for row in outcome.breaks}
    assert len(told(outcome)) == 1
    assert_truth_inside(at)


def test_a_dry_run_on_a_journal_that_was_put_back_writes_nothing(at: Operator) -> None:
    backup = backup_of(at)
    at.routes(order("0.2"))
    put_back(backup, at)
    seq = last_seq(at.settings)
    at.routes(order("0.1", dry_run=True))
    with reading(at.settings) as tx:
        assert (seq, "") == (views.last_seq(tx), tx.meta("restored"))


def test_who_writes_first_says_so_and_a_venue_waits_for_its_own_reconcile(at: Operator) -> None:
    """A halt that was typed first does not hide it: until a venue agreed, nothing new goes there."""
    put_back(backup_of(at), at)
    mark_path(at.settings.desk.journal).unlink()
    desk = at.settings.desk
    first = change_trading(desk, (OKX,), TradingState.HALTED, reason="drill", by="ops")
    second = change_trading(desk, (OKX,), TradingState.ACTIVE, reason="", by="ops")
    assert ([1], []) == ([len(told(first))], told(second))
    assert {"unconfirmed"} == states(at)
    at.reconciles()
    found = cached_status(desk, at.clock.now()).data
    assert isinstance(found, VenueStatusResult)
    assert {"LIVE"} == {row.health for row in found.venues}
    assert "unconfirmed" not in states(at)


def test_a_kill_anywhere_and_an_old_backup_after_it_make_no_id_twice(tmp_path: Path, at: Operator) -> None:
    """Killed at every call to a venue, and each time the backup from before is put back."""
    backup = backup_of(at)
    heirs: list[Operator] = []

    def look(venue: Venue, now: str) -> None:
        copy = at.photographs(tmp_path / f"{len(heirs)}")
        heirs.append(Operator(copy, ManualClock(at.clock.now())))

    at.look = look
    at.routes(order("2"))
    assert len(heirs) > 10
    for heir in heirs:
        put_back(backup, heir)
        heir.clock.advance(10)
        heir.routes(order("0.3"))
        assert {1} == set(accepted(heir).values())
        heir.exchange.close()


def test_a_desk_that_was_copied_trades_under_other_ids(tmp_path: Path, at: Operator) -> None:
    """Both go on at the same time, each with a journal of its own."""
    folder = tmp_path / "copy"
    shutil.copytree(at.settings.desk.journal.parent, folder)
    copied = settings(folder, BINANCE, OKX)
    other = Operator(copied, ManualClock(at.clock.now()))
    before = set(accepted(at))
    at.routes(order("0.3"))
    (line,) = told(other.routes(order("0.3")))
    assert "mvx.db.mark is a copy" in line
    at.routes(order("0.3"))
    ours, theirs = set(accepted(at)) - before, set(accepted(other)) - before
    assert ours
    assert theirs
    assert set() == ours & theirs
    assert_healed(at)


def test_a_second_backup_of_a_restored_desk_warns(at: Operator) -> None:
    backup = backup_of(at)
    at.routes(order("0.2"))
    put_back(backup, at)
    (line,) = journal_backup(at.settings.desk, backup.with_name("again.db")).warnings
    assert line.startswith("it is a backup of a journal that was put back or copied")
