"""`mvx init`: a first config, the journal, and what to run next."""

from __future__ import annotations

import os
import shlex
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.config.builtin import BUILT_IN
from tests.cli.harness import Ran, Terminal, mvx, surroundings
from tests.cli.terminals import on_terminal


def test_init_writes_a_config_and_a_journal_once(tmp_path: Path) -> None:
    """The second run changes nothing and says so."""
    first = mvx(surroundings(tmp_path), "init", "--paper", "--json").envelope["data"]
    written = (tmp_path / "mvx.toml").read_bytes()
    second = mvx(surroundings(tmp_path), "init", "--paper", "--json").envelope["data"]

    assert (first["config_written"], first["journal_created"]) == (True, True)
    assert (second["config_written"], second["journal_created"]) == (False, False)
    assert first["journal"] == second["journal"] == str(tmp_path / "mvx.db")
    assert (tmp_path / "mvx.toml").read_bytes() == written


def test_what_init_writes_is_valid_and_announces_nothing(tmp_path: Path) -> None:
    """The written config has venues of its own."""
    mvx(surroundings(tmp_path), "init", "--paper")
    ran = mvx(surroundings(tmp_path), "config", "check")
    assert (ran.exit_code, ran.stderr) == (0, "")


def test_init_refuses_where_nobody_can_answer(tmp_path: Path) -> None:
    """Without a terminal the flag is named, and nothing is written."""
    ran = mvx(surroundings(tmp_path), "init", "--json")
    assert (ran.exit_code, ran.envelope["error"]["next"]) == (4, "mvx init --paper")
    assert list(tmp_path.iterdir()) == []


def at_terminal(folder: Path, typed: str) -> Ran:
    environment = surroundings(folder, {"NO_COLOR": "1"}, stdin=Terminal(typed), stderr=Terminal())
    return mvx(environment, "init")


@pytest.mark.parametrize("typed", ["n\n", "", "maybe\n", "0\n"])
def test_init_asks_at_a_terminal_and_takes_nothing_else_for_a_yes(typed: str, tmp_path: Path) -> None:
    ran = at_terminal(tmp_path, typed)
    assert (4, []) == (ran.exit_code, list(tmp_path.iterdir()))
    assert "five paper venues? [y/N]" in ran.stderr


@pytest.mark.parametrize(
    ("typed", "limits"),
    [
        ("y\n", ("10", "500000")),
        ("y\n\n\n", ("10", "500000")),
        ("yes\n2.5\n1000\n", ("2.5", "1000")),
        ("Y\n1e3\n-1\n0\n7\nmuch\n300\n", ("7", "300")),
    ],
)
def test_init_asks_for_the_limits(typed: str, limits: tuple[str, str], tmp_path: Path) -> None:
    """Nothing typed is the default; what is no plain number above 0 is asked for again."""
    assert 0 == at_terminal(tmp_path, typed).exit_code
    risk = tomllib.loads((tmp_path / "mvx.toml").read_text())["risk"]
    assert limits == (risk["max_position"]["BTC-USD"], risk["max_order_notional"])


def test_init_asks_on_a_real_terminal(tmp_path: Path) -> None:
    """One question after the other, and the answer below."""
    with on_terminal("init", cwd=tmp_path) as terminal:
        for question, typed in (("[y/N]", "y\n"), ("in BTC [10]:", "2\n"), ("in USD [500000]:", "\n")):
            terminal.wait_for(lambda screen, wanted=question: wanted in screen.text())
            terminal.type(typed)
        assert 0 == terminal.end()
        assert "mvx doctor" in terminal.screen.text()
    assert "2" == tomllib.loads((tmp_path / "mvx.toml").read_text())["risk"]["max_position"]["BTC-USD"]


def test_init_does_not_ask_for_ever(tmp_path: Path) -> None:
    ran = at_terminal(tmp_path, "y\n" + "NaN\n" * 9)
    assert (4, []) == (ran.exit_code, list(tmp_path.iterdir()))
    assert "no number was given" in ran.stderr


def test_a_first_config_trades_like_none_within_limits_and_is_explained(tmp_path: Path) -> None:
    """The built-in desk to the value, a limit on every instrument, a comment above every table."""
    mvx(surroundings(tmp_path), "init", "--paper")
    text = (tmp_path / "mvx.toml").read_text()
    written = tomllib.loads(text)
    risk = written.pop("risk")
    assert BUILT_IN == written
    assert set(BUILT_IN["instruments"]) == set(risk["max_position"])
    assert Decimal(risk["max_order_notional"]) > 0
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines) if line.startswith("[") and "." not in line]
    assert {"desk", "route", "risk", "reconcile"} <= {lines[number].strip("[]") for number in heads}
    assert all(lines[number - 1].startswith("#") for number in heads)


def test_what_is_written_is_private(tmp_path: Path) -> None:
    """Whatever the umask says."""
    before = os.umask(0)
    try:
        mvx(surroundings(tmp_path), "--config", "desk/a.toml", "init", "--paper")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "desk").iterdir()}
    assert {0o600} == set(modes.values())
    assert 0o700 == (tmp_path / "desk").stat().st_mode & 0o777


def test_init_never_overwrites(tmp_path: Path) -> None:
    """What is there stays as it is, valid or not, and a link to nothing is not followed."""
    (tmp_path / "mvx.toml").write_text("not toml")
    assert 2 == mvx(surroundings(tmp_path), "init", "--paper").exit_code
    assert "not toml" == (tmp_path / "mvx.toml").read_text()
    (tmp_path / "link.toml").symlink_to(tmp_path / "elsewhere.toml")
    ran = mvx(surroundings(tmp_path), "--config", "link.toml", "init", "--paper", "--json")
    assert (2, "no journal was created") == (ran.exit_code, ran.envelope["error"]["known"])
    assert ["link.toml", "mvx.toml"] == sorted(path.name for path in tmp_path.iterdir())


def test_what_init_says_to_run_next_runs(tmp_path: Path) -> None:
    """With the config that it was told to write."""
    mvx(surroundings(tmp_path), "init", "--paper")
    told = mvx(surroundings(tmp_path), "--config", "my desk.toml", "init", "--paper", "--json").envelope
    for line in told["data"]["next"]:
        program, *argv = shlex.split(line)
        assert ("mvx", ["--config", "my desk.toml"]) == (program, argv[:2])
        assert 0 == mvx(surroundings(tmp_path), *argv).exit_code


def test_init_writes_where_it_is_told(tmp_path: Path) -> None:
    """--config names the file to make, its folder included."""
    data = mvx(surroundings(tmp_path), "--config", "desk/a.toml", "init", "--paper", "--json").envelope[
        "data"
    ]
    assert data["config"] == str(tmp_path / "desk" / "a.toml")
    assert data["journal"] == str(tmp_path / "desk" / "mvx.db")
