"""Every order that inputs can make, met by every input: the whole space, and no sample of it.

From an intent each input is applied to each order that was reached, until nothing new comes. Quantities are
halves of the order's, one and a half at most, and all instants are one, so that the space is finite. A trade
is joined to an order by the venue's name for it, which therefore comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cache, partial
from itertools import product
from typing import NamedTuple

from mvx.domain import order_life
from mvx.domain.ids import OrderId
from mvx.domain.order import Order
from mvx.domain.order_status import TERMINAL, TRANSITIONS, IllegalTransition, OrdStatus
from tests.domain.orders import at, order, report

D = Decimal
HALF, PX, NOW = D("0.5"), D(100), at(9)
V1, V2 = OrderId("V1"), OrderId("V2")
CUMS = ("0", "0.5", "1", "1.5")

WORKING = (OrdStatus.PENDING_NEW, OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED)

Step = Callable[[Order], Order]


class Input(NamedTuple):
    """Something that is heard or decided of an order. `repeats`: a venue, or we, may say it twice."""

    name: str
    step: Step
    repeats: bool = True
    can_be: Callable[[Order], bool] = lambda _: True


INPUTS = (
    Input("begin to send", order_life.sending, can_be=lambda o: o.unsent),
    Input("revoke", lambda o: order_life.revoked(o, "halted", NOW)),
    Input("ack", lambda o: order_life.acked(o, V1)),
    Input("ack of a duplicate", lambda o: order_life.acked(o, V2)),
    Input("refuse", lambda o: order_life.rejected(o, "no funds", NOW)),
    Input("lose the answer", lambda o: order_life.outcome_lost(o, "timeout")),
    Input("ask to cancel", order_life.cancel_requested),
    Input("refuse the cancel", order_life.cancel_rejected),
    *(
        Input(f"record {status} {cum}", partial(order_life.reported, report=report(status, cum), at=NOW))
        for status, cum in product(order_life.SNAPSHOT_EXEC_TYPE, CUMS)
    ),
    *(
        Input(
            f"still open {status} {cum}",
            partial(order_life.reopened, report=report(status, cum)),
            can_be=lambda o: o.order_id is not None and o.terminal,
        )
        for status, cum in ((OrdStatus.NEW, "0"), (OrdStatus.PARTIALLY_FILLED, "0.5"))
    ),
    Input(
        "list a trade",
        lambda o: order_life.filled(o, HALF, HALF * PX, NOW),
        repeats=False,
        can_be=lambda o: o.order_id is not None and o.filled_qty + o.busted_qty < D("1.5"),
    ),
    Input(
        "take a trade back",
        lambda o: order_life.busted(o, HALF, HALF * PX),
        repeats=False,
        can_be=lambda o: o.filled_qty > 0,
    ),
    Input(
        "push a trade",
        lambda o: order_life.heard(order_life.acked(o, V1), HALF, HALF * PX, NOW),
        repeats=False,
        can_be=lambda o: o.heard_qty == 0,
    ),
    Input(
        "unhear it",
        lambda o: order_life.unheard(o, HALF, HALF * PX),
        repeats=False,
        can_be=lambda o: o.heard_qty > 0,
    ),
    Input("miss it", lambda o: order_life.absent(o, NOW)),
    Input("settle", order_life.settled, can_be=lambda o: o.terminal and not o.claimed_qty),
)


class Move(NamedTuple):
    """One input met by one order, and what became of it; `absurd`: the table has no row for it."""

    before: Order
    input: Input
    after: Order
    absurd: bool = False


def is_reopening(move: Move) -> bool:
    """The one input by which an order that had ended goes on."""
    return move.input.name.startswith("still open")


@cache
def moves() -> tuple[Move, ...]:
    """Every one that there is."""
    intent = order(sending=False)
    reached, new, found = {intent}, [intent], []
    while new:
        before = new.pop()
        for each in INPUTS:
            if not each.can_be(before):
                continue
            try:
                after = replace(each.step(before), reason="")  # one for all: nothing depends on it
            except IllegalTransition:
                found.append(Move(before, each, before, absurd=True))
                continue
            found.append(Move(before, each, after))
            if after not in reached:
                reached.add(after)
                new.append(after)
    return tuple(found)


def violations(holds: Callable[[Move], bool]) -> list[Move]:
    return [move for move in moves() if not holds(move)][:3]


def test_the_space_is_whole() -> None:
    """Every state is reached, and every input is met."""
    assert set(OrdStatus) == {move.before.ord_status for move in moves()}
    assert {each.name for each in INPUTS} == {move.input.name for move in moves()}
    assert len({move.before for move in moves()}) > 2_000


def test_nothing_is_absurd_but_a_refusal_of_what_filled_in_part() -> None:
    """Reconciliation turns that into a break; every other input can be heard in every state."""
    absurd = {(m.before.ord_status, m.input.name.rpartition(" ")[0]) for m in moves() if m.absurd}
    assert {(OrdStatus.PARTIALLY_FILLED, "record REJECTED")} == absurd


def test_every_move_between_states_is_a_row_of_the_table() -> None:
    """Or two, where a record tells of more than one event; or the way back from a cancel that came to
    nothing, or from an end that was none, which no execution report tells."""
    rows = {(status, then) for (status, _), then in TRANSITIONS.items()}
    back = {(OrdStatus.PENDING_CANCEL, then) for then in WORKING}
    on = set(product(TERMINAL, (OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED)))

    def is_row(move: Move) -> bool:
        legal = on if is_reopening(move) else back if move.input.name == "refuse the cancel" else rows
        between = (move.before.ord_status, move.after.ord_status)
        return between[0] is between[1] or between in legal

    assert [] == violations(is_row)


def test_a_cancel_that_came_to_nothing_leaves_the_order_as_it_was() -> None:
    """Nothing but its state moved, and that moved back: to NEW only where it is named and nothing of it
    filled."""

    def is_back(move: Move) -> bool:
        before = move.before
        asked_and_refused = order_life.cancel_rejected(move.after)
        traded = before.cum_qty or before.filled_qty or before.busted_qty
        fits = (before.ord_status is OrdStatus.PARTIALLY_FILLED) is bool(traded)
        if move.input.name != "ask to cancel" or before.ord_status not in WORKING or not fits:
            return True
        return asked_and_refused == before

    assert [] == violations(is_back)


def test_a_cancel_that_was_not_asked_for_can_not_be_refused() -> None:
    def holds(move: Move) -> bool:
        before, after = move.before, move.after
        if move.input.name != "refuse the cancel" or after == before:
            return True
        only_its_state = after == replace(before, ord_status=after.ord_status)
        return only_its_state and before.ord_status is OrdStatus.PENDING_CANCEL

    assert [] == violations(holds)


def test_what_is_said_twice_says_nothing_the_second_time() -> None:
    assert [] == violations(
        lambda m: m.absurd or not m.input.repeats or replace(m.input.step(m.after), reason="") == m.after
    )


def test_an_order_has_ended_at_some_time_or_has_not_ended() -> None:
    assert [] == violations(lambda m: (m.after.terminal_at is not None) is (m.after.ord_status in TERMINAL))


def test_what_may_still_fill_is_reserved_until_it_is_settled() -> None:
    """Whatever the state says: the order's whole quantity, and what the venue claims beyond. Trades that its
    record does not count take nothing off that."""

    def is_reserved(move: Move) -> bool:
        it = move.after
        counted_qty = min(it.filled_qty, it.cum_qty)
        return it.settled or counted_qty + it.worst_qty >= max(it.order_qty, it.cum_qty)

    assert [] == violations(is_reserved)


def test_only_a_settled_order_is_free_and_it_is_refused_or_complete() -> None:
    """Refused before the venue named it, or ended with every trade that its record claims."""

    def is_free(move: Move) -> bool:
        it = move.after
        refused = it.ord_status is OrdStatus.REJECTED and it.cum_qty <= it.filled_qty + it.busted_qty
        return not it.settled or (it.worst_qty == 0 and (refused or (it.terminal and not it.claimed_qty)))

    assert [] == violations(is_free)


def test_an_order_that_goes_on_is_held_again() -> None:
    """A settled order of which anything more is heard that it did not know is settled no more; a trade that
    was taken back, or only pushed, frees nothing and binds nothing."""

    def is_held(move: Move) -> bool:
        before, after = move.before, move.after
        more = (after.cum_qty > before.cum_qty) or (after.filled_qty > before.filled_qty)
        return not (more and after.settled)

    assert [] == violations(is_held)


def test_trades_and_claims_never_shrink_but_by_a_bust() -> None:
    """Nor the claims but by the record of an order that goes on."""

    def grows(move: Move) -> bool:
        before, after = move.before, move.after
        grown = after.cum_qty >= before.cum_qty or is_reopening(move)
        return move.input.name == "take a trade back" or (grown and after.filled_qty >= before.filled_qty)

    assert [] == violations(grows)


def test_a_claim_is_never_less_than_the_trades() -> None:
    """But by what the record of an order that went on did not count; no trade adds to that."""
    assert [] == violations(lambda m: is_reopening(m) or m.after.uncounted_qty <= m.before.uncounted_qty)


def test_a_bust_of_what_the_record_does_not_count_leaves_the_record() -> None:
    def stands(move: Move) -> bool:
        before, after = move.before, move.after
        if move.input.name != "take a trade back" or before.uncounted_qty < HALF:
            return True
        return (after.cum_qty, after.busted_qty) == (before.cum_qty, before.busted_qty)

    assert [] == violations(stands)
    assert any(move.before.uncounted_qty for move in moves())


def test_the_first_name_stays() -> None:
    """But the venue's own record has the last word on it."""
    assert [] == violations(
        lambda m: (
            m.before.order_id in (None, m.after.order_id) or m.input.name.startswith(("record", "still"))
        )
    )


