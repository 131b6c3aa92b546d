"""One call to the venue: its turn, its time, its key, and what its end means.

Rules:
- An order or a cancel ends within timeout_s, whatever it waits for. So does the answer to a read, once the
  read has had its turn.
- What was not sent is VenueUnreachable or HeldBack; what may have left is OutcomeUnknown, unless a parsed
  code says better (errors.py). That holds for exceptions that nobody expected, too: once a byte has left,
  there are no defects, only answers that are missing.
- Reads are tried again, with backoff and jitter, while their time lasts; orders and cancels never.
- No text of an exception of ccxt gets out: it holds URLs and signatures.
"""

from __future__ import annotations

import asyncio
import decimal
import os
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from mvx.clock import Clock
from mvx.domain.instant import Instant, after
from mvx.errors import (
    HeldBack,
    MvxError,
    OutcomeUnknown,
    Refusal,
    VenueRejected,
    VenueUnreachable,
)
from mvx.machine import Machine
from mvx.venues.budgets import NO_KEY, ORDERS, PUBLIC, file_of
from mvx.venues.capabilities import Budget, Row
from mvx.venues.ccxt.access import Access, Keys
from mvx.venues.ccxt.errors import LOCKOUT, ORDER_RATE, Failed, Operation, VenueCode, meaning
from mvx.venues.ccxt.shared import AccountKey, SharedBucket
from mvx.venues.ccxt.wire import Call, Unreadable, current
from mvx.venues.port import turn_until

T = TypeVar("T")

#: How long nothing is asked after the venue said that we ask too much, where it does not say how long.
PENALTY_S = 5.0
#: And where it has shut a key out (support.kraken.com, 360001491786: "approximately 15 minutes").
LOCKOUT_S = 900.0
#: How long a read waits for its turn.
TURN_S = 30.0
#: Docs of both venues: 429, and Binance's 418 for who does not heed it; both count by the address, whatever
#: is asked, unless a code says that new orders alone are too many. A proxy says 429 without their code.
_TOO_MUCH = (418, 429)
_PRIVATE = "private"


