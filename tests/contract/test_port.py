"""What every adapter keeps (mvx/venues/port.py), whatever stands behind it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from mvx.domain.book import checked_book
from mvx.domain.ids import Asset, OrderId, Symbol
from mvx.domain.instant import Instant, after
from mvx.domain.order import OrderRequest, Side, TimeInForce
from mvx.domain.order_status import TERMINAL, OrdStatus
from mvx.errors import BadVenueData, HeldBack, OutcomeUnknown, VenueRejected, VenueUnreachable
from tests.contract.rigs import Rig

BTC_USD = Symbol("BTC/USD")
BEGINNING = Instant(0)
Order = Callable[..., OrderRequest]


def test_rules_and_book_are_exact_and_legal(rig: Rig) -> None:
    """Decimals everywhere; the book is neither crossed nor empty nor out of order."""
    rules = rig.clock.run(rig.venue.rules(BTC_USD))
    assert all(
        isinstance(number, Decimal) for number in (rules.tick, rules.lot, rules.min_qty, rules.min_notional)
    )
    assert isinstance(rules.max_px, Decimal if rig.habits.tells_max_px else type(None))
    book = rig.clock.run(rig.venue.book(BTC_USD))
    assert book == checked_book(book)
    assert (rig.venue.name, BTC_USD) == (book.venue, book.symbol)
    assert all(type(number) is Decimal for level in book.bids + book.asks for number in level)
    assert book.at <= rig.clock.now()


def test_a_symbol_that_is_not_listed_has_no_rules_and_no_book(rig: Rig) -> None:
    """An error, never an empty answer."""
    for read in (rig.venue.rules, rig.venue.book):
        with pytest.raises(BadVenueData):
            rig.clock.run(read(Symbol("XYZ/USD")))


def test_an_accepted_order_is_acknowledged_by_its_id(rig: Rig, order: Order) -> None:
    """The same id and client id are in the venue's record and in its lists."""
    request = order()
    ack = rig.clock.run(rig.venue.submit(request))
    (accepted,) = rig.ledger()["orders"]
    assert (ack.order_id, request.cl_ord_id) == (accepted["order_id"], accepted["cl_ord_id"])
    (report,) = rig.clock.run(rig.venue.closed_orders(BEGINNING))
    assert (ack.order_id, request.cl_ord_id) == (report.order_id, report.cl_ord_id)
    assert (request.side, request.order_qty, request.limit_px) == (
        report.side, report.order_qty, report.limit_px,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reason_code", "changes"),
    [
        ("tick", {"limit_px": Decimal("80000.001")}),
        ("lot", {"order_qty": Decimal("0.500000001")}),
        ("min_qty", {"order_qty": Decimal("0.00000001")}),
        ("insufficient_funds", {"order_qty": Decimal(100)}),
        ("post_only", {"post_only": True, "time_in_force": TimeInForce.GTC}),
        ("unknown_symbol", {"symbol": Symbol("XYZ/USD")}),
    ],
)
def test_a_definite_refusal_carries_the_parsed_code(
    rig: Rig, order: Order, reason_code: str, changes: dict[str, object]
) -> None:
    """And the venue holds no such order; an adapter may see it coming, and then nothing leaves."""
    held_back = reason_code in rig.habits.held_back
    with pytest.raises(HeldBack if held_back else VenueRejected) as refused:
        rig.clock.run(rig.venue.submit(order(**changes)))
    assert held_back or reason_code == refused.value.reason_code
    assert rig.ledger()["orders"] == []


def test_an_id_that_an_open_order_has_says_nothing_of_what_became_of_it(rig: Rig, order: Order) -> None:
    """It may be our own request, repeated on its way (DESIGN 2.4); there is no second order."""
    request = order(limit_px=Decimal(70_000), time_in_force=TimeInForce.GTC)
    rig.clock.run(rig.venue.submit(request))
    with pytest.raises(OutcomeUnknown):
        rig.clock.run(rig.venue.submit(request))
    assert 1 == len(rig.ledger()["orders"])


def test_nothing_is_dispatched_at_the_deadline(rig: Rig, order: Order) -> None:
    """VenueUnreachable: nothing can have happened, and nothing does later."""
    request = order(deadline=after(rig.clock.now(), 1))
    rig.clock.advance(1)
    with pytest.raises(VenueUnreachable):
        rig.clock.run(rig.venue.submit(request))
    rig.clock.advance(60)
    assert rig.ledger()["orders"] == []


def test_orders_are_open_until_they_are_closed(rig: Rig, order: Order) -> None:
    """A resting order is in one list, then in the other, and never in both or none."""
    request = order(limit_px=Decimal(70_000), time_in_force=TimeInForce.GTC)
    ack = rig.clock.run(rig.venue.submit(request))
    (resting,) = rig.clock.run(rig.venue.open_orders())
    assert (OrdStatus.NEW, Decimal(0), None) == (resting.ord_status, resting.cum_qty, resting.avg_px)
    assert rig.clock.run(rig.venue.closed_orders(BEGINNING)) == ()
    rig.pause()
    rig.clock.run(rig.venue.cancel(BTC_USD, request.cl_ord_id, ack.order_id))
    assert rig.clock.run(rig.venue.open_orders()) == ()
    (closed,) = rig.clock.run(rig.venue.closed_orders(BEGINNING))
    assert OrdStatus.CANCELED is closed.ord_status
    assert resting.updated_at < closed.updated_at


