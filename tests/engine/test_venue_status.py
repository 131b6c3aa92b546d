"""`mvx venue-status`: what is told of every venue, asked now or remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.config.settings import LiveSettings
from mvx.domain.entries import TradingSet
from mvx.domain.ids import Venue
from mvx.domain.instant import after
from mvx.domain.trading import TradingState
from mvx.engine.desk import Desk
from mvx.engine.outcome import Outcome
from mvx.engine.probe import venue_status
from mvx.engine.venue_status import cached_status
from mvx.engine.venue_status_result import VenueStatusResult, VenueStatusRow
from mvx.errors import Exit, HeldBack, Refusal, VenueRejected
from mvx.journal.store import Journal
from mvx.venues.port import VenueStatus, turn_until
from tests.engine.desk import BINANCE, KRAKEN, OKX, Operator, order, settings
from tests.engine.ports import Closed, Weather, fair, hanging, raising, slow, within
from tests.engine.truth import last_seq
from tests.paper.builders import venue_settings


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    """An operator at a desk of three venues that have been traded on."""
    at = Operator(settings(tmp_path, KRAKEN, BINANCE, OKX))
    at.routes(order("0.1"))
    return at


def asks(at: Operator) -> Outcome:
    return at.does(venue_status)


def remembers(at: Operator) -> Outcome:
    return cached_status(at.settings.desk, at.clock.now())


def row(outcome: Outcome, venue: Venue = OKX) -> VenueStatusRow:
    assert isinstance(outcome.data, VenueStatusResult)
    return next(each for each in outcome.data.venues if each.venue == venue)


def test_every_venue_is_asked_and_tells_of_itself(at: Operator) -> None:
    at.clock.advance(2)
    outcome = asks(at)
    assert (Exit.OK, ()) == (outcome.exit_code, outcome.warnings)
    assert isinstance(outcome.data, VenueStatusResult)
    assert list(at.venues) == [each.venue for each in outcome.data.venues]
    found = row(outcome)
    assert ("LIVE", "ACTIVE", "", None, "none") == (*found[1:5], found.stream)
    assert (0, 0, 0, 0, 2) == (
        found.latency_ms,
        found.error_rate,
        found.book_age_s,
        found.answered_age_s,
        found.agreed_age_s,
    )
    assert (Decimal(9), 0, 0, None) == (
        found.taker_bps,
        found.clock_skew_ms,
        found.unknown_orders,
        found.rate_limit_used,
    )


def test_what_was_asked_is_what_is_remembered(at: Operator) -> None:
    """With ages that went on; nobody is asked, whatever the weather."""
    asked = asks(at)
    at.clock.advance(7)
    at.exchange.inject(OKX, "outage")
    remembered = remembers(at)
    assert Exit.OK is remembered.exit_code
    older = row(asked)._replace(answered_age_s=7, agreed_age_s=7, book_age_s=7)
    assert older == row(remembered)


def test_a_desk_that_never_asked_says_so(tmp_path: Path) -> None:
    at = Operator(settings(tmp_path, KRAKEN))
    found = row(remembers(at), KRAKEN)
    assert ("never asked", None, None, None) == (
        found.reason,
        found.answered_age_s,
        found.agreed_age_s,
        found.error_rate,
    )


def test_a_dark_venue_grows_older_and_says_why(at: Operator) -> None:
    """Its age is that of its last answer, however often it is asked in vain."""
    at.exchange.inject(OKX, "outage")
    first, second = asks(at), asks(at)
    assert (Exit.OK, Exit.OK) == (first.exit_code, second.exit_code)
    assert "okx: connection refused" in first.warnings
    assert any(line.startswith("okx DEGRADED -> DARK: connection refused; ") for line in second.warnings)
    assert "connection refused; next probe in 1 s" == row(second).reason
    ages = []
    for _ in range(3):
        at.clock.advance(2)
        found = row(asks(at))
        ages.append(found.answered_age_s)
        assert "DARK" == found.health
    assert [2, 4, 6] == ages
    assert at.clock.now() > (row(asks(at)).since or 0)


def test_a_probe_does_not_make_a_venue_live(at: Operator) -> None:
    """It says what does; and the reconcile does."""
    at.exchange.inject(OKX, "outage")
    asks(at)
    asks(at)
    at.exchange.heal()
    for _ in range(20):
        at.clock.advance(1)
        found = row(asks(at))
        assert "RECOVERING" == found.health
        assert "it answers again, and is not reconciled yet: mvx reconcile --venue okx" == found.reason
    at.reconciles()
    assert "LIVE" == row(asks(at)).health


def test_where_no_venue_answers_it_is_exit_7(at: Operator) -> None:
    """And what is known is told all the same."""
    for venue in at.venues:
        at.exchange.inject(venue, "outage")
    outcome = asks(at)
    assert Exit.NO_VENUE is outcome.exit_code
    assert "DEGRADED" == row(outcome).health
    assert {f"{venue}: connection refused" for venue in at.venues} <= set(outcome.warnings)


def test_a_venue_that_takes_no_orders_is_dark_and_stays_so(at: Operator) -> None:
    """Though it answers: its book is not asked for."""
    for _ in range(2):
        outcome = at.does(lambda desk: venue_status(within(desk, OKX, fair, Closed)))
        assert ("DARK", "takes no orders: maintenance; next probe in 1 s") == (
            row(outcome).health,
            row(outcome).reason,
        )
        assert "okx: takes no orders: maintenance" in outcome.warnings


def test_a_revoked_key_is_dark_at_once(at: Operator) -> None:
    revoked = VenueRejected("okx: key revoked", reason_code="50111", about=Refusal.FORBIDDEN)
    outcome = at.does(lambda desk: venue_status(within(desk, OKX, raising(revoked))))
    assert ("DARK", "key revoked; next probe in 1 s") == (row(outcome).health, row(outcome).reason)


@pytest.mark.parametrize(("timeout_s", "health"), [(0.2, "DARK"), (10.0, "DEGRADED")])
def test_nobody_is_waited_for_longer_than_a_second(tmp_path: Path, timeout_s: float, health: str) -> None:
    """In real seconds, on a port that does not end by itself, and twice. It takes a whole timeout of
    silence, and another one, to make a venue dark."""
    at = Operator(settings(tmp_path, venue_settings("okx", timeout_s=timeout_s), KRAKEN))

    async def never(call: str) -> None:
        await asyncio.sleep(60)

    async def twice(desk: Desk) -> Outcome:
        hung = within(desk, OKX, never)
        await venue_status(hung)
        return await venue_status(hung)

    outcome = at.does(twice)
    assert f"okx: no answer within {min(timeout_s, 1):g} s" in outcome.warnings
    assert (Exit.OK, health, "LIVE") == (
        outcome.exit_code,
        row(outcome).health,
        row(outcome, KRAKEN).health,
    )


def test_where_our_own_budget_held_it_back_nobody_was_asked(at: Operator) -> None:
    """That says nothing of the venue, and its position is no staler for it."""

    async def held_back(call: str) -> None:
        assert turn_until.get() == after(at.clock.now(), 0.5)
        raise HeldBack("okx: its rate budget is used up for 12.0 s")

    outcome = at.does(lambda desk: venue_status(within(desk, OKX, held_back)))
    assert ("okx: not asked: its rate budget is used up for 12.0 s",) == outcome.warnings
    assert "LIVE" == row(outcome).health
    assert Exit.OK is at.positions().exit_code


def test_a_live_venue_is_given_the_time_to_be_opened(tmp_path: Path) -> None:
    """ccxt and its list of markets come first: that is no silence of the venue's."""
    at = Operator(settings(tmp_path, venue_settings("okx", timeout_s=10), KRAKEN))
    live = replace(at.settings.venues[OKX], live=LiveSettings("okx"))
    lives = replace(at.settings, venues={**at.settings.venues, OKX: live})

    async def opens(call: str) -> None:
        await asyncio.sleep(1.2 if call == "status" else 0)

    def ask(desk: Desk) -> Awaitable[Outcome]:
        return venue_status(replace(within(desk, OKX, opens), settings=lives))

    assert () == at.does(ask).warnings


