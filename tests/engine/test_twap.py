"""A parent that is spread over time: slice by slice, through restarts, and never more than its quantity."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.instant import parse_rfc3339, seconds_between
from mvx.domain.order import Side
from mvx.engine.desk import open_desk
from mvx.errors import Exit
from mvx.journal.store import LEASE_S
from tests.engine.desk import BUY, OKX, SELL, Operator, order, routed, settings
from tests.engine.truth import assert_healed, assert_never_more_than, assert_truth_inside
from tests.virtual import VirtualClock

D = Decimal


def operator(folder: Path) -> Operator:
    return Operator(settings(folder, "binance", "okx"), VirtualClock())


def traded_at_s(at: Operator) -> list[float]:
    """When each order was accepted, since the first one."""
    instants = sorted(parse_rfc3339(row["accepted_at"]) for row in at.ledger_rows("orders"))
    return [seconds_between(instants[0], each) for each in instants]


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_quantity_is_traded_evenly_over_its_time(tmp_path: Path, side: Side) -> None:
    """Ten minutes, twenty slices: the first at once, the last half a minute before the end."""
    at = operator(tmp_path)
    outcome = at.routes(order("2", side, twap_s=600.0))
    assert Exit.OK is outcome.exit_code, outcome
    at_s = traded_at_s(at)
    assert 20 <= len(at_s)
    assert 565 < at_s[-1] < 600
    middle = [s for s in at_s if 240 < s < 361]
    assert 4 <= len(middle)
    assert_never_more_than(at, D(2))
    assert_healed(at)


def test_a_venue_that_is_dark_for_a_while_is_caught_up_with(tmp_path: Path) -> None:
    """What was not traded in the dark is traded after it, two slices at a time, and whole in the end."""
    at = Operator(settings(tmp_path, "okx"), VirtualClock())
    at.reconciles()
    at.exchange.inject(OKX, "outage", for_s=100)
    outcome = at.routes(order("1", twap_s=600.0, venues=(OKX,)))
    assert Exit.OK is outcome.exit_code, outcome
    at_s = traded_at_s(at)
    assert {D("0.1"), D("0.05")} <= {D(row["order_qty"]) for row in at.ledger_rows("orders")}
    assert 400 < at_s[-1] < 500
    assert_healed(at)


def test_a_run_that_died_in_the_middle_goes_on_where_its_time_is(tmp_path: Path) -> None:
    """Its schedule is the parent's own: it does not begin anew."""
    at = operator(tmp_path)
    asked = order("2", twap_s=600.0, id="k")

    async def dies() -> None:
        async with open_desk(at.settings, clock=at.clock) as desk:
            run = asyncio.ensure_future(routed(desk, asked))
            await asyncio.sleep(200)
            run.cancel()
            outcome = await run
            assert Exit.INCOMPLETE is outcome.exit_code

    at.clock.run(dies())
    done = sum(D(row["qty"]) for row in at.ledger_rows("fills"))
    assert D("0.5") < done < D("0.9")
    at.clock.advance(100 + LEASE_S)
    outcome = at.routes(order("2", twap_s=600.0, id="k", resume=True))
    assert Exit.OK is outcome.exit_code
    assert traded_at_s(at)[-1] < 600
    assert_never_more_than(at, D(2))
    assert_truth_inside(at)
    assert_healed(at)
