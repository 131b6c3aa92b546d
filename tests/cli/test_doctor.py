"""`mvx doctor` on desks in which one thing is broken: it says which, how bad it is, and what to run."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mvx.domain.instant import Instant
from mvx.journal.store import Journal
from tests.cli.harness import mvx, surroundings
from tests.cli.looking import ALL, FIVE, desk, looked, only, said, typed
from tests.cli.test_config import CANARY, LIVE
from tests.support import ManualClock


def test_a_desk_that_is_well_says_so(tmp_path: Path) -> None:
    desk(tmp_path)
    found = typed(tmp_path, "doctor", "--json").envelope
    assert (0, "doctor", "paper", False, False, [], []) == tuple(
        found[key] for key in ("exit_code", "command", "mode", "sent", "uncertain", "breaks", "warnings")
    )
    assert "ok" == found["data"]["state"]
    assert ALL == [each["name"] for each in found["data"]["checks"]]
    for each in found["data"]["checks"]:
        assert ["name", "state", "says", "next", "exit_code"] == list(each)
        assert ("ok", None, 0) == (each["state"], each["next"], each["exit_code"])


def test_people_see_a_table_and_below_it_what_to_run(tmp_path: Path) -> None:
    """At 80 columns, unless a path is longer than its column."""
    with TemporaryDirectory() as folder:
        desk(Path(folder))
        typed(Path(folder), "paper", "fault", "okx", "outage")
        ran = mvx(surroundings(Path(folder), {"COLUMNS": "80"}), "doctor")
    lines = ran.stdout.splitlines()
    assert ["check", "state", "found"] == lines[0].split()
    assert max(map(len, lines)) <= 80
    assert ["", "to run next:", "venue okx: mvx venue-status"] == lines[-3:]


def test_it_changes_nothing_in_the_journal(tmp_path: Path) -> None:
    """Not its entries, not what it knows of a venue's health, not a mode that should be mended."""
    journal = desk(tmp_path)
    typed(tmp_path, "paper", "fault", "okx", "outage")
    journal.chmod(0o644)
    before = journal.read_bytes()
    looked(tmp_path)
    assert (before, 0o644) == (journal.read_bytes(), journal.stat().st_mode & 0o777)
    assert 0 == typed(tmp_path, "venue-status", "--cached").exit_code


def test_it_makes_no_journal(tmp_path: Path) -> None:
    exit_code, checks = looked(tmp_path)
    assert (0, ("warn", "mvx init")) == (exit_code, said(only(checks, "journal")))
    assert not (tmp_path / "user-data" / "mvx" / "mvx.db").exists()


# The configuration


def test_a_config_with_errors_is_one_check_and_the_others_are_made(tmp_path: Path) -> None:
    desk(tmp_path)
    with (tmp_path / "mvx.toml").open("a") as file:
        file.write("max_age = 3\n")
    exit_code, checks = looked(tmp_path)
    assert (2, ("fail", "mvx config check")) == (exit_code, said(only(checks, "config")))
    assert "reconcile.max_age: unknown key; did you mean max_age_s?" in checks["config"]["says"]
    assert ALL[:13] == list(checks)


def test_a_config_that_is_no_toml_leaves_what_needs_none(tmp_path: Path) -> None:
    (tmp_path / "mvx.toml").write_text("[[[")
    exit_code, checks = looked(tmp_path)
    assert (2, "fail", ["mvx", "sqlite", "config"]) == (exit_code, checks["config"]["state"], list(checks))


def test_a_config_that_is_not_there_is_a_check_too(tmp_path: Path) -> None:
    exit_code, checks = looked(tmp_path, "--config", "none.toml")
    assert (2, "fail") == (exit_code, only(checks, "config")["state"])


