"""A desk whose venue is served by another process: the command line on both ends, nothing replaced."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from tests.paper.serve.desk import PAPER, assert_alike, environ, mvx, write_config

D = Decimal


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of the venue, which another process serves until it is told to end."""
    port = 20_000 + os.getpid() % 20_000
    words = [
        sys.executable,
        "-m",
        "mvx",
        "--config",
        "paper.toml",
        "paper",
        "serve",
        "--port-base",
        str(port),
    ]
    with subprocess.Popen(
        words, cwd=folder, env=environ(folder), stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stderr is not None
            line = server.stderr.readline()
            found = re.search(r"http://\S+(?=,)", line)
            assert found, line
            yield found[0]
        finally:
            server.send_signal(signal.SIGTERM)
            code = server.wait(10)
    assert 143 == code


@pytest.mark.parametrize("name", [pytest.param("kraken", marks=pytest.mark.long), "binance"])
def test_a_route_over_the_wire_ends_with_journal_and_ledger_alike(name: str, tmp_path: Path) -> None:
    """Fills, fees and balances, to the last digit. With Kraken it takes its time."""
    write_config(tmp_path, name, "http://127.0.0.1:9")
    with served(tmp_path) as url:
        write_config(tmp_path, name, url)
        assert 0 == mvx(tmp_path, "live.toml", "init")[0]
        code, answer, printed = mvx(tmp_path, "live.toml", "route", "BTC-USD", "0.25", "--yes")
        assert (0, "live") == (code, answer["mode"]), printed
        time.sleep(0.3)
        code, answer, printed = mvx(tmp_path, "live.toml", "reconcile")
        assert (0, True) == (code, answer["data"]["venues"][0]["agreed"]), printed
        _, answer, _ = mvx(tmp_path, "live.toml", "positions")
        positions = answer["data"]["positions"]
        fills = mvx(tmp_path, "live.toml", "fills")[1]["data"]["fills"]
    ledger = mvx(tmp_path, "paper.toml", "paper", "ledger", name)[1]["data"]
    assert D("0.25") == sum(D(fill["qty"]) for fill in ledger["fills"])
    assert_alike(name, ledger, fills, positions)


def test_where_there_is_nothing_to_serve_it_says_so(tmp_path: Path) -> None:
    config = PAPER.format(name="okx", symbol="BTC/USDT", quote="USDT")
    (tmp_path / "paper.toml").write_text(config)
    code, answer, printed = mvx(tmp_path, "paper.toml", "paper", "serve")
    assert "no paper venue has a dialect that is served" in answer["error"]["message"], printed
    assert 4 == code


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    (tmp_path / "paper.toml").write_text(PAPER.format(name="kraken", symbol="BTC/USD", quote="USD"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, answer, printed = mvx(tmp_path, "paper.toml", "paper", "serve", "--port-base", str(port))
    assert (2, True) == (
        code,
        f"kraken can not be served at 127.0.0.1:{port}" in answer["error"]["message"],
    ), printed
