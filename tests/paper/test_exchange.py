"""The paper exchange as a whole: its file, its accounts, its ledger, its resets, many processes."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.execution import Fill
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.order import Side, TimeInForce
from mvx.errors import BadVenueData, ConfigError, JournalError, UsageError, VenueRejected
from mvx.paper.markets import GRIDS, STABLE_PAIR, opening_balances, rules_of
from tests.paper.builders import BTC_USD, Bench, venue_settings, write_books

KRAKEN = Venue("kraken")
ROOT = Path(__file__).parents[2]


def effects(fills: list[dict[str, object]]) -> dict[str, Decimal]:
    """What the fills of a ledger did to each asset, those that were taken back apart."""
    sums: dict[str, Decimal] = {}
    for fill in fills:
        if fill["busted_at"] is not None:
            continue
        base, quote = str(fill["symbol"]).split("/")
        qty, price, fee = Decimal(str(fill["qty"])), Decimal(str(fill["price"])), fill["fee"]
        sign = 1 if fill["side"] == "buy" else -1
        assert isinstance(fee, dict)
        for asset, amount in (
            (base, sign * qty),
            (quote, -sign * qty * price),
            (fee["asset"], -Decimal(fee["amount"])),
        ):
            sums[asset] = sums.get(asset, Decimal(0)) + amount
    return sums


def assert_conserved(
    ledger: dict[str, object], opening: dict[Asset, Decimal], *, overdrawn: bool = False
) -> None:
    balances, fills = ledger["balances"], ledger["fills"]
    assert isinstance(balances, dict)
    assert isinstance(fills, list)
    moved = effects(fills)
    for asset, row in balances.items():
        assert Decimal(row["total"]) == opening.get(asset, Decimal(0)) + moved.get(asset, Decimal(0))
        assert Decimal(row["total"]) == Decimal(row["free"]) + Decimal(row["held"])
        assert overdrawn or Decimal(row["free"]) >= 0


def test_balances_are_the_sum_of_the_ledger_to_the_last_digit(tmp_path: Path) -> None:
    """Whatever was traded, by whom, resting or not; and what is held never exceeds what is there."""
    desk = Bench(tmp_path / "x.paper", venue_settings("kraken", ("BTC/USD", "ETH/USD")))
    dice = random.Random(7)
    for _ in range(120):
        side = dice.choice(list(Side))
        symbol = Symbol(dice.choice(["BTC/USD", "ETH/USD"]))
        mid = desk.book(symbol).mid
        limit = (mid * (1 + Decimal(dice.randint(-8, 8)) / 10_000)).quantize(Decimal("0.1"))
        qty = (Decimal(dice.randint(1, 99_999_999)) / 10**8) * dice.choice([1, 5])
        request = desk.request(side, str(qty), limit, symbol=symbol, tif=dice.choice(list(TimeInForce)))
        with suppress(VenueRejected):
            desk.submit(request)
        if dice.random() < 0.1:
            desk.exchange.trade(KRAKEN, side, Decimal("0.01"), symbol)
        desk.clock.advance(dice.choice([0, 0, 1, 20]))
    ledger = desk.exchange.ledger(KRAKEN)
    assert len(ledger["fills"]) > 100
    assert_conserved(ledger, opening_balances(desk.settings[KRAKEN]))


AT_THE_VENUE = ("base-fee", "token-fee", "clock-skew", "late-fill", "partial", "late-trade", "stale-order")


@pytest.mark.parametrize(("seed", "busts"), [(1, False), (2, False), (3, True), (4, True)])
def test_balances_are_the_sum_of_the_ledger_under_every_fault(tmp_path: Path, seed: int, busts: bool) -> None:
    """Fees in any asset, late fills and trades taken back. Only these can overdraw: what was bought may
    have been sold since. Every order's record counts the fills that stand."""
    balances = {Asset("BTC"): Decimal(3), Asset("USD"): Decimal(200_000), Asset("BNB"): Decimal("0.2")}
    desk = Bench(tmp_path / "x.paper", venue_settings(balances=balances))
    dice = random.Random(seed)
    kinds = (*AT_THE_VENUE, *(("bust",) if busts else ()))
    requests = []
    for _ in range(150):
        side = dice.choice(list(Side))
        limit = (desk.book().mid * (1 + Decimal(dice.randint(-8, 8)) / 10_000)).quantize(Decimal("0.1"))
        requests.append(
            desk.request(
                side, str(Decimal(dice.randint(1, 99)) / 100), limit, tif=dice.choice(list(TimeInForce))
            )
        )
        if dice.random() < 0.4:
            desk.exchange.inject(KRAKEN, dice.choice(kinds))
        if dice.random() < 0.1:
            desk.exchange.heal()
        with suppress(VenueRejected):
            desk.submit(requests[-1])
        with suppress(VenueRejected):
            desk.cancel(dice.choice(requests))
        desk.clock.advance(dice.choice([0, 0, 0.3, 1, 20]))
    ledger = desk.exchange.ledger(KRAKEN)
    fills = ledger["fills"]
    assert isinstance(fills, list)
    assert {"BTC", "USD", "BNB"} == {fill["fee"]["asset"] for fill in fills}
    assert busts == any(fill["busted_at"] for fill in fills)
    opening = dict.fromkeys(opening_balances(desk.settings[KRAKEN]), Decimal(0)) | balances
    assert_conserved(ledger, opening, overdrawn=busts)
    assert_orders_count_what_stands(ledger)


