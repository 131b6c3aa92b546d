"""A desk of one venue: a journal in memory, readings of the venue in one line, and passes over it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from mvx.domain import entries as log
from mvx.domain.execution import Fill
from mvx.domain.exposure import Interval, holding
from mvx.domain.ids import Asset, ClOrdId, OrderId, ParentId
from mvx.domain.instant import Instant, after
from mvx.domain.ledger import Anchor, Doubt
from mvx.domain.order import Order, OrderReport, Side
from mvx.journal.fill_rows import fill_of
from mvx.journal.fold import apply
from mvx.journal.rows import order_of
from mvx.journal.verify import MemoryState
from mvx.reconciliation.compare import compare, opening
from mvx.reconciliation.snapshot import Comparison, Ours, Snapshot, Terms
from tests.domain.orders import BTC, BTC_USD, KRAKEN, USD, at, order

D = Decimal
FIRST_READ = -100.0
TERMS = Terms(
    lateness_s=10,
    accept_lateness_s=4,
    listing_lag_s=2,
    clock_skew_s=1,
    closed_orders_complete=True,
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
    since_s: float = -60,
    balances_s: float | None = None,
) -> Snapshot:
    """A reading that takes a second to its balances; `after`: the second list of trades, where it
    differs from the first."""
    trades = tuple(trades)
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
    )


class Desk:
    """A journal in memory: entries fold into tables, and tables make what reconciliation is given."""

    def __init__(self, terms: Terms = TERMS) -> None:
        self.terms = terms
        self.state = MemoryState()
        self.log: list[log.Entry] = []
        self.last_read_at: Instant | None = None
        self._ids = itertools.count(1)

    def append(self, entry: log.Entry, when: Instant | None = None) -> None:
        self.log.append(entry)
        apply(self.state, len(self.log), at(0) if when is None else when, entry)

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

    def order(self, which: Order | str) -> Order:
        name = which if isinstance(which, str) else which.cl_ord_id
        return order_of(self.state.tables["orders"][(name,)])

    def orders(self) -> list[Order]:
        return [order_of(row) for row in self.state.tables["orders"].values()]

    def fills(self) -> list[log.FillBooked]:
        return [
            log.FillBooked(
                fill_of(row), row["base"], row["quote"], row["cl_ord_id"], json.loads(row["absorbed"])
            )
            for row in self.state.tables["fills"].values()
        ]

    def held(self) -> dict[str, str]:
        return {asset: row["confirmed"] for (_, asset), row in self.state.tables["holdings"].items()}

    def interval(self, asset: Asset) -> Interval:
        row = self.state.tables["holdings"][(KRAKEN, asset)]
        return holding(D(row["confirmed"]), asset, [o for o in self.orders() if not o.settled])

    def ours(self, snapshot: Snapshot, expected: Iterable[Order] = ()) -> Ours:
        """What the engine reads in the transaction that will correct the journal."""
        tables = self.state.tables
        reports = snapshot.open_orders + snapshot.closed_orders
        listed = snapshot.trades_before + snapshot.trades_after
        names = {r.cl_ord_id for r in reports}
        venue_names = {r.order_id for r in reports} | {f.order_id for f in listed}
        booked = self.fills()
        keys = {f.key for f in listed}
        held = {asset: row for (_, asset), row in tables["holdings"].items()}
        return Ours(
            orders=tuple(
                o for o in self.orders() if not o.settled or o.cl_ord_id in names or o.order_id in venue_names
            ),
            known={b.fill.key: b.fill for b in booked if b.fill.key in keys},
            recent=tuple(b for b in booked if b.fill.at >= snapshot.since),
            holdings={asset: D(row["confirmed"]) for asset, row in held.items()},
            anchors=tuple(
                Anchor(row["asset"], row["kind"], row["at"], frozenset(json.loads(row["listed"])))
                for row in sorted(tables["anchors"].values(), key=lambda row: row["seq"])
            ),
            doubts={
                asset: Doubt(asset, D(row["ours"]), D(row["theirs"]), row["read_at"])
                for (_, asset), row in tables["doubts"].items()
                if row["seq"] > (held[asset]["last_seq"] if asset in held else 0)
            },
            known_break_refs=frozenset(row["ref"] for row in tables["breaks"].values()),
            last_read_began_at=self.last_read_at,
            expected=frozenset(each.cl_ord_id for each in expected),
        )

    def compare(
        self, snapshot: Snapshot, expected: Iterable[Order] = (), *, first_contact: bool = False
    ) -> Comparison:
        return compare(self.ours(snapshot, expected), snapshot, self.terms, first_contact=first_contact)

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
