"""A venue with a truth of its own, and a plan of what happens at it: all within its bounds, but for busts
and transfers that it lists later than it declares.

Times are whole seconds. The lists of orders and of trades may each lag behind the truth by as much as
the venue declares; balances never do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from hypothesis import strategies as st

from mvx.domain.execution import Fill, Transfer
from mvx.domain.ids import Asset, ClOrdId, OrderId
from mvx.domain.ledger import effects, net
from mvx.domain.order import Order, OrderReport, Side
from mvx.domain.order_status import OrdStatus
from mvx.reconciliation.snapshot import Snapshot
from tests.domain.orders import BTC, BTC_USD, BUY, SELL, USD, at, fill
from tests.domain.orders import order as an_order
from tests.reconciliation.desk import TERMS, reading, transfer

D = Decimal
LAG_S = int(TERMS.listing_lag_s)
LATENESS_S = int(TERMS.lateness_s)
FEE = D("0.002")
OPENED_S = -30


@dataclass(frozen=True)
class Trade:
    """`lots` tenths of the order, so much below a buy's limit or above a sell's, listed after lag_s. It
    is taken back at bust_s, where it is, and that is listed after bust_lag_s."""

    at_s: int
    lots: int
    better: int
    lag_s: int
    bust_s: int | None = None
    bust_lag_s: int = 0


@dataclass(frozen=True)
class Plan:
    """One order's life. It reaches the venue at arrives_s (None: never); the answer is lost, or heard
    at once; it is canceled at cancel_s, if it is not filled by then. Late trades come after that."""

    side: Side
    lots: int
    px: int
    sent_s: int
    arrives_s: int | None
    heard: bool
    trades: tuple[Trade, ...]
    cancel_s: int | None


@dataclass(frozen=True)
class Move:
    """A deposit, or a withdrawal, that is listed after lag_s."""

    at_s: int
    asset: Asset
    amount: int
    lag_s: int


@dataclass(frozen=True)
class World:
    """What happens: to the desk's orders, to orders that somebody else placed, and to the account.
    keeps_busts: an order's record goes on counting what was taken back."""

    plans: tuple[Plan, ...]
    foreign: tuple[Plan, ...] = ()
    moves: tuple[Move, ...] = ()
    keeps_busts: bool = True


#: Mostly within the venue's bounds, and now and then far beyond them.
LAGS = st.integers(0, LAG_S) | st.integers(0, LAG_S) | st.integers(LAG_S, 40)


@st.composite
def trades_of(draw: st.DrawFn, lots: int, now: int, busts: st.SearchStrategy[bool]) -> tuple[Trade, ...]:
    """So many at most, one after another from now on."""
    found, left = [], lots
    while left and draw(st.booleans()):
        now += draw(st.integers(0, 6))
        part = draw(st.integers(1, left))
        left -= part
        found.append(Trade(now, part, draw(st.integers(0, 5)), draw(st.integers(0, LAG_S))))
    return tuple([draw(_maybe_taken_back(each, busts)) for each in found])


@st.composite
def _maybe_taken_back(draw: st.DrawFn, trade: Trade, busts: st.SearchStrategy[bool]) -> Trade:
    if not draw(busts):
        return trade
    return replace(trade, bust_s=trade.at_s + draw(st.integers(0, 30)), bust_lag_s=draw(LAGS))


@st.composite
def plans(draw: st.DrawFn, *, busts: bool = False, foreign: bool = False) -> Plan:
    """A foreign one may be older than first contact, and always arrives."""
    sent_s = draw(st.integers(OPENED_S - 15, 30) if foreign else st.integers(0, 30))
    arrives = st.just(sent_s) if foreign else st.none() | st.integers(sent_s, sent_s + 5)
    arrives_s = draw(arrives)
    lots = draw(st.integers(1, 10))
    some = st.booleans() if busts else st.just(False)
    trades: tuple[Trade, ...] = ()
    if arrives_s is not None:
        trades = draw(trades_of(lots, arrives_s, some))
    left = lots - sum(trade.lots for trade in trades)
    cancel_s = None
    if arrives_s is not None and left and draw(st.booleans()):
        cancel_s = max([arrives_s, *(trade.at_s for trade in trades)]) + draw(st.integers(0, 6))
        if draw(st.booleans()):
            late_s = cancel_s + draw(st.integers(1, LATENESS_S - LAG_S))
            late = Trade(late_s, draw(st.integers(1, left)), 0, draw(st.integers(0, LAG_S)))
            trades = (*trades, draw(_maybe_taken_back(late, some)))
    heard = draw(st.booleans())
    px = draw(st.integers(90, 110))
    side = draw(st.sampled_from([BUY, SELL]))
    return Plan(side, lots, px, sent_s, arrives_s, heard, trades, cancel_s)


MOVES = st.builds(
    Move,
    st.integers(OPENED_S - 15, 70),
    st.sampled_from([BTC, USD]),
    st.sampled_from([-5, -3, -1, 1, 2, 5]),
    LAGS,
)
QUIET = st.builds(World, st.lists(plans(), min_size=1, max_size=4).map(tuple))
WORLDS = st.builds(
    World,
    st.lists(plans(busts=True), max_size=3).map(tuple),
    st.lists(plans(busts=True, foreign=True), max_size=2).map(tuple),
    st.lists(MOVES, max_size=4).map(tuple),
    st.booleans(),
)


