"""How a client asks a paper venue: one request, what becomes of it on the way, and what is heard of it.

Rule: what a fault does to a request happens in the exchange; here is only how the client hears of it. A
call that waits in vain takes timeout_s on the clock and no transaction is open meanwhile. A history
comes in pages, each of them a request of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Protocol, TypeVar

from mvx.clock import Clock
from mvx.domain.ids import Venue
from mvx.errors import OutcomeUnknown, VenueRejected, VenueUnreachable
from mvx.paper.admission import DUPLICATE, Refused
from mvx.paper.due import Coming
from mvx.paper.exchange import PaperExchange
from mvx.paper.faults import Answer, Arrives, Call, Fault
from mvx.paper.lists import PAGE_ROWS
from mvx.paper.session import Session

T = TypeVar("T")


class Carry(Protocol):
    """Takes a request to the venue and its answer back."""

    def __call__(self, call: Call, request: Callable[[], T]) -> Awaitable[T]: ...


async def at_once(call: Call, request: Callable[[], T]) -> T:
    """Within this process there is no way to go."""
    return request()


class _Lost:
    """The answer to a request that has not reached the venue."""


class Client:
    """One connection to one venue."""

    def __init__(
        self,
        exchange: PaperExchange,
        name: Venue,
        clock: Clock,
        timeout_s: float,
        carry: Carry,
    ) -> None:
        self._exchange = exchange
        self._name = name
        self._clock = clock
        self._timeout_s = timeout_s
        self._carry = carry

    async def history(
        self, page: Callable[..., tuple[T, ...]], key: Callable[[T], Hashable]
    ) -> tuple[T, ...]:
        """Every row, oldest first. A row that joins while we read pushes others onto the next page, where
        they come a second time: each counts once."""
        rows: dict[Hashable, T] = {}
        offset, full = 0, True
        while full:
            found = await self.ask(Call.PRIVATE, partial(page, offset=offset))
            rows.update((key(row), row) for row in found)
            offset += len(found)
            full = len(found) == PAGE_ROWS
        return tuple(reversed(rows.values()))

    async def ask(
        self, call: Call, operation: Callable[[Session], T | Refused], *, late: Coming | None = None
    ) -> T:
        """One request and its answer; `late`: what it amounts to where it comes later. Raises
        VenueRejected, VenueUnreachable, OutcomeUnknown."""
        answer, fault = await self._carry(call, lambda: self._reach(call, operation, late))
        if fault:
            answer = fault.kind.refusal or answer
            await self._hear(fault)
        if isinstance(answer, Refused):
            message = f"{self._name}: {answer.message}"
            if answer.reason_code == DUPLICATE:
                raise OutcomeUnknown(message)  # a gateway may have repeated our own request (DESIGN 2.4)
            raise VenueRejected(message, reason_code=answer.reason_code, about=answer.about)
        if isinstance(answer, _Lost):
            raise OutcomeUnknown(f"{self._name}: no answer")
        return answer

    def _reach(
        self, call: Call, operation: Callable[[Session], T | Refused], late: Coming | None
    ) -> tuple[T | Refused | _Lost, Fault | None]:
        """What happens at the venue's end."""
        answer: T | Refused | _Lost = _Lost()
        with self._exchange.visit(self._name) as session:
            fault = session.meet(call)
            arrives = fault.kind.arrives if fault else Arrives.NOW
            if arrives is Arrives.NOW:
                answer = operation(session)
            elif arrives is Arrives.LATE and fault and late:
                session.delay(late, fault.delay_s)
        return answer, fault

    async def _hear(self, fault: Fault) -> None:
        """Waits for the answer as the fault has it. Raises where none comes that can be relied on."""
        match fault.kind.answer:
            case Answer.UNREACHABLE:
                raise VenueUnreachable(f"{self._name}: connection refused")
            case Answer.BROKEN:
                raise OutcomeUnknown(f"{self._name}: {fault.kind.says}")
            case Answer.LATE if fault.delay_s < self._timeout_s:
                await self._clock.sleep(fault.delay_s)
            case Answer.LATE | Answer.NEVER:
                await self._clock.sleep(self._timeout_s)
                raise OutcomeUnknown(f"{self._name}: no answer within {self._timeout_s:g} s")
