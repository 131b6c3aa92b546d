"""What processes share about one account: its key, its rate budget and its copy of the markets."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.clock import SystemClock
from mvx.domain.ids import ClOrdId, Venue
from mvx.domain.instant import after, seconds_between
from mvx.errors import HeldBack, OutcomeUnknown, VenueRejected
from mvx.venues.capabilities import Budget
from mvx.venues.ccxt.shared import URGENT_S, AccountKey, SharedBucket
from mvx.venues.port import request_times, urgent
from tests.support import ManualClock
from tests.venues.ccxt import binance, kraken
from tests.venues.ccxt.loopback import Answer, Asked, Ends, said
from tests.venues.ccxt.venue import API_KEY, API_SECRET, PLENTY, Rig
from tests.virtual import VirtualClock

ROOT = Path(__file__).resolve().parents[3]
KRAKEN = Venue("kraken")


class Nonces:
    """Kraken's rule: a nonce is greater than every one before it on its key. It takes its time, so that
    calls overlap if they can."""

    def __init__(self) -> None:
        self.last = 0
        self.refused = 0
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            nonce = int(asked.params["nonce"])
            if nonce <= self.last:
                self.refused += 1
                return kraken.error("EAPI:Invalid nonce")
            self.last = nonce
        return kraken.result(kraken.BALANCES)


ASKS = """
import asyncio, sys
from pathlib import Path
from mvx.clock import SystemClock
from mvx.domain.ids import Symbol, Venue
from mvx.venues.capabilities import Budget
from mvx.venues.ccxt.access import Access, Keys
from mvx.venues.ccxt.venue import CcxtVenue

url, folder, key, secret, times = sys.argv[1:]
plenty = Budget(1e9, 1e9)
access = Access(
    name=Venue("kraken"), exchange="kraken", symbols=(Symbol("BTC/USD"),), folder=Path(folder),
    keys=lambda: Keys(key, secret), timeout_s=30.0, api_url=url, read_attempts=1,
    budgets={"private": plenty, "public": plenty},
)

async def main():
    venue = CcxtVenue(access, SystemClock())
    await asyncio.gather(*(venue.balances() for _ in range(int(times))))
    await venue.close()

