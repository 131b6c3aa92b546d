"""What Kraken's dialect alone has: its signature, and nonces."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import ClOrdId
from mvx.domain.instant import after, rfc3339
from mvx.errors import VenueRejected
from mvx.venues.ccxt.venue import CcxtVenue
from tests.paper.serve.wire import Wire

errors = import_module("ccxt.base.errors")


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    return Wire(tmp_path, "kraken")


def test_a_wrong_signature_and_a_wrong_key_are_refused(wire: Wire) -> None:
    async def work(ex: Any) -> None:
        await ex.fetch_balance()

    with pytest.raises(errors.BaseError, match="EAPI:Invalid signature"):
        wire.ccxt(work, secret="b3RoZXI=")
    with pytest.raises(errors.AuthenticationError, match="EAPI:Invalid key"):
        wire.ccxt(work, apiKey="other")


def test_a_nonce_is_taken_once(wire: Wire) -> None:
    async def work(ex: Any) -> None:
        await ex.fetch_balance()
        ex.incrementing_nonce = lambda: 1
        await ex.fetch_balance()

    with pytest.raises(errors.InvalidNonce, match="EAPI:Invalid nonce"):
        wire.ccxt(work)


def test_an_order_that_is_not_open_is_invalid_to_whoever_asks_or_cancels(wire: Wire) -> None:
    """github.com/krakenfx/kraken-api-sdk, rust/docs/guides/error-handling.md: "Same wire string for
    already-gone (cancelled/filled) and never-valid ids". The adapter takes it for what it is."""
    never = "ONEVER-WAS00-000000"
    for work in (lambda ex: ex.cancel_order(never), lambda ex: ex.fetch_order(never)):
        with pytest.raises(errors.InvalidOrder, match="EOrder:Invalid order"):
            wire.ccxt(work)
    with pytest.raises(VenueRejected) as met:
        wire.adapter(lambda venue: venue.cancel(wire.symbol, ClOrdId("m0000000000000abcd"), None))
    assert "unknown_order" == met.value.reason_code


def test_a_trade_that_was_taken_back_comes_back_in_the_ledger(wire: Wire) -> None:
    """Kraken names no such trade: it stays listed, and the money moves by an adjustment. That is no transfer:
    the balance tells it, and the position moves with it."""
    before = wire.ledger()["balances"]["USD"]["total"]

    async def work(venue: CcxtVenue) -> Any:
        since = after(wire.clock.now(), -5)
        await venue.rules(wire.symbol)
        await venue.submit(wire.request(order_qty=Decimal("0.001")))
        fills = await venue.trades(since)
        for fill in fills:
            wire.exchange.bust(wire.venue, fill.exec_id)
        return fills, await venue.trades(since), await venue.transfers(since), await venue.balances()

    fills, trades, transfers, balances = wire.adapter(work)
    assert fills == trades
    assert fills
    assert () == transfers
    assert Decimal(before) == balances.total["USD"]
    answer = wire.ccxt(lambda ex: ex.private_post_ledgers({"type": "all"}))
    lines = [each for each in answer["result"]["ledger"].values() if each["type"] == "adjustment"]
    assert sorted(
        moved for fill in fills for moved in (("XXBT", -fill.qty), ("ZUSD", fill.notional + fill.fee_amount))
    ) == sorted((each["asset"], Decimal(each["amount"])) for each in lines)


def test_a_trade_tells_its_fee_in_quote_whatever_it_was_taken_in(wire: Wire) -> None:
    """support.kraken.com, 360001184886, and the ledger tells what was taken."""
    wire.exchange.inject(wire.venue, "base-fee")
    since = after(wire.clock.now(), -5)

    async def work(venue: CcxtVenue) -> Any:
        await venue.submit(wire.request())
        return await venue.trades(since)

    (fill, *_) = wire.adapter(work)
    assert ("BTC", True) == (fill.fee_asset, fill.fee_amount > 0)
    answer = wire.ccxt(lambda ex: ex.private_post_tradeshistory())
    told = answer["result"]["trades"][fill.exec_id]["fee"]
    assert fill.fee_amount * fill.price == Decimal(told)


def test_what_is_not_served_is_answered_and_logged(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    async def work(ex: Any) -> None:
        await ex.private_post_getwebsocketstoken()

    with pytest.raises(errors.BaseError, match="EGeneral:Unknown method"):
        wire.ccxt(work)
    assert "kraken: POST /0/private/GetWebSocketsToken is not served" in caplog.text


@pytest.mark.parametrize(("off_s", "taken"), [(-1, False), (1.5, False), (3, True), (59, True), (61, False)])
def test_a_deadline_is_two_seconds_to_a_minute_off(wire: Wire, off_s: float, taken: bool) -> None:
    order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.1", "price": "900000"}

    async def work(ex: Any) -> None:
        await ex.private_post_addorder({**order, "deadline": rfc3339(after(wire.clock.now(), off_s))})

    if taken:
        wire.ccxt(work)
    else:
        with pytest.raises(errors.BaseError, match="EGeneral:Invalid arguments:deadline"):
            wire.ccxt(work)
    assert taken == bool(wire.ledger()["orders"])


def test_two_orders_without_an_id_of_the_client_rest_side_by_side(wire: Wire) -> None:
    order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.1", "price": "10000"}

    async def work(ex: Any) -> Any:
        await ex.private_post_addorder(order)
        await ex.private_post_addorder(order)
        return await ex.private_post_openorders()

    found = wire.ccxt(work)["result"]["open"]
    assert 2 == len(found)
    assert not any("cl_ord_id" in each for each in found.values())
