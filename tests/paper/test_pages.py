"""Histories in pages of fifty: read to the end, each row once, whatever joins meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Asset, ExecId, Venue
from mvx.domain.order import Side
from mvx.errors import OutcomeUnknown
from mvx.paper.exchange import PaperExchange
from mvx.paper.lists import PAGE_ROWS
from mvx.paper.session import Session
from mvx.paper.venue import PaperVenue
from tests.paper.builders import BEGINNING, BTC_USD, Bench, venue_settings, write_books

KRAKEN = Venue("kraken")
LEVELS = 130


class Busy(PaperExchange):
    """An exchange at which something happens between the first request and the second."""

    happens: Callable[[], object] | None = None
    requests = 0

    @contextmanager
    def visit(self, venue: Venue) -> Iterator[Session]:
        self.requests += 1
        if self.requests == 2 and self.happens is not None:
            self.happens()
        with super().visit(venue) as session:
            yield session


@pytest.fixture
def desk(tmp_path: Path) -> Bench:
    """A venue whose book has a level of 1 at each price from 100 up."""
    asks = [(str(100 + number), "1") for number in range(LEVELS + 20)]
    books = write_books(tmp_path / "books.jsonl", (0, [("99", "50")], asks))
    balances = {Asset("BTC"): Decimal(10), Asset("USD"): Decimal(500_000)}
    settings = venue_settings(books=books, balances=balances, lot=Decimal("0.1"))
    return Bench(tmp_path / "x.paper", settings)


def sweep(desk: Bench) -> None:
    """One order that fills on more levels than two pages hold."""
    desk.submit(desk.request(Side.BUY, str(LEVELS), "1000"))


def buy(desk: Bench) -> None:
    """By hand, for that needs no event loop."""
    desk.exchange.trade(KRAKEN, Side.BUY, Decimal(1), BTC_USD)


def reader(desk: Bench, happens: Callable[[], object]) -> tuple[Busy, PaperVenue]:
    exchange = Busy(desk.path, desk.settings, desk.clock)
    exchange.happens = happens
    return exchange, PaperVenue(exchange, desk.settings[KRAKEN], desk.clock)


def test_a_sweep_shares_one_time_and_is_read_to_the_end(desk: Bench) -> None:
    """Page boundaries fall between equal times; every fill is there once, in the order of its making."""
    sweep(desk)
    exchange, venue = reader(desk, lambda: None)
    fills = asyncio.run(venue.trades(BEGINNING))
    assert [f"T{number + 1}" for number in range(LEVELS)] == [fill.exec_id for fill in fills]
    assert 1 == len({fill.at for fill in fills})
    assert LEVELS // PAGE_ROWS + 1 == exchange.requests


def test_full_pages_end_with_an_empty_one(desk: Bench) -> None:
    """Nothing tells that the last row was the last."""
    desk.submit(desk.request(Side.BUY, str(2 * PAGE_ROWS), "1000"))
    exchange, venue = reader(desk, lambda: None)
    assert 2 * PAGE_ROWS == len(asyncio.run(venue.trades(BEGINNING)))
    assert 3 == exchange.requests


def test_a_trade_that_is_made_between_two_pages_hides_none(desk: Bench) -> None:
    """It moves the others on: the last one of the first page comes again, and counts once."""
    sweep(desk)
    _, venue = reader(desk, lambda: buy(desk))
    fills = asyncio.run(venue.trades(BEGINNING))
    assert [f"T{number + 1}" for number in range(LEVELS)] == [fill.exec_id for fill in fills]
    assert LEVELS + 1 == len(asyncio.run(venue.trades(BEGINNING)))


@pytest.mark.parametrize("older", [0, 60])
def test_a_trade_that_is_listed_late_between_two_pages_hides_none(desk: Bench, older: int) -> None:
    """Among the newest, where the reading has been, or among the oldest, where it will come."""
    for _ in range(older):
        desk.submit(desk.request(Side.BUY, "0.1", "1000"))
    desk.exchange.inject(KRAKEN, "late-trade", delay_s=10)
    desk.submit(desk.request(Side.BUY, "0.5", "1000"))
    for _ in range(120 - older):
        desk.submit(desk.request(Side.BUY, "0.1", "1000"))
    listed = {fill.exec_id for fill in desk.trades()}
    assert 120 <= len(listed) < len(desk.exchange.ledger(KRAKEN)["fills"])
    _, venue = reader(desk, lambda: desk.clock.advance(10))
    fills = asyncio.run(venue.trades(BEGINNING))
    assert listed <= {fill.exec_id for fill in fills}
    assert len(fills) == len({fill.exec_id for fill in fills})
    assert [fill.at for fill in fills] == sorted(fill.at for fill in fills)


def test_a_bust_between_two_pages_is_seen_or_not_but_no_row_is_lost(desk: Bench) -> None:
    """The row stays where it is."""
    sweep(desk)
    _, venue = reader(desk, lambda: desk.exchange.bust(KRAKEN, ExecId("T1")))
    fills = asyncio.run(venue.trades(BEGINNING))
    assert LEVELS == len(fills)
    assert fills[0].busted_at is not None


def test_an_order_that_closes_between_two_pages_hides_none(desk: Bench) -> None:
    """Nor one whose record changes after it closed."""
    for _ in range(70):
        desk.submit(desk.request(Side.BUY, "0.1", "99"))
    before = {order.order_id for order in desk.orders()}
    _, venue = reader(desk, lambda: buy(desk))
    orders = asyncio.run(venue.closed_orders(BEGINNING))
    assert before == {order.order_id for order in orders}
    assert [order.updated_at for order in orders] == sorted(order.updated_at for order in orders)


def test_a_late_fill_between_two_pages_moves_no_order(desk: Bench) -> None:
    """Its place is that of its closing, whatever became of it since."""
    desk.exchange.inject(KRAKEN, "late-fill", delay_s=5)
    for _ in range(70):
        desk.submit(desk.request(Side.BUY, "0.1", "99"))
    first = asyncio.run(desk.venue().closed_orders(BEGINNING))
    _, venue = reader(desk, lambda: desk.clock.advance(5))
    orders = asyncio.run(venue.closed_orders(BEGINNING))
    assert [order.order_id for order in first] == [order.order_id for order in orders]
    assert (Decimal(0), Decimal("0.1")) == (first[0].cum_qty, orders[0].cum_qty)


def test_transfers_come_in_pages_too(desk: Bench) -> None:
    """Every one, oldest first."""
    for number in range(1, 121):
        desk.exchange.transfer(KRAKEN, Asset("USD"), Decimal(number))
    exchange, venue = reader(desk, lambda: None)
    transfers = asyncio.run(venue.transfers(BEGINNING))
    assert [Decimal(number) for number in range(1, 121)] == [each.amount for each in transfers]
    assert 3 == exchange.requests


def test_a_fault_on_a_later_page_fails_the_whole_reading(desk: Bench) -> None:
    """Part of an answer is no answer."""
    sweep(desk)
    _, venue = reader(desk, lambda: desk.exchange.inject(KRAKEN, "html-200", for_s=1))
    with pytest.raises(OutcomeUnknown):
        asyncio.run(venue.trades(BEGINNING))
