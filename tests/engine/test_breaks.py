"""Every kind of break, end to end: what is written, what is said, and that a second pass is silent."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain import entries as log
from mvx.domain.ids import ClOrdId, ExecId
from mvx.domain.instant import Instant
from mvx.engine.outcome import BreakRow
from mvx.engine.reconcile import reconcile
from mvx.engine.reports import fills
from mvx.engine.settle import settle
from mvx.errors import Exit
from mvx.journal import views
from mvx.journal.heard import heard_fills
from mvx.reconciliation.kinds import BreakKind
from tests.engine.desk import KRAKEN, order
from tests.engine.happenings import HAPPENINGS, LATENESS_S, busts, desk, opened, pushes_a_phantom, settled
from tests.engine.meddling import BTC, USD, Meddled, Overtaken, held, logged, unsent_intent
from tests.engine.truth import assert_silent, assert_truth_inside, assert_verified, last_seq, reading

D = Decimal
M1 = ClOrdId("m1")
EVERY = pytest.mark.parametrize(
    ("happens", "kind", "corrected"), HAPPENINGS, ids=[happens.__name__ for happens, _, _ in HAPPENINGS]
)


def test_every_kind_is_made_to_happen_here() -> None:
    assert set(BreakKind) == {kind for _, kind, _ in HAPPENINGS}


@EVERY
def test_a_break_is_found_written_and_said_once(
    tmp_path: Path, happens: Callable[[Meddled], None], kind: BreakKind, corrected: bool
) -> None:
    """Exit 6, with both numbers, what is known and what to run; then silence."""
    at = desk(tmp_path)
    happens(at)
    outcome = at.reconciles()
    assert {kind.value} == {each.kind for each in outcome.breaks}
    assert Exit.BREAKS is outcome.exit_code
    assert_truth_inside(at)
    said = outcome.breaks[0]
    assert (corrected, KRAKEN) == (said.corrected, said.venue)
    assert said.ours != said.theirs
    assert said.known
    assert said.next.startswith("mvx ")
    assert (f"mvx breaks ack {said.id}" in said.next) is not corrected
    assert_silent(at)
    at.clock.advance(LATENESS_S + 1)
    assert Exit.OK is at.reconciles().exit_code
    assert_silent(at)
    assert_verified(at.settings)


@EVERY
def test_a_report_writes_nothing_and_a_pass_finds_the_same(
    tmp_path: Path, happens: Callable[[Meddled], None], kind: BreakKind, corrected: bool
) -> None:
    """--report-only: found and not corrected, and the ordinary pass is what to run next."""
    at = desk(tmp_path)
    happens(at)
    seq = last_seq(at.settings)
    outcome = at.does(lambda desk: reconcile(desk, (), report_only=True))
    reported = list(outcome.breaks)
    assert {(True, False)} == {(row.complete, row.agreed) for row in outcome.data.venues if row.breaks}
    assert seq == last_seq(at.settings)
    assert {(False, 0, "mvx reconcile --venue kraken")} == {(r.corrected, r.id, r.next) for r in reported}
    assert [_essence(each) for each in reported] == [_essence(each) for each in at.finds()]


def _essence(row: BreakRow) -> tuple[Any, ...]:
    return row.kind, row.asset, row.cl_ord_id, row.exec_id, row.ours, row.theirs


@pytest.mark.parametrize("later_s", [0, 0.01], ids=["same instant", "later"])
@pytest.mark.parametrize("moment", ["before open_orders", "before trades", "after balances"])
@EVERY
def test_two_reconcilers_at_once_correct_once(
    tmp_path: Path,
    happens: Callable[[Meddled], None],
    kind: BreakKind,
    corrected: bool,
    moment: str,
    later_s: float,
) -> None:
    """One is overtaken by the other between two of its calls: each break is said once, and everything is
    posted once."""
    alone, together = opened(Meddled, _made(tmp_path / "alone")), opened(Overtaken, _made(tmp_path / "two"))
    for at in (alone, together):
        happens(at)
        if at is together:
            at.moment, at.later_s = moment, later_s
        at.reconciles()
    assert _breaks(alone) == _breaks(together)
    for posted in (log.FillBooked, log.FillBusted, log.TransferBooked, log.Adjusted, log.PhantomDropped):
        assert len(logged(alone, posted)) == len(logged(together, posted))
    assert_truth_inside(together)
    together.clock.advance(LATENESS_S + 1)
    together.reconciles()
    assert_silent(together)
    assert_verified(together.settings)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _breaks(at: Meddled) -> list[tuple[Any, ...]]:
    return [(each.kind, each.asset, each.ours, each.corrected) for each in logged(at, log.BreakFound)]


# What is posted


def test_a_bust_gives_back_what_the_trade_had_moved(tmp_path: Path) -> None:
    """To the last digit, fee included, in holding and position alike."""
    at = desk(tmp_path)
    before = held(at, BTC), held(at, USD)
    busts(at)
    assert before != (held(at, BTC), held(at, USD))
    at.reconciles()
    assert before == (held(at, BTC), held(at, USD))
    assert (D(0), D("0.5")) == (at.orders()[0].filled_qty, at.orders()[0].busted_qty)


def test_a_trade_that_was_taken_back_is_in_no_answer_as_if_it_stood(tmp_path: Path) -> None:
    """Its fee came back with it, and the list of fills says of it that it did."""
    at = desk(tmp_path)
    asked = order("0.5", id="k")
    assert at.routes(asked).data.fees.keys() == {USD}
    at.takes_back(at.trades()[0])
    at.reconciles()
    again = at.routes(asked).data
    assert (D(0), None, {}) == (again.cum_qty, again.all_in_px, again.fees)
    told = fills(at.settings.desk, since=None, venue=None, limit=None).data
    assert [True] == [each.taken_back for each in told.fills]


def test_a_bust_that_was_adjusted_first_is_posted_with_its_opposite(tmp_path: Path) -> None:
    """The list tells of it when both balances were adjusted for it."""
    at = desk(tmp_path)
    busts(at)
    mark = at.edits.pop("trades")
    at.clock.advance(LATENESS_S + 1)
    for _ in range(2):
        kinds = [each.kind for each in at.finds()]
        at.clock.advance(LATENESS_S)
    assert ["position", "balance"] == kinds
    adjusted = held(at, BTC), held(at, USD)
    at.edits["trades"] = mark
    assert ["bust"] == [each.kind for each in at.finds()]
    assert adjusted == (held(at, BTC), held(at, USD))
    assert {BTC: "adjustment", USD: "adjustment"} == logged(at, log.FillBusted)[0].absorbed
    assert_silent(at)


def test_a_listed_transfer_moves_the_baseline_with_the_holding(tmp_path: Path) -> None:
    """The position is what it was."""
    at = desk(tmp_path)
    before = held(at, BTC)
    at.moves(BTC, "1.5", listed=True)
    assert ["balance"] == [each.kind for each in at.finds()]
    assert (before[0] + D("1.5"), before[1] + D("1.5")) == held(at, BTC)


def test_a_transfer_that_was_adjusted_first_ends_the_position_that_it_made(tmp_path: Path) -> None:
    """Listed later, it moves its baseline alone."""
    at = desk(tmp_path)
    before = held(at, BTC)
    made = at.moves(BTC, "1.5", listed=False)
    at.finds()
    at.clock.advance(LATENESS_S + 1)
    assert ["position"] == [each.kind for each in at.finds()]
    assert (before[0] + D("1.5"), before[1]) == held(at, BTC)
    at.lists(made)
    assert ["balance"] == [each.kind for each in at.finds()]
    assert (before[0] + D("1.5"), before[1] + D("1.5")) == held(at, BTC)
    assert_silent(at)


def test_transfers_that_first_contact_lists_are_part_of_it(tmp_path: Path) -> None:
    """Nothing is said of them, then or later."""
    at = Meddled(tmp_path)
    at.moves(USD, "250", listed=True)
    at.clock.advance(1)
    assert Exit.OK is at.reconciles().exit_code
    assert_silent(at)
    assert [] == logged(at, log.TransferBooked)
    assert ("1/transfer/W1",) == logged(at, log.Opening)[0].listed


# What was pushed


def test_a_pushed_fill_is_pending_until_the_lists_had_their_time(tmp_path: Path) -> None:
    """Exit 5, and the position is unconfirmed, until it is listed or proven to be none."""
    at = desk(tmp_path)
    pushes_a_phantom(at)
    at.clock.advance(-0.000001)
    outcome = at.reconciles()
    assert Exit.UNCERTAIN is outcome.exit_code
    assert "was pushed and is not listed yet" in outcome.warnings[0]
    at.clock.advance(0.000001)
    assert ["phantom_fill"] == [each.kind for each in at.finds()]


def test_a_reading_reaches_back_to_a_pushed_fill(tmp_path: Path) -> None:
    """A stream tells of an old trade that no list had shown: it is asked for, and booked."""
    at = desk(tmp_path)
    resting = at.rests(px=60_000)
    fill = at.fills_more(resting, "0.1")
    listed = at.edits.pop("trades")
    at.clock.advance(300)
    at.reconciles()
    at.pushes(resting, fill)
    at.edits["trades"] = listed
    assert ["missing_fill"] == [each.kind for each in at.finds()]
    with reading(at.settings) as tx:
        assert () == heard_fills(tx)


def test_a_fill_that_was_pushed_for_one_order_and_listed_on_another(tmp_path: Path) -> None:
    """The record decides, and nothing is expected twice."""
    at = desk(tmp_path)
    first = at.rests()
    at.clock.advance(1)
    second = at.rests()
    fill = at.fills_more(second, "0.1")
    at.pushes(first, fill)
    assert ["missing_fill", "phantom_fill"] == sorted(each.kind for each in at.finds())
    assert [D(0), D(0)] == [each.heard_qty for each in at.orders()]
    assert [D("0.1"), D(0)] == [each.filled_qty for each in at.orders()]
    assert_silent(at)
    assert_verified(at.settings)


def test_a_fill_that_was_pushed_with_a_time_from_before_its_order_is_judged_all_the_same(
    tmp_path: Path,
) -> None:
    """Of a settled order, which no list names any more."""
    at = desk(tmp_path)
    at.rests()
    at.cancels()
    settled(at)
    resting = at.orders()[0]
    fill = replace(at.fills_more(resting, "0.1"), at=Instant(0), exec_id=ExecId("P1"))
    at.exchange.transfer(KRAKEN, BTC, D("-0.1"))
    at.exchange.transfer(KRAKEN, USD, D(7000))
    del at.edits["trades"]
    at.edits["closed_orders"] = lambda listed, since, known: ()
    at.clock.advance(600)
    at.pushes(resting, fill)
    at.clock.advance(LATENESS_S + 1)
    assert ["phantom_fill"] == [each.kind for each in at.finds()]
    assert_silent(at)


# What was never sent


def test_an_intent_of_a_dead_worker_is_given_up_by_the_next_pass(tmp_path: Path) -> None:
    """No break, no waiting: exit 0 at once."""
    at = desk(tmp_path)
    unsent_intent(at, M1, "999999999-dead")
    assert (Exit.OK, ()) == (at.reconciles().exit_code, at.reconciles().breaks)
    assert "revoked" in at.orders()[0].reason
    assert_silent(at)


def test_an_intent_of_a_live_worker_is_left_to_it_until_the_deadline(tmp_path: Path) -> None:
    """It is about to be sent, and makes no pass uncertain meanwhile."""
    at = desk(tmp_path)
    unsent_intent(at, M1, f"{os.getpid()}-x")
    at.clock.advance(4.999999)
    assert Exit.OK is at.reconciles().exit_code
    assert at.orders()[0].unsent
    at.clock.advance(0.000001)
    assert Exit.OK is at.reconciles().exit_code
    assert at.orders()[0].settled


def test_whoever_waits_for_a_dead_run_s_children_gives_the_unsent_ones_up(tmp_path: Path) -> None:
    """That somebody looks for their end does not mean that somebody will send them."""
    at = desk(tmp_path)
    unsent_intent(at, M1)
    passes = at.does(lambda desk: settle(desk, [M1]))
    assert [()] == [each.pending for each in passes]
    with reading(at.settings) as tx:
        assert () == views.unsent_orders(tx)