class FakeVenue:
    """What became of the world so far, at any instant up to now. `sent`: the plans of the desk with its
    orders, once it has them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sent: list[tuple[Plan, Order]] = []
        self.foreign = [
            (plan, an_order(plan.side, D(plan.lots) / 10, D(plan.px), cl_ord_id=f"x{number}"))
            for number, plan in enumerate(world.foreign)
        ]

    @property
    def planned(self) -> list[tuple[Plan, Order]]:
        """Those that arrive."""
        return [(plan, order) for plan, order in (*self.sent, *self.foreign) if plan.arrives_s is not None]

    def order_id(self, order: Order) -> OrderId:
        return OrderId(f"V-{order.cl_ord_id}")

    def trades(self, until_s: float, *, listed: bool) -> list[Fill]:
        """The trades that happened until then; `listed`: those that were listed by then."""
        return [
            each
            for plan, order in self.planned
            for each in self.trades_of(plan, order, until_s, listed=listed)
        ]

    def trades_of(self, plan: Plan, order: Order, until_s: float, *, listed: bool) -> Iterator[Fill]:
        for number, trade in enumerate(plan.trades):
            if trade.at_s + (trade.lag_s if listed else 0) > until_s:
                continue
            qty = D(trade.lots) / 10
            px = D(plan.px - plan.side.sign * trade.better)
            fee = qty * FEE if plan.side is SELL else qty * px * FEE
            taken_back = None
            if trade.bust_s is not None and trade.bust_s + (trade.bust_lag_s if listed else 0) <= until_s:
                taken_back = at(trade.bust_s)
            yield fill(
                qty,
                px,
                exec_id=f"{order.cl_ord_id}-{number}",
                side=plan.side,
                order_id=self.order_id(order),
                at_s=trade.at_s,
                fee=fee,
                fee_asset=BTC if plan.side is SELL else USD,
                busted_at=taken_back,
            )

    def transfers(self, until_s: float, *, listed: bool) -> list[Transfer]:
        return [
            transfer(str(move.amount), move.asset, transfer_id=f"t{number}", at_s=move.at_s)
            for number, move in enumerate(self.world.moves)
            if move.at_s + (move.lag_s if listed else 0) <= until_s
        ]

    def balance(self, until_s: float) -> dict[str, Decimal]:
        held = {"BTC": D(100), "USD": D(100_000)}
        for each in self.trades(until_s, listed=False):
            for asset, amount in net(effects(each, BTC, USD)).items():
                held[asset] += amount if each.busted_at is None else 0
        for moved in self.transfers(until_s, listed=False):
            held[moved.asset] += moved.amount
        return held

    def reports(self, until_s: float) -> tuple[list[OrderReport], list[OrderReport]]:
        """The open orders and the closed ones, as they were then."""
        open_orders: list[OrderReport] = []
        closed: list[OrderReport] = []
        for plan, order in self.planned:
            assert plan.arrives_s is not None
            if plan.arrives_s > until_s:
                continue
            trades = list(self.trades_of(plan, order, until_s, listed=False))
            traded = sum((each.qty for each in trades), D(0))
            counted = [each for each in trades if self.world.keeps_busts or each.busted_at is None]
            cum = sum((each.qty for each in counted), D(0))
            canceled = plan.cancel_s is not None and plan.cancel_s <= until_s
            filled = traded == order.order_qty
            status = OrdStatus.PARTIALLY_FILLED if cum else OrdStatus.NEW
            if canceled or filled:
                status = OrdStatus.CANCELED if canceled else OrdStatus.FILLED
            updated_s = max([plan.arrives_s, *(t.at_s for t in plan.trades if t.at_s <= until_s)])
            if canceled and plan.cancel_s is not None:
                updated_s = max(updated_s, plan.cancel_s)
            ours = any(order is mine for _, mine in self.sent)
            listed = OrderReport(
                self.order_id(order), order.cl_ord_id if ours else None, BTC_USD, order.side,
                order.order_qty, order.limit_px, cum, order.limit_px if cum else None, status,
                at(plan.arrives_s), at(updated_s),
            )  # fmt: skip
            (closed if canceled or filled else open_orders).append(listed)
        return open_orders, closed


@dataclass(frozen=True)
class Read:
    """A reading that begins at at_s and takes pace_s from each list to the next; the lists of orders
    show what was so and so many seconds before."""

    at_s: int
    pace_s: int
    open_lag_s: int
    closed_lag_s: int

    @property
    def ends_s(self) -> int:
        return self.at_s + 6 * self.pace_s


READS = st.builds(Read, st.integers(0, 70), st.integers(0, 2), st.integers(0, LAG_S), st.integers(0, LAG_S))
FIRST_READS = st.builds(Read, st.just(OPENED_S), st.integers(0, 2), st.integers(0, LAG_S), st.just(0))


def read_venue(venue: FakeVenue, how: Read) -> Snapshot:
    """Open orders, closed orders, trades, transfers, balances, trades, transfers: each at its own moment."""
    start, pace = how.at_s, how.pace_s
    open_orders, _ = venue.reports(start - how.open_lag_s)
    _, closed = venue.reports(start + pace - how.closed_lag_s)
    return reading(
        start,
        totals=venue.balance(start + 4 * pace),
        open_orders=open_orders,
        closed=closed,
        trades=venue.trades(start + 2 * pace, listed=True),
        after=venue.trades(start + 5 * pace, listed=True),
        transfers=venue.transfers(start + 3 * pace, listed=True),
        transfers_after=venue.transfers(start + 6 * pace, listed=True),
        since_s=-60,
        balances_s=start + 4 * pace,
    )


def known_at_the_venue(venue: FakeVenue) -> set[ClOrdId]:
    """The desk's orders that arrived."""
    return {order.cl_ord_id for plan, order in venue.sent if plan.arrives_s is not None}


def planned_busts(world: World) -> Iterable[Trade]:
    return (t for plan in (*world.plans, *world.foreign) for t in plan.trades if t.bust_s is not None)


ASSETS: tuple[Asset, ...] = (BTC, USD)
