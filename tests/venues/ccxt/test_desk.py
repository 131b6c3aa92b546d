"""The desk on live venues, as an operator has it: the command line, a config file, and a venue on the wire.

The venue is told what it has to say by hand: one account at Kraken that fills what it is sent. What many
orders and faults make of it is the business of the venue that mvx serves itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.venues.ccxt import kraken
from tests.venues.ccxt.loopback import Answer, Asked, Loopback
from tests.venues.ccxt.venue import API_KEY, API_SECRET, plenty

ROOT = Path(__file__).resolve().parents[3]
D = Decimal

CONFIG = """
[journal]
path = "mvx.db"
[instruments."BTC-USD"]
base = "BTC"
quote = "USD"
[venues.kraken]
adapter = "ccxt"
exchange = "kraken"
symbols = {{ "BTC-USD" = "BTC/USD" }}
api_key = "env:KRAKEN_KEY"
api_secret = "file:secret"
api_url = "{url}"
lateness_s = 0.1
listing_lag_s = 0.1
timeout_s = 5
[route]
max_rounds = 1
[risk]
max_position = {{ "BTC-USD" = "10" }}
max_order_notional = "500000"
"""


class Account:
    """Kraken with one account, which fills every order whole at its limit."""

    def __init__(self, wire: Loopback) -> None:
        self.wire = wire
        self.orders: dict[str, dict[str, Any]] = {}
        self.trades: dict[str, dict[str, Any]] = {}
        self.lines: dict[str, dict[str, Any]] = {}
        self.held = {"XXBT": D("1.5"), "ZUSD": D("100000.00")}
        wire.answers |= kraken.answers(lambda: int(time.time()))
        wire.answers |= {
            "AddOrder": self.fill,
            "ClosedOrders": kraken.pages("closed", self.orders),
            "TradesHistory": kraken.pages("trades", self.trades),
            "Ledgers": kraken.pages("ledger", self.lines),
            "BalanceEx": lambda asked: kraken.result(
                {name: {"balance": str(held), "hold_trade": "0"} for name, held in self.held.items()}
            ),
        }

    def fill(self, asked: Asked) -> Answer:
        order_id, at = f"O{len(self.orders):05}-AAAAA-AAAAAA", round(time.time(), 4)
        side, qty, px = asked.params["type"], D(asked.params["volume"]), D(asked.params["price"])
        bought = qty if side == "buy" else -qty
        cost, fee = bought * px, (qty * px * D("0.0026")).quantize(D("0.0001"))
        terms = {"vol": str(qty), "price": str(px)}
        order = kraken.order(asked.params["cl_ord_id"], opentm=at, closetm=at, vol_exec=str(qty), **terms)
        self.orders[order_id] = order | {"descr": order["descr"] | {"type": side, "price": str(px)}}
        trade_id = f"T{len(self.trades):05}-AAAAA-AAAAAA"
        self.trades[trade_id] = kraken.trade(order_id, time=at, type=side, cost=str(abs(cost)), **terms)
        self.lines[f"L{len(self.lines)}"] = kraken.ledger_line(trade_id, "XXBT", str(bought), time=at)
        self.lines[f"L{len(self.lines)}"] = kraken.ledger_line(
            trade_id, "ZUSD", str(-cost), str(fee), time=at
        )
        self.held["XXBT"] += bought
        self.held["ZUSD"] -= cost + fee
        return kraken.result({"descr": {"order": f"buy {qty} XBTUSD @ limit {px}"}, "txid": [order_id]})


def configure(folder: Path, wire: Loopback) -> None:
    (folder / "mvx.toml").write_text(CONFIG.format(url=wire.url))
    (folder / "secret").write_text(f"{API_SECRET}\n")
    (folder / "secret").chmod(0o600)


@pytest.fixture
def account(wire: Loopback, tmp_path: Path) -> Account:
    configure(tmp_path, wire)
    return Account(wire)


def mvx(
    folder: Path, *words: str, keep_budget: bool = False, **variables: str
) -> tuple[int, dict[str, Any], str]:
    """The exit code, the answer, and all that was printed. Minutes have passed since the last one, unless its
    budget is kept: the account may ask as much as ever."""
    for spent in () if keep_budget else folder.glob("mvx.db.venues/*.budget"):
        spent.unlink()
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "KRAKEN_KEY": API_KEY, "XDG_STATE_HOME": str(folder)}
    run = subprocess.run(
        [sys.executable, "-m", "mvx", *words, "--json"],
        cwd=folder, env=environ | variables, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return run.returncode, json.loads(run.stdout), run.stdout + run.stderr


def test_a_route_is_sent_confirmed_and_shown(account: Account, tmp_path: Path) -> None:
    """And the journal agrees with the venue's own record to the last digit, the fee included."""
    assert 0 == mvx(tmp_path, "init")[0]
    with plenty(tmp_path):  # first contact, the order and what came of it, all within a second
        code, answer, printed = mvx(tmp_path, "route", "BTC-USD", "0.25", "--yes")
    assert (0, "live") == (code, answer["mode"]), printed
    assert ("0.25", "FILLED") == (answer["data"]["cum_qty"], answer["data"]["children"][0]["ord_status"])
    time.sleep(0.3)
    code, answer, printed = mvx(tmp_path, "reconcile")
    assert 0 == code, printed
    assert answer["data"]["venues"][0]["agreed"]
    code, answer, printed = mvx(tmp_path, "positions")
    confirmed = {row["asset"]: row["confirmed"] for row in answer["data"]["positions"]}
    assert (0, {"BTC": "1.75", "USD": "79947.9749"}) == (code, confirmed), printed
    assert account.held["ZUSD"] == D(confirmed["USD"])
    assert 0 == mvx(tmp_path, "journal", "verify")[0]


