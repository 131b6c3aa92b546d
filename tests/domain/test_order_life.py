"""What each input does to an order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvx.domain import order_life
from mvx.domain.ids import OrderId
from mvx.domain.order import Order, average_px
from mvx.domain.order_status import TERMINAL, OrdStatus
from tests.domain.orders import at, order, report

S = OrdStatus
V1 = OrderId("V1")


def named(status: OrdStatus, cum: str = "0", **progress: object) -> Order:
    """An order that the venue has named, with all trades that it claims."""
    qty = Decimal(cum)
    return order(
        ord_status=status,
        order_id=V1,
        cum_qty=qty,
        avg_px=Decimal(100) if qty else None,
        filled_qty=qty,
        filled_notional=qty * 100,
        terminal_at=at(3) if status in TERMINAL else None,
        **progress,
    )


def fill_it(before: Order, qty: str, px: str = "100", seconds: float = 9) -> Order:
    return order_life.filled(before, Decimal(qty), Decimal(qty) * Decimal(px), at(seconds))


def test_an_ack_names_the_order_and_opens_it() -> None:
    """The first ack turns an intent into a new order that is no longer in question."""
    lost = order_life.outcome_lost(order(), "timeout")
    assert order_life.acked(lost, V1) == replace(order(reason="timeout"), order_id=V1, ord_status=S.NEW)


@pytest.mark.parametrize(
    "status", [S.NEW, S.PARTIALLY_FILLED, S.FILLED, S.PENDING_CANCEL, S.CANCELED, S.EXPIRED]
)
def test_a_late_ack_only_adds_the_name(status: OrdStatus) -> None:
    """An ack that arrives after the order went on moves no state."""
    before = order(ord_status=status, cum_qty=Decimal("0.5"), filled_qty=Decimal("0.5"))
    assert order_life.acked(before, V1) == replace(before, order_id=V1)


def test_a_second_name_does_not_replace_the_first() -> None:
    """Its trades are joined by the name that the venue's record gave it: a late ack of a duplicate
    does not take it away."""
    assert order_life.acked(named(S.NEW), OrderId("V2")).order_id == V1


def test_an_ack_does_not_reopen_what_the_venue_s_own_record_refused() -> None:
    """Acked, then refused by the matching engine: the record named it, so a late or repeated ack adds
    nothing."""
    refused = order_life.reported(order(), report(S.REJECTED), at(3))
    assert order_life.acked(refused, V1) == refused


def test_an_ack_of_an_order_thought_refused_takes_its_reservation_up_again() -> None:
    """The venue accepted it after all: it can fill, so it is reserved until settled."""
    refused = order_life.rejected(order(), "never accepted, by the operator", at(2))
    assert order_life.acked(refused, V1).worst_qty == Decimal(1)


def test_a_refusal_settles_at_once() -> None:
    """A definite refusal is terminal and frees the reservation."""
    refused = order_life.rejected(order(unknown=True), "no funds", at(2))
    assert (refused.ord_status, refused.settled, refused.unknown, refused.reason, refused.worst_qty) == (
        S.REJECTED,
        True,
        False,
        "no funds",
        Decimal(0),
    )


def test_what_never_left_was_not_sent() -> None:
    """Given up like a refused one; what the venue listed meanwhile stands."""
    gone = order_life.never_left(order_life.sending(order()), "connection refused", at(2))
    assert (S.REJECTED, True, False) == (gone.ord_status, gone.settled, gone.sending)
    assert named(S.NEW) == order_life.never_left(named(S.NEW), "connection refused", at(2))


@pytest.mark.parametrize("status", [s for s in S if s is not S.PENDING_NEW])
def test_a_refusal_does_not_undo_what_the_venue_listed(status: OrdStatus) -> None:
    """The venue's record outranks an answer that arrives late."""
    before = named(status)
    assert order_life.rejected(before, "duplicate id", at(9)) == before


@pytest.mark.parametrize("status", [s for s in S if s is not S.PENDING_NEW])
def test_a_lost_answer_does_not_undo_what_the_venue_listed(status: OrdStatus) -> None:
    """An order that the venue named is not unknown any more."""
    before = named(status)
    assert order_life.outcome_lost(before, "timeout") == before


def test_a_lost_answer_leaves_the_reservation_whole() -> None:
    """Unknown is a state: the worst case stays reserved."""
    lost = order_life.outcome_lost(order(), "timeout")
    assert (lost.unknown, lost.worst_qty, lost.ord_status) == (True, Decimal(1), S.PENDING_NEW)


