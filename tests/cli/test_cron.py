"""mvx where nobody looks: no terminal, no home, streams that are closed, and commands that are repeated."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.harness import Ran, mvx, surroundings

ROOT = Path(__file__).resolve().parents[2]
ROUTE = ("route", "BTC-USD", "0.1")

#: What may be in the environment of a job: never more than this.
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "nothing": {},
    "empty": {"HOME": "", "PATH": "", "LANG": "C", "TERM": "", "MVX_CONFIG": "", "COLUMNS": ""},
    "no home": {"HOME": "/nonexistent", "LANG": "C"},
    "a home that is no path": {"HOME": "home", "XDG_DATA_HOME": "data", "XDG_STATE_HOME": ""},
    "odd": {"TZ": "Nowhere/Nothing", "LC_ALL": "xx_YY.UTF-99", "COLUMNS": "9" * 5_000, "TERM": "\x1b[2J"},
    "narrow": {"COLUMNS": "1", "PYTHONIOENCODING": "ascii"},
}


def job(
    folder: Path,
    *argv: str,
    variables: Mapping[str, str] | None = None,
    closed: tuple[int, ...] = (),
    **streams: Any,
) -> subprocess.Popen[str]:
    """`mvx` as cron starts it."""

    def close() -> None:
        for number in closed:
            os.close(number)

    piped = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [sys.executable, "-m", "mvx", "--journal", "mvx.db", *argv],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), **(variables or {})},
        text=True,
        preexec_fn=close,
        **{**piped, **streams},
    )


def ran(process: subprocess.Popen[str]) -> Ran:
    stdout, stderr = process.communicate(timeout=60)
    return Ran(process.returncode, stdout or "", stderr or "")


def ask(folder: Path, *argv: str) -> dict[str, Any]:
    """The same desk, asked from inside the test."""
    return mvx(surroundings(folder, {"MVX_JOURNAL": "mvx.db"}), *argv, "--json").envelope


def accepted(folder: Path) -> list[str]:
    """Every client id that the venues accepted, as often as they did."""
    venues = ("kraken", "coinbase", "binance", "okx", "bybit")
    return [
        row["cl_ord_id"]
        for venue in venues
        for row in ask(folder, "paper", "ledger", venue)["data"]["orders"]
    ]


def assert_sound(folder: Path) -> None:
    """The journal is whole, every order of it is at a venue once, and all agrees."""
    assert ask(folder, "journal", "verify")["exit_code"] == 0
    assert ask(folder, "reconcile")["exit_code"] == 0
    ours = [row["cl_ord_id"] for row in ask(folder, "orders")["data"]["orders"] if row["order_id"]]
    assert sorted(ours) == sorted(accepted(folder))
    assert "epoch=" == (folder / "mvx.db.mark").read_text()[:6]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_job_needs_nothing_from_its_environment(name: str, tmp_path: Path) -> None:
    traded = ran(job(tmp_path, *ROUTE, "--id", "nightly", "--json", variables=ENVIRONMENTS[name]))
    assert (traded.exit_code, traded.envelope["sent"]) == (0, True), traded.stderr
    shown = ran(job(tmp_path, "positions", variables=ENVIRONMENTS[name]))
    assert shown.exit_code == 0, shown.stderr
    assert "Traceback" not in shown.stderr + traded.stderr
    assert all(char.isprintable() or char == "\n" for char in shown.stdout)
    assert_sound(tmp_path)


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
def test_a_stream_that_is_closed_is_never_a_file_of_ours(closed: tuple[int, ...], tmp_path: Path) -> None:
    """The next file that is opened would be taken for it, and written to: a journal, a lock or a mark."""
    assert ran(job(tmp_path, *ROUTE, "--json", closed=closed)).exit_code == 0
    failed = ran(job(tmp_path, "route", "BTC-USDD", "1", closed=closed))
    assert failed.exit_code == 2
    ask(tmp_path, "paper", "fault", "kraken", "hang")
    waiting = job(tmp_path, *ROUTE, "--venue", "kraken", closed=closed)
    time.sleep(1)
    waiting.send_signal(signal.SIGTERM)
    assert ran(waiting).exit_code in (143, -signal.SIGTERM, 0, 5, 7)
    ask(tmp_path, "paper", "heal")
    assert_sound_after_a_while(tmp_path)


def assert_sound_after_a_while(folder: Path) -> None:
    """Once what was in flight has landed or is known never to."""
    give_up_at = time.monotonic() + 30
    while ask(folder, "reconcile")["exit_code"] != 0 and time.monotonic() < give_up_at:
        time.sleep(0.5)
    assert_sound(folder)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("end", ["a full disk", "a closed pipe"])
def test_an_answer_that_can_not_be_written_does_not_change_what_happened(
    stream: str, end: str, tmp_path: Path
) -> None:
    """The order was sent, the journal has it, and the exit code says how it went."""
    if end == "a full disk":
        writer = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, writer = os.pipe()
        os.close(reader)
    for more in ((), ("--json",)):
        assert ran(job(tmp_path, *ROUTE, *more, **{stream: writer})).exit_code == 0
    assert ran(job(tmp_path, "route", "BTC-USDD", "1", **{stream: writer})).exit_code == 2
    os.close(writer)
    assert len(accepted(tmp_path)) >= 2
    assert_sound(tmp_path)


@pytest.mark.parametrize(
    "argv",
    [
        ("journal", "verify"),
        ("journal", "verify", "--json"),
        ("orders", "--format", "csv"),
        ("route", "BTC-USD", "0.1", "--dry-run"),
        ("venue-status", "--watch"),
        ("--version",),
        ("--help",),
    ],
)
def test_an_answer_that_was_all_that_was_asked_for_is_missed(argv: tuple[str, ...], tmp_path: Path) -> None:
    """On a full disk; whoever closed a pipe has read enough."""
    assert ran(job(tmp_path, *ROUTE)).exit_code == 0
    with Path("/dev/full").open("w") as full:
        missed = ran(job(tmp_path, *argv, stdout=full))
    assert (8, "") == (missed.exit_code, missed.stdout)
    assert "error: the answer could not be written: No space left on device\nknown: " in missed.stderr
    assert "nothing was sent" in missed.stderr
    reader, writer = os.pipe()
    os.close(reader)
    left = ran(job(tmp_path, *argv, stdout=writer))
    os.close(writer)
    assert (0, False) == (left.exit_code, "could not be written" in left.stderr)


def test_a_queued_route_is_queued_though_its_answer_is_lost(tmp_path: Path) -> None:
    """Whoever tries again would buy twice."""
    with Path("/dev/full").open("w") as full:
        lost = ran(job(tmp_path, *ROUTE, "--queue", stdout=full))
    assert (0, True) == (lost.exit_code, "mvx: the answer could not be written: No space" in lost.stderr)


def test_a_folder_that_is_gone_is_no_defect(tmp_path: Path) -> None:
    """A job may outlive the folder that it was started in."""
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'rmdir "{gone}"; exec "{sys.executable}" -m mvx "$@"'
    process = subprocess.run(
        ["/bin/sh", "-c", script, "mvx", "--journal", str(tmp_path / "mvx.db"), "route", "BTC-USD", "0.1"],
        cwd=gone,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert_sound(tmp_path)


LIVE = """
[instruments."BTC-USD"]
base = "BTC"
quote = "USD"
[venues.kraken]
adapter = "ccxt"
exchange = "kraken"
symbols = { "BTC-USD" = "BTC/USD" }
[risk]
max_position = { "BTC-USD" = "10" }
max_order_notional = "500000"
"""


@pytest.mark.parametrize("argv", [ROUTE, ("flatten", "--all"), (*ROUTE, "--queue"), (*ROUTE, "--id", "k")])
def test_where_nobody_can_answer_a_live_order_is_refused_and_the_flag_named(
    argv: tuple[str, ...], tmp_path: Path
) -> None:
    """At once, before anything is read or shown."""
    (tmp_path / "mvx.toml").write_text(LIVE)
    refused = ran(job(tmp_path, *argv, "--json"))
    assert refused.exit_code == 4
    assert (refused.envelope["mode"], refused.envelope["sent"]) == ("live", False)
    assert "--yes" in refused.envelope["error"]["next"]
    assert not (tmp_path / "mvx.db").exists()


def test_a_finished_run_is_answered_the_same_however_often(tmp_path: Path) -> None:
    """The job is repeated by mistake: one order, one answer."""
    first = ran(job(tmp_path, *ROUTE, "--id", "nightly", "--json")).envelope
    for _ in range(2):
        again = ran(job(tmp_path, *ROUTE, "--id", "nightly", "--json")).envelope
        assert again["sent"] is False
        assert again["exit_code"] == 0
        assert again["data"] == {**first["data"], "children": again["data"]["children"]}
    assert len(accepted(tmp_path)) == len(first["data"]["children"])
    assert_sound(tmp_path)


@pytest.mark.parametrize(
    ("argv", "difference"),
    [
        (("route", "BTC-USD", "0.2"), "order_qty was 0.1 and is 0.2 now"),
        ((*ROUTE, "--sell"), "side was buy and is sell now"),
        ((*ROUTE, "--limit", "90000"), "limit_px was not given and is 90000 now"),
        ((*ROUTE, "--venue", "okx,kraken"), "venues was not given and is kraken,okx now"),
        ((*ROUTE, "--twap", "5m"), "twap_s was not given and is 300.0 now"),
        ((*ROUTE, "--tif", "fok", "--deadline", "3"), "deadline_s was not given and is 3.0 now"),
    ],
)
def test_a_key_with_other_parameters_is_refused_and_the_difference_named(
    argv: tuple[str, ...], difference: str, tmp_path: Path
) -> None:
    ask(tmp_path, *ROUTE, "--id", "nightly")
    before = accepted(tmp_path)
    refused = ask(tmp_path, *argv, "--id", "nightly")
    assert (refused["exit_code"], refused["sent"]) == (4, False)
    assert difference in refused["error"]["message"]
    assert "another --id" in refused["error"]["next"]
    assert before == accepted(tmp_path)


def _lease_runs_out(folder: Path) -> None:
    """A quarter of a minute later."""
    with sqlite3.connect(folder / "mvx.db") as con:
        con.execute("UPDATE leases SET expires_at = 0")
    con.close()


def _in_question(folder: Path) -> bool:
    return any(row["ord_status"] == "PENDING_NEW" for row in ask(folder, "orders")["data"]["orders"])


@pytest.mark.long
def test_a_run_that_was_killed_is_reported_and_goes_on_with_resume_only(tmp_path: Path) -> None:
    """kill -9 in the middle of a request that was lost: nothing more is sent by the same command; with
    --resume what is left is traded, once."""
    assert ask(tmp_path, "positions", "--fresh")["exit_code"] == 0
    ask(tmp_path, "paper", "fault", "kraken", "lost-request")
    command = ("route", "BTC-USD", "0.5", "--venue", "kraken", "--id", "nightly", "--json")
    killed = job(tmp_path, *command)
    give_up_at = time.monotonic() + 20
    while not ask(tmp_path, "orders")["data"]["orders"] and time.monotonic() < give_up_at:
        time.sleep(0.05)
    killed.kill()
    killed.communicate()
    _lease_runs_out(tmp_path)
    before = accepted(tmp_path)
    died = ran(job(tmp_path, *command)).envelope
    assert died["sent"] is False
    assert died["exit_code"] in (3, 5)
    assert any("died; nothing more is sent for it" in line for line in died["warnings"])
    assert before == accepted(tmp_path)
    give_up_at = time.monotonic() + 60
    while ask(tmp_path, "reconcile")["exit_code"] == 5 or _in_question(tmp_path):
        assert time.monotonic() < give_up_at
        time.sleep(0.5)
    resumed = ran(job(tmp_path, *command, "--resume")).envelope
    assert (resumed["exit_code"], resumed["data"]["cum_qty"]) == (0, "0.5"), resumed
    again = ran(job(tmp_path, *command, "--resume")).envelope
    assert (again["exit_code"], again["sent"]) == (0, False)
    assert_sound(tmp_path)


def test_desks_on_one_machine_know_nothing_of_each_other(tmp_path: Path) -> None:
    """Each has its journal, its venues' file and its keys beside its config; at the same time."""
    desks = [tmp_path / name for name in ("east", "west", "south")]
    for desk in desks:
        desk.mkdir()
        (desk / "mvx.toml").write_text('[journal]\npath = "state/desk.db"\n')
    jobs = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "mvx",
                "--config",
                str(desk / "mvx.toml"),
                *ROUTE,
                "--id",
                "nightly",
                "--json",
            ],
            cwd="/",
            env={"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for desk in desks
    ]
    answers = [json.loads(each.communicate(timeout=60)[0]) for each in jobs]
    assert [(True, 0)] * 3 == [(each["sent"], each["exit_code"]) for each in answers]
    ids = [child["cl_ord_id"] for each in answers for child in each["data"]["children"]]
    assert len(ids) == len(set(ids))
    for desk, answer in zip(desks, answers, strict=True):
        orders = mvx(surroundings(desk), "orders", "--json").envelope["data"]["orders"]
        assert {row["cl_ord_id"] for row in orders} == {
            row["cl_ord_id"] for row in answer["data"]["children"]
        }


