"""What lies between a process and a venue: time, loss and lies, around any venue port.

`Line` carries the requests of an adapter that lets its way be given (paper's does; wire.py has that of the
adapter of real venues); `Port` twists what the port under it answers.

Rule: a request that left arrives or is lost whatever becomes of its sender.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, TypeVar

from mvx.domain.execution import ExecutionReport, Fill
from mvx.domain.ids import ExecId, Venue
from mvx.domain.instant import MICROS_PER_S, Instant, after
from mvx.domain.order import Ack, OrderReport, OrderRequest
from mvx.errors import OutcomeUnknown, VenueRejected, VenueUnreachable
from mvx.paper.faults import KINDS as REQUEST_KINDS
from mvx.paper.faults import Answer, Arrives, Call
from mvx.venues.capabilities import Capabilities
from mvx.venues.port import Balances, VenuePort
from tests.simulation.faults import Strike
from tests.simulation.process import Killed, Process
from tests.simulation.sky import Sky

T = TypeVar("T")


class Line:
    """The way from one process to one venue and back."""

    def __init__(self, process: Process, venue: Venue, timeout_s: float, sky: Sky) -> None:
        self._process = process
        self._venue = venue
        self._timeout_s = timeout_s
        self._sky = sky
        self.arrives_at: Instant | None = None

    async def __call__(self, call: Call, request: Callable[[], T]) -> T:
        """What the venue answers. Raises what a broken way makes of it."""
        if not self._process.alive:
            raise Killed
        out_s, back_s = self._sky.latencies()
        strike = None
        if self.arrives_at is None:
            strike = self._sky.request_fault(self._venue, write=call is Call.WRITE)
        else:  # as late as the venue may be, and no later
            out_s = (self.arrives_at - self._sky.clock.now()) / MICROS_PER_S
            self.arrives_at = None
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def arrive() -> None:
            found = request()
            if self._sky.repeats(self._venue, found):
                found = request()
            self._sky.later(back_s, lambda: settle(found))

        def settle(found: T) -> None:
            if not answer.done():
                answer.set_result(found)

        def give_up() -> None:
            if not answer.done():
                answer.set_exception(OutcomeUnknown(f"{self._venue}: no answer within {self._timeout_s:g} s"))

        if strike is not None:
            out_s, back_s, arrives = self._struck(strike, out_s, back_s)
            if arrives:
                self._sky.later(out_s, arrive)
            if (says := self._says(strike)) is not None:
                await asyncio.sleep(out_s + back_s if arrives else back_s)
                raise says
        else:
            self._sky.later(out_s, arrive)
        self._sky.later(self._timeout_s, give_up)
        return await answer

    def _struck(self, strike: Strike, out_s: float, back_s: float) -> tuple[float, float, bool]:
        """How long it takes there and back under this fault, and whether it arrives at all."""
        match strike.kind:
            case "refused":
                return out_s, back_s, False
            case "slow":
                return out_s + strike.delay_s / 2, back_s + strike.delay_s / 2, True
            case "late-request":
                return strike.delay_s, back_s, True
            case "late-ack":
                return out_s, strike.delay_s, True
            case "lost-ack":
                return out_s, 2 * self._timeout_s, True
        return out_s, back_s, REQUEST_KINDS[strike.kind].arrives is not Arrives.NEVER

    def _says(self, strike: Strike) -> Exception | None:
        """What is heard at once; None: an answer, or nothing."""
        if strike.kind == "refused":
            return VenueUnreachable(f"{self._venue}: connection refused")
        kind = REQUEST_KINDS.get(strike.kind)
        if kind is None:
            return None
        if kind.refusal is not None:
            refusal = kind.refusal
            message = f"{self._venue}: {refusal.message}"
            return VenueRejected(message, reason_code=refusal.reason_code, about=refusal.about)
        return OutcomeUnknown(f"{self._venue}: {kind.says}") if kind.answer is Answer.BROKEN else None


class Port:
    """A venue port whose answers may lie as venues do."""

    def __init__(self, port: VenuePort, line: Line, sky: Sky) -> None:
        self._port = port
        self._line = line
        self._sky = sky
        self.name = port.name
        self.account = port.account
        self.status = port.status
        self.rules = port.rules
        self.book = port.book
        self.cancel = port.cancel
        self.closed_orders = port.closed_orders
        self.transfers = port.transfers
        self.close = port.close

    @property
    def capabilities(self) -> Capabilities:
        """It may learn what its orders cost."""
        return self._port.capabilities

    async def submit(self, request: OrderRequest) -> Ack:
        """A gateway that took a request in time may hand it on for so long as the venue declares."""
        strike = None
        if self._sky.clock.now() < request.deadline:
            strike = self._sky.answer_fault("late-acceptance", self.name)
        if strike is None:
            return await self._port.submit(request)
        lateness_s = self.capabilities.accept_lateness_s
        late_s = strike.delay_s + self._sky.accept_at_the_latest(self.name, strike)
        self._line.arrives_at = after(request.deadline, late_s)
        try:
            return await self._port.submit(replace(request, deadline=after(request.deadline, lateness_s + 1)))
        finally:
            self._line.arrives_at = None  # where it was not sent

    async def open_orders(self) -> tuple[OrderReport, ...]:
        return self._doubled(await self._port.open_orders())

    async def trades(self, since: Instant) -> tuple[Fill, ...]:
        return self._contradicted(self._doubled(await self._port.trades(since)))

    async def balances(self) -> Balances:
        """Or those of the reading before, where they differ, with the time of this one."""
        found = await self._port.balances()
        before = self._sky.last_balances.get(self.name)
        self._sky.last_balances[self.name] = found
        differs = before is not None and before.total != found.total
        return replace(before, at=found.at) if differs and self._sky.balances_are_stale(self.name) else found

    async def executions(self) -> AsyncIterator[ExecutionReport]:
        heard: list[ExecutionReport] = []
        async for report in self._port.executions():
            heard.append(report)
            yield report
            if self._sky.answer_fault("replayed-events", self.name):
                for again in heard[-5:]:
                    yield again
            phantom = report.fill or self._sky.rest_of(self.name, report)
            if phantom is not None and (strike := self._sky.answer_fault("phantom-event", self.name)):
                qty = phantom.qty * (1, 3, 10)[strike.pick % 3]
                yield replace(report, fill=replace(phantom, exec_id=ExecId(f"P{strike.index}"), qty=qty))

    def _contradicted(self, fills: tuple[Fill, ...]) -> tuple[Fill, ...]:
        """One trade that we know, with another price."""
        known = [fill for fill in fills if fill.busted_at is None and self._sky.is_booked(self.name, fill)]
        if not known or not self._sky.answer_fault("other-numbers", self.name):
            return fills
        return tuple(replace(each, price=each.price + 1) if each == known[-1] else each for each in fills)

    def _doubled(self, rows: tuple[T, ...]) -> tuple[T, ...]:
        if rows and self._sky.answer_fault("doubled-rows", self.name):
            return rows + rows[-1:]
        return rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)
