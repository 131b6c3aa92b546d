"""The daemon's death, in real processes: whoever follows says what is known, and nothing is done twice."""

from __future__ import annotations

import random
import subprocess
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.errors import Exit
from mvx.journal import jobs as queue
from tests.crash.processes import Ended, RealClock, Station, ended, kill
from tests.engine.truth import assert_one_acceptance_each, assert_settled, reading, until_agreed

pytestmark = pytest.mark.long

D = Decimal
QTY = D("0.3")
DEATHS = 20
#: Half of the leaders die so long after a route was typed: before it was begun, in the work, after it.
LATEST_S = 1.2
#: The others at most so long after they began with it: it takes longer on any machine.
BEGUN_S = 0.1
PATIENCE_S = 60.0


class Waited(RealClock):
    """For a desk that was left alone long enough, together with the others: nobody waits for it again."""

    def advance(self, seconds: float) -> None:
        """It has passed."""


class Desk:
    """A desk with a daemon that dies while somebody follows a route, and with its successor."""

    def __init__(self, folder: Path) -> None:
        self.at = Station(folder)
        self.daemon = self.at.start("run")

    def leads(self) -> bool:
        with reading(self.at.settings) as tx:
            return queue.leader(tx, self.at.clock.now()) is not None

    def is_done(self) -> bool:
        with reading(self.at.settings) as tx:
            return not queue.open_jobs(tx)

    def is_begun(self) -> bool:
        """The leader has the parent in hand, or had it."""
        with reading(self.at.settings) as tx:
            row = tx.connection.execute("SELECT status FROM jobs").fetchone()
        return row is not None and row[0] != "queued"

    def routes(self) -> subprocess.Popen[str]:
        return self.at.start("route", "BTC-USD", str(QTY), "--id", "k")

    def bought(self) -> Decimal:
        fills: list[Any] = []
        for venue in self.at.settings.venues:
            fills += self.at.exchange.ledger(venue)["fills"]  # type: ignore[arg-type]  # its rows
        return sum((D(row["qty"]) for row in fills), D(0))


def wait_for_all(desks: list[Desk], condition: str) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not all(getattr(desk, condition)() for desk in desks):
        assert time.monotonic() < give_up_at, condition
        time.sleep(0.05)


def assert_said(run: Ended) -> None:
    """Done by the leader or by the command itself, or uncertain with what is known and what to run."""
    assert run.exit_code in (Exit.OK, Exit.UNCERTAIN), run
    if run.exit_code == Exit.UNCERTAIN:
        error = run.answer["error"]
        assert "leader_gone" == error["code"]
        assert "nothing is sent by this command" in error["known"]
        assert "goes on with it" in error["next"]


def test_twenty_leaders_that_die_leave_every_parent_to_be_traded_once(tmp_path: Path) -> None:
    """The follower never does what the leader had begun; the next leader goes on with it to the end."""
    chance = random.Random(20)
    desks = [Desk(tmp_path / f"desk{number}") for number in range(DEATHS)]
    wait_for_all(desks, "leads")
    followers = []
    for number, desk in enumerate(desks):
        followers.append(desk.routes())
        if number % 2:
            wait_for_all([desk], "is_begun")
        time.sleep(chance.uniform(0, LATEST_S if number % 2 == 0 else BEGUN_S))
        assert kill(desk.daemon)
    said = [ended(follower) for follower in followers]
    for run in said:
        assert_said(run)
    assert Exit.UNCERTAIN in {run.exit_code for run in said}, "no leader died in the middle of its work"
    for desk in desks:
        desk.daemon = desk.at.start("run")
    wait_for_all(desks, "is_done")
    for desk in desks:
        desk.daemon.terminate()
    assert {143} == {ended(desk.daemon).exit_code for desk in desks}
    time.sleep(4)
    for desk in desks:
        desk.at.clock = Waited()
        until_agreed(desk.at)
        assert_settled(desk.at)
        assert_one_acceptance_each(desk.at)
        assert QTY == desk.bought()
