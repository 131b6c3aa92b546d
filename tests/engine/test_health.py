"""Routing in bad weather: dark venues are left alone, probed and reconciled before they are used again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.config.settings import QuoteSettings, VenueSettings
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.engine.desk import Desk, open_desk
from mvx.engine.market import DEGRADED_PENALTY_BPS, Market, read_market
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import reconcile
from mvx.engine.results import RouteResult
from mvx.errors import (
    BadVenueData,
    DeadlinePassed,
    Exit,
    NoVenueUsable,
    OutcomeUnknown,
    Refusal,
    VenueRejected,
    VenueUnreachable,
)
from mvx.journal import views
from mvx.journal.codec import decode_as
from mvx.venues.health import Cause, Failed, Health, HealthState
from tests.engine.desk import BUY, KRAKEN, OKX, Operator, order, routed, settings
from tests.engine.truth import assert_healed, assert_truth_inside, reading
from tests.engine.weather import Liar, fair, hanging, raising, slow, within
from tests.paper.builders import venue_settings
from tests.support import ManualClock

COINBASE, BINANCE, BYBIT = Venue("coinbase"), Venue("binance"), Venue("bybit")
FIVE = (KRAKEN, COINBASE, BINANCE, OKX, BYBIT)
LIVE, DEGRADED, DARK, RECOVERING = HealthState


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    """An operator at a desk of five venues that have been traded on."""
    at = Operator(settings(tmp_path, *FIVE))
    at.routes(order("0.1"))
    return at


def health(at: Operator, venue: Venue = OKX) -> Health:
    """As the journal has it."""
    with reading(at.settings) as tx:
        texts = views.health_texts(tx)
    return decode_as(Health, texts[venue]) if venue in texts else Health()


def calls_at(at: Operator, venue: Venue) -> list[str]:
    """From now on what that venue is asked, in order."""
    calls: list[str] = []

    def look(here: Venue, now: str) -> None:
        if here == venue and now.startswith("before "):
            calls.append(now.removeprefix("before "))

    at.look = look
    return calls


def reasons(outcome: Outcome) -> dict[Venue, str]:
    """Why each venue got nothing."""
    assert isinstance(outcome.data, RouteResult)
    assert outcome.data.plan is not None
    return {row.venue: row.why for row in outcome.data.plan.skipped}


def legs(outcome: Outcome) -> dict[Venue, str]:
    """Why each venue got something."""
    assert isinstance(outcome.data, RouteResult)
    assert outcome.data.plan is not None
    return {row.venue: row.why for row in outcome.data.plan.legs}


def warnings_of(outcome: Outcome, venue: Venue = OKX) -> list[str]:
    return [line for line in outcome.warnings if venue in line]


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
    assert "dark since 0 s: connection refused; next probe in 1 s" == reasons(second)[OKX]


def test_a_dark_venue_is_probed_when_it_is_due_and_ever_more_rarely(at: Operator) -> None:
    """A probe in vain costs one request, says nothing and moves the next one away."""
    at.exchange.inject(OKX, "outage")
    at.routes(order("0.1"))
    calls, asked_at = calls_at(at, OKX), []
    for tenth in range(200):
        at.clock.advance(0.1)
        outcome = at.routes(order("0.1"))
        assert (Exit.OK, []) == (outcome.exit_code, warnings_of(outcome))
        if calls:
            assert ["status"] == calls
            asked_at.append((tenth + 1) / 10)
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


@pytest.mark.parametrize("timeout_s", [1.0, 10.0])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("only", [(), ("book",)], ids=["all of it hangs", "its book hangs"])
def test_a_venue_that_hangs_costs_one_timeout_and_no_more(
    tmp_path: Path, timeout_s: float, known: bool, only: tuple[str, ...]
) -> None:
    """On a desk that knows it and on a fresh one; the others' books are not too old to be used then."""
    at = Operator(settings(tmp_path, *(venue_settings(name, timeout_s=timeout_s) for name in FIVE)))
    if known:
        at.reconciles()

    async def read(desk: Desk) -> Market:
        hung = within(desk, OKX, hanging(at.clock, timeout_s, *only))
        return await read_market(hung, hung.instrument("BTC-USD"), BUY, FIVE, since=at.clock.now())

    began_at = at.clock.now()
    market = at.does(read)
    assert timeout_s == (at.clock.now() - began_at) / 1e6
    assert {KRAKEN, COINBASE, BINANCE, BYBIT} == {quote.venue for quote in market.quotes}
    assert [OKX] == [skip.venue for skip in market.skipped]
    again = at.clock.now()
    at.does(lambda desk: read_market(desk, desk.instrument("BTC-USD"), BUY, FIVE, since=at.clock.now()))
    assert (DARK if not only else DEGRADED) is health(at).state
    assert at.clock.now() == again


