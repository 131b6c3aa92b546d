"""A live venue's secrets are never written: not to the screen, a log, the journal, or a file that is shared.

Whatever goes wrong, whatever is typed, and whatever the venue sends back: here it sends back all it is sent.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mvx.cli.verbs import VERBS
from tests.venues.ccxt import kraken
from tests.venues.ccxt.loopback import Answer, Asked, Loopback
from tests.venues.ccxt.test_desk import ROOT, Account, configure, mvx
from tests.venues.ccxt.venue import API_KEY, API_SECRET, plenty

CANARIES = (API_KEY, API_SECRET)

#: Every verb, and each of a family's. `run` does not end by itself, and has a test of its own.
TYPED = """
route BTC-USD 0.1 --yes --id canary
route BTC-USD 0.1 --dry-run -v
positions --fresh
reconcile
reconcile --report-only
venue-status
venue-status --cached
doctor
orders
fills
breaks
breaks ack 1
baseline show
baseline set kraken BTC 1
explain canary
explain held_back
cancel --all
flatten --venue kraken --yes
halt --reason canary
resume
help config
init
config check
config show
config path
journal verify
journal info
journal backup copy.db
paper ledger kraken
"""


def echo(asked: Asked) -> Answer:
    """An error that says all that was asked."""
    return kraken.error(f"EOrder:{asked.headers} {asked.params}", status=500)


def environ(folder: Path, **variables: str) -> dict[str, str]:
    ours = {"PYTHONPATH": str(ROOT), "KRAKEN_KEY": API_KEY, "XDG_STATE_HOME": str(folder)}
    return {**os.environ, **ours, **variables}


def said(folder: Path, *words: str, program: tuple[str, ...] = ("-m", "mvx")) -> str:
    """All that was printed, as people see it."""
    run = subprocess.run(
        [sys.executable, *program, *words],
        cwd=folder, env=environ(folder), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return run.stdout + run.stderr


def written(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):  # a budget that was made whole meanwhile
            if file.is_file():
                yield file, file.read_bytes()


def nothing_told(folder: Path, printed: list[str]) -> None:
    """Neither by what was printed nor by any file or its name, but the secret's own."""
    files = dict(written(folder))
    assert {".db", ".markets"} <= {file.suffix for file in files}
    assert API_SECRET.encode() in files.pop(folder / "secret")
    for canary in CANARIES:
        assert not [text for text in printed if canary in text]
        assert not [file for file, data in files.items() if canary.encode() in data or canary in file.name]


@pytest.fixture
def account(wire: Loopback, tmp_path: Path) -> Iterator[Account]:
    """One that tells its own key, as Kraken does (docs, Get API Key Info), and asks as much as it likes."""
    configure(tmp_path, wire)
    found = Account(wire)
    info: dict[str, Any] = kraken.KEY_INFO | {"apiKey": API_KEY, "apiKeyName": API_SECRET}
    wire.answers["GetApiKeyInfo"] = kraken.result(info)
    assert 0 == mvx(tmp_path, "init")[0]
    with plenty(tmp_path):
        yield found


def test_every_verb_is_typed() -> None:
    """One that is new is a line there."""
    assert set(VERBS) - {"run"} == {line.split()[0] for line in TYPED.split("\n") if line}


@pytest.mark.long
def test_no_verb_writes_a_secret(account: Account, tmp_path: Path) -> None:
    printed = []
    for line in filter(None, TYPED.split("\n")):
        printed += [said(tmp_path, *line.split()), said(tmp_path, *line.split(), "--json")]
    nothing_told(tmp_path, printed)


@pytest.mark.long
def test_a_venue_that_sends_back_what_it_was_sent_makes_nobody_write_it(
    account: Account, tmp_path: Path
) -> None:
    printed = []
    for path in ("GetApiKeyInfo", "AddOrder", "BalanceEx", "Depth"):
        account.wire.answers[path] = echo
        for verb in ("route BTC-USD 0.1 --yes", "reconcile", "doctor"):
            printed.append(mvx(tmp_path, *verb.split())[2])
    for verb in ("positions", "venue-status", "orders", "breaks", "journal verify"):
        printed.append(mvx(tmp_path, verb.split()[0], *verb.split()[1:])[2])
    nothing_told(tmp_path, printed)


@pytest.mark.long
def test_a_secret_that_can_not_be_read_is_not_shown(account: Account, tmp_path: Path) -> None:
    printed = [mvx(tmp_path, "reconcile", KRAKEN_KEY=f"{API_KEY} \n")[2]]
    (tmp_path / "secret").chmod(0o644)
    printed += [mvx(tmp_path, verb)[2] for verb in ("doctor", "reconcile")]
    assert f"file:{tmp_path / 'secret'} is not its owner's alone" in printed[-1]
    nothing_told(tmp_path, printed)


@pytest.mark.long
@pytest.mark.parametrize("place", ["session.Session.rights", "lists.Lists.balances"])
def test_the_traceback_of_a_defect_tells_no_secret(place: str, account: Account, tmp_path: Path) -> None:
    """It is in the log, and the keys were in the hands of what failed."""
    module, kind, method = place.split(".")
    code = (
        f"import sys, mvx.venues.ccxt.{module} as found\n"
        "from mvx.__main__ import main\n"
        "async def fails(self, *terms):\n"
        "    exchange = await getattr(self, '_session', self).private()\n"
        "    secrets = exchange.apiKey, exchange.secret\n"
        "    raise RuntimeError('a defect')\n"
        f"found.{kind}.{method} = fails\n"
        "sys.argv[1:] = ['doctor', '--json']\n"
        "main()\n"
    )
    printed = said(tmp_path, program=("-c", code))
    assert "a defect" in "".join(each.read_text() for each in tmp_path.rglob("*.log")), printed
    nothing_told(tmp_path, [printed])


@pytest.mark.long
def test_the_daemon_writes_no_secret(account: Account, tmp_path: Path) -> None:
    account.wire.answers["OpenOrders"] = echo
    words = [sys.executable, "-m", "mvx", "run", "-v"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, cwd=tmp_path, env=environ(tmp_path), **pipes) as daemon:
        time.sleep(4)
        daemon.send_signal(signal.SIGTERM)
        printed = daemon.communicate(timeout=60)
    assert account.wire.asked_for("OpenOrders")
    mvx(tmp_path, "reconcile")  # and what it left is read
    nothing_told(tmp_path, list(printed))
