"""A thousand orders whose outcome nobody knows, and what a leader makes of them once the venues answer."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Asset, Venue
from mvx.domain.instant import seconds_between
from mvx.domain.order import Order
from mvx.engine.desk import open_desk
from mvx.engine.submit import dispatch
from mvx.journal import views
from tests.engine.desk import Operator, settings
from tests.engine.halting import intend
from tests.engine.test_run import Leader
from tests.engine.truth import assert_healed, assert_truth_inside, reading
from tests.paper.builders import venue_settings
from tests.virtual import VirtualClock

VENUES = tuple(map(Venue, ("kraken", "coinbase", "binance", "okx", "bybit")))
EACH = 200
#: What loses an answer: the request itself, the answer alone, or the request for a while.
LOSSES = ("lost-request", "lost-ack", "late-request", "http-503-after", "empty-200")
#: Of paper venues: accept lateness, lateness, listing lag; and a minute (DESIGN 9, I7).
BOUND_S = 4 + 2 + 1 + 60


@pytest.mark.long
def test_a_thousand_unknown_orders_are_settled_within_the_bound(tmp_path: Path) -> None:
    """From the moment at which the venues answer again, all at once, and to the truth."""
    rich = {Asset("BTC"): Decimal(1_000), Asset("USD"): Decimal(100_000_000)}
    at = Operator(settings(tmp_path, *(venue_settings(v, balances=rich) for v in VENUES)), VirtualClock())
    at.reconciles()
    luck = random.Random(7)
    for venue in VENUES:
        for kind in luck.choices(LOSSES, k=EACH):
            at.exchange.inject(venue, kind)
    at.clock.run(_sends_all(at))
    for venue in VENUES:
        at.exchange.inject(venue, "outage")
    at.clock.advance(10)
    statuses = Counter(order.unknown for order in _open(at))
    assert {True: EACH * len(VENUES)} == statuses
    for venue in VENUES:
        at.exchange.heal(venue)
    assert at.clock.run(_settled_after_s(at)) <= BOUND_S
    assert_truth_inside(at)
    assert_healed(at)


async def _sends_all(at: Operator) -> None:
    async with open_desk(at.settings, clock=at.clock) as desk:
        with desk.journal.write() as tx:
            committed = tuple(intend(tx, venue) for venue in VENUES for _ in range(EACH))
        await dispatch(desk, committed)


async def _settled_after_s(at: Operator) -> float:
    healed_at = at.clock.now()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(Leader(at))
        while any(not order.terminal for order in _open(at)):
            await asyncio.sleep(0.5)
            assert seconds_between(healed_at, at.clock.now()) <= 10 * BOUND_S
    return seconds_between(healed_at, at.clock.now())


def _open(at: Operator) -> tuple[Order, ...]:
    with reading(at.settings) as tx:
        return views.unsettled_orders(tx)
