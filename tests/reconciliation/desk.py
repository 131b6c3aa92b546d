"""A desk of one venue: a journal in memory, readings of the venue in one line, and passes over it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from mvx.domain import entries as log
from mvx.domain.execution import ExecutionReport, Fill, Transfer
from mvx.domain.ids import Asset, ClOrdId, OrderId, ParentId
from mvx.domain.instant import Instant, after
from mvx.domain.order import Order, OrderReport, Side
from mvx.domain.order_status import ExecType
from mvx.domain.postings import happened_at
from mvx.engine.reading import OVERLAP_S
from mvx.reconciliation.compare import compare, opening
from mvx.reconciliation.snapshot import Comparison, Ours, Snapshot, Terms
from tests.domain.orders import BTC, BTC_USD, KRAKEN, USD, at, order
from tests.reconciliation.records import Records

D = Decimal
FIRST_READ = -100.0
TERMS = Terms(
    lateness_s=10,
    accept_lateness_s=4,
    listing_lag_s=2,
    clock_skew_s=1,
    closed_orders_complete=True,
    closed_kept_s=None,
    fee_bps=D(20),
    fee_assets={BTC_USD: (USD,)},
    instruments={BTC_USD: "BTC-USD"},
)
#: With a deadline of 5 s: before 12 s nothing is proven by absence.
BOUND_S = 12
Totals = Mapping[str, str | Decimal]


def reading(
    began_s: float,
    *,
    totals: Totals,
    open_orders: Iterable[OrderReport] = (),
    closed: Iterable[OrderReport] = (),
    trades: Iterable[Fill] = (),
    after: Iterable[Fill] | None = None,
    transfers: Iterable[Transfer] = (),
    transfers_after: Iterable[Transfer] | None = None,
    since_s: float = -60,
    balances_s: float | None = None,
) -> Snapshot:
    """A reading that takes a second to its balances; `after` and `transfers_after`: the second lists,
    where they differ from the first."""
    trades, transfers = tuple(trades), tuple(transfers)
    return Snapshot(
        venue=KRAKEN,
        account="main",
        began_at=at(began_s),
        since=at(since_s),
        open_orders=tuple(open_orders),
        closed_orders=tuple(closed),
        trades_before=trades,
        balances_at=at(began_s + 1 if balances_s is None else balances_s),
        totals={Asset(asset): D(total) for asset, total in totals.items()},
        trades_after=trades if after is None else tuple(after),
        transfers_before=transfers,
        transfers_after=transfers if transfers_after is None else tuple(transfers_after),
    )


def transfer(
    amount: str | Decimal, asset: Asset = USD, *, transfer_id: str = "t1", at_s: float = 1
) -> Transfer:
    """A deposit, or a withdrawal where it is negative."""
    return Transfer(KRAKEN, "main", "", transfer_id, asset, D(amount), at(at_s))


class Desk(Records):
    """A desk: it sends, it hears, and it is reconciled with the one reading after the other."""

    def __init__(self, terms: Terms = TERMS) -> None:
        super().__init__()
        self.terms = terms
        self.last_read_at: Instant | None = None
        self._ids = itertools.count(1)

    def open(
        self, first: Snapshot | None = None, baseline: Mapping[Asset, Decimal] | None = None
    ) -> Comparison:
        """First contact, with 10 BTC and 1000 USD unless the reading says otherwise."""
        first = first or reading(FIRST_READ, totals={"BTC": "10", "USD": "1000"}, since_s=-160)
        self.append(opening(first, baseline or {}, (BTC, USD)), first.began_at)
        return self.apply(first, first_contact=True)

    def intend(
        self,
        side: Side,
        qty: str | Decimal = "1",
        px: str | Decimal = "100",
        *,
        sent_s: float = 0,
        **more: Any,
    ) -> Order:
        """An order of ours that is on its way; its deadline is 5 s after it was sent."""
        name = ClOrdId(f"m{next(self._ids)}")
        more = {"parent_id": ParentId("p1"), "created_at": at(sent_s), "deadline": at(sent_s + 5)} | more
        sent = order(side, qty, px, cl_ord_id=name, **more)
        self.append(log.Intended(sent), at(sent_s))
        return sent

    def acked(
        self, side: Side, qty: str = "1", px: str = "100", *, order_id: str = "V1", **more: Any
    ) -> Order:
        sent = self.intend(side, qty, px, **more)
        self.append(log.Acked(sent.cl_ord_id, OrderId(order_id)), sent.created_at)
        return self.order(sent)

    def lost(self, side: Side, qty: str = "1", px: str = "100", **more: Any) -> Order:
        """An order whose answer never came."""
        sent = self.intend(side, qty, px, **more)
        self.append(log.OutcomeLost(sent.cl_ord_id, "timeout"), sent.created_at)
        return self.order(sent)

    def pushed(self, order: Order, traded: Fill, heard_s: float) -> None:
        """The venue pushed a fill of an order of ours."""
        said = ExecutionReport(
            KRAKEN,
            order.cl_ord_id,
            traded.order_id,
            traded.symbol,
            traded.side,
            ExecType.PARTIAL_FILL,
            traded,
            traded.at,
        )
        self.append(log.Heard(said), at(heard_s))

    def ours(self, snapshot: Snapshot, expected: Iterable[Order] = ()) -> Ours:
        """What the engine reads in the transaction that will correct the journal."""
        reports = snapshot.open_orders + snapshot.closed_orders
        names = {r.cl_ord_id for r in reports} | {each.cl_ord_id for each in self.heard()}
        venue_names = {r.order_id for r in reports} | {f.order_id for f in snapshot.trades}
        booked, busts, transfers = self.fills(), self.busts(), self.transfers()
        keys = {f.key for f in snapshot.trades}
        since = after(snapshot.oldest_at, -OVERLAP_S)
        return Ours(
            orders=tuple(
                o for o in self.orders() if not o.settled or o.cl_ord_id in names or o.order_id in venue_names
            ),
            known={b.fill.key: b.fill for b in booked if b.fill.key in keys},
            recent=tuple(e for e in (*booked, *busts, *transfers) if happened_at(e) >= snapshot.since),
            holdings={Asset(asset): D(total) for asset, total in self.held().items()},
            anchors=tuple(a for a in self.anchors() if a.kind == "opening" or a.at >= since),
            doubts=self.doubts(),
            last_read_began_at=self.last_read_at,
            expected=frozenset(each.cl_ord_id for each in expected),
            known_busts=frozenset(b.fill.key for b in busts) & keys,
            taken_back={b.fill.key: b for b in booked if b.fill.key in snapshot.busts},
            known_transfers=frozenset(e.transfer.listing for e in transfers),
            heard=self.heard(),
        )

    def compare(
        self, snapshot: Snapshot, expected: Iterable[Order] = (), *, first_contact: bool = False
    ) -> Comparison:
        ours = self.ours(snapshot, expected)
        found = compare(ours, snapshot, self.terms, first_contact=first_contact)
        return found.unsaid(self.break_refs())

    def apply(
        self, snapshot: Snapshot, expected: Iterable[Order] = (), *, first_contact: bool = False
    ) -> Comparison:
        """One pass: compare and write, as the engine does, a second after the reading began."""
        comparison = self.compare(snapshot, expected, first_contact=first_contact)
        now = after(snapshot.began_at, 1)
        for finding in comparison.findings:
            for entry in finding.corrections:
                self.append(entry, now)
            if finding.found is not None:
                self.append(finding.found, now)
        self.last_read_at = max(self.last_read_at or snapshot.began_at, snapshot.began_at)
        return comparison

    def once(self, snapshot: Snapshot, expected: Iterable[Order] = ()) -> Comparison:
        """A pass after which the same reading must find nothing more."""
        comparison = self.apply(snapshot, expected)
        again = self.compare(snapshot, expected)
        assert again.findings == (), again.findings
        return comparison


def kinds(comparison: Comparison) -> list[str]:
    """The kinds of the breaks that were found."""
    return [each.found.kind for each in comparison.findings if each.found is not None]


def written(comparison: Comparison) -> list[str]:
    """The kinds of the entries that were written."""
    return [type(entry).__name__ for each in comparison.findings for entry in each.corrections]


def with_terms(**changes: Any) -> Desk:
    """A desk at a venue that declares something else."""
    desk = Desk(replace(TERMS, **changes))
    desk.open()
    return desk


def opened() -> Desk:
    """A desk after its first contact: 10 BTC, 1000 USD, no order."""
    desk = Desk()
    desk.open()
    return desk
