"""Routing in bad weather: dark venues are left alone, probed and reconciled before they are used again."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Symbol, Venue
from mvx.engine.market import DEGRADED_PENALTY_BPS
from mvx.engine.positions import positions
from mvx.engine.probe import venue_status
from mvx.engine.reconcile import reconcile
from mvx.engine.results import RouteResult
from mvx.errors import Exit, NoVenueUsable, Refusal, VenueRejected, VenueUnreachable
from mvx.journal import views
from mvx.venues.health import HealthState
from tests.engine.desk import BUY, KRAKEN, OKX, Operator, order, routed, settings
from tests.engine.ports import (
    FIVE,
    Closed,
    Liar,
    calls_at,
    degrade,
    fair,
    health,
    legs,
    raising,
    reasons,
    warnings_of,
    within,
)
from tests.engine.truth import assert_healed, assert_truth_inside, reading

LIVE, DEGRADED, DARK, RECOVERING = HealthState


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    """An operator at a desk of five venues that have been traded on."""
    at = Operator(settings(tmp_path, *FIVE))
    at.routes(order("0.1"))
    return at


def test_an_outage_is_routed_around_and_soon_nobody_even_asks(at: Operator) -> None:
    """Exit 0 both times. The change is told once, and the second plan says since when and until when."""
    at.exchange.inject(OKX, "outage")
    first = at.routes(order("4"))
    assert Exit.OK is first.exit_code
    assert "connection refused" == reasons(first)[OKX]
    assert [
        "okx LIVE -> DEGRADED -> DARK: connection refused; nothing is sent there and its position keeps its"
        " interval; it is probed by itself, look with mvx venue-status"
    ] == warnings_of(first)
    calls = calls_at(at, OKX)
    second = at.routes(order("4"))
    assert (Exit.OK, [], []) == (second.exit_code, calls, warnings_of(second))
    assert "dark for 0 s: connection refused; next probe in 1 s" == reasons(second)[OKX]


def test_a_dark_venue_is_probed_when_it_is_due_and_ever_more_rarely(at: Operator) -> None:
    """A probe in vain costs one request, says nothing and moves the next one away."""
    at.exchange.inject(OKX, "outage")
    at.routes(order("0.1"))
    calls, asked_at = calls_at(at, OKX), []
    for quarter in range(80):
        at.clock.advance(0.25)
        outcome = at.routes(order("0.1"))
        assert (Exit.OK, []) == (outcome.exit_code, warnings_of(outcome))
        if calls:
            assert ["status"] == calls
            asked_at.append((quarter + 1) / 4)
            calls.clear()
    assert [1, 3, 7, 15] == [round(each) for each in asked_at]


def test_a_venue_that_returns_is_reconciled_before_its_book_is_used(at: Operator) -> None:
    """All that the account holds is read and compared first; then it is in this very plan."""
    at.exchange.inject(OKX, "outage")
    at.routes(order("4"))
    at.exchange.heal()
    at.clock.advance(1)
    calls = calls_at(at, OKX)
    outcome = at.routes(order("4"))
    before, rest = calls[: calls.index("book")], calls[calls.index("book") :]
    assert "status" == before[0]
    assert {"open_orders", "closed_orders", "trades", "balances"} <= set(before)
    assert "submit" in rest
    assert OKX in legs(outcome)
    assert ["okx DARK -> RECOVERING -> LIVE: reconciled and agreed; it is used again"] == warnings_of(outcome)
    assert (LIVE, 0) == (health(at).state, health(at).probes)
    assert_healed(at)


def test_what_happened_in_the_dark_is_booked_and_loud_before_the_venue_is_used(at: Operator) -> None:
    """Trades that mvx did not make are breaks of the route that found them."""
    at.exchange.inject(OKX, "outage")
    at.routes(order("0.1"))
    at.exchange.trade(OKX, BUY, Decimal("0.5"), Symbol("BTC/USD"))
    at.exchange.heal()
    at.clock.advance(1)
    outcome = at.routes(order("0.1"))
    assert {(OKX, "foreign_fill")} == {(found.venue, found.kind) for found in outcome.breaks}
    assert LIVE is health(at).state
    assert_truth_inside(at)
    assert_healed(at)


def test_a_venue_that_does_not_agree_is_not_trusted(at: Operator) -> None:
    """Its book is not even read, and the plan says what differs."""
    at.exchange.inject(OKX, "outage")
    at.routes(order("0.1"))
    at.exchange.heal()
    at.clock.advance(1)
    calls = calls_at(at, OKX)
    lied = at.does(lambda desk: routed(at.watched(within(desk, OKX, fair, Liar)), order("4")))
    assert Exit.OK is lied.exit_code
    assert "book" not in calls
    assert "its reconcile did not agree: BTC" in reasons(lied)[OKX]
    assert RECOVERING is health(at).state
    assert any(line.startswith("okx DARK -> RECOVERING: ") for line in lied.warnings)
    at.clock.advance(1)
    assert "okx RECOVERING -> LIVE: reconciled and agreed; it is used again" in at.routes(order("4")).warnings


def test_a_venue_that_failed_is_not_asked_again_in_the_same_run(at: Operator) -> None:
    """It takes the first order to the next round and loses the rest of the run."""
    calls = calls_at(at, OKX)
    seen = at.look
    assert seen is not None

    def strike(venue: Venue, now: str) -> None:
        seen(venue, now)
        if (venue, now) == (OKX, "before submit"):
            at.exchange.inject(OKX, "outage")

    at.look = strike
    outcome = at.routes(order("4"))
    assert isinstance(outcome.data, RouteResult)
    assert outcome.data.rounds > 1
    assert 1 == calls.count("book")
    assert (Exit.OK, Decimal(4)) == (outcome.exit_code, outcome.data.cum_qty)


def test_a_venue_that_failed_and_answers_again_is_left_out_of_the_run_all_the_same(at: Operator) -> None:
    """One request that did not get through is enough; its lists go on being read."""
    refused = raising(VenueUnreachable("okx: connection reset"), "submit")
    calls = calls_at(at, OKX)
    outcome = at.does(lambda desk: routed(at.watched(within(desk, OKX, refused)), order("4")))
    assert isinstance(outcome.data, RouteResult)
    assert (2, DEGRADED) == (outcome.data.rounds, health(at).state)
    assert (1, 1) == (calls.count("submit"), calls.count("book"))
    assert (Exit.OK, Decimal(4)) == (outcome.exit_code, outcome.data.cum_qty)


def test_a_venue_that_is_closed_stays_dark_though_it_answers(at: Operator) -> None:
    """Its probe ends at its own word: nothing else is asked, and nothing is told twice."""
    at.does(lambda desk: venue_status(within(desk, OKX, fair, Closed)))
    assert DARK is health(at).state
    at.clock.advance(1)
    calls = calls_at(at, OKX)
    outcome = at.does(lambda desk: routed(at.watched(within(desk, OKX, fair, Closed)), order("4")))
    assert (["status"], DARK, []) == (calls, health(at).state, warnings_of(outcome))
    assert "dark for 1 s: takes no orders: maintenance; next probe in 2 s" == reasons(outcome)[OKX]


def test_a_venue_that_is_asked_in_vain_has_a_stale_position(at: Operator) -> None:
    """The last attempt to reach it failed (CLI.md, positions): exit 5, until a reconcile reaches it. One that
    answers that it takes no orders was reached."""
    at.does(lambda desk: venue_status(within(desk, OKX, fair, Closed)))
    assert Exit.OK is positions(at.settings.desk, at.clock.now()).exit_code
    at.exchange.inject(OKX, "outage", for_s=1)
    at.does(venue_status)
    shown = positions(at.settings.desk, at.clock.now())
    assert Exit.UNCERTAIN is shown.exit_code
    assert any("okx" in line and "connection refused" in line for line in shown.warnings)
    at.clock.advance(2)
    at.does(lambda desk: reconcile(desk, (OKX,)))
    assert Exit.OK is positions(at.settings.desk, at.clock.now()).exit_code


def test_a_probe_in_vain_is_no_news(at: Operator) -> None:
    """The venue answers, and the key does not open it: dark before and dark after."""
    revoked = VenueRejected("okx: key revoked", reason_code="key", about=Refusal.FORBIDDEN)
    weather = raising(revoked, "open_orders", "submit", "balances")
    first = at.does(lambda desk: routed(within(desk, OKX, weather), order("4")))
    assert any("okx LIVE -> DARK: key revoked" in line for line in first.warnings)
    at.clock.advance(40)
    second = at.does(lambda desk: routed(within(desk, OKX, weather), order("4")))
    assert [] == [line for line in second.warnings if "->" in line]
    assert "key revoked" in reasons(second)[OKX]


def test_a_degraded_venue_fills_only_what_no_live_one_can(tmp_path: Path) -> None:
    """okx is the cheapest; degraded it gets nothing that kraken can fill, and the rest of what it can not."""
    at = Operator(settings(tmp_path, KRAKEN, OKX, max_slippage_bps=Decimal(25)))
    assert {OKX} == set(legs(at.routes(order("0.1"))))
    degrade(at, OKX)
    small = at.routes(order("0.1", dry_run=True))
    assert {KRAKEN} == set(legs(small))
    said = f"degraded for 0 s: 429 too many requests: compared at {DEGRADED_PENALTY_BPS} bps more"
    assert f"{said}: the others fill the quantity" == reasons(small)[OKX]
    big = at.routes(order("500"))
    assert {KRAKEN, OKX} == set(legs(big))
    assert legs(big)[OKX].endswith(f"{said}, and still the best that is left")
    assert isinstance(big.data, RouteResult)
    assert big.data.plan is not None
    for leg in big.data.plan.legs:
        assert abs(leg.all_in_px - leg.expected_px * (1 + leg.fee_bps / 10_000)) < 1


def test_where_all_are_degraded_a_route_goes_on(at: Operator) -> None:
    degrade(at, *FIVE)
    assert Exit.OK is at.routes(order("4")).exit_code


def test_a_degraded_venue_is_live_again_after_some_good_minutes(at: Operator) -> None:
    degrade(at, OKX)
    told: list[str] = []
    for _ in range(10):
        at.clock.advance(1)
        told += warnings_of(at.routes(order("0.1")))
    assert ["okx DEGRADED -> LIVE: it answers well again; it is used again"] == told


def test_the_change_is_told_where_the_command_failed_too(at: Operator) -> None:
    """Nobody can be used: every venue has its line beside the error."""
    for venue in FIVE:
        at.exchange.inject(venue, "outage")
    with pytest.raises(NoVenueUsable) as raised:
        at.routes(order("1"))
    assert sorted(FIVE) == sorted(line.partition(" ")[0] for line in raised.value.warnings)
    assert all("LIVE -> DEGRADED -> DARK" in line for line in raised.value.warnings)


def test_a_dry_run_looks_at_health_and_writes_nothing(at: Operator) -> None:
    """What it learns it tells, and keeps to itself: nor does it heal a venue for others."""
    at.exchange.inject(OKX, "outage")

    def kept() -> tuple[object, ...]:
        with reading(at.settings) as tx:
            return views.health_texts(tx), views.contacts(tx), views.last_seq(tx)

    before = kept()
    assert any(
        "okx LIVE -> DEGRADED -> DARK" in line for line in at.routes(order("4", dry_run=True)).warnings
    )
    assert before == kept()
    at.routes(order("0.1"))
    at.exchange.heal()
    at.clock.advance(1)
    before = kept()
    healed = at.routes(order("4", dry_run=True))
    assert OKX in legs(healed)
    assert before == kept()
