"""Domain values as table rows and back: decimals as plain text, flags as 0 and 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from mvx.domain.money import plain
from mvx.domain.order import Order, Side, TimeInForce
from mvx.domain.order_status import OrdStatus

Row = Mapping[str, Any]


def text_or_none(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def number_or_none(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def order_row(order: Order) -> dict[str, Any]:
    """The row of the orders table, in the order of its columns."""
    return {
        "cl_ord_id": order.cl_ord_id,
        "parent_id": order.parent_id,
        "venue": order.venue,
        "account": order.account,
        "symbol": order.symbol,
        "instrument": order.instrument,
        "base": order.base,
        "quote": order.quote,
        "side": order.side.value,
        "order_qty": plain(order.order_qty),
        "limit_px": plain(order.limit_px),
        "time_in_force": order.time_in_force.value,
        "post_only": int(order.post_only),
        "created_at": order.created_at,
        "deadline": order.deadline,
        "fee_bps": plain(order.fee_bps),
        "fee_assets": " ".join(order.fee_assets),
        "max_px": text_or_none(order.max_px),
    } | progress_row(order)


def order_of(row: Row) -> Order:
    """The order of a row of the orders table."""
    return Order(
        cl_ord_id=row["cl_ord_id"],
        parent_id=row["parent_id"],
        venue=row["venue"],
        account=row["account"],
        symbol=row["symbol"],
        instrument=row["instrument"],
        base=row["base"],
        quote=row["quote"],
        side=Side(row["side"]),
        order_qty=Decimal(row["order_qty"]),
        limit_px=Decimal(row["limit_px"]),
        time_in_force=TimeInForce(row["time_in_force"]),
        post_only=bool(row["post_only"]),
        created_at=row["created_at"],
        deadline=row["deadline"],
        fee_bps=Decimal(row["fee_bps"]),
        fee_assets=tuple(row["fee_assets"].split()),
        max_px=number_or_none(row["max_px"]),
        sending=bool(row["sending"]),
        ord_status=OrdStatus(row["ord_status"]),
        unknown=bool(row["unknown"]),
        settled=bool(row["settled"]),
        reason=row["reason"],
        order_id=row["order_id"],
        cum_qty=Decimal(row["cum_qty"]),
        avg_px=number_or_none(row["avg_px"]),
        filled_qty=Decimal(row["filled_qty"]),
        filled_notional=Decimal(row["filled_notional"]),
        busted_qty=Decimal(row["busted_qty"]),
        heard_qty=Decimal(row["heard_qty"]),
        heard_notional=Decimal(row["heard_notional"]),
        terminal_at=row["terminal_at"],
        absent_since=row["absent_since"],
    )


def progress_row(order: Order) -> dict[str, Any]:
    """What may change in an order's row after its intent."""
    return {name: convert(getattr(order, name)) for name, convert in _PROGRESS}


def progress_changes(before: Order, after: Order) -> dict[str, Any]:
    """What one step changed in an order's row."""
    return {
        name: convert(value)
        for name, convert in _PROGRESS
        if (value := getattr(after, name)) != getattr(before, name)
    }


def _same(value: Any) -> Any:
    return value


_PROGRESS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("sending", int),
    ("ord_status", str),
    ("unknown", int),
    ("settled", int),
    ("reason", _same),
    ("order_id", _same),
    ("cum_qty", plain),
    ("avg_px", text_or_none),
    ("filled_qty", plain),
    ("filled_notional", plain),
    ("busted_qty", plain),
    ("heard_qty", plain),
    ("heard_notional", plain),
    ("terminal_at", _same),
    ("absent_since", _same),
)
