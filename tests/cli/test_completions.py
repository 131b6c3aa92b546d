"""Completions are made from the verbs, and each shell answers a TAB from them, at once and alone."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from mvx.cli.complete import made
from mvx.cli.shape import Shape, shapes, shared_options
from tests.cli.shells import FILES, answers, need, offered
from tests.test_tidy import ROOT

SHELLS = list(FILES)
VERBS = shapes()
FIVE = ["kraken", "coinbase", "binance", "okx", "bybit"]

#: What is typed, and what may follow: the same in every shell.
LINES: list[tuple[str, list[str]]] = [
    ("mvx ro", ["route"]),
    ("mvx re", ["reconcile", "resume"]),
    ("mvx --json po", ["positions"]),
    ("mvx --config desk.toml po", ["positions"]),
    ("mvx nonsense", []),
    ("mvx baseline ", ["show", "set"]),
    ("mvx paper t", ["trade", "transfer"]),
    ("mvx breaks ", ["ack"]),
    ("mvx breaks --venue k", ["kraken"]),
    ("mvx breaks --open a", ["ack"]),
    ("mvx route ", ["BTC-USD"]),
    ("mvx route BTC-USD ", []),
    ("mvx positions ", ["BTC-USD", "BTC", "USD", "USDT"]),
    ("mvx baseline set ", FIVE),
    ("mvx baseline set okx U", ["USD", "USDT"]),
    ("mvx paper transfer okx BTC -1 --d", ["--delay"]),
    ("mvx paper trade okx ", ["buy", "sell"]),
    ("mvx paper fault kraken o", ["outage"]),
    ("mvx paper fault kraken http", ["http-429", "http-503-before", "http-503-after"]),
    ("mvx paper fault kraken --count 2 out", ["outage"]),
    ("mvx route BTC-USD 1 --venue ", FIVE),
    ("mvx route --venue okx BTC-USD 1 --venue b", ["binance", "bybit"]),
    ("mvx route BTC-USD 1 --tif ", ["ioc", "fok", "gtc"]),
    ("mvx route BTC-USD 1 --side s", ["sell"]),
    ("mvx route BTC-USD 1 --id ", []),
    ("mvx reconcile --accept a", ["adopt"]),
    ("mvx route BTC-USD 1 --s", ["--side", "--sell"]),
    ("mvx route BTC-USD 1 --sell --s", ["--side"]),
    ("mvx route BTC-USD 1 --side buy --s", ["--sell"]),
    ("mvx route BTC-USD 1 --venue okx --ve", ["--venue", "--verbose"]),
    ("mvx positions --venue okx --ven", []),
    ("mvx --json positions --js", []),
    ("mvx route -y --y", []),
    ("mvx route --id=7 --i", []),
    ("mvx route -- --s", []),
    ("mvx --v", ["--verbose", "--version"]),
    ("mvx route --vers", []),
]


@pytest.mark.parametrize("shell", SHELLS)
def test_what_is_committed_is_what_the_verbs_make(shell: str) -> None:
    """After a change of a verb: python -m mvx.cli.complete."""
    name = FILES[shell].relative_to(ROOT).as_posix()
    assert made(ROOT)[name] == FILES[shell].read_text(encoding="utf-8")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_itself_finds_no_fault_in_it(shell: str) -> None:
    ran = subprocess.run([need(shell), "-n", FILES[shell]], capture_output=True, text=True, check=False)
    assert (0, "", "") == (ran.returncode, ran.stdout, ran.stderr)


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_offers_what_may_follow(shell: str, tmp_path: Path) -> None:
    found = answers(shell, [line for line, _ in LINES], tmp_path)
    assert {line: sorted(words) for line, words in LINES} == {
        line: sorted(words) for (line, _), words in zip(LINES, found, strict=True)
    }


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_knows_every_verb_and_option(shell: str, tmp_path: Path) -> None:
    """And each option's own words, where the option takes some."""
    expected = {}
    for shape in VERBS:
        typed = " ".join(["mvx", *shape.path])
        expected[f"{typed} --"] = sorted(_long_names(shape))
        if shape.verbs:
            expected[f"{typed} "] = sorted(name for name, _ in shape.verbs)
        for option in shape.options:
            if option.values and not option.values[0].startswith("@"):
                expected[f"{typed} {max(option.names, key=len)} "] = sorted(option.values)
    found = answers(shell, list(expected), tmp_path)
    assert expected == {line: sorted(words) for line, words in zip(expected, found, strict=True)}


def _long_names(shape: Shape) -> list[str]:
    return [name for option in shape.options for name in option.names if name.startswith("--")]


