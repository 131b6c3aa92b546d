"""What happens to an account beside the API: its owner trades, cancels and moves assets by hand, and the
venue takes trades back.

Rule: a refusal is a value, as everywhere at the venue. No fault hits what is done here.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from mvx.config.settings import VenueSettings
from mvx.domain.book import Level
from mvx.domain.execution import Fill
from mvx.domain.ids import Asset, ClOrdId, ExecId, OrderId, Symbol
from mvx.domain.instant import Instant, after
from mvx.domain.money import ONE, ZERO, is_multiple, plain
from mvx.domain.order import OrderReport, OrderRequest, Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.paper import due, records
from mvx.paper.account import Account
from mvx.paper.admission import Refused
from mvx.paper.due import WithdrawalEnds
from mvx.paper.gateway import Gateway
from mvx.paper.market import Market
from mvx.paper.markets import fee_rate
from mvx.paper.matching import take, total
from mvx.sqlite import Connection

_NO_DEADLINE = Instant(2**62)


class Owner:
    """The owner of one account at one venue, at one moment of our clock."""

    def __init__(
        self,
        con: Connection,
        settings: VenueSettings,
        account: Account,
        market: Market,
        gateway: Gateway,
        now: Instant,
    ) -> None:
        self._con = con
        self._settings = settings
        self._account = account
        self._market = market
        self._gateway = gateway
        self._now = now

    def trade(
        self, side: Side, qty: Decimal, symbol: Symbol, limit_px: Decimal | None
    ) -> OrderReport | Refused:
        """At any price, and what the book can not fill is canceled; or at a limit, and the rest rests."""
        if limit_px is None:
            return self._trade_at_any_price(side, qty, symbol)
        request = OrderRequest(
            ClOrdId(""), symbol, side, qty, limit_px, TimeInForce.GTC, post_only=False, deadline=_NO_DEADLINE
        )
        answer = self._gateway.enter(request, self._now, by_hand=True)
        if isinstance(answer, Refused):
            return answer
        order = records.order_named(self._con, self._settings.name, answer.order_id)
        assert order is not None, "it was accepted"
        return order.report()

    def cancel(self, order_id: OrderId) -> OrderReport | Refused:
        """Any open order of the account, whoever sent it."""
        order = records.order_named(self._con, self._settings.name, order_id)
        if order is None or not order.open:
            return Refused("unknown_order", f"no open order {order_id}")
        return self._account.finish(order, OrdStatus.CANCELED, self._now).report()

    def transfer(self, asset: Asset, amount: Decimal, *, listed_after_s: float) -> Refused | None:
        """A deposit, or a withdrawal of what is free."""
        if (refused := self._not_free(asset, -amount)) is not None:
            return refused
        self._account.transfer(asset, amount, self._now, listed_after_s=listed_after_s)
        return None

    def withdraw(self, asset: Asset, amount: Decimal, *, for_s: float, fails: bool) -> Refused | None:
        """It leaves at once, is under way for so long, and is done then, or comes back."""
        if (refused := self._not_free(asset, amount)) is not None:
            return refused
        number = self._account.transfer(asset, -amount, self._now, under_way=True)
        due.put(self._con, self._settings.name, after(self._now, for_s), WithdrawalEnds(number, fails))
        return None

    def end_withdrawal(self, number: int, at: Instant, *, fails: bool) -> None:
        """One that was under way is done, or comes back."""
        ended_at = self._account.tick(at)
        left = records.end_transfer(self._con, self._settings.name, number, ended_at, failed=fails)
        if fails:
            back = records.back_id(left.transfer_id)
            self._account.transfer(left.asset, -left.amount, at, transfer_id=back)

    def bust(self, exec_id: ExecId, at: Instant) -> Refused | None:
        """The venue takes a trade back."""
        fill = self._standing(exec_id)
        if isinstance(fill, Refused):
            return fill
        self._account.bust(fill, at)
        return None

    def correct(self, exec_id: ExecId, qty: Decimal, price: Decimal) -> Fill | Refused:
        """The venue takes a trade back and books it anew with other numbers: another one, with an exec_id
        and a time of its own. Its order counts the new one instead."""
        fill = self._standing(exec_id)
        if isinstance(fill, Refused):
            return fill
        order = records.order_named(self._con, self._settings.name, fill.order_id)
        assert order is not None, "a fill has its order"
        if qty <= 0 or price <= 0 or order.cum_qty - fill.qty + qty > order.order_qty:
            return Refused("correction", f"{plain(qty)} at {plain(price)} does not fit the order")
        order = self._account.bust(fill, self._now)
        order = replace(order, busted_qty=max(ZERO, order.busted_qty - qty))
        order, (corrected,) = self._account.execute(order, (Level(price, qty),), self._now)
        status = order.ord_status
        if order.cum_qty == order.order_qty:
            status = OrdStatus.FILLED
        elif order.open:
            status = OrdStatus.PARTIALLY_FILLED
        self._account.finish(order, status, self._now)
        return corrected

    def _not_free(self, asset: Asset, amount: Decimal) -> Refused | None:
        free = self._account.free(asset)
        if amount > 0 and free < amount:
            return Refused("insufficient_funds", f"{plain(free)} {asset} is free")
        return None

    def _standing(self, exec_id: ExecId) -> Fill | Refused:
        fill = records.fill_named(self._con, self._settings.name, exec_id)
        if fill is None or fill.busted_at is not None:
            return Refused("unknown_trade", f"no trade {exec_id} stands")
        return fill

    def _trade_at_any_price(self, side: Side, qty: Decimal, symbol: Symbol) -> OrderReport | Refused:
        rules = self._gateway.rules(symbol)
        if isinstance(rules, Refused):
            return rules
        if qty <= 0 or not is_multiple(qty, rules.lot):
            return Refused("lot", f"quantity {plain(qty)} is no multiple of the lot {plain(rules.lot)}")
        position = self._market.position(symbol, self._now)
        executions = take(self._market.opposite(symbol, position, side), qty, rules.lot)
        fee_in_base = self._gateway.fee_in_base(self._now)
        spent, asset = total(executions), rules.base
        if side is Side.BUY:
            spent, asset = sum((px * part for px, part in executions), ZERO), rules.quote
        if fee_in_base is (side is Side.SELL):
            spent *= ONE + fee_rate(self._settings)
        if spent > self._account.free(asset):
            return Refused("insufficient_funds", f"needs {plain(spent)} {asset}, more than is free")
        accepted_at = self._account.tick(self._now)
        order = self._account.accept(symbol, side, qty, self._now, accepted_at, fee_in_base=fee_in_base)
        self._market.consume(symbol, position, side, executions)
        if executions:
            order, _ = self._account.execute(order, executions, self._now)
        return self._gateway.settle(order, self._now).report()