def assert_orders_count_what_stands(ledger: dict[str, object]) -> None:
    orders, fills = ledger["orders"], ledger["fills"]
    assert isinstance(orders, list)
    assert isinstance(fills, list)
    stands: dict[str, Decimal] = {order["order_id"]: Decimal(0) for order in orders}
    for fill in fills:
        if fill["busted_at"] is None:
            stands[fill["order_id"]] += Decimal(fill["qty"])
    assert stands == {order["order_id"]: Decimal(order["cum_qty"]) for order in orders}
    assert {Decimal(o["order_qty"]) == Decimal(o["cum_qty"]) for o in orders if o["status"] == "FILLED"} == {
        True
    }


def test_the_ledger_has_the_shape_that_the_command_line_promises(tmp_path: Path) -> None:
    """Plain decimals as text, RFC 3339 times, one row an acceptance, null where there is no client id."""
    books = write_books(tmp_path / "b.jsonl", (0, [("99", "5")], [("100", "5")]))
    desk = Bench(tmp_path / "x.paper", venue_settings(books=books, taker_bps="10"))
    desk.submit(desk.request(Side.BUY, "0.5", "100", cl_ord_id="mine"))
    desk.exchange.trade(KRAKEN, Side.SELL, Decimal("0.5"), BTC_USD)
    desk.submit(desk.request(Side.SELL, "1", "200", tif=TimeInForce.GTC))
    ledger = json.loads(json.dumps(desk.exchange.ledger(KRAKEN)))
    assert ["balances", "orders", "fills"] == list(ledger)
    assert {"total": "10", "free": "9", "held": "1"} == ledger["balances"]["BTC"]
    first, second, third = ledger["orders"]
    assert [
        "cl_ord_id",
        "order_id",
        "symbol",
        "side",
        "order_qty",
        "cum_qty",
        "status",
        "accepted_at",
    ] == list(first)
    assert ("mine", "buy", "0.5", "FILLED") == (
        first["cl_ord_id"], first["side"], first["cum_qty"], first["status"],
    )  # fmt: skip
    assert (None, "NEW") == (second["cl_ord_id"], third["status"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", first["accepted_at"])
    fill = ledger["fills"][0]
    assert [
        *("exec_id", "order_id", "cl_ord_id", "symbol", "side", "qty", "price", "fee", "at", "busted_at")
    ] == list(fill)
    assert ("mine", "100", {"asset": "USD", "amount": "0.05"}, None) == (
        fill["cl_ord_id"], fill["price"], fill["fee"], fill["busted_at"],
    )  # fmt: skip


def test_the_exchange_survives_its_process(tmp_path: Path) -> None:
    """Even one killed the moment it was answered."""
    program = (
        "import os, signal, sys; from pathlib import Path; from tests.paper.builders import *\n"
        "desk = Bench(Path(sys.argv[1]))\n"
        "desk.submit(desk.request(Side.BUY, '0.01', '90000'))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "x.paper"
    killed = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, check=False)
    assert -signal.SIGKILL == killed.returncode
    desk = Bench(path)
    assert Decimal("0.01") == desk.order().cum_qty
    assert_conserved(desk.exchange.ledger(KRAKEN), opening_balances(desk.settings[KRAKEN]))


def test_four_processes_share_one_file(tmp_path: Path) -> None:
    """None is told that the database is locked, every acceptance is there once, and the sums are exact."""
    program = (
        "import sys; from pathlib import Path; from tests.paper.builders import *\n"
        "desk = Bench(Path(sys.argv[1]))\n"
        "for n in range(40):\n"
        "    side = Side.BUY if n % 2 else Side.SELL\n"
        "    limit = '90000' if side is Side.BUY else '70000'\n"
        "    desk.submit(desk.request(side, '0.01', limit, deadline_s=60, cl_ord_id=f'{sys.argv[2]}x{n}'))\n"
        "    desk.book(); desk.trades(); desk.clock.advance(0.3)\n"
    )
    path = tmp_path / "x.paper"
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path), str(n)], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        for n in range(4)
    ]
    ends = [(worker.communicate(timeout=120)[1], worker.returncode) for worker in workers]
    assert [("", 0)] * 4 == ends
    desk = Bench(path)
    ledger = desk.exchange.ledger(KRAKEN)
    orders = ledger["orders"]
    assert isinstance(orders, list)
    assert {f"{w}x{n}" for w in range(4) for n in range(40)} == {order["cl_ord_id"] for order in orders}
    assert 160 == len(orders)
    assert_conserved(ledger, opening_balances(desk.settings[KRAKEN]))
    events = {(fill.at, fill.order_id) for fill in desk.trades()}
    assert 160 == len(events) == len({at for at, _ in events})


