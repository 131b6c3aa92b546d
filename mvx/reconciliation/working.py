"""The comparison's own copy of the orders, moved forward as findings are made.

It takes the same steps as the journal's fold (domain.order_life), so that a later part of the
comparison sees what the earlier parts are about to write.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from mvx.domain.entries import BreakFound, Entry, FillBooked
from mvx.domain.execution import Fill
from mvx.domain.ids import Asset, ClOrdId, ExecId, OrderId, Symbol
from mvx.domain.ledger import Anchor
from mvx.domain.money import plain
from mvx.domain.order import Order
from mvx.reconciliation.snapshot import Finding, Ours, Snapshot, Terms


class Working:
    """Orders by both ids, the findings so far, and the fills about to be booked.

    `unjoined`: trades that wait for the lists to show their order.
    """

    def __init__(self, ours: Ours, snapshot: Snapshot, terms: Terms) -> None:
        self.ours = ours
        self.snapshot = snapshot
        self.terms = terms
        self.orders: dict[ClOrdId, Order] = {}
        self._names: dict[tuple[Symbol, OrderId], ClOrdId] = {}
        for order in ours.orders:
            self.take_in(order)
        # Open first, closed last: the closed list was read later and knows better.
        reports = snapshot.open_orders + snapshot.closed_orders
        self.reports = tuple({(r.symbol, r.order_id): r for r in reports}.values())
        self.adopted: set[ClOrdId] = set()
        self.booked: list[FillBooked] = []
        self.pending: list[str] = []
        self.unjoined: list[Fill] = []
        self.findings: list[Finding] = []

    @property
    def outdated(self) -> bool:
        """A snapshot that began before the last applied one: it changes nothing by absence, status
        or balance; its fills are facts all the same."""
        last = self.ours.last_read_began_at
        return last is not None and self.snapshot.began_at < last

    def by_order_id(self, symbol: Symbol, order_id: OrderId) -> Order | None:
        """Joined by market too: some venues count order ids per market."""
        name = self._names.get((symbol, order_id))
        return None if name is None else self.orders[name]

    def take_in(self, order: Order) -> None:
        """An order as it is now, under both of its ids."""
        self.orders[order.cl_ord_id] = order
        if order.order_id is not None:
            self._names[order.symbol, order.order_id] = order.cl_ord_id

    def in_an_opening(self, fill: Fill) -> bool:
        """Listed at first contact: part of the opening balance, never to be booked."""
        opening = self.opening
        return opening is not None and fill.listing in opening.listed and fill.at <= opening.at

    @property
    def opening(self) -> Anchor | None:
        """First contact. It set every asset, those that it did not name to zero."""
        return next((anchor for anchor in self.ours.anchors if anchor.kind == "opening"), None)

    def step(self, order: Order, step: Callable[[Order], Order]) -> Order:
        """Move one order forward."""
        moved = step(order)
        self.take_in(moved)
        return moved

    def find(self, *corrections: Entry, found: BreakFound | None = None) -> None:
        if found is not None and found.ref in self.ours.known_break_refs:
            found = None
        if corrections or found is not None:
            self.findings.append(Finding(corrections, found))

    def a_break(
        self,
        kind: str,
        ref: str,
        ours: Decimal | str,
        theirs: Decimal | str,
        *,
        order: Order | None = None,
        asset: Asset | None = None,
        exec_id: ExecId | None = None,
        corrected: bool = True,
        note: str = "",
    ) -> BreakFound:
        """A break of this venue with both numbers."""
        return BreakFound(
            ref=f"{kind}:{self.snapshot.venue}:{ref}",
            venue=self.snapshot.venue,
            kind=kind,
            asset=asset,
            cl_ord_id=None if order is None else order.cl_ord_id,
            exec_id=exec_id,
            ours=_text(ours),
            theirs=_text(theirs),
            corrected=corrected,
            note=note,
        )


def _text(value: Decimal | str) -> str:
    return plain(value) if isinstance(value, Decimal) else value
