"""Waiting by a clock that is set back meanwhile: nobody waits longer for that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.instant import seconds_between
from mvx.engine import jobs
from mvx.engine.desk import Desk
from mvx.engine.flatten import _OTHER_S
from mvx.engine.moment import Moment
from mvx.errors import Refused, VenueBusy
from mvx.journal.jobs import LEADER
from tests.engine.desk import KRAKEN, Operator, order, settings
from tests.engine.leaving import asked, left
from tests.engine.test_limits import desk_of
from tests.engine.test_twap import dies_after
from tests.support import ManualClock
from tests.virtual import VirtualClock

HOUR_S = 3_600.0


class SetBack(ManualClock):
    """Goes back by `back_s`, once, when somebody has slept for `when_s` in all; counts what is slept."""

    def __init__(self, back_s: float, when_s: float = 1.0) -> None:
        super().__init__()
        self.back_s, self.when_s = back_s, when_s
        self.slept_s = 0.0
        self.meanwhile: Callable[[], None] = lambda: None

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.advance(seconds)
        self.slept_s += seconds
        if self.slept_s >= self.when_s and self.back_s:
            self.advance(-self.back_s)
            self.back_s = 0.0
        assert self.slept_s < 1_000, "for ever"
        self.meanwhile()

    def starts_afresh(self, back_s: float) -> None:
        """What was slept until now is none of the test's."""
        self.slept_s, self.back_s = 0.0, back_s


def test_it_moves_back_along_with_the_clock_and_never_ahead() -> None:
    clock = ManualClock()
    moment = Moment(clock, 10)
    clock.advance(4)
    assert (6, -6) == (moment.left_s(), moment.elapsed_s())
    clock.advance(-HOUR_S)
    assert 6 == moment.left_s()
    clock.advance(2)
    assert 4 == moment.left_s()
    clock.advance(HOUR_S)
    assert HOUR_S - 4 == moment.elapsed_s()


@pytest.mark.parametrize("limit", ["lateness", "rate"])
def test_a_route_that_waits_for_room_waits_for_its_own_time(tmp_path: Path, limit: str) -> None:
    """What an order of the future holds is not over in that time: the route is refused."""
    limits: dict[str, Any] = {"max_orders_per_minute": 1}
    if limit == "lateness":
        limits = {"max_position": {"BTC-USD": order("1.2").order_qty}}
    clock = SetBack(0)
    at = Operator(desk_of(tmp_path, **limits), clock)
    if limit == "lateness":
        at.exchange.inject(KRAKEN, "partial")
    at.routes(order("1", venues=(KRAKEN,), max_rounds=1))
    clock.advance(40 if limit == "rate" else 0)
    clock.starts_afresh(HOUR_S)
    with pytest.raises(Refused):
        at.routes(order("0.6", venues=(KRAKEN,)))
    assert clock.slept_s <= at.settings.route.max_s + 2


@pytest.mark.parametrize("back_s", [10.0, HOUR_S])
def test_a_parent_over_time_takes_its_own_time(tmp_path: Path, back_s: float) -> None:
    """Whatever its venue, whose clock is not set back, makes of orders that seem late to it."""
    clock = SetBack(back_s, when_s=45)
    at = Operator(settings(tmp_path, "okx"), clock)
    at.routes(order("1", twap_s=120.0))
    assert 89 <= clock.slept_s <= 120 + at.settings.route.max_s + 5


def test_a_parent_that_was_begun_in_the_future_is_gone_on_with_from_now(tmp_path: Path) -> None:
    """The clock was set back after its worker had died: nobody waits until it comes there again."""
    at = Operator(settings(tmp_path, "okx"), VirtualClock())
    slow = order("1", twap_s=120.0, id="k")
    dies_after(at, slow, 40)
    at.clock.advance(-HOUR_S)
    began_at = at.clock.now()
    at.routes(replace(slow, resume=True))
    waited_s = seconds_between(began_at, at.clock.now())
    assert 89 <= waited_s <= 120 + at.settings.route.max_s + 5


def set_back(folder: Path) -> tuple[SetBack, Operator]:
    """A desk that has read its venue, whose clock goes back by an hour from now on."""
    clock = SetBack(0)
    at = Operator(settings(folder, "okx"), clock)
    at.reconciles()
    clock.starts_afresh(HOUR_S)
    return clock, at


def somebody_holds(clock: SetBack, desk: Desk, name: str) -> None:
    """And says so at every pause."""
    with desk.journal.write() as tx:
        lease = tx.take_lease(name, desk.holder)
    clock.meanwhile = lambda: keeps(desk, lease)


def test_a_flatten_waits_no_longer_for_another_one(tmp_path: Path) -> None:
    clock, at = set_back(tmp_path)

    async def leave(desk: Desk) -> None:
        somebody_holds(clock, desk, "flatten/okx")
        await left(desk, asked("okx"))

    with pytest.raises(VenueBusy):
        at.does(leave)
    assert _OTHER_S - 1 <= clock.slept_s <= _OTHER_S + 1


def test_who_follows_a_job_takes_it_back_in_its_own_time(tmp_path: Path) -> None:
    """Somebody leads, and does not begin it."""
    clock, at = set_back(tmp_path)

    async def follow(desk: Desk) -> None:
        somebody_holds(clock, desk, LEADER)
        assert await jobs.follow(desk, jobs.queue(desk, order("1"), "ops")) is None

    at.does(follow)
    max_s = at.settings.route.max_s
    assert max_s - 1 <= clock.slept_s <= max_s + 1


def keeps(desk: Desk, lease: Any) -> None:
    """Whoever holds it lives."""
    with desk.journal.write(lease):
        pass
