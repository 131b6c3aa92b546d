"""What a paper venue pushes in process: when, to whom, and what faults make of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.execution import ExecutionReport
from mvx.domain.ids import ClOrdId, Symbol, Venue
from mvx.domain.order import Side, TimeInForce
from mvx.domain.order_status import ExecType, OrdStatus
from mvx.errors import BadVenueData, OutcomeUnknown, VenueRejected, VenueUnreachable
from mvx.paper.venue import PaperVenue
from tests.paper.builders import BTC_USD, Bench, venue_settings, write_books

KRAKEN = Venue("kraken")
GTC = TimeInForce.GTC
NEW, PART, FILL, CANCELED, EXPIRED = (
    ExecType.NEW, ExecType.PARTIAL_FILL, ExecType.FILL, ExecType.CANCELED, ExecType.EXPIRED,
)  # fmt: skip


def bench(tmp_path: Path, name: str = "kraken") -> Bench:
    """A venue whose book offers 1 at 100 and at 101, and ten seconds later crosses 95."""
    bids = [("99", "5")]
    books = write_books(
        tmp_path / "books.jsonl",
        (0, bids, [("100", "1"), ("101", "1")]),
        (10, [("80", "5")], [("90", "5")]),
        exchange=name,
    )
    return Bench(tmp_path / "x.paper", venue_settings(name, books=books), venue_settings("okx"))


class Listener:
    """Everything that one venue port pushed until it was closed."""

    def __init__(self, venue: PaperVenue) -> None:
        self.venue = venue
        self._stream = venue.executions()

    def heard(self) -> list[ExecutionReport]:
        async def listen() -> list[ExecutionReport]:
            await self.venue.close()
            return [report async for report in self._stream]

        return asyncio.run(listen())

    def kinds(self) -> list[ExecType]:
        return [report.exec_type for report in self.heard()]


def test_an_order_is_pushed_from_its_ack_to_its_end(tmp_path: Path) -> None:
    """With the ids, the times and the fills that the lists have."""
    desk = bench(tmp_path)
    listener = Listener(desk.venue())
    desk.submit(desk.request(Side.BUY, "2", "101", cl_ord_id="mine"))
    reports = listener.heard()
    assert [(NEW, None), (PART, "T1"), (FILL, "T2")] == [
        (report.exec_type, report.fill.exec_id if report.fill else None) for report in reports
    ]
    assert desk.trades() == tuple(report.fill for report in reports if report.fill)
    assert {("mine", desk.order().order_id, BTC_USD, Side.BUY)} == {
        (report.cl_ord_id, report.order_id, report.symbol, report.side) for report in reports
    }
    assert [desk.order().created_at, *(fill.at for fill in desk.trades())] == [r.at for r in reports]


@pytest.mark.parametrize(("name", "killed"), [("kraken", CANCELED), ("binance", EXPIRED)])
def test_a_remainder_that_can_not_rest_ends_in_the_venues_own_word(
    tmp_path: Path, name: str, killed: ExecType
) -> None:
    """After its fills."""
    desk = bench(tmp_path, name)
    listener = Listener(desk.venue())
    desk.submit(desk.request(Side.BUY, "3", "101"))
    assert [NEW, PART, PART, killed] == listener.kinds()


def test_a_cancel_and_a_resting_fill_are_pushed_by_whoever_looks(tmp_path: Path) -> None:
    """Here the listener's own process."""
    desk = bench(tmp_path)
    first = desk.request(Side.BUY, "1", "80", tif=GTC)
    desk.submit(first)
    desk.submit(desk.request(Side.BUY, "1", "95", tif=GTC))
    listener = Listener(desk.venue())
    desk.cancel(first)
    desk.clock.advance(20)
    desk.book()
    assert [CANCELED, FILL] == listener.kinds()


