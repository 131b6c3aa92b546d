"""-q and -v: how much is said on stderr beside the answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mvx.cli.consent import plan_is_shown
from mvx.cli.session import Session
from mvx.cli.signals import Signals
from tests.cli.harness import mvx, surroundings

NOTICE = "mvx: no venues configured: running on the five built-in paper venues\n"


def test_quiet_leaves_out_what_is_not_loud(tmp_path: Path) -> None:
    """The notice and the plan. The answer is the same."""
    plain = mvx(surroundings(tmp_path), "route", "BTC-USD", "0.1")
    quiet = mvx(surroundings(tmp_path), "route", "BTC-USD", "0.1", "-q")
    assert plain.stderr.startswith(NOTICE)
    assert "plan: buy 0.1 BTC-USD" in plain.stderr
    assert (0, "") == (quiet.exit_code, quiet.stderr)
    assert "status         filled" in quiet.stdout


def test_quiet_leaves_in_what_is_loud(tmp_path: Path) -> None:
    """Warnings, breaks, errors."""
    mvx(surroundings(tmp_path), "-q", "reconcile")
    mvx(surroundings(tmp_path), "-q", "paper", "fault", "okx", "outage")
    assert "warning: okx: connection refused" in mvx(surroundings(tmp_path), "-q", "venue-status").stderr
    mvx(surroundings(tmp_path), "paper", "heal")
    mvx(surroundings(tmp_path), "paper", "trade", "kraken", "buy", "0.1", "BTC/USD")
    assert mvx(surroundings(tmp_path), "reconcile", "--quiet").stderr.startswith("break ")
    assert mvx(surroundings(tmp_path), "-q", "route", "BTC-USD", "x").stderr.startswith("error: ")


def test_an_answer_that_is_uncertain_says_what_that_means_and_what_to_run(tmp_path: Path) -> None:
    """Beside the answer, which is no error; not where only what is loud is wanted, and not to a script."""
    mvx(surroundings(tmp_path), "route", "BTC-USD", "0.1", "--venue", "okx")
    mvx(surroundings(tmp_path), "paper", "fault", "okx", "outage")
    for verb in ("positions --fresh", "reconcile"):
        ran = mvx(surroundings(tmp_path), *verb.split())
        assert (5, True) == (ran.exit_code, "\nexit 5: uncertain: " in ran.stderr), verb
        assert ran.stderr.endswith("\nnext:  mvx reconcile, then mvx positions\n"), verb
        for way in ("-q", "--json"):
            assert "exit 5:" not in mvx(surroundings(tmp_path), *verb.split(), way).stderr, (verb, way)


def test_a_venue_that_never_answered_was_asked(tmp_path: Path) -> None:
    mvx(surroundings(tmp_path), "paper", "fault", "okx", "outage")
    mvx(surroundings(tmp_path), "reconcile")
    said = mvx(surroundings(tmp_path), "positions", "BTC").stderr
    assert "warning: okx has never answered: connection refused\n" in said
    mvx(surroundings(tmp_path), "paper", "heal")
    mvx(surroundings(tmp_path), "reconcile")
    mvx(surroundings(tmp_path), "paper", "fault", "okx", "outage")
    mvx(surroundings(tmp_path), "reconcile")
    assert "okx has not answered for " in mvx(surroundings(tmp_path), "positions", "BTC").stderr


def test_an_answer_that_is_incomplete_says_so(tmp_path: Path) -> None:
    """And why no venue is in the plan, without a table that is empty."""
    ran = mvx(surroundings(tmp_path), "route", "BTC-USD", "5", "--limit", "1")
    assert (3, True) == (ran.exit_code, "\nexit 3: incomplete: " in ran.stderr)
    assert ran.stdout.startswith("plan: buy 5 BTC-USD\nnot binance: its best price, ")


def test_what_a_flatten_left_is_not_bought_by_a_route(tmp_path: Path) -> None:
    """Its next step was that of a route."""
    mvx(surroundings(tmp_path), "init", "--paper")
    mvx(surroundings(tmp_path), "route", "BTC-USD", "0.1", "--venue", "okx")
    config = tmp_path / "mvx.toml"
    config.write_text(re.sub(r"#? ?max_slippage_bps = .*", 'max_slippage_bps = "0"', config.read_text()))
    ran = mvx(surroundings(tmp_path), "flatten", "--venue", "okx")
    assert (3, True) == (ran.exit_code, "warning: okx: BTC: its best price, " in ran.stderr), ran
    again = "mvx flatten --venue okx once what is said of it above is gone; look with mvx positions"
    assert ran.stderr.endswith(f"\nnext:  {again}\n")


def test_what_to_run_next_is_of_the_desk_that_was_named(tmp_path: Path) -> None:
    """Typed as it stands, it would be of another desk otherwise."""
    (tmp_path / "my desk.toml").write_text("[desk]\ncurency = 1\n")
    named = ("--config", "my desk.toml", "--journal", "j.db")
    ran = mvx(surroundings(tmp_path), *named, "config", "check", "--json")
    again = "mvx --config 'my desk.toml' --journal j.db config check"
    assert ran.envelope["error"]["next"] == f"correct the file, then: {again}"
    assert ran.stderr.endswith(f"next:  correct the file, then: {again}\n")
    mvx(surroundings(tmp_path), *named[2:], "halt", "--venue", "okx")
    looked = mvx(surroundings(tmp_path), *named[2:], "doctor").stdout
    assert "trading: mvx --journal j.db resume --venue okx, once the reason is gone" in looked
    missing = mvx(surroundings(tmp_path), "--config", "no desk.toml", "orders").stderr
    assert missing.endswith("next:  mvx --config 'no desk.toml' init\n")


#: `okx: okx: gone`, or `okx: BTC: never left: okx: gone`.
TWICE = re.compile(r"\b(\w+): (?:[\w ]+: )*\1: ")


@pytest.mark.parametrize("fault", ["outage", "http-503-before", "html-200"])
def test_a_venue_that_fails_is_named_once_in_a_line(fault: str, tmp_path: Path) -> None:
    """Whoever tells of it says whose word it is, and nobody says so again."""
    mvx(surroundings(tmp_path), "route", "BTC-USD", "0.2", "--venue", "okx")
    for verb in (
        "reconcile",
        "positions --fresh",
        "route BTC-USD 0.1 --venue okx",
        "flatten --venue okx",
        "venue-status",
        "cancel --all",
        "positions",
        "orders",
        "doctor",
    ):
        mvx(surroundings(tmp_path), "paper", "fault", "okx", fault, "--for", "60")
        ran = mvx(surroundings(tmp_path), *verb.split())
        said = ran.stdout + ran.stderr
        assert [] == [line for line in said.splitlines() if TWICE.search(line)], (verb, said)


@pytest.mark.parametrize("argv", [("-v", "orders"), ("orders", "--verbose"), ("orders", "-v", "--json")])
def test_verbose_says_what_is_in_force_and_how_it_ended(argv: tuple[str, ...], tmp_path: Path) -> None:
    """Once each, and on stderr alone."""
    mvx(surroundings(tmp_path), "init", "--paper")
    ran = mvx(surroundings(tmp_path), *argv)
    first, last = ran.stderr.splitlines()
    assert f"mvx: config {tmp_path / 'mvx.toml'}, journal {tmp_path / 'mvx.db'}, paper" == first
    assert last.startswith("mvx: exit 0 after 0.")
    assert "mvx: " not in ran.stdout


def test_verbose_says_how_a_failure_ended(tmp_path: Path) -> None:
    ran = mvx(surroundings(tmp_path), "-v", "route", "BTC-USD", "x")
    assert ran.stderr.splitlines()[-1].startswith("mvx: exit 2 after ")


@pytest.mark.parametrize("argv", [("-q", "-v", "orders"), ("-q", "orders", "-v"), ("orders", "-vq")])
def test_both_at_once_contradict_each_other(argv: tuple[str, ...], tmp_path: Path) -> None:
    ran = mvx(surroundings(tmp_path), *argv)
    assert 2 == ran.exit_code
    assert "--quiet and --verbose contradict each other" in ran.stderr


@pytest.mark.parametrize("words", [("0.0000001",), ("100000", "--tif", "fok")])
def test_why_nothing_is_sent_is_said_once(words: tuple[str, ...], tmp_path: Path) -> None:
    """It is the answer; what is sent, or may be later, is shown before."""
    ran = mvx(surroundings(tmp_path), "route", "BTC-USD", *words)
    assert (3, False, True) == (ran.exit_code, "plan:" in ran.stderr, "plan:" in ran.stdout)
    queued = mvx(surroundings(tmp_path), "route", "BTC-USD", *words, "--queue")
    assert (0, True, False) == (queued.exit_code, "plan:" in queued.stderr, "plan:" in queued.stdout)


def test_what_is_queued_names_the_job_that_a_cancel_takes(tmp_path: Path) -> None:
    """Only --json had it."""
    queued = mvx(surroundings(tmp_path), "route", "BTC-USD", "0.2", "--queue")
    (job,) = re.findall(r"^job +(\w+)$", queued.stdout, re.MULTILINE)
    cancelled = mvx(surroundings(tmp_path), "cancel", job)
    assert (0, True) == (cancelled.exit_code, f"{job} was taken out of the queue" in cancelled.stderr)


def test_whoever_is_asked_sees_the_plan_however_quiet_it_is(tmp_path: Path) -> None:
    session = Session(surroundings(tmp_path), Signals())
    session.quiet = True
    assert plan_is_shown(session, lambda: True)
    assert not plan_is_shown(session, None)