@pytest.mark.parametrize("shell", SHELLS)
def test_files_are_offered_for_files(shell: str, tmp_path: Path) -> None:
    (tmp_path / "books.jsonl").touch()
    (tmp_path / "books of may.jsonl").touch()
    (tmp_path / "other").touch()
    lines = ["mvx --config b", "mvx route --journal b", "mvx paper reset --books b"]
    found = answers(shell, lines, tmp_path)
    assert [["books of may.jsonl", "books.jsonl"]] * 3 == [sorted(_unescaped(words)) for words in found]


def _unescaped(words: list[str]) -> list[str]:
    return [word.replace("\\", "") for word in words]


#: Where = breaks words, bash is asked for what follows it, fish for the whole word.
AFTER_EQUALS = {"bash": "", "zsh": "", "fish": "--venue="}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_value_may_follow_an_equals_sign(shell: str, tmp_path: Path) -> None:
    assert [f"{AFTER_EQUALS[shell]}kraken"] == offered(shell, "mvx route --venue=k", tmp_path)
    assert 5 == len(offered(shell, "mvx route --venue=", tmp_path))
    assert ["--yes"] == offered(shell, "mvx route --venue=okx --y", tmp_path)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_list_goes_on_after_a_comma_with_what_is_not_in_it(shell: str, tmp_path: Path) -> None:
    """zsh is asked for the last part alone."""
    before = "" if shell == "zsh" else "okx,binance,"
    found = offered(shell, "mvx route --venue okx,binance,b", tmp_path)
    assert [f"{before}bybit"] == found
    assert [] == offered(shell, "mvx positions --venue okx,b", tmp_path)


DESK = """\
[instruments."ETH-EUR"]   # typed
base = "ETH"
quote = "EUR"
[instruments.SOL]
base = 'SOL'
quote = "EUR"
[venues.alpha]
adapter = "paper"
[venues.alpha.symbols]
"ETH-EUR" = "ETH/EUR"
  [venues."beta-2"]
[venues."$(touch pwned)"]
[venues.`touch pwned`]
"""


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("where", ["here", "variable", "option", "equals", "user"])
def test_names_come_from_the_config_in_force(shell: str, where: str, tmp_path: Path) -> None:
    """--config, else MVX_CONFIG, else ./mvx.toml, else the user's own; nothing in it is ever run."""
    path = {"here": tmp_path / "mvx.toml", "user": tmp_path / "user-config" / "mvx" / "mvx.toml"}.get(
        where, tmp_path / "desk.toml"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(DESK)
    if where not in ("here", "user"):
        (tmp_path / "mvx.toml").write_text("[venues.wrong]\n")
    variables = {"MVX_CONFIG": str(path)} if where == "variable" else {}
    typed = {"option": "mvx --config desk.toml", "equals": "mvx --config=desk.toml"}.get(where, "mvx")
    lines = [f"{typed} cancel --venue ", f"{typed} route ", f"{typed} baseline set alpha "]
    found = [sorted(words) for words in answers(shell, lines, tmp_path, **variables)]
    assert [["alpha", "beta-2"], ["ETH-EUR", "SOL"], ["ETH", "EUR", "SOL"]] == found
    assert not (tmp_path / "pwned").exists()


def test_bash_answers_in_a_few_milliseconds(tmp_path: Path) -> None:
    """The least of 20, names from a config included; a start of Python alone takes longer."""
    (tmp_path / "mvx.toml").write_text(DESK)
    script = f"""
        source {FILES["bash"]}
        COMP_WORDS=(mvx --json route BTC-USD 1 --sell --venue alpha --venue '') COMP_CWORD=9
        for _ in {{1..20}}; do
            began=$EPOCHREALTIME; _mvx; ended=$EPOCHREALTIME; echo $((${{ended/./}} - ${{began/./}}))
        done
    """
    ran = subprocess.run(
        [need("bash")], input=script, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert min(map(int, ran.stdout.split())) < 10_000


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_no_process_is_started(shell: str, tmp_path: Path) -> None:
    """No command is substituted and nothing is piped, so every name is a builtin's or a function's."""
    (tmp_path / "mvx.toml").write_text(DESK)
    text = re.sub(r"^\s*#.*\n", "", FILES[shell].read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert [] == re.findall(r"\$\((?!\()|<\(|(?<!\\)`| \| ", text)
    assert ["alpha"] == offered(shell, "mvx route --venue al", tmp_path)


def test_shared_options_are_those_of_every_verb() -> None:
    names = {name for option in shared_options(VERBS) for name in option.names}
    voice = {"-q", "--quiet", "-v", "--verbose"}
    assert {"--config", "--journal", "--json", *voice, "-h", "--help"} == names
