"""The fold: what entries make of the tables."""

from __future__ import annotations

import copy
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvx.domain import entries as log
from mvx.domain.ids import ClOrdId, ExecId, OrderId
from mvx.domain.ledger import effects, net
from mvx.domain.order_status import OrdStatus
from mvx.journal.fold import apply
from mvx.journal.verify import MemoryState
from tests.domain.orders import BNB, BTC, BUY, KRAKEN, SELL, USD, at, fill, order, report
from tests.journal.journals import PRELUDE, folded, postings, sequences

D = Decimal
M1 = ClOrdId("m1")
ACKED = log.Acked(M1, OrderId("V1"))
BOUGHT = log.FillBooked(fill("0.4", "99", fee="0.1"), BTC, USD, M1)


def held(state: MemoryState) -> dict[str, str]:
    return {asset: row["confirmed"] for (_, asset), row in state.tables["holdings"].items()}


@pytest.mark.parametrize(
    "entry",
    [
        BOUGHT,
        ACKED,
        log.Reported(M1, report(OrdStatus.PARTIALLY_FILLED, "0.4")),
        log.Reported(M1, report(OrdStatus.CANCELED, "0.4")),
        log.Rejected(M1, "no funds"),
        log.NeverLeft(M1, "connection refused"),
        log.OutcomeLost(M1, "timeout"),
        log.CancelRequested(M1),
        log.CancelRejected(M1, "not asked"),
    ],
    ids=lambda entry: type(entry).__name__,
)
@pytest.mark.parametrize("between", [(), (ACKED,), (ACKED, BOUGHT)], ids=["", "ack", "fill"])
def test_what_a_venue_repeats_changes_nothing(entry: log.Entry, between: tuple[log.Entry, ...]) -> None:
    """An entry folded before changes no row the second time, whatever its seq and instant."""
    state = folded([*PRELUDE, *between, entry])
    before = copy.deepcopy(state.tables)
    apply(state, 77, at(77), entry)
    assert state.tables == before


def test_the_same_trade_with_other_numbers_posts_nothing() -> None:
    """One key counts once: the first confirmed record stands."""
    state = folded([*PRELUDE, BOUGHT])
    before = copy.deepcopy(state.tables)
    apply(state, 77, at(77), replace(BOUGHT, fill=replace(BOUGHT.fill, qty=D(5), price=D(1))))
    assert state.tables == before


