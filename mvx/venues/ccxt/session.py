"""One account's connection: ccxt's object with its markets, the keys, and the venue's clock against ours.

Rules:
- Everything is opened when it is first needed: market data needs no key.
- What goes wrong before an order leaves is VenueUnreachable, whatever it was: nothing can have happened.
- No order goes out while our clock and the venue's are further apart than the venue's row allows, for the
  promises about an order's time rest on that.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from mvx.clock import Clock
from mvx.domain.ids import Symbol
from mvx.domain.instant import MICROS_PER_S, Instant, seconds_between
from mvx.domain.instrument import MarketRules
from mvx.domain.money import is_multiple, plain
from mvx.domain.order import OrderRequest
from mvx.errors import (
    BadVenueData,
    ConfigError,
    HeldBack,
    NoKey,
    OutcomeUnknown,
    VenueRejected,
    VenueUnreachable,
)
from mvx.machine import Machine
from mvx.venues.capabilities import Row
from mvx.venues.ccxt.access import Access, Keys
from mvx.venues.ccxt.calls import Calls
from mvx.venues.ccxt.markets import is_fresh, load_markets
from mvx.venues.ccxt.owner import Owner
from mvx.venues.ccxt.parse import instant_of, rules_of
from mvx.venues.ccxt.quirks import MILLISECOND, QUIRKS
from mvx.venues.ccxt.wire import Call, HttpLine, Line, open_exchange
from mvx.venues.port import KeyRights

#: How long a measured clock is believed.
CLOCK_KEPT_S = 300.0
#: By how much our clock may run otherwise than the steady one meanwhile, before it must have been set (NTP
#: slews by 0.5 ms a second at most), or the machine was asleep.
STEP_S = 0.2
#: How long old markets are put up with before the venue is asked for them again.
ASK_AGAIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Skew:
    """The venue's clock less ours, give or take `doubt_us`, as of `at` on ours and `steady_s` on the one that
    nobody sets."""

    us: int
    doubt_us: int
    at: Instant
    steady_s: float

    def holds(self, now: Instant, most_doubt_s: float) -> bool:
        """Measured lately, well enough (an answer that took long tells little), and by a clock that was not
        set since."""
        age_s = seconds_between(self.at, now)
        lately = 0 <= age_s <= CLOCK_KEPT_S and abs(age_s - (_steady_s() - self.steady_s)) <= STEP_S
        return lately and self.doubt_us <= most_doubt_s * MICROS_PER_S


class Session:
    """What the calls of one account share."""

    def __init__(self, access: Access, row: Row, clock: Clock, line: Line | None, machine: Machine) -> None:
        self.access = access
        self.row = row
        self.quirks = QUIRKS[access.exchange]
        self.calls = Calls(access, row, clock, machine)
        self._owner = Owner(access, self.quirks, self.calls)
        self._line = line or HttpLine(secure=not (access.api_url or "").startswith("http:"))
        self._exchange: Any = None
        self._markets_at = self._asked_at = Instant(0)
        self._opening = asyncio.Lock()
        self._skew: Skew | None = None

    async def public(self, *, at_once: bool = False) -> Any:
        """ccxt's object, its markets known, and an hour old at most where the venue tells them. at_once:
        however old they are; orders and cancels do not wait for a list."""
        if self._exchange is not None and (at_once or self._markets_are_fresh()):
            return self._exchange
        async with self._opening:
            if self._exchange is None or not self._markets_are_fresh():
                await self._open()
        return self._exchange

    async def private(self, *, at_once: bool = False) -> Any:
        """The same, with the account's keys and the time there. Keys that were refused may have been replaced
        since, and are read again. Raises NoKey where there are none, and VenueRejected where they are another
        account's."""
        exchange = await self.public(at_once=at_once)
        if (keys := self.calls.keys) is None or self.calls.key_refused:
            keys = await _keys_of(self.access)
            self.calls.use(keys)
        exchange.apiKey, exchange.secret, exchange.password = keys.api_key, keys.api_secret, keys.api_password
        # An exact clock may look as far off as twice the doubt. Orders wait for no better one
        most_doubt_s = math.inf if at_once else self.row.clock_skew_s / 2
        if self._skew is None or not self._skew.holds(self.calls.now(), most_doubt_s):
            await self.read_time(exchange)
        await self._owner.check(exchange, keys)
        return exchange

    async def to_write(self) -> Any:
        """The same, for an order or a cancel: raises VenueUnreachable, whatever went wrong."""
        try:
            return await self.private(at_once=True)
        except (OutcomeUnknown, VenueRejected, BadVenueData) as error:
            raise VenueUnreachable(f"{error.message}; nothing was sent") from None

    def check(self, exchange: Any, request: OrderRequest) -> None:
        """Raises HeldBack where the order is none that the venue would take as it is: ccxt cuts a quantity
        and rounds a limit, and then another order would be sent than the one in the journal."""
        name, qty, limit_px = self.access.name, plain(request.order_qty), plain(request.limit_px)
        try:
            rules = self.rules(exchange, request.symbol)
        except BadVenueData as error:
            raise HeldBack(f"{error.message}; the order was not sent") from None
        fits = is_multiple(request.order_qty, rules.lot) and is_multiple(request.limit_px, rules.tick)
        if not fits or _as_ccxt_sends(exchange, request) != (request.order_qty, request.limit_px):
            raise HeldBack(
                f"{name}: {request.symbol} takes no order for {qty} at {limit_px}; it was not sent"
            )
        if not self.row.client_ids.fits(request.cl_ord_id):
            raise HeldBack(f"{name}: it takes no client order id like {request.cl_ord_id}")
        if off_s := self._too_far_off_s():
            raise HeldBack(
                f"{name}: this machine's clock is {abs(off_s):.1f} s"
                f" {'behind' if off_s > 0 else 'ahead of'} the venue's; the order was not sent",
                next_step="set the clock (NTP)",
            )

    def rules(self, exchange: Any, symbol: Symbol) -> MarketRules:
        """A market's rules. Raises BadVenueData where it is not listed."""
        market = exchange.markets.get(symbol)
        if not isinstance(market, dict):
            raise BadVenueData(f"{self.access.name} does not list {symbol}")
        return rules_of(self.access.name, market, self.quirks.tick(market))

    async def says(self, exchange: Any) -> str:
        """How the venue says that it is: `ok`, or another word. A sandbox has no such page."""
        status, _ = await self.calls.read(exchange, lambda ex: ex.fetch_status())
        says = status.get("status") if isinstance(status, dict) else None
        if not isinstance(says, str):
            raise BadVenueData(f"{self.access.name}: it does not say how it is")
        return says

    async def fee(self, symbol: Symbol) -> Any:
        """What the account pays on a market, as ccxt tells it."""
        exchange = await self.private()
        fee, _ = await self.calls.read(exchange, lambda ex: ex.fetch_trading_fee(symbol))
        return fee

    async def rights(self) -> KeyRights | None:
        """What the key may do; None where the venue does not tell. Raises BadVenueData."""
        named = self.row.rights
        if named is None or self.access.sandbox:  # a sandbox has trading alone
            return None
        exchange = await self.private()
        answer, _ = await self.calls.read(exchange, lambda ex: getattr(ex, self.quirks.ask_rights)())
        granted, anywhere = self.quirks.rights(answer)
        missing = tuple(each for each in named.needed if each not in granted)
        return KeyRights(missing, tuple(each for each in named.withdrawing if each in granted), anywhere)

    async def read_time(self, exchange: Any) -> None:
        """What time it is there. The answer was made somewhere between question and answer, and its
        clock may be cut to whole seconds: the middle of both is taken."""
        began_at = self.calls.now()
        millis, _ = await self.calls.read(exchange, lambda ex: ex.fetch_time())
        ended_at = self.calls.now()
        step_us = round(self.row.clock_step_s * MICROS_PER_S)
        theirs = instant_of(millis, MILLISECOND, f"{self.access.name}: its time") + step_us // 2
        us, doubt_us = theirs - (began_at + ended_at) // 2, (ended_at - began_at + step_us) // 2
        self._skew = Skew(us, doubt_us, ended_at, _steady_s())
        self.calls.skew_us = us

    def earliest_there(self, call: Call) -> Instant:
        """The venue's time when this call went out, at the earliest that it may have been."""
        assert self._skew is not None, "whatever is private knows the time there"
        assert call.admitted_at is not None, "it has been answered"
        return Instant(call.admitted_at + self._skew.us - self._skew.doubt_us)

    async def close(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            await exchange.close()
        await self._line.close()

    def _too_far_off_s(self) -> float:
        """By how much, where the doubt does not explain it; else 0."""
        assert self._skew is not None
        skew = self._skew
        beyond_us = abs(skew.us) - skew.doubt_us - round(self.row.clock_skew_s * MICROS_PER_S)
        return skew.us / MICROS_PER_S if beyond_us > 0 else 0.0

    def _markets_are_fresh(self) -> bool:
        now = self.calls.now()
        return is_fresh(self._markets_at, now) or 0 <= seconds_between(self._asked_at, now) < ASK_AGAIN_S

    async def _open(self) -> None:
        """Anew; a call that is under way goes on with the one before. That one stays where the venue does not
        tell its markets."""
        self._asked_at = self.calls.now()
        exchange = open_exchange(self.access, self.quirks, self.calls, self._line)
        try:
            self._markets_at = await load_markets(exchange, self.access, self.calls)
            self.quirks.restore(exchange)
        except (BadVenueData, OutcomeUnknown, VenueUnreachable, VenueRejected):
            if self._exchange is None:
                raise
        else:
            self._exchange = exchange


def _steady_s() -> float:
    """The event loop's own clock (docs.python.org, loop.time: monotonic)."""
    return asyncio.get_running_loop().time()


async def _keys_of(access: Access) -> Keys:
    """A key that can not be read hurts its own venue only."""
    if access.keys is None:
        raise NoKey(f"{access.name}: no api_key is configured", next_step="mvx config show")
    try:
        if access.keys_take_long:
            return await asyncio.to_thread(access.keys)
        return access.keys()
    except ConfigError as error:
        raise NoKey(f"{access.name}: {error.message}", next_step=error.next_step) from None


def _as_ccxt_sends(exchange: Any, request: OrderRequest) -> tuple[Decimal, Decimal]:
    """The quantity and the limit that would go out."""
    symbol = request.symbol
    with localcontext():  # ccxt changes the rounding of the one it finds
        return (
            Decimal(exchange.amount_to_precision(symbol, plain(request.order_qty))),
            Decimal(exchange.price_to_precision(symbol, plain(request.limit_px))),
        )
