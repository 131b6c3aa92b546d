"""`mvx cancel` at the command line: exit codes, and `sent` only where a request left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mvx.engine import results
from mvx.errors import Exit
from tests.cli.harness import mvx, surroundings
from tests.cli.test_tables import drawn, made


def run(folder: Path, *words: str) -> dict[str, Any]:
    return mvx(surroundings(folder), *words, "--json").envelope


def rests(folder: Path, venue: str) -> dict[str, Any]:
    """A route that rests there."""
    words = ("route", "BTC-USD", "0.1", "--tif", "gtc", "--limit", "60000", "--venue", venue)
    found: dict[str, Any] = run(folder, *words)["data"]
    return found


def test_a_parent_is_cancelled_once(tmp_path: Path) -> None:
    route = rests(tmp_path, "kraken")
    found = run(tmp_path, "cancel", route["parent_id"])
    assert (Exit.OK, True, False) == (found["exit_code"], found["sent"], found["uncertain"])
    (row,) = found["data"]["orders"]
    assert {
        "cl_ord_id": route["children"][0]["cl_ord_id"],
        "venue": "kraken",
        "ord_status": "CANCELED",
        "cum_qty": "0",
        "outcome": "asked",
    } == row
    again = run(tmp_path, "cancel", route["parent_id"])
    assert (Exit.OK, False) == (again["exit_code"], again["sent"])
    assert "finished already" == again["data"]["orders"][0]["outcome"]


def test_a_dark_venue_is_exit_5_and_the_others_are_cancelled(tmp_path: Path) -> None:
    dark, lit = (rests(tmp_path, venue)["children"][0]["cl_ord_id"] for venue in ("kraken", "okx"))
    run(tmp_path, "paper", "fault", "kraken", "outage", "--for", "60")
    found = run(tmp_path, "cancel", "--all")
    assert (Exit.UNCERTAIN, True, True, None) == (
        found["exit_code"],
        found["sent"],
        found["uncertain"],
        found["error"],
    )
    states = {row["cl_ord_id"]: row["ord_status"] for row in found["data"]["orders"]}
    assert {dark: "NEW", lit: "CANCELED"} == states
    assert any(f"mvx cancel {dark}" in warning for warning in found["warnings"])
    run(tmp_path, "paper", "heal", "kraken")
    assert Exit.OK == run(tmp_path, "cancel", "--all")["exit_code"]
    assert (Exit.OK, False) == (
        (nothing := run(tmp_path, "cancel", "--all"))["exit_code"],
        nothing["sent"],
    )


@pytest.mark.parametrize(
    ("words", "next_step"),
    [
        ((), "mvx cancel --help"),
        (("m1", "--all"), "mvx cancel --help"),
        (("m1",), "mvx orders --open"),
        (("--all", "--venue", "krakn"), "use one of: kraken"),
    ],
)
def test_what_is_not_named_exactly_is_exit_2(tmp_path: Path, words: tuple[str, ...], next_step: str) -> None:
    found = run(tmp_path, "cancel", *words)
    assert (Exit.USAGE, False) == (found["exit_code"], found["sent"])
    assert found["error"]["next"].startswith(next_step)


def test_the_table_fits(tmp_path: Path) -> None:
    row = made(
        results.CancelRow,
        cl_ord_id="mhtgj5eyppa0000001",
        ord_status="PENDING_CANCEL",
        outcome="the venue has no such open order: unknown_order",
    )
    text = drawn("cancel", results.CancelResult((row,)), tmp_path)
    assert 80 >= max(map(len, text.splitlines()))
    assert "5.70965646" in text