def test_a_venue_is_left_and_the_journal_agrees(account: Account, tmp_path: Path) -> None:
    """Back to what was there before us, less the fees."""
    assert 0 == mvx(tmp_path, "init")[0]
    with plenty(tmp_path):
        assert 0 == mvx(tmp_path, "route", "BTC-USD", "0.25", "--yes")[0]
        code, answer, printed = mvx(tmp_path, "flatten", "--venue", "kraken", "--yes")
    (left,) = answer["data"]["venues"]
    assert (0, True, {"BTC": "0.25"}) == (code, left["verified"], left["before"]), printed
    assert D("1.5") == account.held["XXBT"]
    code, answer, printed = mvx(tmp_path, "positions")
    confirmed = {row["asset"]: D(row["confirmed"]) for row in answer["data"]["positions"]}
    assert (0, D("1.5"), account.held["ZUSD"]) == (code, confirmed["BTC"], confirmed["USD"]), printed
    assert 2 == len(account.orders)


def test_an_order_whose_answer_is_lost_is_found_by_its_client_id(account: Account, tmp_path: Path) -> None:
    """Never sent again: it is uncertain, and then it is the venue's word."""

    def lost(asked: Asked) -> Answer:
        account.fill(asked)
        return Answer("<html>", 502, "text/html")

    assert (0, 0) == (mvx(tmp_path, "init")[0], mvx(tmp_path, "reconcile")[0])
    account.wire.answers["AddOrder"] = lost
    code, answer, printed = mvx(tmp_path, "route", "BTC-USD", "0.25", "--yes")
    assert code in (0, 5), printed
    assert 1 == len(account.wire.asked_for("AddOrder"))
    time.sleep(0.3)
    assert mvx(tmp_path, "reconcile")[0] in (0, 6)
    code, answer, printed = mvx(tmp_path, "positions")
    confirmed = {row["asset"]: row["confirmed"] for row in answer["data"]["positions"]}
    assert (0, {"BTC": "1.75", "USD": "79947.9749"}) == (code, confirmed), printed


def test_an_exchange_that_mvx_does_not_know_is_a_mistake_in_the_config(tmp_path: Path) -> None:
    config = CONFIG.format(url="http://127.0.0.1:9").replace('exchange = "kraken"', 'exchange = "krakken"')
    (tmp_path / "mvx.toml").write_text(config)
    code, answer, _ = mvx(tmp_path, "reconcile")
    said = "venues.kraken.exchange: found 'krakken', allowed: binance, kraken; did you mean kraken?"
    assert (2, True) == (code, said in answer["error"]["message"])
