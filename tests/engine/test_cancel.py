"""Cancelling: what is revoked, what is asked for, and what is believed of the answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import ClOrdId, Symbol, Venue
from mvx.domain.instant import after
from mvx.domain.order import OrderRequest
from mvx.engine.cancel import FINISHED, REVOKED, cancel
from mvx.engine.desk import Desk
from mvx.engine.explain import explain_order
from mvx.engine.outcome import Outcome
from mvx.engine.results import CancelResult, CancelRow
from mvx.engine.words import Event, ExplainResult
from mvx.errors import Exit, OutcomeUnknown, Refusal, UsageError, VenueRejected, VenueUnreachable
from mvx.journal import views
from tests.engine.desk import BUY, GTC, KRAKEN, OKX, Operator, order, settings
from tests.engine.halting import answer, commits, once_committed, resting, routes
from tests.engine.ports import raising, within
from tests.engine.truth import assert_healed, assert_truth_inside, assert_verified, last_seq, reading

STRANGE = "s00000000000000001"


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    """An operator at a desk of two venues, each of which was read once."""
    operator = Operator(settings(tmp_path, KRAKEN, OKX))
    operator.reconciles()
    return operator


def cancels(at: Operator, target: str | None = None, *venues: Venue) -> Outcome:
    return at.does(lambda desk: cancel(desk, target, target is None, venues))


def rows(outcome: Outcome) -> dict[str, CancelRow]:
    assert isinstance(outcome.data, CancelResult)
    return {row.cl_ord_id: row for row in outcome.data.orders}


def said(outcome: Outcome) -> list[tuple[str, str]]:
    return [(row.ord_status, row.outcome) for row in rows(outcome).values()]


def rests(at: Operator, venue: Venue) -> ClOrdId:
    """An order of ours that rests there, and its id."""
    return answer(at.routes(resting(venue))).children[0].cl_ord_id


def statuses(at: Operator, venue: Venue) -> list[str]:
    return [row["status"] for row in at.ledger(venue)["orders"]]


def strange(at: Operator) -> None:
    """Somebody rests an order at kraken by other means, and mvx finds it there."""

    async def submits(desk: Desk) -> None:
        deadline = after(desk.clock.now(), 5)
        symbol, qty, px = Symbol("BTC/USD"), Decimal("0.1"), Decimal(70_000)
        request = OrderRequest(ClOrdId(STRANGE), symbol, BUY, qty, px, GTC, False, deadline)
        await desk.venues[KRAKEN].submit(request)

    at.does(submits)
    at.reconciles()


def test_an_order_that_rests_is_cancelled_and_a_second_cancel_sends_nothing(at: Operator) -> None:
    ours = rests(at, KRAKEN)
    outcome = cancels(at, ours)
    assert (Exit.OK, True, False) == (outcome.exit_code, outcome.sent, outcome.uncertain)
    assert [("CANCELED", "asked")] == said(outcome)
    seq = last_seq(at.settings)
    again = cancels(at, ours)
    assert (Exit.OK, False, [("CANCELED", FINISHED)]) == (again.exit_code, again.sent, said(again))
    assert seq == last_seq(at.settings)
    assert {} == rows(cancels(at))
    assert_healed(at)


def test_what_was_not_sent_yet_is_revoked_and_no_venue_is_asked(at: Operator) -> None:
    """In one transaction of its own, so that whoever would send it finds it given up."""
    first, second = commits(at, KRAKEN, OKX)
    asked: list[tuple[Venue, str]] = []
    at.look = lambda venue, now: asked.append((venue, now))
    outcome = cancels(at)
    assert (Exit.OK, False, False) == (outcome.exit_code, outcome.sent, outcome.uncertain)
    assert {first.cl_ord_id, second.cl_ord_id} == set(rows(outcome))
    assert [("REJECTED", REVOKED)] * 2 == said(outcome)
    assert [] == asked
    with reading(at.settings) as tx:
        found = views.order(tx, first.cl_ord_id)
    assert found is not None
    assert ("revoked: canceled by the operator", True) == (found.reason, found.settled)
    assert_verified(at.settings)


def test_a_cancel_between_commit_and_dispatch_is_heeded_and_says_that_more_may_come(at: Operator) -> None:
    """The route is not stopped by a cancel of all orders, and the warning says what would stop it."""
    found: list[Outcome] = []
    acts = once_committed(at, lambda: found.append(in_thread(lambda: cancels(at))))
    outcome = routes(at, order("0.1", venues=(KRAKEN,)), after_commit=acts)
    (cancelled,) = found
    parent = answer(outcome).parent_id
    assert (
        f"{parent} is being worked and may send what is left of it again: mvx cancel {parent}"
        in cancelled.warnings
    )
    revoked, traded = answer(outcome).children
    assert ("REJECTED", "FILLED") == (revoked.ord_status, traded.ord_status)
    assert ["FILLED"] == statuses(at, KRAKEN)
    assert_healed(at)


def test_a_parent_is_cancelled_with_all_that_is_open_of_it(at: Operator) -> None:
    """What is finished of it is reported as such."""
    best = answer(at.routes(order("0.1", dry_run=True))).plan
    assert best is not None
    found = answer(
        at.routes(
            order("0.5", time_in_force=GTC, limit_px=best.legs[0].limit_px, max_slippage_bps=Decimal(0))
        )
    )
    assert found.parent_id is not None
    assert "resting" == found.status
    outcome = cancels(at, found.parent_id)
    assert Exit.OK is outcome.exit_code
    assert {child.cl_ord_id for child in found.children} == set(rows(outcome))
    assert {"asked", FINISHED} >= {row.outcome for row in rows(outcome).values()}
    assert "asked" in {row.outcome for row in rows(outcome).values()}
    assert {} == rows(cancels(at))
    assert_healed(at)


class TestUnknown:
    def test_it_is_asked_for_by_its_client_id(self, at: Operator) -> None:
        """The ack was lost and the venue dark since: nobody here knows its name there."""
        ours = unknown(at, "lost-ack")
        outcome = cancels(at, ours)
        assert (Exit.OK, [("CANCELED", "asked")]) == (outcome.exit_code, said(outcome))
        assert ["CANCELED"] == statuses(at, KRAKEN)
        assert ["unknown_resolved"] == [found.kind for found in outcome.breaks]
        assert_healed(at)

    def test_a_venue_that_knows_nothing_of_it_proves_nothing(self, at: Operator) -> None:
        """It stays reserved and uncertain until a complete read that began late enough."""
        ours = unknown(at, "lost-request")
        outcome = cancels(at, ours)
        assert (Exit.UNCERTAIN, True, True) == (outcome.exit_code, outcome.sent, outcome.uncertain)
        assert "the venue has no such open order: unknown_order" == rows(outcome)[ours].outcome
        with reading(at.settings) as tx:
            found = views.order(tx, ours)
        assert found is not None
        assert Decimal("0.1") == found.worst_qty
        assert any(
            f"{ours} may still be working at kraken, and stays reserved: mvx cancel {ours}" in each
            for each in outcome.warnings
        )
        at.clock.advance(10)
        assert (Exit.OK, [("REJECTED", "the venue has no such open order: unknown_order")]) == (
            (again := cancels(at, ours)).exit_code,
            said(again),
        )
        assert_healed(at)

    def test_one_that_arrives_after_it_was_asked_for_is_asked_for_again(self, at: Operator) -> None:
        ours = unknown(at, "late-request", delay_s=4.0)
        outcome = cancels(at, ours)
        assert (Exit.OK, [("CANCELED", "asked")]) == (outcome.exit_code, said(outcome))
        assert ["CANCELED"] == statuses(at, KRAKEN)
        assert_healed(at)


def unknown(at: Operator, kind: str, delay_s: float | None = None) -> ClOrdId:
    """An order at kraken whose sender never learnt what became of it: the venue answered and pushed nothing
    more."""
    at.exchange.inject(KRAKEN, kind, delay_s=delay_s)
    at.exchange.inject(KRAKEN, "drop-event", for_s=60)

    def look(venue: Venue, now: str) -> None:
        if now == "after submit":
            at.exchange.inject(KRAKEN, "outage", for_s=2.5)

    at.look = look
    outcome = at.routes(resting(KRAKEN))
    at.look = None
    assert Exit.UNCERTAIN is outcome.exit_code
    at.exchange.heal(KRAKEN)
    if kind == "late-request":
        assert [] == statuses(at, KRAKEN)
    (child,) = answer(outcome).children
    assert (True, None) == (child.unknown, child.order_id)
    return child.cl_ord_id


class TestForeign:
    def test_it_is_cancelled_by_its_own_id(self, at: Operator) -> None:
        strange(at)
        with reading(at.settings) as tx:
            (theirs,) = views.unsettled_orders(tx)
        outcome = cancels(at, theirs.cl_ord_id)
        assert (Exit.OK, True, [("CANCELED", "asked")]) == (outcome.exit_code, outcome.sent, said(outcome))
        assert ["CANCELED"] == statuses(at, KRAKEN)

    def test_it_is_no_business_of_all(self, at: Operator) -> None:
        strange(at)
        ours = rests(at, KRAKEN)
        outcome = cancels(at)
        assert ([ours], Exit.OK) == (list(rows(outcome)), outcome.exit_code)
        assert ["NEW", "CANCELED"] == statuses(at, KRAKEN)


class TestDark:
    def test_what_the_others_hold_is_cancelled_all_the_same(self, at: Operator) -> None:
        dark, lit = rests(at, KRAKEN), rests(at, OKX)
        at.exchange.inject(KRAKEN, "outage", for_s=60)
        outcome = cancels(at)
        assert (Exit.UNCERTAIN, True, True) == (outcome.exit_code, outcome.sent, outcome.uncertain)
        assert ("NEW", "not asked: connection refused") == (
            rows(outcome)[dark].ord_status,
            rows(outcome)[dark].outcome,
        )
        assert ("CANCELED", "asked") == (rows(outcome)[lit].ord_status, rows(outcome)[lit].outcome)
        assert ["NEW"] == statuses(at, KRAKEN)
        assert_truth_inside(at)
        at.exchange.heal(KRAKEN)
        assert Exit.OK is cancels(at).exit_code
        assert_healed(at)

    def test_where_no_request_left_nothing_was_sent(self, at: Operator) -> None:
        rests(at, KRAKEN)
        at.exchange.inject(KRAKEN, "outage", for_s=60)
        outcome = cancels(at)
        assert (Exit.UNCERTAIN, False, True) == (outcome.exit_code, outcome.sent, outcome.uncertain)

    def test_a_venue_that_is_not_configured_any_more_is_said_to_be(self, at: Operator) -> None:
        """Its order may well be open, so `--all` is not done; and the others are cancelled."""
        gone, here = rests(at, KRAKEN), rests(at, OKX)
        smaller = settings(at.settings.desk.journal.parent, OKX)
        outcome = cancels(Operator(smaller, at.clock))
        assert (Exit.UNCERTAIN, True) == (outcome.exit_code, outcome.sent)
        assert "not asked: kraken is not configured" == rows(outcome)[gone].outcome
        assert "CANCELED" == rows(outcome)[here].ord_status


class TestAsItWas:
    """What asked for nothing leaves the order as the venue has it; what may have asked does not."""

    def test_a_cancel_that_never_left_is_pending_nowhere(self, at: Operator) -> None:
        """The order rests there, and nobody will ask: it was told as asked for ever after."""
        ours = rests(at, KRAKEN)
        at.exchange.inject(KRAKEN, "outage", for_s=60)
        assert Exit.UNCERTAIN is cancels(at, ours).exit_code
        at.exchange.heal(KRAKEN)
        assert Exit.OK is at.reconciles().exit_code
        assert ("NEW", "NEW") == (state(at, ours), statuses(at, KRAKEN)[0])
        *_, asked, undone = story(at, ours)
        assert "kraken is asked to cancel it" == asked.text
        says = "not asked: connection refused"
        assert f"the cancel came to nothing, and it is as it was before: {says}" == undone.text
        assert Exit.OK is cancels(at, ours).exit_code
        assert_healed(at)

    def test_what_filled_in_part_is_so_again(self, at: Operator) -> None:
        at.exchange.inject(KRAKEN, "partial")
        plan = answer(at.routes(order("0.5", venues=(KRAKEN,), dry_run=True))).plan
        assert plan is not None
        (leg,) = plan.legs
        asked = order("0.5", time_in_force=GTC, limit_px=leg.limit_px, venues=(KRAKEN,))
        (child,) = answer(at.routes(asked)).children
        assert "PARTIALLY_FILLED" == child.ord_status
        at.exchange.inject(KRAKEN, "outage", for_s=60)
        cancels(at, child.cl_ord_id)
        assert "PARTIALLY_FILLED" == state(at, child.cl_ord_id)
        assert_truth_inside(at)

    @pytest.mark.parametrize("about", Refusal)
    def test_a_cancel_that_is_refused_is_pending_nowhere(self, at: Operator, about: Refusal) -> None:
        ours = rests(at, KRAKEN)
        refused = VenueRejected("EService:Busy", reason_code="busy", about=about)
        assert Exit.UNCERTAIN is cancels_in(at, raising(refused, "cancel"), ours).exit_code
        assert "NEW" == state(at, ours)
        assert "CancelRejected" == story(at, ours)[-1].kind

    @pytest.mark.parametrize("later", ["outage", "http-429"])
    def test_one_that_may_have_arrived_stays_pending(self, at: Operator, later: str) -> None:
        """Nor is it undone by another that has not, and the story says how to ask again."""
        ours = rests(at, KRAKEN)
        assert Exit.UNCERTAIN is cancels_in(at, raising(OutcomeUnknown("reset"), "cancel"), ours).exit_code
        assert "PENDING_CANCEL" == state(at, ours)
        at.exchange.inject(KRAKEN, later, for_s=60)
        cancels(at, ours)
        assert "PENDING_CANCEL" == state(at, ours)
        told = explain_order(at.settings.desk, ours).data
        assert isinstance(told, ExplainResult)
        assert f"mvx reconcile --venue kraken, and mvx cancel {ours} where it is open yet" == told.next

    def test_another_that_left_meanwhile_may_have_arrived(self, at: Operator) -> None:
        """Two ask at once; the first finds no way out, and what became of the second's is not known."""
        ours = rests(at, KRAKEN)
        another = Operator(at.settings, at.clock)

        async def meets(call: str) -> None:
            if call == "cancel":
                lost = raising(OutcomeUnknown("reset"), "cancel")
                in_thread(lambda: cancels_in(another, lost, ours))
                raise VenueUnreachable("connection refused")

        cancels_in(at, meets, ours)
        assert "PENDING_CANCEL" == state(at, ours)


