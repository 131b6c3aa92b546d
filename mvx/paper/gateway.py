"""Where orders come in at one venue: admission, matching, resting, filling, canceling.

Rule: what fills an order is taken out of the book at once, and a resting order fills at its own limit
when a later book crosses it, within what that book offers there. Faults hit what comes over the API,
never what was done by hand. Instants that come in are ours.
Invariants: no two own orders take the same liquidity; own orders never meet each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from mvx.config.settings import VenueSettings
from mvx.domain.book import Level
from mvx.domain.ids import ClOrdId, OrderId, Symbol
from mvx.domain.instant import Instant, after
from mvx.domain.instrument import MarketRules
from mvx.domain.money import ZERO, floor_to
from mvx.domain.order import OrderRequest, Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.paper import due, faults, records
from mvx.paper.account import Account
from mvx.paper.admission import Accepted, Arrival, Refused, refusal
from mvx.paper.faults import Fault
from mvx.paper.lists import Lists
from mvx.paper.market import Market
from mvx.paper.markets import fee_rate, house_of, listed_symbols, rules_of
from mvx.paper.matching import crosses, crossing, match, status_of, take, total
from mvx.paper.records import PaperOrder
from mvx.sqlite import Connection


class Gateway:
    """The orders of one account at one venue, inside one transaction."""

    def __init__(
        self, con: Connection, settings: VenueSettings, account: Account, market: Market, lists: Lists
    ) -> None:
        self._con = con
        self._settings = settings
        self._account = account
        self._market = market
        self._lists = lists

    def enter(self, request: OrderRequest, at: Instant, *, by_hand: bool = False) -> Accepted | Refused:
        """A limit order arrives."""
        symbol, side = request.symbol, request.side
        rules = self.rules(symbol)
        if isinstance(rules, Refused):
            return rules
        position = self._market.position(symbol, at)
        levels = crossing(side, request.limit_px, self._market.opposite(symbol, position, side))
        accepted_at = self._account.tick(at)
        fee_in_base = self.fee_in_base(at)
        refused = refusal(self._arrival(request, rules, accepted_at, fee_in_base, would_take=bool(levels)))
        if refused:
            return refused
        tif = request.time_in_force
        executions = match(tif, request.order_qty, levels, rules.lot)
        if executions and not by_hand and self._spend("partial", at):
            executions = match(tif, request.order_qty, levels, rules.lot, partial=True)
        accepted = self._account.accept(
            symbol,
            side,
            request.order_qty,
            at,
            accepted_at,
            cl_ord_id=None if by_hand else request.cl_ord_id,
            limit_px=request.limit_px,
            time_in_force=tif,
            fee_in_base=fee_in_base,
        )
        self._market.consume(symbol, position, side, executions)
        order = self.settle(self._execute(accepted, executions, at), at)
        if order.open:
            self._market.mark_walked(symbol, at)
        self._list(accepted, order, at)
        return Accepted(order.order_id)

    def cancel(self, cl_ord_id: ClOrdId, order_id: OrderId | None, at: Instant) -> Refused | None:
        """By the venue's id where it is given, else by the client's."""
        for order in records.open_orders(self._con, self._settings.name):
            named = order.order_id == order_id or (order_id is None and order.cl_ord_id == cl_ord_id)
            if named and not self._lists.is_hidden(order, at):
                self._close(order, OrdStatus.CANCELED, at)
                if stale := self._spend("stale-order", at):
                    self._lists.keep(order, after(at, stale.delay_s))
                return None
        return Refused("unknown_order", f"no open order {order_id or cl_ord_id}")

    def fill_late(self, late: due.LateFill, at: Instant) -> None:
        """What had filled before the order closed, as it turns out. Only one that is filled whole by it
        changes its state."""
        order = records.order_numbered(self._con, self._settings.name, late.number)
        assert order.limit_px is not None, "only a limit order fills late"
        filled, _ = self._account.execute(order, (Level(order.limit_px, late.qty),), at)
        status = order.ord_status if filled.leaves_qty else _filled(filled)
        self._account.finish(filled, status, at)

    def cross_resting(self, until: Instant) -> None:
        """Takes resting orders through every book since they met the last one, in the order of time."""
        resting = {order.order_id: order for order in records.open_orders(self._con, self._settings.name)}
        symbols = sorted({order.symbol for order in resting.values()})
        books = sorted(
            (self._market.starts_at(symbol, position) or until, symbol, position)
            for symbol in symbols
            for position in self._market.unwalked(symbol, until)
        )
        for at, symbol, position in books:
            bid, ask = self._market.touch(symbol, position)
            for order in _by_priority(resting.values(), symbol):
                assert order.limit_px is not None, "only limit orders rest"
                if crosses(order.side, order.limit_px, ask if order.side is Side.BUY else bid):
                    resting[order.order_id] = self._fill_resting(order, order.limit_px, position, at)
        for symbol in symbols:
            self._market.mark_walked(symbol, until)

    def settle(self, order: PaperOrder, at: Instant) -> PaperOrder:
        """The state that an order is in after what it filled."""
        if not order.leaves_qty:
            return self._account.finish(order, _filled(order), at)
        rests = order.time_in_force is TimeInForce.GTC
        killed = house_of(self._settings.name).killed
        status = status_of(order.order_qty, order.cum_qty, rests=rests, killed=killed)
        return self._account.finish(order, status, at) if rests else self._close(order, status, at)

    def rules(self, symbol: Symbol) -> MarketRules | Refused:
        """The symbol's, or that it is not listed."""
        if symbol in (listed := listed_symbols(self._settings)):
            return rules_of(self._settings, symbol)
        names = ", ".join(listed)
        return Refused("unknown_symbol", f"{self._settings.name} does not list {symbol}, only {names}")

    def fee_in_base(self, at: Instant) -> bool:
        """For an order that comes in now: like Kraken's order flag `fcib` ("prefer fee in base currency")
        the choice is the order's, for all of its life."""
        return faults.active(self._con, self._settings.name, "base-fee", at) is not None

    def _fill_resting(self, order: PaperOrder, limit_px: Decimal, position: int, at: Instant) -> PaperOrder:
        levels = self._market.opposite(order.symbol, position, order.side)
        lot = rules_of(self._settings, order.symbol).lot
        taken = take(crossing(order.side, limit_px, levels), order.leaves_qty, lot)
        if not taken or faults.active(self._con, self._settings.name, "maintenance", at):
            return order  # in its maintenance a venue matches nothing
        self._market.consume(order.symbol, position, order.side, taken)
        return self.settle(self._execute(order, (Level(limit_px, total(taken)),), at), at)

    def _execute(self, order: PaperOrder, executions: tuple[Level, ...], at: Instant) -> PaperOrder:
        """Books executions as faults have it: listed late, or the last one to be taken back."""
        if not executions:
            return order
        late = self._spend("late-trade", at) if order.cl_ord_id else None
        order, fills = self._account.execute(
            order, executions, at, listed_after_s=late.delay_s if late else 0.0
        )
        if order.cl_ord_id and (bust := self._spend("bust", at)):
            due.put(self._con, self._settings.name, after(at, bust.delay_s), due.Bust(fills[-1].exec_id))
        return order

    def _close(self, order: PaperOrder, status: OrdStatus, at: Instant) -> PaperOrder:
        """Ends an order with something left of it; a fault lets part of that fill after all."""
        killed_whole = order.time_in_force is TimeInForce.FOK
        if order.cl_ord_id and not killed_whole and (late := self._spend("late-fill", at)):
            half = floor_to(order.leaves_qty / 2, rules_of(self._settings, order.symbol).lot)
            coming = due.LateFill(order.number, half or order.leaves_qty)
            due.put(self._con, self._settings.name, after(at, late.delay_s), coming)
        return self._account.finish(order, status, at)

    def _list(self, accepted: PaperOrder, order: PaperOrder, at: Instant) -> None:
        """How the lists show a new order, as faults have it: not at all, or as it came in."""
        if order.cl_ord_id is None:
            return
        if hidden := self._spend("not-found", at):
            self._lists.hide(order, after(at, hidden.delay_s))
        elif accepted != order and (stale := self._spend("stale-order", at)):
            self._lists.keep(accepted, after(at, stale.delay_s))

    def _arrival(
        self, request: OrderRequest, rules: MarketRules, at: Instant, fee_in_base: bool, *, would_take: bool
    ) -> Arrival:
        resting = records.open_orders(self._con, self._settings.name)
        return Arrival(
            request=request,
            at=at,
            rules=rules,
            fee_rate=fee_rate(self._settings),
            fee_in_base=fee_in_base,
            open_ids={order.cl_ord_id for order in resting},
            free=self._account.free(rules.quote if request.side is Side.BUY else rules.base),
            would_take=would_take,
        )

    def _spend(self, name: str, at: Instant) -> Fault | None:
        return faults.spend(self._con, self._settings.name, name, at)


def _filled(order: PaperOrder) -> OrdStatus:
    """The state of an order with nothing left to fill: what was taken back from it is canceled."""
    return OrdStatus.CANCELED if order.busted_qty else OrdStatus.FILLED


def _by_priority(resting: Iterable[PaperOrder], symbol: Symbol) -> list[PaperOrder]:
    """The open orders of a symbol, best price first, then by acceptance."""
    orders = (order for order in resting if order.open and order.symbol == symbol)
    return sorted(orders, key=lambda order: (-(order.limit_px or ZERO) * order.side.sign, order.number))
