"""What a served venue says to whoever asks too much, and that mvx never does."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.instant import Instant, after, seconds_between
from mvx.errors import HeldBack
from mvx.paper.serve.binance_limits import Weights
from mvx.paper.serve.kraken_limits import CallCounter
from mvx.venues.ccxt.venue import CcxtVenue
from tests.paper.serve.wire import Wire
from tests.support import START, ManualClock

errors = import_module("ccxt.base.errors")

#: A full minute of the clock, from its beginning.
MINUTE = Instant(START // 60_000_000 * 60_000_000)


class FastClock:
    """So many times as fast, for the venue and for whoever asks it."""

    def __init__(self, speed: int) -> None:
        self._speed, self._began_ns = speed, time.monotonic_ns()

    def now(self) -> Instant:
        return Instant(MINUTE + (time.monotonic_ns() - self._began_ns) * self._speed // 1_000)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "speed", "steady_s", "least"), [("kraken", 60, 900, 250), ("binance", 10, 130, 400)]
)
def test_mvx_within_its_budget_is_never_told_that_it_asks_too_much(
    name: str, speed: int, steady_s: float, least: int, tmp_path: Path
) -> None:
    """As much as its own budget allows, from a full one on: long enough for what is a little too much in each
    second to add up, and for Binance over two of its minutes."""
    clock = FastClock(speed)
    wire = Wire(tmp_path, name, limited=True, clock=clock)
    asked = 0

    async def work(venue: CcxtVenue) -> None:
        ends_at = after(clock.now(), steady_s)

        async def ask(call: Any) -> None:
            nonlocal asked
            while clock.now() < ends_at:
                with suppress(HeldBack):  # it was not sent
                    await call()
                    asked += 1

        calls = (venue.open_orders, lambda: venue.book(wire.symbol))
        await asyncio.gather(*(ask(each) for each in calls * 2))

    wire.adapter(work)
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
