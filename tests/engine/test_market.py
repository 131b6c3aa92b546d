"""Reading the market costs one timeout at most, whoever hangs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.config.settings import QuoteSettings
from mvx.domain.book import Book
from mvx.domain.ids import Asset, Symbol
from mvx.domain.money import BPS
from mvx.domain.order import Side
from mvx.engine.desk import Desk
from mvx.engine.market import Market, read_market
from mvx.errors import Exit, NoVenueUsable, Refusal, VenueRejected, VenueUnreachable
from mvx.venues.capabilities import Capabilities
from mvx.venues.health import HealthState
from tests.engine.desk import BINANCE, BUY, KRAKEN, OKX, SELL, Operator, order, routed, settings
from tests.engine.ports import (
    BYBIT,
    COINBASE,
    FIVE,
    Weather,
    fair,
    hanging,
    health,
    raising,
    reasons,
    within,
)
from tests.paper.builders import venue_settings

LIVE, DEGRADED, DARK, RECOVERING = HealthState


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


class Delisting(Weather):
    """A venue that closes while one pair is asked for."""

    async def book(self, symbol: Symbol) -> Book:
        if symbol == "USDT/USD":
            raise VenueRejected("kraken: cancel only", reason_code="closed", about=Refusal.CLOSED)
        return await self.port.book(symbol)


def test_a_venue_that_goes_dark_in_the_reading_is_not_in_the_plan(tmp_path: Path) -> None:
    """Though its own book was answered; the rate comes from the other source."""
    at = dollar_desk(tmp_path)
    at.reconciles()

    async def read(desk: Desk) -> Market:
        closing = within(desk, KRAKEN, fair, Delisting)
        return await read_market(
            closing, closing.instrument("BTC-USD"), BUY, (BINANCE, KRAKEN), since=at.clock.now()
        )

    market = at.does(read)
    assert [BINANCE] == [quote.venue for quote in market.quotes]
    assert [(KRAKEN, "dark for 0 s: cancel only; next probe in 1 s")] == [
        (skip.venue, skip.why) for skip in market.skipped
    ]


def test_a_new_venue_whose_balance_can_not_be_read_is_not_planned_on(tmp_path: Path) -> None:
    """A dry run looks at it, and says what it met."""
    at = Operator(settings(tmp_path, KRAKEN, OKX))
    weather = raising(VenueUnreachable("okx: connection reset"), "balances")
    outcome = at.does(lambda desk: routed(within(desk, OKX, weather), order("0.1", dry_run=True)))
    assert "connection reset" == reasons(outcome)[OKX]


class InBase(Weather):
    """A venue that may take its fee in the base asset."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(self.port.capabilities, fee_in_base=True)


class InQuote(Weather):
    """A venue that takes its fee in the quote alone."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(self.port.capabilities, fee_in_base=False)


def test_a_fee_in_base_is_left_out_of_what_can_be_sold(tmp_path: Path) -> None:
    """It comes on top of the quantity; a buy spends the quote all the same."""
    at = Operator(settings(tmp_path, KRAKEN))
    at.reconciles()

    def spendable(side: Side, kind: type[Weather]) -> Decimal:
        async def read(desk: Desk) -> Market:
            there = within(desk, KRAKEN, fair, kind)
            return await read_market(
                there, there.instrument("BTC-USD"), side, (KRAKEN,), since=at.clock.now()
            )

        return at.does(read).quotes[0].spendable

    fee = at.does(read_fee)
    assert spendable(SELL, InQuote) / (1 + fee) == spendable(SELL, InBase)
    assert spendable(BUY, InQuote) == spendable(BUY, InBase)


async def read_fee(desk: Desk) -> Decimal:
    taker_bps = desk.venues[KRAKEN].capabilities.taker_bps
    assert taker_bps is not None
    return taker_bps / BPS
