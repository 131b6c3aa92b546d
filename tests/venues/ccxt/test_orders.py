"""Orders and cancels over the wire: what goes out, at most once, and what of it is certain."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from mvx.domain.ids import ClOrdId, OrderId, Symbol
from mvx.domain.instant import Instant, after
from mvx.domain.order import Ack, Side, TimeInForce
from mvx.errors import DeadlinePassed, HeldBack, OutcomeUnknown, VenueRejected, VenueUnreachable
from tests.support import ManualClock
from tests.venues.ccxt import kraken
from tests.venues.ccxt.loopback import Answer, Asked, Ends, said
from tests.venues.ccxt.venue import Rig

D = Decimal


def sent(rig: Rig, **changes: Any) -> dict[str, str]:
    """What went out for an order."""
    rig.run(lambda venue: venue.submit(rig.request(**changes)))
    (asked,) = rig.wire.asked_for(rig.dialect.submit)
    return asked.params


def test_an_order_goes_out_as_it_stands_in_the_journal(on_kraken: Rig) -> None:
    """Quantity and limit as text, the client order id, and the fee asked for in quote."""
    out = sent(on_kraken, side=Side.SELL, cl_ord_id=ClOrdId("mabc"), order_qty=D("0.12345678"))
    expected = {
        "pair": "XXBTZUSD", "type": "sell", "ordertype": "limit", "volume": "0.12345678", "price": "80000.1",
        "timeinforce": "IOC", "oflags": "fciq", "cl_ord_id": "mabc", "deadline": "2026-11-22T12:00:05Z",
    }  # fmt: skip
    assert expected == {name: value for name, value in out.items() if name != "nonce"}


def test_an_order_goes_out_as_it_stands_in_the_journal_there_too(on_binance: Rig) -> None:
    out = sent(on_binance, side=Side.SELL, cl_ord_id=ClOrdId("mabc"), order_qty=D("0.12345"))
    expected = {
        "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "quantity": "0.12345", "price": "80000.1",
        "timeInForce": "IOC", "newClientOrderId": "mabc", "newOrderRespType": "RESULT",
        "timestamp": "1795348800000", "recvWindow": "5000",
    }  # fmt: skip
    assert expected == {name: value for name, value in out.items() if name != "signature"}


@pytest.mark.parametrize(
    ("terms", "on_the_wire"),
    [
        ({"time_in_force": TimeInForce.FOK}, {"timeInForce": "FOK"}),
        ({"time_in_force": TimeInForce.GTC}, {"timeInForce": "GTC"}),
        ({"time_in_force": TimeInForce.GTC, "post_only": True}, {"type": "LIMIT_MAKER"}),
    ],
)
def test_times_in_force_there(on_binance: Rig, terms: dict[str, Any], on_the_wire: dict[str, str]) -> None:
    """A post-only order carries none: the venue refuses it."""
    out = sent(on_binance, **terms)
    assert on_the_wire.items() <= out.items()
    assert ("timeInForce" in out) is ("timeInForce" in on_the_wire)


@pytest.mark.parametrize(
    ("terms", "on_the_wire"),
    [
        ({"time_in_force": TimeInForce.FOK}, {"timeinforce": "FOK", "oflags": "fciq"}),
        ({"time_in_force": TimeInForce.GTC}, {"oflags": "fciq"}),
        ({"time_in_force": TimeInForce.GTC, "post_only": True}, {"oflags": "fciq,post"}),
    ],
)
def test_times_in_force(on_kraken: Rig, terms: dict[str, Any], on_the_wire: dict[str, str]) -> None:
    """ccxt's PO would go out as a time in force."""
    out = sent(on_kraken, **terms)
    assert on_the_wire.items() <= out.items()
    assert ("timeinforce" in out) is ("timeinforce" in on_the_wire)


def test_the_venue_names_the_order(rig: Rig) -> None:
    named = OrderId(kraken.ORDER_ID if rig.dialect.exchange == "kraken" else "28")
    assert Ack(named) == rig.run(lambda venue: venue.submit(rig.request()))


@pytest.mark.parametrize("ours", [True, False])
def test_a_cancel_names_the_order_by_the_venues_id_or_else_by_ours(rig: Rig, ours: bool) -> None:
    """Either finds it."""
    order_id = None if ours else OrderId("77")
    rig.run(lambda venue: venue.cancel(rig.dialect.symbol, ClOrdId("mabc"), order_id))
    (asked,) = rig.wire.asked_for(rig.dialect.cancel)
    by_ours = {"kraken": ("cl_ord_id", "txid"), "binance": ("origClientOrderId", "orderId")}
    client, theirs = by_ours[rig.dialect.exchange]
    assert ("mabc" if ours else None, None if ours else "77") == (
        asked.params.get(client), asked.params.get(theirs),
    )  # fmt: skip