def test_what_another_process_does_is_a_gap(tmp_path: Path) -> None:
    """Nothing is pushed of it, and nothing of what it saw happen."""
    desk = bench(tmp_path)
    listener = Listener(desk.venue())
    twin = desk.twin()
    twin.submit(desk.request(Side.BUY, "1", "100"))
    twin.submit(desk.request(Side.BUY, "1", "95", tif=GTC))
    desk.clock.advance(20)
    twin.book()
    assert [] == listener.heard()


def test_only_orders_with_a_client_id_of_that_venue_are_pushed(tmp_path: Path) -> None:
    """What was done by hand is not ours, and another venue has a stream of its own."""
    desk = bench(tmp_path)
    listener, other = Listener(desk.venue("kraken")), Listener(desk.venue("okx"))
    desk.exchange.trade(KRAKEN, Side.BUY, Decimal(1), BTC_USD)
    manual = desk.exchange.trade(KRAKEN, Side.BUY, Decimal(1), BTC_USD, Decimal(80))
    desk.exchange.cancel(KRAKEN, manual.order_id)
    desk.exchange.transfer(KRAKEN, "USD", Decimal(1))
    desk.submit(desk.request(Side.BUY, "1", "90000"), "okx")
    assert [] == listener.heard()
    assert {"okx"} == {report.venue for report in other.heard()}


def test_what_was_rolled_back_is_not_pushed(tmp_path: Path) -> None:
    """Reports go out once their transaction is committed."""
    desk = bench(tmp_path)
    listener = Listener(desk.venue())
    with suppress(BadVenueData), desk.exchange.visit(KRAKEN) as session:
        session.submit(desk.request(Side.BUY, "1", "100"))
        raise BadVenueData("halfway")
    assert ([], ()) == (listener.heard(), desk.orders())


def test_a_lost_ack_is_pushed_all_the_same(tmp_path: Path) -> None:
    """The stream may know first what became of an unknown order; a refusal says nothing there."""
    desk = bench(tmp_path)
    listener = Listener(desk.venue())
    desk.exchange.inject(KRAKEN, "lost-ack")
    with pytest.raises(OutcomeUnknown):
        desk.submit(desk.request(Side.BUY, "1", "100"))
    with pytest.raises(VenueRejected):
        desk.submit(desk.request(Side.BUY, "1", "0"))
    assert [NEW, FILL] == listener.kinds()


def test_a_late_fill_and_a_correction_are_pushed_as_fills(tmp_path: Path) -> None:
    """With exec_ids of their own; that a trade was taken back is not."""
    desk = bench(tmp_path)
    desk.exchange.inject(KRAKEN, "late-fill")
    desk.submit(desk.request(Side.BUY, "3", "101"))
    listener = Listener(desk.venue())
    desk.clock.advance(2)
    desk.exchange.correct(KRAKEN, desk.trades()[0].exec_id, Decimal("0.5"), Decimal(99))
    reports = listener.heard()
    assert [(PART, "T3"), (PART, "T4")] == [
        (report.exec_type, report.fill.exec_id if report.fill else None) for report in reports
    ]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("drop-event", [FILL, NEW, FILL]),
        ("duplicate-event", [NEW, NEW, FILL, NEW, FILL]),
        ("reorder-event", [FILL, NEW, NEW, FILL]),
    ],
)
def test_an_event_fault_hits_the_next_event(tmp_path: Path, kind: str, expected: list[ExecType]) -> None:
    """Once; the venue's record is what it is."""
    desk = bench(tmp_path)
    listener = Listener(desk.venue())
    desk.exchange.inject(KRAKEN, kind)
    desk.submit(desk.request(Side.BUY, "1", "100"))
    desk.submit(desk.request(Side.BUY, "1", "101"))
    assert expected == listener.kinds()
    assert 2 == len(desk.trades())


@pytest.mark.parametrize("kind", ["drop-event", "duplicate-event", "reorder-event"])
def test_an_event_fault_is_not_spent_where_nobody_listens(tmp_path: Path, kind: str) -> None:
    """Nor a swap of one event with none. It lives in the file: any process injects it."""
    desk = bench(tmp_path)
    desk.twin().exchange.inject(KRAKEN, kind)
    desk.submit(desk.request(Side.BUY, "1", "100"))
    listener = Listener(desk.venue())
    desk.submit(desk.request(Side.BUY, "1", "101"))
    assert [NEW, FILL] != listener.kinds()


