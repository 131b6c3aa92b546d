"""What is so: the venues' own record, and what of it did not come of mvx."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from mvx.domain.execution import ExecutionReport, Fill, Transfer
from mvx.domain.ids import Asset, ExecId, OrderId, Venue
from mvx.domain.instant import Instant, seconds_between
from mvx.domain.money import ZERO
from mvx.paper import records, store
from mvx.paper.records import PaperOrder
from mvx.sqlite import Connection

_MARK = (
    "SELECT orders, fills, transfers, (SELECT count(*) FROM orders WHERE venue = ?1 AND closed_at IS NULL),"
    " (SELECT count(*) FROM fills WHERE venue = ?1 AND busted_at IS NOT NULL) FROM venues WHERE venue = ?1"
)
FOREVER = Instant(2**62)


@dataclass(slots=True)
class VenueTruth:
    """One venue as it is. `by_hand`: orders and fills that its owner made, in whatever way."""

    totals: Mapping[Asset, Decimal] = field(default_factory=dict)
    orders: dict[OrderId, PaperOrder] = field(default_factory=dict)
    fills: tuple[Fill, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    by_hand: set[str] = field(default_factory=set)
    new_orders: list[PaperOrder] = field(default_factory=list)
    new_fills: list[Fill] = field(default_factory=list)

    def is_too_late(self, fill: Fill, lateness_s: float) -> bool:
        """Beyond what the venue declares: it filled on an order that had been closed for longer."""
        closed_at = self.orders[fill.order_id].closed_at
        return closed_at is not None and seconds_between(closed_at, fill.at) > lateness_s

    def is_exogenous(self, fill: Fill, lateness_s: float) -> bool:
        return fill.exec_id in self.by_hand or self.is_too_late(fill, lateness_s)


class Truth:
    """All venues. `tell` hears of what is new."""

    def __init__(self, con: Connection, venues: tuple[Venue, ...], tell: Callable[[str], None]) -> None:
        self.venues = {venue: VenueTruth() for venue in venues}
        self._con = con
        self._tell = tell
        self._marks: dict[Venue, tuple[int, ...]] = {}

    @property
    def marks(self) -> Mapping[Venue, tuple[int, ...]]:
        """Another one for each venue at which anything has happened since."""
        return dict(self._marks)

    def rest_of(self, venue: Venue, report: ExecutionReport) -> Fill | None:
        """A fill of all that rests of an order, which has not been."""
        order = self.venues[venue].orders.get(report.order_id)
        if order is None or not order.open or order.limit_px is None:
            return None
        quote = Asset(order.symbol.partition("/")[2])
        epoch = order.order_id.partition("-")[0]
        names = (venue, store.ACCOUNT, epoch, order.symbol, order.side, ExecId("P"), order.order_id)
        return Fill(*names, order.leaves_qty, order.limit_px, quote, ZERO, report.at)

    def refresh(self, venue: Venue, *, by_hand: bool) -> bool:
        """Whether anything has happened there since; `by_hand`: of what is new the owner is the cause."""
        mark = self._con.execute(_MARK, (venue,)).fetchone()
        if mark is None or mark == self._marks.get(venue):
            return False
        self._marks[venue] = mark
        it = self.venues[venue]
        known, known_fills = set(it.orders), {fill.exec_id for fill in it.fills}
        it.totals = store.totals(self._con, venue)
        it.orders = {order.order_id: order for order in records.all_orders(self._con, venue)}
        it.fills = records.all_fills(self._con, venue)
        it.transfers = records.transfers_page(
            self._con, venue, records.BEGINNING, FOREVER, offset=0, limit=1000
        )
        it.new_orders = [order for order in it.orders.values() if order.order_id not in known]
        it.new_fills = [fill for fill in it.fills if fill.exec_id not in known_fills]
        it.by_hand.update(order.order_id for order in it.new_orders if order.cl_ord_id is None)
        it.by_hand.update(
            fill.exec_id for fill in it.new_fills if by_hand or it.orders[fill.order_id].cl_ord_id is None
        )
        for order in it.new_orders:
            self._tell(f"{venue} accepts {order.order_id} {order.cl_ord_id} {order.side} {order.order_qty}")
        for fill in it.new_fills:
            self._tell(f"{venue} fills {fill.order_id} {fill.exec_id} {fill.side} {fill.qty} at {fill.price}")
        return True


def effect_of(fill: Fill) -> dict[Asset, Decimal]:
    """What a fill does to the account."""
    base, _, quote = fill.symbol.partition("/")
    effect: dict[Asset, Decimal] = defaultdict(lambda: ZERO)
    effect[Asset(base)] += fill.side.sign * fill.qty
    effect[Asset(quote)] -= fill.side.sign * fill.notional
    effect[fill.fee_asset] -= fill.fee_amount
    return effect
