"""What a served venue says to whoever asks too much, and that mvx never does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mvx.domain.instant import Instant, after, seconds_between
from mvx.errors import HeldBack
from mvx.paper.exchange import PaperExchange
from mvx.paper.faults import Call
from mvx.paper.serve.binance_limits import Weights
from mvx.paper.serve.kraken_limits import CallCounter
from mvx.venues.ccxt.venue import CcxtVenue
from tests.paper.builders import venue_settings
from tests.paper.serve.wire import SYMBOLS, Wire
from tests.support import START, ManualClock
from tests.venues.ccxt.inprocess import InProcess, access_to, end_of
from tests.virtual import VirtualClock

T = TypeVar("T")
errors = import_module("ccxt.base.errors")

#: A full minute of the clock, from its beginning.
MINUTE = Instant(START // 60_000_000 * 60_000_000)


@pytest.mark.long
@pytest.mark.parametrize(("name", "seconds", "least"), [("kraken", 1_800, 2_000), ("binance", 300, 1_300)])
def test_mvx_within_its_budget_is_never_told_that_it_asks_too_much(
    name: str, seconds: float, least: int, tmp_path: Path
) -> None:
    """As much as its own budget allows, from a full one on and over ways of many lengths, for so long that
    what is a little too much in each second adds up."""
    clock, luck = VirtualClock(), random.Random(5)
    settings = venue_settings(name, (SYMBOLS[name],))
    exchange = PaperExchange(tmp_path / "paper.db", {settings.name: settings}, clock)
    ends_at = after(clock.now(), seconds)
    asked = 0

    async def carry(_: Call, request: Callable[[], T]) -> T:
        await clock.sleep(luck.uniform(0.005, 0.2))
        answer = request()
        await clock.sleep(luck.uniform(0.005, 0.2))
        return answer

    async def keep_asking(call: Callable[[], Awaitable[object]]) -> None:
        nonlocal asked
        while clock.now() < ends_at:
            with suppress(HeldBack):  # it was not sent
                await call()
                asked += 1

    async def work() -> None:
        line = InProcess(end_of(exchange, settings, limited=True), clock, carry)
        venue = CcxtVenue(access_to(settings, tmp_path / "shared", budgets={}), clock, line)
        calls = (venue.open_orders, lambda: venue.book(SYMBOLS[name]))
        await asyncio.gather(*map(keep_asking, calls * 2))
        await venue.close()

    clock.run(work())
    assert asked > least


def test_krakens_counter_is_of_calls_and_goes_down() -> None:
    """15 at once, then one in three seconds; histories count double, orders not at all."""
    counter, now = CallCounter(), START
    assert all(counter.admits("BalanceEx", now) for _ in range(11))
    assert [True, True, False] == [counter.admits("TradesHistory", now) for _ in range(3)]
    assert not counter.admits("OpenOrders", after(now, 3.0))
    assert counter.admits("AddOrder", now)
    assert counter.admits("OpenOrders", after(now, 3.1))
    assert not counter.admits("OpenOrders", after(now, 3.2))


def test_binance_weighs_each_minute_and_bans_who_does_not_heed_it() -> None:
    weights, now = Weights(), MINUTE
    assert not any(weights.refusal("GET /api/v3/openOrders", {}, now) for _ in range(75))
    told = [weights.refusal("GET /api/v3/time", {}, after(now, 20)) for _ in range(11)]
    assert [(429, "40")] * 10 + [(418, "120")] == [
        (each.status, each.headers["Retry-After"]) for each in told if each is not None
    ]
    banned = weights.refusal("GET /sapi/v1/system/status", {}, after(now, 120))
    assert banned is not None
    assert (418, "20") == (banned.status, banned.headers["Retry-After"])
    assert weights.refusal("GET /api/v3/time", {}, after(now, 140)) is None


def test_binance_takes_a_hundred_orders_in_ten_seconds() -> None:
    weights, now = Weights(), MINUTE
    assert not any(weights.refusal("POST /api/v3/order", {}, now) for _ in range(100))
    told = weights.refusal("POST /api/v3/order", {}, after(now, 4))
    assert told is not None
    assert (429, "6") == (told.status, told.headers["Retry-After"])
    assert weights.refusal("DELETE /api/v3/order", {}, after(now, 4)) is None
    assert weights.refusal("POST /api/v3/order", {}, after(now, 10)) is None


def test_kraken_says_so_to_ccxt(tmp_path: Path) -> None:
    async def work(ex: Any) -> None:
        for _ in range(15):
            await ex.private_post_balanceex()
        began_at = wire.clock.now()
        with pytest.raises(errors.DDoSProtection, match="EAPI:Rate limit exceeded"):
            await ex.private_post_ledgers()
        assert seconds_between(began_at, wire.clock.now()) < 3
        await ex.public_get_time()

    wire = Wire(tmp_path, "kraken", limited=True)
    wire.ccxt(work)


def test_binance_says_so_to_ccxt(tmp_path: Path) -> None:
    """And what is used in every answer."""

    async def work(ex: Any) -> list[str]:
        used = []
        for _ in range(2):
            await ex.public_get_depth({"symbol": "BTCUSDT", "limit": 5_000})
            used.append(ex.last_response_headers["X-MBX-USED-WEIGHT-1M"])
        asked = [ex.public_get_depth({"symbol": "BTCUSDT", "limit": 5_000}) for _ in range(25)]
        with pytest.raises(errors.DDoSProtection, match=r"binance 429.*-1003"):
            await asyncio.gather(*asked)
        assert 0 < int(ex.last_response_headers["Retry-After"]) <= 60
        return used

    wire = Wire(tmp_path, "binance", limited=True, clock=ManualClock())
    assert ["250", "500"] == wire.ccxt(work)