def test_a_recovery_that_dawdles_is_cut_off_at_one_timeout(tmp_path: Path) -> None:
    """Each call of its reconcile is answered in time, and all of them together are not; in real seconds."""
    patient = [venue_settings(name, timeout_s=0.3) for name in (KRAKEN, OKX)]
    at = Operator(settings(tmp_path, *patient))
    at.reconciles()
    at.exchange.inject(OKX, "outage")
    at.routes(order("0.1"))
    at.exchange.heal()
    at.clock.advance(1)

    async def dawdles(call: str) -> None:
        await asyncio.sleep(0.1)

    outcome = at.does(lambda desk: routed(within(desk, OKX, dawdles), order("0.1")))
    assert Exit.OK is outcome.exit_code
    assert "not read within 0.3 s" == reasons(outcome)[OKX]
    assert DARK is health(at).state


def dollar_desk(folder: Path) -> Operator:
    """binance and okx in USDT, whose rate kraken and then coinbase know."""
    tethered = [
        replace(venue_settings(name), symbols={"BTC-USD": Symbol("BTC/USDT")}) for name in (BINANCE, OKX)
    ]
    configured = settings(folder, *tethered, KRAKEN, COINBASE)
    pair = Symbol("USDT/USD")
    rate = QuoteSettings(Asset("USDT"), Asset("USD"), ((KRAKEN, pair), (COINBASE, pair)), max_age_s=30)
    return Operator(replace(configured, quotes={Asset("USDT"): rate}))


def test_a_rate_comes_from_its_next_source_within_the_same_timeout(tmp_path: Path) -> None:
    """The first source hangs, and is a venue of the plan besides: one timeout for both."""
    at = dollar_desk(tmp_path)
    at.reconciles()

    async def read(desk: Desk) -> Market:
        hung = within(desk, KRAKEN, hanging(at.clock, 1.0))
        return await read_market(
            hung, hung.instrument("BTC-USD"), BUY, (BINANCE, KRAKEN), since=at.clock.now()
        )

    began_at = at.clock.now()
    market = at.does(read)
    assert 1.0 == (at.clock.now() - began_at) / 1e6
    assert [BINANCE] == [quote.venue for quote in market.quotes]


def test_a_dark_source_of_rates_is_probed_though_nothing_is_traded_there(tmp_path: Path) -> None:
    """Else nobody would ever ask it again, and without its rate nothing could be routed."""
    at = dollar_desk(tmp_path)
    at.reconciles()
    for venue in (KRAKEN, COINBASE):
        at.exchange.inject(venue, "outage")
    for _ in range(2):
        with pytest.raises(NoVenueUsable, match="no venue"):
            at.routes(order("0.1", venues=(BINANCE,)))
    at.exchange.heal()
    at.clock.advance(2)
    assert Exit.OK is at.routes(order("0.1", venues=(BINANCE,))).exit_code
    assert LIVE is health(at, KRAKEN).state


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


def degrade(at: Operator, *venues: Venue) -> None:
    async def throttled(desk: Desk) -> None:
        for venue in venues:
            desk.watch.hear(venue, Failed(at.clock.now(), Cause.THROTTLED, "429 too many requests"))

    at.does(throttled)


def test_a_degraded_venue_fills_only_what_no_live_one_can(tmp_path: Path) -> None:
    """okx is the cheapest; degraded it gets nothing that kraken can fill, and the rest of what it can not."""
    at = Operator(settings(tmp_path, KRAKEN, OKX, max_slippage_bps=Decimal(25)))
    assert {OKX} == set(legs(at.routes(order("0.1"))))
    degrade(at, OKX)
    small = at.routes(order("0.1", dry_run=True))
    assert {KRAKEN} == set(legs(small))
    said = f"degraded since 0 s: 429 too many requests: compared at {DEGRADED_PENALTY_BPS} bps more"
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


