"""A clock that goes back or jumps far ahead, on this machine alone or everywhere at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import Venue
from mvx.domain.instant import MICROS_PER_S, Instant
from mvx.engine.desk import Desk, open_exchange
from mvx.errors import Exit
from mvx.paper.venue import PaperVenue
from tests.engine.desk import BINANCE, KRAKEN, SELL, Operator, Witness, order, settings
from tests.engine.truth import (
    assert_journal_is_ledger,
    assert_one_acceptance_each,
    assert_truth_inside,
    assert_verified,
    reading,
)
from tests.support import ManualClock

HOUR_S, DAY_S = 3_600, 86_400
JUMPS = [-30 * 365 * DAY_S, -DAY_S, -HOUR_S, -10, 10, HOUR_S, DAY_S, 30 * 365 * DAY_S]
MOMENTS = ["between", "before submit", "after submit", "after balances", "after trades", "after book"]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("jump_s", JUMPS)
def test_a_clock_that_jumps_loses_nothing_and_sends_nothing_twice(
    jump_s: int, moment: str, tmp_path: Path
) -> None:
    """This machine's and the simulated venues' together, in the middle of a route or between two."""
    at = Operator(settings(tmp_path, KRAKEN, BINANCE))
    at.routes(order("0.1", id="a"))
    jumped = []

    def jump(_venue: Venue | None = None, call: str = moment) -> None:
        if call == moment and not jumped:
            jumped.append(moment)
            at.clock.advance(jump_s)

    at.look = jump
    if moment == "between":
        jump()
    steps: list[Any] = [
        lambda: at.routes(order("0.2", id="b")),
        at.reconciles,
        at.positions,
        at.cancels,
        lambda: at.routes(order("0.1", side=SELL)),
        lambda: at.routes(order("0.1", id="a")),
        lambda: at.routes(order("0.2", id="b")),
        at.reconciles,
    ]
    for step in steps:
        assert step().exit_code in (Exit.OK, Exit.INCOMPLETE, Exit.UNCERTAIN, Exit.BREAKS)
        assert_truth_inside(at, f"{jump_s} s {moment}")
    assert [moment] == jumped
    assert_one_acceptance_each(at)
    assert_journal_is_ledger(at)
    assert_verified(at.settings)


class Ahead(ManualClock):
    """Our clock: so many seconds ahead of everybody else's."""

    def __init__(self, true: ManualClock) -> None:
        super().__init__()
        self.true = true
        self.ahead_s = 0.0

    def now(self) -> Instant:
        return Instant(self.true.now() + round(self.ahead_s * MICROS_PER_S))

    def advance(self, seconds: float) -> None:
        self.true.advance(seconds)

    async def sleep(self, seconds: float) -> None:
        await self.true.sleep(seconds)


class Abroad(Operator):
    """A desk whose venues have a clock of their own."""

    def __init__(self, folder: Path, *venues: Venue) -> None:
        made = settings(folder, *venues)
        self.ours = Ahead(ManualClock())
        self.waits_s = 0.0
        super().__init__(made, self.ours)
        self.exchange = open_exchange(made, self.ours.true)

    def watched(self, desk: Desk) -> Desk:
        ports = {
            name: desk.watch.over(Witness(PaperVenue(self.exchange, venue, self.ours.true), self._wait))
            for name, venue in self.settings.venues.items()
        }
        return replace(desk, venues=ports)

    def _wait(self, venue: Venue, call: str) -> None:
        """For the turn of a read, under a rate budget."""
        if call == "before closed_orders":
            self.ours.true.advance(self.waits_s)


@pytest.mark.parametrize("ahead_s", [DAY_S, HOUR_S, 60, -60, -DAY_S])
def test_a_clock_that_only_this_machine_has_gives_no_order_up(ahead_s: int, tmp_path: Path) -> None:
    """A request is still on its way when our clock jumps: by our time its bound has run out, by the venue's
    it arrives. It is never called never-accepted, and it is found when the clock is right again."""
    at = Abroad(tmp_path, BINANCE)
    at.routes(order("0.1"))
    at.exchange.inject(BINANCE, "late-request", count=1, for_s=None, delay_s=8.0)
    asked = at.routes(order("0.2", id="late", max_rounds=1))
    assert Exit.UNCERTAIN is asked.exit_code
    at.ours.ahead_s = ahead_s
    for _ in range(3):
        found = at.reconciles()
        if ahead_s > 0:
            assert Exit.UNCERTAIN is found.exit_code
            assert f"this machine's clock is {ahead_s}" in found.warnings[0]
            assert "timedatectl" in found.warnings[0]
        assert "REJECTED" not in statuses(at)
        assert_truth_inside(at)
        at.ours.true.advance(0.3)
    at.ours.ahead_s = 0
    at.ours.true.advance(20)
    assert at.reconciles().exit_code in (Exit.OK, Exit.BREAKS)
    at.ours.true.advance(20)
    assert Exit.OK is at.reconciles().exit_code
    assert_truth_inside(at)
    assert_journal_is_ledger(at)
    assert_one_acceptance_each(at)


def test_a_reading_that_takes_long_hides_no_clock_that_is_ahead(tmp_path: Path) -> None:
    """Kraken's least tier makes one wait for 45 s: the venue's time had overtaken ours until the balances."""
    at = Abroad(tmp_path, BINANCE)
    at.reconciles()
    at.ours.ahead_s, at.waits_s = 20, 45
    found = at.reconciles()
    assert Exit.UNCERTAIN is found.exit_code
    assert "this machine's clock is 20.0 s ahead" in found.warnings[0]


def statuses(at: Operator) -> list[str]:
    """Of every child."""
    with reading(at.settings) as tx:
        rows = tx.connection.execute("SELECT ord_status FROM orders").fetchall()
    return [status for (status,) in rows]


@pytest.mark.parametrize("jump_s", [-10, -HOUR_S, -30 * 365 * DAY_S])
def test_a_clock_that_is_set_back_while_an_answer_is_waited_for_makes_nobody_wait_longer(
    jump_s: int, tmp_path: Path
) -> None:
    """A venue has so many seconds to list what was sent to it, and no more by a clock that went back."""
    slept_s: list[float] = []

    class Counting(ManualClock):
        async def sleep(self, seconds: float) -> None:
            slept_s.append(seconds)
            await super().sleep(seconds)

    def waits_s(folder: Path, jumps_s: float) -> float:
        folder.mkdir()
        at = Operator(settings(folder, KRAKEN), Counting())
        at.routes(order("0.1"))
        at.exchange.inject(KRAKEN, "lost-request")
        calls: list[str] = []

        def look(_venue: Venue, call: str) -> None:
            calls.append(call)
            if call == "before open_orders" and calls.count(call) == 2:
                at.clock.advance(jumps_s)

        at.look = look
        slept_s.clear()
        assert Exit.UNCERTAIN is at.routes(order("0.2", max_rounds=1)).exit_code
        return sum(slept_s)

    usual_s = waits_s(tmp_path / "steady", 0)
    assert usual_s <= waits_s(tmp_path / "set-back", jump_s) <= usual_s + 1
