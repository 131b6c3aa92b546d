"""A desk in a folder of its own, whose venue is a paper venue over the wire."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from mvx.paper.serve.keys import PAPER_KEYS, KeyPair
from tests.paper.builders import write_books

ROOT = Path(__file__).resolve().parents[3]
D = Decimal
SYMBOLS = {"kraken": "BTC/USD", "binance": "BTC/USDT"}

PAPER = """
[journal]
path = "paper.db"
[instruments."BTC-USD"]
base = "BTC"
quote = "{quote}"
[venues.{name}]
adapter = "paper"
symbols = {{ "BTC-USD" = "{symbol}" }}
"""
LIVE = """
[journal]
path = "live.db"
[instruments."BTC-USD"]
base = "BTC"
quote = "{quote}"
[venues.{name}]
adapter = "ccxt"
exchange = "{name}"
symbols = {{ "BTC-USD" = "{symbol}" }}
api_key = "env:PAPER_KEY"
api_secret = "env:PAPER_SECRET"
api_url = "{url}"
lateness_s = 0.1
listing_lag_s = 0.1
timeout_s = 5
[desk]
currency = "{quote}"
[route]
max_rounds = 1
[risk]
max_position = {{ "BTC-USD" = "10" }}
max_order_notional = "500000"
"""


def still_market(folder: Path, name: str) -> Path:
    """A market that stands still, and has enough for everything."""
    bids, asks = [("80000", "1000"), ("79990", "1000")], [("80001", "1000"), ("80011", "1000")]
    return write_books(folder / "books.jsonl", (0, bids, asks), exchange=name)


def write_config(folder: Path, name: str, url: str, timeout_s: float = 5) -> None:
    """live.toml and paper.toml, of the desk that trades over the wire and of the one whose venue it is."""
    terms = {"name": name, "symbol": SYMBOLS[name], "quote": SYMBOLS[name].partition("/")[2]}
    books = still_market(folder, name)
    (folder / "paper.toml").write_text(f'{PAPER.format(**terms)}books = "{books.name}"\n')
    live = LIVE.format(**terms, url=url).replace("timeout_s = 5", f"timeout_s = {timeout_s:g}")
    (folder / "live.toml").write_text(live)


def environ(folder: Path, keys: KeyPair = PAPER_KEYS) -> dict[str, str]:
    """keys: what the desk signs with."""
    named = {"PAPER_KEY": keys.api_key, "PAPER_SECRET": keys.api_secret}
    return {**os.environ, **named, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder)}


def mvx(
    folder: Path, config: str, *words: str, keys: KeyPair = PAPER_KEYS
) -> tuple[int, dict[str, Any], str]:
    """The exit code, the answer, and all that was printed."""
    run = subprocess.run(
        [sys.executable, "-m", "mvx", "--config", config, *words, "--json"],
        cwd=folder, env=environ(folder, keys), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return run.returncode, json.loads(run.stdout), run.stdout + run.stderr


def told(name: str, native_id: str) -> str:
    """An id of the ledger as the dialect tells it."""
    return native_id if name == "kraken" else native_id.rpartition("-")[2].lstrip("T")


def assert_alike(name: str, ledger: Any, fills: Any, positions: Any) -> None:
    """The journal is the venue's ledger: fills one for one with their fees, and what is held, to the last
    digit."""
    theirs = {_numbers(fill, told(name, fill["exec_id"])) for fill in ledger["fills"]}
    ours = [_numbers(fill, fill["exec_id"]) for fill in fills]
    assert theirs == set(ours)
    assert len(ledger["fills"]) == len(ours)
    held = {asset: D(row["total"]) for asset, row in ledger["balances"].items()}
    confirmed = {row["asset"]: D(row["confirmed"]) for row in positions}
    assert {asset: held.get(asset, D(0)) for asset in confirmed} == confirmed
    assert set(SYMBOLS[name].split("/")) <= confirmed.keys()


def _numbers(fill: Any, exec_id: str) -> tuple[object, ...]:
    fee = fill["fee"]
    return exec_id, fill["side"], D(fill["qty"]), D(fill["price"]), fee["asset"], D(fee["amount"])
