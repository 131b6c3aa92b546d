"""What a client hears of each fault, and what the venue then holds: at most one acceptance, always."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import NamedTuple

import pytest

from mvx.domain.instant import seconds_between
from mvx.errors import OutcomeUnknown, Refusal, VenueError, VenueRejected, VenueUnreachable
from tests.contract.rigs import RIGS, Rig
from tests.contract.venue import (
    BEGINNING,
    BTC_USD,
    Ask,
    Order,
    accepted,
    assert_lists_tell_the_truth,
    cancel,
    closed_orders,
    offered,
    private_reads,
    public_reads,
    rest,
    submit,
    trades,
    working,
    writes,
)


class Effect(NamedTuple):
    """What a call raises (None: it is answered), after how long, and how many acceptances (of a submit) or
    open orders (of a cancel) the venue holds then and in the end."""

    raises: type[VenueError] | None
    after_s: float
    then: int
    finally_: int


BROKEN = ("http-503-after", "reset-after", "html-200", "empty-200", "truncated", "no-id")
#: These change nothing of the answer to one request.
AT_THE_VENUE = (
    *("late-trade", "stale-order", "not-found", "late-fill", "partial", "bust"),
    *("duplicate-event", "drop-event", "reorder-event", "clock-skew", "base-fee", "token-fee"),
)
SUBMIT = {
    "lost-request": Effect(OutcomeUnknown, 1, 0, 0),
    "late-request": Effect(OutcomeUnknown, 1, 0, 1),
    "lost-ack": Effect(OutcomeUnknown, 1, 1, 1),
    "late-ack": Effect(OutcomeUnknown, 1, 1, 1),
    "http-429": Effect(VenueRejected, 0, 0, 0),
    "http-503-before": Effect(OutcomeUnknown, 0, 0, 0),
    **dict.fromkeys(BROKEN, Effect(OutcomeUnknown, 0, 1, 1)),
    "outage": Effect(VenueUnreachable, 0, 0, 0),
    "hang": Effect(OutcomeUnknown, 1, 0, 0),
    "maintenance": Effect(VenueRejected, 0, 0, 0),
    "key-revoked": Effect(VenueRejected, 0, 0, 0),
    **dict.fromkeys(AT_THE_VENUE, Effect(None, 0, 1, 1)),
}
CANCEL = {
    "lost-request": Effect(OutcomeUnknown, 1, 1, 1),
    "late-request": Effect(OutcomeUnknown, 1, 1, 0),
    "lost-ack": Effect(OutcomeUnknown, 1, 0, 0),
    "late-ack": Effect(OutcomeUnknown, 1, 0, 0),
    "http-429": Effect(VenueRejected, 0, 1, 1),
    "http-503-before": Effect(OutcomeUnknown, 0, 1, 1),
    **dict.fromkeys(BROKEN, Effect(OutcomeUnknown, 0, 0, 0)),
    "outage": Effect(VenueUnreachable, 0, 1, 1),
    "hang": Effect(OutcomeUnknown, 1, 1, 1),
    "maintenance": Effect(VenueRejected, 0, 1, 1),
    "key-revoked": Effect(VenueRejected, 0, 1, 1),
    **dict.fromkeys(AT_THE_VENUE, Effect(None, 0, 0, 0)),
}
ON_THE_WAY = tuple(kind for kind, effect in SUBMIT.items() if effect.raises)
UNKNOWN = tuple(kind for kind, effect in SUBMIT.items() if effect.raises is OutcomeUnknown)
#: What lasts until it is healed hits every call; the others hit a counted number of writes.
LASTS = ("outage", "hang", "maintenance", "key-revoked")
ABOUT = {
    "http-429": Refusal.THROTTLED,
    "maintenance": Refusal.CLOSED,
    "key-revoked": Refusal.FORBIDDEN,
}


#: Longer than an adapter lets a venue alone that said that it is asked too much (calls.py, PENALTY_S).
LET_ALONE_S = 6.0


def effect_of(rig: Rig, kind: str, asked: str = "submit") -> Effect:
    """What the table says, but for this venue's own way."""
    effect = (CANCEL if asked == "cancel" else SUBMIT)[kind]
    return effect._replace(raises=rig.habits.hears.get((kind, asked), effect.raises))


