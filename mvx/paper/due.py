"""What is under way at a venue: requests that arrive late, and what happens there after its time.

Rule: it happens at its own time, in whatever process looks next; a heal does not stop it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from mvx.domain.ids import ClOrdId, ExecId, OrderId, Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.money import plain
from mvx.domain.order import OrderRequest, Side, TimeInForce
from mvx.sqlite import Connection


@dataclass(frozen=True, slots=True)
class OrderArrives:
    request: OrderRequest


@dataclass(frozen=True, slots=True)
class CancelArrives:
    cl_ord_id: ClOrdId
    order_id: OrderId | None


@dataclass(frozen=True, slots=True)
class LateFill:
    """Part of a closed order's remainder turns out to have been filled."""

    number: int
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Bust:
    exec_id: ExecId


@dataclass(frozen=True, slots=True)
class WithdrawalEnds:
    """One that is under way is done, or comes to nothing."""

    number: int
    fails: bool


Coming = OrderArrives | CancelArrives | LateFill | Bust | WithdrawalEnds


def put(con: Connection, venue: Venue, due_at: Instant, coming: Coming) -> None:
    con.execute(
        "INSERT INTO due (venue, due_at, what, body) VALUES (?, ?, ?, ?)",
        (venue, due_at, type(coming).__name__, json.dumps(asdict(coming), default=plain)),
    )


def take_next(con: Connection, venue: Venue, now: Instant) -> tuple[Instant, Coming] | None:
    """The oldest of what is due by now, and when it was; it is under way no longer."""
    rows = con.execute(
        "SELECT due_at, id, what, body FROM due WHERE venue = ? AND due_at <= ?", (venue, now)
    ).fetchall()
    if not rows:
        return None
    due_at, row_id, what, body = min(rows)
    con.execute("DELETE FROM due WHERE id = ?", (row_id,))
    return Instant(due_at), _parsed(what, json.loads(body))


def late_fills(con: Connection, venue: Venue) -> list[LateFill]:
    """Those under way: what they will spend is not free."""
    rows = con.execute("SELECT body FROM due WHERE venue = ? AND what = ?", (venue, LateFill.__name__))
    return [_late_fill(json.loads(body)) for (body,) in rows]


def _parsed(what: str, body: dict[str, Any]) -> Coming:
    match what:
        case "OrderArrives":
            return OrderArrives(_request(body["request"]))
        case "CancelArrives":
            return CancelArrives(body["cl_ord_id"], body["order_id"])
        case "LateFill":
            return _late_fill(body)
        case "WithdrawalEnds":
            return WithdrawalEnds(body["number"], body["fails"])
        case _:
            return Bust(ExecId(body["exec_id"]))


def _late_fill(body: dict[str, Any]) -> LateFill:
    return LateFill(body["number"], Decimal(body["qty"]))


def _request(body: dict[str, Any]) -> OrderRequest:
    return OrderRequest(
        cl_ord_id=ClOrdId(body["cl_ord_id"]),
        symbol=Symbol(body["symbol"]),
        side=Side(body["side"]),
        order_qty=Decimal(body["order_qty"]),
        limit_px=Decimal(body["limit_px"]),
        time_in_force=TimeInForce(body["time_in_force"]),
        post_only=body["post_only"],
        deadline=Instant(body["deadline"]),
    )
