"""The shell of the program: help, usage errors, the envelope of a failure, defects."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mvx.cli import group
from mvx.cli.verbs import VERBS, Family, Verb
from tests.cli.harness import Terminal, mvx, surroundings

ALL_VERBS = [
    tuple(path.split())
    for name, verb in VERBS.items()
    for path in ([name] if isinstance(verb, Verb) else [f"{name} {inner}" for inner in verb.verbs])
]


def test_help_names_every_verb(tmp_path: Path) -> None:
    """`mvx --help` is the answer, on stdout, with exit 0."""
    ran = mvx(surroundings(tmp_path), "--help")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert all(f"  {name} " in ran.stdout for name in VERBS)


FAMILIES = [(name,) for name, verb in VERBS.items() if isinstance(verb, Family)]


@pytest.mark.parametrize("path", [*ALL_VERBS, *FAMILIES], ids=" ".join)
def test_help_of_a_verb_begins_with_examples(path: tuple[str, ...], tmp_path: Path) -> None:
    """Examples stand between the usage and the explanation, for -h and --help alike."""
    ran = mvx(surroundings(tmp_path), *path, "-h")
    lines = ran.stdout.splitlines()
    assert ran.exit_code == 0
    assert lines[0].startswith(f"Usage: mvx {' '.join(path)}")
    assert lines[2].startswith("  mvx ")
    assert ran.stdout == mvx(surroundings(tmp_path), *path, "--help").stdout


@pytest.mark.parametrize("path", ALL_VERBS, ids=" ".join)
def test_every_example_parses(path: tuple[str, ...], tmp_path: Path) -> None:
    """No example is a usage error: each one stops at its --help only."""
    verb = VERBS[path[0]]
    for example in (verb.verbs[" ".join(path[1:])] if isinstance(verb, Family) else verb).examples:
        argv = example.split()[1:]
        assert mvx(surroundings(tmp_path), *argv, "--help").exit_code == 0


def test_nothing_typed_shows_the_help_on_stderr(tmp_path: Path) -> None:
    """A bare `mvx` is a usage error that explains itself."""
    ran = mvx(surroundings(tmp_path))
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("Usage: mvx")


def test_version(tmp_path: Path) -> None:
    """`mvx --version` says the version."""
    assert mvx(surroundings(tmp_path), "--version").stdout == "mvx 0.1.0\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["positons"], "Did you mean 'positions'?"),
        (["paper", "trasfer"], "Did you mean 'transfer'"),
        (["positions", "--jsn"], "--json"),
        (["positions", "--venue", "krakn"], "there is no venue krakn; did you mean kraken?"),
        (["positions", "BTC-USDD"], "did you mean BTC-USD?"),
        (["route", "BTC-USD"], "Missing argument 'QTY'"),
        (["route", "BTC-USD", "1", "--queue", "--dry-run"], "--queue and --dry-run contradict each other"),
        (["route", "BTC-USD", "1", "--resume"], "--resume needs --id KEY"),
        (["route", "BTC-USD", "1", "--twap", "5"], "not a duration such as 90s"),
        (["route", "BTC-USD", "1", "--twap", "5m", "--tif", "fok"], "--tif ioc only"),
        (["route", "BTC-USD", "1", "--sell", "--side", "buy"], "contradict each other"),
        (["route", "BTC-USD", "1", "--post-only", "--tif", "ioc"], "--post-only rests"),
        (["route", "BTC-USD", "1", "--tif", "day"], "--tif"),
        (["route", "DOGE-USD", "1"], "there is no instrument DOGE-USD"),
        (["reconcile", "--accept", "never"], "--accept needs --order"),
        (["reconcile", "--interval", "5"], "--interval needs --watch"),
        (["reconcile", "--order", "m1"], "no order is called 'm1'"),
        (["reconcile", "--order", "m1", "--accept", "never"], "no order is called 'm1'"),
        (["paper", "ledger", "krakn"], "there is no paper venue krakn; did you mean kraken?"),
        (["paper", "heal", "krakn"], "there is no paper venue krakn; did you mean kraken?"),
        (["paper", "fault", "okx", "lost-akc"], "there is no fault lost-akc; did you mean lost-ack?"),
        (["route", "BTC-USD", "1", "--plan", "p.json"], "--plan p.json: No such file or directory"),
        (["cancel"], "name one order or parent, or say --all"),
        (["cancel", "m1", "--all"], "name one order or parent, or say --all"),
        (["orders", "--since", "yesterday"], "'yesterday' is not a time"),
    ],
)
def test_usage_errors_are_exit_2_and_say_what_to_do(argv: list[str], message: str, tmp_path: Path) -> None:
    """Three lines on stderr, nothing on stdout; with --json the envelope too."""
    plain = mvx(surroundings(tmp_path), *argv)
    assert (plain.exit_code, plain.stdout) == (2, "")
    assert message in plain.stderr
    assert "\nknown: nothing was sent\nnext:  " in plain.stderr

    error = mvx(surroundings(tmp_path), *argv, "--json").envelope["error"]
    assert (error["code"], message in error["message"]) == ("usage", True)


@pytest.mark.parametrize("text", ["1e5", "NaN", "inf", "+1", "0", "0x10", "1_000", "٣", "1" * 41, ""])
def test_numbers_are_plain_positive_and_short(text: str, tmp_path: Path) -> None:
    """What is no plain number of at most 40 digits is exit 2 and names the argument."""
    found = mvx(surroundings(tmp_path), "route", "BTC-USD", text, "--json").envelope
    assert (found["exit_code"], found["error"]["code"], found["sent"]) == (2, "bad_number", False)
    assert "'QTY'" in found["error"]["message"]


@pytest.mark.parametrize("option", ["--limit", "--max-slippage-bps", "--deadline"])
def test_options_are_read_like_arguments(option: str, tmp_path: Path) -> None:
    """A bad number of an option names the option."""
    found = mvx(surroundings(tmp_path), "route", "BTC-USD", "1", option, "1e1", "--json").envelope
    assert (found["error"]["code"], f"'{option}'" in found["error"]["message"]) == ("bad_number", True)


def test_global_options_stand_before_or_after_the_verb(tmp_path: Path) -> None:
    """--config, --journal and --json may lead."""
    before = mvx(surroundings(tmp_path), "--json", "--journal", "j.db", "config", "path").envelope
    after = mvx(surroundings(tmp_path), "config", "path", "--journal", "j.db", "--json").envelope
    assert before == after
    assert before["data"]["journal"] == str(tmp_path / "j.db")


def test_the_built_in_desk_is_announced_in_one_line(tmp_path: Path) -> None:
    """Without a config stderr says what mvx runs on."""
    ran = mvx(surroundings(tmp_path), "config", "path")
    assert ran.stderr == "mvx: no venues configured: running on the five built-in paper venues\n"


def test_a_missing_config_is_exit_2(tmp_path: Path) -> None:
    """A named config that does not exist is an error of the configuration, with its envelope."""
    found = mvx(surroundings(tmp_path, {"MVX_CONFIG": "no.toml"}), "positions", "--json").envelope
    assert (found["exit_code"], found["error"]["code"]) == (2, "config")


def test_all_config_errors_are_one_failure(tmp_path: Path) -> None:
    """`config check` lists every error, and its failure is the live desk's that it describes."""
    (tmp_path / "mvx.toml").write_text('[venues.okx]\nadapter = "ccxt"\nsymbols = 3\nlott = 1\n')
    found = mvx(surroundings(tmp_path), "config", "check", "--json").envelope
    assert (found["exit_code"], found["mode"]) == (2, "live")
    assert "venues.okx.lott: unknown key; did you mean lot?" in found["error"]["message"]
    assert "venues.okx.symbols: found 3, a table is allowed" in found["error"]["message"]