asyncio.run(main())
"""


def test_two_processes_on_one_key_never_collide(on_kraken: Rig, tmp_path: Path) -> None:
    """40 calls at once, 20 in each of two processes."""
    import time

    nonces = Nonces()
    on_kraken.wire.answers["Time"] = lambda asked: kraken.result({"unixtime": int(time.time())})
    on_kraken.wire.answers["BalanceEx"] = nonces.answer
    words = [on_kraken.wire.url, str(tmp_path / "shared"), API_KEY, API_SECRET, "20"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen([sys.executable, "-c", ASKS, *words], env=environ) for _ in range(2)]
    assert [0, 0] == [each.wait(timeout=120) for each in running]
    assert (40, 0) == (len(on_kraken.wire.asked_for("BalanceEx")), nonces.refused)


def test_a_nonce_is_greater_than_the_last_one_also_when_the_clock_was_set_back(on_kraken: Rig) -> None:
    nonces = Nonces()
    on_kraken.wire.answers["BalanceEx"] = nonces.answer
    for _ in range(3):
        on_kraken.run(lambda venue: venue.balances())
        on_kraken.clock.advance(-3_600)
    assert 0 == nonces.refused


def test_whoever_waits_too_long_for_a_key_is_told_who_has_it(tmp_path: Path) -> None:
    clock = ManualClock()
    mine, theirs = (AccountKey(KRAKEN, tmp_path / "key", clock) for _ in range(2))

    async def wait() -> None:
        async with mine.held(first=False, give_up_at=after(clock.now(), 10)) as nonce:
            nonce.next()
            async with theirs.held(first=True, give_up_at=after(clock.now(), 3)):
                raise AssertionError("both have it")

    with pytest.raises(HeldBack, match=f"kraken: waited 3.0 s for its key, which process {os.getpid()} uses"):
        asyncio.run(wait())


def test_whoever_leaves_a_venue_waits_for_its_key_no_longer_than_five_seconds(tmp_path: Path) -> None:
    """Then it goes ahead: what comes of an order whose nonce is refused is found out, as of any other."""
    clock = ManualClock()
    mine, theirs = (AccountKey(KRAKEN, tmp_path / "key", clock) for _ in range(2))

    async def leave() -> float:
        async with mine.held(first=False, give_up_at=after(clock.now(), 60)):
            began_at = clock.now()
            urgent.set(True)
            async with theirs.held(first=True, give_up_at=after(clock.now(), 60)):
                return seconds_between(began_at, clock.now())

    assert URGENT_S <= asyncio.run(leave()) < URGENT_S + 0.1


def test_a_key_is_free_when_its_holder_was_killed(tmp_path: Path) -> None:
    """The kernel frees it."""
    held = (
        "import fcntl, os, sys, time\n"
        "fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)\n"
        "fcntl.flock(fd, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", held, str(tmp_path / "key")], stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert "held\n" == other.stdout.readline()
    clock = ManualClock()

    async def take() -> int:
        async with AccountKey(KRAKEN, tmp_path / "key", clock).held(
            first=False, give_up_at=after(clock.now(), 60)
        ) as nonce:
            return nonce.next()

    with pytest.raises(HeldBack):
        asyncio.run(take())
    other.kill()
    other.wait()
    other.stdout.close()
    assert asyncio.run(take()) > 0


# The budget


def bucket(tmp_path: Path, clock: ManualClock) -> SharedBucket:
    """Ten units, one back a second, a quarter of it for orders."""
    return SharedBucket(KRAKEN, tmp_path / "budget", Budget(10, per_s=1, reserve=0.25), clock)


def test_processes_spend_one_budget(tmp_path: Path) -> None:
    """Whoever opens it next finds it as it was left."""
    clock = ManualClock()

    async def spend() -> list[float]:
        began_at = clock.now()
        waited = []
        for _ in range(5):
            await bucket(tmp_path, clock).pay(3, first=True, give_up_at=after(began_at, 60))
            waited.append(seconds_between(began_at, clock.now()))
        return waited

    assert [0, 0, 0, 2, 5] == [round(each) for each in asyncio.run(spend())]


def test_reads_leave_a_reserve_and_an_order_overtakes_them(tmp_path: Path) -> None:
    """Reads that wait for their turn do not make an order wait."""
    clock = VirtualClock()
    done: list[str] = []

    async def pay(name: str, cost: float, *, first: bool) -> None:
        await bucket(tmp_path, clock).pay(cost, first=first, give_up_at=after(clock.now(), 60))
        done.append(name)

    async def both() -> None:
        reads = [asyncio.ensure_future(pay("read", 6, first=False)) for _ in range(3)]
        await asyncio.sleep(0.1)
        await pay("order", 1, first=True)
        await asyncio.gather(*reads)

    clock.run(both())
    assert ["read", "order", "read", "read"] == done


def test_what_can_not_be_paid_in_time_is_held_back(tmp_path: Path) -> None:
    """At once: it would not come in time however long one waits."""
    clock = ManualClock()

    async def spend() -> None:
        await bucket(tmp_path, clock).pay(10, first=True, give_up_at=after(clock.now(), 1))
        began_at = clock.now()
        with pytest.raises(HeldBack, match="kraken: its rate budget is used up for 5"):
            await bucket(tmp_path, clock).pay(5, first=True, give_up_at=after(clock.now(), 1))
        assert began_at == clock.now()

    asyncio.run(spend())


def test_a_budget_file_that_was_spoilt_or_is_from_the_future_holds_nobody_up(tmp_path: Path) -> None:
    clock = ManualClock()
    for text in ("", "nonsense", "9" * 40, "-5", "\0" * 64):
        (tmp_path / "budget").write_text(text)
        asyncio.run(bucket(tmp_path, clock).pay(3, first=False, give_up_at=clock.now()))


@pytest.mark.parametrize(("seconds", "waits_s"), [(None, 5), (7, 7), (600, None)])
def test_after_a_venue_said_that_we_ask_too_much_nothing_is_asked_for_a_while(
    rig: Rig, seconds: int | None, waits_s: int | None
) -> None:
    """As long as it says, and by every process: a ban is what follows. Reads wait, if it is not for long;
    orders do not."""
    headers = () if seconds is None else (("Retry-After", str(seconds)),)
    rig.wire.answers["BalanceEx"] = kraken.error("EAPI:Rate limit exceeded")._replace(headers=headers)
    rig.wire.answers["account"] = binance.error(-1003, "Too many requests.", 429, headers=headers)
    with pytest.raises(VenueRejected):
        rig.run(lambda venue: venue.balances())
    began_at = rig.clock.now()
    if rig.dialect.exchange == "binance":  # Kraken counts orders apart
        with pytest.raises(HeldBack):
            rig.run(lambda venue: venue.submit(rig.request()), timeout_s=2)
    if waits_s is None:
        with pytest.raises(HeldBack):
            rig.run(lambda venue: venue.open_orders())
    else:
        rig.run(lambda venue: venue.open_orders())
        assert waits_s == round(seconds_between(began_at, rig.clock.now()))
    assert 1 == len(rig.wire.asked_for("BalanceEx") + rig.wire.asked_for("account"))
    assert not rig.wire.asked_for(rig.dialect.submit)


def test_a_read_waits_for_its_turn_and_its_own_time_starts_then(rig: Rig) -> None:
    """However short that time is; and what it waited is no slowness of the venue's. In real time."""
    clock = SystemClock()
    waits = {"private": Budget(burst=5, per_s=2), "public": PLENTY}

    async def read(venue: Any) -> tuple[float, list[float]]:
        await venue.balances()
        began_at = clock.now()
        request_times.set([])
        for _ in range(2):
            await venue.balances()
        return seconds_between(began_at, clock.now()), request_times.get() or []

    waited_s, took = rig.run(read, clock, timeout_s=1.0, budgets=waits)
    assert waited_s > 1
    assert 2 == len(took)
    assert max(took) < 1