@pytest.mark.parametrize(
    "change",
    [
        {"exec_id": ExecId("e2")},
        {"side": SELL},
        {"epoch": "2"},
        {"account": "other"},
        {"symbol": "BTC/USDT"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_fill_is_another_one_in_every_part_of_its_key(change: dict[str, object]) -> None:
    """Two sides of a self-trade, two markets, two accounts may share an exec_id."""
    other = replace(BOUGHT, fill=replace(BOUGHT.fill, **change), cl_ord_id=None)
    assert len(folded([*PRELUDE, BOUGHT, other]).tables["fills"]) == 2


def test_an_opening_posts_what_was_held() -> None:
    """The holding is the opening; the baseline is what was configured, else what was held."""
    state = folded(PRELUDE)
    rows = {
        asset: (row["confirmed"], row["baseline"]) for (_, asset), row in state.tables["holdings"].items()
    }
    assert rows == {BTC: ("10", "2"), USD: ("1000", "1000")}


def test_a_fill_moves_the_holdings_and_the_order() -> None:
    """Base comes in, quote and fee go out, and the order knows its trade."""
    state = folded([*PRELUDE, BOUGHT])
    row = state.tables["orders"][(M1,)]
    assert held(state) == {BTC: "10.4", USD: "960.3"}
    assert (row["filled_qty"], row["cum_qty"], row["filled_notional"], row["ord_status"]) == (
        "0.4",
        "0.4",
        "39.6",
        "PARTIALLY_FILLED",
    )


@pytest.mark.parametrize("kind", ["opening", "adjustment"])
def test_an_absorbed_fill_posts_its_exact_opposite(kind: str) -> None:
    """The fill is visible, its legs are there, and the holding stands still to the last digit."""
    traded = fill("0.123456789012345678", "98765.432109876543", fee="0.000000001", fee_asset=BNB)
    absorbed = dict.fromkeys((BTC, USD, BNB), kind)
    state = folded([*PRELUDE, log.FillBooked(traded, BTC, USD, M1, absorbed)])
    legs = [
        (row["asset"], D(row["amount"]), row["contra"])
        for row in postings(state)
        if row["seq"] > len(PRELUDE)
    ]
    expected = [
        leg
        for asset, amount, contra in effects(traded, BTC, USD)
        for leg in ((asset, amount, contra), (asset, -amount, kind))
    ]
    assert legs == expected
    assert held(state) == {BTC: "10", USD: "1000", BNB: "0"}
    assert len(state.tables["fills"]) == 1


def test_an_entry_about_an_unknown_order_is_an_error() -> None:
    """Nothing is invented for an order that has no intent."""
    with pytest.raises(LookupError, match="m9"):
        folded([log.Acked(ClOrdId("m9"), OrderId("V9"))])


def test_a_fill_of_no_order_moves_the_holdings_alone() -> None:
    """A foreign fill is booked: the venue is right about what filled."""
    state = folded([*PRELUDE, replace(BOUGHT, cl_ord_id=None)])
    assert held(state) == {BTC: "10.4", USD: "960.3"}
    assert state.tables["orders"] == folded(PRELUDE).tables["orders"]


def test_ids_are_counted_by_intents_of_our_own() -> None:
    """A foreign order takes no number of the epoch, a repeated foreign one changes nothing."""
    opened = log.JournalOpened("epoch", "paper")
    state = folded([opened, *PRELUDE, PRELUDE[-1]])
    counts = {row["name"]: row["value"] for row in state.tables["meta"].values()}
    assert counts == {"epoch": "epoch", "mode": "paper", "orders": "2", "parents": "1", "jobs": "1"}


def test_a_journal_that_was_put_back_is_another_one_and_counts_on() -> None:
    """Another epoch, why it is known, and the counters as they were."""
    opened, found = log.JournalOpened("one", "paper"), log.JournalRestored("two", "an old backup")
    before, after = folded([opened, *PRELUDE]), folded([opened, *PRELUDE, found])
    meta = {row["name"]: row["value"] for row in before.tables["meta"].values()}
    meta |= {"epoch": "two", "restored": "an old backup"}
    assert meta == {row["name"]: row["value"] for row in after.tables["meta"].values()}
    before.tables["meta"] = after.tables["meta"]
    assert before.tables == after.tables


@given(sequences())
@settings(max_examples=60, deadline=None)
def test_a_holding_is_the_sum_of_its_postings(entries: list[log.Entry]) -> None:
    """Exact to the last digit, after any sequence of entries."""
    state = folded(entries)
    sums: dict[tuple[str, str], Decimal] = {}
    for row in postings(state):
        key = (row["venue"], row["asset"])
        sums[key] = sums.get(key, D(0)) + D(row["amount"])
    assert {key: D(row["confirmed"]) for key, row in state.tables["holdings"].items()} == sums


@given(sequences())
@settings(max_examples=60, deadline=None)
def test_each_fill_counts_once_in_holdings_and_order(entries: list[log.Entry]) -> None:
    """The trade postings are those of the distinct fills, and an order's filled_qty is their sum, and what
    first contact had counted of it."""
    state = folded(entries)
    first = {e.fill.key: e for e in reversed(entries) if isinstance(e, log.FillBooked)}
    bought: dict[str, Decimal] = {}
    expected: dict[str, Decimal] = {}
    for entry in first.values():
        bought[entry.cl_ord_id or ""] = bought.get(entry.cl_ord_id or "", D(0)) + entry.fill.qty
        for asset, amount in net(effects(entry.fill, BTC, USD)).items():
            expected[asset] = expected.get(asset, D(0)) + amount
    for counted in (e for e in entries if isinstance(e, log.CountedBefore)):
        bought[counted.cl_ord_id] = bought.get(counted.cl_ord_id, D(0)) + counted.qty
    posted: dict[str, Decimal] = {}
    for row in postings(state):
        if row["contra"] in ("trade", "fee"):
            posted[row["asset"]] = posted.get(row["asset"], D(0)) + D(row["amount"])
    assert posted == expected
    for (name,), row in state.tables["orders"].items():
        assert D(row["filled_qty"]) == bought.get(name, D(0))


@given(sequences(), st.integers(0, 30))
@settings(max_examples=40, deadline=None)
def test_folding_again_what_the_venue_repeats_moves_no_holding(
    entries: list[log.Entry], at_most: int
) -> None:
    """A replay of any run of fills, acks and reports leaves fills, postings and holdings alone."""
    state = folded(entries)
    names = ("fills", "holdings", "anchors", "breaks")
    before = {name: copy.deepcopy(state.tables[name]) for name in names}
    repeated = (log.FillBooked, log.Acked, log.Reported)
    for entry in [e for e in entries if isinstance(e, repeated)][:at_most]:
        apply(state, 500, at(500), entry)
    assert {name: state.tables[name] for name in names} == before


def test_a_doubt_is_kept_until_the_balance_agrees() -> None:
    """One doubt per asset, the last; agreement ends it."""
    doubted = log.BalanceDoubted(KRAKEN, BTC, D(1), D(2), at(3))
    later = replace(doubted, theirs=D(3))
    assert [r["theirs"] for r in folded([doubted, later]).tables["doubts"].values()] == ["3"]
    assert folded([doubted, later, log.BalanceAgreed(KRAKEN, BTC)]).tables["doubts"] == {}


def test_a_foreign_order_counts_in_the_interval_at_once() -> None:
    """What mvx finds open at the venue is unsettled like an order of its own."""
    row = folded([log.ForeignOrderFound(order(BUY, cl_ord_id="kraken:V9"))]).tables["orders"][("kraken:V9",)]
    assert (row["settled"], row["parent_id"], row["filled_qty"]) == (0, None, "0")
