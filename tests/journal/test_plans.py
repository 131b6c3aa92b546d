"""What every intent and every pass of a reconcile asks of the journal costs no more as it grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import ClOrdId, OrderId, ParentId
from mvx.journal import events, history, jobs, turnover, views
from mvx.journal.store import Journal, ReadTx
from tests.domain.orders import KRAKEN, at
from tests.journal.test_verify import A_DAY, write

ASKED: dict[str, Callable[[ReadTx], Any]] = {
    "unsettled": views.unsettled_orders,
    "unsettled at a venue": lambda tx: views.unsettled_orders(tx, KRAKEN),
    "named": lambda tx: views.orders_named(tx, KRAKEN, [ClOrdId("m1")], [OrderId("V1")]),
    "children": lambda tx: views.children(tx, ParentId("p1")),
    "rate": lambda tx: views.created_after(tx, at(1)),
    "working": lambda tx: history.working_parents(tx, at(1)),
    "holders": lambda tx: history.holders(tx, at(1)),
    "fills since": lambda tx: history.fills_booked_after(tx, KRAKEN, 5),
    "busts since": lambda tx: events.busts_booked_after(tx, KRAKEN, 5),
    "transfers since": lambda tx: events.transfers_booked_after(tx, KRAKEN, 5),
    "breaks since": lambda tx: history.breaks(tx, 5),
    "turnover": lambda tx: turnover.traded_today(tx, at(1)),
    "leader": lambda tx: jobs.leader(tx, at(1)),
    "open jobs": jobs.open_jobs,
    "progress": views.last_seq,
}
#: They hold all that there ever was. Through such an index only what is open is read.
GROW = ("log", "orders", "parents", "jobs", "fills", "busts", "transfers", "breaks", "leases", "anchors")
OPEN = ("orders_unsettled", "jobs_open")


class Explained:
    """A connection that keeps the plan of every query."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.plans: list[str] = []

    def execute(self, sql: str, values: Any = ()) -> Any:
        rows = self.connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)
        self.plans += [row[3] for row in rows]
        return self.connection.execute(sql, values)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.db", mode="paper")
    write(made, A_DAY)
    yield made
    made.close()


@pytest.mark.parametrize("asked", ASKED)
def test_what_is_asked_all_the_time_reads_no_whole_history(asked: str, journal: Journal) -> None:
    with journal.read() as tx:
        explained: Any = Explained(tx.connection)
        ASKED[asked](ReadTx(explained))
    assert explained.plans
    for plan in explained.plans:
        verb, table, *how = plan.split()
        whole = verb == "SCAN" or "orders_by_order_id (venue=?)" in plan
        assert not (whole and table in GROW) or how[-1] in OPEN, plan