@pytest.mark.parametrize(
    ("status", "behind"),
    [
        (S.PARTIALLY_FILLED, S.NEW),
        (S.PENDING_CANCEL, S.NEW),
        (S.PENDING_CANCEL, S.PARTIALLY_FILLED),
        *((closed, older) for closed in (S.FILLED, S.CANCELED, S.EXPIRED) for older in (S.NEW, S.FILLED)),
        *((closed, S.PARTIALLY_FILLED) for closed in (S.FILLED, S.CANCELED, S.EXPIRED)),
        (S.FILLED, S.CANCELED),
        (S.REJECTED, S.REJECTED),
    ],
)
def test_a_regressive_snapshot_changes_nothing(status: OrdStatus, behind: OrdStatus) -> None:
    """A record that is behind what we know moves neither state nor numbers."""
    before = named(status, "0.5" if status is not S.REJECTED else "0", settled=status in TERMINAL)
    cum = "0" if behind in (S.NEW, S.REJECTED) else "0.2"
    assert order_life.reported(before, report(behind, cum), at(9)) == before


@pytest.mark.parametrize("status", [S.NEW, S.PENDING_NEW])
@pytest.mark.parametrize("terminal", sorted(TERMINAL))
def test_the_first_terminal_record_starts_the_wait(status: OrdStatus, terminal: OrdStatus) -> None:
    """A closed order is dated by when we heard of it, and is not settled by that alone."""
    moved = order_life.reported(order(ord_status=status), report(terminal), at(9))
    assert (moved.ord_status, moved.terminal_at, moved.settled) == (terminal, at(9), False)


def test_a_repeated_terminal_record_does_not_move_the_date() -> None:
    """Hearing the same end again does not start the wait again."""
    once = order_life.reported(named(S.NEW), report(S.CANCELED), at(9))
    assert order_life.reported(once, report(S.CANCELED), at(20)) == once


@pytest.mark.parametrize("alive", [S.NEW, S.PARTIALLY_FILLED])
def test_a_refused_order_that_the_venue_shows_alive_is_reserved_again(alive: OrdStatus) -> None:
    """The venue's record of a living order outranks a refusal: its worst case is held again."""
    refused = order_life.rejected(order(), "never accepted", at(2))
    moved = order_life.reported(refused, report(alive), at(9))
    assert (moved.ord_status, moved.settled, moved.terminal_at, moved.worst_qty) == (
        alive,
        False,
        None,
        Decimal(1),
    )


@pytest.mark.parametrize("status", [S.FILLED, S.CANCELED, S.EXPIRED])
def test_a_refused_order_that_the_venue_shows_filled_is_held_until_its_trades_are_listed(
    status: OrdStatus,
) -> None:
    """Settled means that the trades sum to the record's cum_qty: a claim beyond them unsettles."""
    refused = order_life.rejected(order(), "never accepted", at(2))
    moved = order_life.reported(refused, report(status, "1"), at(9))
    assert (moved.settled, moved.worst_qty) == (False, Decimal(1))


def test_a_record_that_claims_more_than_the_trades_unsettles_the_order() -> None:
    """A late fill that the order's record shows first takes the reservation up again."""
    before = named(S.CANCELED, "0.4", settled=True)
    moved = order_life.reported(before, report(S.CANCELED, "0.6"), at(9))
    assert (moved.cum_qty, moved.settled, moved.worst_qty) == (Decimal("0.6"), False, Decimal("0.6"))


def test_a_record_that_claims_more_than_the_order_widens_the_worst_case() -> None:
    """An overfill that the record shows before the trades do is held at what it claims."""
    moved = order_life.reported(named(S.NEW), report(S.FILLED, "1.2"), at(9))
    assert moved.worst_qty == Decimal("1.2")


@pytest.mark.parametrize("status", [s for s in S if s is not S.PENDING_CANCEL])
def test_partial_fills_move_what_they_may(status: OrdStatus) -> None:
    """A partial fill opens a refused order and leaves a closed one closed."""
    expected = status if status in TERMINAL - {S.REJECTED} else S.PARTIALLY_FILLED
    assert fill_it(named(status), "0.3").ord_status is expected


@pytest.mark.parametrize("status", [S.CANCELED, S.EXPIRED, S.FILLED])
def test_a_late_fill_on_a_settled_order_unsettles_it_and_restarts_the_wait(status: OrdStatus) -> None:
    """After a late fill another may come: the wait begins at the time it was heard."""
    moved = fill_it(named(status, "0.4", settled=True), "0.2", seconds=60)
    assert (moved.settled, moved.terminal_at, moved.cum_qty) == (False, at(60), Decimal("0.6"))


