"""A config that is wrong where it matters less: what makes a position no larger works all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.harness import mvx, surroundings

DESK = """
[instruments."BTC-USD"]
base = "BTC"
quote = "USD"
[venues.kraken]
adapter = "paper"
symbols = { "BTC-USD" = "BTC/USD" }
"""
WRONG = DESK + '[risk]\nmax_positin = { "BTC-USD" = "1" }\n[route]\nmax_rounds = 0\n'
SAFE = ["reconcile", "cancel --all", "flatten --all", "venue-status", "positions --fresh", "halt", "orders"]


@pytest.mark.parametrize("typed", SAFE)
def test_a_limit_that_is_mistyped_keeps_nobody_from_cancelling(typed: str, tmp_path: Path) -> None:
    (tmp_path / "mvx.toml").write_text(DESK)
    assert mvx(surroundings(tmp_path), "route", "BTC-USD", "0.1").exit_code == 0
    (tmp_path / "mvx.toml").write_text(WRONG)
    found = mvx(surroundings(tmp_path), *typed.split(), "--json").envelope
    assert found["exit_code"] == 0, found
    if typed not in ("halt", "orders"):  # these read neither
        for key in ("risk.max_positin: unknown key; did you mean max_position?", "route.max_rounds: found 0"):
            (said,) = [line for line in found["warnings"] if line.startswith(key)]
            assert said.endswith("its default is used here: mvx config check")


@pytest.mark.parametrize("typed", ["route BTC-USD 1", "run", "route BTC-USD 1 --dry-run", "config check"])
def test_what_may_make_a_position_larger_does_not_begin_with_it(typed: str, tmp_path: Path) -> None:
    (tmp_path / "mvx.toml").write_text(WRONG)
    found = mvx(surroundings(tmp_path), *typed.split(), "--json").envelope
    assert (found["exit_code"], found["error"]["code"], found["sent"]) == (2, "config", False)
    assert "risk.max_positin: unknown key; did you mean max_position?" in found["error"]["message"]
    assert not (tmp_path / "mvx.db").exists()


def test_what_is_wrong_with_a_venue_stops_everything_that_asks_it(tmp_path: Path) -> None:
    """Where it is not known what is traded there, nothing is guessed."""
    (tmp_path / "mvx.toml").write_text(DESK + "lott = 1\n")
    for typed in ("reconcile", "cancel --all", "flatten --all", "venue-status"):
        assert mvx(surroundings(tmp_path), *typed.split()).exit_code == 2


def test_a_thousand_errors_are_a_hundred_and_a_count(tmp_path: Path) -> None:
    (tmp_path / "mvx.toml").write_text(DESK + "".join(f"key{n} = 1\n" for n in range(1_000)))
    ran = mvx(surroundings(tmp_path), "config", "check")
    assert ran.exit_code == 2
    assert "and 900 more" in ran.stderr
    assert len(ran.stderr) < 20_000


@pytest.mark.parametrize("value", ["9" * 4_000, "'" + "x" * 100_000 + "'", "[" * 900 + "]" * 900])
def test_a_value_of_any_size_is_shown_in_a_line(value: str, tmp_path: Path) -> None:
    (tmp_path / "mvx.toml").write_text(f"[reconcile]\nmax_age_s = {value}\n")
    for typed in ("positions", "config check"):
        ran = mvx(surroundings(tmp_path), *typed.split())
        assert ran.exit_code == 2
        assert len(ran.stderr) < 1_000


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b"[desk]\ncurrency = '\xe9'\n",
        b"x = 1\n" * 300_000,
        b"x = " + b"[" * 50_000 + b"]" * 50_000,
        b"x = '" + b"\x1b[2J" + b"'\n",
        b"\0" * 100,
    ],
)
def test_a_file_that_is_no_toml_names_itself(body: bytes, tmp_path: Path) -> None:
    (tmp_path / "mvx.toml").write_bytes(body)
    ran = mvx(surroundings(tmp_path), "positions")
    assert ran.exit_code == 2
    assert f"error: {tmp_path / 'mvx.toml'}: " in ran.stderr
    assert "\x1b" not in ran.stderr
    assert len(ran.stderr) < 1_000


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("/dev/null/x", "there is no config file"),
        ("~nobody-has-this-name/x", "there is no such home folder"),
        (".", "Is a directory"),
        ("x" * 300, "File name too long"),
        ("loop", "symbolic links"),
    ],
)
def test_a_config_that_can_not_be_one_is_exit_2(named: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for verb in ("positions", "route BTC-USD 1", "config check"):
        ran = mvx(surroundings(tmp_path), "--config", named, *verb.split())
        assert ran.exit_code == 2
        assert said in ran.stderr
        assert "\nknown: nothing was sent\nnext:  " in ran.stderr


@pytest.mark.parametrize(
    "typed",
    ["--config {} init --paper", "--journal {} positions", "journal backup {}", "paper reset --books {}"],
)
def test_a_home_folder_that_is_nobody_s_is_exit_2(typed: str, tmp_path: Path) -> None:
    """Whatever is named from there."""
    ran = mvx(surroundings(tmp_path), *typed.format("~nobody-has-this-name/x").split())
    assert (2, True) == (ran.exit_code, "there is no such home folder" in ran.stderr), ran
