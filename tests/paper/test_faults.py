"""Faults in the paper file: who is hit, how often, how long, and what heals."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Venue
from mvx.domain.order import OrderRequest, Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.errors import OutcomeUnknown, UsageError, VenueUnreachable
from tests.paper.builders import Bench, venue_settings, write_books

KRAKEN = Venue("kraken")


@pytest.fixture
def desk(tmp_path: Path) -> Bench:
    """A venue with one book of a bid and an ask, and plenty of both."""
    books = write_books(tmp_path / "books.jsonl", (0, [("99", "50")], [("100", "50")]))
    return Bench(tmp_path / "x.paper", venue_settings(books=books, lot=Decimal("0.1")))


def buy(desk: Bench, **terms: float) -> OrderRequest:
    return desk.request(Side.BUY, "1", "100", **terms)


def outcome(desk: Bench, request: OrderRequest | None = None) -> str:
    try:
        desk.submit(request or buy(desk))
    except (OutcomeUnknown, VenueUnreachable) as error:
        return error.code
    return "accepted"


def test_a_request_fault_hits_once_unless_a_count_is_given(desk: Bench) -> None:
    """Then it is spent."""
    desk.exchange.inject(KRAKEN, "lost-ack")
    assert ["outcome_unknown", "accepted"] == [outcome(desk) for _ in range(2)]
    desk.exchange.inject(KRAKEN, "lost-ack", count=2)
    assert ["outcome_unknown", "outcome_unknown", "accepted"] == [outcome(desk) for _ in range(3)]


def test_a_fault_injected_by_one_process_hits_the_next_one(desk: Bench) -> None:
    """It lives in the file."""
    desk.exchange.inject(KRAKEN, "no-id")
    assert "outcome_unknown" == outcome(desk.twin())
    assert "accepted" == outcome(desk)


def test_a_fault_for_a_time_hits_every_request_until_then(desk: Bench) -> None:
    """And none afterwards."""
    desk.exchange.inject(KRAKEN, "http-503-after", for_s=10)
    assert ["outcome_unknown"] * 3 == [outcome(desk) for _ in range(3)]
    desk.clock.advance(10)
    assert "accepted" == outcome(desk)


def test_a_fault_with_a_count_and_a_time_ends_with_either(desk: Bench) -> None:
    """Here the time is over first."""
    desk.exchange.inject(KRAKEN, "no-id", count=5, for_s=10)
    assert "outcome_unknown" == outcome(desk)
    desk.clock.advance(10)
    assert "accepted" == outcome(desk)


def test_heal_ends_faults_of_one_venue_or_of_all(tmp_path: Path) -> None:
    """Another venue keeps its own."""
    desk = Bench(tmp_path / "x.paper", venue_settings("kraken"), venue_settings("coinbase"))
    for name in ("kraken", "coinbase"):
        desk.exchange.inject(Venue(name), "outage")
    desk.exchange.heal(KRAKEN)
    desk.book(venue="kraken")
    with pytest.raises(VenueUnreachable):
        desk.book(venue="coinbase")
    desk.exchange.heal()
    desk.book(venue="coinbase")


def test_an_outage_ends_with_its_time(desk: Bench) -> None:
    """Every call is refused until then."""
    desk.exchange.inject(KRAKEN, "outage", for_s=30)
    with pytest.raises(VenueUnreachable):
        desk.trades()
    desk.clock.advance(30)
    assert () == desk.trades()


def test_resting_orders_fill_during_an_outage(tmp_path: Path) -> None:
    """Nobody can connect; the venue itself goes on."""
    books = write_books(
        tmp_path / "books.jsonl",
        (0, [("99", "50")], [("100", "50")]),
        (5, [("80", "1")], [("90", "50")]),
    )
    desk = Bench(tmp_path / "x.paper", venue_settings(books=books))
    desk.submit(desk.request(Side.BUY, "1", "95", tif=TimeInForce.GTC))
    desk.exchange.inject(KRAKEN, "outage", for_s=60)
    desk.clock.advance(60)
    assert desk.order().ord_status is OrdStatus.FILLED


def test_a_late_request_arrives_in_another_process(desk: Bench) -> None:
    """It is accepted at its own time, on the book of that time, by whoever comes next."""
    desk.exchange.inject(KRAKEN, "late-request", delay_s=3)
    sent_at = desk.clock.now()
    assert "outcome_unknown" == outcome(desk)
    desk.exchange.close()
    twin = desk.twin()
    desk.clock.advance(1.9)
    assert () == twin.orders()
    desk.clock.advance(60)
    assert sent_at + 3_000_000 == twin.order().created_at
    assert 1 == len(twin.trades())


def test_a_late_request_is_accepted_once_however_many_touch_the_venue(desk: Bench) -> None:
    """Two processes come at the same moment."""
    desk.exchange.inject(KRAKEN, "late-request")
    outcome(desk)
    desk.clock.advance(10)
    twin = desk.twin()
    assert desk.orders() == twin.orders()
    assert 1 == len(twin.orders())


def test_a_late_request_after_its_deadline_is_refused(desk: Bench) -> None:
    """At the gateway, in silence, whenever anyone looks."""
    desk.exchange.inject(KRAKEN, "late-request", delay_s=3)
    outcome(desk, buy(desk, deadline_s=3))
    desk.clock.advance(60)
    assert ((), ()) == (desk.orders(), desk.trades())


def test_heal_leaves_what_is_in_flight(desk: Bench) -> None:
    """A request under way arrives all the same."""
    desk.exchange.inject(KRAKEN, "late-request")
    outcome(desk)
    desk.exchange.heal()
    desk.clock.advance(10)
    assert 1 == len(desk.orders())


def test_a_late_request_arrives_before_the_default_deadline(desk: Bench) -> None:
    """After the timeout and within five seconds: 2.5 s for a timeout of one."""
    desk.exchange.inject(KRAKEN, "late-request")
    sent_at = desk.clock.now()
    outcome(desk)
    desk.clock.advance(9)
    assert sent_at + 2_500_000 == desk.order().created_at


def test_a_short_delay_of_the_ack_is_only_a_delay(desk: Bench) -> None:
    """It comes within the timeout."""
    desk.exchange.inject(KRAKEN, "late-ack", delay_s=0.5)
    sent_at = desk.clock.now()
    assert "accepted" == outcome(desk)
    assert sent_at + 500_000 == desk.clock.now()


def test_a_partial_fault_leaves_half_unfilled(desk: Bench) -> None:
    """IOC: the rest is canceled; GTC: it rests."""
    desk.exchange.inject(KRAKEN, "partial", count=2)
    desk.submit(buy(desk))
    desk.submit(desk.request(Side.BUY, "1", "100", tif=TimeInForce.GTC))
    assert {(OrdStatus.CANCELED, Decimal("0.5")), (OrdStatus.PARTIALLY_FILLED, Decimal("0.5"))} == {
        (order.ord_status, order.cum_qty) for order in desk.orders()
    }


def test_a_matching_fault_waits_for_an_order_that_fills(desk: Bench) -> None:
    """One that fills nothing does not spend it."""
    desk.exchange.inject(KRAKEN, "partial")
    desk.submit(desk.request(Side.BUY, "1", "90"))
    desk.submit(buy(desk))
    assert Decimal("0.5") == max(order.cum_qty for order in desk.orders())


def test_a_late_trade_is_listed_late_and_dated_right(desk: Bench) -> None:
    """The order and the balance know of it at once; the list 0.8 s later."""
    desk.exchange.inject(KRAKEN, "late-trade")
    desk.submit(buy(desk))
    assert (Decimal(1), ()) == (desk.order().cum_qty, desk.trades())
    assert 11 == desk.total("BTC")
    assert len(desk.exchange.ledger(KRAKEN)["fills"]) == 1
    desk.clock.advance(0.8)
    desk.clock.advance(0.00001)
    (fill,) = desk.trades()
    assert fill.at < desk.clock.now() - 800_000


def test_two_faults_can_hit_one_order(desk: Bench) -> None:
    """One on the way, one at the venue."""
    desk.exchange.inject(KRAKEN, "lost-ack")
    desk.exchange.inject(KRAKEN, "partial")
    assert "outcome_unknown" == outcome(desk)
    assert Decimal("0.5") == desk.order().cum_qty


@pytest.mark.parametrize(
    ("venue", "kind", "options"),
    [
        ("krakn", "outage", {}),
        ("kraken", "outrage", {}),
        ("kraken", "outage", {"count": 1}),
        ("kraken", "lost-ack", {"count": 0}),
        ("kraken", "lost-ack", {"for_s": 0}),
        ("kraken", "lost-ack", {"delay_s": 1}),
        ("kraken", "late-ack", {"delay_s": -1}),
        ("kraken", "late-ack", {"delay_s": float("nan")}),
    ],
)
def test_a_fault_that_can_not_be_is_a_usage_error(
    desk: Bench, venue: str, kind: str, options: dict[str, float]
) -> None:
    """Nothing is injected."""
    with pytest.raises(UsageError):
        desk.exchange.inject(Venue(venue), kind, **options)
    assert "accepted" == outcome(desk)


def test_a_usage_error_names_what_is_allowed(desk: Bench) -> None:
    """The venues, or the kinds."""
    with pytest.raises(UsageError) as unknown_venue:
        desk.exchange.heal(Venue("krakn"))
    assert "kraken" in unknown_venue.value.next_step
    with pytest.raises(UsageError) as unknown_kind:
        desk.exchange.inject(KRAKEN, "outrage")
    assert "lost-request" in unknown_kind.value.next_step
