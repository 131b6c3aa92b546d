"""A venue with a truth of its own, and a plan of what happens to its orders: all within its bounds.

Times are whole seconds. The lists of orders and of trades may each lag behind the truth by as much as
the venue declares; balances never do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import strategies as st

from mvx.domain.execution import Fill
from mvx.domain.ids import Asset, ClOrdId, OrderId
from mvx.domain.ledger import effects, net
from mvx.domain.order import Order, OrderReport, Side
from mvx.domain.order_status import OrdStatus
from mvx.reconciliation.snapshot import Snapshot
from tests.domain.orders import BTC, BTC_USD, BUY, SELL, USD, at, fill
from tests.reconciliation.desk import TERMS, reading

D = Decimal
LAG_S = int(TERMS.listing_lag_s)
LATENESS_S = int(TERMS.lateness_s)
FEE = D("0.002")


@dataclass(frozen=True)
class Trade:
    """`lots` tenths of the order, so much below a buy's limit or above a sell's, listed after lag_s."""

    at_s: int
    lots: int
    better: int
    lag_s: int


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


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    sent_s = draw(st.integers(0, 30))
    arrives_s = draw(st.none() | st.integers(sent_s, sent_s + 5))
    lots = draw(st.integers(1, 10))
    left, now, trades = lots, arrives_s or 0, []
    while arrives_s is not None and left and draw(st.booleans()):
        now += draw(st.integers(0, 6))
        part = draw(st.integers(1, left))
        left -= part
        trades.append(Trade(now, part, draw(st.integers(0, 5)), draw(st.integers(0, LAG_S))))
    cancel_s = None
    if arrives_s is not None and left and draw(st.booleans()):
        cancel_s = now + draw(st.integers(0, 6))
        if draw(st.booleans()):
            late_s = cancel_s + draw(st.integers(1, LATENESS_S - LAG_S))
            trades.append(Trade(late_s, draw(st.integers(1, left)), 0, draw(st.integers(0, LAG_S))))
    heard = draw(st.booleans())
    px = draw(st.integers(90, 110))
    side = draw(st.sampled_from([BUY, SELL]))
    return Plan(side, lots, px, sent_s, arrives_s, heard, tuple(trades), cancel_s)


class FakeVenue:
    """What became of the plans so far, at any instant up to now."""

    def __init__(self, planned: Iterable[tuple[Plan, Order]]) -> None:
        self.planned = [(plan, order) for plan, order in planned if plan.arrives_s is not None]

    def order_id(self, order: Order) -> OrderId:
        return OrderId(f"V-{order.cl_ord_id}")

    def trades(self, until_s: float, *, listed: bool) -> list[Fill]:
        """The trades that happened until then; `listed`: those that were listed by then."""
        found = []
        for plan, order in self.planned:
            for number, trade in enumerate(plan.trades):
                if trade.at_s + (trade.lag_s if listed else 0) <= until_s:
                    qty = D(trade.lots) / 10
                    px = D(plan.px - plan.side.sign * trade.better)
                    fee = qty * FEE if plan.side is SELL else qty * px * FEE
                    found.append(
                        fill(
                            qty,
                            px,
                            exec_id=f"{order.cl_ord_id}-{number}",
                            side=plan.side,
                            order_id=self.order_id(order),
                            at_s=trade.at_s,
                            fee=fee,
                            fee_asset=BTC if plan.side is SELL else USD,
                        )
                    )
        return found

    def balance(self, until_s: float) -> dict[str, Decimal]:
        held = {"BTC": D(100), "USD": D(100_000)}
        for each in self.trades(until_s, listed=False):
            for asset, amount in net(effects(each, BTC, USD)).items():
                held[asset] += amount
        return held

    def reports(self, until_s: float) -> tuple[list[OrderReport], list[OrderReport]]:
        """The open orders and the closed ones, as they were then."""
        open_orders, closed = [], []
        for plan, order in self.planned:
            assert plan.arrives_s is not None
            if plan.arrives_s > until_s:
                continue
            cum = D(sum(t.lots for t in plan.trades if t.at_s <= until_s)) / 10
            canceled = plan.cancel_s is not None and plan.cancel_s <= until_s
            status = OrdStatus.PARTIALLY_FILLED if cum else OrdStatus.NEW
            if canceled or cum == order.order_qty:
                status = OrdStatus.CANCELED if canceled else OrdStatus.FILLED
            listed = OrderReport(
                self.order_id(order), order.cl_ord_id, BTC_USD, order.side, order.order_qty, order.limit_px,
                cum, order.limit_px if cum else None, status, at(plan.arrives_s), at(until_s),
            )  # fmt: skip
            (closed if canceled or cum == order.order_qty else open_orders).append(listed)
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
        return self.at_s + 4 * self.pace_s


READS = st.builds(Read, st.integers(0, 70), st.integers(0, 2), st.integers(0, LAG_S), st.integers(0, LAG_S))


def read_venue(venue: FakeVenue, how: Read) -> Snapshot:
    """Open orders, closed orders, trades, balances, trades: each at its own moment."""
    start, pace = how.at_s, how.pace_s
    open_orders, _ = venue.reports(start - how.open_lag_s)
    _, closed = venue.reports(start + pace - how.closed_lag_s)
    return reading(
        start,
        totals=venue.balance(start + 3 * pace),
        open_orders=open_orders,
        closed=closed,
        trades=venue.trades(start + 2 * pace, listed=True),
        after=venue.trades(start + 4 * pace, listed=True),
        since_s=-60,
        balances_s=start + 3 * pace,
    )


def known_at_the_venue(venue: FakeVenue) -> set[ClOrdId]:
    return {order.cl_ord_id for _, order in venue.planned}


ASSETS: tuple[Asset, ...] = (BTC, USD)
