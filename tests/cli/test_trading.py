"""`mvx halt` and `mvx resume` at the command line: what is typed, kept and answered."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import pytest

from mvx.cli.options import operator
from mvx.engine import results
from mvx.errors import Exit
from tests.cli.harness import mvx, surroundings
from tests.cli.test_tables import drawn
from tests.support import START


def run(folder: Path, *words: str) -> dict[str, Any]:
    return mvx(surroundings(folder), *words, "--json").envelope


def trading(found: dict[str, Any]) -> dict[str, str]:
    return {row["venue"]: row["trading"] for row in found["data"]["venues"]} | {
        "": found["data"]["system"]["trading"]
    }


def test_the_system_is_halted_and_resumed_with_who_and_why(tmp_path: Path) -> None:
    halted = run(tmp_path, "halt", "--reason", "an incident")
    assert (Exit.OK, False, "HALTED") == (halted["exit_code"], halted["sent"], trading(halted)[""])
    assert ("an incident", operator()) == (
        halted["data"]["system"]["reason"],
        halted["data"]["system"]["by"],
    )
    refused = run(tmp_path, "route", "BTC-USD", "0.5")
    assert (Exit.REFUSED, False, "refused", "mvx resume") == (
        refused["exit_code"],
        refused["sent"],
        refused["error"]["code"],
        refused["error"]["next"],
    )
    assert f"halted by {operator()}: an incident" in refused["error"]["message"]
    assert "ACTIVE" == trading(run(tmp_path, "resume"))[""]
    assert Exit.OK == run(tmp_path, "route", "BTC-USD", "0.5", "--dry-run")["exit_code"]


@pytest.mark.parametrize("words", [("--venue", "kraken", "--venue", "okx"), ("--venue", "kraken,okx")])
def test_venues_are_named_one_by_one_or_as_a_list(tmp_path: Path, words: tuple[str, ...]) -> None:
    found = trading(run(tmp_path, "halt", *words, "--reducing"))
    assert {"kraken", "okx"} == {name for name, state in found.items() if state == "REDUCING"}
    assert "ACTIVE" == found[""]
    found = trading(run(tmp_path, "resume", "--venue", "okx"))
    assert ["kraken"] == [name for name, state in found.items() if state == "REDUCING"]


def test_a_route_goes_around_a_halted_venue_and_says_how_to_lift_it(tmp_path: Path) -> None:
    run(tmp_path, "halt", "--venue", "binance", "--reason", "maintenance")
    found = run(tmp_path, "route", "BTC-USD", "0.5")
    assert Exit.OK == found["exit_code"]
    (why,) = [row["why"] for row in found["data"]["plan"]["skipped"] if row["venue"] == "binance"]
    assert f"halted by {operator()}: maintenance; mvx resume --venue binance" == why


def test_what_works_on_is_said_with_the_command_that_ends_it(tmp_path: Path) -> None:
    route = ("route", "BTC-USD", "0.1", "--tif", "gtc", "--limit", "60000", "--venue", "kraken")
    child = run(tmp_path, *route)["data"]["children"][0]["cl_ord_id"]
    ran = mvx(surroundings(tmp_path), "halt", "--venue", "kraken")
    assert f"still working: {child}" in ran.stdout
    assert "warning: 1 order works on, for a halt cancels nothing: mvx cancel --all --venue kraken" in (
        ran.stderr
    )
    assert Exit.OK == run(tmp_path, "cancel", "--all", "--venue", "kraken")["exit_code"]


@pytest.mark.parametrize(
    "words", [("halt", "--venue", "krakn"), ("resume", "--reducing"), ("halt", "kraken")]
)
def test_what_is_typed_wrongly_changes_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert Exit.USAGE == run(tmp_path, *words)["exit_code"]
    assert {"ACTIVE"} == set(trading(run(tmp_path, "resume")).values())


def test_a_reason_can_not_drive_the_terminal(tmp_path: Path) -> None:
    ran = mvx(surroundings(tmp_path), "halt", "--reason", "\x1b[2J\u202ered [bold]x[/bold]\n\udc80")
    assert "\x1b" not in ran.stdout
    assert "\\x1b[2J\\u202ered [bold]x[/bold] \\udc80" in ran.stdout
    assert Exit.OK == ran.exit_code
    refused = mvx(surroundings(tmp_path), "route", "BTC-USD", "1")
    assert "\x1b" not in refused.stderr
    assert ["mvx", "error", "known", "next"] == [
        line.partition(":")[0] for line in refused.stderr.splitlines()
    ]


def test_a_halt_needs_no_valid_configuration_of_risk(tmp_path: Path) -> None:
    """In an emergency a typo elsewhere must not stand in its way; nor must a live desk be asked."""
    (tmp_path / "mvx.toml").write_text("[risk]\nmax_positin = 3\n")
    assert Exit.OK == run(tmp_path, "halt")["exit_code"]


def test_who_types_is_known_from_the_system_not_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert f"{pwd.getpwuid(os.getuid()).pw_name}@{os.uname().nodename}" == operator()


def test_the_table_fits_and_shows_every_scope(tmp_path: Path) -> None:
    by, reason = "operations@trading-host-7", "withdrawals are stuck since this morning, ticket 4711"
    made = results.TradingResult(
        results.TradingRow("REDUCING", reason, by, START),
        (
            results.VenueTradingRow("kraken", "HALTED", "HALTED", reason, by, START),  # type: ignore[arg-type]  # a plain text will do
            results.VenueTradingRow("coinbase", "ACTIVE", "REDUCING", "", None, None),  # type: ignore[arg-type]  # as above
        ),
        revoked=("mhtgj5eyppa0000001",),  # type: ignore[arg-type]  # as above
        working=("mhtgj5eyppa0000002",),  # type: ignore[arg-type]  # as above
    )
    text = drawn("halt", made, tmp_path)
    assert 80 >= max(map(len, text.splitlines()))
    assert "revoked, never to be sent: mhtgj5eyppa0000001" in text
    assert "still working: mhtgj5eyppa0000002" in text
    assert "the system  REDUCING" in text
