"""A parent that is spread over time where a venue refuses, is dark or fills in part: slice by slice."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from mvx.domain.instant import parse_rfc3339, seconds_between
from mvx.engine.desk import Desk
from mvx.engine.outcome import Outcome
from mvx.engine.results import RouteResult
from mvx.engine.route_order import RouteOrder
from mvx.errors import Exit, VenueRejected
from mvx.router.twap import slices_of
from tests.engine.desk import OKX, Operator, order, routed, settings
from tests.engine.ports import within
from tests.engine.test_limits import recorded
from tests.engine.truth import assert_healed, assert_never_more_than
from tests.virtual import VirtualClock

D = Decimal
TEN_MINUTES = order("1", twap_s=600.0)
MAX_ROUNDS = 3


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    at = Operator(settings(tmp_path, "okx", max_rounds=MAX_ROUNDS), VirtualClock())
    at.reconciles()
    return at


def accepted(at: Operator) -> list[tuple[float, Decimal]]:
    """When each order arrived, since the first one, and its quantity."""
    rows = [(parse_rfc3339(row["accepted_at"]), D(row["order_qty"])) for row in at.ledger_rows("orders")]
    first = min(at for at, _ in rows)
    return sorted((seconds_between(first, at), qty) for at, qty in rows)


def refused_at_s(at: Operator, asked: RouteOrder) -> list[float]:
    """When a venue that refuses everything, a tenth of a second later, is sent an order of that."""
    sent_s: list[float] = []
    began_at = at.clock.now()

    async def refuses(call: str) -> None:
        if call == "submit":
            sent_s.append(seconds_between(began_at, at.clock.now()))
            assert len(sent_s) < 100, "far too many"
            await at.clock.sleep(0.1)
            raise VenueRejected("margin is not enough", reason_code="insufficient_funds")

    async def work(desk: Desk) -> Outcome:
        return await routed(within(desk, OKX, refuses), asked)

    outcome = at.does(work)
    assert isinstance(outcome.data, RouteResult)
    assert (Exit.INCOMPLETE, D(0)) == (outcome.exit_code, outcome.data.cum_qty)
    return sent_s


def test_a_venue_that_refuses_is_asked_once_a_slice_and_a_few_times_after_the_end(at: Operator) -> None:
    sent_s = refused_at_s(at, TEN_MINUTES)
    within_time = [s for s in sent_s if s < 599]
    assert len(within_time) == slices_of(600)
    assert all(29 < later - sooner < 31 for sooner, later in pairwise(within_time))
    after_it = sent_s[len(within_time) :]
    assert len(after_it) == MAX_ROUNDS
    assert all(1 <= later - sooner for sooner, later in pairwise(after_it))
    assert sent_s[-1] < 610


def test_what_is_asked_for_after_the_end_is_bound_by_the_order_s_own_rounds(at: Operator) -> None:
    sent_s = refused_at_s(at, replace(TEN_MINUTES, max_rounds=1))
    assert len(sent_s) == slices_of(600) + 1


def test_half_of_the_time_in_the_dark_is_caught_up_with_by_one_more_slice_at_a_time(at: Operator) -> None:
    at.exchange.inject(OKX, "outage", for_s=300)
    assert Exit.OK is at.routes(TEN_MINUTES).exit_code
    orders = accepted(at)
    assert {qty for _, qty in orders} == {D("0.1")}
    assert all(later - sooner > 29 for (sooner, _), (later, _) in pairwise(orders))
    assert_healed(at)


def test_a_slice_that_fills_in_part_has_a_few_rounds(at: Operator) -> None:
    """Half of what is asked for is filled, every time: half, a quarter and an eighth of what is due."""
    at.exchange.inject(OKX, "partial", for_s=290)
    assert Exit.OK is at.routes(TEN_MINUTES).exit_code
    orders = accepted(at)
    first = [qty for s, qty in orders if s < 29]
    assert first == [D("0.05"), D("0.025"), D("0.0125")]
    for begins_s in range(0, 600, 30):
        of_slice = [qty for s, qty in orders if begins_s - 1 < s < begins_s + 29]
        assert 1 <= len(of_slice) <= MAX_ROUNDS
        assert of_slice[0] <= D("0.1")
    assert_never_more_than(at, D(1))
    assert_healed(at)


class TestSlicesThatNoVenueTakes:
    """Ten minutes are 20 slices; two of them are less than the smallest order."""

    def test_of_a_lot(self, tmp_path: Path) -> None:
        coarse = recorded(tmp_path, lot=D("0.1"), min_qty=D("0.1"))
        at = Operator(settings(tmp_path, coarse, max_slippage_bps=D(5000)), VirtualClock())
        outcome = at.routes(order("0.5", twap_s=600.0))
        assert (Exit.OK, ()) == (outcome.exit_code, outcome.warnings)
        orders = accepted(at)
        assert [D("0.1")] * 5 == [qty for _, qty in orders]
        assert [0, 120, 240, 360, 480] == [round(s) for s, _ in orders]
        assert_healed(at)

    def test_of_a_value(self, tmp_path: Path) -> None:
        """About 1.60 USD a slice, and no order of less than 5: one about every 100 s, and none is dust."""
        at = Operator(settings(tmp_path, "binance"), VirtualClock())
        assert Exit.OK is at.routes(order("0.0004", twap_s=600.0)).exit_code
        orders = accepted(at)
        assert 5 <= len(orders) <= 6
        assert max(qty for _, qty in orders) < D("0.00015")
        assert all(59 < later - sooner < 121 for (sooner, _), (later, _) in pairwise(orders))
        assert 350 < orders[-1][0] < 600

    @pytest.mark.parametrize(("qty", "exit_code"), [("0.1", Exit.OK), ("0.05", Exit.INCOMPLETE)])
    def test_what_is_too_little_to_be_spread_at_all_says_so(
        self, tmp_path: Path, qty: str, exit_code: Exit
    ) -> None:
        coarse = recorded(tmp_path, lot=D("0.1"), min_qty=D("0.1"))
        at = Operator(settings(tmp_path, coarse, max_slippage_bps=D(5000)), VirtualClock())
        outcome = at.routes(order(qty, twap_s=600.0))
        assert exit_code is outcome.exit_code
        told = f"{qty} is not spread over time: no venue takes less than 0.1 at once"
        assert [told] == [line for line in outcome.warnings if "spread" in line]
