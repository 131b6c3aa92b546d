"""Intents that nobody began to send: given up at once, without a word to or from the venue."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mvx.domain import entries as log
from mvx.domain.exposure import Interval
from mvx.domain.order import Order, TimeInForce
from mvx.domain.order_status import OrdStatus
from tests.domain.orders import BTC, BUY, fill, report
from tests.reconciliation.desk import BOUND_S, Desk, kinds, opened, reading, with_terms, written

D = Decimal
S = OrdStatus
UNTOUCHED = {"BTC": "10", "USD": "1000"}


def empty(began_s: float, **more: Any) -> Any:
    return reading(began_s, totals=UNTOUCHED, **more)


def intended(desk: Desk, **more: Any) -> Order:
    """Committed at 0 s with a deadline of 5 s, and not being sent yet."""
    return desk.intend(BUY, sending=False, **more)


def test_an_intent_whose_worker_is_gone_is_given_up_at_once() -> None:
    """No break, for nothing differs; no waiting, for nothing was sent."""
    desk = opened()
    sent = intended(desk)
    found = desk.once(empty(1))
    assert (kinds(found), written(found), found.pending) == ([], ["Revoked"], ())
    known = desk.order(sent)
    assert (S.REJECTED, True, "revoked: whoever was to send it is gone") == (
        known.ord_status, known.settled, known.reason,
    )  # fmt: skip
    assert desk.interval(BTC) == Interval(D(10), D(10))


@pytest.mark.parametrize(("began_s", "given_up"), [(4.999999, False), (5, True)])
def test_an_intent_is_given_up_at_its_deadline_whoever_works_it(began_s: float, given_up: bool) -> None:
    """From then on its worker sends nothing of it. Before, it is nobody's uncertainty."""
    desk = opened()
    sent = intended(desk)
    found = desk.once(empty(began_s), [sent])
    assert (written(found), found.pending, found.agreed) == (["Revoked"] * given_up, (), True)
    assert desk.order(sent).unsent is not given_up


def test_an_intent_that_is_being_sent_is_not_given_up() -> None:
    """Marked before dispatch: from here on only the venue's lists can tell."""
    desk = opened()
    sent = intended(desk, time_in_force=TimeInForce.IOC)
    desk.append(log.Sending(sent.cl_ord_id))
    found = desk.once(empty(6))
    assert (written(found), len(found.pending)) == ([], 1)
    assert written(desk.once(empty(BOUND_S))) == ["NeverAccepted"]


@pytest.mark.parametrize("terms", [{"closed_orders_complete": False}, {"accept_lateness_s": 600.0}])
def test_giving_up_waits_for_no_bound_of_the_venue(terms: dict[str, Any]) -> None:
    """What the venue can prove has nothing to do with it."""
    desk = with_terms(**terms)
    intended(desk)
    assert written(desk.once(empty(1))) == ["Revoked"]


def test_an_intent_that_was_cancelled_before_it_was_sent_is_given_up() -> None:
    """Nobody sends it any more, whatever its state is called."""
    desk = opened()
    sent = intended(desk)
    desk.append(log.CancelRequested(sent.cl_ord_id))
    found = desk.once(empty(1))
    assert (written(found), desk.order(sent).ord_status, desk.order(sent).settled) == (
        ["Revoked"],
        S.REJECTED,
        True,
    )


def test_an_intent_is_given_up_once() -> None:
    """Also where a refusal is listed under its id: somebody else's request had it too."""
    desk = opened()
    sent = intended(desk)
    desk.once(empty(1))
    assert written(desk.once(empty(7, closed=[report(S.REJECTED, of=sent)]))) == []


def test_an_outdated_reading_gives_up_too() -> None:
    """It is no conclusion from what was read."""
    desk = opened()
    desk.apply(empty(9))
    intended(desk)
    assert written(desk.once(empty(3))) == ["Revoked"]


def test_an_unsent_intent_owns_no_trade() -> None:
    """A trade beside it is somebody else's, and waits for nothing."""
    desk = opened()
    sent = intended(desk)
    bought = {"BTC": "10.5", "USD": "950"}
    found = desk.once(reading(3, totals=bought, trades=[fill("0.5", order_id="X")]), [sent])
    assert (kinds(found), found.reach_back, found.agreed) == (["foreign_fill"], False, True)


def test_a_refused_order_owns_no_trade() -> None:
    """The venue lists the refusal, and a trade of the same market and side beside it."""
    desk = opened()
    sent = desk.intend(BUY)
    desk.append(log.Rejected(sent.cl_ord_id, "no funds"))
    totals, refusal = {"BTC": "10.5", "USD": "950"}, report(S.REJECTED, of=sent)
    found = desk.once(reading(3, totals=totals, closed=[refusal], trades=[fill("0.5", order_id="X")]))
    assert (kinds(found), found.reach_back, found.agreed) == (["foreign_fill"], False, True)


def test_an_intent_that_the_venue_lists_was_sent_by_somebody() -> None:
    """A copy of the journal at work elsewhere: the venue is right, and it is loud."""
    desk = opened()
    sent = intended(desk)
    found = desk.once(empty(3, open_orders=[report(S.NEW, of=replace(sent, sending=True))]))
    assert (kinds(found), desk.order(sent).ord_status) == (["unknown_resolved"], S.NEW)
