"""`--watch`: one table that stays in its place on a terminal, a line a tick elsewhere, and a quiet end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.harness import mvx, surroundings
from tests.cli.terminals import Screen, on_terminal
from tests.test_tidy import ROOT

VERBS = {"reconcile": "venue     pass", "venue-status": "venue     health"}
CASES = [*VERBS.items()]
TICK = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def desk(folder: Path) -> Path:
    """A folder with five paper venues that have been met."""
    assert 0 == mvx(surroundings(folder), "init", "--paper").exit_code
    assert 0 == mvx(surroundings(folder), "reconcile").exit_code
    return folder


def ticks(screen: Screen) -> list[str]:
    """The instants of the tables that stand there, once the last one is whole."""
    whole = (
        len(screen.lines) > 2 and screen.lines[-1] == "" and screen.lines[-2].startswith(("bybit", "okx:"))
    )
    return re.findall(rf"every \S+ s: ({TICK})", screen.text()) if whole else []


@pytest.mark.parametrize(("verb", "head"), CASES)
def test_the_newest_table_stands_where_the_last_one_stood(verb: str, head: str, tmp_path: Path) -> None:
    with on_terminal(verb, "--watch", "--interval", "0.1", cwd=desk(tmp_path)) as terminal:
        for _ in range(3):
            terminal.wait_for(lambda screen: len(ticks(screen)) == 1)
            (at,) = ticks(terminal.screen)
            terminal.wait_for(lambda screen, at=at: ticks(screen) not in ([], [at]))  # type: ignore[misc]  # bound
            assert 1 == terminal.screen.text().count(head)
        assert terminal.drawn(head) > 3


@pytest.mark.parametrize(("verb", "head"), CASES)
@pytest.mark.parametrize("how", ["^C", "SIGINT", "SIGTERM"])
def test_a_signal_leaves_the_last_table_and_a_sane_terminal(
    verb: str, head: str, how: str, tmp_path: Path
) -> None:
    """The cursor stands on an empty line below it, and what is typed is treated as before."""
    with on_terminal(verb, "--watch", "--interval", "30", cwd=desk(tmp_path)) as terminal:
        terminal.wait_for(lambda screen: len(ticks(screen)) == 1)
        if how == "^C":
            terminal.type("\x03")
        else:
            terminal.process.send_signal(signal.Signals[how])
        assert (143 if how == "SIGTERM" else 130) == terminal.end()
        assert ("", 1) == (terminal.screen.lines[-1], terminal.screen.text().count(head))
        assert terminal.screen.lines[-2].startswith("bybit")
        assert terminal.manners == terminal.manners_now()
        assert not re.search("error:|Traceback|stopping", terminal.screen.text())


def test_a_signal_in_the_middle_of_a_pass_ends_it_too(tmp_path: Path) -> None:
    """Here every venue hangs."""
    desk(tmp_path)
    for venue in ("kraken", "coinbase", "binance", "okx", "bybit"):
        mvx(surroundings(tmp_path), "paper", "fault", venue, "hang", "--for", "60")
    with on_terminal("reconcile", "--watch", cwd=tmp_path) as terminal:
        terminal.read(0.6)
        terminal.type("\x03")
        assert (130, False) == (terminal.end(), "Traceback" in terminal.raw)


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
@pytest.mark.parametrize("verb", VERBS)
def test_a_terminal_that_wants_it_plain_gets_a_line_a_tick(
    verb: str, variables: dict[str, str], tmp_path: Path
) -> None:
    with on_terminal(verb, "--watch", "--interval", "0.1", cwd=desk(tmp_path), **variables) as terminal:
        terminal.wait_for(lambda screen: len(screen.lines) > 6)
        terminal.process.send_signal(signal.SIGTERM)
        assert (143, False) == (terminal.end(), "\x1b" in terminal.raw)


def piped(folder: Path, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mvx", *argv],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True},
        **{"cwd": folder, "env": {**os.environ, "PYTHONPATH": str(ROOT)}},
    )


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["reconcile"], "reconcile: kraken agreed, .*, bybit agreed; breaks 0; exit 0"),
        (["venue-status"], "venue-status: kraken LIVE, .*, bybit LIVE HALTED; exit 0"),
        (["venue-status", "--cached"], "venue-status: kraken LIVE, .*, bybit LIVE HALTED; exit 0"),
    ],
)
def test_elsewhere_a_tick_is_one_plain_line(argv: list[str], line: str, tmp_path: Path) -> None:
    mvx(surroundings(desk(tmp_path)), "halt", "--venue", "bybit", "--reason", "maintenance")
    with piped(tmp_path, *argv, "--watch", "--interval", "0.1") as child:
        assert child.stdout is not None
        found = [child.stdout.readline() for _ in range(3)]
        child.send_signal(signal.SIGTERM)
        rest, errors = child.communicate(timeout=20)
    assert all(re.fullmatch(f"{TICK} {line}\n", each) for each in [*found, *rest.splitlines(keepends=True)])
    assert (143, "") == (child.returncode, errors)


@pytest.mark.parametrize("verb", VERBS)
def test_for_scripts_a_tick_is_one_envelope(verb: str, tmp_path: Path) -> None:
    with piped(desk(tmp_path), verb, "--watch", "--interval", "0.1", "--json") as child:
        assert child.stdout is not None
        found = [json.loads(child.stdout.readline()) for _ in range(3)]
        child.send_signal(signal.SIGINT)
        rest, errors = child.communicate(timeout=20)
    assert [(verb, 0, 5)] * 3 == [(e["command"], e["exit_code"], len(e["data"]["venues"])) for e in found]
    assert all(json.loads(line)["schema"] == 1 for line in rest.splitlines())
    assert (130, "") == (child.returncode, errors)


@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_a_watch_that_nobody_reads_ends(extra: list[str], tmp_path: Path) -> None:
    """`mvx reconcile --watch | head -1` comes back."""
    with piped(desk(tmp_path), "reconcile", "--watch", "--interval", "0.1", *extra) as child:
        assert child.stdout is not None
        assert child.stdout.readline()
        child.stdout.close()
        assert (0, "") == (child.wait(timeout=20), child.stderr.read() if child.stderr else None)


def test_a_break_is_loud_above_the_table(tmp_path: Path) -> None:
    """It scrolls by and stays; the table stands below it, once."""
    desk(tmp_path)
    with on_terminal("reconcile", "--watch", "--interval", "0.2", cwd=tmp_path, size=(100, 24)) as terminal:
        terminal.wait_for(lambda screen: len(ticks(screen)) == 1)
        mvx(surroundings(tmp_path), "paper", "trade", "okx", "buy", "0.1", "BTC/USDT")
        terminal.wait_for(lambda screen: "break foreign_fill okx" in screen.text())
        terminal.wait_for(lambda screen: len(ticks(screen)) == 1)
    text = terminal.screen.text()
    loud = re.findall("break foreign_fill okx BTC [^ ]+", text)
    assert (len(set(loud)), 1) == (len(loud), text.count(VERBS["reconcile"]))
    assert text.rindex("break foreign_fill okx") < text.index(VERBS["reconcile"])
    assert "\x1b[1;31mbreak foreign_fill" in terminal.raw


def test_a_warning_that_lasts_is_told_once(tmp_path: Path) -> None:
    mvx(surroundings(desk(tmp_path)), "paper", "fault", "okx", "outage")
    with piped(tmp_path, "venue-status", "--watch", "--interval", "0.1") as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(5)]
        child.send_signal(signal.SIGTERM)
        _, errors = child.communicate(timeout=20)
    assert all("okx " in line for line in lines)
    assert 1 == errors.count("warning: okx: connection refused\n")


@pytest.mark.parametrize("columns", [60, 160])
def test_a_new_width_draws_the_table_anew(columns: int, tmp_path: Path) -> None:
    """At once, and without a trace of the old one, though a narrow window folds its lines."""
    mvx(surroundings(desk(tmp_path)), "paper", "fault", "okx", "outage")
    with on_terminal("venue-status", "--watch", "--interval", "30", cwd=tmp_path, size=(100, 24)) as terminal:
        terminal.wait_for(lambda screen: len(ticks(screen)) == 1)
        before = len(terminal.raw)
        terminal.resize(columns, 24)
        terminal.wait_for(lambda screen: len(terminal.raw) > before and ticks(screen) != [])
        assert (1, 1) == (terminal.screen.text().count("venue     health"), len(ticks(terminal.screen)))


def test_a_low_window_shows_what_fits(tmp_path: Path) -> None:
    """What scrolled out at the top could never be taken away again."""
    desk(tmp_path)
    with on_terminal("reconcile", "--watch", "--interval", "0.1", cwd=tmp_path, size=(80, 6)) as terminal:
        terminal.wait_for(lambda screen: terminal.drawn("venue     pass") > 3 and screen.lines[-1] == "")
        assert (1, "...") == (terminal.screen.text().count("venue     pass"), terminal.screen.lines[-2])
