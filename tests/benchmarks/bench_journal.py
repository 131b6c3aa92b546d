"""What a durable fill costs, next to raw sqlite3 at the same settings, in the same run:

    python -m tests.benchmarks.bench_journal [FOLDER]

*Single* fills are booked one per committed and fsynced transaction. The journal logs the entry, folds
it into the order, the fill, three postings and the holdings; raw sqlite3 inserts the fill's own
columns under the same unique key and does nothing else. *Replayed* fills are known already: the
journal looks each one up and compares it whole; raw sqlite3 lets the key ignore it.

Both take turns, round by round, on the disk of FOLDER (else of the temporary files): what disturbs one
disturbs the other. The median round counts.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path

from mvx import sqlite
from mvx.domain.entries import Acked, FillBooked, Intended, Opening, ParentOpened
from mvx.domain.execution import Fill
from mvx.domain.ids import Asset, ClOrdId, ExecId, OrderId, ParentId, Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.money import plain
from mvx.domain.order import Order, Side, TimeInForce
from mvx.journal import history
from mvx.journal.store import Journal

ROUNDS = 9
FILLS_PER_ROUND = 400
#: Least share of raw sqlite3's rate.
BOUNDS = {"single": 0.5, "replayed": 0.2}

VENUE, BTC, USD = Venue("kraken"), Asset("BTC"), Asset("USD")
CL_ORD_ID, PARENT_ID, ORDER_ID = ClOrdId("c1"), ParentId("p1"), OrderId("O1")
NOW = Instant(1)

_RAW_TABLE = """
CREATE TABLE fills (
  venue TEXT NOT NULL, account TEXT NOT NULL, epoch TEXT NOT NULL, symbol TEXT NOT NULL,
  side TEXT NOT NULL, exec_id TEXT NOT NULL, order_id TEXT NOT NULL, qty TEXT NOT NULL,
  price TEXT NOT NULL, fee_asset TEXT NOT NULL, fee_amount TEXT NOT NULL, at INTEGER NOT NULL,
  UNIQUE (venue, account, epoch, symbol, side, exec_id)) STRICT
"""
_RAW_INSERT = f"INSERT INTO fills VALUES ({', '.join('?' * 12)})"
_RAW_REPLAY = _RAW_INSERT.replace("INSERT", "INSERT OR IGNORE")


class Ours:
    """The journal, with one order that is large enough for every fill."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal(path, mode="paper")
        with self._journal.write(at=NOW) as tx:
            balances = {BTC: Decimal(10), USD: Decimal(500_000)}
            tx.append(Opening(VENUE, "paper", NOW, balances, {}, ()))
            tx.append(ParentOpened(PARENT_ID, None, "{}", "BTC-USD", Side.BUY, Decimal(5_000)))
            tx.append(Intended(_order()))
            tx.append(Acked(CL_ORD_ID, ORDER_ID))

    def book(self, fills: list[Fill]) -> None:
        for fill in fills:
            with self._journal.write(at=NOW) as tx:
                tx.append(FillBooked(fill, BTC, USD, CL_ORD_ID))

    def replay(self, fills: list[Fill]) -> None:
        with self._journal.read() as tx:
            known = history.known_fills(tx, fills)
        if not all(known.get(fill.key) == fill for fill in fills):
            raise AssertionError("the journal does not know a fill that it booked")

    def close(self) -> None:
        self._journal.close()


class Raw:
    """The same driver and the same settings, and nothing around them."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite.Connection(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute(_RAW_TABLE)

    def book(self, rows: list[tuple[object, ...]]) -> None:
        execute = self._connection.execute
        for row in rows:
            execute("BEGIN IMMEDIATE")
            execute(_RAW_INSERT, row)
            execute("COMMIT")

    def replay(self, rows: list[tuple[object, ...]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(_RAW_REPLAY, rows)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


def _order() -> Order:
    return Order(
        cl_ord_id=CL_ORD_ID,
        parent_id=PARENT_ID,
        venue=VENUE,
        account="paper",
        symbol=Symbol("BTC/USD"),
        instrument="BTC-USD",
        base=BTC,
        quote=USD,
        side=Side.BUY,
        order_qty=Decimal(5_000),
        limit_px=Decimal(90_000),
        time_in_force=TimeInForce.GTC,
        post_only=False,
        created_at=NOW,
        deadline=Instant(2),
        fee_bps=Decimal(14),
        fee_assets=(USD,),
        max_px=None,
    )


def _row(fill: Fill) -> tuple[object, ...]:
    """What the venue said of a fill, as raw sqlite3 stores it."""
    numbers = (plain(fill.qty), plain(fill.price), fill.fee_asset, plain(fill.fee_amount), fill.at)
    return (*fill.key[:4], fill.side.value, fill.exec_id, fill.order_id, *numbers)


def _fills() -> Iterator[list[Fill]]:
    """One list per round."""
    for first in range(0, ROUNDS * FILLS_PER_ROUND, FILLS_PER_ROUND):
        yield [
            Fill(
                venue=VENUE,
                account="paper",
                epoch="0",
                symbol=Symbol("BTC/USD"),
                side=Side.BUY,
                exec_id=ExecId(f"X{number}"),
                order_id=ORDER_ID,
                qty=Decimal("0.00012345"),
                price=Decimal("80123.45") + number,
                fee_asset=USD,
                fee_amount=Decimal("0.01384"),
                at=Instant(1_000 + number),
            )
            for number in range(first, first + FILLS_PER_ROUND)
        ]


def _rate(count: int, work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def measure(folder: Path) -> dict[str, dict[str, list[float]]]:
    """Fills per second of each round, by kind and by who."""
    ours, raw = Ours(folder / "ours.db"), Raw(folder / "raw.db")
    rates: dict[str, dict[str, list[float]]] = {kind: {"ours": [], "raw": []} for kind in BOUNDS}
    known: list[Fill] = []
    for fills in _fills():
        known += fills
        rows, known_rows = ([_row(each) for each in group] for group in (fills, known))
        rates["single"]["raw"].append(_rate(len(fills), partial(raw.book, rows)))
        rates["single"]["ours"].append(_rate(len(fills), partial(ours.book, fills)))
        rates["replayed"]["raw"].append(_rate(len(known), partial(raw.replay, known_rows)))
        rates["replayed"]["ours"].append(_rate(len(known), partial(ours.replay, known)))
    ours.close()
    raw.close()
    return rates


def main() -> None:
    """Prints both rates of both kinds, and their ratio."""
    parent = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        rates = measure(Path(folder))
    sys.stdout.write(f"SQLite {sqlite.VERSION}, WAL, synchronous=FULL, {ROUNDS} x {FILLS_PER_ROUND} fills\n")
    for kind, by in rates.items():
        ours, raw = statistics.median(by["ours"]), statistics.median(by["raw"])
        sys.stdout.write(
            f"{kind:8}  mvx {ours:9,.0f}/s  raw sqlite3 {raw:9,.0f}/s"
            f"  ratio {ours / raw:.2f} (at least {BOUNDS[kind]})\n"
        )


if __name__ == "__main__":
    main()
