"""Reading the market costs one timeout at most, whoever hangs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from mvx.config.settings import QuoteSettings
from mvx.domain.ids import Asset, Symbol
from mvx.engine.desk import Desk
from mvx.engine.market import Market, read_market
from mvx.errors import (
    Exit,
    NoVenueUsable,
)
from mvx.venues.health import HealthState
from tests.engine.desk import BINANCE, BUY, KRAKEN, OKX, Operator, order, routed, settings
from tests.engine.weather import (
    BYBIT,
    COINBASE,
    FIVE,
    hanging,
    health,
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
