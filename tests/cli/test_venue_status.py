"""`mvx venue-status` on the command line: its envelope, its table, its cadence."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mvx.cli.output import Failure
from mvx.cli.session import Session
from mvx.cli.signals import Signals
from mvx.errors import Exit
from tests.cli.harness import Ran, mvx, surroundings

FIELDS = [
    *("venue", "health", "trading", "reason", "since", "latency_ms", "error_rate", "rate_limit_used"),
    *("book_age_s", "stream", "answered_age_s", "agreed_age_s", "unknown_orders", "taker_bps"),
    "clock_skew_ms",
]
FIVE = ["kraken", "coinbase", "binance", "okx", "bybit"]


def typed(folder: Path, *argv: str) -> Ran:
    return mvx(surroundings(folder), *argv)


def test_the_envelope_has_a_row_of_the_contract_for_every_venue(tmp_path: Path) -> None:
    found = typed(tmp_path, "venue-status", "--json").envelope
    assert ("venue-status", 0, False, False) == (
        found["command"],
        found["exit_code"],
        found["sent"],
        found["uncertain"],
    )
    assert FIVE == [row["venue"] for row in found["data"]["venues"]]
    for row in found["data"]["venues"]:
        assert FIELDS == list(row)
        assert ("LIVE", "ACTIVE", None, "none", 0) == (
            row["health"], row["trading"], row["since"], row["stream"], row["unknown_orders"],
        )  # fmt: skip
        assert isinstance(row["taker_bps"], str)
        assert row["answered_age_s"] >= 0


def test_an_outage_is_loud_and_remembered(tmp_path: Path) -> None:
    """One line for the venue and one for its state, on stderr and in the envelope; exit 0 all the same."""
    typed(tmp_path, "venue-status")
    typed(tmp_path, "paper", "fault", "okx", "outage")
    ran = typed(tmp_path, "venue-status", "--json")
    change = "okx LIVE -> DEGRADED: connection refused; it is used only where no live venue can fill"
    assert (0, ["okx: connection refused", change]) == (ran.exit_code, ran.envelope["warnings"])
    assert f"warning: {change}\n" in ran.stderr
    cached = typed(tmp_path, "venue-status", "--cached", "--json").envelope
    (row,) = (row for row in cached["data"]["venues"] if row["venue"] == "okx")
    assert ("DEGRADED", "connection refused", []) == (row["health"], row["reason"], cached["warnings"])
    assert row["since"].endswith("Z")


def test_no_venue_at_all_is_exit_7(tmp_path: Path) -> None:
    for venue in FIVE:
        typed(tmp_path, "paper", "fault", venue, "outage")
    found = typed(tmp_path, "venue-status", "--json").envelope
    assert (7, None, 5) == (found["exit_code"], found["error"], len(found["data"]["venues"]))


def test_people_see_a_table_and_the_reasons_below(tmp_path: Path) -> None:
    typed(tmp_path, "paper", "fault", "okx", "outage")
    ran = typed(tmp_path, "venue-status")
    lines = ran.stdout.splitlines()
    assert lines[0].split() == [
        "venue", "health", "trading", "since", "ms", "errors", "book", "answered", "agreed", "unknown",
    ]  # fmt: skip
    assert "okx: connection refused" == lines[-1]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("cached", [[], ["--cached"]])
def test_a_watch_prints_a_record_a_tick_until_its_signal(cached: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mvx", "venue-status", "--watch", "--interval", "0.1", "--json", *cached]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as child:
        assert child.stdout is not None
        records = [json.loads(child.stdout.readline()) for _ in range(3)]
        child.send_signal(signal.SIGTERM)
        rest, errors = child.communicate(timeout=20)
    assert ["venue-status"] * 3 == [record["command"] for record in records]
    assert all(json.loads(line)["schema"] == 1 for line in rest.splitlines())
    assert Exit.TERMINATED == child.returncode
    assert "Traceback" not in errors


def test_an_interval_needs_a_watch(tmp_path: Path) -> None:
    ran = typed(tmp_path, "venue-status", "--interval", "5")
    assert (2, "--interval needs --watch" in ran.stderr) == (ran.exit_code, True)


def test_what_is_remembered_is_told_without_heavy_imports(tmp_path: Path) -> None:
    """No event loop, no validator: a cron job may ask it every second."""
    script = (
        "import sys, mvx.cli.app as app\n"
        "from pathlib import Path\n"
        "from mvx.cli.environment import Environment\n"
        "around = Environment(sys.stdin, sys.stdout, sys.stderr, {}, Path.cwd())\n"
        "app.run(('venue-status', '--cached', '--json'), around)\n"
        "slow = {'asyncio', 'pydantic', 'rich', 'tomllib', 'mvx.paper', 'sqlite_utils'}\n"
        "print(sorted(slow & set(sys.modules)), file=sys.stderr)"
    )
    typed(tmp_path, "journal", "info")
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert ran.stderr.endswith("[]\n")


def test_a_failure_carries_its_warnings(tmp_path: Path) -> None:
    """A venue that went dark on the way to an error is told of on stderr and in the envelope."""
    for venue in FIVE:
        typed(tmp_path, "paper", "fault", venue, "outage")
    ran = typed(tmp_path, "route", "BTC-USD", "0.1", "--json")
    told = ran.envelope["warnings"]
    assert (7, "no_venue", 5) == (ran.exit_code, ran.envelope["error"]["code"], len(told))
    assert all(f"warning: {line}" in ran.stderr for line in told)


def test_text_of_a_venue_in_a_failure_is_neutralised(tmp_path: Path) -> None:
    environment = surroundings(tmp_path)
    session = Session(environment, Signals())
    session.fail(Failure("no_venue", "no venue", "nothing", "wait", 7, warnings=("okx: \x1b[2Jgone",)))
    assert "warning: okx: \\x1b[2Jgone" in environment.stderr.getvalue()  # type: ignore[attr-defined]  # a StringIO
