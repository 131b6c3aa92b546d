"""Orders at one paper venue: what fills, what rests, what is held, what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.order import Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.errors import OutcomeUnknown, UsageError, VenueRejected, VenueUnreachable
from tests.paper.builders import BTC_USD, Bench, Pairs, venue_settings, write_books

ASKS = (("100", "1"), ("101", "2"), ("103", "5"))
BIDS = (("99", "1"), ("98", "2"), ("96", "5"))


def bench(tmp_path: Path, *later: tuple[float, Pairs, Pairs], name: str = "kraken", **paper: Any) -> Bench:
    """A venue that plays these books after the first one; tick 1, lot 0.1, fee 10 bps."""
    books = write_books(tmp_path / "books.jsonl", (0, BIDS, ASKS), *later, exchange=name)
    rules: dict[str, Any] = {
        "lot": Decimal("0.1"),
        "tick": Decimal(1),
        "min_qty": Decimal("0.2"),
        "min_notional": Decimal(30),
    }
    balances = {Asset("BTC"): Decimal(10), Asset("USD"): Decimal(1_000)}
    settings = venue_settings(name, taker_bps="10", books=books, **(rules | {"balances": balances} | paper))
    return Bench(tmp_path / "x.paper", settings)


def test_an_ioc_order_fills_at_level_prices_and_the_rest_is_canceled(tmp_path: Path) -> None:
    """Three of four fill within the limit."""
    desk = bench(tmp_path)
    desk.submit(desk.request(Side.BUY, "4", "101"))
    assert [(Decimal(100), Decimal(1)), (Decimal(101), Decimal(2))] == [
        (f.price, f.qty) for f in desk.trades()
    ]
    order = desk.order()
    assert (OrdStatus.CANCELED, Decimal(3)) == (order.ord_status, order.cum_qty)
    assert Decimal("100.6666666667") == order.avg_px


def test_binance_calls_the_remainder_expired(tmp_path: Path) -> None:
    """Its documented behaviour for LIMIT IOC and FOK."""
    desk = bench(tmp_path, name="binance")
    desk.submit(desk.request(Side.BUY, "4", "101"))
    desk.submit(desk.request(Side.BUY, "6", "103", tif=TimeInForce.FOK))
    assert [OrdStatus.EXPIRED] * 2 == [order.ord_status for order in desk.orders()]


def test_fill_or_kill_that_can_not_fill_touches_nothing(tmp_path: Path) -> None:
    """No trade, no balance, and the book as it was."""
    desk = bench(tmp_path)
    before = desk.book()
    desk.submit(desk.request(Side.BUY, "9", "103", tif=TimeInForce.FOK))
    assert (OrdStatus.CANCELED, Decimal(0), None) == (
        desk.order().ord_status, desk.order().cum_qty, desk.order().avg_px,
    )  # fmt: skip
    assert (before.asks, Decimal(1_000)) == (desk.book().asks, desk.total("USD"))


def test_taken_liquidity_is_gone_until_the_next_book(tmp_path: Path) -> None:
    """The second order meets what the first one left; the next book is whole again."""
    desk = bench(tmp_path, (10, BIDS, ASKS))
    whole = desk.book().asks
    desk.submit(desk.request(Side.BUY, "1.5", "101"))
    assert (Decimal(101), Decimal("1.5")) == desk.book().asks[0]
    assert desk.book().asks == desk.twin().book().asks
    desk.clock.advance(10)
    assert whole == desk.book().asks


def test_liquidity_of_the_generated_market_comes_back_in_the_next_second(tmp_path: Path) -> None:
    """Within the second what was taken stays taken."""
    desk = Bench(tmp_path / "x.paper")
    best = desk.book().asks[0]
    desk.submit(desk.request(Side.BUY, str(best.qty), best.px))
    assert best.px < desk.book().asks[0].px
    desk.clock.advance(1)
    assert 400 == len(desk.book().asks)


def test_a_resting_order_holds_its_worst_case_and_gives_it_back(tmp_path: Path) -> None:
    """A buy holds quote with the fee, a sell base; a cancel frees both."""
    desk = bench(tmp_path)
    buy = desk.request(Side.BUY, "2", "90", tif=TimeInForce.GTC)
    sell = desk.request(Side.SELL, "3", "110", tif=TimeInForce.GTC)
    desk.submit(buy)
    desk.submit(sell)
    assert (Decimal("819.82"), Decimal(7)) == (desk.free("USD"), desk.free("BTC"))
    assert {OrdStatus.NEW} == {order.ord_status for order in desk.orders()}
    desk.cancel(buy)
    desk.cancel(sell)
    assert (Decimal(1_000), Decimal(10)) == (desk.free("USD"), desk.free("BTC"))
    assert {OrdStatus.CANCELED} == {order.ord_status for order in desk.orders()}


def test_a_gtc_order_takes_what_it_can_and_rests_with_the_rest(tmp_path: Path) -> None:
    """One of three fills; two are held at the limit."""
    desk = bench(tmp_path)
    desk.submit(desk.request(Side.BUY, "3", "100", tif=TimeInForce.GTC))
    assert (OrdStatus.PARTIALLY_FILLED, Decimal(1)) == (desk.order().ord_status, desk.order().cum_qty)
    # Spent 100 and a fee of 0.1; held 2 x 100 x 1.001.
    assert (Decimal("899.9"), Decimal("699.7")) == (desk.total("USD"), desk.free("USD"))


def test_a_resting_order_fills_at_its_limit_when_a_later_book_crosses_it(tmp_path: Path) -> None:
    """Within what that book offers there, at the time at which it came, though nobody looked."""
    desk = bench(tmp_path, (5, (("93", "9"),), (("94", "1.5"), ("95", "9"))), (8, BIDS, ASKS))
    desk.submit(desk.request(Side.BUY, "2", "94", tif=TimeInForce.GTC))
    placed_at = desk.clock.now()
    desk.clock.advance(60)
    (fill,) = desk.trades()
    assert (Decimal(94), Decimal("1.5"), Decimal("0.141")) == (fill.price, fill.qty, fill.fee_amount)
    assert 5_000_000 == fill.at - placed_at
    assert OrdStatus.PARTIALLY_FILLED is desk.order().ord_status


def test_two_resting_orders_share_what_a_book_offers_by_price_then_by_time(tmp_path: Path) -> None:
    """The better bid fills first, the older of two equals next."""
    desk = bench(tmp_path, (5, (("80", "9"),), (("94", "2.5"),)))
    for qty, px in (("1", "95"), ("1", "95"), ("1", "96")):
        desk.submit(desk.request(Side.BUY, qty, px, tif=TimeInForce.GTC))
    desk.clock.advance(5)
    filled = {order.cl_ord_id: order.cum_qty for order in desk.orders()}
    assert [Decimal(1), Decimal("0.5"), Decimal(1)] == [filled[key] for key in sorted(filled, key=str)]


def test_a_resting_sell_fills_in_the_generated_market(tmp_path: Path) -> None:
    """The price wanders; an order a few bps away is met within the quarter of an hour, and not twice."""
    desk = Bench(tmp_path / "x.paper")
    limit = desk.book().asks[0].px + Decimal(8)
    desk.submit(desk.request(Side.SELL, "0.001", limit, tif=TimeInForce.GTC))
    desk.submit(desk.request(Side.BUY, "0.001", limit - 16, tif=TimeInForce.GTC))
    for _ in range(9):
        desk.clock.advance(100)
        desk.book()
    fills = desk.trades()
    assert 1 <= len(fills) == len({fill.order_id for fill in fills}) <= 2
    assert {limit if fill.side is Side.SELL else limit - 16 for fill in fills} == {f.price for f in fills}


def test_own_orders_never_meet_each_other(tmp_path: Path) -> None:
    """A sell above an own bid rests, and an own IOC sell passes the own bid by."""
    desk = bench(tmp_path)
    desk.submit(desk.request(Side.SELL, "1", "100", tif=TimeInForce.GTC))
    desk.submit(desk.request(Side.BUY, "1", "100"))
    assert [(Side.BUY, Decimal(1))] == [(fill.side, fill.qty) for fill in desk.trades()]


def test_event_times_strictly_increase(tmp_path: Path) -> None:
    """Though the clock stands still: order times, sweeps and readings never tie. The fills of one sweep
    do, for they are one event."""
    desk = bench(tmp_path)
    desk.submit(desk.request(Side.BUY, "3", "101"))
    desk.submit(desk.request(Side.SELL, "3", "98"))
    sweeps = [fill.at for fill in desk.trades()]
    assert [2, 2] == [sweeps.count(at) for at in sorted(set(sweeps))]
    assert sweeps == sorted(sweeps)
    times = [*set(sweeps), *(order.created_at for order in desk.orders())]
    assert len(times) == len(set(times))


REFUSALS = [
    ("lot", {"qty": "1.05"}),
    ("tick", {"limit_px": "100.5"}),
    ("tick", {"limit_px": "0"}),
    ("min_qty", {"qty": "0.1"}),
    ("min_qty", {"qty": "0"}),
    ("min_notional", {"limit_px": "29"}),
    ("max_px", {"limit_px": "1000001"}),
    ("insufficient_funds", {"qty": "10"}),
    ("unknown_symbol", {"symbol": Symbol("BTC/EUR")}),
    ("post_only", {"post_only": True}),
]


@pytest.mark.parametrize(("reason_code", "change"), REFUSALS, ids=[code for code, _ in REFUSALS])
def test_a_refusal_has_a_reason_code_and_changes_nothing(
    tmp_path: Path, reason_code: str, change: dict[str, object]
) -> None:
    """One thing wrong with an order that is fine otherwise."""
    desk = bench(tmp_path)
    terms: dict[str, object] = {"qty": "1", "limit_px": "100"}
    with pytest.raises(VenueRejected) as refused:
        desk.submit(desk.request(Side.BUY, **(terms | change)))
    assert reason_code == refused.value.reason_code
    assert ((), Decimal(1_000)) == (desk.orders(), desk.free("USD"))


@pytest.mark.parametrize(("owned", "affordable"), [("999.999", True), ("999.998", False)])
def test_funds_are_judged_at_the_limit_with_the_fee(tmp_path: Path, owned: str, affordable: bool) -> None:
    """Nine at 111 with the fee cost 999.999 at worst."""
    desk = bench(tmp_path, balances={Asset("USD"): Decimal(owned)})
    request = desk.request(Side.BUY, "9", "111", tif=TimeInForce.FOK)
    if affordable:
        desk.submit(request)
    else:
        with pytest.raises(VenueRejected) as refused:
            desk.submit(request)
        assert "insufficient_funds" == refused.value.reason_code


def test_a_client_id_is_unique_among_open_orders_only(tmp_path: Path) -> None:
    """As on Kraken and Binance: after a fill the same id is a second order. That it is used decides nothing,
    for a gateway may have repeated our own request."""
    desk = bench(tmp_path)
    for _ in range(2):
        desk.submit(desk.request(Side.BUY, "1", "103", cl_ord_id="twice"))
    desk.submit(desk.request(Side.BUY, "1", "90", cl_ord_id="rests", tif=TimeInForce.GTC))
    with pytest.raises(OutcomeUnknown, match="an open order has the client order id rests"):
        desk.submit(desk.request(Side.BUY, "1", "90", cl_ord_id="rests"))
    assert ["rests", "twice", "twice"] == sorted(str(order.cl_ord_id) for order in desk.orders())


def test_nothing_is_sent_at_the_deadline(tmp_path: Path) -> None:
    """The adapter itself holds it back."""
    desk = bench(tmp_path)
    request = desk.request(Side.BUY, "1", "100", deadline_s=1)
    desk.clock.advance(1)
    with pytest.raises(VenueUnreachable):
        desk.submit(request)
    assert () == desk.orders()


def test_canceling_what_is_not_open_is_refused(tmp_path: Path) -> None:
    """It was never there, or it is closed already."""
    desk = bench(tmp_path)
    request = desk.request(Side.BUY, "1", "100")
    desk.submit(request)
    with pytest.raises(VenueRejected) as refused:
        desk.cancel(request)
    assert "unknown_order" == refused.value.reason_code


def test_a_manual_trade_is_an_order_without_client_id(tmp_path: Path) -> None:
    """It walks the book like a market order and pays the same fee."""
    desk = bench(tmp_path)
    report = desk.exchange.trade(Venue("kraken"), Side.SELL, Decimal("1.5"), BTC_USD)
    assert (None, None, Decimal("1.5"), OrdStatus.FILLED) == (
        report.cl_ord_id, report.limit_px, report.cum_qty, report.ord_status,
    )  # fmt: skip
    assert [Decimal(99), Decimal(98)] == [fill.price for fill in desk.trades()]
    assert Decimal(1_000) + Decimal(148) * Decimal("0.999") == desk.total("USD")


@pytest.mark.parametrize("qty", ["0", "-1", "0.05", "11"])
def test_a_manual_trade_that_can_not_be_is_a_usage_error(tmp_path: Path, qty: str) -> None:
    """Off the lot, or more than is free."""
    desk = bench(tmp_path, balances={Asset("BTC"): Decimal(1)})
    with pytest.raises(UsageError):
        desk.exchange.trade(Venue("kraken"), Side.SELL, Decimal(qty), BTC_USD)
    assert () == desk.orders()


def test_a_withdrawal_beyond_what_is_free_is_refused(tmp_path: Path) -> None:
    """Held funds can not leave; free ones can."""
    desk = bench(tmp_path)
    desk.submit(desk.request(Side.SELL, "3", "110", tif=TimeInForce.GTC))
    with pytest.raises(UsageError):
        desk.exchange.transfer(Venue("kraken"), Asset("BTC"), Decimal("-7.1"))
    desk.exchange.transfer(Venue("kraken"), Asset("BTC"), Decimal(-7))
    desk.exchange.transfer(Venue("kraken"), Asset("EUR"), Decimal(5))
    assert (Decimal(3), Decimal(0), Decimal(5)) == (desk.total("BTC"), desk.free("BTC"), desk.total("EUR"))
