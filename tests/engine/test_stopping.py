"""A signal at any moment: nothing more is sent, what was sent is settled, and the answer is what is known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.engine.cancel import cancel
from mvx.engine.desk import Desk, open_desk
from mvx.engine.outcome import Outcome
from mvx.errors import Exit
from tests.engine.desk import GTC, KRAKEN, Operator, order, routed, settings
from tests.engine.ports import within

Work = Callable[[Desk], Awaitable[Outcome]]


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    return Operator(settings(tmp_path, KRAKEN))


async def stopped_at(
    desk: Desk, call: str, work: Work, first: Callable[[], Awaitable[object]] | None = None
) -> Outcome:
    """The work's answer where a signal comes in the middle of the venue's first such call; `first`: what
    others do before it."""
    task: list[asyncio.Future[Outcome]] = []

    async def meets(asked: str) -> None:
        if asked == call and not task[0].cancelled():
            if first is not None:
                await first()
            task[0].cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    task.append(asyncio.ensure_future(work(within(desk, KRAKEN, meets))))
    return await task[0]


def test_a_route_that_still_reads_the_market_sends_nothing(at: Operator) -> None:
    outcome = at.does(lambda desk: stopped_at(desk, "book", lambda seen: routed(seen, order("1"))))
    assert (Exit.INCOMPLETE, False, False) == (outcome.exit_code, outcome.sent, outcome.uncertain)
    assert [] == at.ledger_rows("orders")


def test_a_route_whose_id_another_one_took_meanwhile_just_stops(at: Operator) -> None:
    async def both(desk: Desk) -> Outcome:
        what = order("1", id="k")
        async with open_desk(at.settings, clock=at.clock) as other:
            return await stopped_at(
                desk, "book", lambda seen: routed(seen, what), first=lambda: routed(other, what)
            )

    assert at.does(both).sent is False
    assert 1 == len(at.ledger_rows("orders"))


def test_a_cancel_that_was_asked_for_is_settled_and_told(at: Operator) -> None:
    at.routes(order("1", time_in_force=GTC, limit_px=Decimal(70_000)))
    outcome = at.does(
        lambda desk: stopped_at(desk, "cancel", lambda seen: cancel(seen, None, all_orders=True, venues=()))
    )
    assert (Exit.OK, True, False) == (outcome.exit_code, outcome.sent, outcome.uncertain)
    assert ["CANCELED"] == [row["status"] for row in at.ledger_rows("orders")]
