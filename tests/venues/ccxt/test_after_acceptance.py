"""The venue has accepted the order, or canceled it, and then the answer goes wrong in every way there is.

Rule: what became of it is not known, and nothing is sent again. Most of these ccxt takes for an order without
an id, or raises in a class that it also raises where an order was refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mvx.errors import BadVenueData, OutcomeUnknown
from tests.venues.ccxt import binance, kraken
from tests.venues.ccxt.loopback import Answer, Asked, Ends, said
from tests.venues.ccxt.venue import Rig

HTML = "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"
#: 520 to 529 are Cloudflare's.
STATUSES = (
    400,
    401,
    403,
    404,
    405,
    408,
    409,
    418,
    422,
    425,
    429,
    500,
    501,
    502,
    503,
    504,
    520,
    521,
    522,
    524,
    529,
)


def page(status: int) -> Answer:
    """As a proxy writes it."""
    return Answer(HTML, status, "text/html")


#: In both dialects alike: what stands between us and the venue knows neither.
ON_THE_WAY: dict[str, Answer] = {
    "200 with HTML": page(200),
    "200 with HTML that says it is JSON": Answer(HTML),
    "200 and nothing": Answer(""),
    "200 and nothing, as text": Answer("", kind="text/plain"),
    "204": Answer("", 204),
    "200 with broken JSON": Answer('{"error":[],"result":{"txid":["OAVY7T'),
    "200 with text": Answer("OK", kind="text/plain"),
    "null": said(None),
    "a number": said(28),
    "a text": said("28"),
    "a list": said([]),
    "an empty object": said({}),
    "truncated": Answer(
        '{"error":[],"result":{"txid":["OAVY7T-MV5VK-KHDF5X"]},"orderId":28}', ends=Ends.TRUNCATED
    ),
    "reset": Answer("", ends=Ends.RESET),
    "no answer": Answer("", ends=Ends.SILENT),
    "not what its headers say": Answer("{}", headers=(("Content-Encoding", "gzip"),)),
    **{f"HTTP {status}": page(status) for status in STATUSES},
    "HTTP 500 with JSON": said({"message": "Internal Server Error"}, status=500),
}

#: In the venue's own words, but not its code for a refusal.
KRAKEN: dict[str, Answer] = {
    "no result": said({"error": []}),
    "a null result": kraken.result(None),
    "a result in text": kraken.result("ok"),
    "no txid": kraken.result({"descr": {"order": "buy 0.5 XBTUSD @ limit 80000.1"}}),
    "an empty txid": kraken.result({"descr": {"order": "buy 0.5 XBTUSD @ limit 80000.1"}, "txid": []}),
    "a txid that is none": kraken.result(
        {"descr": {"order": "buy 0.5 XBTUSD @ limit 80000.1"}, "txid": [None]}
    ),
    "an error that is no list": said({"error": None, "result": {"txid": [kraken.ORDER_ID]}}),
    "an error that is a number": said({"error": 7}),
    "an error in an unknown word": kraken.error("EOrder:Whatever"),
    "a timeout there": kraken.error("EService:Timeout"),
    "unavailable": kraken.error("EService:Unavailable"),
    "busy": kraken.error("EService:Busy"),
    "an internal error": kraken.error("EGeneral:Internal error"),
}
BINANCE: dict[str, Answer] = {
    "no id": said({"symbol": "BTCUSDT", "clientOrderId": "m1", "transactTime": 1}),
    "a null id": said(binance.order("m1", orderId=None)),
    "a code that is none": said({"code": None, "msg": None}, status=400),
    "a timeout there": binance.error(-1007, "Timeout waiting for response from backend server."),
    "an unexpected response there": binance.error(-1006, "An unexpected response was received."),
    "an unknown error": binance.error(-1000, "An unknown error occurred while processing the request."),
    "a duplicate": binance.error(-2010, "Duplicate order sent."),
    "a message that is no text": said({"code": -2010, "msg": {"a": 1}}, status=400),
    "a code and a 200": said({"code": -1000, "msg": "UNKNOWN"}),
    "success false": said({"success": False, "msg": "{"}),
}
NAMES = [
    *(f"{dialect}: {name}" for dialect in ("kraken", "binance") for name in ON_THE_WAY),
    *(f"kraken: {name}" for name in KRAKEN),
    *(f"binance: {name}" for name in BINANCE),
]


def answer_of(name: str) -> Answer:
    dialect, _, fault = name.partition(": ")
    return (ON_THE_WAY | (KRAKEN if dialect == "kraken" else BINANCE))[fault]


def rig_of(name: str, on_kraken: Rig, on_binance: Rig) -> Rig:
    return on_kraken if name.startswith("kraken") else on_binance


@pytest.mark.parametrize("name", NAMES)
def test_an_order_whose_answer_goes_wrong_is_unknown_and_sent_once(
    on_kraken: Rig, on_binance: Rig, name: str
) -> None:
    """35 faults and more; a timeout is half a second here."""
    rig = rig_of(name, on_kraken, on_binance)
    accepted: list[Asked] = []

    def goes_wrong(asked: Asked) -> Answer:
        accepted.append(asked)
        return answer_of(name)

    rig.wire.answers[rig.dialect.submit] = goes_wrong
    with pytest.raises(OutcomeUnknown):
        rig.run(lambda venue: venue.submit(rig.request()), timeout_s=2, read_attempts=5)
    assert 1 == len(accepted)


#: An answer to a cancel holds no id that anything hangs on: it says that it was heard.
NO_CANCEL = ("kraken: an empty txid", "kraken: a txid that is none", "binance: a duplicate")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NO_CANCEL])
def test_a_cancel_whose_answer_goes_wrong_is_unknown_and_sent_once(
    on_kraken: Rig, on_binance: Rig, name: str
) -> None:
    rig = rig_of(name, on_kraken, on_binance)
    rig.wire.answers[rig.dialect.cancel] = answer_of(name)
    request = rig.request()
    with pytest.raises(OutcomeUnknown):
        rig.run(
            lambda venue: venue.cancel(request.symbol, request.cl_ord_id, None),
            timeout_s=2,
            read_attempts=5,
        )
    assert 1 == len(rig.wire.asked_for(rig.dialect.cancel))


#: Answers to reads that hold nothing: ccxt makes an empty list of each.
EMPTY: dict[str, Answer] = {
    **{name: answer for name, answer in ON_THE_WAY.items() if name not in ("no answer", "a list")},
    "only an error list": said({"error": []}),
    "a null result": kraken.result(None),
    "a result without the list": kraken.result({}),
    "a list that is none": kraken.result({"open": None, "closed": None, "trades": None, "ledger": None}),
}
READS: dict[str, Callable[[Any, Rig], Any]] = {
    "open orders": lambda venue, rig: venue.open_orders(),
    "closed orders": lambda venue, rig: venue.closed_orders(rig.clock.now()),
    "trades": lambda venue, rig: venue.trades(rig.clock.now()),
    "transfers": lambda venue, rig: venue.transfers(rig.clock.now()),
    "balances": lambda venue, rig: venue.balances(),
}
PATHS = {
    "open orders": ("OpenOrders", "openOrders"),
    "closed orders": ("ClosedOrders", "allOrders"),
    "trades": ("TradesHistory", "myTrades"),
    "transfers": ("Ledgers", "capital/deposit/hisrec"),
    "balances": ("BalanceEx", "account"),
}


@pytest.mark.parametrize("read", READS)
def test_no_list_is_empty_because_an_answer_went_wrong(rig: Rig, read: str) -> None:
    """Absence would be taken for flat: every fault of every list, one after the other."""
    path = PATHS[read][rig.dialect.exchange == "binance"]

    async def each(venue: Any) -> None:
        await READS[read](venue, rig)
        heard = []
        for name, answer in EMPTY.items():
            if read == "balances" and name == "a result without the list":
                continue  # an account that holds nothing
            rig.wire.answers[path] = answer
            rig.clock.advance(60)  # after a 429 nothing is asked for a while
            try:
                heard.append((name, await READS[read](venue, rig)))
            except (OutcomeUnknown, BadVenueData):
                continue
        assert [] == heard

    rig.run(each)


def test_the_faults_are_as_many_as_were_found() -> None:
    """The list may grow; it does not shrink."""
    assert min(len(ON_THE_WAY) + len(words) for words in (KRAKEN, BINANCE)) >= 35
    assert all(json.dumps(each._asdict(), default=str) for each in ON_THE_WAY.values())
