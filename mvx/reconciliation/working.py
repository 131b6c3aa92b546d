"""The comparison's own copy of the orders, moved forward as findings are made.

It takes the same steps as the journal's fold (domain.order_life), so that a later part of the
comparison sees what the earlier parts are about to write.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial

from mvx.domain import order_life
from mvx.domain.entries import BreakFound, Entry, TransferBooked
from mvx.domain.execution import Fill, FillKey, HeardFill, Transfer
from mvx.domain.ids import Asset, ClOrdId, ExecId, OrderId, Symbol
from mvx.domain.instant import Instant
from mvx.domain.ledger import Anchor, net
from mvx.domain.money import ZERO, plain
from mvx.domain.order import Order
from mvx.domain.postings import Posted, happened_at, listing_of, movements_of
from mvx.reconciliation.kinds import BreakKind
from mvx.reconciliation.snapshot import Finding, Ours, Snapshot, Terms


class Working:
    """Orders by both ids, the findings so far, and the events about to be booked.

    `records`: what the venue lists of each order. `unjoined`: trades that wait for the lists to show
    their order; `waiting`: transfers, by listing, that wait for balances that tell. `heard`: what was pushed
    and is not booked by now. `moved`: what the events did, by asset; `adjusted`: the adjustments of
    this pass.
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
        self.records = {(each.symbol, each.order_id): each for each in reports}
        self.adopted: set[ClOrdId] = set()
        self.heard: dict[FillKey, HeardFill] = {each.fill.key: each for each in ours.heard}
        self.booked: list[Posted] = []
        self.moved: dict[Asset, Decimal] = {}
        self.adjusted: list[Anchor] = []
        self.pending: list[str] = []
        self.unjoined: list[Fill] = []
        self.waiting: dict[str, Transfer] = {}
        self.findings: list[Finding] = []
        # First contact. It set every asset, those that it did not name to zero.
        self.opening: Anchor | None = next((a for a in ours.anchors if a.kind == "opening"), None)

    @property
    def outdated(self) -> bool:
        """A snapshot that began before the last applied one: it changes nothing by absence, status
        or balance; its fills, busts and transfers are facts all the same."""
        last = self.ours.last_read_began_at
        return last is not None and self.snapshot.began_at < last

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        """The opening and the adjustments, with those of this pass."""
        return (*self.ours.anchors, *self.adjusted)

    def by_order_id(self, symbol: Symbol, order_id: OrderId) -> Order | None:
        """Joined by market too: some venues count order ids per market."""
        name = self._names.get((symbol, order_id))
        return None if name is None else self.orders[name]

    def take_in(self, order: Order) -> None:
        """An order as it is now, under both of its ids."""
        self.orders[order.cl_ord_id] = order
        if order.order_id is not None:
            self._names[order.symbol, order.order_id] = order.cl_ord_id

    def before_first_contact(self, at: Instant) -> bool:
        """What happened by then is in the opening balances, listed or not."""
        return self.opening is not None and at <= self.opening.at

    def in_the_opening(self, listing: str, at: Instant) -> bool:
        """Listed at first contact: part of the opening, never to be booked."""
        return self.opening is not None and listing in self.opening.listed and self.before_first_contact(at)

    def absorbed(self, event: Posted) -> dict[Asset, str]:
        """Per asset the first opening or adjustment that was made after this event without knowing it:
        the venue's balance counted it then, so its effect is posted with its exact opposite."""
        at, listing = happened_at(event), listing_of(event)
        found: dict[Asset, str] = {}
        for asset in net(movements_of(event)):
            if self.before_first_contact(at):
                found[asset] = "opening"
            elif any(_counted(anchor, asset, at, listing) for anchor in self.anchors):
                found[asset] = "adjustment"
        return found

    def rebased(self, moved: TransferBooked) -> bool:
        """Whether the baseline was set after the adjustment that had counted this transfer."""
        at, listing, asset = happened_at(moved), listing_of(moved), moved.transfer.asset
        return any(each.rebased and _counted(each, asset, at, listing) for each in self.anchors)

    def posted(self, asset: Asset) -> Decimal:
        """What the journal holds of it, with all that is being booked."""
        return self.ours.holdings.get(asset, ZERO) + self.moved.get(asset, ZERO)

    def step(self, order: Order, step: Callable[[Order], Order]) -> Order:
        """Move one order forward."""
        moved = step(order)
        self.take_in(moved)
        return moved

    def post(self, event: Posted, *, found: BreakFound | None = None) -> None:
        """An event that moves holdings, and the break that says so."""
        self.booked.append(event)
        for asset, amount in net(movements_of(event)).items():
            self.moved[asset] = self.moved.get(asset, ZERO) + amount
        self.find(event, found=found)

    def unhear(self, heard: HeardFill) -> None:
        """What was pushed about this fill is superseded by the record."""
        del self.heard[heard.fill.key]
        qty, notional = heard.fill.qty, heard.fill.notional
        self.step(self.orders[heard.cl_ord_id], partial(order_life.unheard, qty=qty, notional=notional))

    def find(self, *corrections: Entry, found: BreakFound | None = None) -> None:
        self.findings.append(Finding(corrections, found))

    def a_break(
        self,
        kind: BreakKind,
        ref: str,
        ours: Decimal | str,
        theirs: Decimal | str,
        *,
        cl_ord_id: ClOrdId | None = None,
        asset: Asset | None = None,
        exec_id: ExecId | None = None,
        corrected: bool = True,
        note: str = "",
    ) -> BreakFound:
        """A break of this venue with both numbers."""
        return BreakFound(
            ref=f"{kind.value}:{self.snapshot.venue}:{ref}",
            venue=self.snapshot.venue,
            kind=kind.value,
            asset=asset,
            cl_ord_id=cl_ord_id,
            exec_id=exec_id,
            ours=_text(ours),
            theirs=_text(theirs),
            corrected=corrected,
            note=note,
        )


def traded(fill: Fill) -> str:
    """A trade in a few words."""
    return f"{fill.side} {plain(fill.qty)} at {plain(fill.price)}"


def ref_of(fill: Fill, *more: str) -> str:
    """What tells breaks about this trade from others of the venue."""
    return ":".join((*fill.key[1:], *more))


def _counted(anchor: Anchor, asset: Asset, at: Instant, listing: str) -> bool:
    """Whether this adjustment took in an event that it did not know. (An opening's own row says no more: what
    came after first contact it did not take in.)"""
    return anchor.asset == asset and at <= anchor.at and listing not in anchor.listed


def _text(value: Decimal | str) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)
