"""Limits at work: on what the journal holds at the commit, against whoever commits at the same time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.config.settings import QuoteSettings, Settings
from mvx.domain.book import Book
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.instant import Instant, seconds_between
from mvx.engine.desk import Desk, open_desk
from mvx.engine.jobs import JobFailed, follow, queue
from mvx.engine.outcome import Outcome
from mvx.engine.route import route
from mvx.engine.route_order import RouteOrder
from mvx.errors import Exit, Refused
from mvx.journal import views
from mvx.risk.question import Refusal
from mvx.venues.port import VenuePort
from tests.engine.desk import GTC, KRAKEN, OKX, SELL, Operator, Witness, order, risk, routed, settings
from tests.engine.test_run import Leader
from tests.engine.truth import assert_healed, reading
from tests.paper.builders import venue_settings, write_books
from tests.support import ManualClock
from tests.virtual import VirtualClock

D = Decimal
DEEP = [("99", "1000")], [("101", "1000")]


def recorded(folder: Path, name: str = "kraken", symbol: str = "BTC/USD", px: int = 100, **paper: Any) -> Any:
    """A venue whose book does not move: one price on each side, one away from the mid, and no fee."""
    return quoted(folder, name, (str(px - 1), str(px + 1)), symbol, **paper)


def quoted(folder: Path, name: str, best: tuple[str, str], symbol: str = "BTC/USD", **paper: Any) -> Any:
    """The same, of any bid and ask."""
    sides = [(best[0], "1000")], [(best[1], "1000")]
    path = write_books(folder / f"{name}-{symbol.replace('/', '-')}.jsonl", (0, *sides), exchange=name)
    return venue_settings(name, (symbol,), taker_bps="0", books=path, books_venue=name, **paper)


def desk_of(folder: Path, **limits: Any) -> Settings:
    """Two venues at a mid of 100, and a slippage cap that is far beyond it."""
    venues = recorded(folder), recorded(folder, "okx")
    return settings(folder, *venues, limits=risk(**limits), max_slippage_bps=D(5000))


def refusals(at: Operator, asked: RouteOrder) -> dict[str, tuple[Decimal | None, Decimal]]:
    """Each limit that refused with its value and its bound; nothing of it was sent."""
    before = at.ledger_rows("orders")
    with pytest.raises(Refused) as raised:
        at.routes(asked)
    assert before == at.ledger_rows("orders")
    for each in raised.value.refusals:
        assert isinstance(each, Refusal)
        assert f"{each.limit}" in raised.value.message
        assert each.worst_case in raised.value.message
    return {each.limit: (each.value, each.bound) for each in raised.value.refusals}


class TestOrderRate:
    def test_it_counts_what_was_committed_in_the_last_minute(self, tmp_path: Path) -> None:
        at = Operator(desk_of(tmp_path, max_orders_per_minute=2))
        at.routes(order("1"))
        at.clock.advance(29)
        at.routes(order("1"))
        assert {"max_orders_per_minute": (D(3), D(2))} == refusals(
            at, order("1", max_rounds=1, venues=(KRAKEN,))
        )

    def test_who_has_the_time_waits_for_room(self, tmp_path: Path) -> None:
        """31 s after the first order its minute ends within the 30 s that a route may take."""
        at = Operator(desk_of(tmp_path, max_orders_per_minute=2))
        at.routes(order("1"))
        at.routes(order("1"))
        began = at.clock.now()
        at.clock.advance(31)
        assert Exit.OK is at.routes(order("1")).exit_code
        assert at.clock.now() - began >= 60_000_000
        assert_healed(at)

    def test_who_has_not_the_time_is_refused_at_once(self, tmp_path: Path) -> None:
        """The lateness bound of what was done runs longer than the route may."""
        venue = replace(venue_settings("okx"), lateness_s=60.0)
        at = Operator(settings(tmp_path, venue, limits=risk(max_position={"BTC-USD": D(1)})))
        at.exchange.inject(OKX, "partial")
        at.routes(order("0.8", max_rounds=1))
        began_at = at.clock.now()
        with pytest.raises(Refused, match="max_position"):
            at.routes(order("0.6"))
        assert began_at == at.clock.now()

    def test_an_order_whose_outcome_is_unknown_counts(self, tmp_path: Path) -> None:
        at = Operator(desk_of(tmp_path, max_orders_per_minute=1))
        at.exchange.inject(KRAKEN, "lost-request")
        at.routes(order("1", venues=(KRAKEN,)))
        assert {"max_orders_per_minute": (D(2), D(1))} == refusals(at, order("1"))

    def test_more_orders_at_once_than_a_minute_may_have_are_never_waited_for(self, tmp_path: Path) -> None:
        at = Operator(desk_of(tmp_path, max_orders_per_minute=1))
        began = at.clock.now()
        assert {"max_orders_per_minute": (D(2), D(1))} == refusals(at, order("1500"))
        assert at.clock.now() - began < 1_000_000

    def test_a_parent_over_time_goes_at_the_pace_that_is_allowed(self, tmp_path: Path) -> None:
        at = Operator(desk_of(tmp_path, max_orders_per_minute=1), VirtualClock())
        outcome = at.routes(order("2", twap_s=120.0))
        assert Exit.OK is outcome.exit_code, outcome
        with reading(at.settings) as tx:
            committed = sorted(views.created_after(tx, Instant(0)))
        assert 2 <= len(committed)
        assert 60 <= min(seconds_between(*pair) for pair in itertools.pairwise(committed))

    def test_what_reduces_passes(self, tmp_path: Path) -> None:
        at = Operator(desk_of(tmp_path, max_orders_per_minute=1))
        at.routes(order("1"))
        assert Exit.OK is at.routes(order("1", SELL)).exit_code


class TestTurnover:
    def test_it_counts_fills_and_what_may_fill_until_midnight(self, tmp_path: Path) -> None:
        at = Operator(desk_of(tmp_path, max_daily_turnover=D(303)), ManualClock())
        at.routes(order("1"))
        at.routes(order("1", time_in_force=GTC, limit_px=D(50), venues=(KRAKEN,)))
        assert {"max_daily_turnover": (D(101 + 50 + 202), D(303))} == refusals(at, order("2"))
        assert Exit.OK is at.routes(order("1")).exit_code
        at.clock.advance(12 * 3600)
        assert Exit.OK is at.routes(order("2")).exit_code

    def test_both_sides_of_a_day_count(self, tmp_path: Path) -> None:
        at = Operator(desk_of(tmp_path, max_daily_turnover=D(250)))
        at.routes(order("1"))
        at.routes(order("1", SELL))
        assert {"max_daily_turnover": (D(301), D(250))} == refusals(at, order("1"))


class TestNotionals:
    def test_a_position_is_worth_the_mid_of_now(self, tmp_path: Path) -> None:
        at = Operator(desk_of(tmp_path, max_position_notional={"BTC-USD": D(200)}))
        at.routes(order("2"))
        assert {"max_position_notional": (D("200.1"), D(200))} == refusals(at, order("0.001"))

    def test_what_a_venue_holds_beside_its_baseline_is_not_nothing_before_it_was_reached(
        self, tmp_path: Path
    ) -> None:
        """Nine of its fourteen are a position, and nobody has heard of them."""
        held = {Asset("BTC"): D(14), Asset("USD"): D(9999)}
        rich = replace(recorded(tmp_path, balances=held), baseline={Asset("BTC"): D(5)})
        limits = risk(max_position={"BTC-USD": D(10)})
        desk = settings(tmp_path, rich, recorded(tmp_path, "okx"), limits=limits, max_slippage_bps=D(5000))
        at = Operator(desk)
        at.exchange.inject(KRAKEN, "outage")
        assert {"max_position": (None, D(10))} == refusals(at, order("5"))
        at.exchange.heal()
        at.reconciles()
        assert {"max_position": (D(14), D(10))} == refusals(at, order("5"))

    def test_other_instruments_are_priced_by_their_own_books(self, tmp_path: Path) -> None:
        held = {Asset("ETH"): D(50), Asset("USD"): D(9999)}
        at = Operator(
            settings(
                tmp_path,
                recorded(tmp_path),
                recorded(tmp_path, "okx", "ETH/USD", px=10, balances=held),
                limits=risk(max_gross_notional=D(200)),
                max_slippage_bps=D(5000),
            )
        )
        at.routes(order("10", SELL, instrument="ETH-USD"))
        assert {"max_gross_notional": (D(201), D(200))} == refusals(at, order("1.01"))
        assert Exit.OK is at.routes(order("1")).exit_code

    def test_what_is_at_a_venue_in_another_instrument_counts_as_a_counterparty(self, tmp_path: Path) -> None:
        both = venue_settings("kraken", ("BTC/USD", "ETH/USD"))
        limits = risk(max_venue_notional={KRAKEN: D(1000)})
        at = Operator(settings(tmp_path, both, limits=limits))
        assert Exit.OK is at.routes(order("0.001")).exit_code
        at.settings = replace(at.settings, risk=risk())
        assert Exit.OK is at.routes(order("10", instrument="ETH-USD")).exit_code
        at.settings = replace(at.settings, risk=limits)
        assert ["max_venue_notional"] == list(refusals(at, order("0.001")))
        assert Exit.OK is at.routes(order("10", SELL, instrument="ETH-USD")).exit_code

    def test_a_position_whose_only_venue_is_dark_has_no_price(self, tmp_path: Path) -> None:
        other = recorded(tmp_path, "okx", "ETH/USD", px=10)
        at = Operator(
            settings(
                tmp_path,
                recorded(tmp_path),
                other,
                limits=risk(max_gross_notional=D(1000000)),
                max_slippage_bps=D(5000),
            )
        )
        at.routes(order("1", instrument="ETH-USD"))
        at.exchange.inject(OKX, "outage")
        assert {"max_gross_notional": (None, D(1000000))} == refusals(at, order("1"))

    def test_a_limit_in_usd_counts_usdt_at_its_rate(self, tmp_path: Path) -> None:
        """At 0.5 an order of 101 USDT is worth 50.5; where the rate is not to be had it is worth nothing."""
        rates = recorded(tmp_path, "kraken", "USDT/USD", px=2)
        desk = settings(
            tmp_path,
            recorded(tmp_path, "okx", "BTC/USDT"),
            rates,
            limits=risk(max_order_notional=D(201)),
            max_slippage_bps=D(5000),
        )
        usdt = QuoteSettings(Asset("USDT"), Asset("USD"), ((KRAKEN, Symbol("USDT/USD")),), 30)
        at = Operator(replace(desk, quotes={usdt.asset: usdt}))
        assert {"max_order_notional": (D(202), D(201))} == refusals(at, order("1", instrument="BTC-USDT"))
        at.exchange.inject(KRAKEN, "outage")
        assert {"max_order_notional": (None, D(201))} == refusals(at, order("0.1", instrument="BTC-USDT"))


def test_instruments_of_one_base_share_the_limits_on_its_position(tmp_path: Path) -> None:
    """2 BTC for USDT are a position of 2 BTC, whatever instrument the limit of 1 is set on."""
    usdt = recorded(tmp_path, "okx", "BTC/USDT", balances={Asset("USDT"): D(9999), Asset("BTC"): D(9)})
    limits = risk(max_position={"BTC-USD": D(1)})
    at = Operator(settings(tmp_path, recorded(tmp_path), usdt, limits=limits, max_slippage_bps=D(5000)))
    assert {"max_position": (D(2), D(1))} == refusals(at, order("2", instrument="BTC-USDT"))
    assert Exit.OK is at.routes(order("0.6", instrument="BTC-USDT")).exit_code
    assert {"max_position": (D("1.1"), D(1))} == refusals(at, order("0.5"))
    assert {"max_position": (D("1.1"), D(1))} == refusals(at, order("0.5", instrument="BTC-USDT"))


class TestPrices:
    def test_a_collar_is_no_slippage_cap_that_an_order_may_widen(self, tmp_path: Path) -> None:
        at = Operator(desk_of(tmp_path, price_collar_bps=D(99)))
        assert {"price_collar_bps": (D(100), D(99))} == refusals(at, order("1", max_slippage_bps=D(9000)))

    def test_what_is_left_after_a_lost_race_reaches_as_far_as_the_collar(self, tmp_path: Path) -> None:
        """It reached as far as its slippage cap, and was refused though the book was within the collar."""
        at = Operator(desk_of(tmp_path, price_collar_bps=D(150)))
        at.exchange.inject(KRAKEN, "partial")
        outcome = at.routes(order("1", venues=(KRAKEN,)))
        assert (Exit.OK, ()) == (outcome.exit_code, outcome.warnings)
        with reading(at.settings) as tx:
            sent = views.recent_orders(tx, since=None, venue=None, open_only=False, limit=9)
        assert [D(101), D("101.5")] == sorted(each.limit_px for each in sent)

    def test_a_reduction_in_slices_goes_as_far_as_the_same_order_that_grows(self, tmp_path: Path) -> None:
        """Two mids one bp apart: what reaches to the collar from one of them is beyond it from the other."""
        books = {"kraken": ("9999.9", "10001.1"), "okx": ("9999.4", "9999.95")}
        at = Operator(
            settings(tmp_path, *(quoted(tmp_path, *each) for each in books.items())), VirtualClock()
        )
        at.routes(order("1", venues=(KRAKEN,)))
        at.settings = replace(at.settings, risk=risk(price_collar_bps=D(25)))
        outcome = at.routes(order("0.4", SELL, twap_s=600.0))
        assert (Exit.OK, D("0.4"), ()) == (outcome.exit_code, outcome.data.cum_qty, outcome.warnings)

    def test_books_that_grew_old_before_the_commit_are_not_traded_on(self, tmp_path: Path) -> None:
        """They are read again as long as there is time, and refused where there is none."""
        at = Operator(desk_of(tmp_path, max_book_age_s=5.0))
        reads: list[str] = []
        at.look = lambda venue, call: reads.append(call) if call == "after book" else None

        def slow(wait_s: float) -> Callable[[Desk], Awaitable[Outcome]]:
            return lambda desk: route(
                desk, order("1"), show=lambda plan: at.clock.advance(wait_s), confirm=None
            )

        assert Exit.OK is at.does(slow(5.0)).exit_code
        assert 2 == len(reads)
        assert Exit.OK is at.does(slow(5.5)).exit_code
        assert 2 + 4 == len(reads)
        before = at.ledger_rows("orders")
        with pytest.raises(Refused) as raised:
            at.does(slow(30.5))
        assert {("max_book_age_s", D("30.5"))} == {(each.limit, each.value) for each in raised.value.refusals}
        assert before == at.ledger_rows("orders")

    def test_enough_venues_have_to_be_alive_whichever_are_asked_for(self, tmp_path: Path) -> None:
        at = Operator(desk_of(tmp_path, min_venues_alive=2))
        assert Exit.OK is at.routes(order("1", venues=(KRAKEN,))).exit_code
        at.exchange.inject(OKX, "outage")
        assert {"min_venues_alive": (D(1), D(2))} == refusals(at, order("1"))
        assert {"min_venues_alive": (D(1), D(2))} == refusals(at, order("1", venues=(KRAKEN,)))
        assert Exit.OK is at.routes(order("1", SELL, venues=(KRAKEN,))).exit_code

    def test_an_order_does_not_meet_our_own(self, tmp_path: Path) -> None:
        at = Operator(desk_of(tmp_path))
        at.routes(order("1", SELL, time_in_force=GTC, limit_px=D(101), post_only=True, venues=(OKX,)))
        assert {"self_trade": (D(101), D(101))} == refusals(at, order("1", venues=(KRAKEN,)))
        at.cancels()
        assert Exit.OK is at.routes(order("1", venues=(KRAKEN,))).exit_code


#: Each of them refuses whatever makes a position larger.
class Together(Witness):
    """A venue that hands out no book before two have asked for it."""

    def __init__(self, port: VenuePort, readers: list[Venue], everybody: asyncio.Event) -> None:
        super().__init__(port, lambda venue, call: None)
        self.readers = readers
        self.everybody = everybody

    async def book(self, symbol: Symbol) -> Book:
        self.readers.append(self.port.name)
        if len(self.readers) == 2:
            self.everybody.set()
        await self.everybody.wait()
        return await self.port.book(symbol)


@pytest.mark.parametrize(
    ("limit", "qty"), [({"max_orders_per_minute": 1}, "1"), ({"max_daily_turnover": D(150)}, "1")]
)
def test_of_two_that_plan_at_once_the_last_unit_goes_to_one(
    tmp_path: Path, limit: dict[str, Any], qty: str
) -> None:
    """Both have read the market and passed every check that one makes for oneself; the commit decides."""
    at = Operator(desk_of(tmp_path, **limit), VirtualClock())
    everybody, readers = asyncio.Event(), []

    async def both() -> list[Any]:
        async with AsyncExitStack() as stack:
            desks = [await stack.enter_async_context(open_desk(at.settings, clock=at.clock)) for _ in "ab"]
            return await asyncio.gather(*map(alongside, desks), return_exceptions=True)

    async def alongside(desk: Desk) -> Outcome:
        slow = replace(desk, venues={n: Together(p, readers, everybody) for n, p in desk.venues.items()})
        return await routed(slow, order(qty, venues=(KRAKEN,)))

    outcomes = at.clock.run(both())
    refused = [each for each in outcomes if isinstance(each, Refused)]
    assert [[*limit]] == [[each.limit for each in error.refusals] for error in refused]
    assert [Exit.OK] == [each.exit_code for each in outcomes if isinstance(each, Outcome)]
    assert 1 == len(at.ledger_rows("orders"))
    assert_healed(at)


def test_limits_that_are_read_again_bind_what_is_worked_already(tmp_path: Path) -> None:
    """A parent over ten minutes stops at the limit of a config that came in its third."""
    at = Operator(desk_of(tmp_path), VirtualClock())
    tighter = replace(at.settings, risk=risk(max_position={"BTC-USD": D(1)}))

    async def lead() -> Outcome:
        async with Leader(at, reread=lambda: tighter) as leader:
            work = asyncio.ensure_future(routed(leader.desk, order("2", twap_s=600.0)))
            await asyncio.sleep(150)
            leader.hangup.set()
            return await work

    outcome = at.clock.run(lead())
    assert Exit.INCOMPLETE is outcome.exit_code
    assert any("max_position: 2 against 1" in line for line in outcome.warnings), outcome.warnings
    traded = sum((D(row["qty"]) for row in at.ledger_rows("fills")), D(0))
    assert 0 < traded < 1
    assert_healed(at)


def test_a_refusal_by_whoever_leads_names_its_limits_too(tmp_path: Path) -> None:
    at = Operator(desk_of(tmp_path, max_daily_turnover=D(100)), VirtualClock())

    async def handed_over() -> JobFailed:
        async with Leader(at) as leader:
            job_id = queue(leader.desk, order("1"), "ops")
            with pytest.raises(JobFailed) as raised:
                await follow(leader.desk, job_id)
            return raised.value

    (told,) = at.clock.run(handed_over()).refusals
    made = "0 traded since 00:00 UTC, 0 by other orders and 101 by this one if all of them fill"
    assert Refusal("max_daily_turnover", D(101), D(100), made) == told
