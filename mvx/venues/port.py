"""The one Protocol that every venue adapter implements.

Rules every adapter keeps, proven by tests/contract:
- Numbers are exact Decimals, times are the venue's own clock in Instants.
- `submit` has three outcomes and no fourth: it returns an Ack (an order id came back), raises
  VenueRejected (a parsed code that is a definite refusal), or raises OutcomeUnknown. It raises
  VenueUnreachable only where the request never left. It never re-sends.
- `submit` dispatches nothing at or after the request's deadline (VenueUnreachable), and gives the
  venue that same absolute deadline.
- A read is complete (every page) or raises VenueUnreachable / OutcomeUnknown / BadVenueData; it never
  returns part of an answer as the whole.
- A call ends within the venue's timeout_s; a read of several pages, each page. A read may wait for its turn
  under a rate budget besides.
- `executions` pushes what it hears as it comes: claims, which the reads confirm. A venue without a stream
  pushes nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, runtime_checkable

from mvx.domain.book import Book
from mvx.domain.execution import ExecutionReport, Fill, Transfer
from mvx.domain.ids import Asset, ClOrdId, OrderId, Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.instrument import MarketRules
from mvx.domain.order import Ack, OrderReport, OrderRequest
from mvx.venues.capabilities import Capabilities

#: Set by whoever leaves a venue: its calls do not wait long for the account's key (DESIGN 7).
urgent: ContextVar[bool] = ContextVar("urgent", default=False)

#: Set by whoever waits for less than a call may take: a read whose turn does not come by then (our clock) is
#: HeldBack at once, so that it is known that nobody was asked.
turn_until: ContextVar[Instant | None] = ContextVar("turn_until", default=None)

#: A list that whoever times a call puts here. A port that makes several requests for one call, or waits for
#: its turn before one, adds what each of them took, in seconds.
request_times: ContextVar[list[float] | None] = ContextVar("request_times", default=None)


@dataclass(frozen=True, slots=True)
class Balances:
    """What the account held, in all and free, at one instant of the venue's clock."""

    at: Instant
    total: Mapping[Asset, Decimal]
    free: Mapping[Asset, Decimal]


@dataclass(frozen=True, slots=True)
class VenueStatus:
    """What the venue says of itself, in its own word, and the time on its clock."""

    accepts_orders: bool
    says: str
    at: Instant


@dataclass(frozen=True, slots=True)
class KeyRights:
    """What the account's key may do, in the venue's own names for it. missing: what mvx needs and the key has
    not. withdrawals: by which something can be taken out of the account. anywhere: it is taken from any
    address."""

    missing: tuple[str, ...]
    withdrawals: tuple[str, ...]
    anywhere: bool


@runtime_checkable
class Keyed(Protocol):
    """A port that asks with a key."""

    async def rights(self) -> KeyRights | None:
        """What the key may do; None where the venue does not tell. Raises as every read does, and NoKey."""


class VenuePort(Protocol):
    """One account at one venue."""

    @property
    def name(self) -> Venue: ...

    @property
    def account(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    async def status(self) -> VenueStatus:
        """Whether it takes orders now, and what time it has. Needs no key."""

    async def rules(self, symbol: Symbol) -> MarketRules:
        """Tick, lot and minimums of a symbol."""

    async def book(self, symbol: Symbol) -> Book:
        """The order book now, checked: never crossed, empty or out of order."""

    async def submit(self, request: OrderRequest) -> Ack:
        """Place a limit order."""

    async def cancel(self, symbol: Symbol, cl_ord_id: ClOrdId, order_id: OrderId | None) -> None:
        """Ask for a cancel; returning says only that the venue heard it. VenueRejected: it knows no
        such open order."""

    async def open_orders(self) -> tuple[OrderReport, ...]:
        """Every open order of the account, ours or not."""

    async def closed_orders(
        self, since: Instant, known: Collection[tuple[Symbol, OrderId]] = ()
    ) -> tuple[OrderReport, ...]:
        """Orders that reached a terminal state at or after since, oldest first. `known`: orders that were
        open and are not any more; some venues list a closed order by its creation, and these are looked
        up there whenever they were made."""

    async def trades(self, since: Instant) -> tuple[Fill, ...]:
        """Fills at or after since, oldest first, to the end; one that was taken back carries when."""

    async def transfers(self, since: Instant) -> tuple[Transfer, ...]:
        """Deposits and withdrawals at or after since, oldest first, to the end; empty where the venue does
        not list them (capabilities.lists_transfers)."""

    async def balances(self) -> Balances:
        """Total and free of every asset of the account."""

    def executions(self) -> AsyncIterator[ExecutionReport]:
        """What the venue pushes about our orders from now on, until it is closed. May drop, double or
        reorder: a nudge to read, never the truth. Raises VenueError where the connection is lost: what came
        meanwhile is not pushed later, and whoever listens asks anew."""

    async def close(self) -> None:
        """Release connections; never raises."""
