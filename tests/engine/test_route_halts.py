"""Routes that meet a halt: before their plan, between their transactions, and between two rounds."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Venue
from mvx.domain.order import Side
from mvx.engine.outcome import Outcome
from mvx.engine.results import RouteResult
from mvx.errors import Exit, NoVenueUsable, Refused
from mvx.journal import views
from tests.engine.desk import BINANCE, BUY, FOK, KRAKEN, OKX, SELL, Operator, order, settings
from tests.engine.halting import (
    ACTIVE,
    REDUCING,
    answer,
    changes,
    halts,
    once_committed,
    routes,
)
from tests.engine.truth import assert_healed, last_seq, reading
from tests.paper.builders import venue_settings, write_books


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    """An operator at a desk of three venues, each of which was read once."""
    operator = Operator(settings(tmp_path, KRAKEN, BINANCE, OKX))
    operator.reconciles()
    return operator


def why_not(outcome: Outcome, venue: Venue) -> str:
    plan = answer(outcome).plan
    assert plan is not None
    (why,) = [each.why for each in plan.skipped if each.venue == venue]
    return why


def busiest(at: Operator, qty: str = "0.5") -> Venue:
    """Where a route would go first."""
    plan = answer(at.routes(order(qty, dry_run=True))).plan
    assert plan is not None
    return plan.legs[0].venue


class TestRouting:
    def test_a_halted_venue_is_gone_around(self, at: Operator) -> None:
        best = answer(at.routes(order("0.5", dry_run=True))).plan
        assert best is not None
        halted = best.legs[0].venue
        halts(at, halted)
        outcome = at.routes(order("0.5"))
        assert (Exit.OK, Decimal("0.5")) == (outcome.exit_code, answer(outcome).cum_qty)
        assert [] == at.ledger(halted)["orders"]
        assert f"halted by ops@desk: maintenance; mvx resume --venue {halted}" == why_not(outcome, halted)
        changes(at, ACTIVE, halted)
        again = answer(at.routes(order("0.5", dry_run=True))).plan
        assert again is not None
        assert halted in {leg.venue for leg in again.legs}

    def test_a_halted_venue_is_not_even_asked(self, at: Operator) -> None:
        """It may be down, and that is why it was halted."""
        asked: list[Venue] = []
        at.look = lambda venue, now: asked.append(venue)
        halts(at, KRAKEN)
        at.routes(order("0.5", venues=(KRAKEN, OKX)))
        assert {OKX} == set(asked)

    @pytest.mark.parametrize("dry_run", [False, True])
    def test_a_halted_system_refuses(self, at: Operator, dry_run: bool) -> None:
        halts(at)
        seq = last_seq(at.settings)
        with pytest.raises(Refused) as raised:
            at.routes(order("0.5", dry_run=dry_run))
        assert (Exit.REFUSED, "mvx resume") == (raised.value.exit_code, raised.value.next_step)
        assert "all trading was halted by ops@desk: maintenance" == raised.value.message
        assert (seq, []) == (last_seq(at.settings), at.ledger_rows("orders"))
        changes(at, ACTIVE)
        assert Exit.OK is at.routes(order("0.5")).exit_code

    def test_where_all_are_halted_no_venue_can_be_used(self, at: Operator) -> None:
        halts(at, KRAKEN, BINANCE, OKX)
        with pytest.raises(NoVenueUsable) as raised:
            at.routes(order("0.5"))
        for venue in at.venues:
            assert f"{venue}: halted by ops@desk: maintenance; mvx resume --venue {venue}" in (
                raised.value.known
            )

    def test_an_id_that_was_used_is_answered_under_a_halt(self, at: Operator) -> None:
        first = at.routes(order("0.5", id="k"))
        halts(at)
        again = at.routes(order("0.5", id="k"))
        assert (Exit.OK, answer(first).cum_qty) == (again.exit_code, answer(again).cum_qty)

    def test_reducing_only_of_a_venue_lets_the_way_out_pass(self, at: Operator) -> None:
        changes(at, REDUCING, KRAKEN)
        with pytest.raises(NoVenueUsable) as raised:
            at.routes(order("0.5", SELL, venues=(KRAKEN,)))
        assert "and to sell there reduces nothing; mvx resume --venue kraken" in raised.value.known
        changes(at, ACTIVE, KRAKEN)
        at.routes(order("0.5", venues=(KRAKEN,)))
        at.clock.advance(3)
        at.reconciles()
        changes(at, REDUCING, KRAKEN)
        with pytest.raises(NoVenueUsable) as raised:
            at.routes(order("0.5", venues=(KRAKEN,)))
        assert "and to buy there reduces nothing; mvx resume --venue kraken" in raised.value.known
        outcome = at.routes(order("0.5", SELL, venues=(KRAKEN,)))
        assert (Exit.OK, Decimal("0.5")) == (outcome.exit_code, answer(outcome).cum_qty)

    def test_more_than_reduces_goes_elsewhere(self, at: Operator) -> None:
        """Long 0.5 at okx, the better venue, and selling 1: it would be left short, so all goes around."""
        at.routes(order("0.5", venues=(OKX,)))
        at.clock.advance(3)
        at.reconciles()
        changes(at, REDUCING, OKX)
        before = len(at.ledger(OKX)["orders"])
        shown: list[RouteResult] = []
        outcome = routes(at, order("1", SELL, venues=(KRAKEN, OKX)), show=shown.append)
        assert (Exit.OK, Decimal(1)) == (outcome.exit_code, answer(outcome).cum_qty)
        assert before == len(at.ledger(OKX)["orders"])
        assert "is the most that only reduces it; mvx resume --venue okx" in why_not(outcome, OKX)
        assert 2 == len(shown)
        assert shown[-1].plan == answer(outcome).plan

    def test_reducing_only_of_the_system_refuses_what_grows(self, at: Operator) -> None:
        at.routes(order("0.5"))
        at.clock.advance(3)
        at.reconciles()
        changes(at, REDUCING)
        with pytest.raises(Refused, match="the system was set to reducing only by ops@desk") as raised:
            at.routes(order("0.1"))
        assert "mvx resume" == raised.value.next_step
        assert Exit.OK is at.routes(order("0.5", SELL)).exit_code
        with pytest.raises(Refused, match="trading"):
            at.routes(order("0.1", SELL))
        assert_healed(at)


class TestRouteThatMeetsAHalt:
    def test_between_plan_and_commit_it_is_planned_around(self, at: Operator) -> None:
        """Another plan, which is shown and agreed to as the first one was."""
        venue, shown, agreed = busiest(at), list[RouteResult](), list[int]()

        def confirm() -> bool:
            if not agreed:
                halts(at, venue)
            agreed.append(len(shown))
            return True

        outcome = routes(at, order("0.5"), show=shown.append, confirm=confirm)
        assert (Exit.OK, Decimal("0.5")) == (outcome.exit_code, answer(outcome).cum_qty)
        assert [] == at.ledger(venue)["orders"]
        assert [1, 2] == agreed
        assert "halted by ops@desk: maintenance" in why_not(outcome, venue)
        assert_healed(at)

    def test_between_plan_and_commit_with_no_other_venue_nothing_is_sent(self, at: Operator) -> None:
        def confirm() -> bool:
            halts(at, KRAKEN)
            return True

        with pytest.raises(NoVenueUsable) as raised:
            routes(at, order("0.5", venues=(KRAKEN,)), confirm=confirm)
        assert "kraken: halted by ops@desk: maintenance" in raised.value.known
        assert [] == at.ledger_rows("orders")

    def test_between_plan_and_commit_a_halt_of_the_system_refuses(self, at: Operator) -> None:
        def confirm() -> bool:
            halts(at)
            return True

        with pytest.raises(Refused, match="the system was halted by ops@desk: maintenance") as raised:
            routes(at, order("0.5"), confirm=confirm)
        assert "mvx resume" == raised.value.next_step
        assert [] == at.ledger_rows("orders")

    @pytest.mark.parametrize("side", [BUY, SELL])
    def test_between_commit_and_dispatch_its_children_there_are_revoked(
        self, at: Operator, side: Side
    ) -> None:
        """They end as refused, are never sent, and their quantity is planned elsewhere; the venue, which
        may be halted because it is down, is not asked about anything any more."""
        venue, asked, halted = busiest(at), list[Venue](), list[Outcome]()
        at.look = lambda here, now: asked.append(here) if halted else None
        act = once_committed(at, lambda: halted.append(halts(at, venue)))
        outcome = routes(at, order("4", side), after_commit=act)
        found = answer(outcome)
        assert (Exit.OK, Decimal(4)) == (outcome.exit_code, found.cum_qty)
        revoked = [child for child in found.children if child.ord_status == "REJECTED"]
        assert [(venue, "revoked: halted by ops@desk: maintenance")] == [
            (child.venue, child.reason) for child in revoked
        ]
        assert [] == at.ledger(venue)["orders"]
        assert venue not in asked
        at.look = None
        assert_healed(at)

    def test_a_route_that_lost_its_only_child_starts_over_with_all_its_rounds(self, at: Operator) -> None:
        """Nothing was sent, so not even a single round is used up; the plan is the one that was traded."""
        venue = busiest(at, "0.001")
        shown: list[RouteResult] = []
        outcome = routes(
            at,
            order("0.001", max_rounds=1),
            show=shown.append,
            after_commit=once_committed(at, lambda: halts(at, venue)),
        )
        found = answer(outcome)
        assert (Exit.OK, "filled", 1) == (outcome.exit_code, found.status, found.rounds)
        assert found.plan is not None
        assert venue not in {leg.venue for leg in found.plan.legs}
        assert [found.plan] == [each.plan for each in shown[1:]]

    def test_between_commit_and_dispatch_a_halt_of_the_system_sends_nothing(self, at: Operator) -> None:
        """A refusal of the command, for nothing was dispatched; its parent holds no room any more."""
        with pytest.raises(Refused, match="all trading was halted") as raised:
            routes(at, order("4", id="k"), after_commit=once_committed(at, lambda: halts(at)))
        assert Exit.REFUSED is raised.value.exit_code
        assert [] == at.ledger_rows("orders")
        with reading(at.settings) as tx:
            rows = tx.connection.execute("SELECT status FROM parents").fetchall()
            assert [] == list(views.unsettled_orders(tx))
        assert [("incomplete",)] == rows
        again = at.routes(order("4", id="k"))
        assert (Exit.INCOMPLETE, False) == (again.exit_code, again.sent)

    def test_between_commit_and_dispatch_the_last_venue_is_halted(self, at: Operator) -> None:
        with pytest.raises(NoVenueUsable):
            routes(
                at,
                order("0.5", venues=(KRAKEN,)),
                after_commit=once_committed(at, lambda: halts(at, KRAKEN)),
            )
        assert [] == at.ledger_rows("orders")

    def test_between_two_rounds_the_second_goes_around(self, at: Operator) -> None:
        """What the first round did stands."""
        venue = busiest(at)
        at.exchange.inject(venue, "partial")

        def look(here: Venue, now: str) -> None:
            if (here, now) == (venue, "after submit"):
                halts(at, venue)

        at.look = look
        outcome = at.routes(order("0.5", max_slippage_bps=Decimal(50)))
        assert (Exit.OK, Decimal("0.5"), True) == (
            outcome.exit_code,
            answer(outcome).cum_qty,
            outcome.sent,
        )
        assert 1 == len(at.ledger(venue)["orders"])
        assert_healed(at)

    def test_after_a_halt_of_the_system_between_two_rounds_what_is_known_is_answered(
        self, at: Operator
    ) -> None:
        at.exchange.inject(KRAKEN, "partial")

        def look(here: Venue, now: str) -> None:
            if now == "after submit":
                halts(at)

        at.look = look
        outcome = at.routes(order("0.5", venues=(KRAKEN,)))
        assert (Exit.INCOMPLETE, True, False) == (outcome.exit_code, outcome.sent, outcome.uncertain)
        assert any("all trading was halted by ops@desk" in each for each in outcome.warnings)
        assert 1 == len(at.ledger(KRAKEN)["orders"])
        at.look = None
        assert_healed(at)

    def test_a_fill_or_kill_that_lost_a_part_is_not_sent_in_part(self, tmp_path: Path) -> None:
        """Both venues are needed for it; one is halted after the commit, and neither gets an order."""
        books = write_books(tmp_path / "books.jsonl", (0, [("99.9", "1")], [("100", "1")]))
        deep = [venue_settings(name, books=books, books_venue="kraken") for name in ("binance", "okx")]
        at = Operator(settings(tmp_path, *deep))
        at.reconciles()
        outcome = routes(
            at,
            order("2", time_in_force=FOK),
            after_commit=once_committed(at, lambda: halts(at, OKX)),
        )
        assert [] == at.ledger_rows("orders")
        assert (Exit.INCOMPLETE, False) == (outcome.exit_code, outcome.sent)
        assert {
            "revoked: halted by ops@desk: maintenance",
            "revoked: another part of this fill-or-kill was revoked",
        } == {child.reason for child in answer(outcome).children}
        assert_healed(at)
