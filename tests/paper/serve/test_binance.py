"""What Binance's dialect alone has: its signature and its window of time, lookups by id, and its codes."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import Asset
from mvx.domain.ledger import effects, net
from mvx.domain.order import Side
from mvx.venues.ccxt.venue import CcxtVenue
from tests.paper.builders import BEGINNING
from tests.paper.serve.wire import Wire

D = Decimal

errors = import_module("ccxt.base.errors")


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    return Wire(tmp_path, "binance")


def asks(wire: Wire, method: str, params: dict[str, Any], **config: Any) -> Any:
    """One of ccxt's implicit methods."""

    async def work(ex: Any) -> Any:
        return await getattr(ex, method)(params)

    return wire.ccxt(work, **config)


@pytest.mark.parametrize(("config", "code"), [({"secret": "other"}, -1022), ({"apiKey": "other"}, -2015)])
def test_a_wrong_signature_and_a_wrong_key_are_refused(wire: Wire, config: dict[str, str], code: int) -> None:
    with pytest.raises(errors.BaseError, match=str(code)):
        asks(wire, "private_get_account", {}, **config)


@pytest.mark.parametrize(
    ("off_ms", "window_ms", "code"),
    [(-3_000, 1_000, -1021), (5_000, 5_000, -1021), (0, 60_001, -1131)],
)
def test_a_request_out_of_its_time_is_refused(wire: Wire, off_ms: int, window_ms: int, code: int) -> None:
    timestamp = wire.clock.now() // 1_000 + off_ms
    with pytest.raises(errors.BaseError, match=str(code)):
        asks(wire, "private_get_account", {"timestamp": timestamp, "recvWindow": window_ms})


LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1"}


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("private_get_order", {"symbol": "BTCUSDT", "orderId": 99}, "-2013"),
        ("private_delete_order", {"symbol": "BTCUSDT", "orderId": 99}, "-2011"),
        ("private_post_order", LIMIT | {"price": "10000.001"}, "-1013"),
        ("private_post_order", LIMIT | {"price": "900000", "quantity": "100"}, "insufficient balance"),
        ("private_post_order", LIMIT | {"price": "10000", "symbol": "NOSUCH"}, "-1121"),
        ("private_get_mytrades", {}, "-1102"),
    ],
)
def test_what_can_not_be_done_has_its_code(
    wire: Wire, method: str, params: dict[str, Any], code: str
) -> None:
    with pytest.raises(errors.BaseError, match=code):
        asks(wire, method, params)


def test_an_order_is_answered_in_full_and_found_by_either_id(wire: Wire) -> None:
    terms = LIMIT | {"price": "900000", "newClientOrderId": "mine"}

    async def work(ex: Any) -> tuple[Any, ...]:
        made = await ex.private_post_order(terms)
        by_id = await ex.private_get_order({"symbol": "BTCUSDT", "orderId": made["orderId"]})
        by_ours = await ex.private_get_order({"symbol": "BTCUSDT", "origClientOrderId": "mine"})
        trades = await ex.private_get_mytrades({"symbol": "BTCUSDT"})
        return made, by_id, by_ours, trades

    made, by_id, by_ours, trades = wire.ccxt(work)
    assert ("FILLED", "mine") == (made["status"], made["clientOrderId"])
    assert made["orderId"] == by_id["orderId"] == by_ours["orderId"]
    assert [(each["tradeId"], each["qty"], each["commission"]) for each in made["fills"]] == [
        (each["id"], each["qty"], each["commission"]) for each in trades
    ]


@pytest.mark.parametrize("side", Side)
def test_what_a_trade_moves_in_quote_is_cut_to_eight_places(tmp_path: Path, side: Side) -> None:
    """As trades that were recorded there have it: 0.0942 at 0.03577, quoteQty 0.00336953. What mvx makes of
    the trades is what the balances moved by, to the last digit."""
    wire = Wire(tmp_path, "binance", lot=D("0.00000001"), min_qty=D("0.00000001"))
    limit_px = "900000" if side is Side.BUY else "100"
    request = wire.request(limit_px=limit_px, side=side, order_qty=D("0.12345677"))

    async def work(venue: CcxtVenue) -> tuple[Any, ...]:
        before = (await venue.balances()).total
        await venue.submit(request)
        fills, closed = await venue.trades(BEGINNING), await venue.closed_orders(BEGINNING)
        return before, (await venue.balances()).total, fills, closed

    before, after, fills, (closed,) = wire.adapter(work)
    assert any(each.notional != each.qty * each.price for each in fills), "or it shows nothing"
    moved = net(it for each in fills for it in effects(each, Asset("BTC"), Asset("USDT")))
    assert moved == {asset: after[asset] - before[asset] for asset in moved}
    assert closed.avg_px is not None
    assert sum(each.notional for each in fills) == (closed.avg_px * closed.cum_qty).quantize(D("1e-8"))


def test_a_cancel_is_answered_with_an_id_of_its_own_and_the_lists_keep_the_order_s(wire: Wire) -> None:
    """Docs, Cancel order; recorded: allOrders tells a canceled order's own id."""
    terms = LIMIT | {"price": "10000", "newClientOrderId": "mine"}

    async def work(ex: Any) -> tuple[Any, Any]:
        await ex.private_post_order(terms)
        ended = await ex.private_delete_order({"symbol": "BTCUSDT", "origClientOrderId": "mine"})
        return ended, await ex.private_get_allorders({"symbol": "BTCUSDT"})

    ended, (listed,) = wire.ccxt(work)
    assert ("mine", "CANCELED") == (ended["origClientOrderId"], ended["status"])
    assert "mine" != ended["clientOrderId"]
    assert ("mine", "CANCELED") == (listed["clientOrderId"], listed["status"])


@pytest.mark.parametrize(("fails", "status", "told"), [(False, 6, ["-1.5"]), (True, 5, ["-1.5", "1.5"])])
def test_a_withdrawal_is_listed_while_it_is_under_way_and_as_it_ended(
    wire: Wire, fails: bool, status: int, told: list[str]
) -> None:
    """Docs, Withdraw history. The balance has lost it at once; what comes back has no row of its own."""
    wire.exchange.withdraw(wire.venue, Asset("BTC"), D("1.5"), 3_600, fails=fails)

    async def work(venue: CcxtVenue) -> tuple[Any, ...]:
        return await venue.transfers(BEGINNING), (await venue.balances()).total[Asset("BTC")]

    def listed() -> tuple[Any, ...]:
        (row,) = asks(wire, "sapi_get_capital_withdraw_history", {})
        assert [] == asks(wire, "sapi_get_capital_deposit_hisrec", {})
        return row["status"], "completeTime" in row, row["id"]

    (left,), held = wire.adapter(work)
    assert (4, False, left.transfer_id) == listed()
    with wire.exchange.visit(wire.venue) as session:
        session.owner.end_withdrawal(1, session.now, fails=fails)
    moved, at_last = wire.adapter(work)
    assert (status, not fails, left.transfer_id) == listed()
    assert (told, left) == ([str(each.amount) for each in moved], moved[0])
    assert at_last - held == (D("1.5") if fails else 0)
