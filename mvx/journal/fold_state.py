"""The rows that the fold reads and writes, and the steps that its handlers share."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Protocol

from mvx.domain.ids import ClOrdId, Venue
from mvx.domain.instant import Instant
from mvx.domain.ledger import Movement, net
from mvx.domain.money import plain
from mvx.domain.order import Order
from mvx.journal.rows import Row, order_of, progress_changes

to_text = json.JSONEncoder(separators=(",", ":")).encode


class State(Protocol):
    """Rows by table and key; `orders` are those that a step has been taken with, as values."""

    orders: dict[str, Order]

    def get(self, table: str, *key: Any) -> Row | None: ...

    def add(self, table: str, row: dict[str, Any]) -> bool:
        """Insert a whole row; False, and no change, where its key is there already."""

    def put(self, table: str, row: dict[str, Any]) -> None:
        """Insert a whole row, or replace the one of the same key."""

    def update(self, table: str, row: dict[str, Any]) -> None:
        """Change some columns of the row whose key columns come first."""

    def delete(self, table: str, *key: Any) -> None: ...


#: What one kind of entry makes of the rows: state, seq, when it was written, entry.
Handler = Callable[[State, int, Instant, Any], None]


def take_step(state: State, cl_ord_id: ClOrdId, step: Callable[[Order], Order]) -> Order:
    """Take one step of an order's life; only what it changed is written, for the indexes' sake."""
    order = state.orders.get(cl_ord_id)
    if order is None:
        row = state.get("orders", cl_ord_id)
        if row is None:
            raise LookupError(f"no order {cl_ord_id}")
        order = order_of(row)
    moved = state.orders[cl_ord_id] = step(order)
    changes = progress_changes(order, moved)
    if changes:
        state.update("orders", {"cl_ord_id": cl_ord_id, **changes})
    return moved


def count(state: State, name: str) -> None:
    row = state.get("meta", name)
    count = int(row["value"]) if row else 0
    state.put("meta", {"name": name, "value": str(count + 1)})


def anchor(
    state: State, seq: int, venue: Venue, movement: Movement, at: Instant, listed: Sequence[str]
) -> None:
    """A holding is set to the venue's balance: the posting, and what it knew."""
    asset, amount, kind = movement
    row = {"venue": venue, "asset": asset, "seq": seq, "kind": kind, "amount": plain(amount)}
    state.add("anchors", {**row, "at": at, "listed": to_text(listed)})
    move(state, seq, venue, [movement])


def move(state: State, seq: int, venue: Venue, movements: Sequence[Movement]) -> None:
    """Move the holdings by postings. `last_seq` dates the last event on an asset: a doubt older than it
    is void, and the wait for a second read begins anew."""
    for asset, amount in net(movements).items():
        key = {"venue": venue, "asset": asset}
        held = state.get("holdings", venue, asset)
        if held is None:
            state.add("holdings", {**key, "confirmed": plain(amount), "baseline": "0", "last_seq": seq})
        else:
            confirmed = plain(Decimal(held["confirmed"]) + amount)
            state.update("holdings", {**key, "confirmed": confirmed, "last_seq": seq})


def postings_text(movements: Sequence[Movement]) -> str:
    return to_text([(asset, plain(amount), contra) for asset, amount, contra in movements])