# Reads are tried again


@pytest.mark.parametrize("fault", [Answer("busy", 503), Answer("", ends=Ends.RESET), Answer("{")])
def test_a_read_that_failed_is_tried_again_and_a_refusal_is_an_answer(rig: Rig, fault: Answer) -> None:
    heard: Counter[str] = Counter()

    def at_second_try(asked: Asked) -> Answer:
        heard["asked"] += 1
        if heard["asked"] == 1:
            return fault
        return kraken.result({"open": {}}) if rig.dialect.exchange == "kraken" else said([])

    rig.wire.answers["OpenOrders"] = rig.wire.answers["openOrders"] = at_second_try
    assert () == rig.run(lambda venue: venue.open_orders(), read_attempts=3)
    assert 2 == heard["asked"]
    rig.wire.answers["BalanceEx"] = kraken.error("EGeneral:Permission denied")
    rig.wire.answers["account"] = binance.error(-2015, "Invalid API-key, IP, or permissions for action.")
    with pytest.raises(VenueRejected):
        rig.run(lambda venue: venue.balances(), read_attempts=3)
    assert 1 == len(rig.wire.asked_for("BalanceEx") + rig.wire.asked_for("account"))


def test_a_read_gives_up_in_its_time(rig: Rig) -> None:
    """However many tries it has."""
    rig.run(lambda venue: venue.balances())
    rig.wire.answers["BalanceEx"] = rig.wire.answers["account"] = Answer("", ends=Ends.SILENT)
    loop_time: list[float] = []

    async def timed(venue: Any) -> None:
        await venue.status()
        loop_time.append(asyncio.get_running_loop().time())
        with pytest.raises(OutcomeUnknown):
            await venue.balances()
        loop_time.append(asyncio.get_running_loop().time())

    rig.run(timed, timeout_s=0.5, read_attempts=10)
    assert 0.4 < loop_time[1] - loop_time[0] < 2


# The markets


