"""A journal that can not be used: exit 8, what is wrong, what to do; nothing sent, nothing lost."""

from __future__ import annotations

import os
import random
import shutil
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.harness import Ran, mvx, surroundings
from tests.cli.privileges import bound_by_modes, child, files_of_at_most

PAGE = 4_096
DENIED = "it may not be written here (Permission denied)"
EVERY_VERB = [
    *(
        "positions",
        "orders",
        "route BTC-USD 0.1",
        "reconcile",
        "halt",
        "cancel --all",
        "flatten --all",
        "run",
    ),
    *("journal info", "journal verify", "journal backup copy.db", "venue-status", "breaks", "baseline show"),
]


def ask(folder: Path, typed: str) -> Ran:
    return mvx(surroundings(folder, {"MVX_JOURNAL": "mvx.db"}), *typed.split())


def data(folder: Path, typed: str) -> Any:
    return ask(folder, f"{typed} --json").envelope["data"]


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk that has traded; tests copy it."""
    folder = tmp_path_factory.mktemp("traded")
    for typed in ("route BTC-USD 0.3 --id first", "route BTC-USD 0.1 --sell", "halt --venue okx"):
        assert ask(folder, typed).exit_code == 0
    assert ask(folder, "positions --fresh").exit_code == 0
    return folder


@pytest.fixture
def desk(traded: Path, tmp_path: Path) -> Path:
    """The same files under the same times: moved, as far as mvx can tell, by nobody."""
    folder = tmp_path / "desk"
    shutil.copytree(traded, folder)
    ask(folder, "reconcile")
    return folder


def sent(folder: Path) -> int:
    """How many orders the venues have taken."""
    venues = ("kraken", "coinbase", "binance", "okx", "bybit")
    return sum(len(data(folder, f"paper ledger {venue}")["orders"]) for venue in venues)


def assert_refused(ran: Ran, message: str, next_step: str) -> None:
    assert ran.exit_code == 8, ran.stderr
    assert ran.stdout == ""
    assert message in ran.stderr
    assert "\nknown: nothing was written\nnext:  " in ran.stderr
    assert next_step in ran.stderr.partition("\nnext:  ")[2]


def assert_nothing_was_lost(folder: Path, keep: bytes, before: int) -> None:
    """With its own file back the desk goes on as if nothing had been."""
    for suffix in ("-wal", "-shm"):
        (folder / f"mvx.db{suffix}").unlink(missing_ok=True)
    (folder / "mvx.db").write_bytes(keep)
    assert ask(folder, "journal verify").exit_code == 0
    assert sent(folder) == before
    first = ask(folder, "route BTC-USD 0.3 --id first --json").envelope
    assert (first["exit_code"], first["sent"], first["data"]["cum_qty"]) == (0, False, "0.3")


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE notes (text)")


def _foreign_of_our_version(path: Path) -> None:
    _foreign(path)
    with sqlite3.connect(path) as con:
        con.execute("PRAGMA user_version = 2")


NO_JOURNALS: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda path: path.write_text("it was a dark and stormy night\n" * 200), "it is no database"),
    "noise": (lambda path: path.write_bytes(random.Random(7).randbytes(20_000)), "it is no database"),
    "half a page": (lambda path: os.truncate(path, PAGE // 2), "damaged"),
    "a page and a bit": (lambda path: os.truncate(path, PAGE + 900), "damaged"),
    "half of it": (lambda path: os.truncate(path, path.stat().st_size // 2), "damaged"),
    "somebody else's": (lambda path: (path.unlink(), _foreign(path)), "not one of mvx"),
    "somebody else's of a version": (
        lambda path: (path.unlink(), _foreign_of_our_version(path)),
        "not one of mvx",
    ),
    "the venues' own": (lambda path: shutil.copy(f"{path}.paper", path), "not one of mvx"),
}


@pytest.mark.parametrize("made", NO_JOURNALS)
def test_what_is_no_journal_is_said_by_every_verb(made: str, desk: Path) -> None:
    """Nothing is sent, and the file stays as it is for whoever looks into it."""
    path = desk / "mvx.db"
    keep, before = path.read_bytes(), sent(desk)
    spoil, message = NO_JOURNALS[made]
    spoil(path)
    spoilt = path.read_bytes()
    for typed in EVERY_VERB:
        assert_refused(ask(desk, typed), message, "--journal" if "no" in message else "last backup")
    assert spoilt == path.read_bytes()
    assert_nothing_was_lost(desk, keep, before)


def _foreign_with_a_log(path: Path) -> None:
    _foreign(path)
    with sqlite3.connect(path) as con:
        con.execute("PRAGMA journal_mode = WAL")
    con.close()


@pytest.mark.parametrize(
    "makes", [_foreign, _foreign_with_a_log, lambda path: path.write_text("it was a dark night\n" * 200)]
)
def test_what_is_somebody_else_s_is_left_as_it_is(makes: Callable[[Path], object], tmp_path: Path) -> None:
    """Its mode too, and the folder around it."""
    path = tmp_path / "mvx.db"
    makes(path)
    path.chmod(0o644)
    before = path.read_bytes()
    for typed in EVERY_VERB:
        assert_refused(ask(tmp_path, typed), "mvx.db", "--journal")
        assert ["mvx.db"] == [each.name for each in tmp_path.iterdir()]
    assert (before, 0o644) == (path.read_bytes(), path.stat().st_mode & 0o777)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


NO_FILES: dict[str, Callable[[Path], object]] = {
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a device": lambda path: path.symlink_to("/dev/full"),
    "a circle": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize("made", NO_FILES)
def test_what_is_no_file_is_said_by_every_verb(made: str, tmp_path: Path) -> None:
    """And nobody waits for the other end of a pipe."""
    NO_FILES[made](tmp_path / "mvx.db")
    for typed in EVERY_VERB:
        ran = ask(tmp_path, typed)
        assert ran.exit_code == 8, ran.stderr
        assert "error: " in ran.stderr
        assert "\nknown: nothing was written\nnext:  " in ran.stderr


def test_a_folder_that_is_a_file_is_exit_8(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = mvx(surroundings(tmp_path, {"MVX_JOURNAL": "file/mvx.db"}), "route", "BTC-USD", "1")
    assert ran.exit_code == 8
    assert "Not a directory" in ran.stderr or "File exists" in ran.stderr


@pytest.mark.parametrize("kind", ["zeros", "noise", "torn"])
def test_a_torn_page_is_a_lie_nowhere(kind: str, desk: Path) -> None:
    """Whichever page of the file is gone: every verb answers or says damaged, never a traceback; and what
    SQLite can see, `journal verify` sees."""
    path = desk / "mvx.db"
    keep = path.read_bytes()
    before = sent(desk)
    seen = 0
    for page in range(len(keep) // PAGE):
        spoilt = bytearray(keep)
        at, end = page * PAGE, (page + 1) * PAGE
        if kind == "torn":
            at += PAGE // 2
        spoilt[at:end] = random.Random(page).randbytes(PAGE) if kind == "noise" else bytes(end - at)
        for typed in ("positions", "route BTC-USD 0.1 --dry-run", "journal verify"):
            path.write_bytes(spoilt)
            ran = ask(desk, typed)
            differs = typed == "journal verify" and ran.exit_code == 1
            assert ran.exit_code in (0, 4, 5, 7, 8) or differs, (page, typed, ran.stderr)
            assert "defect" not in ran.stderr
            seen += typed == "journal verify" and ran.exit_code != 0
            for suffix in ("-wal", "-shm"):
                (desk / f"mvx.db{suffix}").unlink(missing_ok=True)
    assert seen >= len(keep) // PAGE // 2
    assert_nothing_was_lost(desk, keep, before)


def test_a_newer_journal_is_left_alone(desk: Path) -> None:
    path = desk / "mvx.db"
    with sqlite3.connect(path) as con:
        con.execute("PRAGMA user_version = 99")
    con.close()
    before = path.read_bytes()
    for typed in EVERY_VERB:
        ran = ask(desk, typed)
        assert ran.exit_code == 8
        assert "was written by a newer mvx (schema 99" in ran.stderr
        assert "next:  upgrade mvx" in ran.stderr
    assert before == path.read_bytes()


@pytest.mark.parametrize("folder_too", [False, True])
def test_a_read_only_journal_is_exit_8_and_names_owner_mode_and_mount(folder_too: bool, desk: Path) -> None:
    path = desk / "mvx.db"
    before, keep = sent(desk), path.read_bytes()
    path.chmod(0o400)
    if folder_too:
        desk.chmod(0o500)
    try:
        for typed in ("positions", "route BTC-USD 0.1", "halt", "journal info"):
            ran = child(desk, *typed.split(), before=bound_by_modes)
            assert_refused(
                ran, f"{path}: it may not be written here (Permission denied)", "its mode and its mount"
            )
    finally:
        desk.chmod(0o700)
        path.chmod(0o600)
    assert_nothing_was_lost(desk, keep, before)


def test_a_folder_that_may_not_be_written_makes_no_journal(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o500)
    ran = child(folder, "route", "BTC-USD", "1", before=bound_by_modes)
    assert_refused(ran, DENIED, "its mode and its mount")


@pytest.mark.parametrize("typed", ["route BTC-USD 0.1", "halt", "reconcile", "cancel --all", "flatten --all"])
def test_a_full_disk_is_exit_8_before_anything_is_sent(typed: str, desk: Path) -> None:
    """Whoever can not write does not trade."""
    before, keep = sent(desk), (desk / "mvx.db").read_bytes()
    ran = child(desk, *typed.split(), before=files_of_at_most(100))
    assert_refused(ran, "the disk is full", f"make room there (df -h {desk})")
    assert_nothing_was_lost(desk, keep, before)


@pytest.mark.parametrize("size", [32_768, 34_000, 38_000, 42_000, 50_000, 60_000, 80_000, 120_000])
def test_a_disk_that_fills_up_in_the_middle_loses_nothing(size: int, desk: Path) -> None:
    """What was sent before it was full is reserved, told, and found again when there is room."""
    before = sent(desk)
    ran = child(desk, "route", "BTC-USD", "0.5", "--id", "full", "--json", before=files_of_at_most(size))
    found = ran.envelope
    assert found["exit_code"] in (0, 5, 8), ran.stderr
    assert found["sent"] or sent(desk) == before
    assert found["uncertain"] is (found["exit_code"] == 5)
    assert ask(desk, "journal verify").exit_code == 0
    with sqlite3.connect(desk / "mvx.db") as con:
        con.execute("UPDATE leases SET expires_at = 0")  # a quarter of a minute later
    con.close()
    asked = (ask(desk, "route BTC-USD 0.5 --id full --json").envelope for _ in range(5))
    again = next(found for found in asked if found["exit_code"] != 5)  # 5: it may still be accepted
    assert again["exit_code"] in (0, 3), again
    assert ask(desk, "reconcile").exit_code == 0
    ours = data(desk, "orders --limit 1000")["orders"]
    assert sent(desk) == sum(row["order_id"] is not None for row in ours)
    assert not any(row["unknown"] for row in ours)


@pytest.mark.parametrize("garbage", ["zeros", "noise", "short", "text"])
def test_a_log_of_garbage_beside_it_loses_only_what_never_landed(garbage: str, desk: Path) -> None:
    """SQLite takes no frame whose sum is wrong; what is before it stands."""
    path, wal = desk / "mvx.db", desk / "mvx.db-wal"
    before, keep = sent(desk), path.read_bytes()
    bodies = {
        "zeros": bytes(50_000),
        "noise": random.Random(3).randbytes(50_000),
        "short": b"\x37\x7f\x06\x82\x00",
        "text": b"not a log\n" * 1_000,
    }
    wal.write_bytes(bodies[garbage])
    ran = ask(desk, "positions")
    assert ran.exit_code in (0, 5), ran.stderr
    assert ask(desk, "journal verify").exit_code == 0
    assert_nothing_was_lost(desk, keep, before)


def test_a_log_that_was_torn_off_is_noticed(desk: Path) -> None:
    """Entries that had landed are gone: it is told, and no venue is used before it was reconciled."""
    path = desk / "mvx.db"
    older = path.read_bytes()
    assert ask(desk, "route BTC-USD 0.2 --venue kraken").exit_code == 0
    assert_put_back_is_noticed(desk, older, "it has ")


def assert_put_back_is_noticed(desk: Path, older: bytes, why: str) -> None:
    """As far back as `older`: no venue is used before it is read; whoever writes first says why, once."""
    path = desk / "mvx.db"
    for suffix in ("-wal", "-shm"):
        (desk / f"mvx.db{suffix}").unlink(missing_ok=True)
    path.write_bytes(older)
    before = sent(desk)
    looked = ask(desk, "positions --json").envelope["warnings"]
    assert 5 == sum("the journal was put back or copied: mvx reconcile" in line for line in looked)
    reconciled = ask(desk, "reconcile --json").envelope
    assert reconciled["exit_code"] in (0, 6)
    assert 1 == sum("was put back or copied" in line and why in line for line in reconciled["warnings"])
    assert not any("put back" in line for line in ask(desk, "reconcile --json").envelope["warnings"])
    assert sent(desk) == before
    assert ask(desk, "journal verify").exit_code == 0


def test_a_backup_that_was_put_back_is_noticed(desk: Path) -> None:
    assert ask(desk, "journal backup ../backup.db").exit_code == 0
    assert ask(desk, "route BTC-USD 0.2 --venue kraken --id since").exit_code == 0
    assert_put_back_is_noticed(desk, (desk.parent / "backup.db").read_bytes(), "it has ")
    breaks = data(desk, "breaks")["breaks"]
    assert {"foreign_fill", "foreign_order"} & {row["kind"] for row in breaks}


def test_a_journal_on_another_machine_is_noticed(desk: Path, tmp_path: Path) -> None:
    """Copied with everything beside it: no venue is used there before it was reconciled."""
    there = tmp_path / "elsewhere"
    shutil.copytree(desk, there)
    assert ask(desk, "route BTC-USD 0.1").exit_code == 0  # the first one works on
    looked = ask(there, "positions --json").envelope
    assert any("put back or copied" in line for line in looked["warnings"])
    assert ask(there, "reconcile").exit_code in (0, 6)
    assert ask(there, "positions --json").envelope["warnings"] == []
