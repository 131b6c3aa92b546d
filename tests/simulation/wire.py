"""The way to a venue for the adapter of real venues: HTTP in the venue's own words, within this process.

Rule: what becomes of a request is rendered as a client of HTTP hears it, by the venue's own end of the wire.
What that means is the adapter's to say.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import MethodType
from typing import Any, NamedTuple, TypeVar

from mvx.clock import Clock
from mvx.config.settings import VenueSettings
from mvx.domain.ids import Venue
from mvx.domain.instant import Instant, seconds_between
from mvx.paper.exchange import PaperExchange
from mvx.paper.faults import Call, Fault
from mvx.paper.lists import PAGE_ROWS
from mvx.paper.serve.endpoint import Told
from mvx.paper.serve.server import dialect_of
from mvx.venues.ccxt.venue import CcxtVenue
from mvx.venues.ccxt.wire import Wire
from tests.simulation.chance import chance
from tests.simulation.faults import Strike
from tests.simulation.network import Line
from tests.simulation.process import Killed, Process
from tests.venues.ccxt.inprocess import PLENTY, InProcess, access_to, end_of

T = TypeVar("T")

#: A good third of all seeds, for a tenth of the desks have no venue that speaks a dialect.
BEHIND_THE_ADAPTER = 0.4
#: Of these, so many have the rate budgets of the venue's least tier.
ON_A_BUDGET = 0.1
#: Kinds that are the way's own: they come late, or are heard late.
_LATE = ("slow", "late-request", "late-ack", "lost-ack")
#: Of Kraken's pages, where they cost nothing: no list would be as long as 50 here.
FEW_ROWS = 5


class Wiring(NamedTuple):
    """Whether a seed runs behind the adapter, whether its budget is plentiful, and how the accounts there
    have chosen to pay their fees, if they have. Drawn by a key of its own: the other seeds keep their
    stories."""

    adapter: bool
    plenty: bool
    fees: str | None


def wiring_of(seed: int) -> Wiring:
    luck = chance(seed, "adapter")
    adapter, plenty = luck.random() < BEHIND_THE_ADAPTER, luck.random() >= ON_A_BUDGET
    return Wiring(adapter, plenty, luck.choice((None, None, "base-fee", "token-fee")))


def is_behind_the_adapter(seed: int) -> bool:
    return wiring_of(seed).adapter


class WireLine(Line):
    """One way of an HTTP client; it gives up when it is told to, and not by itself."""

    async def __call__(self, call: Call, request: Callable[..., T]) -> T:
        if not self._process.alive:
            raise Killed
        out_s, back_s = self._sky.latencies()
        late_at, strike = None, None
        if call is Call.WRITE:
            late_at, self.arrives_at = self.arrives_at, None
        if late_at is None:
            strike = self._sky.request_fault(self._venue, write=call is Call.WRITE)
        if strike is not None and not self._is_late_there(strike):
            out_s, back_s, _ = self._struck(strike, out_s, back_s)
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def arrive() -> None:
            found = request(self._met(strike, late_at))
            if call is Call.WRITE and self._sky.repeats(self._venue, found):
                found = request()
            self._sky.later(back_s, lambda: settle(found))

        def settle(found: T) -> None:
            if not answer.done():
                answer.set_result(found)

        self._sky.later(out_s, arrive)
        return await answer

    def _met(self, strike: Strike | None, late_at: Instant | None) -> Fault | None:
        """What the request meets at the venue's door; one that a gateway hands on late had come in time."""
        if late_at is not None:
            return Fault("late-request", max(0.0, seconds_between(self._sky.clock.now(), late_at)))
        if strike is None or (strike.kind in _LATE and not self._is_late_there(strike)):
            return None
        return Fault("outage" if strike.kind == "refused" else strike.kind, strike.delay_s)

    def _is_late_there(self, strike: Strike) -> bool:
        """One time of two what comes late is let in, and lies there: its nonce has come in time."""
        return strike.kind == "late-request" and strike.pick % 2 == 0


class Wires:
    """The wires to those venues of a desk that speak a dialect. `folder`: for what processes share."""

    def __init__(
        self, exchange: PaperExchange, venues: Iterable[VenueSettings], folder: Path, *, plenty: bool
    ) -> None:
        rows = FEW_ROWS if plenty else PAGE_ROWS
        self._ends = {
            each.name: end_of(exchange, each, rows, limited=not plenty)
            for each in venues
            if dialect_of(each) is not None
        }
        self._folder = folder
        self.plenty = plenty or not self._ends

    def __contains__(self, venue: Venue) -> bool:
        return venue in self._ends

    def __iter__(self) -> Iterator[Venue]:
        return iter(self._ends)

    def adapter(self, settings: VenueSettings, clock: Clock, line: WireLine, process: Process) -> CcxtVenue:
        """mvx's own, as that process opens it."""
        budgets = {"private": PLENTY, "public": PLENTY} if self.plenty else {}
        access = access_to(settings, self._folder, budgets=budgets, read_attempts=3)
        return CcxtVenue(access, clock, InProcess(self._ends[settings.name], clock, line), process)


#: What each class of an exchange leaves to do for an instance that is not its first.
_LEFT: dict[type, list[str]] = {}


def _names(exchange: Wire) -> list[str]:
    """What ccxt's constructor hears of its names, to give each a twin in camel case (base/exchange.py): three
    quarters of what an instance costs. A method's twin stays in the class, which the first instance has seen
    to, and an endpoint (base/types.py, Entry) is written down in both."""
    kind = type(exchange)
    if kind in _LEFT:
        return _LEFT[kind]
    names = [name for name in object.__dir__(exchange) if not name.startswith("_")]
    _LEFT[kind] = [
        name
        for name in names
        if not isinstance(getattr(exchange, name), MethodType)
        and type(getattr(kind, name, None)).__name__ != "Entry"
    ]
    return names


# A desk opens each of its venues once, a seed ten of them.
Wire.__dir__ = _names


def ids_in(told: Told) -> tuple[str, ...]:
    """The ids of the order that an answer is about: Kraken's txid, Binance's orderId."""
    try:
        body: Any = json.loads(told.text)
    except ValueError:
        return ()
    if not isinstance(body, dict):
        return ()
    result = body.get("result")
    found = result.get("txid", ()) if isinstance(result, dict) else [body.get("orderId")]
    return tuple(str(each) for each in found)
