"""Where orders come in at one venue: admission, matching, resting, filling, canceling.

Rule: what fills an order is taken out of the book at once, and a resting order fills at its own limit
when a later book crosses it, within what that book offers there.
Invariants: no two own orders take the same liquidity; own orders never meet each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from mvx.config.settings import VenueSettings
from mvx.domain.book import Level
from mvx.domain.ids import ClOrdId, OrderId, Symbol
from mvx.domain.instant import Instant
from mvx.domain.instrument import MarketRules
from mvx.domain.money import ONE, ZERO, is_multiple, plain
from mvx.domain.order import OrderReport, OrderRequest, Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.paper import faults, store
from mvx.paper.account import Account
from mvx.paper.admission import Accepted, Arrival, Refused, refusal
from mvx.paper.feed import Sides
from mvx.paper.market import Market
from mvx.paper.markets import fee_rate, house_of, listed_symbols, rules_of
from mvx.paper.matching import crosses, crossing, match, status_of, take, total
from mvx.paper.store import PaperOrder
from mvx.sqlite import Connection


class Gateway:
    """The orders of one account at one venue, inside one transaction."""

    def __init__(self, con: Connection, settings: VenueSettings, account: Account, market: Market) -> None:
        self._con = con
        self._settings = settings
        self._account = account
        self._market = market

    def enter(self, request: OrderRequest, arrived_at: Instant) -> Accepted | Refused:
        """A limit order arrives."""
        symbol, side = request.symbol, request.side
        rules = self._rules(symbol)
        if rules is None:
            return self._unknown(symbol)
        position = self._market.position(symbol, arrived_at)
        levels = crossing(side, request.limit_px, _opposite(self._market.sides(symbol, position), side))
        at = self._account.tick(arrived_at)
        refused = refusal(self._arrival(request, rules, at, would_take=bool(levels)))
        if refused:
            return refused
        executions, listed_after_s = self._match(request, levels, rules.lot, arrived_at)
        order = self._account.accept(
            symbol,
            side,
            request.order_qty,
            at,
            cl_ord_id=request.cl_ord_id,
            limit_px=request.limit_px,
            time_in_force=request.time_in_force,
        )
        self._market.consume(symbol, position, side, executions)
        order = self._account.execute(order, executions, at, listed_after_s=listed_after_s)
        if self._settle(order, at).open:
            self._market.mark_walked(symbol, arrived_at)
        return Accepted(order.order_id)

    def trade(self, side: Side, qty: Decimal, symbol: Symbol, at: Instant) -> OrderReport | Refused:
        """The owner trades by hand, at any price; what the book can not fill is canceled."""
        rules = self._rules(symbol)
        if rules is None:
            return self._unknown(symbol)
        if qty <= 0 or not is_multiple(qty, rules.lot):
            return Refused("lot", f"quantity {plain(qty)} is no multiple of the lot {plain(rules.lot)}")
        position = self._market.position(symbol, at)
        executions = take(_opposite(self._market.sides(symbol, position), side), qty, rules.lot)
        spent, asset = total(executions), rules.base
        if side is Side.BUY:
            cost = sum((px * part for px, part in executions), ZERO)
            spent, asset = cost * (ONE + fee_rate(self._settings)), rules.quote
        if spent > self._account.free(asset):
            return Refused("insufficient_funds", f"needs {plain(spent)} {asset}, more than is free")
        order = self._account.accept(symbol, side, qty, self._account.tick(at))
        self._market.consume(symbol, position, side, executions)
        return self._settle(self._account.execute(order, executions, at), at).report()

    def cancel(self, cl_ord_id: ClOrdId, order_id: OrderId | None, at: Instant) -> Refused | None:
        """By the venue's id where it is given, else by the client's."""
        for order in store.open_orders(self._con, self._settings.name):
            if order.order_id == order_id or (order_id is None and order.cl_ord_id == cl_ord_id):
                self._account.finish(order, OrdStatus.CANCELED, at)
                return None
        return Refused("unknown_order", f"no open order {order_id or cl_ord_id}")

    def cross_resting(self, until: Instant) -> None:
        """Takes resting orders through every book since they met the last one, in the order of time."""
        resting = {order.order_id: order for order in store.open_orders(self._con, self._settings.name)}
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

    def _fill_resting(self, order: PaperOrder, limit_px: Decimal, position: int, at: Instant) -> PaperOrder:
        levels = _opposite(self._market.sides(order.symbol, position), order.side)
        lot = rules_of(self._settings, order.symbol).lot
        taken = take(crossing(order.side, limit_px, levels), order.leaves_qty, lot)
        if not taken:
            return order
        self._market.consume(order.symbol, position, order.side, taken)
        filled = self._account.execute(order, (Level(limit_px, total(taken)),), at)
        return self._settle(filled, at)

    def _match(
        self, request: OrderRequest, levels: tuple[Level, ...], lot: Decimal, now: Instant
    ) -> tuple[tuple[Level, ...], float]:
        """The executions, as faults leave them, and by how many seconds their listing is late. A fault
        is spent only on an order that it changes."""
        venue, tif, qty = self._settings.name, request.time_in_force, request.order_qty
        executions = match(tif, qty, levels, lot)
        if executions and faults.spend(self._con, venue, ("partial",), now):
            executions = match(tif, qty, levels, lot, partial=True)
        late = faults.spend(self._con, venue, ("late-trade",), now) if executions else None
        return executions, late.delay_s if late else 0.0

    def _settle(self, order: PaperOrder, at: Instant) -> PaperOrder:
        rests = order.time_in_force is TimeInForce.GTC
        killed = house_of(self._settings.name).killed
        status = status_of(order.order_qty, order.cum_qty, rests=rests, killed=killed)
        return self._account.finish(order, status, at)

    def _arrival(
        self, request: OrderRequest, rules: MarketRules, at: Instant, *, would_take: bool
    ) -> Arrival:
        resting = store.open_orders(self._con, self._settings.name)
        return Arrival(
            request=request,
            at=at,
            rules=rules,
            fee_rate=fee_rate(self._settings),
            open_ids={order.cl_ord_id for order in resting},
            free=self._account.free(rules.quote if request.side is Side.BUY else rules.base),
            would_take=would_take,
        )

    def _rules(self, symbol: Symbol) -> MarketRules | None:
        return rules_of(self._settings, symbol) if symbol in listed_symbols(self._settings) else None

    def _unknown(self, symbol: Symbol) -> Refused:
        listed = ", ".join(listed_symbols(self._settings))
        return Refused("unknown_symbol", f"{self._settings.name} does not list {symbol}, only {listed}")


def _opposite(sides: Sides, side: Side) -> tuple[Level, ...]:
    return sides.asks if side is Side.BUY else sides.bids


def _by_priority(resting: Iterable[PaperOrder], symbol: Symbol) -> list[PaperOrder]:
    """The open orders of a symbol, best price first, then by acceptance."""
    orders = (order for order in resting if order.open and order.symbol == symbol)
    return sorted(orders, key=lambda order: (-(order.limit_px or ZERO) * order.side.sign, order.number))