def test_a_secret_that_leads_nowhere_is_named_by_its_key(tmp_path: Path) -> None:
    """What it refers to is never printed, in whichever form, and a command is not run."""
    private = tmp_path / f"{CANARY}-private"
    open_file = tmp_path / f"{CANARY}-open"
    for path, mode in ((private, 0o600), (open_file, 0o644)):
        path.write_text(CANARY)
        path.chmod(mode)
    text = LIVE.replace(f"command:echo {CANARY}", f"command:touch {tmp_path / CANARY}")
    (tmp_path / "mvx.toml").write_text(text.replace("[risk]", f'api_password = "file:{open_file}"\n[risk]'))
    for argv in (["doctor"], ["doctor", "--json"]):
        ran = typed(tmp_path, *argv)
        assert CANARY not in ran.stdout.replace(str(tmp_path), "") + ran.stderr
    _, checks = looked(tmp_path)
    assert ("fail", 2) == (checks["secrets"]["state"], checks["secrets"]["exit_code"])
    assert [
        "venues.kraken.api_key: its environment variable is not set",
        "venues.kraken.api_password: its file is open to others: chmod 600",
    ] == checks["secrets"]["says"].split("; ")
    assert not (tmp_path / CANARY).exists()

    (tmp_path / "mvx.toml").write_text(text.replace("[risk]", f'api_password = "file:{private}"\n[risk]'))
    found = mvx(surroundings(tmp_path, {CANARY: "value"}), "doctor", "--json").envelope["data"]["checks"]
    (secrets,) = (each for each in found if each["name"] == "secrets")
    assert ("ok", "3 references, 1 of them not tried") == (secrets["state"], secrets["says"])


@pytest.mark.parametrize("path", ["~nobody-of-this-name/key", "key\\u0000"])
def test_a_secret_s_file_that_can_be_none_ends_no_other_check(tmp_path: Path, path: str) -> None:
    text = LIVE.replace(f"command:echo {CANARY}", f"file:{path}")
    (tmp_path / "mvx.toml").write_text(text)
    _, checks = looked(tmp_path)
    assert "venues.kraken.api_secret: its file: no path is written so" in checks["secrets"]["says"]
    assert ("fail", 2) == (checks["config"]["state"], checks["config"]["exit_code"])


# Files, disk and clock


@pytest.mark.parametrize(
    ("name", "mode", "state", "exit_code"),
    [
        ("mvx.toml", 0o666, "fail", 2),
        ("mvx.toml", 0o644, "ok", 0),
        ("mvx.db", 0o644, "warn", 0),
        ("mvx.db", 0o620, "warn", 0),
        ("mvx.db.lock", 0o606, "fail", 2),
        (".", 0o777, "fail", 2),
        (".", 0o775, "warn", 0),
        (".", 0o1777, "ok", 0),
        (".", 0o755, "ok", 0),
    ],
)
def test_a_file_that_others_may_write_or_read_is_found(
    name: str, mode: int, state: str, exit_code: int, tmp_path: Path
) -> None:
    desk(tmp_path)
    path = tmp_path / name
    path.chmod(mode)
    found, checks = looked(tmp_path)
    assert (exit_code, state) == (found, checks["permissions"]["state"])
    if state != "ok":
        assert f"{path} is open to others ({mode:04o})" in only(checks, "permissions")["says"]
        command, what, *paths = checks["permissions"]["next"].split()
        assert ("chmod", "go-rwx") == (command, what)
        assert str(path) in paths


def test_what_it_says_to_run_mends_the_modes_and_alarms_nobody(tmp_path: Path) -> None:
    """A journal whose mark was touched would look put back."""
    desk(tmp_path)
    for path in tmp_path.glob("mvx.db*"):
        if path.name != "mvx.db.mark":
            path.chmod(0o666)
    time.sleep(0.1)  # a mark that was changed sooner than that after it was written would not be noticed
    program, *argv = looked(tmp_path)[1]["permissions"]["next"].split(" ")
    assert 0 == subprocess.run([program, *argv], check=False).returncode
    assert "ok" == typed(tmp_path, "doctor", "--json").envelope["data"]["state"]


def test_a_folder_that_can_not_be_written_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    exit_code, checks = looked(tmp_path, "--journal", "file/mvx.db")
    assert (8, "fail") == (exit_code, checks["disk"]["state"])
    assert f"{tmp_path / 'file'} is not writable" == checks["disk"]["says"]


