"""One venue's account inside one transaction: its event clock, balances, orders and fills.

Rule: balances change only here, and only together with the fill or transfer that changes them.
Invariants: event times of one venue strictly increase; an exec_id is unique within an epoch; an
order_id is never given twice, not even after a reset.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from mvx.config.settings import VenueSettings
from mvx.domain.book import Level
from mvx.domain.execution import Fill
from mvx.domain.ids import Asset, ClOrdId, ExecId, OrderId, Symbol
from mvx.domain.instant import Instant, after
from mvx.domain.money import ZERO
from mvx.domain.order import Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.paper import store
from mvx.paper.markets import fee_rate, opening_balances, split_symbol
from mvx.paper.matching import fee_of, hold_of
from mvx.paper.store import PaperOrder
from mvx.sqlite import Connection


class Account:
    """The account's books; opened with its opening balances where there are none."""

    def __init__(self, con: Connection, settings: VenueSettings, now: Instant) -> None:
        self._con = con
        self._settings = settings
        self._row = store.load_venue(con, settings.name) or open_account(con, settings, now)

    @property
    def last_event_at(self) -> Instant:
        return self._row.last_event_at

    def tick(self, at: Instant) -> Instant:
        """The instant of the venue's next event: that one, or just after the last event."""
        event_at = Instant(max(at, self._row.last_event_at + 1))
        self._row = replace(self._row, last_event_at=event_at)
        store.save_venue(self._con, self._row)
        return event_at

    def totals(self) -> dict[Asset, Decimal]:
        return store.totals(self._con, self._settings.name)

    def held(self) -> dict[Asset, Decimal]:
        """What open orders keep, by asset."""
        held: dict[Asset, Decimal] = {}
        rate = fee_rate(self._settings)
        for order in store.open_orders(self._con, self._settings.name):
            base, quote = split_symbol(order.symbol)
            asset = quote if order.side is Side.BUY else base
            assert order.limit_px is not None, "only limit orders rest"
            kept = hold_of(order.side, order.leaves_qty, order.limit_px, rate)
            held[asset] = held.get(asset, ZERO) + kept
        return held

    def free(self, asset: Asset) -> Decimal:
        return self.totals().get(asset, ZERO) - self.held().get(asset, ZERO)

    def transfer(self, asset: Asset, amount: Decimal) -> None:
        store.add_total(self._con, self._settings.name, asset, amount)

    def accept(
        self,
        symbol: Symbol,
        side: Side,
        qty: Decimal,
        at: Instant,
        *,
        cl_ord_id: ClOrdId | None = None,
        limit_px: Decimal | None = None,
        time_in_force: TimeInForce = TimeInForce.IOC,
    ) -> PaperOrder:
        """A new order, numbered and not filled yet; without a client id it was made by hand."""
        self._row = replace(self._row, orders=self._row.orders + 1)
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
            cum_qty=ZERO,
            notional=ZERO,
            ord_status=OrdStatus.NEW,
            accepted_at=at,
            updated_at=at,
        )
        store.save_venue(self._con, self._row)
        store.save_order(self._con, self._settings.name, order)
        return order

    def execute(
        self, order: PaperOrder, executions: Iterable[Level], at: Instant, *, listed_after_s: float = 0.0
    ) -> PaperOrder:
        """Books these executions; the order with what they filled, not saved yet."""
        for px, qty in executions:
            fill = self._fill(order, px, qty, self.tick(at))
            self._book(fill)
            store.insert_fill(self._con, self._row.fills, fill, after(fill.at, listed_after_s))
            order = replace(
                order,
                cum_qty=order.cum_qty + qty,
                notional=order.notional + fill.notional,
                updated_at=fill.at,
            )
        return order

    def finish(self, order: PaperOrder, status: OrdStatus, at: Instant) -> PaperOrder:
        """Saves the order in this status; one that closes by an event of its own closes after its fills."""
        if status is not order.ord_status:
            own_event = status in (OrdStatus.CANCELED, OrdStatus.EXPIRED)
            order = replace(
                order, ord_status=status, updated_at=self.tick(at) if own_event else order.updated_at
            )
        store.save_order(self._con, self._settings.name, order)
        return order

    def _fill(self, order: PaperOrder, px: Decimal, qty: Decimal, at: Instant) -> Fill:
        _, quote = split_symbol(order.symbol)
        self._row = replace(self._row, fills=self._row.fills + 1)
        store.save_venue(self._con, self._row)
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
            fee_asset=quote,
            fee_amount=fee_of(px * qty, fee_rate(self._settings)),
            at=at,
        )

    def _book(self, fill: Fill) -> None:
        base, quote = split_symbol(fill.symbol)
        sign = fill.side.sign
        store.add_total(self._con, fill.venue, base, sign * fill.qty)
        store.add_total(self._con, fill.venue, quote, -sign * fill.notional)
        store.add_total(self._con, fill.venue, fill.fee_asset, -fill.fee_amount)


def open_account(
    con: Connection, settings: VenueSettings, now: Instant, *, after_epoch: int = 0
) -> store.VenueRow:
    """A fresh account with its opening balances, in an epoch of its own."""
    row = store.VenueRow(settings.name, epoch=max(now, after_epoch + 1), last_event_at=now)
    store.save_venue(con, row)
    for asset, amount in opening_balances(settings).items():
        store.add_total(con, settings.name, asset, amount)
    return row