@pytest.mark.parametrize(
    "terms",
    [
        {"order_qty": D("0.000000001")},
        {"order_qty": D("0.1234567891")},
        {"limit_px": D("80000.123")},
        {"symbol": Symbol("XXX/YYY")},
        {"cl_ord_id": ClOrdId("an id with blanks")},
    ],
)
def test_what_the_market_does_not_take_as_it_is_never_leaves(rig: Rig, terms: dict[str, Any]) -> None:
    """ccxt would cut the quantity and round the limit, and send another order."""
    with pytest.raises(HeldBack):
        rig.run(lambda venue: venue.submit(rig.request(**terms)))
    assert not rig.wire.asked_for(rig.dialect.submit)


# Deadlines


@pytest.mark.parametrize("seconds", [-60, -0.001, 0])
def test_at_its_deadline_nothing_is_sent(rig: Rig, seconds: float) -> None:
    with pytest.raises(DeadlinePassed):
        rig.run(lambda venue: venue.submit(rig.request(deadline=after(rig.clock.now(), seconds))))
    assert not rig.wire.asked_for(rig.dialect.submit)


def test_a_deadline_is_an_instant_of_the_venues_clock(on_binance: Rig) -> None:
    """Signed timestamp and window end at it, wherever our clock stands within the bounds."""
    rig = on_binance
    ours = rig.clock.now()
    rig.wire.answers["time"] = lambda asked: said({"serverTime": ours // 1_000 + 1_500})
    out = sent(rig, deadline=after(ours, 5))
    assert (str(ours // 1_000 + 1_500), "3500") == (out["timestamp"], out["recvWindow"])


def test_a_deadline_further_off_than_the_venue_takes_is_brought_near(rig: Rig) -> None:
    """It may be earlier than ours, never later."""
    out = sent(rig, deadline=after(rig.clock.now(), 3_600))
    if rig.dialect.exchange == "binance":
        assert "60000" == out["recvWindow"]
    else:
        assert "2026-11-22T12:00:59Z" == out["deadline"]


def test_a_deadline_in_the_middle_of_a_second_is_cut_to_the_one_before(on_kraken: Rig) -> None:
    assert "2026-11-22T12:00:04Z" == sent(on_kraken, deadline=after(on_kraken.clock.now(), 4.9))["deadline"]


def test_a_deadline_nearer_than_the_venue_takes_is_not_sent(on_kraken: Rig) -> None:
    """docs: at least two seconds off."""
    with pytest.raises(DeadlinePassed):
        sent(on_kraken, deadline=after(on_kraken.clock.now(), 1.9))
    assert not on_kraken.wire.asked_for("AddOrder")


def test_an_order_is_signed_at_the_last_moment(on_binance: Rig) -> None:
    """A wait before it, for the time or the markets, takes from the window; the deadline stays."""
    rig = on_binance
    began_at = rig.clock.now()

    def slow(asked: Asked) -> Answer:
        rig.clock.advance(2)
        return said({"serverTime": rig.clock.now() // 1_000})

    rig.wire.answers["time"] = slow
    out = sent(rig, deadline=after(began_at, 5))
    timestamp, window_ms = int(out["timestamp"]), int(out["recvWindow"])
    assert began_at // 1_000 + 5_000 == timestamp + window_ms
    assert timestamp > began_at // 1_000 + 1_999


@pytest.mark.parametrize(("off_s", "word"), [(9, "behind"), (-9, "ahead of")])
def test_with_a_clock_that_is_too_far_off_no_order_is_sent(rig: Rig, off_s: int, word: str) -> None:
    """Its times would mean nothing. Reads and cancels go on."""
    venues = ManualClock(after(rig.clock.now(), off_s))
    rig.wire.answers |= rig.dialect.answers(lambda: venues.now() // 1_000_000)
    with pytest.raises(HeldBack, match=f"clock is [89].* s {word} the venue's"):
        rig.run(lambda venue: venue.submit(rig.request()))
    rig.run(lambda venue: venue.balances())
    rig.run(lambda venue: venue.cancel(rig.dialect.symbol, ClOrdId("mabc"), None))


@pytest.mark.parametrize("took_s", [3, 10])
def test_a_clock_that_took_long_to_tell_is_measured_again(rig: Rig, took_s: int) -> None:
    """The middle of 3 s may be 1.5 s off, so that an exact clock looks as if it were 3 s ahead."""
    name = {"kraken": "Time", "binance": "time"}[rig.dialect.exchange]
    told = rig.wire.answers[name]

    def slowly(asked: Asked) -> Answer:
        if len(rig.wire.asked_for(name)) == 1:
            rig.clock.advance(took_s)
        return told(asked) if callable(told) else told

    rig.wire.answers[name] = slowly

    async def thrice(venue: Any) -> Instant:
        await venue.balances()
        await venue.balances()
        return (await venue.balances()).at

    at = rig.run(thrice)
    assert (2, True) == (len(rig.wire.asked_for(name)), rig.clock.now() - at <= 1_000_000)


@pytest.mark.parametrize("seconds", [-7_200, -30, 30, 7_200])
def test_a_clock_that_was_set_is_measured_again(rig: Rig, seconds: int) -> None:
    """Ours jumps, the venue's does not; what was measured before would be off by as much, and an order's
    deadline as late."""
    there = ManualClock(rig.clock.now())
    rig.wire.answers |= rig.dialect.answers(lambda: there.now() // 1_000_000)

    async def jump(venue: Any) -> tuple[Instant, Instant]:
        await venue.balances()
        rig.clock.advance(seconds)
        return there.now(), (await venue.balances()).at

    true, told = rig.run(jump)
    assert abs(true - told) <= 1_000_000


# At most once


def test_what_fails_before_an_order_leaves_leaves_nothing_unknown(rig: Rig) -> None:
    """The time, here; the order was not sent, and so it can not have been accepted."""
    for answer in (Answer("busy", 503, "text/plain"), Answer("", ends=Ends.RESET), Answer("{}")):
        rig.wire.answers["Time"] = rig.wire.answers["time"] = answer
        with pytest.raises(VenueUnreachable):
            rig.run(lambda venue: venue.submit(rig.request()))
    assert not rig.wire.asked_for(rig.dialect.submit)


def test_a_venue_that_nobody_listens_for_was_not_reached(rig: Rig) -> None:
    rig.run(lambda venue: venue.rules(rig.dialect.symbol))
    for work in (lambda venue: venue.submit(rig.request()), lambda venue: venue.balances()):
        with pytest.raises(VenueUnreachable, match=r"not reached: connection refused$"):
            rig.run(work, api_url="http://127.0.0.1:9")


def test_a_venue_whose_name_nobody_knows_was_not_reached(rig: Rig) -> None:
    """And that is said in the system's words, without the address, whose query holds a signature."""
    with pytest.raises(
        VenueUnreachable, match=r"not reached: (name or service|temporary failure|no address)[\w ]+$"
    ):
        rig.run(lambda venue: venue.balances(), api_url="http://nobody.invalid")


def test_neither_ccxt_nor_aiohttp_nor_we_send_twice(rig: Rig) -> None:
    """Whatever is configured for reads: aiohttp would repeat a DELETE on a connection that had been used."""
    gone = Answer("", ends=Ends.RESET)

    async def both(venue: Any) -> None:
        await venue.balances()
        rig.wire.answers[rig.dialect.submit] = rig.wire.answers[rig.dialect.cancel] = gone
        with pytest.raises(OutcomeUnknown):
            await venue.submit(rig.request())
        await venue.balances()
        with pytest.raises(OutcomeUnknown):
            await venue.cancel(rig.dialect.symbol, ClOrdId("mabc"), None)

    rig.run(both, read_attempts=5)
    asked = [each for each in rig.wire.asked if each.path.endswith(("/order", "/AddOrder", "/CancelOrder"))]
    assert 2 == len(asked)


def test_a_call_that_is_cut_short_ends_at_once(rig: Rig) -> None:
    """An operator's Ctrl-C: whoever waits for it is told, and the engine writes it down as unknown."""
    rig.wire.answers[rig.dialect.submit] = Answer("", ends=Ends.SILENT)

    async def cut(venue: Any) -> None:
        task = asyncio.ensure_future(venue.submit(rig.request()))
        await asyncio.to_thread(rig.wire.silent.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    rig.run(cut)
    assert 1 == len(rig.wire.asked_for(rig.dialect.submit))


def test_no_redirect_is_followed(rig: Rig) -> None:
    """What is signed for one host goes to no other."""
    elsewhere = Answer("", 307, "text/html", headers=(("Location", f"{rig.wire.url}/elsewhere"),))
    rig.wire.answers[rig.dialect.submit] = elsewhere
    with pytest.raises(OutcomeUnknown):
        rig.run(lambda venue: venue.submit(rig.request()))
    assert not rig.wire.asked_for("elsewhere")


def test_a_refused_key_is_no_outcome_of_an_order_that_did_not_leave(rig: Rig) -> None:
    """It is of one that did."""
    rig.wire.answers["AddOrder"] = kraken.error("EAPI:Invalid key")
    rig.wire.answers["order"] = said({"code": -2014, "msg": "API-key format invalid."}, status=400)
    with pytest.raises(VenueRejected):
        rig.run(lambda venue: venue.submit(rig.request()))


def test_times_before_the_beginning_are_no_deadline(rig: Rig) -> None:
    with pytest.raises(DeadlinePassed):
        rig.run(lambda venue: venue.submit(rig.request(deadline=Instant(0))))