def test_a_defect_is_exit_1_with_its_traceback_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw never prints a traceback; the message says where it is."""
    broken = Verb("verbs:no_such_function", "Broken.", ("mvx broken",))
    monkeypatch.setitem(VERBS, "broken", broken)
    ran = mvx(surroundings(tmp_path), "broken", "--json")
    log = tmp_path / "user-state" / "mvx" / "log" / "mvx.log"

    assert (ran.exit_code, ran.envelope["error"]["code"]) == (1, "defect")
    assert str(log) in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "AttributeError" in log.read_text()


def test_colour_is_for_terminals_that_want_it(tmp_path: Path) -> None:
    """No escape sequence without a terminal, with NO_COLOR or with TERM=dumb."""
    for variables, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        environment = surroundings(tmp_path, variables, stdout=Terminal(), stderr=Terminal())
        ran = mvx(environment, "config", "show")
        assert ("\x1b" in ran.stdout) is coloured
    assert "\x1b" not in mvx(surroundings(tmp_path), "config", "show").stdout


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_colour_in_a_pipe_is_for_whoever_asks_for_it(
    variables: dict[str, str], coloured: bool, tmp_path: Path
) -> None:
    ran = mvx(surroundings(tmp_path, variables), "venue-status")
    assert ("\x1b[" in ran.stdout) is coloured


def test_only_the_invoked_verb_is_imported() -> None:
    """`mvx --help` imports no verb, and `positions --json` nothing slow."""
    slow = (
        "{'asyncio', 'pydantic', 'rich', 'tomllib', 'logging', 'tempfile', 'sqlite_utils', "
        "'mvx.domain.entries'}"
    )
    script = (
        "import sys, mvx.cli.app as app\n"
        "from pathlib import Path\n"
        "from mvx.cli.environment import Environment\n"
        "around = Environment(sys.stdin, sys.stdout, sys.stderr, {}, Path.cwd())\n"
        "app.run(tuple(sys.argv[1:]), around)\n"
        "verbs = [m for m in sys.modules if m.startswith('mvx.cli.')]\n"
        f"print(sorted(verbs), sorted({slow} & set(sys.modules)), file=sys.stderr)"
    )
    helped = _child(script, "--help")
    assert "mvx.cli.route" not in helped
    assert "mvx.cli.positions" not in helped
    _child(script, "journal", "info")
    read = _child(script, "positions", "--json")
    assert "mvx.cli.positions" in read
    assert "mvx.cli.route" not in read
    # platformdirs, which looks for the user's config, brings tempfile with it.
    assert read.strip().endswith("['tempfile']")


def _child(script: str, *argv: str) -> str:
    ran = subprocess.run([sys.executable, "-c", script, *argv], capture_output=True, text=True, check=True)
    return ran.stderr


def test_python_dash_m_is_the_same_program(tmp_path: Path) -> None:
    """`python -m mvx` runs what `mvx` runs."""
    command = [sys.executable, "-m", "mvx", "config", "path", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert json.loads(ran.stdout)["command"] == "config path"


def test_a_reader_that_went_away_is_no_error(tmp_path: Path) -> None:
    """EPIPE is silent and keeps the exit code."""
    command = f"{sys.executable} -m mvx config show 2>err | true; echo ${{PIPESTATUS[0]}}; cat err"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert ran.stdout.splitlines()[0] == "0"
    assert "Traceback" not in ran.stdout
    assert "BrokenPipe" not in ran.stdout


def test_the_table_of_verbs_points_at_functions() -> None:
    """Every target of the table exists and makes a command."""
    for name, verb in VERBS.items():
        inner = verb.verbs if isinstance(verb, Family) else {name: verb}
        for each, target in inner.items():
            typed = each or name
            assert group.LazyVerb(typed, target).load().name == typed
