"""Processes that are stopped (SIGSTOP) and continued when their lease or their deadline is over.

Whoever was stopped sends nothing more: it finds itself fenced out, or its order's deadline has passed, and if
it was beyond the last look at the clock the venue refuses it. What it had sent is found, and the parent's
quantity is traded once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import mvx
from mvx.domain.instant import parse_rfc3339
from mvx.engine import jobs
from mvx.engine.desk import open_desk
from mvx.errors import Exit
from mvx.journal import jobs as queue
from mvx.journal import views
from mvx.journal.store import LEASE_S
from tests.crash.points import start
from tests.crash.processes import Ended, Station, ended
from tests.crash.test_daemon import Waited
from tests.engine.desk import order
from tests.engine.truth import (
    assert_one_acceptance_each,
    assert_settled,
    assert_truth_inside,
    reading,
    until_agreed,
)

pytestmark = pytest.mark.long

PACKAGE = Path(mvx.__file__).parent
QTY = Decimal("1.2")
PATIENCE_S = 90.0
ROUTE = ("route", "BTC-USD", str(QTY), "--id", "k")
DEADLINE_S = 2


def line(file: str, text: str) -> str:
    """The one line of a file that reads so, as tests/crash/hooked.py wants it."""
    lines = (PACKAGE / file).read_text().splitlines()
    (number,) = [number for number, each in enumerate(lines, 1) if each.strip().startswith(text)]
    return f"{file}:{number}:1:SIGSTOP"


BEFORE_COMMIT = line("engine/route.py", "with run.desk.journal.write(run.lease) as tx:")
AFTER_COMMIT = line("engine/submit.py", "begun = _begin_sending(")
BEFORE_SENDING = line("engine/submit.py", "outcomes = await asyncio.gather(")
ON_THE_WIRE = line("paper/venue.py", "accepted = await self._client.ask(")
ACCEPTED = line("engine/submit.py", "outcome = Acked(")
BEFORE_SETTLING = line("engine/settle.py", "orders = _read(desk, expected)")
BEFORE_ANSWER = line("engine/run.py", "jobs.end(runner.desk")


class Stopped:
    """A desk on which a process stops itself at a line of its own code."""

    def __init__(self, folder: Path, words: tuple[str, ...], point: str) -> None:
        self.at = Station(folder)
        self.at.reconciles()
        self.leads = words == ("run",)
        if self.leads:
            self.queues()
        self.process = start(self.at, words, MVX_STRIKE=point)
        self.successor: subprocess.Popen[str] | None = None

    def queues(self) -> None:
        async def hand_over() -> None:
            async with open_desk(self.at.settings) as desk:
                jobs.queue(desk, order(str(QTY)), "test")

        asyncio.run(hand_over())

    def is_stopped(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()
        status = Path(f"/proc/{self.process.pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] == "T"

    def has_no_work(self) -> bool:
        """For a leader, that its jobs are done; for a command, that it has ended."""
        assert self.successor is not None
        with reading(self.at.settings) as tx:
            return not queue.open_jobs(tx) if self.leads else self.successor.poll() is not None

    def goes_on(self) -> Ended:
        os.kill(self.process.pid, signal.SIGCONT)
        return ended(self.process)

    def orders(self) -> list[dict[str, Any]]:
        """Every acceptance, on the venues' own records."""
        return self._rows("orders")

    def bought(self) -> Decimal:
        return sum((Decimal(row["qty"]) for row in self._rows("fills")), Decimal(0))

    def _rows(self, table: str) -> list[dict[str, Any]]:
        rows: list[Any] = []
        for venue in self.at.settings.venues:
            rows += self.at.exchange.ledger(venue)[table]  # type: ignore[arg-type]  # its rows
        return rows

    def assert_exact(self) -> None:
        self.at.clock = Waited()
        until_agreed(self.at)
        assert_settled(self.at)
        assert_one_acceptance_each(self.at)
        assert self.bought() == QTY

    def ends(self) -> None:
        for process in (self.process, self.successor):
            if process is not None and process.poll() is None:
                process.kill()
                process.communicate()


@pytest.fixture
def stop(tmp_path: Path) -> Iterator[Callable[..., Stopped]]:
    """Makes a desk with a process that stops itself; none is left behind."""
    made: list[Stopped] = []

    def make(words: tuple[str, ...], point: str) -> Stopped:
        made.append(Stopped(tmp_path / f"desk{len(made)}", words, point))
        return made[-1]

    yield make
    for each in made:
        each.ends()


def wait_for_all(desks: list[Stopped], condition: Callable[[Stopped], bool]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not all(condition(desk) for desk in desks):
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def test_a_worker_that_was_stopped_past_its_lease_sends_nothing_more(stop: Callable[..., Stopped]) -> None:
    """A leader and a command, each at every stage of its work. Its successor does the rest of it."""
    leaders = (BEFORE_COMMIT, AFTER_COMMIT, BEFORE_SENDING, ON_THE_WIRE, ACCEPTED, BEFORE_SETTLING)
    desks = [stop(("run",), point) for point in (*leaders, BEFORE_ANSWER)]
    desks += [stop(ROUTE, point) for point in (AFTER_COMMIT, ON_THE_WIRE, ACCEPTED)]
    wait_for_all(desks, Stopped.is_stopped)
    time.sleep(LEASE_S + 0.5)
    for desk in desks:
        words = ("run",) if desk.leads else (*ROUTE, "--resume")
        desk.successor = desk.at.start(*words)
    wait_for_all(desks, Stopped.has_no_work)
    before = [desk.orders() for desk in desks]
    woken = [desk.goes_on() for desk in desks]
    assert before == [desk.orders() for desk in desks]
    for desk, end in zip(desks, woken, strict=True):
        if desk.leads:
            assert (Exit.UNCERTAIN, "lease_lost") == (end.exit_code, end.answer["error"]["code"]), end
            assert desk.successor is not None
            desk.successor.terminate()
            assert 143 == ended(desk.successor).exit_code
        else:
            assert end.exit_code in (Exit.OK, Exit.INCOMPLETE, Exit.UNCERTAIN), end
            assert "another worker took over" in end.stdout
    time.sleep(4)
    for desk in desks:
        desk.assert_exact()


def test_an_order_whose_sender_was_stopped_past_its_deadline_is_not_accepted(
    stop: Callable[..., Stopped],
) -> None:
    """It is held back where the sender looks at the clock, and refused by the venue where it had looked; the
    rest is sent as new orders, once. On every second desk others reconcile meanwhile."""
    points = (AFTER_COMMIT, BEFORE_SENDING, ON_THE_WIRE, ACCEPTED)
    words = (*ROUTE, "--deadline", str(DEADLINE_S))
    desks = [stop(words, point) for point in points for _ in range(2)]
    wait_for_all(desks, Stopped.is_stopped)
    time.sleep(DEADLINE_S + 0.5)
    for desk in desks[1::2]:
        desk.at.reconciles()
        assert_truth_inside(desk.at, "stopped")
    woken = [desk.goes_on() for desk in desks]
    for desk, end in zip(desks, woken, strict=True):
        assert Exit.OK == end.exit_code, end
        with reading(desk.at.settings) as tx:
            children = {
                child.cl_ord_id: child for child in views.children(tx, end.answer["data"]["parent_id"])
            }
        assert [child for child in children.values() if "deadline" in child.reason]
        for row in desk.orders():
            assert parse_rfc3339(row["accepted_at"]) < children[row["cl_ord_id"]].deadline, row
    time.sleep(3)
    for desk in desks:
        desk.assert_exact()
