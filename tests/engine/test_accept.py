"""A human's word on one order: `never` is journaled as such, `adopt` takes what the venue's record says."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import ClOrdId, Venue
from mvx.domain.order import Order
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import accept
from mvx.errors import Exit, UsageError
from mvx.journal import views
from tests.engine.desk import KRAKEN, Operator, order, settings
from tests.engine.halting import answer
from tests.engine.truth import assert_healed, assert_verified, last_seq, reading


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    operator = Operator(settings(tmp_path, KRAKEN))
    operator.reconciles()
    return operator


def unknown(at: Operator, kind: str) -> ClOrdId:
    """An order whose sender never learnt what became of it; the venue answers again."""
    at.exchange.inject(KRAKEN, kind)
    at.exchange.inject(KRAKEN, "drop-event", for_s=60)

    def look(venue: Venue, now: str) -> None:
        if now == "after submit":
            at.exchange.inject(KRAKEN, "outage", for_s=60)

    at.look = look
    (child,) = answer(at.routes(order("0.1", max_rounds=1))).children
    at.look = None
    at.exchange.heal(KRAKEN)
    assert child.unknown
    return child.cl_ord_id


def accepts(at: Operator, cl_ord_id: ClOrdId, verdict: str) -> Outcome:
    return at.does(lambda desk: accept(desk, cl_ord_id, verdict))


def known(at: Operator, cl_ord_id: ClOrdId) -> Order:
    with reading(at.settings) as tx:
        found = views.order(tx, cl_ord_id)
    assert found is not None
    return found


def test_an_order_that_the_venue_lists_is_adopted(at: Operator) -> None:
    """It said that the venue lists none, without asking it."""
    ours = unknown(at, "lost-ack")
    outcome = accepts(at, ours, "adopt")
    assert (Exit.BREAKS, ["unknown_resolved"]) == (outcome.exit_code, [each.kind for each in outcome.breaks])
    assert ("FILLED", Decimal("0.1")) == (known(at, ours).ord_status, known(at, ours).filled_qty)
    assert Exit.OK is accepts(at, ours, "adopt").exit_code
    assert_healed(at)


def test_an_order_that_no_list_shows_can_not_be_adopted(at: Operator) -> None:
    """The venue was asked, and the order stays unknown and reserved."""
    ours = unknown(at, "lost-request")
    with pytest.raises(
        UsageError, match=f"kraken lists no order under {ours} that could be adopted"
    ) as raised:
        accepts(at, ours, "adopt")
    assert f"{ours} stays unknown and reserved" == raised.value.known
    assert f"mvx reconcile --order {ours} --accept never, where it never arrived" == raised.value.next_step
    assert any(ours in line for line in raised.value.warnings)
    assert (True, Decimal("0.1")) == (known(at, ours).unknown, known(at, ours).worst_qty)


def test_a_venue_that_does_not_answer_lists_nothing_and_lacks_nothing(at: Operator) -> None:
    ours = unknown(at, "lost-ack")
    at.exchange.inject(KRAKEN, "outage", for_s=60)
    outcome = accepts(at, ours, "adopt")
    assert (Exit.UNCERTAIN, True) == (outcome.exit_code, known(at, ours).unknown)


def test_what_a_human_says_never_arrived_is_reserved_no_more(at: Operator) -> None:
    ours = unknown(at, "lost-request")
    assert Exit.OK is accepts(at, ours, "never").exit_code
    assert (True, "never accepted, by the operator") == (known(at, ours).settled, known(at, ours).reason)
    assert_verified(at.settings)


def test_of_what_the_venue_named_there_is_nothing_to_decide(at: Operator) -> None:
    ours = unknown(at, "lost-ack")
    at.reconciles()
    seq = last_seq(at.settings)
    with pytest.raises(UsageError, match="there is nothing to decide"):
        accepts(at, ours, "never")
    assert seq == last_seq(at.settings)
