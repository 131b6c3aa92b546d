"""A paper venue over the wire, in either dialect: unmodified ccxt, mvx's own adapter, and faults."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import Asset
from mvx.domain.instant import after
from mvx.domain.money import plain
from mvx.domain.order import Side, TimeInForce
from mvx.errors import OutcomeUnknown, VenueRejected
from mvx.paper.due import OrderArrives
from mvx.paper.faults import Call, Fault
from mvx.paper.serve.dialect import Reply, Wanted
from mvx.paper.serve.endpoint import Endpoint
from mvx.paper.serve.server import dialect_of
from mvx.paper.session import Session
from mvx.venues.ccxt.venue import CcxtVenue
from mvx.venues.port import KeyRights
from tests.paper.serve.wire import OURS, SYMBOLS, Wire

D = Decimal


@pytest.fixture(params=SYMBOLS)
def wire(request: pytest.FixtureRequest, tmp_path: Path) -> Wire:
    return Wire(tmp_path, request.param)


def test_ccxt_places_lists_and_cancels(wire: Wire) -> None:
    """Markets, a book, an order that rests, its cancel, and the lists that show it."""

    async def work(ex: Any) -> tuple[Any, ...]:
        await ex.load_markets()
        book = await ex.fetch_order_book(wire.symbol, 5)
        placed = await ex.create_order(wire.symbol, "limit", "buy", 0.5, 10_000, {"clientOrderId": "mine1"})
        resting = await ex.fetch_open_orders(wire.symbol)
        balance = await ex.fetch_balance()
        await ex.cancel_order(placed["id"], wire.symbol)
        kraken = wire.venue == "kraken"
        listed = ex.fetch_closed_orders() if kraken else ex.fetch_orders(wire.symbol)
        return book, placed, resting, balance, await ex.fetch_open_orders(wire.symbol), await listed

    book, placed, resting, balance, left, closed = wire.ccxt(work)
    assert 5 == len(book["bids"]) == len(book["asks"])
    assert [(placed["id"], "mine1", 10_000.0)] == [
        (each["id"], each["info"].get("cl_ord_id") or each["clientOrderId"], each["price"])
        for each in resting
    ]
    assert balance[wire.symbol[4:]]["used"] >= 5_000
    assert [] == left
    assert [(placed["id"], "canceled")] == [(each["id"], each["status"]) for each in closed]


def test_what_the_adapter_reads_is_the_ledger(wire: Wire) -> None:
    """To the last digit: fills, fees, transfers and balances."""

    async def work(venue: CcxtVenue) -> tuple[Any, ...]:
        since = after(wire.clock.now(), -5)
        await venue.rules(wire.symbol)
        ack = await venue.submit(wire.request())
        wire.exchange.transfer(wire.venue, Asset("BTC"), D("1.5"))
        trades, closed = await venue.trades(since), await venue.closed_orders(since)
        return ack, trades, closed, await venue.transfers(since), await venue.balances()

    ack, trades, closed, transfers, balances = wire.adapter(work)
    truth = wire.ledger()
    assert [
        (
            wire.told(each["exec_id"]),
            each["qty"],
            each["price"],
            each["fee"]["asset"],
            D(each["fee"]["amount"]),
        )
        for each in truth["fills"]
    ] == [(t.exec_id, str(t.qty), str(t.price), t.fee_asset, t.fee_amount) for t in trades]
    assert wire.told(truth["orders"][0]["order_id"]) == ack.order_id
    assert [(ack.order_id, OURS, D("0.1"))] == [(c.order_id, c.cl_ord_id, c.cum_qty) for c in closed]
    assert [("BTC", D("1.5"))] == [(each.asset, each.amount) for each in transfers]
    assert {name: D(row["total"]) for name, row in truth["balances"].items() if D(row["total"])} == (
        balances.total
    )


def test_the_key_may_trade_and_not_withdraw(wire: Wire) -> None:
    assert KeyRights((), (), anywhere=True) == wire.adapter(lambda venue: venue.rights())


def test_a_history_of_many_pages_is_read_to_its_end(wire: Wire) -> None:
    """120 trades: Kraken tells 50 a page."""
    for _ in range(120):
        wire.exchange.trade(wire.venue, Side.BUY, D("0.001"), wire.symbol)

    async def work(venue: CcxtVenue) -> Any:
        since = after(wire.clock.now(), -60)
        await venue.rules(wire.symbol)
        return await venue.trades(since), await venue.closed_orders(since)

    trades, closed = wire.adapter(work)
    assert [wire.told(each["exec_id"]) for each in wire.ledger()["fills"]] == [
        each.exec_id for each in trades
    ]
    assert 120 == len(closed)


@pytest.mark.parametrize(
    ("terms", "status"),
    [
        ({"time_in_force": TimeInForce.IOC, "limit_px": "10000"}, ("CANCELED", "EXPIRED")),
        ({"time_in_force": TimeInForce.FOK, "limit_px": "10000"}, ("CANCELED", "EXPIRED")),
        ({"time_in_force": TimeInForce.GTC, "limit_px": "10000"}, ("NEW",)),
        ({"time_in_force": TimeInForce.GTC, "limit_px": "10000", "post_only": True}, ("NEW",)),
        ({"time_in_force": TimeInForce.GTC}, ("FILLED",)),
    ],
)
def test_an_order_rests_or_not_as_it_was_sent(
    wire: Wire, terms: dict[str, Any], status: tuple[str, ...]
) -> None:
    async def work(venue: CcxtVenue) -> None:
        await venue.rules(wire.symbol)
        await venue.submit(wire.request(**terms))

    wire.adapter(work)
    assert wire.ledger()["orders"][0]["status"] in status


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"limit_px": "900000", "time_in_force": TimeInForce.GTC, "post_only": True}, "post_only"),
        ({"limit_px": "999999", "order_qty": D(100)}, "insufficient_funds"),
    ],
)
def test_a_refusal_is_understood(wire: Wire, terms: dict[str, Any], reason: str) -> None:
    async def work(venue: CcxtVenue) -> None:
        await venue.rules(wire.symbol)
        await venue.submit(wire.request(**terms))

    with pytest.raises(VenueRejected) as refused:
        wire.adapter(work)
    assert reason == refused.value.reason_code
    assert [] == wire.ledger()["orders"]


@pytest.mark.parametrize("kind", ["base-fee", "partial", "late-trade"])
def test_what_the_venue_does_to_an_order_is_told_as_it_is(wire: Wire, kind: str) -> None:
    """A fee in base, a part of what was wanted, a trade that is listed late."""
    wire.exchange.inject(wire.venue, kind, delay_s=0.2 if kind == "late-trade" else None)

    async def work(venue: CcxtVenue) -> Any:
        since = after(wire.clock.now(), -5)
        await venue.rules(wire.symbol)
        await venue.submit(wire.request(order_qty=D(2), limit_px="100000"))
        early = await venue.trades(since)
        await wire.clock.sleep(0.3)
        return early, await venue.trades(since), await venue.balances()

    early, trades, balances = wire.adapter(work)
    truth = wire.ledger()
    assert [{"asset": each.fee_asset, "amount": plain(each.fee_amount)} for each in trades] == [
        each["fee"] for each in truth["fills"]
    ]
    assert len(early) == (0 if kind == "late-trade" else len(trades))
    assert D(truth["balances"]["BTC"]["total"]) == balances.total[Asset("BTC")]
    assert (sum(each.qty for each in trades) < D(2)) == (kind == "partial")


#: Fault -> what the adapter makes of it, and how many orders there are in the end.
FAULTS = {
    "lost-request": (OutcomeUnknown, 0),
    "late-request": (OutcomeUnknown, 1),
    "lost-ack": (OutcomeUnknown, 1),
    "late-ack": (None, 1),
    "http-429": (VenueRejected, 0),
    "http-503-before": (OutcomeUnknown, 0),
    "http-503-after": (OutcomeUnknown, 1),
    "reset-after": (OutcomeUnknown, 1),
    "html-200": (OutcomeUnknown, 1),
    "empty-200": (OutcomeUnknown, 1),
    "truncated": (OutcomeUnknown, 1),
    "no-id": (OutcomeUnknown, 1),
    "outage": (OutcomeUnknown, 0),
    "hang": (OutcomeUnknown, 0),
    "maintenance": (OutcomeUnknown, 0),
    "key-revoked": (VenueRejected, 0),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_heard_over_the_wire(wire: Wire, kind: str) -> None:
    """What is unknown stays unknown, and what arrived is in the venue's ledger."""
    expected, orders = FAULTS[kind]

    async def work(venue: CcxtVenue) -> type[BaseException] | None:
        await venue.rules(wire.symbol)
        delay_s = 0.5 if kind.startswith("late") else None
        wire.exchange.inject(wire.venue, kind, delay_s=delay_s)
        try:
            await venue.submit(wire.request())
        except (OutcomeUnknown, VenueRejected) as error:
            return type(error)
        return None

    assert expected is wire.adapter(work)
    asyncio.run(wire.clock.sleep(0.6 if kind == "late-request" else 0))
    wire.exchange.heal()
    assert orders == len(wire.ledger()["orders"])


@pytest.mark.parametrize("kind", ["key-revoked", "outage", "hang"])
@pytest.mark.parametrize("on_its_way", ["truncated", "late-ack", "late-request"])
def test_what_a_request_met_on_its_way_opens_no_door_that_is_shut(
    wire: Wire, kind: str, on_its_way: str
) -> None:
    """A venue that refuses all, or that nobody can reach, takes no order of whoever has other troubles."""
    dialect, order = dialect_of(wire.settings, limited=False), wire.request()
    assert dialect is not None

    def answer(session: Session) -> Reply:
        session.submit(order)
        return Reply({})

    wanted = Wanted(Call.WRITE, lambda now: None, answer, lambda session: OrderArrives(order))
    wire.exchange.inject(wire.venue, kind)
    Endpoint(wire.exchange, wire.settings, dialect).reach(wanted, Fault(on_its_way, 0.0))
    wire.exchange.heal()
    assert [] == wire.ledger()["orders"]