def test_a_reset_starts_afresh_in_another_epoch(tmp_path: Path) -> None:
    """Fill keys never repeat though exec_ids do, and no order_id is given twice."""
    desk = Bench(tmp_path / "x.paper")
    before: list[Fill] = []
    after: list[Fill] = []
    for found in (before, after):
        desk.submit(desk.request(Side.BUY, "0.001", "90000"))
        desk.exchange.inject(KRAKEN, "lost-request")
        found.extend(desk.trades())
        desk.exchange.reset()
        assert ((), Decimal(10)) == (desk.orders(), desk.total("BTC"))
    assert {fill.exec_id for fill in before} & {fill.exec_id for fill in after}
    assert not {fill.key for fill in before} & {fill.key for fill in after}
    assert not {fill.order_id for fill in before} & {fill.order_id for fill in after}


def test_a_fresh_account_holds_what_makes_sense_there(tmp_path: Path) -> None:
    """Only assets that can be traded there; the configured balances instead, where there are some."""
    opening = opening_balances(venue_settings("kraken", ("BTC/USD", "SOL/USD")))
    assert {"BTC": 10, "USD": 500_000, "SOL": 1_000, "USDT": 500_000} == opening
    assert {"ETH": 100, "EUR": 1_000_000} == opening_balances(venue_settings("okx", ("ETH/EUR",)))
    own = {Asset("BTC"): Decimal("0.5")}
    assert {"BTC": Decimal("0.5"), "USDT": 0} == opening_balances(
        venue_settings("okx", ("BTC/USDT",), balances=own)
    )


def test_the_settings_win_over_the_table_of_rules(tmp_path: Path) -> None:
    """And leave the pair that prices USDT alone."""
    settings = venue_settings("kraken", ("BTC/USD",), lot=Decimal("0.01"), tick=Decimal(5))
    rules = rules_of(settings, BTC_USD)
    table = GRIDS["kraken", "BTC"]
    assert (Decimal(5), Decimal("0.01"), table.min_qty, table.min_notional) == (
        rules.tick, rules.lot, rules.min_qty, rules.min_notional,
    )  # fmt: skip
    assert Decimal("0.0001") == rules_of(settings, STABLE_PAIR).tick


def test_the_dollar_price_of_tether_can_be_read_where_it_is_listed(tmp_path: Path) -> None:
    """On Kraken and Coinbase without being configured; nowhere else."""
    desk = Bench(tmp_path / "x.paper", venue_settings("coinbase"), venue_settings("okx"))
    assert Decimal("0.99") < desk.book(STABLE_PAIR, "coinbase").mid < Decimal("1.01")
    with pytest.raises(BadVenueData):
        desk.book(STABLE_PAIR, "okx")


def test_books_that_are_not_there_are_a_configuration_error(tmp_path: Path) -> None:
    """Told before anything is opened."""
    with pytest.raises(ConfigError):
        Bench(tmp_path / "x.paper", venue_settings(books=tmp_path / "none.jsonl"))
    assert not (tmp_path / "x.paper").exists()


@pytest.mark.parametrize("text", [None, "", "{}\n", "\x00\x01"])
def test_a_reset_with_a_file_that_holds_no_book_changes_nothing(tmp_path: Path, text: str | None) -> None:
    """The accounts and what was injected are as they were."""
    desk = Bench(tmp_path / "x.paper")
    desk.submit(desk.request(Side.BUY, "0.001", "90000"))
    path = tmp_path / "books"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError):
        desk.exchange.reset(path)
    assert 1 == len(desk.orders())


@pytest.mark.parametrize("version", [1, 99])
def test_a_file_of_another_version_is_refused(tmp_path: Path, version: int) -> None:
    """Older or newer: it says what to do, and leaves the file alone."""
    desk = Bench(tmp_path / "x.paper")
    with desk.exchange._db.write() as con:
        con.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(JournalError) as refused:
        desk.twin()
    assert "rm " in refused.value.next_step
    with desk.exchange._db.read() as con:
        assert (version,) == con.execute("PRAGMA user_version").fetchone()
