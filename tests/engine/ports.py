"""Venues in bad weather: ports that hang, refuse, dawdle or lie, and what became known of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from mvx.domain.ids import Asset, Venue
from mvx.domain.money import ONE
from mvx.engine.desk import Desk
from mvx.engine.outcome import Outcome
from mvx.engine.results import RouteResult
from mvx.engine.watch import WatchedPort
from mvx.errors import OutcomeUnknown
from mvx.journal import views
from mvx.journal.codec import decode_as
from mvx.venues.capabilities import Capabilities
from mvx.venues.health import Cause, Failed, Health
from mvx.venues.port import Balances, VenuePort, VenueStatus
from tests.engine.desk import BINANCE, KRAKEN, OKX, Operator
from tests.engine.truth import reading
from tests.support import ManualClock

COINBASE, BYBIT = Venue("coinbase"), Venue("bybit")
FIVE = (KRAKEN, COINBASE, BINANCE, OKX, BYBIT)

T = TypeVar("T")


class Weather:
    """A port whose every call meets `meets` first; a call that it raises for never reaches the venue."""

    def __init__(self, port: VenuePort, meets: Callable[[str], Awaitable[None]]) -> None:
        self.port = port
        self._meets = meets

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.port, name)
        if name == "close" or not iscoroutinefunction(found):
            return found
        return partial(self._called, name, found)

    async def _called(self, name: str, ask: Callable[..., Awaitable[T]], *terms: Any) -> T:
        await self._meets(name)
        return await ask(*terms)


class Liar(Weather):
    """A venue that tells of one coin more than it holds."""

    async def balances(self) -> Balances:
        told = await self.port.balances()
        return replace(told, total={**told.total, Asset("BTC"): told.total[Asset("BTC")] + ONE})


class Untold(Weather):
    """A venue that has not told what its orders cost."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(self.port.capabilities, taker_bps=None)


class Closed(Weather):
    """A venue that answers, and says that it takes no orders."""

    async def status(self) -> VenueStatus:
        said: VenueStatus = await self._called("status", self.port.status)
        return replace(said, accepts_orders=False, says="maintenance")


def within(
    desk: Desk, venue: Venue, meets: Callable[[str], Awaitable[None]], kind: type[Weather] = Weather
) -> Desk:
    """The desk with that weather at one of its venues; who looked on there does not any more."""
    port: Any = desk.venues[venue]
    while not isinstance(port, WatchedPort):
        port = port.port
    return replace(desk, venues={**desk.venues, venue: desk.watch.over(kind(port.port, meets))})


def hanging(clock: ManualClock, timeout_s: float, *only: str) -> Callable[[str], Awaitable[None]]:
    """Nobody answers: the call waits for as long as it may. With names, only these calls."""

    async def meets(call: str) -> None:
        if not only or call in only:
            await clock.sleep(timeout_s)
            raise OutcomeUnknown(f"no answer within {timeout_s:g} s")

    return meets


def raising(error: Exception, *only: str) -> Callable[[str], Awaitable[None]]:
    async def meets(call: str) -> None:
        if not only or call in only:
            raise error

    return meets


def slow(clock: ManualClock, seconds: float) -> Callable[[str], Awaitable[None]]:
    async def meets(call: str) -> None:
        await clock.sleep(seconds)

    return meets


async def fair(call: str) -> None:
    """Nothing in the way."""


def health(at: Operator, venue: Venue = OKX) -> Health:
    """As the journal has it."""
    with reading(at.settings) as tx:
        texts = views.health_texts(tx)
    return decode_as(Health, texts[venue]) if venue in texts else Health()


def calls_at(at: Operator, venue: Venue) -> list[str]:
    """From now on what that venue is asked, in order."""
    calls: list[str] = []

    def look(here: Venue, now: str) -> None:
        if here == venue and now.startswith("before "):
            calls.append(now.removeprefix("before "))

    at.look = look
    return calls


def reasons(outcome: Outcome) -> dict[Venue, str]:
    """Why each venue got nothing."""
    assert isinstance(outcome.data, RouteResult)
    assert outcome.data.plan is not None
    return {row.venue: row.why for row in outcome.data.plan.skipped}


def legs(outcome: Outcome) -> dict[Venue, str]:
    """Why each venue got something."""
    assert isinstance(outcome.data, RouteResult)
    assert outcome.data.plan is not None
    return {row.venue: row.why for row in outcome.data.plan.legs}


def warnings_of(outcome: Outcome, venue: Venue = OKX) -> list[str]:
    return [line for line in outcome.warnings if venue in line]


def degrade(at: Operator, *venues: Venue) -> None:
    async def throttled(desk: Desk) -> None:
        for venue in venues:
            desk.watch.hear(venue, Failed(at.clock.now(), Cause.THROTTLED, "429 too many requests"))

    at.does(throttled)
