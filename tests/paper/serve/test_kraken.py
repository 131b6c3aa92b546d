"""Kraken's dialect over the wire: unmodified ccxt, mvx's own adapter, and what comes of faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mvx.clock import SystemClock
from mvx.domain.ids import Asset, ClOrdId, Symbol, Venue
from mvx.domain.instant import Instant, after
from mvx.domain.order import OrderRequest, Side, TimeInForce
from mvx.errors import OutcomeUnknown, VenueRejected
from mvx.paper.exchange import PaperExchange
from mvx.paper.serve.keys import PAPER_KEYS
from mvx.paper.serve.server import Served, dialect_of
from mvx.venues.capabilities import Budget
from mvx.venues.ccxt.access import Access, Keys
from mvx.venues.ccxt.load import load_exchange
from mvx.venues.ccxt.venue import CcxtVenue
from mvx.venues.ccxt.wire import rehosted
from tests.paper.builders import venue_settings

T = TypeVar("T")
D = Decimal
KRAKEN = Venue("kraken")
BTC_USD = Symbol("BTC/USD")
OURS = "m0000000000000abcd"
PLENTY = Budget(burst=1e9, per_s=1e9)


class Wire:
    """A served venue, and those who ask it, for the length of one event loop."""

    def __init__(self, folder: Path, timeout_s: float = 0.3) -> None:
        self.settings = venue_settings("kraken", timeout_s=timeout_s)
        self.folder = folder
        self.clock = SystemClock()
        self.exchange = PaperExchange(folder / "paper.db", {KRAKEN: self.settings}, self.clock)

    def run(self, work: Callable[[str], Awaitable[T]]) -> T:
        """The work's answer, which is told the address."""

        async def served() -> T:
            dialect = dialect_of(self.settings)
            assert dialect is not None
            server = Served(self.exchange, self.settings, dialect, self.clock)
            try:
                return await work(await server.start("127.0.0.1", 0))
            finally:
                await server.close()

        return asyncio.run(served())

    def ccxt(self, work: Callable[[Any], Awaitable[T]], **config: Any) -> T:
        """The same by ccxt's own class, unmodified but for where it asks."""

        async def asked(url: str) -> T:
            terms = {"apiKey": PAPER_KEYS.api_key, "secret": PAPER_KEYS.api_secret, "enableRateLimit": False}
            exchange = load_exchange("kraken")(terms | config)
            exchange.urls["api"] = rehosted(exchange.urls["api"], url, None)
            try:
                return await work(exchange)
            finally:
                await exchange.close()

        return self.run(asked)

    def adapter(self, work: Callable[[CcxtVenue], Awaitable[T]], timeout_s: float = 2.0) -> T:
        """The same by mvx's adapter."""

        async def asked(url: str) -> T:
            access = Access(
                name=KRAKEN,
                exchange="kraken",
                symbols=(BTC_USD,),
                folder=self.folder / "shared",
                keys=lambda: Keys(*PAPER_KEYS),
                timeout_s=timeout_s,
                api_url=url,
                read_attempts=1,
                budgets={"private": PLENTY, "public": PLENTY},
            )
            venue = CcxtVenue(access, self.clock)
            try:
                return await work(venue)
            finally:
                await venue.close()

        return self.run(asked)

    def request(self, name: str = OURS, limit_px: str = "900000", **terms: Any) -> OrderRequest:
        """Buys a tenth at nearly any price."""
        it = {"side": Side.BUY, "time_in_force": TimeInForce.IOC, "post_only": False} | terms
        deadline = after(self.clock.now(), 20)
        return OrderRequest(
            ClOrdId(name), BTC_USD, order_qty=D("0.1"), limit_px=D(limit_px), deadline=deadline, **it
        )

    def ledger(self) -> Any:
        return self.exchange.ledger(KRAKEN)


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    return Wire(tmp_path)


