"""The adapter over a line of one's own: real parsers, no socket, and a clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from mvx.domain.instant import seconds_between
from mvx.domain.order import Ack
from mvx.errors import OutcomeUnknown, VenueUnreachable
from mvx.paper.serve.endpoint import Told
from mvx.venues.ccxt.venue import CcxtVenue
from mvx.venues.ccxt.wire import left
from tests.venues.ccxt.inprocess import Verbs, answered
from tests.venues.ccxt.loopback import Asked, Loopback
from tests.venues.ccxt.venue import DIALECTS, Rig
from tests.virtual import VirtualClock


class Table(Verbs):
    """Answers from the same table as the server does, after `takes_s`."""

    def __init__(self, table: Loopback) -> None:
        self._table = table
        self.takes_s = 0.25
        self.reached = True

    @asynccontextmanager
    async def ask(self, method: str, url: Any, how: Any) -> AsyncIterator[Any]:
        if self.reached:
            left()
        await asyncio.sleep(self.takes_s)
        words = parse_qsl(url.query_string) + parse_qsl((how["data"] or b"").decode())
        answer = self._table.answer(Asked(method, url.path, dict(words), dict(how["headers"])))
        yield answered(Told(answer.body, answer.status, answer.kind))


@pytest.fixture(params=DIALECTS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """With a table of answers that nobody serves."""
    clock = VirtualClock()
    return Rig(Loopback(), tmp_path / "shared", DIALECTS[request.param], clock)


def test_orders_and_reads_need_no_socket(rig: Rig) -> None:
    """And take the time that the line takes, on its clock."""
    line = Table(rig.wire)

    async def work() -> tuple[Ack, Decimal, float]:
        venue = CcxtVenue(replace(rig.access, api_url="http://in.process"), rig.clock, line)
        ack = await venue.submit(rig.request())
        began_at = rig.clock.now()
        balances = await venue.balances()
        took_s = seconds_between(began_at, rig.clock.now())
        await venue.close()
        return ack, sum(balances.total.values(), Decimal(0)), took_s

    ack, held, took_s = rig.clock.run(work())
    assert ack.order_id
    assert held > 25_000
    assert 0.25 == pytest.approx(took_s, abs=0.01)


@pytest.mark.parametrize(("reached", "raises"), [(True, OutcomeUnknown), (False, VenueUnreachable)])
def test_a_call_that_never_ends_does_so_in_its_time(rig: Rig, reached: bool, raises: type[Exception]) -> None:
    """Unknown if a byte has left, and only then."""
    line = Table(rig.wire)

    async def work() -> float:
        venue = CcxtVenue(replace(rig.access, api_url="http://in.process"), rig.clock, line)
        await venue.balances()
        line.takes_s, line.reached = 3_600, reached
        request, began_at = rig.request(), rig.clock.now()
        with pytest.raises(raises):
            await venue.submit(request)
        await venue.close()
        return seconds_between(began_at, rig.clock.now())

    assert 5.0 == pytest.approx(rig.clock.run(work()), abs=0.1)
