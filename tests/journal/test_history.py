"""Queries of the journal's history that reconciliation rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain import entries as log
from mvx.domain.ids import Asset, ClOrdId, ExecId, OrderId, ParentId, Symbol, Venue
from mvx.journal import history, views
from mvx.journal.store import Journal
from mvx.sqlite import VERSION
from tests.domain.orders import BNB, BTC, KRAKEN, SELL, USD, at, fill
from tests.journal.journals import PRELUDE, write

D = Decimal
M1 = ClOrdId("m1")
FILL = replace(fill("0.50", "99.0", fee="0.10", at_s=10), gross_trade_amt=D("49.4"))
BOUGHT = log.FillBooked(FILL, BTC, USD, M1, {USD: "opening"})


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.db", mode="paper")
    write(made, [*PRELUDE, log.Acked(M1, OrderId("V1")), BOUGHT])
    yield made
    made.close()


@pytest.mark.parametrize(
    "change",
    [{}, {"qty": D("0.5")}, {"qty": D("0.6")}, {"price": D(1)}, {"fee_amount": D(0)}, {"fee_asset": BNB},
     {"order_id": OrderId("V2")}, {"at": at(5000)}, {"at": at(-5000)}, {"gross_trade_amt": None}],
    ids=str,
)  # fmt: skip
def test_a_known_fill_is_told_as_it_was_booked(journal: Journal, change: dict[str, object]) -> None:
    """Whatever numbers the venue lists now, its key says that it is booked, and with which numbers."""
    listed = replace(BOUGHT.fill, **change)
    with journal.read() as tx:
        assert history.known_fills(tx, [listed]) == {listed.key: BOUGHT.fill}


@pytest.mark.parametrize(
    "change",
    [{"exec_id": ExecId("e2")}, {"side": SELL}, {"epoch": "2"}, {"account": "b"}, {"symbol": "BTC/EUR"},
     {"venue": Venue("okx")}],
    ids=str,
)  # fmt: skip
def test_a_fill_with_another_key_is_not_known(journal: Journal, change: dict[str, object]) -> None:
    """Every part of the key counts."""
    with journal.read() as tx:
        assert history.known_fills(tx, [replace(BOUGHT.fill, **change)]) == {}


def test_a_fill_is_known_however_many_were_booked_since(journal: Journal) -> None:
    for n in range(5):
        write(journal, [log.FillBooked(fill("1", exec_id=f"later{n}"), BTC, USD, None)])
    with journal.read() as tx:
        assert history.known_fills(tx, [BOUGHT.fill]) == {BOUGHT.fill.key: BOUGHT.fill}


def test_the_fills_of_an_order_are_those_that_its_venue_did_not_take_back(journal: Journal) -> None:
    with journal.read() as tx:
        (m1,) = (each for each in views.unsettled_orders(tx) if each.cl_ord_id == M1)
        assert history.fills_of(tx, [m1]) == (BOUGHT,)
    write(journal, [log.FillBusted(replace(BOUGHT.fill, busted_at=at(20)), BTC, USD, M1, {})])
    with journal.read() as tx:
        assert history.fills_of(tx, [m1]) == ()


def test_the_newest_fills_are_those_that_were_made_last(journal: Journal) -> None:
    """However late each was listed: the one of 20 s was booked after those of 30 s."""
    later = [
        replace(BOUGHT, fill=replace(FILL, exec_id=ExecId(name), at=at(made_s)))
        for name, made_s in (("e2", 30), ("e3", 30), ("e4", 20))
    ]
    write(journal, later)

    def newest(since_s: float | None, limit: int) -> list[str]:
        since = None if since_s is None else at(since_s)
        with journal.read() as tx:
            found = history.recent_fills(tx, since=since, venue="kraken", limit=limit)
        return [each.fill.exec_id for each in found]

    assert ["e3", "e2", "e4", "e1"] == newest(None, 9)
    assert (["e3", "e2"], ["e3", "e2", "e4"]) == (newest(None, 2), newest(20, 9))


def test_fills_booked_after_an_entry_do_not_hold_its_own(journal: Journal) -> None:
    """Strictly after; with what was absorbed and whose it is."""
    with journal.read() as tx:
        last = views.last_seq(tx)
        assert history.fills_booked_after(tx, KRAKEN, last - 1) == (BOUGHT,)
        assert history.fills_booked_after(tx, KRAKEN, last) == ()
        assert history.fills_booked_after(tx, Venue("okx"), last - 1) == ()


def test_fills_are_found_by_their_keys(journal: Journal) -> None:
    """Those that are booked, and no others."""
    other = replace(BOUGHT.fill, exec_id=ExecId("e2"))
    with journal.read() as tx:
        assert history.fills_with_keys(tx, [other.key, BOUGHT.fill.key]) == (BOUGHT,)


@pytest.mark.parametrize(
    ("event", "open_still"),
    [
        (log.FillBooked(fill("1", exec_id="e9"), BTC, USD, None), False),
        (log.Adjusted(KRAKEN, "main", BTC, D(1), at(9), ()), False),
        (log.Adjusted(KRAKEN, "main", USD, D(1), at(9), ()), True),
        (log.BalanceAgreed(KRAKEN, BTC), False),
        (log.OutcomeLost(M1, "timeout"), True),
    ],
    ids=["fill", "adjusted", "other asset", "agreed", "no event"],
)
def test_an_event_on_its_asset_voids_a_doubt(journal: Journal, event: log.Entry, open_still: bool) -> None:
    """And an event on another one does not."""
    write(journal, [log.BalanceDoubted(KRAKEN, BTC, D(1), D(2), at(9)), event])
    with journal.read() as tx:
        assert ((KRAKEN, BTC) in history.doubts(tx)) is open_still
        assert ((KRAKEN, BTC) in views.doubted(tx)) is open_still


def test_a_doubt_of_what_we_hold_none_of_is_told_too_and_of_its_venue_alone(journal: Journal) -> None:
    sol = Asset("SOL")
    write(journal, [log.BalanceDoubted(KRAKEN, sol, D(0), D(2), at(9))])
    with journal.read() as tx:
        assert list(history.doubts(tx, KRAKEN)) == [(KRAKEN, sol)]
        assert history.doubts(tx, Venue("okx")) == {}


@pytest.mark.parametrize(("since_s", "adjustments"), [(8, [9, 11]), (9, [9, 11]), (10, [11]), (12, [])])
def test_the_opening_is_told_always_and_adjustments_since_an_instant(
    journal: Journal, since_s: int, adjustments: list[int]
) -> None:
    """With what each of them listed, oldest first; the opening in one of its rows, which are alike."""
    for at_s in (9, 11):
        write(journal, [log.Adjusted(KRAKEN, "main", BTC, D(1), at(at_s), (f"e{at_s}",))])
    with journal.read() as tx:
        found = [(a.kind, a.at, sorted(a.listed)) for a in history.anchors(tx, KRAKEN, at(since_s))]
    expected = [("adjustment", at(at_s), [f"e{at_s}"]) for at_s in adjustments]
    assert [("opening", at(0), ["old"]), *expected] == found


def test_an_adjustment_tells_whether_its_baseline_was_set_since(journal: Journal) -> None:
    """Of its own asset at its own venue, and after it was made."""
    for asset in (USD, BTC):
        write(journal, [log.Adjusted(KRAKEN, "main", BTC, D(1), at(9), ())])
        write(journal, [log.BaselineSet(KRAKEN, asset, D(1), "ops")])
    write(journal, [log.Adjusted(KRAKEN, "main", BTC, D(1), at(9), ())])
    write(journal, [log.Opening(Venue("okx"), "main", at(0), {BTC: D(1)}, {BTC: D(1)}, ())])
    for venue, asset in ((KRAKEN, USD), (Venue("okx"), BTC)):
        write(journal, [log.BaselineSet(venue, asset, D(1), "ops")])
    with journal.read() as tx:
        found = [each.rebased for each in history.anchors(tx, KRAKEN, at(0))]
        assert [False, True, True, False] == found


def test_a_parent_that_is_gone_on_with_has_no_result_any_more(journal: Journal) -> None:
    """What it answered when its first worker ended is not what it comes to."""
    parent_id = ParentId("p9")
    opened = log.ParentOpened(parent_id, "k9", "{}", "BTC-USD", SELL, D(1))
    for entry, said in (
        (log.ParentClosed(parent_id, "partial", "{}"), ("partial", "{}")),
        (log.ParentResumed(parent_id, "ops"), ("working", None)),
    ):
        write(journal, [opened, entry] if said[1] else [entry])
        with journal.read() as tx:
            row = history.parent(tx, parent_id)
        assert row is not None
        assert said == (row.status, row.result)


def test_what_is_bought_of_an_asset_that_was_not_held_is_all_position(journal: Journal) -> None:
    """First contact named no such holding, so none of it is inventory."""
    sol = Asset("SOL")
    write(journal, [log.FillBooked(fill("3", exec_id="s1", symbol=Symbol("SOL/USD")), sol, USD, None)])
    with journal.read() as tx:
        row = views.holdings(tx)[KRAKEN, sol]
    assert (row.confirmed, row.baseline) == (D(3), D(0))


def test_a_venue_without_first_contact_has_no_anchor(journal: Journal) -> None:
    with journal.read() as tx:
        assert history.anchors(tx, Venue("okx"), at(0)) == ()


def test_breaks_are_known_by_their_refs(journal: Journal) -> None:
    """Those that were said, and no others."""
    said = log.BreakFound("bust:kraken:x", KRAKEN, "bust", BTC, None, None, "1", "2", True, "")
    write(journal, [said])
    with journal.read() as tx:
        assert {said.ref} == history.known_break_refs(tx, ["late_fill:kraken:x", said.ref])


def test_unsettled_orders_are_those_that_may_still_move_a_holding(journal: Journal) -> None:
    """A refused one is not among them, a foreign one is."""
    write(journal, [log.Rejected(ClOrdId("m2"), "no funds")])
    with journal.read() as tx:
        assert [o.cl_ord_id for o in views.unsettled_orders(tx, KRAKEN)] == ["m1", "m3"]


def test_a_break_is_open_until_it_is_corrected_or_acknowledged(journal: Journal) -> None:
    for ref, corrected in (("a", True), ("b", False), ("c", False)):
        write(journal, [log.BreakFound(ref, KRAKEN, "balance", BTC, None, None, "1", "2", corrected, "")])
    write(journal, [log.BreakAcked("c", "ops")])
    with journal.read() as tx:
        assert 1 == history.open_breaks(tx)


def test_the_journal_says_when_it_was_written_and_by_which_sqlite(journal: Journal) -> None:
    """The latest time in its log, which need not be the last entry's."""
    write(journal, [log.Rejected(ClOrdId("m2"), "no funds")], seconds=10_000_000)
    write(journal, [log.Rejected(ClOrdId("m1"), "no funds")], seconds=9_000_000)
    with journal.read() as tx:
        assert at(10_000_000) == views.last_at(tx)
        assert VERSION == views.sqlite_version(tx)
