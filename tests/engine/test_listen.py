"""What a venue pushes is a claim: it makes a fill expected, and the reads decide."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.entries import Acked, FillBooked, Intended, OutcomeLost, ParentOpened, Sending
from mvx.domain.execution import ExecutionReport
from mvx.domain.ids import Asset, ClOrdId, OrderId, ParentId, Symbol
from mvx.domain.order import Order
from mvx.domain.order_status import ExecType, OrdStatus
from mvx.engine import listen
from mvx.engine.desk import Desk
from mvx.engine.listen import hear, listening
from mvx.engine.positions_result import PositionRow
from mvx.errors import JournalError, VenueUnreachable
from mvx.journal import views
from tests.domain import orders
from tests.domain.orders import BTC, BUY, SELL, USD
from tests.engine.desk import KRAKEN, Operator, Witness, settings
from tests.engine.truth import last_seq, reading

D = Decimal
M9, P9 = ClOrdId("m9"), ParentId("p9")
PART = replace(orders.fill("0.4", "99"), account="paper")
PUSHED = ExecutionReport(
    KRAKEN, M9, OrderId("V1"), Symbol("BTC/USD"), BUY, ExecType.PARTIAL_FILL, PART, orders.at(3)
)
ACK = replace(PUSHED, exec_type=ExecType.NEW, fill=None)


def at_work(folder: Path, *, acked: bool = True) -> Operator:
    """First contact, and an order of ours that is on its way."""
    at = Operator(settings(folder, "kraken"))
    at.reconciles()

    async def sent(desk: Desk) -> None:
        with desk.journal.write() as tx:
            tx.append(ParentOpened(P9, None, "{}", "BTC-USD", BUY, D(1)))
            tx.append(Intended(orders.order(BUY, "1", cl_ord_id=M9, parent_id=P9, account="paper")))
            tx.append(Sending(M9))
            tx.append(Acked(M9, OrderId("V1")) if acked else OutcomeLost(M9, "timeout"))

    at.does(sent)
    return at


def hears(at: Operator, *reports: ExecutionReport) -> list[bool]:
    async def heard(desk: Desk) -> list[bool]:
        return [hear(desk, report) for report in reports]

    return at.does(heard)


def the_order(at: Operator) -> Order:
    with reading(at.settings) as tx:
        found = views.order(tx, M9)
    assert found is not None
    return found


def btc(at: Operator) -> PositionRow:
    return row_in(at, BTC)


def row_in(at: Operator, asset: Asset) -> PositionRow:
    data: Any = at.positions().data
    return next(row for row in data.positions if row.asset == asset)


def test_a_fill_that_is_pushed_on_a_settled_order_is_expected_all_the_same(tmp_path: Path) -> None:
    """Later than its venue declares. Until a reading tells, nothing there is agreed."""
    at = at_work(tmp_path)
    _settle(at)
    assert (True, "agreed") == (the_order(at).settled, btc(at).state)
    assert [True] == hears(at, PUSHED)
    row = btc(at)
    assert ("unconfirmed", D("10.4"), D(11)) == (row.state, row.expected, row.hi)
    _settle(at)
    assert (True, "agreed", D(10)) == (the_order(at).settled, btc(at).state, btc(at).hi)


def _settle(at: Operator) -> None:
    """What no reading lists was never so, and what it left is over."""
    for _ in range(3):
        at.clock.advance(600)
        at.reconciles()


def test_a_pushed_fill_is_expected_and_not_confirmed(tmp_path: Path) -> None:
    """The point stays, the expectation moves, the interval holds both, and the state says so."""
    at = at_work(tmp_path)
    before = btc(at)
    assert [True] == hears(at, PUSHED)
    after = btc(at)
    assert (before.confirmed, D(10), D("10.4")) == (after.confirmed, after.confirmed, after.expected)
    assert (D(10), D(11), "unconfirmed") == (after.lo, after.hi, after.state)
    assert OrdStatus.NEW is the_order(at).ord_status


@pytest.mark.parametrize("fee_asset", [USD, BTC])
def test_the_fee_of_a_pushed_fill_is_expected_with_it(tmp_path: Path, fee_asset: Asset) -> None:
    """What is booked later moves no more than was expected."""
    at = at_work(tmp_path)
    fill = replace(PART, fee_asset=fee_asset, fee_amount=D("0.001"))
    hears(at, replace(PUSHED, fill=fill))
    told = [row_in(at, asset).expected for asset in (BTC, USD)]

    async def booked(desk: Desk) -> None:
        with desk.journal.write() as tx:
            tx.append(FillBooked(fill, BTC, USD, M9))

    at.does(booked)
    assert told == [row_in(at, asset).confirmed for asset in (BTC, USD)]
    assert told == [row_in(at, asset).expected for asset in (BTC, USD)]


@pytest.mark.parametrize("listed_first", [True, False])
def test_a_replayed_stream_teaches_nothing(tmp_path: Path, listed_first: bool) -> None:
    """Kraken re-sends past trades on every connect: what is booked or heard is not news."""
    at = at_work(tmp_path)

    async def booked(desk: Desk) -> None:
        with desk.journal.write() as tx:
            tx.append(FillBooked(PART, BTC, USD, M9))

    at.does(booked) if listed_first else hears(at, PUSHED)
    seq = last_seq(at.settings)
    assert [False] * 4 == hears(at, PUSHED, ACK, PUSHED, ACK)
    assert seq == last_seq(at.settings)


def test_a_push_about_an_unknown_order_names_it(tmp_path: Path) -> None:
    """Its outcome is known: it was accepted."""
    at = at_work(tmp_path, acked=False)
    assert [True, False] == hears(at, ACK, ACK)
    assert (OrderId("V1"), False, OrdStatus.NEW) == (
        the_order(at).order_id, the_order(at).unknown, the_order(at).ord_status,
    )  # fmt: skip


@pytest.mark.parametrize(
    "foreign",
    [
        {"cl_ord_id": ClOrdId("nobody")},
        {"side": SELL},
        {"symbol": Symbol("ETH/USD")},
        {"order_id": OrderId("another")},
    ],
    ids=str,
)
def test_a_push_that_is_not_about_our_order_is_left_to_the_reads(
    tmp_path: Path, foreign: dict[str, Any]
) -> None:
    """Another order's id, another market, another side: nothing of it is believed."""
    at = at_work(tmp_path)
    seq = last_seq(at.settings)
    assert [False] == hears(at, replace(PUSHED, **foreign))
    assert seq == last_seq(at.settings)


