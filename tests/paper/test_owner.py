"""What happens to an account beside the API: manual orders, transfers, trades taken back and corrected."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Asset, ExecId, OrderId, Symbol, Venue
from mvx.domain.order import Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.errors import UsageError
from tests.paper.builders import BEGINNING, BTC_USD, Bench, venue_settings, write_books

KRAKEN = Venue("kraken")
BTC, USD = Asset("BTC"), Asset("USD")
GTC = TimeInForce.GTC


@pytest.fixture
def desk(tmp_path: Path) -> Bench:
    """A venue whose book offers 1 at 100 and 1 at 101, and after ten seconds 5 at 90."""
    books = write_books(
        tmp_path / "books.jsonl",
        (0, [("99", "5")], [("100", "1"), ("101", "1")]),
        (10, [("80", "5")], [("90", "5")]),
    )
    balances = {BTC: Decimal(10), USD: Decimal(1_000)}
    settings = venue_settings(books=books, balances=balances, lot=Decimal("0.1"), taker_bps="10")
    return Bench(tmp_path / "x.paper", settings)


def test_a_manual_order_at_a_limit_takes_what_it_can_and_rests(desk: Bench) -> None:
    """It holds its money and fills when a book crosses it, as ours do."""
    report = desk.exchange.trade(KRAKEN, Side.BUY, Decimal(3), BTC_USD, Decimal(100))
    assert (None, OrdStatus.PARTIALLY_FILLED, Decimal(1), Decimal(100)) == (
        report.cl_ord_id, report.ord_status, report.cum_qty, report.limit_px,
    )  # fmt: skip
    assert Decimal("200.2") == desk.total("USD") - desk.free("USD")
    desk.clock.advance(20)
    assert (OrdStatus.FILLED, Decimal(3)) == (desk.order().ord_status, desk.order().cum_qty)


@pytest.mark.parametrize(
    ("qty", "limit_px"), [("0", "100"), ("1", "0"), ("0.05", "100"), ("1", "100.001"), ("11", "100")]
)
def test_a_manual_order_meets_the_same_rules(desk: Bench, qty: str, limit_px: str) -> None:
    """Lot, tick and funds; nothing is changed."""
    with pytest.raises(UsageError) as refused:
        desk.exchange.trade(KRAKEN, Side.BUY, Decimal(qty), BTC_USD, Decimal(limit_px))
    assert "nothing was changed" == refused.value.known
    assert ((), Decimal(1_000)) == (desk.orders(), desk.free("USD"))


def test_a_symbol_that_is_not_listed_is_refused_either_way(desk: Bench) -> None:
    """With its name and those that are."""
    for limit_px in (None, Decimal(1)):
        with pytest.raises(UsageError) as refused:
            desk.exchange.trade(KRAKEN, Side.BUY, Decimal(1), Symbol("XYZ/USD"), limit_px)
        assert "BTC/USD" in refused.value.message


@pytest.mark.parametrize("by_hand", [True, False])
def test_any_open_order_can_be_cancelled_by_hand_once(desk: Bench, by_hand: bool) -> None:
    """A colleague's or ours, by the venue's id."""
    if by_hand:
        desk.exchange.trade(KRAKEN, Side.BUY, Decimal(1), BTC_USD, Decimal(90))
    else:
        desk.submit(desk.request(Side.BUY, "1", "90", tif=GTC))
    order_id = desk.order().order_id
    assert OrdStatus.CANCELED is desk.exchange.cancel(KRAKEN, order_id).ord_status
    assert desk.total("USD") == desk.free("USD")
    with pytest.raises(UsageError):
        desk.exchange.cancel(KRAKEN, order_id)


@pytest.mark.parametrize("order_id", ["", "7", "nobody-1", "1795348800000000-9"])
def test_a_cancel_of_no_order_is_refused(desk: Bench, order_id: str) -> None:
    """Whatever the id looks like."""
    desk.submit(desk.request(Side.BUY, "1", "90", tif=GTC))
    with pytest.raises(UsageError):
        desk.exchange.cancel(KRAKEN, OrderId(order_id))
    assert OrdStatus.NEW is desk.order().ord_status


def test_a_transfer_has_an_id_an_epoch_and_a_time(desk: Bench) -> None:
    """After a reset its id may come again, and its listing does not."""
    listings = []
    for _ in range(2):
        desk.exchange.transfer(KRAKEN, USD, Decimal(5))
        (transfer,) = asyncio.run(desk.venue().transfers(BEGINNING))
        listings.append(transfer.listing)
        desk.exchange.reset()
        assert () == asyncio.run(desk.venue().transfers(BEGINNING))
    assert 2 == len(set(listings))


def test_a_refused_withdrawal_is_not_listed(desk: Bench) -> None:
    """Nothing moved."""
    with pytest.raises(UsageError):
        desk.exchange.transfer(KRAKEN, USD, Decimal(-1_001))
    assert () == asyncio.run(desk.venue().transfers(BEGINNING))


def test_a_bust_gives_everything_back(desk: Bench) -> None:
    """Base, quote and fee, to the last digit; a trade is taken back once."""
    desk.submit(desk.request(Side.BUY, "1", "100"))
    (fill,) = desk.trades()
    desk.exchange.bust(KRAKEN, fill.exec_id)
    assert (Decimal(10), Decimal(1_000)) == (desk.total("BTC"), desk.total("USD"))
    assert (OrdStatus.CANCELED, Decimal(0), None) == (
        desk.order().ord_status, desk.order().cum_qty, desk.order().avg_px,
    )  # fmt: skip
    for exec_id in (fill.exec_id, ExecId("T99")):
        with pytest.raises(UsageError):
            desk.exchange.bust(KRAKEN, exec_id)


def test_a_busted_part_of_an_open_order_is_not_filled_again(desk: Bench) -> None:
    """The order ends with what it had, and what was taken back is canceled."""
    desk.submit(desk.request(Side.BUY, "3", "101", tif=GTC))
    first, _ = desk.trades()
    desk.exchange.bust(KRAKEN, first.exec_id)
    assert (OrdStatus.PARTIALLY_FILLED, Decimal(1)) == (desk.order().ord_status, desk.order().cum_qty)
    assert Decimal("101.101") == desk.total("USD") - desk.free("USD")
    desk.clock.advance(20)
    assert (OrdStatus.CANCELED, Decimal(2)) == (desk.order().ord_status, desk.order().cum_qty)
    assert desk.total("USD") == desk.free("USD")


def test_a_corrected_trade_counts_with_its_new_numbers(desk: Bench) -> None:
    """The old one stays listed as taken back; the new one is dated now."""
    desk.submit(desk.request(Side.BUY, "1", "100"))
    desk.clock.advance(3)
    corrected = desk.exchange.correct(KRAKEN, ExecId("T1"), Decimal("0.6"), Decimal(90))
    old, new = desk.trades()
    assert (new, "T2", desk.order().order_id) == (corrected, new.exec_id, new.order_id)
    assert old.busted_at is not None
    assert old.busted_at < new.at
    assert (OrdStatus.CANCELED, Decimal("0.6"), Decimal(90)) == (
        desk.order().ord_status, desk.order().cum_qty, desk.order().avg_px,
    )  # fmt: skip
    assert (Decimal("10.6"), Decimal(1_000) - Decimal(54) * Decimal("1.001")) == (
        desk.total("BTC"), desk.total("USD"),
    )  # fmt: skip


def test_a_correction_may_change_the_price_alone(desk: Bench) -> None:
    """Then the order is filled as before."""
    desk.submit(desk.request(Side.BUY, "1", "100"))
    desk.exchange.correct(KRAKEN, ExecId("T1"), Decimal(1), Decimal(95))
    assert (OrdStatus.FILLED, Decimal(95)) == (desk.order().ord_status, desk.order().avg_px)


def test_a_correction_of_an_open_order_leaves_the_difference_open(desk: Bench) -> None:
    """It had filled 1 of 3; it turns out to be 1.5, and 1.5 are left."""
    desk.submit(desk.request(Side.BUY, "3", "100", tif=GTC))
    desk.exchange.correct(KRAKEN, ExecId("T1"), Decimal("1.5"), Decimal(100))
    assert (OrdStatus.PARTIALLY_FILLED, Decimal("1.5")) == (desk.order().ord_status, desk.order().cum_qty)
    desk.clock.advance(20)
    assert (OrdStatus.FILLED, Decimal(3)) == (desk.order().ord_status, desk.order().cum_qty)


@pytest.mark.parametrize(("qty", "price"), [("1.1", "100"), ("0", "100"), ("1", "0"), ("1", "-1")])
def test_a_correction_that_does_not_fit_the_order_changes_nothing(desk: Bench, qty: str, price: str) -> None:
    """The trade stands."""
    desk.submit(desk.request(Side.BUY, "1", "100"))
    with pytest.raises(UsageError):
        desk.exchange.correct(KRAKEN, ExecId("T1"), Decimal(qty), Decimal(price))
    assert [None] == [fill.busted_at for fill in desk.trades()]


@pytest.mark.parametrize("fails", [False, True])
def test_a_withdrawal_leaves_at_once_and_comes_back_where_it_fails(desk: Bench, fails: bool) -> None:
    """As a transfer of its own, when it does."""
    desk.exchange.withdraw(KRAKEN, BTC, Decimal(3), 60, fails=fails)
    for seconds, amounts in ((0, [-3]), (59, [-3]), (1, [-3, 3] if fails else [-3])):
        desk.clock.advance(seconds)
        listed = asyncio.run(desk.venue().transfers(BEGINNING))
        assert amounts == [int(each.amount) for each in listed]
        assert 10 + sum(amounts) == desk.total("BTC")
    assert len(amounts) == len({each.listing for each in listed})


def test_no_more_is_withdrawn_than_is_free(desk: Bench) -> None:
    with pytest.raises(UsageError, match="10 BTC is free"):
        desk.exchange.withdraw(KRAKEN, BTC, Decimal(11), 60)
    assert 10 == desk.total("BTC")