def test_what_the_venue_named_is_not_in_question() -> None:
    assert [] == violations(lambda m: m.after.order_id is None or not m.after.unknown)


def test_what_is_being_sent_is_never_revoked() -> None:
    """And what was given up is never sent: it is no intent any more."""

    def holds(move: Move) -> bool:
        if move.input.name == "revoke" and move.before.sending:
            return move.after == move.before
        return move.input.name != "begin to send" or move.before.ord_status is OrdStatus.PENDING_NEW

    assert [] == violations(holds)


def test_an_order_that_filled_whole_stays_filled() -> None:
    """Unless the venue goes on listing it as open."""
    filled = OrdStatus.FILLED
    assert [] == violations(
        lambda m: m.before.ord_status is not filled or m.after.ord_status is filled or is_reopening(m)
    )


def test_an_intent_never_changes() -> None:
    """What was committed before it was sent is what it is judged by."""

    def same(move: Move) -> bool:
        progress = {name: getattr(move.before, name) for name in PROGRESS}
        return replace(move.after, **progress) == move.before

    assert [] == violations(same)


PROGRESS = (
    "sending", "ord_status", "unknown", "settled", "reason", "order_id", "cum_qty", "avg_px", "filled_qty",
    "filled_notional", "busted_qty", "heard_qty", "heard_notional", "terminal_at", "absent_since",
)  # fmt: skip
