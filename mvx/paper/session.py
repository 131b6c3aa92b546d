"""One venue inside one write transaction, brought up to now: everything a caller can ask of it.

Rule: opening a session lets the venue live first: what was under way comes at its own time, and resting
orders meet every book that came since. Whoever touches the venue does this, so that no process has to
be up for it. `now` and every instant that comes in are ours; what goes out has the venue's own times.
Invariants: a request is accepted at most once; a refusal is a value, so that the transaction in which a
fault was spent on it commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from mvx.config.settings import VenueSettings
from mvx.domain.execution import ExecutionReport, Fill
from mvx.domain.ids import Asset, ClOrdId, OrderId, Symbol
from mvx.domain.instant import Instant, after
from mvx.domain.money import ZERO
from mvx.domain.order import OrderRequest
from mvx.paper import due, faults, records
from mvx.paper.account import Account
from mvx.paper.admission import Accepted, Refused
from mvx.paper.due import Bust, CancelArrives, Coming, LateFill, OrderArrives, WithdrawalEnds
from mvx.paper.faults import Call, Fault
from mvx.paper.feed import Sides
from mvx.paper.gateway import Gateway
from mvx.paper.lists import Lists
from mvx.paper.market import Market
from mvx.paper.owner import Owner
from mvx.paper.records import PaperOrder
from mvx.paper.stream import as_heard
from mvx.sqlite import Connection
from mvx.venues.port import Balances, VenueStatus


class Session:
    """One venue, up to date, for the length of one transaction. `lists`: what it shows of orders, trades
    and transfers; `owner`: what is done at it by hand."""

    def __init__(self, con: Connection, settings: VenueSettings, now: Instant) -> None:
        self._con = con
        self._settings = settings
        self._venue = settings.name
        self.now = now
        self.lists = Lists(con, settings.name, now)
        self._account = Account(con, settings, now)
        self._market = Market(con, settings, now)
        self._gateway = Gateway(con, settings, self._account, self._market, self.lists)
        self.owner = Owner(con, settings, self._account, self._market, self._gateway, now)
        while (coming := due.take_next(con, settings.name, now)) is not None:
            at, what = coming
            self._gateway.cross_resting(at)
            self._happen(what, at)
        self._gateway.cross_resting(now)

    def meet(self, call: Call, on_its_way: Fault | None = None) -> Fault | None:
        """The fault that a call now meets here, or met before."""
        return faults.meet(self._con, self._venue, call, self.now, on_its_way)

    def delay(self, request: Coming, by_s: float) -> None:
        """A request is on its way for so long."""
        due.put(self._con, self._venue, after(self.now, by_s), request)

    def status(self) -> VenueStatus:
        closed = faults.active(self._con, self._venue, "maintenance", self.now)
        return VenueStatus(closed is None, closed.name if closed else "online", self.time())

    def time(self) -> Instant:
        """What the venue's clock says."""
        return faults.venue_time(self._con, self._venue, self.now)

    def book(self, symbol: Symbol) -> Sides:
        """The book now, less what the account took of it."""
        self._market.turn_page(symbol)
        self._gateway.cross_resting(self.now)
        return self._market.sides(symbol, self._market.position(symbol, self.now))

    def submit(self, request: OrderRequest) -> Accepted | Refused:
        return self._gateway.enter(request, self.now)

    def cancel(self, cl_ord_id: ClOrdId, order_id: OrderId | None) -> Refused | None:
        return self._gateway.cancel(cl_ord_id, order_id, self.now)

    def balances(self) -> Balances:
        """A reading is an event of its own: what is dated before it is in it, and nothing else."""
        total, held = self._account.totals(), self._account.held()
        free = {asset: amount - held.get(asset, ZERO) for asset, amount in total.items()}
        return Balances(self._account.tick(self.now), total, free)

    def truth(self) -> tuple[Mapping[Asset, Decimal], tuple[PaperOrder, ...], tuple[Fill, ...]]:
        """What is held, every order ever accepted and every fill, listed or not."""
        return (
            self._account.held(),
            records.all_orders(self._con, self._venue),
            records.all_fills(self._con, self._venue),
        )

    def inject(self, kind: str, *, count: int | None, for_s: float | None, delay_s: float | None) -> None:
        """A fault from now on."""
        until = None if for_s is None else after(self.now, for_s)
        if delay_s is None:
            delay_s = faults.default_delay_s(kind, self._settings.timeout_s)
        faults.inject(self._con, self._venue, kind, count=count, until=until, delay_s=delay_s)

    def heal(self) -> None:
        """No fault from now on."""
        faults.heal(self._con, self._venue)

    def heard(self) -> tuple[ExecutionReport, ...]:
        """What listeners are told of this transaction."""
        return as_heard(self._con, self._venue, self._account.events, self.now)

    def is_cut_off(self) -> bool:
        """Whether whoever listens has lost the venue."""
        return faults.cuts(self._con, self._venue, self.now)

    def _happen(self, what: Coming, at: Instant) -> None:
        """A request that comes while the venue refuses all is refused too, and nobody hears of it."""
        open_to_requests = not faults.refuses_all(self._con, self._venue, at)
        match what:
            case OrderArrives(request) if open_to_requests:
                self._gateway.enter(request, at)
            case CancelArrives(cl_ord_id, order_id) if open_to_requests:
                self._gateway.cancel(cl_ord_id, order_id, at)
            case LateFill():
                self._gateway.fill_late(what, at)
            case Bust(exec_id):
                self.owner.bust(exec_id, at)
            case WithdrawalEnds(number, fails):
                self.owner.end_withdrawal(number, at, fails=fails)
