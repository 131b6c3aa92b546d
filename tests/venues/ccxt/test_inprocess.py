"""The line to a dialect in this process: on any event loop, and whatever becomes of a request on its way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import ClOrdId, Symbol, Venue
from mvx.domain.instant import Instant, after
from mvx.domain.order import Ack, OrderRequest, Side, TimeInForce
from mvx.errors import OutcomeUnknown, Refusal, VenueRejected, VenueUnreachable
from mvx.paper.client import Carry, at_once
from mvx.paper.exchange import PaperExchange
from mvx.paper.faults import Call, Fault
from mvx.paper.lists import PAGE_ROWS
from tests.paper.builders import venue_settings
from tests.simulation.loop import Loop, SimulatedClock, Turns
from tests.venues.ccxt.inprocess import adapter_to
from tests.virtual import VirtualClock

SYMBOLS = {"kraken": Symbol("BTC/USD"), "binance": Symbol("BTC/USDT")}


class There:
    """A venue of the paper exchange, and mvx's own adapter before it."""

    def __init__(
        self, name: str, folder: Path, clock: Any, carry: Carry = at_once, page_rows: int = PAGE_ROWS
    ) -> None:
        self.name, self.symbol, self.clock = Venue(name), SYMBOLS[name], clock
        settings = venue_settings(name, (self.symbol,))
        self.exchange = PaperExchange(folder / "x.paper", {self.name: settings}, clock)
        self.venue = adapter_to(self.exchange, settings, clock, folder / "shared", carry, page_rows=page_rows)

    def request(self) -> OrderRequest:
        """A tenth at nearly any price."""
        return OrderRequest(
            cl_ord_id=ClOrdId("m0000000000000abcd"),
            symbol=self.symbol,
            side=Side.BUY,
            order_qty=Decimal("0.1"),
            limit_px=Decimal(90_000),
            time_in_force=TimeInForce.IOC,
            post_only=False,
            deadline=after(self.clock.now(), 20),
        )

    def orders(self) -> Any:
        return self.exchange.ledger(self.name)["orders"]


@pytest.fixture(params=SYMBOLS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_it_needs_no_more_of_a_loop_than_the_simulation_has(name: str, tmp_path: Path) -> None:
    """No socket, no thread, no time but the loop's; a way that takes time takes it there."""
    loop = Loop(random.Random("seed"), SimulatedClock())

    async def slowly(call: Call, request: Callable[[], Any]) -> Any:
        await asyncio.sleep(0.1)
        return request()

    there = There(name, tmp_path, loop.clock, slowly)

    async def work() -> tuple[Ack, int, Decimal]:
        ack = await there.venue.submit(there.request())
        fills = await there.venue.trades(Instant(0))
        await there.venue.close()
        return ack, len(fills), sum((fill.qty for fill in fills), Decimal(0))

    began_at = loop.clock.now()
    with loop.running():
        task = loop.begin(Turns("desk"), work())
        while loop.step() is not None:
            pass
    ack, fills, qty = task.result()
    assert ack.order_id
    assert fills
    assert Decimal("0.1") == qty
    assert loop.clock.now() >= after(began_at, 0.5)


class Way:
    """There and back at once, until it is said what becomes of a request."""

    def __init__(self) -> None:
        self.becomes: Callable[[Callable[[], Any]], Awaitable[Any]] | None = None

    async def __call__(self, call: Call, request: Callable[[], Any]) -> Any:
        return request() if self.becomes is None else await self.becomes(request)


class Killed(BaseException):
    """What ends a process."""


@pytest.mark.parametrize(
    "breaks",
    [
        OutcomeUnknown("lost"),
        VenueUnreachable("refused"),
        VenueRejected("shut", reason_code="closed", about=Refusal.CLOSED),
        Killed(),
    ],
)
def test_what_its_way_raises_is_heard_as_it_is(name: str, tmp_path: Path, breaks: BaseException) -> None:
    """Of a write, and of a read."""
    way = Way()
    there = There(name, tmp_path, VirtualClock(), way)

    async def breaking(request: Callable[[], Any]) -> Any:
        raise breaks

    async def work() -> None:
        await there.venue.balances()
        way.becomes = breaking
        for ask in (lambda: there.venue.submit(there.request()), there.venue.balances):
            with pytest.raises(type(breaks)) as heard:
                await ask()
            assert heard.value is breaks

    there.clock.run(work())
    assert [] == there.orders()


@pytest.mark.parametrize(
    ("kind", "means", "orders"),
    [
        ("html-200", OutcomeUnknown, 1),
        ("no-id", OutcomeUnknown, 1),
        ("http-503-before", OutcomeUnknown, 0),
        ("http-429", VenueRejected, 0),
        ("outage", VenueUnreachable, 0),
    ],
)
def test_a_request_may_meet_a_fault_on_its_way(
    name: str, tmp_path: Path, kind: str, means: type[Exception], orders: int
) -> None:
    """Which the venue knows nothing of; the next one meets none."""
    way = Way()
    there = There(name, tmp_path, VirtualClock(), way)

    async def meeting(request: Callable[..., Any]) -> Any:
        return request(Fault(kind, 0.0))

    async def work() -> None:
        await there.venue.balances()
        way.becomes = meeting
        with pytest.raises(means):
            await there.venue.submit(there.request())
        assert orders == len(there.orders())
        way.becomes = None
        await there.venue.open_orders()

    there.clock.run(work())


def test_a_list_is_whole_however_short_its_pages_are(tmp_path: Path) -> None:
    """Kraken says how many rows there are, and its pages are as long as it likes."""
    there = There("kraken", tmp_path, VirtualClock(), page_rows=2)

    async def work() -> int:
        for number in range(5):
            await there.venue.submit(replace(there.request(), cl_ord_id=ClOrdId(f"m000000000000abc{number}")))
        return len(await there.venue.closed_orders(Instant(0)))

    assert 5 == there.clock.run(work())


@pytest.mark.parametrize("arrives", [True, False])
def test_what_never_answers_is_unknown_in_its_time(name: str, tmp_path: Path, arrives: bool) -> None:
    """Whether it arrived or not: it had left."""
    way = Way()
    there = There(name, tmp_path, VirtualClock(), way)

    async def silent(request: Callable[[], Any]) -> None:
        if arrives:
            request()
        await asyncio.sleep(3_600)

    async def work() -> None:
        await there.venue.balances()
        way.becomes = silent
        with pytest.raises(OutcomeUnknown):
            await there.venue.submit(there.request())

    began_at = there.clock.now()
    there.clock.run(work())
    assert there.clock.now() <= after(began_at, 1.01)
    assert arrives == len(there.orders())
