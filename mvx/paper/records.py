"""The rows of one account: its orders, fills and transfers, as values, and its histories in pages.

Rule: a history is served newest first by offset, in an order that never changes, so that a row that
joins between two pages moves the others on and hides none of those that were there.

`LIMIT 0 + ?`: SQLite prepares a statement whose limit is a bare parameter anew each time that it is run.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from mvx.domain.execution import Fill, Transfer
from mvx.domain.ids import Asset, ClOrdId, ExecId, OrderId, Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.money import plain, round_px
from mvx.domain.order import OrderReport, Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.paper.markets import gross_of
from mvx.paper.store import ACCOUNT
from mvx.sqlite import Connection

BEGINNING = Instant(0)


@dataclass(frozen=True, slots=True)
class PaperOrder:
    """One accepted order. `cl_ord_id` is None where it was made by hand, `limit_px` for a manual trade at
    any price. `busted_qty`: filled and taken back, and not to be filled again. `closed_at`: when it first
    left the book, whatever became of it since."""

    number: int
    order_id: OrderId
    cl_ord_id: ClOrdId | None
    symbol: Symbol
    side: Side
    order_qty: Decimal
    limit_px: Decimal | None
    time_in_force: TimeInForce
    fee_in_base: bool
    cum_qty: Decimal
    notional: Decimal
    busted_qty: Decimal
    ord_status: OrdStatus
    accepted_at: Instant
    updated_at: Instant
    closed_at: Instant | None = None

    @property
    def leaves_qty(self) -> Decimal:
        return self.order_qty - self.cum_qty - self.busted_qty

    @property
    def open(self) -> bool:
        return self.closed_at is None

    def report(self) -> OrderReport:
        return OrderReport(
            order_id=self.order_id,
            cl_ord_id=self.cl_ord_id,
            symbol=self.symbol,
            side=self.side,
            order_qty=self.order_qty,
            limit_px=self.limit_px,
            cum_qty=self.cum_qty,
            avg_px=round_px(self.notional / self.cum_qty) if self.cum_qty else None,
            ord_status=self.ord_status,
            created_at=self.accepted_at,
            updated_at=self.updated_at,
        )


_ORDER_COLUMNS = (
    "number, order_id, cl_ord_id, symbol, side, order_qty, limit_px, time_in_force, fee_in_base, cum_qty,"
    " notional, busted_qty, ord_status, accepted_at, updated_at, closed_at"
)


def save_order(con: Connection, venue: Venue, order: PaperOrder) -> None:
    """Inserts the order, or replaces what it was."""
    con.execute(
        f"INSERT OR REPLACE INTO orders (venue, {_ORDER_COLUMNS})"  # noqa: S608 - constants
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            venue,
            order.number,
            order.order_id,
            order.cl_ord_id,
            order.symbol,
            order.side,
            plain(order.order_qty),
            None if order.limit_px is None else plain(order.limit_px),
            order.time_in_force,
            order.fee_in_base,
            plain(order.cum_qty),
            plain(order.notional),
            plain(order.busted_qty),
            order.ord_status,
            order.accepted_at,
            order.updated_at,
            order.closed_at,
        ),
    )


def open_orders(con: Connection, venue: Venue) -> tuple[PaperOrder, ...]:
    """In the order of acceptance."""
    # By itself SQLite takes the primary key, and reads every order that ever was.
    tail = "INDEXED BY orders_open WHERE venue = ? AND closed_at IS NULL ORDER BY number"
    return _orders(con, tail, (venue,))


def all_orders(con: Connection, venue: Venue) -> tuple[PaperOrder, ...]:
    return _orders(con, "WHERE venue = ? ORDER BY number", (venue,))


def order_numbered(con: Connection, venue: Venue, number: int) -> PaperOrder:
    (found,) = _orders(con, "WHERE venue = ? AND number = ?", (venue, number))
    return found


def order_named(con: Connection, venue: Venue, order_id: OrderId) -> PaperOrder | None:
    """An order_id ends in its number."""
    number = order_id.rpartition("-")[2]
    found = _orders(con, "WHERE venue = ? AND number = ? AND order_id = ?", (venue, number, order_id))
    return found[0] if found else None


def closed_page(
    con: Connection, venue: Venue, since: Instant, now: Instant, *, offset: int, limit: int
) -> tuple[PaperOrder, ...]:
    """Those that closed since then, less those that a mask keeps out of the list now."""
    tail = (
        "WHERE venue = ?1 AND closed_at >= ?2 AND NOT EXISTS (SELECT 1 FROM masks WHERE masks.venue = ?1"
        " AND masks.number = orders.number AND masks.until_at > ?3)"
        " ORDER BY closed_at DESC, number DESC LIMIT 0 + ?4 OFFSET ?5"
    )
    return _orders(con, tail, (venue, since, now, limit, offset))


def _orders(con: Connection, tail: str, values: tuple[object, ...]) -> tuple[PaperOrder, ...]:
    query = f"SELECT {_ORDER_COLUMNS} FROM orders {tail}"  # noqa: S608 - constants
    return tuple(map(_order, con.execute(query, values)))


@lru_cache(maxsize=1024)
def _order(row: tuple[Any, ...]) -> PaperOrder:
    """Every visit reads the same few rows again."""
    (
        number, order_id, cl_ord_id, symbol, side, qty, limit_px, tif, in_base, cum, notional, busted,
        status, accepted_at, updated_at, closed_at,
    ) = row  # fmt: skip
    return PaperOrder(
        number,
        order_id,
        cl_ord_id,
        symbol,
        Side(side),
        Decimal(qty),
        None if limit_px is None else Decimal(limit_px),
        TimeInForce(tif),
        bool(in_base),
        Decimal(cum),
        Decimal(notional),
        Decimal(busted),
        OrdStatus(status),
        accepted_at,
        updated_at,
        closed_at,
    )


def insert_fill(con: Connection, number: int, fill: Fill, listed_at: Instant | None) -> None:
    """Listed from that instant of our clock on, or at once."""
    con.execute(
        "INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            fill.venue,
            number,
            fill.epoch,
            fill.symbol,
            fill.side,
            fill.exec_id,
            fill.order_id,
            plain(fill.qty),
            plain(fill.price),
            fill.fee_asset,
            plain(fill.fee_amount),
            fill.at,
            fill.busted_at,
            listed_at,
        ),
    )


def mark_busted(con: Connection, venue: Venue, exec_id: ExecId, at: Instant) -> None:
    con.execute("UPDATE fills SET busted_at = ? WHERE venue = ? AND exec_id = ?", (at, venue, exec_id))


_TRANSFER_COLUMNS = "epoch, transfer_id, asset, amount, at"
_FILL_COLUMNS = "epoch, symbol, side, exec_id, order_id, qty, price, fee_asset, fee_amount, at, busted_at"


def fill_named(con: Connection, venue: Venue, exec_id: ExecId) -> Fill | None:
    found = _fills(con, venue, "venue = ? AND exec_id = ?", (venue, exec_id))
    return found[0] if found else None


def all_fills(con: Connection, venue: Venue) -> tuple[Fill, ...]:
    """Oldest first, listed or not."""
    return _fills(con, venue, "venue = ? ORDER BY number", (venue,))


def fills_page(
    con: Connection, venue: Venue, since: Instant, now: Instant, *, offset: int, limit: int
) -> tuple[Fill, ...]:
    """Those since then that the venue lists by now."""
    condition = (
        "venue = ? AND at >= ? AND (listed_at IS NULL OR listed_at <= ?)"
        " ORDER BY at DESC, number DESC LIMIT 0 + ? OFFSET ?"
    )
    return _fills(con, venue, condition, (venue, since, now, limit, offset))


def _fills(con: Connection, venue: Venue, condition: str, values: tuple[object, ...]) -> tuple[Fill, ...]:
    rows = con.execute(f"SELECT {_FILL_COLUMNS} FROM fills WHERE {condition}", values)  # noqa: S608 - constants
    return tuple(_fill(venue, row) for row in rows)


@lru_cache(maxsize=1024)
def _fill(venue: Venue, row: tuple[Any, ...]) -> Fill:
    epoch, symbol, side, exec_id, order_id, qty, price, fee_asset, fee_amount, at, busted_at = row
    return Fill(
        venue=venue,
        account=ACCOUNT,
        epoch=epoch,
        symbol=symbol,
        side=Side(side),
        exec_id=ExecId(exec_id),
        order_id=order_id,
        qty=Decimal(qty),
        price=Decimal(price),
        fee_asset=fee_asset,
        fee_amount=Decimal(fee_amount),
        at=at,
        busted_at=busted_at,
        gross_trade_amt=gross_of(venue, Decimal(qty), Decimal(price)),
    )


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a withdrawal that was under way. ended_at None: it is. failed: it was taken back, by a
    transfer of its own (`back_id`)."""

    ended_at: Instant | None
    failed: bool


