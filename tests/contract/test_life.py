"""What happens at an account beside our orders: transfers, manual orders, busts; and what is pushed."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from mvx.domain.execution import ExecutionReport
from mvx.domain.ids import Asset
from mvx.domain.instant import Instant
from mvx.domain.order import Side, TimeInForce
from mvx.domain.order_status import ExecType, OrdStatus
from tests.contract.rigs import Rig
from tests.contract.venue import (
    BTC_USD,
    Order,
    assert_lists_tell_the_truth,
    balances,
    cancel,
    closed_orders,
    offered,
    open_orders,
    report_of,
    rest,
    submit,
    trades,
)

BTC, USD = Asset("BTC"), Asset("USD")


def test_deposits_and_withdrawals_are_listed_oldest_first(rig: Rig) -> None:
    """Each once, signed, with an id of its own, dated between the balances around it."""
    if not rig.venue.capabilities.lists_transfers:
        pytest.skip("this adapter does not list transfers")
    before = balances(rig)
    for asset, amount in ((BTC, Decimal("1.5")), (USD, Decimal(-250))):
        rig.pause()
        rig.transfer(asset, amount)
    rig.pause()
    now = balances(rig)
    listed = rig.clock.run(rig.venue.transfers(Instant(0)))
    assert [(BTC, Decimal("1.5")), (USD, Decimal(-250))] == [(t.asset, t.amount) for t in listed]
    assert 2 == len({transfer.listing for transfer in listed})
    assert before.at < listed[0].at < listed[1].at < now.at
    assert listed[1:] == rig.clock.run(rig.venue.transfers(listed[1].at))
    assert Decimal("1.5") == now.total[BTC] - before.total[BTC]


def test_a_transfer_may_be_listed_after_the_balance_moved(rig: Rig) -> None:
    """Under the time at which it moved."""
    if not rig.venue.capabilities.lists_transfers:
        pytest.skip("this adapter does not list transfers")
    before = balances(rig)
    rig.pause()
    rig.transfer(BTC, Decimal(1), listed_after_s=5)
    rig.pause()
    now = balances(rig)
    assert (Decimal(1), ()) == (
        now.total[BTC] - before.total[BTC], rig.clock.run(rig.venue.transfers(Instant(0))),
    )  # fmt: skip
    rig.clock.advance(5)
    (listed,) = rig.clock.run(rig.venue.transfers(Instant(0)))
    assert before.at < listed.at < now.at


def test_a_manual_order_rests_and_is_cancelled_by_hand(rig: Rig) -> None:
    """It carries no client id, and keeps its money."""
    rig.trade_by_hand(Side.SELL, Decimal(2), Decimal(95_000))
    (resting,) = open_orders(rig)
    assert (None, Decimal(95_000), OrdStatus.NEW) == (
        resting.cl_ord_id, resting.limit_px, resting.ord_status,
    )  # fmt: skip
    assert Decimal(98) == balances(rig).free[BTC]
    rig.cancel_by_hand(resting.order_id)
    (closed,) = closed_orders(rig)
    assert ((), OrdStatus.CANCELED) == (open_orders(rig), closed.ord_status)
    assert Decimal(100) == balances(rig).free[BTC]


def test_a_manual_order_takes_what_its_limit_crosses(rig: Rig) -> None:
    """As ours do."""
    rig.trade_by_hand(Side.SELL, Decimal("0.01"), Decimal(70_000))
    (closed,) = closed_orders(rig)
    assert (None, OrdStatus.FILLED) == (closed.cl_ord_id, closed.ord_status)


def test_a_colleague_can_cancel_an_order_of_ours(rig: Rig, order: Order) -> None:
    """The lists say so; nobody asked us."""
    request = rest(rig, order)
    rig.cancel_by_hand(report_of(rig, request).order_id)
    assert OrdStatus.CANCELED is report_of(rig, request).ord_status


def test_a_bust_of_an_open_orders_fill_leaves_it_open(rig: Rig, order: Order) -> None:
    """What was taken back is not for sale again."""
    best = rig.clock.run(rig.venue.book(BTC_USD)).asks[0]
    request = order(order_qty=best.qty + 1, limit_px=best.px, time_in_force=TimeInForce.GTC)
    submit(rig, request)
    (fill,) = trades(rig)
    rig.bust(fill.exec_id)
    report = report_of(rig, request)
    assert (OrdStatus.NEW, Decimal(0), (report,)) == (report.ord_status, report.cum_qty, open_orders(rig))
    assert_lists_tell_the_truth(rig)
    cancel(rig, request)
    assert_lists_tell_the_truth(rig)


def test_a_correction_is_a_bust_and_another_trade(rig: Rig, order: Order) -> None:
    """With an exec_id, a time and numbers of its own; the order counts the new one."""
    opening = balances(rig).total
    request = order(order_qty=Decimal("0.001"))
    submit(rig, request)
    *_, wrong = trades(rig)
    rig.correct(wrong.exec_id, wrong.qty / 2, wrong.price - 10)
    *_, right = stand = [fill for fill in trades(rig) if fill.exec_id != wrong.exec_id]
    assert (wrong.qty / 2, wrong.price - 10, None) == (right.qty, right.price, right.busted_at)
    assert wrong.key != right.key
    assert wrong.order_id == right.order_id
    marked = {fill.exec_id for fill in trades(rig) if fill.busted_at is not None}
    assert ({wrong.exec_id} if rig.habits.names_busts else set()) == marked
    report = report_of(rig, request)
    assert (OrdStatus.CANCELED, sum(fill.qty for fill in stand)) == (report.ord_status, report.cum_qty)
    spent = sum(fill.notional + fill.fee_amount for fill in stand)
    assert (opening[USD] - spent, opening[BTC] + report.cum_qty) == (
        balances(rig).total[USD], balances(rig).total[BTC],
    )  # fmt: skip
    assert_lists_tell_the_truth(rig)


def test_a_sweep_longer_than_any_page_is_read_whole(rig: Rig, order: Order) -> None:
    """Its fills share one time, so page boundaries fall between equals; each is there once."""
    submit(rig, order(Side.SELL, order_qty=Decimal(20)))
    submit(rig, order(order_qty=Decimal("0.001")))
    fills = trades(rig)
    longest = max([fill.at for fill in fills].count(at) for at in {fill.at for fill in fills})
    assert longest > 60
    assert [row["exec_id"] for row in rig.ledger()["fills"]] == [fill.exec_id for fill in fills]


async def heard(rig: Rig, order: Order) -> list[ExecutionReport]:
    """What is pushed of one order that fills whole, one that fills in part, and one that is cancelled, and
    of a manual trade, until the venue is closed."""
    reports: list[ExecutionReport] = []
    stream = rig.venue.executions()

    async def listen() -> None:
        reports.extend([report async for report in stream])

    listening = asyncio.ensure_future(listen())
    best = (await rig.venue.book(BTC_USD)).asks[0]
    await rig.venue.submit(order(order_qty=Decimal("0.001")))
    await rig.venue.submit(order(order_qty=Decimal(3), limit_px=best.px + 1))
    resting = order(limit_px=Decimal(60_000), time_in_force=TimeInForce.GTC)
    await rig.venue.submit(resting)
    await rig.venue.cancel(BTC_USD, resting.cl_ord_id, None)
    rig.trade_by_hand(Side.SELL, Decimal(1))
    await rig.venue.close()
    await listening
    return reports


@pytest.mark.parametrize("kind", ["none", "duplicate-event", "drop-event", "reorder-event"])
def test_what_is_pushed_is_about_our_orders_and_confirmed_by_the_lists(
    rig: Rig, order: Order, kind: str
) -> None:
    """Whatever the stream does to it, a pushed fill is a trade that is listed, number for number. A venue
    without a stream pushes nothing."""
    if kind != "none":
        rig.inject(offered(rig, kind), for_s=60)
    reports = rig.clock.run(heard(rig, order))
    if not rig.venue.capabilities.streams:
        assert [] == reports
        return
    ours = {(r.order_id, r.cl_ord_id) for r in closed_orders(rig) if r.cl_ord_id is not None}
    assert {(report.order_id, report.cl_ord_id) for report in reports} <= ours
    assert {report.fill for report in reports if report.fill} <= set(trades(rig))
    if kind == "none":
        own = [fill for fill in trades(rig) if fill.order_id in {order_id for order_id, _ in ours}]
        assert own == [report.fill for report in reports if report.fill]
        kinds = [report.exec_type for report in reports]
        assert [3, 1, 2] == [kinds.count(each) for each in (ExecType.NEW, ExecType.FILL, ExecType.CANCELED)]
    assert (kind == "drop-event") == (reports == [])