def assert_effect(rig: Rig, effect: Effect, ask: Ask) -> None:
    """The call ends in time with its class."""
    began = rig.clock.now()
    if effect.raises:
        with pytest.raises(effect.raises):
            rig.clock.run(ask())
    else:
        rig.clock.run(ask())
    assert effect.after_s == seconds_between(began, rig.clock.now())
    assert effect.after_s <= rig.venue.capabilities.timeout_s


def test_every_fault_on_offer_is_under_contract(rig: Rig) -> None:
    """A new kind needs a row for submit and one for cancel."""
    assert set(rig.fault_kinds) <= set(SUBMIT)
    assert set(SUBMIT) == set(CANCEL)
    assert RIGS


@pytest.mark.parametrize("kind", SUBMIT)
def test_a_fault_has_one_outcome_and_at_most_one_acceptance(rig: Rig, order: Order, kind: str) -> None:
    """Nothing is ever sent twice."""
    rig.inject(offered(rig, kind))
    request = order()
    assert_effect(rig, effect_of(rig, kind), lambda: rig.venue.submit(request))
    assert SUBMIT[kind].then == accepted(rig)
    rig.clock.advance(60)
    assert SUBMIT[kind].finally_ == accepted(rig)


@pytest.mark.parametrize("kind", CANCEL)
def test_a_cancel_has_one_outcome_and_only_a_request_that_arrives_cancels(
    rig: Rig, order: Order, kind: str
) -> None:
    """By the client's id, of an order that rests."""
    resting = rest(rig, order)
    rig.inject(offered(rig, kind))
    effect = effect_of(rig, kind, "cancel")
    assert_effect(rig, effect, lambda: rig.venue.cancel(resting.symbol, resting.cl_ord_id, None))
    assert CANCEL[kind].then == working(rig)
    rig.clock.advance(60)
    assert CANCEL[kind].finally_ == working(rig)


@pytest.mark.parametrize("kind", ON_THE_WAY)
def test_a_fault_for_a_time_hits_reads_too_and_says_the_same_of_them(
    rig: Rig, order: Order, kind: str
) -> None:
    """A dead network, a venue in trouble: no list is empty then, it is not there. Afterwards it is."""
    rig.inject(offered(rig, kind), for_s=60)
    reads = private_reads(rig) | ({} if kind == "key-revoked" else public_reads(rig))
    for ask in reads.values():
        assert_effect(rig, effect_of(rig, kind, "read"), ask)
        rig.clock.advance(LET_ALONE_S)
    rig.clock.advance(60)
    for ask in reads.values():
        rig.clock.run(ask())


@pytest.mark.parametrize("kind", [kind for kind in ON_THE_WAY if kind not in LASTS])
def test_a_counted_fault_waits_for_a_write(rig: Rig, order: Order, kind: str) -> None:
    """Reads pass by it, and it hits one write."""
    rig.inject(offered(rig, kind))
    for ask in (private_reads(rig) | public_reads(rig)).values():
        rig.clock.run(ask())
    with pytest.raises(VenueError):
        submit(rig, order())
    rig.clock.advance(LET_ALONE_S)
    submit(rig, order())


@pytest.mark.parametrize("kind", ABOUT)
def test_a_refusal_says_what_it_is_about(rig: Rig, order: Order, kind: str) -> None:
    """Our pace, the venue itself or our key: not this order, and not its size."""
    rig.inject(offered(rig, kind), for_s=60)
    for asked, ask in writes(rig, order).items():
        raises = effect_of(rig, kind, asked).raises
        with pytest.raises(VenueError) as refused:
            rig.clock.run(ask())
        assert raises is type(refused.value)
        if isinstance(refused.value, VenueRejected):
            assert refused.value.about is ABOUT[kind]
            assert refused.value.reason_code
        rig.clock.advance(LET_ALONE_S)
    assert accepted(rig) == 0


