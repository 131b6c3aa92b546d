"""One venue inside one write transaction, brought up to now: everything a caller can ask of it.

Rule: opening a session lets the venue live first: requests that were in flight arrive at their own
time, and resting orders meet every book that came since. Whoever touches the venue does this, so that
no process has to be up for it.
Invariants: a request is accepted at most once; a refusal is a value, so that the transaction in which a
fault was spent on it commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from mvx.config.settings import VenueSettings
from mvx.domain.execution import Fill
from mvx.domain.ids import Asset, ClOrdId, OrderId, Symbol
from mvx.domain.instant import Instant, after
from mvx.domain.money import ZERO, plain
from mvx.domain.order import OrderReport, OrderRequest, Side
from mvx.paper import faults, store
from mvx.paper.account import Account
from mvx.paper.admission import Accepted, Refused
from mvx.paper.faults import Arrives, Fault
from mvx.paper.feed import Sides
from mvx.paper.gateway import Gateway
from mvx.paper.market import Market
from mvx.paper.store import PaperOrder
from mvx.sqlite import Connection
from mvx.venues.port import Balances


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a submitted request: the venue's answer, None where it has none yet, and the fault
    that shapes how the client hears of it."""

    answer: Accepted | Refused | None
    fault: Fault | None


class Session:
    """One venue, up to date, for the length of one transaction."""

    def __init__(self, con: Connection, settings: VenueSettings, now: Instant) -> None:
        self._con = con
        self._venue = settings.name
        self.now = now
        self._account = Account(con, settings, now)
        self._market = Market(con, settings, now)
        self._gateway = Gateway(con, settings, self._account, self._market)
        for arrived_at, request in store.take_arrived(con, settings.name, now):
            self._gateway.cross_resting(arrived_at)
            self._gateway.enter(request, arrived_at)
        self._gateway.cross_resting(now)

    def outage(self) -> bool:
        """Whether nobody can connect now. The venue itself goes on."""
        return faults.active(self._con, self._venue, ("outage",), self.now) is not None

    def book(self, symbol: Symbol) -> Sides:
        """The book now, less what the account took of it."""
        self._market.turn_page(symbol)
        self._gateway.cross_resting(self.now)
        return self._market.sides(symbol, self._market.position(symbol, self.now))

    def submit(self, request: OrderRequest) -> Delivery:
        """A request is sent: it arrives now, later or never."""
        fault = faults.spend(self._con, self._venue, faults.REQUEST_FAULTS, self.now)
        match fault.kind.arrives if fault else Arrives.NOW:
            case Arrives.NOW:
                return Delivery(self._gateway.enter(request, self.now), fault)
            case Arrives.LATE if fault:
                store.put_in_flight(self._con, self._venue, request, after(self.now, fault.delay_s))
        return Delivery(None, fault)

    def cancel(self, cl_ord_id: ClOrdId, order_id: OrderId | None) -> Refused | None:
        return self._gateway.cancel(cl_ord_id, order_id, self.now)

    def trade(self, side: Side, qty: Decimal, symbol: Symbol) -> OrderReport | Refused:
        return self._gateway.trade(side, qty, symbol, self.now)

    def transfer(self, asset: Asset, amount: Decimal) -> Refused | None:
        """A deposit, or a withdrawal of what is free."""
        free = self._account.free(asset)
        if amount < 0 and free + amount < 0:
            return Refused("insufficient_funds", f"{plain(free)} {asset} is free")
        self._account.tick(self.now)
        self._account.transfer(asset, amount)
        return None

    def open_orders(self) -> tuple[OrderReport, ...]:
        return tuple(order.report() for order in store.open_orders(self._con, self._venue))

    def closed_orders(self, since: Instant) -> tuple[OrderReport, ...]:
        return tuple(order.report() for order in store.closed_orders(self._con, self._venue, since))

    def trades(self, since: Instant) -> tuple[Fill, ...]:
        """Those that the venue lists by now."""
        listed_by = Instant(max(self.now, self._account.last_event_at))
        return store.fills(self._con, self._venue, since, listed_by)

    def balances(self) -> Balances:
        """A reading is an event of its own: what is dated before it is in it, and nothing else."""
        total, held = self._account.totals(), self._account.held()
        free = {asset: amount - held.get(asset, ZERO) for asset, amount in total.items()}
        return Balances(self._account.tick(self.now), total, free)

    def truth(self) -> tuple[Mapping[Asset, Decimal], tuple[PaperOrder, ...], tuple[Fill, ...]]:
        """What is held, every order ever accepted and every fill, listed or not."""
        return (
            self._account.held(),
            store.all_orders(self._con, self._venue),
            store.fills(self._con, self._venue),
        )
