"""Faults at the venue itself: what fills, what is listed, and when."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Venue
from mvx.domain.order import OrderRequest, Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.errors import OutcomeUnknown, VenueRejected
from tests.paper.builders import BTC_USD, Bench, venue_settings, write_books

KRAKEN = Venue("kraken")
GTC, FOK = TimeInForce.GTC, TimeInForce.FOK


@pytest.fixture
def desk(tmp_path: Path) -> Bench:
    """A venue whose book offers 2 at 100 and 50 at 110, and five seconds later 1 at 95."""
    bids = [("99", "50")]
    books = write_books(
        tmp_path / "books.jsonl",
        (0, bids, [("100", "2"), ("110", "50")]),
        (5, [("90", "50")], [("95", "1"), ("110", "50")]),
        (6, bids, [("100", "2"), ("110", "50")]),
    )
    return Bench(tmp_path / "x.paper", venue_settings(books=books, lot=Decimal("0.1")))


def buy(desk: Bench, **terms: float) -> OrderRequest:
    return desk.request(Side.BUY, "1", "100", **terms)


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
    with pytest.raises(OutcomeUnknown):
        desk.submit(buy(desk))
    assert Decimal("0.5") == desk.order().cum_qty


def test_late_trades_of_a_resting_order_are_listed_late_too(desk: Bench) -> None:
    """Counted from when it filled, though nobody looked then."""
    desk.submit(desk.request(Side.BUY, "1", "96", tif=GTC))
    desk.exchange.inject(KRAKEN, "late-trade", delay_s=10)
    desk.clock.advance(14)
    assert (OrdStatus.FILLED, ()) == (desk.order().ord_status, desk.trades())
    desk.clock.advance(1)
    assert 1 == len(desk.trades())


def test_no_fault_hits_what_is_done_by_hand(desk: Bench) -> None:
    """It waits for what comes over the API."""
    kinds = ("partial", "late-trade", "stale-order", "not-found", "late-fill", "bust")
    for kind in kinds:
        desk.exchange.inject(KRAKEN, kind)
    desk.exchange.trade(KRAKEN, Side.BUY, Decimal(1), BTC_USD)
    manual = desk.exchange.trade(KRAKEN, Side.BUY, Decimal(2), BTC_USD, Decimal(100))
    desk.exchange.cancel(KRAKEN, manual.order_id)
    desk.clock.advance(3)
    assert [(Decimal(1), OrdStatus.FILLED), (Decimal(1), OrdStatus.CANCELED)] == [
        (order.cum_qty, order.ord_status) for order in desk.orders()
    ]
    assert [None, None] == [fill.busted_at for fill in desk.trades()]


def test_an_order_that_only_rests_spends_no_stale_order(desk: Bench) -> None:
    """It is shown as it is; its cancel is not."""
    desk.exchange.inject(KRAKEN, "stale-order")
    request = desk.request(Side.BUY, "1", "90", tif=GTC)
    desk.submit(request)
    desk.cancel(request)
    assert OrdStatus.NEW is desk.order().ord_status
    desk.clock.advance(0.8)
    assert OrdStatus.CANCELED is desk.order().ord_status


def test_a_hidden_order_can_be_cancelled_by_hand(desk: Bench) -> None:
    """The owner sees the truth; the API says that there is none."""
    desk.exchange.inject(KRAKEN, "not-found", delay_s=60)
    request = desk.request(Side.BUY, "1", "90", tif=GTC)
    ack = desk.submit(request)
    with pytest.raises(VenueRejected):
        desk.cancel(request)
    desk.exchange.cancel(KRAKEN, ack.order_id)
    assert () == desk.orders()
    desk.clock.advance(60)
    assert OrdStatus.CANCELED is desk.order().ord_status


def test_half_of_what_an_order_leaves_fills_late_at_its_limit(desk: Bench) -> None:
    """It takes nothing out of the book, its money was held until then, and heal does not stop it."""
    desk.exchange.inject(KRAKEN, "late-fill")
    desk.submit(desk.request(Side.BUY, "4", "105"))
    assert (OrdStatus.CANCELED, Decimal(2)) == (desk.order().ord_status, desk.order().cum_qty)
    assert desk.total("USD") - Decimal(105) * Decimal("1.0014") == desk.free("USD")
    desk.exchange.heal()
    desk.clock.advance(1)
    assert (OrdStatus.CANCELED, Decimal(3)) == (desk.order().ord_status, desk.order().cum_qty)
    assert [(Decimal(100), Decimal(2)), (Decimal(105), Decimal(1))] == [
        (fill.price, fill.qty) for fill in desk.trades()
    ]
    assert desk.total("USD") == desk.free("USD")


def test_the_last_lot_fills_late_and_whole(desk: Bench) -> None:
    """Then the order is filled, as it turns out."""
    desk.exchange.inject(KRAKEN, "late-fill")
    desk.submit(desk.request(Side.BUY, "2.1", "105"))
    assert OrdStatus.CANCELED is desk.order().ord_status
    desk.clock.advance(1)
    assert OrdStatus.FILLED is desk.order().ord_status


def test_a_fill_or_kill_order_is_never_filled_in_part_late(desk: Bench) -> None:
    """The fault waits for the next order that ends with something left."""
    desk.exchange.inject(KRAKEN, "late-fill")
    desk.submit(desk.request(Side.BUY, "4", "105", tif=FOK))
    desk.clock.advance(2)
    assert () == desk.trades()
    desk.submit(desk.request(Side.BUY, "4", "105"))
    desk.clock.advance(2)
    assert Decimal(3) == sum(fill.qty for fill in desk.trades())


def test_a_bust_takes_back_the_last_fill_of_the_next_order_that_fills(desk: Bench) -> None:
    """The others stand; one that fills nothing does not spend it."""
    desk.exchange.inject(KRAKEN, "bust")
    desk.submit(desk.request(Side.BUY, "1", "90"))
    desk.submit(desk.request(Side.BUY, "3", "110"))
    desk.submit(desk.request(Side.BUY, "1", "110"))
    desk.clock.advance(1)
    assert [(Decimal(2), False), (Decimal(1), True), (Decimal(1), False)] == [
        (fill.qty, fill.busted_at is not None) for fill in desk.trades()
    ]


@pytest.mark.parametrize("kinds", [("lost-ack", "not-found"), ("late-request", "stale-order")])
def test_a_lag_of_the_lists_counts_from_the_arrival(desk: Bench, kinds: tuple[str, str]) -> None:
    """Whatever the client heard of it, and whenever it came."""
    for kind in kinds:
        desk.exchange.inject(KRAKEN, kind)
    arrives_s = 2.5 if kinds[0] == "late-request" else 0.0
    sent_at = desk.clock.now()
    with pytest.raises(OutcomeUnknown):
        desk.submit(buy(desk))
    desk.clock.advance(arrives_s + 0.79 - (desk.clock.now() - sent_at) / 1e6)
    assert not [order for order in desk.orders() if order.ord_status is OrdStatus.FILLED]
    desk.clock.advance(0.01)
    assert OrdStatus.FILLED is desk.order().ord_status
