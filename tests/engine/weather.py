"""Venues in bad weather: ports that hang, refuse, dawdle or lie, put below the watch of a desk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from mvx.domain.ids import Asset, Venue
from mvx.domain.money import ONE
from mvx.engine.desk import Desk
from mvx.engine.watch import WatchedPort
from mvx.errors import OutcomeUnknown
from mvx.venues.port import Balances, VenuePort
from tests.support import ManualClock

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
