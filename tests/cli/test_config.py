"""`mvx config`: all errors at once, every value with its origin, and no secret anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.harness import mvx, surroundings
from tests.test_tidy import HEAVY, ONLY_INSIDE_FUNCTIONS, ROOT

CANARY = "xK9canaryQ2"
LIVE = f"""
[instruments."BTC-USD"]
base = "BTC"
quote = "USD"
[venues.kraken]
adapter = "ccxt"
exchange = "kraken"
symbols = {{ "BTC-USD" = "BTC/USD" }}
api_key = "env:{CANARY}"
api_secret = "command:echo {CANARY}"
api_url = "https://me:{CANARY}@host.test/"
[risk]
max_position = {{ "BTC-USD" = "1" }}
max_order_notional = "1000"
"""


def test_config_path_names_both_files(tmp_path: Path) -> None:
    """Which config and which journal are in force."""
    mvx(surroundings(tmp_path), "init", "--paper")
    data = mvx(surroundings(tmp_path), "config", "path", "--json").envelope["data"]
    expected = {"config": str(tmp_path / "mvx.toml"), "journal": str(tmp_path / "mvx.db")}
    assert data == {**expected, "journal_exists": True}


def test_config_show_tells_origins(tmp_path: Path) -> None:
    """A value of the file, one of the built-in desk, a default."""
    (tmp_path / "mvx.toml").write_text("[route]\nmax_rounds = 2\n")
    rows = mvx(surroundings(tmp_path), "config", "show", "--json").envelope["data"]["values"]
    origins = {row["key"]: (row["value"], row["origin"]) for row in rows}
    assert origins["route.max_rounds"] == (2, "file")
    assert origins["venues.okx.adapter"] == ("paper", "built-in")
    assert origins["route.max_s"] == (30, "default")


def test_config_show_names_the_line_for_people(tmp_path: Path) -> None:
    (tmp_path / "mvx.toml").write_text("[route]\nmax_rounds = 2\n")
    lines = mvx(surroundings(tmp_path, {"MVX_JOURNAL": "other.db"}), "config", "show").stdout.splitlines()
    assert any(line.split() == ["route.max_rounds", "2", "mvx.toml:2"] for line in lines)
    assert any(line.split()[::2] == ["journal.path", "MVX_JOURNAL"] for line in lines)
    assert any(line.split() == ["risk.max_position", "no", "limit", "default"] for line in lines)


@pytest.mark.parametrize(
    ("argv", "variables", "chosen_by"),
    [
        ((), {}, None),
        ((), {"MVX_CONFIG": "mvx.toml"}, "MVX_CONFIG"),
        (("--config", "mvx.toml"), {"MVX_CONFIG": "none.toml"}, "--config"),
    ],
)
def test_config_show_says_what_named_the_file(
    argv: tuple[str, ...], variables: dict[str, str], chosen_by: str | None, tmp_path: Path
) -> None:
    (tmp_path / "mvx.toml").write_text("[route]\nmax_rounds = 2\n")
    data = mvx(surroundings(tmp_path, variables), *argv, "config", "show", "--json").envelope["data"]
    assert (str(tmp_path / "mvx.toml"), chosen_by) == (data["source"], data["chosen_by"])
    title = mvx(surroundings(tmp_path, variables), *argv, "config", "show").stdout.splitlines()[0]
    assert str(tmp_path / "mvx.toml") + (f" ({chosen_by})" if chosen_by else "") == title


def test_config_path_loads_nothing_heavy(tmp_path: Path) -> None:
    """In a process of its own: a script asks it often."""
    code = (
        "import sys; from mvx.cli.app import run; from mvx.cli.environment import Environment;"
        "run(('config', 'path', '--json'), Environment.of_process());"
        f"print(*(m for m in {(*HEAVY, *ONLY_INSIDE_FUNCTIONS)} if m in sys.modules), file=sys.stderr)"
    )
    (tmp_path / "mvx.toml").write_text(LIVE)
    around = {**os.environ, "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-c", code]
    ran = subprocess.run(
        argv, cwd=tmp_path, env=around, capture_output=True, text=True, check=True, timeout=60
    )
    assert "typer\n" == ran.stderr
    assert str(tmp_path / "mvx.toml") in ran.stdout


def test_config_check_reports_every_error_with_its_line(tmp_path: Path) -> None:
    """Exit 2, and each with what may have been meant."""
    text = LIVE.replace("exchange =", "exchnge =").replace(
        'max_position = { "BTC-USD"', 'max_position = { "BTC-US"'
    )
    (tmp_path / "mvx.toml").write_text(text)
    found = mvx(surroundings(tmp_path), "config", "check", "--json").envelope
    assert (2, "config") == (found["exit_code"], found["error"]["code"])
    assert [
        f"{tmp_path / 'mvx.toml'}: 4 problems",
        '  mvx.toml:5: venues.kraken.exchange: missing, and required with adapter = "ccxt"',
        "  mvx.toml:7: venues.kraken.exchnge: unknown key; did you mean exchange?",
        "  mvx.toml:13: risk.max_position.BTC-US: there is no instrument BTC-US; did you mean BTC-USD?;"
        " configured: BTC-USD",
        "  mvx.toml:13: risk.max_position.BTC-USD: missing, and required for live venues",
    ] == found["error"]["message"].splitlines()


@pytest.mark.parametrize("verb", ["check", "show", "path"])
@pytest.mark.parametrize("broken", ["", "[rote]\n", "[venues.okx]\nadapter = 'ccxt'\n", "[[["])
def test_no_secret_is_ever_printed(verb: str, broken: str, tmp_path: Path) -> None:
    """Whatever else is wrong with the file."""
    for secret in (f'"{CANARY}"', f'"env:{CANARY}"', f"{{ value = '{CANARY}' }}"):
        text = LIVE.replace("[risk]", f"api_password = {secret}\napi_secrt = '{CANARY}'\n[risk]")
        (tmp_path / "mvx.toml").write_text(f"{text}{broken}")
        for json in ([], ["--json"]):
            ran = mvx(surroundings(tmp_path), "config", verb, *json)
            assert CANARY not in ran.stdout + ran.stderr
    (tmp_path / "mvx.toml").write_text(f"{LIVE}{broken}")
    ran = mvx(surroundings(tmp_path), "config", verb)
    assert CANARY not in ran.stdout + ran.stderr


def test_a_recording_that_is_not_there_is_found_by_the_check(tmp_path: Path) -> None:
    """With its key and its line, before a verb wants to play it; a verb that does says what to run."""
    text = '[instruments."BTC-USD"]\nbase = "BTC"\nquote = "USD"\n[venues.kraken]\nadapter = "paper"\n'
    text += 'symbols = { "BTC-USD" = "BTC/USD" }\nbooks = "gone.jsonl"\n'
    (tmp_path / "mvx.toml").write_text(text)
    missing = f"venues.kraken.books: no such file: {tmp_path / 'gone.jsonl'}"
    found = mvx(surroundings(tmp_path), "config", "check", "--json").envelope
    assert (2, "config") == (found["exit_code"], found["error"]["code"])
    assert f"  mvx.toml:7: {missing}" == found["error"]["message"].splitlines()[1]
    error = mvx(surroundings(tmp_path), "venue-status", "--json").envelope["error"]
    assert (missing, "mvx config check") == (error["message"], error["next"])