def test_markets_are_asked_for_once_an_hour(rig: Rig) -> None:
    """By whichever process; and the copy says the same."""

    async def rules(venue: Any) -> Any:
        return await venue.rules(rig.dialect.symbol)

    def asked() -> int:
        return len(rig.wire.asked_for("AssetPairs") + rig.wire.asked_for("exchangeInfo"))

    first = rig.run(rules)
    rig.clock.advance(3_000)
    assert first == rig.run(rules)
    assert 1 == asked()
    rig.clock.advance(3_000)
    assert first == rig.run(rules)
    assert 2 == asked()


def lists_tick(rig: Rig, tick: str) -> None:
    """Another tick than before."""
    pair = kraken.PAIRS["XXBTZUSD"] | {"tick_size": tick}
    rig.wire.answers["AssetPairs"] = kraken.result({"XXBTZUSD": pair})
    (market,) = binance.SYMBOLS
    _, *others = market["filters"]
    prices = {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.0", "tickSize": tick}
    rig.wire.answers["exchangeInfo"] = said({"symbols": [market | {"filters": [prices, *others]}]})


def test_whoever_runs_for_days_learns_what_markets_have_become(rig: Rig) -> None:
    """A daemon. What it knows stays where the venue does not tell, and it asks again a minute later."""

    async def days(venue: Any) -> list[Any]:
        ticks = [(await venue.rules(rig.dialect.symbol)).tick]
        for tick in ("0.5", "broken", "1"):
            lists_tick(rig, tick)
            if tick == "broken":
                rig.wire.answers["AssetPairs"] = kraken.result({})
                rig.wire.answers["exchangeInfo"] = said({"symbols": []})
            rig.clock.advance(3_601 if tick != "1" else 61)
            for _ in range(3):
                found = (await venue.rules(rig.dialect.symbol)).tick
            await venue.balances()
            ticks.append(found)
        return ticks

    _, *later = rig.run(days)
    assert [Decimal("0.5"), Decimal("0.5"), Decimal(1)] == later
    assert 4 == len(rig.wire.asked_for("AssetPairs") + rig.wire.asked_for("exchangeInfo"))


def test_an_order_does_not_wait_for_the_markets(rig: Rig) -> None:
    """However old they are."""

    async def late(venue: Any) -> int:
        await venue.rules(rig.dialect.symbol)
        rig.wire.asked.clear()
        rig.clock.advance(7_200)
        await venue.submit(rig.request())
        await venue.cancel(rig.dialect.symbol, ClOrdId("mabc"), None)
        return len(rig.wire.asked_for("AssetPairs") + rig.wire.asked_for("exchangeInfo"))

    assert 0 == rig.run(late)


def test_an_old_copy_of_the_markets_is_better_than_none(rig: Rig) -> None:
    """So that a venue in trouble can be left; a copy about another host is none."""
    request = rig.request()
    rig.run(lambda venue: venue.rules(rig.dialect.symbol))
    rig.clock.advance(86_400)
    rig.wire.answers["Assets"] = rig.wire.answers["exchangeInfo"] = Answer("down", 503)
    rig.run(lambda venue: venue.cancel(request.symbol, ClOrdId("mabc"), None))
    with pytest.raises(OutcomeUnknown):
        rig.run(lambda venue: venue.rules(rig.dialect.symbol), api_url=f"{rig.wire.url}/")


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"about": {}}', "\0\0"])
def test_a_copy_that_can_not_be_read_is_none(rig: Rig, spoilt: str) -> None:
    rig.run(lambda venue: venue.rules(rig.dialect.symbol))
    (copy,) = rig.access.folder.glob("*.markets")
    copy.write_text(spoilt)
    rig.run(lambda venue: venue.rules(rig.dialect.symbol))
    assert len(copy.read_text()) > 500


def test_what_is_shared_is_for_its_owner_alone(rig: Rig) -> None:
    rig.run(lambda venue: venue.balances())
    assert 0o700 == rig.access.folder.stat().st_mode & 0o777
    files = list(rig.access.folder.iterdir())
    assert files
    assert {0o600} == {each.stat().st_mode & 0o777 for each in files}
