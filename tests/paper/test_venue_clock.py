"""A venue whose clock is not ours: what it dates, what it judges, and what keeps our time."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Asset, Venue
from mvx.domain.instant import after, seconds_between
from mvx.domain.order import Side, TimeInForce
from mvx.errors import OutcomeUnknown, VenueRejected
from tests.paper.builders import Bench, venue_settings, write_books

KRAKEN = Venue("kraken")
GTC = TimeInForce.GTC


@pytest.fixture
def desk(tmp_path: Path) -> Bench:
    """A venue that has lived a minute; its book crosses 95 after a hundred seconds."""
    books = write_books(
        tmp_path / "books.jsonl",
        (0, [("99", "50")], [("100", "50")]),
        (100, [("80", "50")], [("90", "50")]),
    )
    desk = Bench(tmp_path / "x.paper", venue_settings(books=books))
    desk.book()
    desk.clock.advance(60)
    return desk


@pytest.mark.parametrize("behind_s", [0.4, 7.0, -0.4, -7.0])
def test_every_time_that_the_venue_writes_is_its_own(desk: Bench, behind_s: float) -> None:
    """Behind ours, or ahead where the delay is negative."""
    desk.exchange.inject(KRAKEN, "clock-skew", delay_s=behind_s)
    now, venue = desk.clock.now(), desk.venue()
    desk.submit(desk.request(Side.BUY, "1", "100", deadline_s=60))
    desk.exchange.transfer(KRAKEN, Asset("USD"), Decimal(5))
    (fill,), (transfer,) = desk.trades(), asyncio.run(venue.transfers(now - 60_000_000))
    times = [
        *(desk.order().created_at, desk.order().updated_at, fill.at, transfer.at),
        *(desk.book().at, asyncio.run(venue.status()).at, asyncio.run(venue.balances()).at),
    ]
    apart_s = {round(seconds_between(at, now), 3) for at in times}
    assert {behind_s} == apart_s


def test_what_filled_unseen_is_dated_by_the_clock_of_that_moment(desk: Bench) -> None:
    """A fault that is over when somebody looks, and one that had not begun."""
    desk.submit(desk.request(Side.BUY, "1", "95", tif=GTC))
    at = after(desk.clock.now(), 40)
    desk.exchange.inject(KRAKEN, "clock-skew", for_s=50)
    desk.clock.advance(100)
    assert after(at, -0.4) == desk.trades()[0].at


def test_a_fault_that_begins_later_dates_nothing_before(desk: Bench) -> None:
    """Whoever injects it lets the venue live until then."""
    desk.submit(desk.request(Side.BUY, "1", "95", tif=GTC))
    at = after(desk.clock.now(), 40)
    desk.clock.advance(100)
    desk.exchange.inject(KRAKEN, "clock-skew")
    assert at == desk.trades()[0].at


def test_times_never_go_back_when_a_clock_that_was_ahead_is_right_again(desk: Bench) -> None:
    """Events follow one another by a microsecond until our time has come up to them."""
    desk.exchange.inject(KRAKEN, "clock-skew", delay_s=-5)
    desk.submit(desk.request(Side.BUY, "1", "100", deadline_s=60))
    desk.exchange.heal()
    desk.submit(desk.request(Side.BUY, "1", "100", deadline_s=60))
    first, second = sorted(desk.orders(), key=lambda order: order.created_at)
    assert second.created_at - first.updated_at == 1
    desk.clock.advance(6)
    desk.submit(desk.request(Side.BUY, "1", "100"))
    assert desk.clock.now() == max(order.created_at for order in desk.orders())


def test_a_clock_that_is_ahead_finds_a_request_late(desk: Bench) -> None:
    """By its own deadline check, though by our time there is some left."""
    desk.exchange.inject(KRAKEN, "clock-skew", delay_s=-0.4)
    with pytest.raises(VenueRejected) as refused:
        desk.submit(desk.request(Side.BUY, "1", "100", deadline_s=0.4))
    assert "deadline" == refused.value.reason_code
    desk.submit(desk.request(Side.BUY, "1", "100", deadline_s=0.5))


def test_faults_and_what_is_under_way_keep_our_time(desk: Bench) -> None:
    """A request arrives, a list lags and a fault ends by our clock, whatever the venue's says."""
    desk.exchange.inject(KRAKEN, "clock-skew", delay_s=30)
    desk.exchange.inject(KRAKEN, "late-request", delay_s=2)
    desk.exchange.inject(KRAKEN, "late-trade")
    sent_at = desk.clock.now()
    with pytest.raises(OutcomeUnknown):
        desk.submit(desk.request(Side.BUY, "1", "100"))
    desk.clock.advance(1)
    assert after(sent_at, 2 - 30) == desk.order().created_at
    assert () == desk.trades()
    desk.clock.advance(0.8)
    assert 1 == len(desk.trades())
    desk.exchange.inject(KRAKEN, "outage", for_s=10)
    desk.clock.advance(10)
    assert 1 == len(desk.trades())


def test_the_market_keeps_our_time(desk: Bench) -> None:
    """Its books come when they come."""
    desk.exchange.inject(KRAKEN, "clock-skew", delay_s=30)
    desk.clock.advance(40)
    assert Decimal(80) == desk.book().bids[0].px
