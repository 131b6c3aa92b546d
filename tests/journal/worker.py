"""A process of its own that works on a journal: `python -m tests.journal.worker TASK PATH [COUNT]`.

It waits for the line `go` on stdin, so that several begin at once.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from mvx.domain import entries as log
from mvx.domain.ids import ExecId
from mvx.domain.order import Side
from mvx.journal.store import Journal
from tests.domain.orders import BTC, USD, at, fill, order


def write_many(path: Path, count: int) -> None:
    """So many transactions, each with an intent, which takes the next id, and a fill."""
    journal = Journal(path, mode="paper")
    name = os.getpid()
    for each in range(count):
        with journal.write(at=at(each)) as tx:
            (cl_ord_id,) = tx.next_cl_ord_ids(1)
            tx.append(log.Intended(order(Side.BUY, cl_ord_id=cl_ord_id)))
            booked = fill("0.001", "1", exec_id=ExecId(f"{name}-{each}"))
            tx.append(log.FillBooked(booked, BTC, USD, None))
    journal.close()


def create(path: Path, count: int) -> None:
    """Open the journal, making it where it is not there, and say its epoch."""
    journal = Journal(path, mode="paper")
    with journal.read() as tx:
        sys.stdout.write(tx.meta("epoch"))
    journal.close()


def create_many(path: Path, count: int) -> None:
    """Make so many journals one after the other, in step with whoever else makes the same ones."""
    for each in range(count):
        Journal(path.with_name(f"{each}.db"), mode="paper").close()


def die(path: Path, count: int) -> None:
    """Be killed inside a write transaction, after its entries were appended."""
    journal = Journal(path, mode="paper")
    with journal.write(at=at(0)) as tx:
        tx.append(log.FillBooked(fill("5", exec_id="torn"), BTC, USD, None))
        os.kill(os.getpid(), signal.SIGKILL)


def hold(path: Path, count: int) -> None:
    """Hold the write transaction until stdin is closed."""
    journal = Journal(path, mode="paper")
    with journal.write(at=at(0)) as tx:
        tx.append(log.FillBooked(fill("1", exec_id="held"), BTC, USD, None))
        sys.stdout.write("holding\n")
        sys.stdout.flush()
        sys.stdin.readline()
    journal.close()


TASKS = {task.__name__: task for task in (write_many, create, create_many, die, hold)}

if __name__ == "__main__":
    sys.stdin.readline()
    TASKS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