class Streaming(Witness):
    """A venue that pushes these reports, and then nothing more."""

    def __init__(self, port: Any, *reports: ExecutionReport, streams: bool = True) -> None:
        super().__init__(port, lambda venue, call: None)
        self.capabilities = replace(port.capabilities, streams=streams)
        self.reports = reports

    async def executions(self) -> AsyncIterator[ExecutionReport]:
        for report in self.reports:
            yield report
        await asyncio.Event().wait()


@pytest.mark.parametrize("streams", [True, False])
def test_whoever_listens_has_it_in_the_journal_and_ends_when_the_block_does(
    tmp_path: Path, streams: bool
) -> None:
    """A stream goes on for ever; a venue that has none is not asked for one."""
    at = at_work(tmp_path)

    async def listens(desk: Desk) -> None:
        port = Streaming(desk.venues[KRAKEN], PUSHED, PUSHED, streams=streams)
        async with listening(replace(desk, venues={KRAKEN: port}), [KRAKEN, KRAKEN]):
            await asyncio.sleep(0.01)

    at.does(listens)
    assert (D("0.4") if streams else D(0)) == the_order(at).heard_qty


def test_after_a_connection_that_was_lost_one_listens_again(tmp_path: Path) -> None:
    """A daemon listens for as long as it leads."""
    at = at_work(tmp_path)

    class Cut(Streaming):
        cuts = 0

        async def executions(self) -> AsyncIterator[ExecutionReport]:
            if self.cuts < 2:
                self.cuts += 1
                raise VenueUnreachable("kraken: its stream was cut")
            async for report in super().executions():
                yield report

    async def listens(desk: Desk) -> None:
        port = Cut(desk.venues[KRAKEN], PUSHED)
        async with listening(replace(desk, venues={KRAKEN: port}), [KRAKEN]):
            await asyncio.sleep(0.05)

    at.does(listens)
    assert D("0.4") == the_order(at).heard_qty


def test_after_a_journal_that_could_not_be_written_one_listens_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that was full for a moment leaves no venue unheard for as long as the leader leads."""
    at, failed = at_work(tmp_path), []

    def full(desk: Desk, report: ExecutionReport) -> bool:
        if len(failed) < 2:
            failed.append(report)
            raise JournalError("the disk is full")
        return hear(desk, report)

    monkeypatch.setattr(listen, "hear", full)

    async def listens(desk: Desk) -> None:
        port = Streaming(desk.venues[KRAKEN], PUSHED)
        async with listening(replace(desk, venues={KRAKEN: port}), [KRAKEN]):
            await asyncio.sleep(0.05)

    at.does(listens)
    assert (2, D("0.4")) == (len(failed), the_order(at).heard_qty)


def test_a_listener_that_fails_is_not_silent(tmp_path: Path) -> None:
    """A defect while hearing is raised when the block ends."""
    at = at_work(tmp_path)

    class Broken(Streaming):
        async def executions(self) -> AsyncIterator[ExecutionReport]:
            raise RuntimeError("defect")
            yield PUSHED

    async def listens(desk: Desk) -> None:
        async with listening(replace(desk, venues={KRAKEN: Broken(desk.venues[KRAKEN])}), [KRAKEN]):
            await asyncio.sleep(0.01)

    with pytest.raises(RuntimeError):
        at.does(listens)