def test_a_paper_desk_and_a_live_one_never_share_a_journal(tmp_path: Path) -> None:
    assert ask(tmp_path, *ROUTE)["exit_code"] == 0
    (tmp_path / "mvx.toml").write_text(LIVE)
    for argv in (("positions",), ("orders",), ("halt",), ("journal", "info")):
        refused = ask(tmp_path, *argv)
        assert refused["exit_code"] == 8
        assert "is a paper journal, and the configured venues are live" in refused["error"]["message"]
        assert "--journal" in refused["error"]["next"]


def test_a_second_leader_of_one_journal_is_exit_8_and_the_first_is_named(tmp_path: Path) -> None:
    ask(tmp_path, "positions", "--fresh")
    first = job(tmp_path, "run")
    assert first.stderr is not None
    while "leading" not in first.stderr.readline():
        pass
    give_up_at = time.monotonic() + 20
    with sqlite3.connect(tmp_path / "mvx.db") as con:
        while not con.execute("SELECT 1 FROM leases WHERE expires_at > 0").fetchone():
            assert time.monotonic() < give_up_at
            time.sleep(0.05)
    con.close()
    second = ran(job(tmp_path, "run", "--json"))
    assert second.exit_code == 8
    assert f"process {first.pid} leads this journal already" in second.envelope["error"]["message"]
    first.send_signal(signal.SIGTERM)
    assert ran(first).exit_code == 143