def test_a_clock_that_was_set_back_is_found(tmp_path: Path) -> None:
    """The journal knows a later time."""
    ahead = ManualClock(Instant(time.time_ns() // 1_000 + 3_600_000_000))
    Journal(tmp_path / "mvx.db", mode="paper", clock=ahead).close()
    exit_code, checks = looked(tmp_path, "--journal", "mvx.db")
    assert (2, "fail") == (exit_code, only(checks, "clock")["state"])
    assert "set back: the journal's last entry is 3600 s ahead" in checks["clock"]["says"]


def test_a_venue_whose_clock_is_elsewhere_is_found(tmp_path: Path) -> None:
    """Farther than the venue declares: it would drop our orders, or take them after their deadline."""
    desk(tmp_path)
    typed(tmp_path, "paper", "fault", "okx", "clock-skew", "--delay", "9")
    exit_code, checks = looked(tmp_path)
    assert (2, "fail") == (exit_code, only(checks, "clock")["state"])
    assert "okx's clock is -9.000 s from this one" in checks["clock"]["says"]


def test_what_the_clock_is_compared_with_is_said(tmp_path: Path) -> None:
    desk(tmp_path)
    says = looked(tmp_path)[1]["clock"]["says"]
    assert "agrees with the journal's last entry; paper venues have this machine's clock" in says


# The venues


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("outage", "connection refused"),
        ("http-503-before", "HTTP 503 Service Unavailable"),
        ("http-429", "HTTP 429 Too Many Requests"),
        ("maintenance", "takes no orders: maintenance"),
        ("html-200", "HTTP 200 with a page of HTML"),
        ("hang", "no answer within 1 s"),
    ],
)
def test_a_venue_that_can_not_be_used_is_a_warning(kind: str, says: str, tmp_path: Path) -> None:
    desk(tmp_path)
    typed(tmp_path, "paper", "fault", "okx", kind, "--for", "60")
    exit_code, checks = looked(tmp_path)
    assert (0, ("warn", "mvx venue-status")) == (exit_code, said(only(checks, "venue okx")))
    assert says == checks["venue okx"]["says"]


def test_a_key_that_is_refused_is_found(tmp_path: Path) -> None:
    """The venue answers who has none: its time and its books."""
    desk(tmp_path)
    typed(tmp_path, "paper", "fault", "okx", "key-revoked")
    _, checks = looked(tmp_path)
    assert ("warn", "mend the key or its rights, then: mvx doctor") == said(only(checks, "venue okx"))
    assert "the API key is not valid" == checks["venue okx"]["says"]


def test_no_venue_at_all_is_exit_7_and_they_are_asked_at_once(tmp_path: Path) -> None:
    """Five that hang cost one timeout."""
    desk(tmp_path)
    for venue in FIVE:
        typed(tmp_path, "paper", "fault", venue, "hang")
    began_s = time.monotonic()
    exit_code, checks = looked(tmp_path)
    assert time.monotonic() - began_s < 3
    assert (7, ["fail"] * 5) == (exit_code, [checks[f"venue {venue}"]["state"] for venue in FIVE])


def test_venues_that_can_not_be_opened_are_one_check(tmp_path: Path) -> None:
    """Such as simulated ones whose file is none of ours."""
    mvx(surroundings(tmp_path), "init", "--paper")
    (tmp_path / "mvx.db.paper").write_text("no database")
    exit_code, checks = looked(tmp_path)
    assert (8, "fail") == (exit_code, checks["venues"]["state"])


def test_a_venue_of_an_exchange_that_mvx_does_not_know_is_a_mistake_in_the_config(tmp_path: Path) -> None:
    (tmp_path / "mvx.toml").write_text(LIVE.replace('exchange = "kraken"', 'exchange = "krakken"'))
    _, checks = looked(tmp_path)
    assert ("fail", True) == (checks["config"]["state"], "did you mean kraken?" in checks["config"]["says"])
