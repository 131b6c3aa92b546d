"""What is so: the venues' own record, and what of it did not come of mvx."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from mvx.domain.execution import ExecutionReport, Fill, Transfer
from mvx.domain.ids import Asset, ExecId, OrderId, Venue
from mvx.domain.instant import Instant, after, seconds_between
from mvx.domain.money import ZERO
from mvx.paper import records, store
from mvx.paper.records import PaperOrder
from mvx.sqlite import Connection
from tests.support import START

_MARK = (
    "SELECT orders, fills, transfers, (SELECT count(*) FROM orders WHERE venue = ?1 AND closed_at IS NULL),"
    " (SELECT count(*) FROM fills WHERE venue = ?1 AND busted_at IS NOT NULL) FROM venues WHERE venue = ?1"
)
FOREVER = Instant(2**62)
#: What a list ever shows it shows by then.
_ALL_LISTED = after(START, 1e6)


@dataclass(frozen=True, slots=True)
class AsTold:
    """How a venue tells of what stands in its books: the ids of orders and trades, and of transfers; the step
    of its trades' times. names_busts: a trade says that it was taken back; where none does, the money comes
    back by itself, whether that is listed (Kraken's ledger) or not."""

    id: Callable[[str], str] = str
    transfer_id: Callable[[Transfer], str] = lambda each: each.transfer_id
    step_us: int = 1
    names_busts: bool = True

    def order(self, order: PaperOrder) -> PaperOrder:
        return replace(order, order_id=OrderId(self.id(order.order_id)))

    def fill(self, fill: Fill) -> Fill:
        return replace(
            fill,
            exec_id=ExecId(self.id(fill.exec_id)),
            order_id=OrderId(self.id(fill.order_id)),
            at=self.at(fill),
            busted_at=fill.busted_at if self.names_busts else None,
        )

    def at(self, fill: Fill) -> Instant:
        return Instant(fill.at - fill.at % self.step_us)

    def transfers(self, transfers: Iterable[Transfer], fills: Iterable[Fill]) -> tuple[Transfer, ...]:
        told = [replace(each, transfer_id=self.transfer_id(each)) for each in transfers]
        return (*told, *(() if self.names_busts else taken_back(fills)))


def taken_back(fills: Iterable[Fill]) -> Iterator[Transfer]:
    """What came back of trades, asset by asset (mvx/paper/serve/kraken_rows.py)."""
    for fill in fills:
        for asset, amount in effect_of(fill).items() if fill.busted_at is not None else ():
            name = f"A{fill.exec_id}-{asset}"
            yield Transfer(fill.venue, fill.account, fill.epoch, name, asset, -amount, fill.busted_at)


#: By the dialect that a venue is spoken to in; None: in none.
AS_TOLD: Mapping[str | None, AsTold] = {
    None: AsTold(),
    "kraken": AsTold(transfer_id=lambda each: f"L{each.transfer_id}", names_busts=False),
    "binance": AsTold(
        id=lambda name: name.rpartition("-")[2].lstrip("T"),
        transfer_id=lambda each: f"{each.epoch}-{each.transfer_id}",
        step_us=1_000,
        names_busts=False,
    ),
}


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
    """All venues. `wired`: those that are spoken to in a dialect; `tell` hears of what is new."""

    def __init__(
        self, con: Connection, venues: tuple[Venue, ...], wired: Container[Venue], tell: Callable[[str], None]
    ) -> None:
        self.venues = {venue: VenueTruth() for venue in venues}
        self._as_told = {venue: AS_TOLD[venue if venue in wired else None] for venue in venues}
        self._con = con
        self._tell = tell
        self._marks: dict[Venue, tuple[int, ...]] = {}
        self._written: dict[Venue, int] = {}

    @property
    def marks(self) -> Mapping[Venue, tuple[int, ...]]:
        """Another one for each venue at which anything has happened since."""
        return dict(self._marks)

    def made_since(self, venue: Venue, opened_at: Instant) -> Mapping[Asset, Decimal]:
        """What trades made of the account since then by the times that it tells, less those that were taken
        back. Whatever a list shows besides was placed there, or taken away."""
        made: dict[Asset, Decimal] = defaultdict(lambda: ZERO)
        told = self._as_told[venue]
        for fill in records.all_fills(self._con, venue):
            came, went = told.at(fill) > opened_at, (fill.busted_at or opened_at) > opened_at
            for asset, amount in effect_of(fill).items():
                made[asset] += (came - went) * amount
        return made

    def mixed(self, venue: Venue) -> set[Asset]:
        """What something moved there that no list shows, or a transfer beside a trade that was taken back
        unnamed: of two such nothing tells which one a balance had counted."""
        listed, told = self._transfers(venue, _ALL_LISTED), self._as_told[venue]
        unlisted = [each for each in self._transfers(venue, FOREVER) if each not in listed]
        busts = () if told.names_busts else taken_back(records.all_fills(self._con, venue))
        beside = {each.asset for each in busts} & {each.asset for each in listed}
        return beside | {each.asset for each in unlisted}

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
        written = self._con.total_changes
        if written == self._written.get(venue):
            return False  # the venues' only connection wrote nothing: most visits only look
        self._written[venue] = written
        mark = self._con.execute(_MARK, (venue,)).fetchone()
        if mark is None or mark == self._marks.get(venue):
            return False
        self._marks[venue] = mark
        it = self.venues[venue]
        known, known_fills = set(it.orders), {fill.exec_id for fill in it.fills}
        it.totals = store.totals(self._con, venue)
        told, fills = self._as_told[venue], records.all_fills(self._con, venue)
        orders = map(told.order, records.all_orders(self._con, venue))
        it.orders = {order.order_id: order for order in orders}
        it.fills = tuple(map(told.fill, fills))
        it.transfers = told.transfers(self._transfers(venue, FOREVER), fills)
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

    def _transfers(self, venue: Venue, listed_by: Instant) -> tuple[Transfer, ...]:
        return records.transfers_page(self._con, venue, records.BEGINNING, listed_by, offset=0, limit=1000)


def effect_of(fill: Fill) -> dict[Asset, Decimal]:
    """What a fill does to the account."""
    base, _, quote = fill.symbol.partition("/")
    effect: dict[Asset, Decimal] = defaultdict(lambda: ZERO)
    effect[Asset(base)] += fill.side.sign * fill.qty
    effect[Asset(quote)] -= fill.side.sign * fill.notional
    effect[fill.fee_asset] -= fill.fee_amount
    return effect
