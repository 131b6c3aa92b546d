"""Whose turn it is: orders and cancels before reads, on one key and out of one budget."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import Venue
from mvx.domain.instant import after, seconds_between
from mvx.errors import HeldBack
from mvx.venues.capabilities import Budget
from mvx.venues.ccxt.shared import AccountKey, SharedBucket
from mvx.venues.port import turn_until
from tests.venues.ccxt.venue import PLENTY, Rig
from tests.virtual import VirtualClock

KRAKEN = Venue("kraken")


def test_an_order_overtakes_the_reads_that_wait_for_the_key(tmp_path: Path) -> None:
    """They came before it."""
    clock = VirtualClock()
    key, had = AccountKey(KRAKEN, tmp_path / "key", clock), []

    async def call(name: str, *, first: bool) -> None:
        async with key.held(first=first, give_up_at=after(clock.now(), 60)):
            had.append(name)
            await clock.sleep(1.001)

    async def all_at_once() -> None:
        tasks = [asyncio.ensure_future(call("under way", first=False))]
        for name, first in (("read", False), ("another read", False), ("order", True)):
            await clock.sleep(0.1013)  # so that each looks for it at another time, the reads first
            tasks.append(asyncio.ensure_future(call(name, first=first)))
        await asyncio.gather(*tasks)

    clock.run(all_at_once())
    assert ["under way", "order"] == had[:2]
    assert {"read", "another read"} == set(had[2:])


@pytest.mark.parametrize(("first", "waits_s"), [(False, 1.5), (True, 0.0)])
def test_what_reads_may_use_leaves_a_reserve(tmp_path: Path, first: bool, waits_s: float) -> None:
    """A quarter of ten, here: after reads of seven, one of two waits, and an order of two does not."""
    clock = VirtualClock()
    bucket = SharedBucket(KRAKEN, tmp_path / "budget", Budget(10, per_s=1, reserve=0.25), clock)

    async def spend() -> float:
        await bucket.pay(7, first=False, give_up_at=clock.now())
        began_at = clock.now()
        await bucket.pay(2, first=first, give_up_at=after(began_at, 60))
        return seconds_between(began_at, clock.now())

    assert waits_s == pytest.approx(clock.run(spend()), abs=0.05)


def test_who_waits_for_less_is_told_at_once_that_it_was_our_budget(rig: Rig) -> None:
    waits = {"private": Budget(burst=5, per_s=0.1), "public": PLENTY}

    async def read(venue: Any) -> float:
        await venue.balances()
        began_at = rig.clock.now()
        turn_until.set(after(began_at, 2.5))
        with pytest.raises(HeldBack, match="its rate budget is used up for"):
            await venue.balances()
        return seconds_between(began_at, rig.clock.now())

    assert 0 == rig.run(read, budgets=waits)