def back_id(name: str) -> str:
    """What brings a withdrawal back is called so: its id, and its listing."""
    return f"{name} back"


def insert_transfer(
    con: Connection, number: int, transfer: Transfer, listed_at: Instant | None, ended_at: Instant | None
) -> None:
    """Likewise. `ended_at` None: it is under way."""
    con.execute(
        "INSERT INTO transfers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (
            transfer.venue,
            number,
            transfer.epoch,
            transfer.transfer_id,
            transfer.asset,
            plain(transfer.amount),
            transfer.at,
            listed_at,
            ended_at,
        ),
    )


def end_transfer(con: Connection, venue: Venue, number: int, at: Instant, *, failed: bool) -> Transfer:
    """A withdrawal is under way no longer."""
    con.execute(
        "UPDATE transfers SET ended_at = ?, failed = ? WHERE venue = ? AND number = ?",
        (at, failed, venue, number),
    )
    rows = con.execute(
        f"SELECT {_TRANSFER_COLUMNS} FROM transfers WHERE venue = ? AND number = ?",  # noqa: S608 - constants
        (venue, number),
    )
    return _transfer(venue, rows.fetchone())


def endings(con: Connection, venue: Venue) -> dict[str, Ending]:
    """Of the withdrawals that were under way for a while, by their listing."""
    rows = con.execute(
        f"SELECT {_TRANSFER_COLUMNS}, ended_at, failed FROM transfers"  # noqa: S608 - constants
        " WHERE venue = ? AND ended_at IS NOT at",
        (venue,),
    )
    return {_transfer(venue, row[:5]).listing: Ending(row[5], bool(row[6])) for row in rows}


def transfers_page(
    con: Connection, venue: Venue, since: Instant, now: Instant, *, offset: int, limit: int
) -> tuple[Transfer, ...]:
    """Those since then that the venue lists by now."""
    rows = con.execute(
        f"SELECT {_TRANSFER_COLUMNS} FROM transfers"  # noqa: S608 - constants
        " WHERE venue = ? AND at >= ? AND (listed_at IS NULL OR listed_at <= ?)"
        " ORDER BY at DESC, number DESC LIMIT 0 + ? OFFSET ?",
        (venue, since, now, limit, offset),
    )
    return tuple(_transfer(venue, row) for row in rows)


def _transfer(venue: Venue, row: tuple[Any, ...]) -> Transfer:
    epoch, transfer_id, asset, amount, at = row
    return Transfer(venue, ACCOUNT, epoch, transfer_id, Asset(asset), Decimal(amount), at)
