"""What is heard of an order comes in any order, and as often as the venue likes: the end is the same.

A venue has filled an order, fees and all, and says so by an ack, by pushes, by records and by listed trades.
Whatever comes first, the interval holds the truth after each of them, the fold is the tables, and once all
of it was heard the journal has the venue's numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvx.domain import entries as log
from mvx.domain.exposure import holding
from mvx.domain.ids import Asset, ClOrdId, OrderId
from mvx.domain.order_status import OrdStatus
from mvx.journal import views
from mvx.journal.fold import apply
from mvx.journal.rows import order_of
from mvx.journal.store import Journal
from mvx.journal.verify import MemoryState, differences
from tests.domain.orders import BTC, BUY, KRAKEN, USD, at, fill, order, report
from tests.journal.journals import heard, write

D = Decimal
M1, V1 = ClOrdId("m1"), OrderId("V1")
INTENT = order(BUY, "1", "100", fee_bps=D(100), fee_assets=(USD, BTC))
BEGIN: tuple[log.Entry, ...] = (
    log.Opening(KRAKEN, "main", at(0), {BTC: D(10), USD: D(1000)}, {BTC: D(10)}, ()),
    log.Intended(INTENT),
)
FIRST = fill("0.3", "99", exec_id="e1", fee="0.003", fee_asset=BTC)
SECOND = fill("0.2", "100", exec_id="e2", fee="0.1")
THIRD = fill("0.5", "98", exec_id="e3", fee="0.4")


def listed(traded: object) -> log.FillBooked:
    return log.FillBooked(traded, BTC, USD, M1)  # type: ignore[arg-type]  # a fill


def record(status: OrdStatus, cum: str) -> log.Reported:
    return log.Reported(M1, report(status, cum, of=INTENT))


FILLED = (
    log.CancelRequested(M1),
    heard("m1", FIRST),
    listed(FIRST),
    listed(SECOND),
    listed(THIRD),
    record(OrdStatus.PARTIALLY_FILLED, "0.3"),
    record(OrdStatus.FILLED, "1"),
)
CANCELED = (
    log.OutcomeLost(M1, "timeout"),
    log.CancelRequested(M1),
    heard("m1", SECOND),
    listed(FIRST),
    listed(SECOND),
    record(OrdStatus.NEW, "0"),
    record(OrdStatus.CANCELED, "0.5"),
)
#: A cancel that never left before one that was heard, or after it.
REFUSED = (log.CancelRejected(M1, "not asked: connection refused"), *CANCELED[1:])
ENDED = {BTC: D("10.497"), USD: D("1000") - D("49.7") - D("0.1")}
#: What is heard after the ack (a trade is joined to an order by its name), the venue's holdings then, and the
#: order's last state there.
STORIES = {
    "filled": (FILLED, {BTC: D("10.997"), USD: D("1000") - D("98.7") - D("0.5")}, OrdStatus.FILLED, "1"),
    "canceled": (CANCELED, ENDED, OrdStatus.CANCELED, "0.5"),
    "canceled at last": (REFUSED, ENDED, OrdStatus.CANCELED, "0.5"),
}


def folded(entries: Iterable[log.Entry], truth: dict[Asset, Decimal]) -> MemoryState:
    """The tables; the truth is in the interval after every entry."""
    state = MemoryState()
    for seq, entry in enumerate(entries, 1):
        apply(state, seq, at(seq), entry)
        if seq >= len(BEGIN):
            known = order_of(state.tables["orders"]["m1",])
            for asset, amount in truth.items():
                confirmed = D(state.tables["holdings"][KRAKEN, asset]["confirmed"])
                assert holding(confirmed, asset, [known]).contains(amount), (asset, entry)
    return state


def summary(state: MemoryState) -> tuple[object, ...]:
    """What must not depend on who came first."""
    known = order_of(state.tables["orders"]["m1",])
    held = {asset: D(row["confirmed"]) for (_, asset), row in state.tables["holdings"].items()}
    fills = {key: (row["qty"], row["price"]) for key, row in state.tables["fills"].items()}
    numbers = (
        known.ord_status,
        known.cum_qty,
        known.filled_qty,
        known.heard_qty,
        known.unknown,
        known.settled,
    )
    return held, numbers, fills, state.tables["heard"]


@pytest.mark.parametrize("story", STORIES)
def test_every_order_of_what_is_heard_ends_the_same(story: str) -> None:
    """All of them, each after the ack and before it comes a second time."""
    inputs, truth, status, cum = STORIES[story]
    ends = [
        summary(folded([*BEGIN, log.Acked(M1, V1), *order_heard, log.Acked(M1, V1)], truth))
        for order_heard in permutations(inputs)
    ]
    held, numbers, _, pushed = ends[0]
    assert (truth, (status, D(cum), D(cum), D(0), False, False), {}) == (held, numbers, pushed)
    assert all(end == ends[0] for end in ends)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_what_is_heard_again_and_again_changes_nothing(data: st.DataObject) -> None:
    """Duplicates anywhere among it."""
    inputs, truth, _, _ = STORIES[data.draw(st.sampled_from(list(STORIES)))]
    twice = data.draw(st.lists(st.sampled_from(inputs), max_size=8))
    told = data.draw(st.permutations([*inputs, *twice]))
    ack = log.Acked(M1, V1)
    once = summary(folded([*BEGIN, ack, *inputs], truth))
    assert once == summary(folded([*BEGIN, ack, *told], truth))


def append(journal: Journal, entries: Iterable[log.Entry | None]) -> None:
    """All in one transaction; None: it breaks off there."""
    with journal.write(at=at(3)) as tx:
        for entry in entries:
            if entry is None:
                raise ZeroDivisionError
            tx.append(entry)


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_the_tables_are_the_fold_of_the_log_whatever_came_first(data: st.DataObject) -> None:
    """In the file itself, each in a transaction of its own or all in one, with a rollback in between."""
    inputs, truth, _, _ = STORIES[data.draw(st.sampled_from(list(STORIES)))]
    twice = data.draw(st.lists(st.sampled_from(inputs), max_size=4))
    told = [*BEGIN, log.Acked(M1, V1), *data.draw(st.permutations([*inputs, *twice]))]
    cut = data.draw(st.integers(0, len(told)))
    with TemporaryDirectory() as folder, closing(Journal(Path(folder) / "mvx.db", mode="paper")) as journal:
        write(journal, told[:cut])
        with pytest.raises(ZeroDivisionError):
            append(journal, [*told[cut:], None])
        append(journal, told[cut:])
        with journal.read() as read:
            assert [] == list(differences(read))
            assert truth == {asset: row.confirmed for (_, asset), row in views.holdings(read).items()}


@pytest.mark.parametrize("story", STORIES)
def test_a_record_that_has_other_numbers_ends_otherwise(story: str) -> None:
    """The comparison above is no tautology."""
    inputs, truth, _, _ = STORIES[story]
    other = [
        replace(each, fill=replace(each.fill, price=D(97))) if isinstance(each, log.FillBooked) else each
        for each in inputs
    ]
    ack = log.Acked(M1, V1)
    assert summary(folded([*BEGIN, ack, *inputs], truth)) != summary(folded([*BEGIN, ack, *other], {}))