def test_all_are_asked_at_once(at: Operator) -> None:
    """Two that hang cost what one does."""

    async def work(desk: Desk) -> Outcome:
        for venue in (OKX, BINANCE):
            desk = within(desk, venue, hanging(at.clock, 1.0))
        return await venue_status(desk)

    began_at = at.clock.now()
    outcome = at.does(work)
    assert 1.0 == (at.clock.now() - began_at) / 1e6
    assert ("DEGRADED", "DEGRADED", "LIVE") == tuple(
        row(outcome, venue).health for venue in (OKX, BINANCE, KRAKEN)
    )


class Ahead(Weather):
    """Its clock is three seconds ahead of ours."""

    async def status(self) -> VenueStatus:
        said: Any = await self._called("status", self.port.status)
        return VenueStatus(said.accepts_orders, said.says, said.at + 3_000_000)


def test_the_skew_of_a_clock_is_measured_against_the_middle_of_the_call(at: Operator) -> None:
    """A call of 0.4 s is answered at its end here: 0.2 s are the way, and 3 s are the skew."""
    meets = slow(at.clock, 0.4)
    outcome = at.does(lambda desk: venue_status(within(desk, OKX, meets, Ahead)))
    assert 3_200 == row(outcome).clock_skew_ms
    assert row(outcome).latency_ms == pytest.approx(400 * (1 - 0.8**2))


def set_trading(at: Operator, scope: Venue | None, state: TradingState) -> None:
    journal = Journal(at.settings.desk.journal, mode="paper", clock=at.clock)
    with closing(journal), journal.write() as tx:
        tx.append(TradingSet(scope, state, "maintenance at noon", "ann"))


def test_the_stricter_trading_state_is_shown_with_its_reason(at: Operator) -> None:
    set_trading(at, OKX, TradingState.REDUCING)
    outcome = remembers(at)
    assert ("REDUCING", "reducing by ann: maintenance at noon") == (
        row(outcome).trading,
        row(outcome).reason,
    )
    assert "ACTIVE" == row(outcome, KRAKEN).trading
    set_trading(at, None, TradingState.HALTED)
    assert {"HALTED"} == {row(remembers(at), venue).trading for venue in at.venues}


def test_unknown_orders_are_counted(at: Operator) -> None:
    at.exchange.inject(OKX, "lost-request")
    at.routes(order("0.1", venues=(OKX,)))
    outcome = asks(at)
    assert (1, 0) == (row(outcome).unknown_orders, row(outcome, KRAKEN).unknown_orders)


def test_looking_writes_nothing_to_the_log(at: Operator) -> None:
    """Health is no fold of it."""
    seq = last_seq(at.settings)
    asks(at)
    remembers(at)
    assert seq == last_seq(at.settings)