class Calls:
    """Makes the calls of one account. `keys` are there once they were needed, and key_refused until they are
    read again; skew_us: the venue's clock less ours, once it was measured."""

    def __init__(self, access: Access, row: Row, clock: Clock, machine: Machine) -> None:
        self._access = access
        self._row = row
        self._clock = clock
        self._machine = machine
        self._account_keys: dict[str, AccountKey] = {}
        self._secrets: list[Keys] = []
        self._buckets: dict[str, SharedBucket] = {}
        self.keys: Keys | None = None
        self.key_refused = False
        self.skew_us: int | None = None

    def use(self, keys: Keys) -> None:
        """From now on. What is under way with others goes on, and what is said of them is hidden, too."""
        self.keys, self.key_refused = keys, False
        if keys not in self._secrets:
            self._secrets.append(keys)

    def now(self) -> Instant:
        return self._clock.now()

    def venue_now(self) -> Instant:
        return Instant(self._clock.now() + (self.skew_us or 0))

    async def read(self, exchange: Any, work: Callable[[Any], Awaitable[T]]) -> tuple[T, Call]:
        """What a read came to, and its call. Tried again while its time lasts."""
        from stamina import instrumentation, retry_context  # here, for whoever needs no venue

        instrumentation.set_on_retry_hooks([])  # it would log each one
        call = self._call(Operation.READ)
        failed: MvxError | None = None
        try:
            async with asyncio.timeout(self._access.timeout_s) as call.timer:
                async for attempt in retry_context(
                    on=_worth_another, attempts=self._access.read_attempts, wait_initial=0.1, wait_max=2.0
                ):
                    with attempt:
                        call = replace(
                            call, left=False, status=None, codes=(), retry_after_s=None, answers=[]
                        )
                        try:
                            return await self._once(Operation.READ, exchange, work, call), call
                        except MvxError as error:
                            failed = error
                            raise
        except TimeoutError:
            pass
        raise failed or self._silent(call)

    async def write(
        self,
        operation: Operation,
        exchange: Any,
        work: Callable[[Any], Awaitable[T]],
        *,
        deadline: Instant | None = None,
    ) -> T:
        """An order or a cancel: sent once, or not at all."""
        call = self._call(operation, deadline)
        try:
            async with asyncio.timeout(self._access.timeout_s):
                return await self._once(operation, exchange, work, call)
        except TimeoutError:
            raise self._silent(call) from None

    def _call(self, operation: Operation, deadline: Instant | None = None) -> Call:
        first = operation is not Operation.READ
        patience_s = self._access.timeout_s if first else max(self._access.timeout_s, TURN_S)
        give_up_at, asked_until = after(self.now(), patience_s), turn_until.get()
        if asked_until is not None and not first:
            give_up_at = min(give_up_at, asked_until)
        return Call(first, give_up_at, deadline)

    async def _once(
        self, operation: Operation, exchange: Any, work: Callable[[Any], Awaitable[T]], call: Call
    ) -> T:
        token = current.set(call)
        try:
            with decimal.localcontext():  # ccxt changes the rounding of the one it finds
                return await work(exchange)
        except (MvxError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is: where a byte has left, it is unknown
            raise self._failed(operation, error, call) from None
        finally:
            current.reset(token)

    @asynccontextmanager
    async def admitted(self, section: str, cost: float, call: Call) -> AsyncIterator[None]:
        """The turn of one request: paid for, and alone on a key whose nonce must grow."""
        private = section != PUBLIC
        call.private = private
        async with AsyncExitStack() as stack:
            with _not_counted(call):
                if call.deadline is not None and ORDERS in self._row.budgets:
                    await self._bucket(ORDERS).pay(1.0, first=True, give_up_at=call.give_up_at)
                bucket = self._bucket(_PRIVATE if private else PUBLIC)
                await bucket.pay(cost, first=call.first, give_up_at=call.give_up_at)
                if private and self._row.nonce:
                    held = self._key().held(first=call.first, give_up_at=call.give_up_at)
                    call.nonce = await stack.enter_async_context(held)
            call.admitted_at = self.now()
            yield

    def _silent(self, call: Call) -> MvxError:
        venue, waited = self._access.name, f"{self._access.timeout_s:g} s"
        if call.left:
            return OutcomeUnknown(f"{venue}: no answer within {waited}")
        return VenueUnreachable(f"{venue}: not reached within {waited}")

    def _failed(self, operation: Operation, error: Exception, call: Call) -> MvxError:
        kind = type(error).__name__
        if isinstance(error, Unreadable):
            kind = str(error)
        elif not type(error).__module__.startswith("ccxt.base"):
            kind = f"{kind} at {_place(error)}"
        found = meaning(
            self._access.name,
            self._access.exchange,
            Failed(
                operation, kind, call.left, call.status, self._without_secrets(call.codes), _system(error)
            ),
        )
        about = found.about if isinstance(found, VenueRejected) else None
        self.key_refused |= call.private and about is Refusal.FORBIDDEN
        if about is Refusal.THROTTLED or call.status in _TOO_MUCH:
            for section in _too_much(found, call):
                self._bucket(section).close_for(call.retry_after_s or _penalty_s(found))
        return found

    def _without_secrets(self, codes: Iterable[VenueCode]) -> tuple[VenueCode, ...]:
        """Before any error is made of them: a venue may send back what it was sent."""
        for keys in self._secrets:
            codes = [VenueCode(*map(keys.hidden_in, code)) for code in codes]
        return tuple(codes)

    def _bucket(self, section: str) -> SharedBucket:
        whose = PUBLIC if section == PUBLIC else self._named()
        whose = f"{whose}-{ORDERS}" if section == ORDERS else whose
        if whose not in self._buckets:
            budget: Budget = self._access.budgets.get(section) or self._row.budgets[section]
            file = file_of(self._access.folder, self._access.name, whose)
            self._buckets[whose] = SharedBucket(self._access.name, file, budget, self._clock)
        return self._buckets[whose]

    def _key(self) -> AccountKey:
        whose = self._named()
        if whose not in self._account_keys:
            file = self._access.folder / f"{self._access.name}-{whose}.nonce"
            self._account_keys[whose] = AccountKey(self._access.name, file, self._clock, self._machine)
        return self._account_keys[whose]

    def _named(self) -> str:
        return NO_KEY if self.keys is None else self.keys.name


@contextmanager
def _not_counted(call: Call) -> Iterator[None]:
    """What a read waits for its turn is not of the time that it has for its answer."""
    timer, loop = call.timer, asyncio.get_running_loop()
    ends_at = None if timer is None else timer.when()
    if timer is None or ends_at is None or timer.expired():
        yield
        return
    began_at = loop.time()
    timer.reschedule(None)
    try:
        yield
    finally:
        if not timer.expired():
            timer.reschedule(ends_at + loop.time() - began_at)


def _penalty_s(found: MvxError) -> float:
    """Where the venue does not say how long it wants to be left alone."""
    return LOCKOUT_S if isinstance(found, VenueRejected) and found.reason_code == LOCKOUT else PENALTY_S


def _too_much(found: MvxError, call: Call) -> tuple[str, ...]:
    """Of what the venue says that it is too much."""
    if isinstance(found, VenueRejected) and found.reason_code == ORDER_RATE:
        return (ORDERS,)
    if call.status in _TOO_MUCH:
        return (_PRIVATE, PUBLIC)
    return (_PRIVATE if call.private else PUBLIC,)


def _worth_another(error: Exception) -> bool:
    return isinstance(error, VenueUnreachable | OutcomeUnknown) and not isinstance(error, HeldBack)


def _system(error: BaseException) -> str:
    """The operating system's word on a connection that failed, in ccxt's cause (its fetch raises from it); by
    its number, for the text beside it is aiohttp's."""
    cause = error.__cause__
    if not isinstance(cause, OSError) or cause.errno is None:
        return ""
    resolver = getattr(cause, "os_error", cause)
    if isinstance(resolver, socket.gaierror):
        return str(resolver.strerror).lower()
    return os.strerror(cause.errno).lower()


def _place(error: Exception) -> str:
    """Where in the code it came from: a file and a line, and nothing of what was in it."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