def test_ccxt_places_lists_and_cancels(wire: Wire) -> None:
    """Markets, a book, an order that rests, its cancel, and the lists that show it."""

    async def work(ex: Any) -> tuple[Any, ...]:
        await ex.load_markets()
        book = await ex.fetch_order_book("BTC/USD", 5)
        placed = await ex.create_order("BTC/USD", "limit", "buy", 0.5, 10_000, {"clientOrderId": "mine1"})
        resting = await ex.fetch_open_orders()
        balance = await ex.fetch_balance()
        await ex.cancel_order(placed["id"])
        return book, placed, resting, balance, await ex.fetch_open_orders(), await ex.fetch_closed_orders()

    book, placed, resting, balance, left, closed = wire.ccxt(work)
    assert 5 == len(book["bids"]) == len(book["asks"])
    assert [(placed["id"], "mine1", 10_000.0)] == [
        (each["id"], each["info"]["cl_ord_id"], each["price"]) for each in resting
    ]
    assert balance["USD"]["used"] >= 5_000
    assert [] == left
    assert [(placed["id"], "canceled")] == [(each["id"], each["status"]) for each in closed]


def test_what_the_adapter_reads_is_the_ledger(wire: Wire) -> None:
    """To the last digit: fills, fees, transfers and balances."""

    async def work(venue: CcxtVenue) -> tuple[Any, ...]:
        await venue.rules(BTC_USD)
        ack = await venue.submit(wire.request())
        wire.exchange.transfer(KRAKEN, Asset("BTC"), D("1.5"))
        trades, closed = await venue.trades(Instant(0)), await venue.closed_orders(Instant(0))
        return ack, trades, closed, await venue.transfers(Instant(0)), await venue.balances()

    ack, trades, closed, transfers, balances = wire.adapter(work)
    truth = wire.ledger()
    assert [
        (each["exec_id"], each["qty"], each["price"], each["fee"]["asset"], D(each["fee"]["amount"]))
        for each in truth["fills"]
    ] == [(t.exec_id, str(t.qty), str(t.price), t.fee_asset, t.fee_amount) for t in trades]
    assert [(ack.order_id, OURS, D("0.1"))] == [(c.order_id, c.cl_ord_id, c.cum_qty) for c in closed]
    assert [("BTC", D("1.5"))] == [(each.asset, each.amount) for each in transfers]
    assert {name: D(row["total"]) for name, row in truth["balances"].items() if D(row["total"])} == (
        balances.total
    )


def test_a_wrong_signature_and_a_wrong_key_are_refused(wire: Wire) -> None:
    errors = import_module("ccxt.base.errors")

    async def work(ex: Any) -> None:
        await ex.fetch_balance()

    with pytest.raises(errors.BaseError, match="EAPI:Invalid signature"):
        wire.ccxt(work, secret="b3RoZXI=")
    with pytest.raises(errors.AuthenticationError, match="EAPI:Invalid key"):
        wire.ccxt(work, apiKey="other")


def test_a_nonce_is_taken_once(wire: Wire) -> None:
    errors = import_module("ccxt.base.errors")

    async def work(ex: Any) -> None:
        await ex.fetch_balance()
        ex.incrementing_nonce = lambda: 1
        await ex.fetch_balance()

    with pytest.raises(errors.InvalidNonce, match="EAPI:Invalid nonce"):
        wire.ccxt(work)


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
        await venue.rules(BTC_USD)
        delay_s = 0.5 if kind.startswith("late") else None
        wire.exchange.inject(KRAKEN, kind, delay_s=delay_s)
        try:
            await venue.submit(wire.request())
        except (OutcomeUnknown, VenueRejected) as error:
            return type(error)
        return None

    assert expected is wire.adapter(work)
    asyncio.run(wire.clock.sleep(0.6 if kind == "late-request" else 0))
    wire.exchange.heal()
    assert orders == len(wire.ledger()["orders"])