def test_what_closes_is_listed_from_then_on_however_long_it_rested(rig: Rig, order: Order) -> None:
    """Where a venue lists by creation, an order that is known to have been open is asked for by its id."""
    request = order(limit_px=Decimal(60_000), time_in_force=TimeInForce.GTC)
    ack = rig.clock.run(rig.venue.submit(request))
    rig.clock.advance(2 * 86_400)
    since = rig.clock.now()
    known = [(BTC_USD, ack.order_id)]
    assert () == rig.clock.run(rig.venue.closed_orders(since, known))
    rig.clock.run(rig.venue.cancel(BTC_USD, request.cl_ord_id, ack.order_id))
    (closed,) = rig.clock.run(rig.venue.closed_orders(since, known))
    assert (ack.order_id, OrdStatus.CANCELED) == (closed.order_id, closed.ord_status)
    assert since <= closed.updated_at


@pytest.mark.parametrize("known", ["by client id", "by order id", "never there"])
def test_a_cancel_of_what_is_not_open_is_refused(rig: Rig, order: Order, known: str) -> None:
    """By either id, and for an order that never was."""
    request = order()
    order_id = OrderId("nobody")
    if known != "never there":
        order_id = rig.clock.run(rig.venue.submit(request)).order_id
    by_id = None if known == "by client id" else order_id
    with pytest.raises(VenueRejected):
        rig.clock.run(rig.venue.cancel(BTC_USD, request.cl_ord_id, by_id))


def test_trades_join_their_orders_and_sum_to_them(rig: Rig, order: Order) -> None:
    """Quantity and average of every order are those of its fills; fees are positive and exact."""
    for side in (Side.BUY, Side.SELL, Side.BUY):
        rig.clock.run(rig.venue.submit(order(side)))
    reports = rig.clock.run(rig.venue.closed_orders(BEGINNING))
    fills = rig.clock.run(rig.venue.trades(BEGINNING))
    assert {report.order_id for report in reports} == {fill.order_id for fill in fills}
    for report in reports:
        own = [fill for fill in fills if fill.order_id == report.order_id]
        assert report.cum_qty == sum(fill.qty for fill in own)
        assert report.avg_px is not None
        assert abs(report.avg_px * report.cum_qty - sum(fill.notional for fill in own)) < Decimal("1e-6")
        assert {report.side} == {fill.side for fill in own}
    assert all(fill.fee_amount > 0 for fill in fills)
    assert len(fills) == len({fill.key for fill in fills})


def test_reads_are_complete_ordered_and_bounded_by_since(rig: Rig, order: Order) -> None:
    """More than any page: every trade and closed order, oldest first, `since` itself included."""
    for number in range(130):
        side = Side.BUY if number % 2 else Side.SELL
        rig.clock.run(rig.venue.submit(order(side, order_qty=Decimal("0.01"))))
        rig.clock.advance(0.5)
    ledger = rig.ledger()
    fills = rig.clock.run(rig.venue.trades(BEGINNING))
    closed = rig.clock.run(rig.venue.closed_orders(BEGINNING))
    assert [row["exec_id"] for row in ledger["fills"]] == [fill.exec_id for fill in fills]
    assert {row["order_id"] for row in ledger["orders"]} == {report.order_id for report in closed}
    assert fills == tuple(sorted(fills, key=lambda fill: fill.at))
    assert closed == tuple(sorted(closed, key=lambda report: report.updated_at))
    middle = fills[len(fills) // 2]
    assert fills[[fill.at for fill in fills].index(middle.at) :] == rig.clock.run(rig.venue.trades(middle.at))
    late = closed[len(closed) // 2]
    assert late == rig.clock.run(rig.venue.closed_orders(late.updated_at))[0]
    assert TERMINAL >= {report.ord_status for report in closed}


def test_a_manual_trade_carries_no_client_id(rig: Rig) -> None:
    """The account's owner made it: it is in every list all the same."""
    rig.trade_by_hand(Side.SELL, Decimal(1))
    (report,) = rig.clock.run(rig.venue.closed_orders(BEGINNING))
    assert (None, Decimal(1)) == (report.cl_ord_id, report.cum_qty)
    assert Decimal(1) == sum(fill.qty for fill in rig.clock.run(rig.venue.trades(BEGINNING)))


def test_balances_are_the_opening_and_the_fills_up_to_their_instant(rig: Rig, order: Order) -> None:
    """Exactly: base, quote and fees; what an open order keeps is not free."""
    opening = rig.clock.run(rig.venue.balances())
    rig.pause()
    rig.clock.run(rig.venue.submit(order()))
    rig.clock.run(rig.venue.submit(order(Side.SELL, limit_px=Decimal(90_000), time_in_force=TimeInForce.GTC)))
    rig.pause()
    now = rig.clock.run(rig.venue.balances())
    fills = rig.clock.run(rig.venue.trades(BEGINNING))
    assert all(opening.at < fill.at < now.at for fill in fills)
    btc, usd = Asset("BTC"), Asset("USD")
    assert opening.total[btc] + sum(fill.qty for fill in fills) == now.total[btc]
    assert opening.total[usd] - sum(fill.notional + fill.fee_amount for fill in fills) == now.total[usd]
    assert (now.total[btc] - Decimal("0.5"), now.total[usd]) == (now.free[btc], now.free[usd])


def test_closing_an_adapter_never_raises(rig: Rig) -> None:
    """Not even twice."""
    rig.clock.run(rig.venue.close())
    rig.clock.run(rig.venue.close())
