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
from urllib.request import urlopen

import pytest

from mvx.paper.serve.keys import KeyPair
from tests.paper.serve.desk import PAPER, assert_alike, environ, mvx, write_config
from tests.venues.ccxt.venue import API_KEY, API_SECRET

D = Decimal


OWN = KeyPair(API_KEY, API_SECRET)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """What is said of the venue, which another process serves until it is told to end."""
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
            yield server.stderr.readline()
        finally:
            server.send_signal(signal.SIGTERM)
            code = server.wait(10)
    assert 143 == code


def address(said: str) -> str:
    found = re.search(r"http://\S+(?=,)", said)
    assert found, said
    return found[0]


@pytest.mark.parametrize("name", [pytest.param("kraken", marks=pytest.mark.long), "binance"])
def test_a_route_over_the_wire_ends_with_journal_and_ledger_alike(name: str, tmp_path: Path) -> None:
    """Fills, fees and balances, to the last digit. With Kraken it takes its time."""
    write_config(tmp_path, name, "http://127.0.0.1:9")
    with served(tmp_path) as said:
        write_config(tmp_path, name, address(said))
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


def test_a_venue_with_keys_of_its_own_takes_no_others(tmp_path: Path) -> None:
    """And nobody is shown them."""
    write_config(tmp_path, "kraken", "http://127.0.0.1:9")
    (tmp_path / "secret").write_text(OWN.api_secret)
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "key").write_text(OWN.api_key)
    (tmp_path / "key").chmod(0o600)
    with (tmp_path / "paper.toml").open("a") as config:
        config.write('api_key = "file:key"\napi_secret = "file:secret"\n')
    with served(tmp_path) as said:
        assert "key as configured" in said
        assert not {OWN.api_key, OWN.api_secret} & set(re.split(r"[\s,]+", said))
        write_config(tmp_path, "kraken", address(said))
        assert 0 == mvx(tmp_path, "live.toml", "init")[0]
        code, _, printed = mvx(tmp_path, "live.toml", "reconcile")
        assert (5, True) == (code, "EAPI:Invalid key" in printed), printed
        assert 0 == mvx(tmp_path, "live.toml", "reconcile", keys=OWN)[0]


def test_what_is_served_counts_what_it_is_asked(tmp_path: Path) -> None:
    write_config(tmp_path, "binance", "http://127.0.0.1:9")
    with served(tmp_path) as said, urlopen(f"{address(said)}/api/v3/exchangeInfo") as answer:
        assert "20" == answer.headers["X-MBX-USED-WEIGHT-1M"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('api_key = "env:PAPER_KEY"', "venues.kraken.api_secret: missing, and required with api_key"),
        ('api_key = "env:PAPER_KEY"\napi_secret = "env:NOBODY"', "env:NOBODY is not set"),
        ('api_key = "env:PAPER_KEY"\napi_secret = "env:PAPER_KEY"', "api_secret: found no base64"),
    ],
)
def test_keys_that_can_not_be_had_are_a_mistake_in_the_config(tmp_path: Path, keys: str, said: str) -> None:
    write_config(tmp_path, "kraken", "http://127.0.0.1:9")
    with (tmp_path / "paper.toml").open("a") as config:
        config.write(keys)
    own = KeyPair("no base64!", "b3RoZXI=")
    code, answer, printed = mvx(tmp_path, "paper.toml", "paper", "serve", keys=own)
    assert (2, True) == (code, said in answer["error"]["message"]), printed
    assert "no base64!" not in printed


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
