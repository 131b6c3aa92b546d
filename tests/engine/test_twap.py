"""A parent that is spread over time: slice by slice, through restarts, and never more than its quantity."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import JobId
from mvx.domain.instant import parse_rfc3339, seconds_between
from mvx.domain.order import Side
from mvx.engine import jobs
from mvx.engine.desk import open_desk
from mvx.engine.outcome import Outcome
from mvx.engine.results import RouteResult
from mvx.engine.route_order import RouteOrder
from mvx.errors import Exit, NoVenueUsable
from mvx.journal.store import LEASE_S
from tests.engine.desk import BUY, OKX, SELL, Operator, order, routed, settings
from tests.engine.test_run import Leader, bought
from tests.engine.truth import assert_healed, assert_never_more_than, assert_truth_inside
from tests.virtual import VirtualClock

D = Decimal


def operator(folder: Path) -> Operator:
    return Operator(settings(folder, "binance", "okx"), VirtualClock())


def traded_at_s(at: Operator) -> list[float]:
    """When each order was accepted, since the first one."""
    instants = sorted(parse_rfc3339(row["accepted_at"]) for row in at.ledger_rows("orders"))
    return [seconds_between(instants[0], each) for each in instants]


def dies_after(at: Operator, asked: RouteOrder, seconds: float) -> None:
    async def dies() -> None:
        async with open_desk(at.settings, clock=at.clock) as desk:
            run = asyncio.ensure_future(routed(desk, asked))
            await asyncio.sleep(seconds)
            run.cancel()
            outcome = await run
            assert Exit.INCOMPLETE is outcome.exit_code

    at.clock.run(dies())


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

    dies_after(at, asked, 200)
    done = sum(D(row["qty"]) for row in at.ledger_rows("fills"))
    assert D("0.5") < done < D("0.9")
    at.clock.advance(100 + LEASE_S)
    outcome = at.routes(order("2", twap_s=600.0, id="k", resume=True))
    assert Exit.OK is outcome.exit_code
    assert traded_at_s(at)[-1] < 600
    assert_never_more_than(at, D(2))
    assert_truth_inside(at)
    assert_healed(at)


def test_what_is_left_of_a_time_that_is_over_is_due_at_once(tmp_path: Path) -> None:
    """And the whole of what a run may take after its last slice is there for it."""
    at = operator(tmp_path)
    asked = order("1", twap_s=60.0, id="k")
    dies_after(at, asked, 20)
    at.clock.advance(120)
    outcome = at.routes(replace(asked, resume=True))
    assert isinstance(outcome.data, RouteResult)
    assert (Exit.OK, "filled", True) == (outcome.exit_code, outcome.data.status, outcome.sent)
    assert_never_more_than(at, D(1))
    assert_healed(at)


def test_who_goes_on_and_can_send_nothing_does_not_say_that_it_sent(tmp_path: Path) -> None:
    """What an earlier command sent is in the answer, and was not sent by this one."""
    at = operator(tmp_path)
    asked = order("1", twap_s=60.0, id="k")
    dies_after(at, asked, 20)
    at.clock.advance(120)
    for venue in at.venues:
        at.exchange.inject(venue, "outage", for_s=3600)
    outcome = at.routes(replace(asked, resume=True))
    assert isinstance(outcome.data, RouteResult)
    assert (D("0.5"), False) == (outcome.data.cum_qty, outcome.sent)


def test_the_next_leader_sends_what_is_left_of_a_time_that_is_over(tmp_path: Path) -> None:
    at = operator(tmp_path)

    async def first() -> JobId:
        async with Leader(at) as leader:
            job_id = jobs.queue(leader.desk, order("1", twap_s=60.0), "ops")
            await asyncio.sleep(20)
            return job_id

    async def second(job_id: JobId) -> Outcome | None:
        async with Leader(at) as leader:
            return await jobs.follow(leader.desk, job_id)

    job_id = at.clock.run(first())
    at.clock.advance(120)
    outcome = at.clock.run(second(job_id))
    assert outcome is not None
    assert (Exit.OK, True, D(1)) == (outcome.exit_code, outcome.sent, bought(at))
    assert_healed(at)


def test_a_parent_that_began_in_the_dark_is_measured_against_its_first_book(tmp_path: Path) -> None:
    at = operator(tmp_path)
    at.reconciles()
    for venue in at.venues:
        at.exchange.inject(venue, "outage", for_s=100)
    outcome = at.routes(order("2", twap_s=600.0))
    assert isinstance(outcome.data, RouteResult)
    assert Exit.OK is outcome.exit_code
    assert outcome.data.plan is not None
    assert outcome.data.plan.legs
    assert outcome.data.arrival_px is not None
    assert outcome.data.slippage_bps is not None


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_parent_that_no_venue_was_ever_there_for_says_so(tmp_path: Path, dry_run: bool) -> None:
    """As a route at once does: 7 goes before 3. Until its end it waits for one."""
    at = operator(tmp_path)
    at.reconciles()
    for venue in at.venues:
        at.exchange.inject(venue, "outage", for_s=3600)
    began_at = at.clock.now()
    with pytest.raises(NoVenueUsable, match="no venue could be used") as caught:
        at.routes(order("2", twap_s=60.0, dry_run=dry_run))
    assert not caught.value.sent
    assert all(f"{venue}: " in caught.value.known for venue in at.venues)
    assert dry_run is (seconds_between(began_at, at.clock.now()) < 60)