def test_a_stream_ends_when_its_venue_is_closed(tmp_path: Path) -> None:
    """After what was pushed before; another port of the same venue goes on."""
    desk = bench(tmp_path)
    first, second = Listener(desk.venue()), Listener(desk.venue())
    desk.submit(desk.request(Side.BUY, "1", "100"))
    assert [NEW, FILL] == first.kinds()
    desk.submit(desk.request(Side.BUY, "1", "101"))
    assert [] == first.kinds()
    assert [NEW, FILL, NEW, FILL] == second.kinds()


def test_a_listener_that_left_spends_no_fault(tmp_path: Path) -> None:
    """Its task was cancelled; what is pushed afterwards is for the next one."""
    desk = bench(tmp_path)

    async def leave() -> None:
        reports = desk.venue().executions()
        ear = asyncio.ensure_future(anext(reports))
        await asyncio.sleep(0)
        ear.cancel()
        await asyncio.gather(ear, return_exceptions=True)

    asyncio.run(leave())
    desk.exchange.inject(KRAKEN, "drop-event")
    desk.submit(desk.request(Side.BUY, "1", "100"))
    listener = Listener(desk.venue())
    desk.submit(desk.request(Side.BUY, "1", "101"))
    assert [FILL] == listener.kinds()


class Ear(Listener):
    """One that says how it ended."""

    def ended(self) -> tuple[list[ExecType], bool]:
        """What it heard, and whether the connection was lost."""
        kinds: list[ExecType] = []

        async def listen() -> bool:
            await self.venue.close()
            try:
                async for report in self._stream:
                    kinds.append(report.exec_type)
            except VenueUnreachable:
                return True
            return False

        return kinds, asyncio.run(listen())


@pytest.mark.parametrize(("kind", "cut"), [("outage", True), ("hang", False)])
@pytest.mark.parametrize("looks_in_it", [True, False])
def test_a_venue_that_is_out_pushes_nothing_of_it_then_or_later(
    tmp_path: Path, kind: str, cut: bool, looks_in_it: bool
) -> None:
    """No late order that arrives in it, and no fill: the lists tell. A stream that was cut says so."""
    desk = bench(tmp_path)
    ear = Ear(desk.venue())
    desk.submit(desk.request(Side.BUY, "1", "95", tif=GTC))
    desk.exchange.inject(KRAKEN, "late-request", delay_s=3)
    with pytest.raises(OutcomeUnknown):
        desk.submit(desk.request(Side.BUY, "1", "100"))
    desk.exchange.inject(KRAKEN, kind, for_s=20)
    desk.clock.advance(10)
    if looks_in_it:
        with pytest.raises((OutcomeUnknown, VenueUnreachable)):
            desk.book()
    desk.clock.advance(20)
    assert [OrdStatus.FILLED] * 2 == [order.ord_status for order in desk.orders()]
    assert ([NEW], cut) == ear.ended()


def test_an_outage_is_heard_before_and_after_it(tmp_path: Path) -> None:
    """What is asked for in it is heard once it is over, also where a heal ends it."""
    desk = bench(tmp_path)
    desk.exchange.inject(KRAKEN, "outage")
    again = Ear(desk.venue())
    desk.exchange.heal(KRAKEN)
    assert ([], False) == again.ended()
    after = Ear(desk.venue())
    desk.submit(desk.request(Side.BUY, "1", "100"))
    assert ([NEW, FILL], False) == after.ended()


def test_a_cancel_of_what_is_not_there_pushes_nothing(tmp_path: Path) -> None:
    """Only what happened is told."""
    desk = bench(tmp_path)
    listener = Listener(desk.venue())
    with pytest.raises(VenueRejected):
        asyncio.run(desk.venue().cancel(Symbol("BTC/USD"), ClOrdId("nobody"), None))
    assert [] == listener.heard()
