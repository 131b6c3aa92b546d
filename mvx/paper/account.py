"""One venue's account inside one transaction: its event clock, balances, orders and fills.

Rule: balances change only here, and only together with the fill, bust or transfer that changes them.
Instants that come in are ours; those that are written are the venue's own (`tick`), whose clock a fault
may have set wrong.
Invariants: event times of one venue strictly increase, whatever its clock does, and all fills of one
event share its time; an exec_id is unique within an epoch; an order_id is never given twice, not even
after a reset.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from mvx.config.settings import VenueSettings
from mvx.domain.book import Level
from mvx.domain.execution import ExecutionReport, Fill, Transfer
from mvx.domain.ids import Asset, ClOrdId, ExecId, OrderId, Symbol
from mvx.domain.instant import Instant, after
from mvx.domain.money import ZERO
from mvx.domain.order import Side, TimeInForce
from mvx.domain.order_status import TERMINAL, ExecType, OrdStatus
from mvx.paper import due, faults, records, store
from mvx.paper.markets import (
    FEE_TOKENS_PX,
    fee_rate,
    fee_tokens,
    gross_of,
    opening_balances,
    split_symbol,
)
from mvx.paper.matching import fee_of, hold_of
from mvx.paper.records import PaperOrder
from mvx.sqlite import Connection

#: What is pushed when an order comes to this.
_PUSHED = {OrdStatus.CANCELED: ExecType.CANCELED, OrdStatus.EXPIRED: ExecType.EXPIRED}


class Account:
    """The account's books; opened with its opening balances where there are none. `events`: what happened
    in this transaction to orders that carry a client id and is pushed, oldest first."""

    def __init__(self, con: Connection, settings: VenueSettings, now: Instant) -> None:
        self._con = con
        self._settings = settings
        self._row = store.load_venue(con, settings.name) or open_account(con, settings, now)
        self.events: list[ExecutionReport] = []

    def tick(self, at: Instant) -> Instant:
        """The venue's time of an event at that instant: what its clock says, or just after the last."""
        says = faults.venue_time(self._con, self._settings.name, at)
        event_at = Instant(max(says, self._row.last_event_at + 1))
        self._row = self._row._replace(last_event_at=event_at)
        store.save_venue(self._con, self._row)
        return event_at

    def totals(self) -> dict[Asset, Decimal]:
        return store.totals(self._con, self._settings.name)

    def held(self) -> dict[Asset, Decimal]:
        """What open orders and late fills under way keep, by asset. One by hand at any price, which is open
        only while it fills, was checked against what is free and keeps nothing."""
        venue = self._settings.name
        leaves = [(order, order.leaves_qty) for order in records.open_orders(self._con, venue)]
        for late in due.late_fills(self._con, venue):
            leaves.append((records.order_numbered(self._con, venue, late.number), late.qty))
        held: dict[Asset, Decimal] = {}
        rate = fee_rate(self._settings)
        for order, qty in leaves:
            base, quote = split_symbol(order.symbol)
            asset = quote if order.side is Side.BUY else base
            if order.limit_px is None:
                continue
            kept = hold_of(order.side, qty, order.limit_px, rate, fee_in_base=order.fee_in_base)
            held[asset] = held.get(asset, ZERO) + kept
        return held

    def free(self, asset: Asset) -> Decimal:
        return self.totals().get(asset, ZERO) - self.held().get(asset, ZERO)

    def transfer(
        self,
        asset: Asset,
        amount: Decimal,
        at: Instant,
        *,
        listed_after_s: float = 0.0,
        under_way: bool = False,
        transfer_id: str = "",
    ) -> int:
        """Its number. The balance moves at once, also where it is under way."""
        self._row = self._row._replace(transfers=self._row.transfers + 1)
        number = self._row.transfers
        moved = Transfer(
            venue=self._settings.name,
            account=store.ACCOUNT,
            epoch=str(self._row.epoch),
            transfer_id=transfer_id or f"X{number}",
            asset=asset,
            amount=amount,
            at=self.tick(at),
        )
        store.add_total(self._con, moved.venue, asset, amount)
        listed_at = after(at, listed_after_s) if listed_after_s else None
        records.insert_transfer(self._con, number, moved, listed_at, None if under_way else moved.at)
        return number

    def accept(
        self,
        symbol: Symbol,
        side: Side,
        qty: Decimal,
        at: Instant,
        accepted_at: Instant,
        *,
        cl_ord_id: ClOrdId | None = None,
        limit_px: Decimal | None = None,
        time_in_force: TimeInForce = TimeInForce.IOC,
        fee_in_base: bool = False,
    ) -> PaperOrder:
        """A new order, numbered and not filled yet; without a client id it was made by hand. It came `at`
        our time and was accepted at the venue's."""
        self._row = self._row._replace(orders=self._row.orders + 1)
        number = self._row.orders
        order = PaperOrder(
            number=number,
            order_id=OrderId(f"{self._row.epoch}-{number}"),
            cl_ord_id=cl_ord_id,
            symbol=symbol,
            side=side,
            order_qty=qty,
            limit_px=limit_px,
            time_in_force=time_in_force,
            fee_in_base=fee_in_base,
            cum_qty=ZERO,
            notional=ZERO,
            busted_qty=ZERO,
            ord_status=OrdStatus.NEW,
            accepted_at=accepted_at,
            updated_at=accepted_at,
        )
        store.save_venue(self._con, self._row)
        self._save(order)
        self._push(order, at, ExecType.NEW)
        return order

    def execute(
        self, order: PaperOrder, executions: Iterable[Level], at: Instant, *, listed_after_s: float = 0.0
    ) -> tuple[PaperOrder, tuple[Fill, ...]]:
        """Books these executions, one event of the venue; the order with what they filled, not saved yet."""
        fills = []
        event_at = self.tick(at)
        listed_at = after(at, listed_after_s) if listed_after_s else None
        for px, qty in executions:
            fill = self._fill(order, px, qty, event_at, at)
            self._book(fill)
            records.insert_fill(self._con, self._row.fills, fill, listed_at)
            order = replace(
                order,
                cum_qty=order.cum_qty + qty,
                notional=order.notional + fill.notional,
                updated_at=fill.at,
            )
            whole = order.cum_qty == order.order_qty
            self._push(order, at, ExecType.FILL if whole else ExecType.PARTIAL_FILL, fill)
            fills.append(fill)
        store.save_venue(self._con, self._row)
        return order, tuple(fills)

    def finish(self, order: PaperOrder, status: OrdStatus, at: Instant) -> PaperOrder:
        """Saves the order in this status; one that closes by an event of its own closes after its fills."""
        if status is not order.ord_status:
            updated_at = self.tick(at) if status in _PUSHED else order.updated_at
            order = replace(order, ord_status=status, updated_at=updated_at)
            if status in _PUSHED:
                self._push(order, at, _PUSHED[status])
        if order.closed_at is None and status in TERMINAL:
            order = replace(order, closed_at=order.updated_at)
        self._save(order)
        return order

    def bust(self, fill: Fill, at: Instant) -> PaperOrder:
        """Takes a fill back, to the last digit: it stays listed and says so, and its order counts it no
        more. What was filled and taken back is not for sale again."""
        busted_at = self.tick(at)
        records.mark_busted(self._con, fill.venue, fill.exec_id, busted_at)
        self._book(fill, back=True)
        order = records.order_named(self._con, fill.venue, fill.order_id)
        assert order is not None, "a fill has its order"
        left = order.cum_qty - fill.qty
        status = order.ord_status
        if status is OrdStatus.FILLED:
            status = OrdStatus.CANCELED
        elif status is OrdStatus.PARTIALLY_FILLED and not left:
            status = OrdStatus.NEW
        order = replace(
            order,
            cum_qty=left,
            notional=order.notional - fill.notional,
            busted_qty=order.busted_qty + fill.qty,
            ord_status=status,
            updated_at=busted_at,
        )
        self._save(order)
        return order

    def _fill(self, order: PaperOrder, px: Decimal, qty: Decimal, event_at: Instant, at: Instant) -> Fill:
        self._row = self._row._replace(fills=self._row.fills + 1)
        fee_asset, fee_amount = self._fee(order, px, qty, at)
        return Fill(
            venue=self._settings.name,
            account=store.ACCOUNT,
            epoch=str(self._row.epoch),
            symbol=order.symbol,
            side=order.side,
            exec_id=ExecId(f"T{self._row.fills}"),
            order_id=order.order_id,
            qty=qty,
            price=px,
            fee_asset=fee_asset,
            fee_amount=fee_amount,
            at=event_at,
            gross_trade_amt=gross_of(self._settings.name, qty, px),
        )

    def _fee(self, order: PaperOrder, px: Decimal, qty: Decimal, at: Instant) -> tuple[Asset, Decimal]:
        """In the token while there is enough of it, else in base or quote as the order has it."""
        base, quote = split_symbol(order.symbol)
        rate = fee_rate(self._settings)
        if faults.active(self._con, self._settings.name, "token-fee", at):
            for token in fee_tokens(self._settings):
                amount = fee_of(px * qty / FEE_TOKENS_PX[token], rate)
                if amount <= self.free(token):
                    return token, amount
        return (base, fee_of(qty, rate)) if order.fee_in_base else (quote, fee_of(px * qty, rate))

    def _book(self, fill: Fill, *, back: bool = False) -> None:
        base, quote = split_symbol(fill.symbol)
        forth, sign = -1 if back else 1, fill.side.sign
        store.add_total(self._con, fill.venue, base, forth * sign * fill.qty)
        store.add_total(self._con, fill.venue, quote, forth * -sign * fill.notional)
        store.add_total(self._con, fill.venue, fill.fee_asset, forth * -fill.fee_amount)

    def _save(self, order: PaperOrder) -> None:
        records.save_order(self._con, self._settings.name, order)

    def _push(self, order: PaperOrder, at: Instant, exec_type: ExecType, fill: Fill | None = None) -> None:
        if order.cl_ord_id is not None and not faults.mutes(self._con, self._settings.name, at):
            report = ExecutionReport(
                venue=self._settings.name,
                cl_ord_id=order.cl_ord_id,
                order_id=order.order_id,
                symbol=order.symbol,
                side=order.side,
                exec_type=exec_type,
                fill=fill,
                at=order.updated_at,
            )
            self.events.append(report)


def open_account(
    con: Connection, settings: VenueSettings, now: Instant, *, after_epoch: int = 0
) -> store.VenueRow:
    """A fresh account with its opening balances, in an epoch of its own."""
    row = store.VenueRow(settings.name, epoch=max(now, after_epoch + 1), last_event_at=now)
    store.save_venue(con, row)
    for asset, amount in opening_balances(settings).items():
        store.add_total(con, settings.name, asset, amount)
    return row