def test_two_processes_share_one_health(at: Operator) -> None:
    """What one finds out the other does not find out again; each tells what it caused or noticed."""
    at.exchange.inject(OKX, "outage")

    async def both() -> tuple[Outcome, Outcome]:
        async with AsyncExitStack() as stack:
            one, other = [
                await stack.enter_async_context(open_desk(at.settings, clock=at.clock)) for _ in range(2)
            ]
            first = await routed(one, order("4"))
            return first, await routed(at.watched(other), order("4"))

    calls = calls_at(at, OKX)
    found = asyncio.run(both())
    assert [] == calls
    assert ["okx LIVE -> DEGRADED -> DARK", "okx LIVE -> DARK"] == [
        line.partition(":")[0] for outcome in found for line in warnings_of(outcome)
    ]


def test_what_two_processes_saw_adds_up(at: Operator) -> None:
    """One lost call each is two in a row: neither overwrites what the other has written."""

    async def both() -> None:
        async with AsyncExitStack() as stack:
            desks = [
                await stack.enter_async_context(open_desk(at.settings, clock=at.clock)) for _ in range(2)
            ]
            for desk in desks:
                desk.watch.hear(OKX, Failed(at.clock.now(), Cause.NO_ANSWER, "no answer"))

    asyncio.run(both())
    assert (DARK, 2) == (health(at).state, health(at).lost_in_row)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (VenueUnreachable("okx: connection refused"), DEGRADED),
        (OutcomeUnknown("okx: HTTP 503"), DEGRADED),
        (BadVenueData("okx: a crossed book"), DEGRADED),
        (VenueRejected("okx: too many requests", reason_code="429", about=Refusal.THROTTLED), DEGRADED),
        (VenueRejected("okx: maintenance", reason_code="closed", about=Refusal.CLOSED), DARK),
        (VenueRejected("okx: key revoked", reason_code="key", about=Refusal.FORBIDDEN), DARK),
        (VenueRejected("okx: no such order", reason_code="unknown", about=Refusal.REQUEST), LIVE),
        (DeadlinePassed("okx: too late"), LIVE),
    ],
)
def test_every_error_says_what_it_says_of_the_venue(
    at: Operator, error: Exception, state: HealthState
) -> None:
    """One call that fails so, heard at the port and written down; the caller sees the error itself."""

    async def ask(desk: Desk) -> tuple[str, ...]:
        port = within(desk, OKX, raising(error)).venues[OKX]
        with pytest.raises(type(error)) as raised:
            await port.balances()
        assert error is raised.value
        return desk.watch.changes()

    told = at.does(ask)
    assert state is health(at).state
    assert [] == list(told) if state is LIVE else str(error).removeprefix("okx: ") in told[0]


def test_a_slow_venue_is_degraded_by_its_own_measure(at: Operator) -> None:
    """Half its timeout is slow; the time is the desk's own."""

    def lasts(seconds: float) -> Callable[[Desk], Awaitable[object]]:
        return lambda desk: within(desk, OKX, slow(at.clock, seconds)).venues[OKX].balances()

    at.does(lasts(0.4))
    assert LIVE is health(at).state
    at.does(lasts(0.6))
    assert (DEGRADED, "took 0.6 s to answer") == (health(at).state, health(at).reason)


def test_a_reconcile_that_a_human_asks_for_heals_at_once(at: Operator) -> None:
    """It needs no probe to be due."""
    at.exchange.inject(OKX, "outage")
    at.routes(order("0.1"))
    assert DARK is health(at).state
    at.exchange.heal()
    outcome = at.reconciles()
    assert ["okx DARK -> RECOVERING -> LIVE: reconciled and agreed; it is used again"] == list(
        outcome.warnings
    )


def test_a_report_does_not_make_a_venue_trusted(at: Operator) -> None:
    """--report-only corrects nothing, so what it compared is no agreement."""
    at.exchange.inject(OKX, "outage")
    at.routes(order("0.1"))
    at.exchange.heal()
    at.does(lambda desk: reconcile(desk, (OKX,), report_only=True))
    assert RECOVERING is health(at).state


def test_a_venue_left_out_of_the_configuration_keeps_its_health(at: Operator) -> None:
    """What the journal knows of a venue that this desk does not have troubles nobody."""
    degrade(at, BYBIT)
    fewer: dict[Venue, VenueSettings] = {v: each for v, each in at.settings.venues.items() if v != BYBIT}
    smaller = Operator(replace(at.settings, venues=fewer), ManualClock(at.clock.now()))
    assert Exit.OK is smaller.routes(order("0.1")).exit_code
    assert DEGRADED is health(at, BYBIT).state
