"""Four processes that write one journal without a pause: `python -m tests.crash.writers [--seconds N]`.

Every transaction is an intent and its fill, fsynced. Nobody may be told an error, nobody may wait long for
its turn, and in the end the log folds to the tables. Says how many transactions each wrote and the worst
wait; exit 1 where an error reached a writer, the fold differs, or somebody waited for WORST_S or longer.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from mvx.clock import SystemClock
from mvx.domain import entries as log
from mvx.domain.ids import ExecId
from mvx.domain.order import Side
from mvx.journal.store import Journal
from mvx.journal.verify import differences
from tests.domain.orders import BTC, USD, fill, order

WRITERS = 4
WORST_S = 0.5


class Wrote(NamedTuple):
    """What one writer did: transactions, its worst wait for a turn, and the error that reached it."""

    transactions: int
    worst_s: float
    error: str


def write(path: Path, seconds: float) -> Wrote:
    """Until the time is over."""
    journal = Journal(path, mode="paper", clock=SystemClock())
    count, worst_s, until = 0, 0.0, time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            asked_at = time.monotonic()
            with journal.write() as tx:
                worst_s = max(worst_s, time.monotonic() - asked_at)
                (cl_ord_id,) = tx.next_cl_ord_ids(1)
                tx.append(log.Intended(order(Side.BUY, cl_ord_id=cl_ord_id)))
                booked = fill("0.001", "1", exec_id=ExecId(f"{os.getpid()}-{count}"))
                tx.append(log.FillBooked(booked, BTC, USD, cl_ord_id))
            count += 1
    except Exception as error:  # noqa: BLE001 - whatever reached a writer is the result
        return Wrote(count, worst_s, repr(error))
    finally:
        journal.close()
    return Wrote(count, worst_s, "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(WRITERS) as pool:
        path = Path(folder) / "journal.db"
        Journal(path, mode="paper").close()
        wrote = list(pool.map(write, [path] * WRITERS, [asked.seconds] * WRITERS))
        journal = Journal(path, mode="paper")
        with journal.read() as tx:
            differ = list(differences(tx))
            (stored,) = tx.connection.execute("SELECT count(*) FROM fills").fetchone()
        journal.close()
    errors = [each.error for each in wrote if each.error]
    worst_s, total = max(each.worst_s for each in wrote), sum(each.transactions for each in wrote)
    sys.stdout.write(
        f"{WRITERS} writers, {asked.seconds:g} s: {[each.transactions for each in wrote]} transactions,"
        f" worst wait {worst_s * 1000:.0f} ms, {len(errors)} errors, {len(differ)} differences\n"
    )
    sys.exit(bool(errors or differ or stored != total or worst_s >= WORST_S))


if __name__ == "__main__":
    main()
