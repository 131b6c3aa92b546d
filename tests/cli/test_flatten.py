"""`mvx flatten` at the command line: what is typed, what is asked, and what a script gets."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mvx.errors import Exit
from tests.cli.harness import LIVE, mvx, surroundings

CONFIG = f"{LIVE}[route]\nassume_yes = true\n"


@pytest.mark.parametrize(
    "words", [(), ("--all", "--venue", "okx"), ("--venue", "krakn"), ("--instrument", "X")]
)
def test_what_is_to_be_left_is_named_exactly(tmp_path: Path, words: tuple[str, ...]) -> None:
    ran = mvx(surroundings(tmp_path), "flatten", *words, "--json")
    assert (Exit.USAGE, False) == (ran.envelope["exit_code"], ran.envelope["sent"])


def test_a_route_and_its_flatten_leave_nothing_there(tmp_path: Path) -> None:
    """The fields of the contract; a second run sends nothing. It takes a second slice where the market moves
    on between the book and the first."""
    mvx(surroundings(tmp_path), "route", "BTC-USD", "0.2", "--venue", "okx", "--json")
    found = mvx(surroundings(tmp_path), "flatten", "--venue", "okx", "--json").envelope
    (row,) = found["data"]["venues"]
    assert (0, True, True) == (found["exit_code"], found["sent"], row["verified"])
    assert {"BTC": "0.2"} == row["before"]
    assert ("okx", []) == (row["venue"], row["cancelled"])
    assert Decimal("0.2") == sum(Decimal(child["cum_qty"]) for child in row["children"])
    assert ["okx stays halted: mvx resume --venue okx"] == found["warnings"]
    again = mvx(surroundings(tmp_path), "flatten", "--venue", "okx", "--json").envelope
    assert (0, False) == (again["exit_code"], again["sent"])


def test_the_plan_is_shown_before_and_the_dust_after(tmp_path: Path) -> None:
    mvx(surroundings(tmp_path), "route", "BTC-USD", "0.2", "--venue", "okx")
    ran = mvx(surroundings(tmp_path), "flatten", "--venue", "okx")
    assert "first slice" in ran.stderr
    assert ["venue", "asset", "before", "after", "dust"] == ran.stdout.split()[:5]
    assert max(map(len, ran.stdout.splitlines())) <= 80


def test_with_nothing_to_do_it_says_so(tmp_path: Path) -> None:
    """No position, no order: a plan without a line, and a venue that is verified flat."""
    mvx(surroundings(tmp_path), "reconcile", "--venue", "kraken")
    ran = mvx(surroundings(tmp_path), "flatten", "--venue", "kraken")
    assert (Exit.OK, True) == (ran.exit_code, "nothing to cancel or to close" in ran.stderr)


def test_a_venue_that_was_never_read_is_not_shown_as_flat(tmp_path: Path) -> None:
    """Not in the plan, and not in the answer of one that is dark."""
    mvx(surroundings(tmp_path), "paper", "fault", "kraken", "outage")
    ran = mvx(surroundings(tmp_path), "flatten", "--venue", "kraken")
    assert (Exit.UNCERTAIN, False) == (ran.exit_code, "nothing to cancel" in ran.stderr)
    assert ["kraken", "BTC", "?", "?", "?", "0", "0", "no"] == ran.stdout.splitlines()[1].split()


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_of_a_dark_venue_the_plan_says_that_there_is_something_to_close(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Its book can not be read, so there is no slice yet: that is not nothing."""
    mvx(surroundings(tmp_path), "route", "BTC-USD", "0.2", "--venue", "okx")
    mvx(surroundings(tmp_path), "paper", "fault", "okx", "outage", "--for", "60")
    ran = mvx(surroundings(tmp_path), "flatten", "--venue", "okx", *words)
    said = ran.stdout + ran.stderr
    assert "nothing to cancel or to close" not in said
    assert 1 == said.count("plan: flatten\nokx: no slice can be planned yet: BTC: connection refused\n")


@pytest.mark.parametrize("words", [("--all",), ("--venue", "kraken", "--to-zero")])
def test_on_live_venues_a_standing_yes_does_not_leave_everything(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """`assume_yes` is for routes from cron; a severe action wants --yes or its word."""
    (tmp_path / "mvx.toml").write_text(CONFIG)
    refused = mvx(surroundings(tmp_path), "flatten", *words, "--json").envelope
    assert (Exit.REFUSED, False) == (refused["exit_code"], refused["sent"])
    assert "repeat the command with --yes" == refused["error"]["next"]
