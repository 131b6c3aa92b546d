"""What a client hears of each fault, and what the venue then holds: at most one acceptance, always."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

import pytest

from mvx.domain.ids import ClOrdId, Symbol
from mvx.domain.instant import Instant, seconds_between
from mvx.domain.order import OrderRequest
from mvx.errors import OutcomeUnknown, VenueError, VenueUnreachable
from tests.contract.conftest import RIGS, Rig

BTC_USD = Symbol("BTC/USD")
BEGINNING = Instant(0)
Order = Callable[..., OrderRequest]


class Effect(NamedTuple):
    """What submit raises (None: it is acknowledged), after how long, and how many acceptances the venue
    holds then and in the end."""

    raises: type[VenueError] | None
    after_s: float
    accepted_then: int
    accepted_finally: int


EFFECTS = {
    "lost-request": Effect(OutcomeUnknown, 1, 0, 0),
    "late-request": Effect(OutcomeUnknown, 1, 0, 1),
    "lost-ack": Effect(OutcomeUnknown, 1, 1, 1),
    "late-ack": Effect(OutcomeUnknown, 1, 1, 1),
    "http-503-after": Effect(OutcomeUnknown, 0, 1, 1),
    "no-id": Effect(OutcomeUnknown, 0, 1, 1),
    "partial": Effect(None, 0, 1, 1),
    "late-trade": Effect(None, 0, 1, 1),
    "outage": Effect(VenueUnreachable, 0, 0, 0),
}


def offered(rig: Rig, kind: str) -> str:
    if kind not in rig.fault_kinds:
        pytest.skip(f"this adapter's venue does not offer {kind}")
    return kind


def accepted(rig: Rig) -> int:
    return len(rig.ledger()["orders"])


def test_every_fault_on_offer_is_under_contract(rig: Rig) -> None:
    """A new kind needs a row here."""
    assert set(rig.fault_kinds) <= set(EFFECTS)
    assert RIGS


@pytest.mark.parametrize("kind", EFFECTS)
def test_a_fault_has_one_outcome_and_at_most_one_acceptance(rig: Rig, order: Order, kind: str) -> None:
    """The call ends in time with its class; nothing is ever sent twice."""
    effect = EFFECTS[kind]
    rig.inject(offered(rig, kind))
    began = rig.clock.now()
    if effect.raises:
        with pytest.raises(effect.raises):
            asyncio.run(rig.venue.submit(order()))
    else:
        asyncio.run(rig.venue.submit(order()))
    assert effect.after_s == seconds_between(began, rig.clock.now())
    assert effect.after_s <= rig.venue.capabilities.timeout_s
    assert effect.accepted_then == accepted(rig)
    rig.clock.advance(60)
    assert effect.accepted_finally == accepted(rig)


@pytest.mark.parametrize(
    "kind", [kind for kind, effect in EFFECTS.items() if effect.raises is OutcomeUnknown]
)
def test_an_unknown_outcome_can_be_resolved_from_the_lists(rig: Rig, order: Order, kind: str) -> None:
    """In the end the closed orders hold it under its client id with all its trades, or it is not there."""
    rig.inject(offered(rig, kind))
    request = order()
    with pytest.raises(OutcomeUnknown):
        asyncio.run(rig.venue.submit(request))
    rig.clock.advance(60)
    found = [
        report
        for report in asyncio.run(rig.venue.closed_orders(BEGINNING))
        if report.cl_ord_id == request.cl_ord_id
    ]
    assert EFFECTS[kind].accepted_finally == len(found)
    fills = asyncio.run(rig.venue.trades(BEGINNING))
    assert sum(report.cum_qty for report in found) == sum(fill.qty for fill in fills)


@pytest.mark.parametrize("kind", ["lost-ack", "late-ack", "http-503-after", "no-id"])
def test_a_refusal_whose_answer_is_lost_is_unknown_too(rig: Rig, order: Order, kind: str) -> None:
    """The client can not tell it from an acceptance."""
    rig.inject(offered(rig, kind))
    with pytest.raises(OutcomeUnknown):
        asyncio.run(rig.venue.submit(order(order_qty=Decimal(100))))
    assert accepted(rig) == 0


def test_a_late_request_is_accepted_at_its_arrival_and_before_its_deadline(rig: Rig, order: Order) -> None:
    """Whenever anybody looks."""
    rig.inject(offered(rig, "late-request"))
    request = order()
    began = rig.clock.now()
    with pytest.raises(OutcomeUnknown):
        asyncio.run(rig.venue.submit(request))
    rig.clock.advance(60)
    (report,) = asyncio.run(rig.venue.closed_orders(BEGINNING))
    assert rig.venue.capabilities.timeout_s < seconds_between(began, report.created_at)
    assert report.created_at < request.deadline


def test_a_late_trade_is_listed_within_the_declared_lag(rig: Rig, order: Order) -> None:
    """The order claims it first."""
    rig.inject(offered(rig, "late-trade"))
    asyncio.run(rig.venue.submit(order()))
    (report,) = asyncio.run(rig.venue.closed_orders(BEGINNING))
    assert (Decimal("0.5"), ()) == (report.cum_qty, asyncio.run(rig.venue.trades(BEGINNING)))
    rig.clock.advance(rig.venue.capabilities.listing_lag_s)
    assert report.cum_qty == sum(fill.qty for fill in asyncio.run(rig.venue.trades(BEGINNING)))


def test_in_an_outage_no_call_gets_through(rig: Rig, order: Order) -> None:
    """Every one of them says that the request never left."""
    rig.inject(offered(rig, "outage"))
    venue = rig.venue
    calls = (
        lambda: venue.rules(BTC_USD),
        lambda: venue.book(BTC_USD),
        lambda: venue.submit(order()),
        lambda: venue.cancel(BTC_USD, ClOrdId("x"), None),
        venue.open_orders,
        lambda: venue.closed_orders(BEGINNING),
        lambda: venue.trades(BEGINNING),
        venue.balances,
    )
    for call in calls:
        with pytest.raises(VenueUnreachable):
            asyncio.run(call())
    assert accepted(rig) == 0
