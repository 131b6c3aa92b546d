"""A process that writes a journal: `python -m tests.crash.scribe JOURNAL COUNT REOPEN SYNCHRONOUS`.

COUNT transactions of one to six entries; the journal is closed and opened again after every REOPEN of them.
As soon as one is acknowledged, which is when write() has returned, its last entry's seq is a line in the file
ACKNOWLEDGED beside the journal. SYNCHRONOUS is FULL, as mvx writes, or NORMAL, as it must not.
"""

from __future__ import annotations

import os
import random
import sys
from contextlib import closing
from pathlib import Path

from mvx.domain import entries as log
from mvx.domain.ids import ExecId, OrderId
from mvx.domain.order_status import OrdStatus
from mvx.journal.store import Journal, WriteTx
from tests.domain.orders import BTC, BUY, SELL, USD, fill, order, report

ACKNOWLEDGED = "acknowledged"


def life(tx: WriteTx, chance: random.Random) -> None:
    """An order's first entries: so far as this transaction goes."""
    (cl_ord_id,) = tx.next_cl_ord_ids(1)
    order_id = OrderId(f"V{cl_ord_id}")
    side = chance.choice((BUY, SELL))
    intent = order(side, cl_ord_id=cl_ord_id, reason="x" * chance.randrange(2000))
    traded = fill("1", exec_id=ExecId(cl_ord_id), side=side, order_id=order_id)
    entries: tuple[log.Entry, ...] = (
        log.Intended(intent),
        log.Sending(cl_ord_id),
        log.Acked(cl_ord_id, order_id),
        log.Reported(cl_ord_id, report(OrdStatus.FILLED, "1", of=intent, order_id=order_id)),
        log.FillBooked(traded, BTC, USD, cl_ord_id),
        log.Settled(cl_ord_id, tx.at, 2.0, tx.at),
    )
    for entry in entries[: chance.randint(1, len(entries))]:
        tx.append(entry)


def write(path: Path, count: int, reopen: int, synchronous: str) -> None:
    chance = random.Random(os.getpid())
    to = os.open(path.with_name(ACKNOWLEDGED), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for begun in range(0, count, reopen):
        with closing(Journal(path, mode="paper")) as journal:
            journal._database.connection.execute(f"PRAGMA synchronous={synchronous}")
            for _ in range(begun, min(count, begun + reopen)):
                with journal.write() as tx:
                    life(tx, chance)
                os.write(to, f"{tx.seq}\n".encode())


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