@pytest.mark.parametrize("kind", [kind for kind in SUBMIT if SUBMIT[kind].raises is not VenueUnreachable])
def test_the_status_is_asked_without_a_key(rig: Rig, kind: str) -> None:
    """It takes orders, or says in a word why it does not; where nothing answers, neither does this."""
    assert rig.clock.run(rig.venue.status()).accepts_orders
    rig.inject(offered(rig, kind))
    if kind == "hang":
        with pytest.raises(OutcomeUnknown):
            rig.clock.run(rig.venue.status())
        return
    status = rig.clock.run(rig.venue.status())
    assert (kind != "maintenance", kind == "maintenance") == (
        status.accepts_orders, "maintenance" in status.says,
    )  # fmt: skip


def test_market_data_needs_no_key(rig: Rig) -> None:
    """Only what is private is refused."""
    rig.inject(offered(rig, "key-revoked"))
    for ask in public_reads(rig).values():
        rig.clock.run(ask())


@pytest.mark.parametrize("kind", UNKNOWN)
def test_an_unknown_outcome_can_be_resolved_from_the_lists(rig: Rig, order: Order, kind: str) -> None:
    """In the end the closed orders hold it under its client id with all its trades, or it is not there."""
    rig.inject(offered(rig, kind))
    request = order()
    with pytest.raises(OutcomeUnknown):
        submit(rig, request)
    rig.heal()
    rig.clock.advance(60)
    found = [report for report in closed_orders(rig) if report.cl_ord_id == request.cl_ord_id]
    assert SUBMIT[kind].finally_ == len(found)
    assert sum(report.cum_qty for report in found) == sum(fill.qty for fill in trades(rig))


@pytest.mark.parametrize("kind", ["lost-ack", "late-ack", *BROKEN])
def test_a_refusal_whose_answer_is_lost_is_unknown_too(rig: Rig, order: Order, kind: str) -> None:
    """The client can not tell it from an acceptance."""
    rig.inject(offered(rig, kind))
    with pytest.raises(rig.habits.hears.get((kind, "refusal"), OutcomeUnknown)):
        submit(rig, order(order_qty=Decimal(100)))
    assert accepted(rig) == 0


@pytest.mark.parametrize("kind", SUBMIT)
def test_once_the_declared_bounds_are_over_the_lists_tell_the_truth(
    rig: Rig, order: Order, kind: str
) -> None:
    """An order that fills whole, one that fills in part, and the cancel of one that rested before."""
    declared = rig.venue.capabilities
    resting = rest(rig, order)
    best_px = rig.clock.run(rig.venue.book(BTC_USD)).asks[0].px
    for ask in (
        lambda: submit(rig, order()),
        lambda: submit(rig, order(order_qty=Decimal(10), limit_px=best_px + 10)),
        lambda: cancel(rig, resting),
    ):
        rig.inject(offered(rig, kind), for_s=None if kind in AT_THE_VENUE else 0.5)
        with suppress(VenueError):
            ask()
    rig.heal()
    rig.clock.advance(declared.accept_lateness_s + declared.lateness_s + declared.listing_lag_s)
    assert_lists_tell_the_truth(rig)


def test_a_late_request_is_accepted_at_its_arrival_and_before_its_deadline(rig: Rig, order: Order) -> None:
    """Whenever anybody looks."""
    rig.inject(offered(rig, "late-request"))
    request = order()
    began = rig.clock.now()
    with pytest.raises(OutcomeUnknown):
        submit(rig, request)
    rig.clock.advance(60)
    (report,) = rig.clock.run(rig.venue.closed_orders(BEGINNING))
    assert rig.venue.capabilities.timeout_s < seconds_between(began, report.created_at)
    assert report.created_at < request.deadline


@pytest.mark.parametrize("kind", ["outage", "hang"])
def test_where_nothing_answers_no_call_gets_through(rig: Rig, order: Order, kind: str) -> None:
    """In an outage each says that the request never left; else each waits its time, and nothing arrives."""
    rig.inject(offered(rig, kind))
    every = private_reads(rig) | public_reads(rig) | writes(rig, order) | {"status": rig.venue.status}
    for ask in every.values():
        assert_effect(rig, SUBMIT[kind], ask)
    rig.heal()
    rig.clock.advance(60)
    assert accepted(rig) == 0