def test_a_fill_on_a_closed_order_that_is_not_settled_keeps_its_date() -> None:
    """Trades listed within the wait do not prolong it."""
    assert fill_it(named(S.CANCELED), "0.2", seconds=4).terminal_at == at(3)


def test_an_overfill_is_booked_whole() -> None:
    """The venue is right about what filled: nothing of it is cut, and nothing is left to fill."""
    moved = fill_it(named(S.FILLED, "1"), "0.5")
    assert (moved.filled_qty, moved.cum_qty, moved.worst_qty) == (Decimal("1.5"), Decimal("1.5"), Decimal(0))


@pytest.mark.parametrize("status", S)
def test_a_cancel_is_asked_for_an_open_order_only(status: OrdStatus) -> None:
    """Asking to cancel a closed order changes nothing."""
    moved = order_life.cancel_requested(named(status))
    assert moved.ord_status is (status if status in TERMINAL else S.PENDING_CANCEL)


@pytest.mark.parametrize("step", ["reported", "filled"])
def test_an_order_that_shows_again_is_not_absent(step: str) -> None:
    """What the venue lists ends the count of reads that missed it."""
    missed = order_life.absent(named(S.NEW), at(3))
    moved = fill_it(missed, "0.1") if step == "filled" else order_life.reported(missed, report(S.NEW), at(9))
    assert moved.absent_since is None


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ack"), st.none(), st.just("0")),
        st.tuples(st.just("lost"), st.none(), st.just("0")),
        st.tuples(st.just("refuse"), st.none(), st.just("0")),
        st.tuples(st.just("cancel"), st.none(), st.just("0")),
        st.tuples(st.just("no cancel"), st.none(), st.just("0")),
        st.tuples(st.just("fill"), st.none(), st.sampled_from(["0.1", "0.5", "1"])),
        st.tuples(st.just("report"), st.sampled_from([S.NEW, S.CANCELED, S.FILLED, S.EXPIRED]),
                  st.sampled_from(["0", "0.5", "1"])),
    ),
    max_size=8,
)  # fmt: skip


@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_no_sequence_of_inputs_frees_what_may_still_fill(
    steps: list[tuple[str, OrdStatus | None, str]],
) -> None:
    """Whatever arrives in whatever order: settled means that the listed trades equal the claim, and
    neither claim nor trades ever shrink."""
    known = order()
    for second, (kind, status, qty) in enumerate(steps):
        before = known
        if kind == "ack":
            known = order_life.acked(known, V1)
        elif kind == "lost":
            known = order_life.outcome_lost(known, "timeout")
        elif kind == "refuse":
            known = order_life.rejected(known, "refused", at(second))
        elif kind == "cancel":
            known = order_life.cancel_requested(known)
        elif kind == "no cancel":
            known = order_life.cancel_rejected(known)
        elif kind == "fill":
            known = fill_it(replace(known, order_id=V1), qty, seconds=second)
        elif status is not None:
            known = order_life.reported(known, report(status, qty), at(second))
        assert known.cum_qty >= max(before.cum_qty, known.filled_qty)
        assert (known.terminal_at is not None) is known.terminal
        assert not known.settled or known.trades_complete


@pytest.mark.parametrize(
    ("record", "cum", "settled"),
    [("0", "0", True), ("0.5", "0", True), ("0.7", "0.7", False)],
    ids=["without what was taken back", "with it", "with more"],
)
def test_a_record_that_goes_on_counting_a_bust_is_no_news(record: str, cum: str, settled: bool) -> None:
    """Venues differ; what is settled stays so, unless the record claims more than was ever listed."""
    before = order_life.busted(named(S.CANCELED, "0.5", settled=True), Decimal("0.5"), Decimal(50))
    after = order_life.reported(before, report(S.CANCELED, record), at(9))
    assert (Decimal(cum), settled) == (after.cum_qty, after.settled)
    assert Decimal("0.2") * (not settled) == after.claimed_qty


@pytest.mark.parametrize(
    ("status", "cum", "filled", "busted", "complete"),
    [
        (S.CANCELED, "0.5", "0.5", "0", True),
        (S.CANCELED, "0.6", "0.5", "0", False),
        (S.CANCELED, "0.7", "0.5", "0.2", True),
        (S.CANCELED, "0.71", "0.5", "0.2", False),
        (S.CANCELED, "0.4", "0.5", "0.2", False),
        (S.PARTIALLY_FILLED, "0.5", "0.5", "0", False),
    ],
)
def test_the_trades_are_complete_of_a_closed_order_whose_claim_they_explain(
    status: OrdStatus, cum: str, filled: str, busted: str, complete: bool
) -> None:
    """With or without what was taken back: venues differ on whether that stays in what an order claims."""
    numbers = {"cum_qty": Decimal(cum), "filled_qty": Decimal(filled), "busted_qty": Decimal(busted)}
    known = order(ord_status=status, **numbers)
    assert known.trades_complete is complete
    assert known.residual_worst_qty == (Decimal(0) if complete else known.worst_qty)


