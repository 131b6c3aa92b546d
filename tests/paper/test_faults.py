"""Faults in the paper file: who is hit, how often, how long, and what heals."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Venue
from mvx.domain.order import OrderRequest, Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.errors import OutcomeUnknown, UsageError, VenueRejected, VenueUnreachable
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


def test_a_counted_fault_is_spent_by_a_cancel_too(desk: Bench) -> None:
    """Submit and cancel are the writes; a count with a time is still a count."""
    request = desk.request(Side.BUY, "1", "90", tif=TimeInForce.GTC)
    desk.submit(request)
    desk.exchange.inject(KRAKEN, "no-id", count=2, for_s=60)
    desk.book()
    with pytest.raises(OutcomeUnknown):
        desk.cancel(request)
    assert desk.order().ord_status is OrdStatus.CANCELED
    assert ["outcome_unknown", "accepted"] == [outcome(desk) for _ in range(2)]


def test_a_fault_for_a_time_alone_hits_reads(desk: Bench) -> None:
    """Each request of a read, until the time is over."""
    desk.exchange.inject(KRAKEN, "lost-request", for_s=10)
    for read in (desk.book, desk.trades, desk.orders):
        began = desk.clock.now()
        with pytest.raises(OutcomeUnknown):
            read()
        assert began + 1_000_000 == desk.clock.now()
    desk.clock.advance(7)
    assert ((), ()) == (desk.trades(), desk.orders())


def test_a_lost_read_does_not_reach_the_venue(tmp_path: Path) -> None:
    """A recording that moves on by reads stands still."""
    books = [(at_s, [(str(90 + at_s), "1")], [(str(91 + at_s), "1")]) for at_s in range(3)]
    path = write_books(tmp_path / "books.jsonl", *books)
    desk = Bench(tmp_path / "x.paper", venue_settings(books=path, clock="step"))
    first = desk.book().bids[0].px
    desk.exchange.inject(KRAKEN, "http-503-before", for_s=1)
    with pytest.raises(OutcomeUnknown):
        desk.book()
    desk.exchange.heal()
    assert first + 1 == desk.book().bids[0].px


@pytest.mark.parametrize(
    ("kind", "reason_code"),
    [("http-429", "rate_limited"), ("maintenance", "maintenance"), ("key-revoked", "invalid_key")],
)
def test_a_fault_that_refuses_says_so_by_its_code(desk: Bench, kind: str, reason_code: str) -> None:
    """Nothing is accepted."""
    desk.exchange.inject(KRAKEN, kind)
    with pytest.raises(VenueRejected) as refused:
        desk.submit(buy(desk))
    assert reason_code == refused.value.reason_code
    desk.exchange.heal()
    assert () == desk.orders()


def test_each_broken_answer_has_words_of_its_own(desk: Bench) -> None:
    """The client says what it saw."""
    said = set()
    for kind in ("http-503-after", "reset-after", "html-200", "empty-200", "truncated", "no-id"):
        desk.exchange.inject(KRAKEN, kind)
        with pytest.raises(OutcomeUnknown) as broken:
            desk.submit(buy(desk))
        said.add(broken.value.message)
    assert 6 == len(said) == len(desk.orders())


def test_what_lasts_comes_before_what_is_counted(desk: Bench) -> None:
    """A venue that is down spends no counted fault."""
    desk.exchange.inject(KRAKEN, "no-id")
    desk.exchange.inject(KRAKEN, "outage", for_s=10)
    assert "venue_unreachable" == outcome(desk)
    desk.clock.advance(10)
    assert ["outcome_unknown", "accepted"] == [outcome(desk) for _ in range(2)]


def test_a_late_cancel_arrives_in_another_process_and_after_a_heal(desk: Bench) -> None:
    """At its own time, on whatever the order has become."""
    request = desk.request(Side.BUY, "1", "90", tif=TimeInForce.GTC)
    desk.submit(request)
    desk.exchange.inject(KRAKEN, "late-request", delay_s=3)
    sent_at = desk.clock.now()
    with pytest.raises(OutcomeUnknown):
        desk.cancel(request)
    desk.exchange.heal()
    desk.clock.advance(1.9)
    twin = desk.twin()
    assert twin.order().ord_status is OrdStatus.NEW
    desk.clock.advance(60)
    assert (OrdStatus.CANCELED, sent_at + 3_000_000) == (twin.order().ord_status, twin.order().updated_at)


@pytest.mark.parametrize("kind", ["maintenance", "key-revoked"])
def test_a_late_request_that_comes_while_the_venue_refuses_all_is_refused(desk: Bench, kind: str) -> None:
    """In silence, like one that comes after its deadline."""
    desk.exchange.inject(KRAKEN, "late-request", count=2, delay_s=3)
    request = desk.request(Side.BUY, "1", "90", tif=TimeInForce.GTC)
    desk.exchange.trade(KRAKEN, Side.BUY, Decimal(1), request.symbol, Decimal(90))
    outcome(desk)
    desk.exchange.inject(KRAKEN, kind, for_s=4)
    desk.clock.advance(60)
    (manual,) = desk.orders()
    assert (None, OrdStatus.NEW) == (manual.cl_ord_id, manual.ord_status)


def test_a_venue_in_maintenance_matches_nothing(tmp_path: Path) -> None:
    """A book that would have filled a resting order goes by."""
    books = write_books(
        tmp_path / "books.jsonl",
        (0, [("99", "50")], [("100", "50")]),
        (5, [("80", "1")], [("90", "50")]),
        (9, [("99", "50")], [("100", "50")]),
        (60, [("80", "1")], [("94", "50")]),
    )
    desk = Bench(tmp_path / "x.paper", venue_settings(books=books))
    desk.submit(desk.request(Side.BUY, "1", "95", tif=TimeInForce.GTC))
    desk.exchange.inject(KRAKEN, "maintenance", for_s=8)
    desk.clock.advance(50)
    assert OrdStatus.NEW is desk.order().ord_status
    desk.clock.advance(50)
    assert OrdStatus.FILLED is desk.order().ord_status


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
        ("kraken", "clock-skew", {"delay_s": float("-inf")}),
        ("kraken", "clock-skew", {"count": 1}),
        ("kraken", "token-fee", {"delay_s": 1}),
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
