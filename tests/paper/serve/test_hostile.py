"""What no client of a venue sends: answered, one line in the log at most, and the next request as ever."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from mvx.paper.serve.server import MOST_BYTES
from tests.paper.serve.wire import SYMBOLS, Wire

WELL = {"kraken": b"GET /0/public/Time HTTP/1.1", "binance": b"GET /api/v3/time HTTP/1.1"}
ORDER = {"kraken": b"POST /0/private/AddOrder HTTP/1.1", "binance": b"POST /api/v3/order HTTP/1.1"}
KEYS = b"\r\nHost: h\r\nAPI-Key: paper\r\nX-MBX-APIKEY: paper"
TOO_LARGE = b"a" * (MOST_BYTES + 1)
HOSTILE = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a method of its own": b"EAT /0/private/AddOrder HTTP/1.1" + KEYS,
    "a long line": b"GET /" + b"a" * 20_000 + b" HTTP/1.1" + KEYS,
    "a line in the path": b"GET /0/private/%0d%0aERROR%1b[2J HTTP/1.1" + KEYS,
    "a signature of no alphabet": b"{order}" + KEYS + b"\r\nAPI-Sign: \xff\xfe\r\nContent-Length: 0",
    "a length that is none": b"{order}" + KEYS + b"\r\nContent-Length: -5",
    "two lengths": b"{order}" + KEYS + b"\r\nContent-Length: 0\r\nContent-Length: 5",
    "too large": b"{order}" + KEYS + b"\r\nContent-Length: %d\r\n\r\n" % len(TOO_LARGE) + TOO_LARGE,
    "no text": b"{order}" + KEYS + b"\r\nContent-Length: 4\r\n\r\n\xff\x00\xfe=",
}  # fmt: skip


async def exchanged(url: str, request: bytes) -> bytes:
    """All that comes until the end, or until the server has nothing more to say."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request + b"\r\n\r\n")
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        return head + await asyncio.wait_for(reader.read(65_536), 5)
    finally:
        writer.close()


@pytest.mark.parametrize("name", SYMBOLS)
@pytest.mark.parametrize("what", HOSTILE)
def test_it_is_answered_and_so_is_whoever_comes_next(
    name: str, what: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wire = Wire(tmp_path, name)

    async def work(url: str) -> tuple[bytes, bytes]:
        hostile = HOSTILE[what].replace(b"{order}", ORDER[name])
        return await exchanged(url, hostile), await exchanged(url, WELL[name] + KEYS)

    hostile, well = wire.run(work)
    assert hostile.startswith(b"HTTP/1."), hostile
    assert not hostile.startswith(b"HTTP/1.1 5"), hostile
    assert hostile.startswith(b"HTTP/1.1 413") == (what == "too large"), hostile
    assert well.startswith(b"HTTP/1.1 200"), well
    assert [] == wire.ledger()["orders"]
    assert_terse(caplog)


def assert_terse(caplog: pytest.LogCaptureFixture) -> None:
    for record in caplog.records:
        assert record.levelno <= logging.WARNING, record
        assert record.exc_info is None, record
        assert record.getMessage().isprintable(), record


VALUES = (
    *("", "0", "-1", "1e19", "9" * 18, "9" * 20, "NaN", "Infinity", "1e-30", "\0", "é", "\U0001f600", "[]"),
    *("a" * 1_000, "true", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1,2,3", "١٢٣", "0.1", "900000"),
)
#: Endpoint -> what ccxt's method of it takes.
TAKES = {
    "kraken": {
        "private_post_addorder": ("pair", "type", "ordertype", "volume", "price", "timeinforce", "deadline"),
        "private_post_cancelorder": ("txid", "cl_ord_id"),
        "private_post_openorders": ("trades",),
        "private_post_closedorders": ("start", "ofs", "trades"),
        "private_post_queryorders": ("txid", "trades"),
        "private_post_tradeshistory": ("start", "ofs"),
        "private_post_ledgers": ("start", "ofs"),
        "public_get_depth": ("pair", "count"),
    },
    "binance": {
        "private_post_order": ("symbol", "side", "type", "timeInForce", "quantity", "price", "recvWindow"),
        "private_delete_order": ("symbol", "orderId", "origClientOrderId"),
        "private_get_openorders": ("symbol", "timestamp"),
        "private_get_allorders": ("symbol", "startTime", "endTime", "orderId", "limit"),
        "private_get_mytrades": ("symbol", "startTime", "endTime", "fromId", "limit"),
        "private_get_order": ("symbol", "orderId", "origClientOrderId"),
        "sapi_get_capital_deposit_hisrec": ("startTime", "endTime", "offset", "limit"),
        "public_get_depth": ("symbol", "limit"),
    },
}
WHOLE = {
    "kraken": {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.1", "price": "10000"},
    "binance": {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1"}
    | {"price": "10000"},
}


def requests(name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A value of every kind for every parameter, the others as they should be."""
    chance = random.Random(7)
    for endpoint, takes in TAKES[name].items():
        for parameter in takes:
            for value in chance.sample(VALUES, 8):
                yield endpoint, {k: v for k, v in WHOLE[name].items() if k in takes} | {parameter: value}


@pytest.mark.parametrize("name", SYMBOLS)
def test_whatever_a_parameter_says_the_answer_is_the_venues(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """JSON, with a code of its own where it is refused."""
    from ccxt.base.errors import BaseError

    async def work(ex: Any) -> list[str]:
        wrong = []
        for endpoint, params in requests(name):
            ex.enableLastHttpResponse = True
            try:
                await getattr(ex, endpoint)(params)
            except BaseError:
                told = json.loads(ex.last_http_response)
                if not (told.get("error") or told.get("code")) or "nternal" in ex.last_http_response:
                    wrong.append(f"{endpoint} {urlencode(params)}: {ex.last_http_response}")
        return wrong

    assert [] == Wire(tmp_path, name).ccxt(work)
    assert_terse(caplog)