@pytest.mark.parametrize(
    ("numbers", "worst"),
    [
        ({"cum_qty": "1.3"}, "1.3"),
        ({"cum_qty": "0.5", "filled_qty": "0.5", "heard_qty": "0.7"}, "0.7"),
        ({"heard_qty": "0.7"}, "1"),
    ],
)
def test_an_overfill_that_was_claimed_or_pushed_is_reserved(numbers: dict[str, str], worst: str) -> None:
    """Beyond its quantity of 1 an order may fill what the venue says that it did."""
    told = {name: Decimal(number) for name, number in numbers.items()}
    assert order(**told).worst_qty == Decimal(worst)


def test_an_average_price_is_that_of_the_trades_and_before_they_are_listed_the_record_s() -> None:
    claimed = order(cum_qty=Decimal("0.3"), avg_px=Decimal(99))
    listed = replace(claimed, filled_qty=Decimal("0.3"), filled_notional=Decimal(29))
    assert [average_px(each) for each in (order(), claimed, listed)] == [None, 99, Decimal("96.6666666667")]


def test_an_answer_that_is_lost_after_a_refusal_changes_nothing() -> None:
    """It was proven never accepted, or given up by a human, before its sender heard nothing."""
    refused = order_life.rejected(order(), "never accepted", at(12))
    assert order_life.outcome_lost(refused, "timeout") == refused


def test_a_record_that_counts_more_brings_its_own_average_price() -> None:
    first = order_life.reported(order(), report(S.PARTIALLY_FILLED, "0.3", avg_px="100"), at(3))
    second = order_life.reported(first, report(S.PARTIALLY_FILLED, "0.7", avg_px="99"), at(4))
    assert (second.cum_qty, second.avg_px) == (Decimal("0.7"), Decimal(99))


def test_what_was_paid_is_the_sum_of_the_trades_that_stand() -> None:
    """0.5 at 100 and 0.3 at 90; then the first is taken back."""
    both = fill_it(fill_it(named(S.NEW), "0.5"), "0.3", "90")
    assert (both.filled_qty, both.filled_notional) == (Decimal("0.8"), Decimal(77))
    back = order_life.busted(both, Decimal("0.5"), Decimal(50))
    assert (back.filled_qty, back.filled_notional, back.cum_qty) == (
        Decimal("0.3"),
        Decimal(27),
        Decimal("0.3"),
    )


def test_what_first_contact_had_counted_was_paid_at_the_record_s_average() -> None:
    claiming = order(cum_qty=Decimal("0.5"), avg_px=Decimal(98))
    known = order_life.counted_before(claiming, Decimal("0.5"))
    assert (known.filled_qty, known.filled_notional, known.claimed_qty) == (Decimal("0.5"), 49, 0)


def test_a_bust_takes_no_more_from_a_claim_than_there_is() -> None:
    """The record was behind its trades."""
    behind = order(cum_qty=Decimal("0.2"), filled_qty=Decimal("0.5"), filled_notional=Decimal(50))
    assert order_life.busted(behind, Decimal("0.5"), Decimal(50)).cum_qty == 0


def test_an_order_that_filled_is_known() -> None:
    assert not fill_it(order(unknown=True), "0.5").unknown


def test_what_was_pushed_and_is_superseded_leaves_nothing_expected() -> None:
    pushed = order_life.heard(order(), Decimal("0.5"), Decimal("49.5"), at(1))
    assert (pushed.heard_qty, pushed.heard_notional) == (Decimal("0.5"), Decimal("49.5"))
    gone = order_life.unheard(pushed, Decimal("0.5"), Decimal("49.5"))
    assert (gone.heard_qty, gone.heard_notional) == (0, 0)


def test_a_fill_that_is_pushed_takes_a_settled_order_up_again() -> None:
    """What it brought is reserved until the record tells, and its parent sends it to nobody else."""
    done = order_life.settled(order_life.rejected(order(), "no", at(1)))
    pushed = order_life.heard(done, Decimal("0.5"), Decimal("49.5"), at(9))
    assert (pushed.settled, pushed.terminal_at, pushed.worst_qty) == (False, at(9), done.order_qty)
    assert (done.residual_worst_qty, pushed.residual_worst_qty) == (0, done.order_qty)
    assert order_life.unheard(pushed, Decimal("0.5"), Decimal("49.5")).terminal_at == at(9)
