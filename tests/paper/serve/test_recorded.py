"""What is served has the shape of what Kraken and Binance were recorded to answer: every field that they
sent is there, and of the same kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.marketdata import recording
from tests.paper.serve.wire import Wire
from tests.venues.ccxt.test_recorded import answers


def misfits(theirs: Any, ours: Any, at: str = "") -> Iterator[str]:
    """Where ours lacks something, or has it of another kind. Lists are compared by their first rows; null
    says nothing about the kind."""
    if theirs is None or ours is None:
        return
    if isinstance(theirs, dict):
        if not isinstance(ours, dict):
            yield f"{at} is no object"
            return
        for key, value in theirs.items():
            if key not in ours:
                yield f"{at}/{key} is missing"
            else:
                yield from misfits(value, ours[key], f"{at}/{key}")
    elif isinstance(theirs, list):
        if not isinstance(ours, list):
            yield f"{at} is no list"
        elif theirs and ours:
            yield from misfits(theirs[0], ours[0], f"{at}[0]")
    elif kind(theirs) != kind(ours):
        yield f"{at}: {theirs!r} and {ours!r}"


def kind(value: object) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def test_a_field_that_is_missing_or_of_another_kind_is_a_misfit() -> None:
    theirs = {"a": "1", "b": [{"c": 1}], "d": None}
    assert [] == list(misfits(theirs, {"a": "2", "b": [{"c": 0.5}], "d": 1, "e": 0}))
    assert ["/a: '1' and 1", "/b[0]/c is missing", "/d is missing"] == list(
        misfits(theirs, {"a": 1, "b": [{}]})
    )


#: Endpoint -> its recording, and below which keys of the result each row has an id of its own.
KRAKEN = {
    "Time": ("rest__test_time__test_time", None),
    "Assets": ("rest__test_assets__test_asset_all", ""),
    "AssetPairs": ("rest__test_assetpairs__test_assetpairs_all", ""),
    "OpenOrders": ("rest__test_openorders__test_openorders_one_low_limit_buy", "open"),
    "ClosedOrders": ("rest__test_closedorders__test_closedorders_nonempty", "closed"),
    "TradesHistory": ("test_trades__test_trades", "trades"),
    "Ledgers": ("rest__test_ledgers__test_ledgers_nonempty", "ledger"),
    "AddOrder": ("rest__test_addorder__test_add_buy_limit_order_execute_low", None),
}


@pytest.mark.parametrize("endpoint", KRAKEN)
def test_what_kraken_said(endpoint: str, tmp_path: Path) -> None:
    name, rows_at = KRAKEN[endpoint]
    theirs = json.loads(answers(name, endpoint)[0])
    order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.1"}

    async def work(ex: Any) -> Any:
        await ex.private_post_addorder({**order, "price": "900000"})
        resting = await ex.private_post_addorder({**order, "price": "10000"})
        if endpoint == "AddOrder":
            return resting
        section = "public_get" if endpoint in ("Time", "Assets", "AssetPairs") else "private_post"
        asked = {"trades": "true"} if endpoint == "ClosedOrders" else {}
        return await getattr(ex, f"{section}_{endpoint.lower()}")(asked)

    ours = Wire(tmp_path, "kraken").ccxt(work)
    assert [] == ours["error"]
    found, told = theirs["result"], ours["result"]
    if rows_at is not None:
        found, told = (rows[rows_at] if rows_at else rows for rows in (found, told))
        found, told = list(found.values()), list(told.values())
        assert found
        assert told
    assert [] == list(misfits(found, told))


def test_the_book_that_binance_said(tmp_path: Path) -> None:
    path = recording("ccxt_raw_2026-02-08/binance/fetch_order_book_BTC_USDT.json")
    theirs = json.loads(path.read_text())["http_response"]

    async def work(ex: Any) -> Any:
        return await ex.public_get_depth({"symbol": "BTCUSDT", "limit": 5})

    ours = Wire(tmp_path, "binance").ccxt(work)
    assert [] == list(misfits(theirs, ours))
    assert theirs.keys() == ours.keys()
    assert len(theirs["bids"]) == len(ours["bids"])
