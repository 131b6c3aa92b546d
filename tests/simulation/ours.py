"""What we say: the journal as it is committed, read entry by entry."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from mvx.domain.ids import Asset, ParentId, Venue
from mvx.domain.instant import Instant
from mvx.domain.order import Order
from mvx.domain.trading import TradingState
from mvx.journal import views
from mvx.journal.store import ReadTx
from mvx.journal.views import HoldingRow


@dataclass(slots=True)
class Intent:
    """A child order by its entries alone."""

    cl_ord_id: str
    parent_id: ParentId
    venue: Venue
    order_qty: Decimal
    sending: bool = False
    refused: str = ""
    settled: bool = False


class Ours:
    """The journal's entries so far, and its tables as they are now. intended_at: the last intent's time."""

    def __init__(self, tx: ReadTx, tell: Callable[[str], None]) -> None:
        self.tx = tx
        self.seq = 0
        self.intents: dict[str, Intent] = {}
        self.intended_at = Instant(0)
        self.parents: dict[str, Decimal] = {}
        self.trading: dict[Venue | None, TradingState] = {}
        self.fills: set[tuple[str, str]] = set()
        self.busts: set[tuple[str, str]] = set()
        self.transfers: set[tuple[str, str]] = set()
        self.flattens: set[str] = set()
        self.opened: dict[Venue, int] = {}
        self.breaks: Counter[str] = Counter()
        self.sent: list[tuple[Intent, tuple[TradingState, ...]]] = []
        self.new: list[tuple[str, dict[str, Any]]] = []
        self._tell = tell

    def refresh(self) -> bool:
        """Whether anything was logged since; what, is in `new`."""
        rows = self.tx.connection.execute(
            "SELECT seq, kind, body FROM log WHERE seq > ?", (self.seq,)
        ).fetchall()
        if not rows:
            return False
        self.new, self.sent = [], []
        for seq, kind, text in rows:
            body = json.loads(text)
            self.seq = seq
            self.new.append((kind, body))
            self._tell(f"log {seq} {kind} {_said(kind, body)}")
            if (take := _TAKE.get(kind)) is not None:
                take(self, body)
        self.__dict__.pop("holdings", None)
        self.__dict__.pop("unsettled", None)
        return True

    @cached_property
    def holdings(self) -> dict[tuple[Venue, Asset], HoldingRow]:
        return views.holdings(self.tx)

    @cached_property
    def unsettled(self) -> dict[Venue, list[Order]]:
        found: dict[Venue, list[Order]] = {}
        for order in views.unsettled_orders(self.tx):
            found.setdefault(order.venue, []).append(order)
        return found

    def state_of(self, venue: Venue) -> tuple[TradingState, ...]:
        return tuple(self.trading.get(scope, TradingState.ACTIVE) for scope in (None, venue))


def _said(kind: str, body: dict[str, Any]) -> str:
    found = body.get("order") or body.get("fill") or body
    said = [
        found.get(name) for name in ("venue", "cl_ord_id", "exec_id", "side", "order_qty", "qty", "state")
    ]
    if kind == "BreakFound":
        said = [body[name] for name in ("venue", "kind", "ref", "ours", "theirs", "note")]
    if kind in ("Adjusted", "BalanceDoubted", "Rejected", "OutcomeLost", "Revoked", "ParentClosed"):
        said = [value for name, value in body.items() if name not in ("listed", "result", "account")]
    return " ".join(str(each) for each in said if each is not None)


def _intended(ours: Ours, body: dict[str, Any]) -> None:
    order = body["order"]
    ours.intended_at = max(ours.intended_at, Instant(order["created_at"]))
    ours.intents[order["cl_ord_id"]] = Intent(
        order["cl_ord_id"],
        order["parent_id"],
        order["venue"],
        Decimal(order["order_qty"]),
        order.get("sending", True),
    )


def _parent(ours: Ours, body: dict[str, Any]) -> None:
    ours.parents[body["parent_id"]] = Decimal(body["order_qty"])
    if "flatten" in body["params"]:
        ours.flattens.add(body["parent_id"])


def _sending(ours: Ours, body: dict[str, Any]) -> None:
    intent = ours.intents[body["cl_ord_id"]]
    intent.sending = True
    ours.sent.append((intent, ours.state_of(intent.venue)))


def _refused(why: str) -> Callable[[Ours, dict[str, Any]], None]:
    def take(ours: Ours, body: dict[str, Any]) -> None:
        ours.intents[body["cl_ord_id"]].refused = why

    return take


def _settled(ours: Ours, body: dict[str, Any]) -> None:
    intent = ours.intents.get(body["cl_ord_id"])
    if intent is not None:
        intent.settled = True


def _trading(ours: Ours, body: dict[str, Any]) -> None:
    ours.trading[body["venue"]] = TradingState(body["state"])


def _opened(ours: Ours, body: dict[str, Any]) -> None:
    ours.opened[body["venue"]] = body["at"]


def _broken(ours: Ours, body: dict[str, Any]) -> None:
    ours.breaks[body["kind"]] += 1


_TAKE: dict[str, Callable[[Ours, dict[str, Any]], None]] = {
    "Opening": _opened,
    "Intended": _intended,
    "ParentOpened": _parent,
    "Sending": _sending,
    "Rejected": _refused("rejected"),
    "NeverAccepted": _refused("never accepted"),
    "Revoked": _refused("revoked"),
    "Settled": _settled,
    "TradingSet": _trading,
    "BreakFound": _broken,
    "FillBooked": lambda ours, body: ours.fills.add((body["fill"]["venue"], body["fill"]["exec_id"])),
    "FillBusted": lambda ours, body: ours.busts.add((body["fill"]["venue"], body["fill"]["exec_id"])),
    "TransferBooked": lambda ours, body: ours.transfers.add(
        (body["transfer"]["venue"], body["transfer"]["transfer_id"])
    ),
}
