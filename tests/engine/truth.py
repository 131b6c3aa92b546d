"""What must hold between the journal and the venues' own ledgers, in one assertion each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import Any, Protocol

from mvx.config.settings import Settings
from mvx.domain.exposure import Interval
from mvx.domain.ids import Venue
from mvx.domain.money import plain
from mvx.engine.outcome import Outcome
from mvx.engine.positions import positions
from mvx.engine.positions_result import PositionsResult
from mvx.errors import Exit
from mvx.journal import history, views
from mvx.journal.store import Journal, ReadTx
from mvx.journal.verify import differences
from mvx.paper.exchange import PaperExchange

EVERYTHING = 1_000_000


class At(Protocol):
    """A desk, its clock, and the exchange that its venues are on."""

    settings: Settings
    exchange: PaperExchange

    @property
    def clock(self) -> Any: ...


@contextmanager
def reading(settings: Settings) -> Iterator[ReadTx]:
    """One snapshot of the desk's journal."""
    with closing(Journal(settings.desk.journal, mode="paper")) as journal, journal.read() as tx:
        yield tx


def last_seq(settings: Settings) -> int:
    with reading(settings) as tx:
        return views.last_seq(tx)


def totals(exchange: PaperExchange, venue: Venue) -> dict[str, Decimal]:
    """What the venue itself says it holds for us."""
    balances: Any = exchange.ledger(venue)["balances"]
    return {asset: Decimal(amounts["total"]) for asset, amounts in balances.items()}


def assert_truth_inside(at: At, moment: str = "") -> None:
    """I13: the venue's own total of every asset lies in [lo, hi]."""
    found = positions(at.settings.desk, at.clock.now()).data
    assert isinstance(found, PositionsResult)
    theirs = {venue: totals(at.exchange, venue) for venue in at.settings.venues}
    for row in found.positions:
        actual = theirs[row.venue][row.asset]
        held = f"{moment}: {row.venue} holds {actual} {row.asset}, we say [{row.lo}, {row.hi}]"
        assert Interval(row.lo, row.hi).contains(actual), held


def assert_one_acceptance_each(at: At) -> None:
    """I1 and I6: no client id was accepted twice, and each was an intent before."""
    accepted: Counter[str] = Counter()
    with reading(at.settings) as tx:
        for venue in at.settings.venues:
            orders: Any = at.exchange.ledger(venue)["orders"]
            for row in orders:
                if row["cl_ord_id"] is not None:
                    accepted[row["cl_ord_id"]] += 1
                    assert views.order(tx, row["cl_ord_id"]) is not None, row
    assert [] == [cl_ord_id for cl_ord_id, times in accepted.items() if times > 1]


def assert_journal_is_ledger(at: At) -> None:
    """I3, I4 and I5: the same fills, number for number, and the same holdings to the last digit."""
    with reading(at.settings) as tx:
        booked = [each.fill for each in history.recent_fills(tx, since=None, venue=None, limit=EVERYTHING)]
        holdings = views.holdings(tx)
    for venue in at.settings.venues:
        theirs: Any = at.exchange.ledger(venue)["fills"]
        ours = {
            (f.exec_id, f.order_id, f.symbol, f.side.value, f.qty, f.price, f.fee_asset, f.fee_amount)
            for f in booked
            if f.venue == venue
        }
        assert {_fill_row(row) for row in theirs} == ours
        assert len(theirs) == sum(fill.venue == venue for fill in booked)
        held = {str(asset): row.confirmed for (at_, asset), row in holdings.items() if at_ == venue}
        assert totals(at.exchange, venue) == held


def _fill_row(row: dict[str, Any]) -> tuple[Any, ...]:
    names = [row[name] for name in ("exec_id", "order_id", "symbol", "side")]
    fee = row["fee"]
    return (*names, Decimal(row["qty"]), Decimal(row["price"]), fee["asset"], Decimal(fee["amount"]))


def assert_verified(settings: Settings) -> None:
    """I10: the log makes the tables."""
    with reading(settings) as tx:
        assert [] == list(differences(tx))


def assert_never_more_than(at: At, order_qty: Decimal) -> None:
    """I14: whatever became of its children, a parent trades its quantity at most, and what fills on an
    order that had closed comes on top."""
    fills: list[Any] = [row for venue in at.settings.venues for row in at.exchange.ledger(venue)["fills"]]
    late = sum(late_qty(at).values(), Decimal(0))
    traded = sum((Decimal(row["qty"]) for row in fills), Decimal(0)) - late
    assert traded <= order_qty, f"{plain(traded)} of {plain(order_qty)}, and {plain(late)} late"


def late_qty(at: At) -> dict[str, Decimal]:
    """What filled on orders that the venues had closed before, by client order id."""
    late: dict[str, Decimal] = {}
    for venue in at.settings.venues:
        with at.exchange.visit(venue) as session:
            _, orders, fills = session.truth()
        closed = {order.order_id: order for order in orders if order.closed_at is not None}
        for fill in fills:
            order = closed.get(fill.order_id)
            if order is not None and order.closed_at is not None and fill.at > order.closed_at:
                name = str(order.cl_ord_id)
                late[name] = late.get(name, Decimal(0)) + fill.qty
    return late


class Reconciling(At, Protocol):
    """Somebody who can reconcile; `clock.advance` lets time pass, by hand or in truth."""

    def reconciles(self) -> Outcome: ...


def until_agreed(at: Reconciling, *, most: int = 30) -> int:
    """Reconciles once a second until it exits 0, looking four times a second; how often that was."""
    for passes in range(1, most + 1):
        outcome = at.reconciles()
        assert_truth_inside(at, f"after pass {passes}")
        if outcome.exit_code is Exit.OK:
            return passes
        for _ in range(4):
            at.clock.advance(0.25)
            assert_truth_inside(at, f"between passes {passes} and {passes + 1}")
    raise AssertionError(f"no agreement after {most} passes: {outcome}")


def assert_silent(at: Reconciling) -> None:
    """One more pass over unchanged venues agrees and writes no log entry."""
    seq = last_seq(at.settings)
    assert (Exit.OK, seq) == (at.reconciles().exit_code, last_seq(at.settings))


def assert_settled(at: Reconciling) -> None:
    """Once the lateness of an agreed desk has run: all of the above holds, and a second pass is silent."""
    at.clock.advance(3)
    assert Exit.OK is at.reconciles().exit_code
    assert_silent(at)
    assert_truth_inside(at, "settled")
    assert_one_acceptance_each(at)
    assert_journal_is_ledger(at)
    assert_verified(at.settings)


def assert_healed(at: Reconciling) -> None:
    """Reconciled to the end, on a clock that stands still meanwhile."""
    until_agreed(at)
    assert_silent(at)
    assert_settled(at)