def state(at: Operator, cl_ord_id: ClOrdId) -> str:
    with reading(at.settings) as tx:
        found = views.order(tx, cl_ord_id)
    assert found is not None
    return found.ord_status.value


def story(at: Operator, cl_ord_id: ClOrdId) -> tuple[Event, ...]:
    told = explain_order(at.settings.desk, cl_ord_id).data
    assert isinstance(told, ExplainResult)
    return told.story


def cancels_in(at: Operator, meets: Callable[[str], Awaitable[None]], target: ClOrdId) -> Outcome:
    """A cancel whose every call to kraken meets this first."""
    return at.does(lambda desk: cancel(within(desk, KRAKEN, meets), target, False, ()))


class TestNaming:
    def test_only_the_named_venues_orders(self, at: Operator) -> None:
        here, there = rests(at, KRAKEN), rests(at, OKX)
        assert [here] == list(rows(cancels(at, None, KRAKEN)))
        assert ["NEW"] == statuses(at, OKX)
        assert [there] == list(rows(cancels(at, None, OKX)))

    def test_a_venue_where_it_is_not_is_an_error_and_sends_nothing(self, at: Operator) -> None:
        """An answer of nothing done would read as if it were cancelled."""
        ours = rests(at, KRAKEN)
        with pytest.raises(UsageError, match=f"{ours} has no order at okx, only at kraken"):
            cancels(at, ours, OKX)
        assert ["NEW"] == statuses(at, KRAKEN)

    @pytest.mark.parametrize("name", ["nobody", "p0000000000", "kraken:17", "'; --", "\x1b[2J"])
    def test_what_there_is_not_is_an_error(self, at: Operator, name: str) -> None:
        with pytest.raises(UsageError, match="no parent, order or job") as raised:
            cancels(at, name)
        assert "mvx orders --open" == raised.value.next_step


@pytest.mark.parametrize("moment", ["before cancel", "after cancel", "before open_orders", "after trades"])
def test_two_cancels_at_once_leave_the_truth(at: Operator, moment: str) -> None:
    """The second one acts in the middle of the first one's calls; whoever is later finds it done."""
    rests(at, KRAKEN)
    found: list[Outcome] = []

    def look(venue: Venue, now: str) -> None:
        if not found and now == moment:
            another = Operator(at.settings, at.clock)
            found.append(in_thread(lambda: cancels(another)))

    at.look = look
    outcome = cancels(at)
    at.look = None
    assert [Exit.OK, Exit.OK] == [outcome.exit_code, found[0].exit_code]
    assert ["CANCELED"] == statuses(at, KRAKEN)
    assert_healed(at)


def in_thread(work: Callable[[], Outcome]) -> Outcome:
    """What another process does meanwhile: its event loop can not run inside this one's."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()
