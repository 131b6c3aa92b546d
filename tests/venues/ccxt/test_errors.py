"""What a failed call means: a definite refusal only by a parsed code of the list, and unknown otherwise."""

from __future__ import annotations

import inspect
import itertools
import json
from importlib import import_module
from typing import NamedTuple

import pytest

from mvx.errors import OutcomeUnknown, Refusal, VenueRejected, VenueUnreachable
from mvx.venues.ccxt.errors import MAY_BE_REFUSED, REFUSALS, Failed, Operation, VenueCode, meaning
from mvx.venues.ccxt.load import load_exchange
from tests.venues.ccxt import binance, kraken
from tests.venues.ccxt.loopback import Answer, said
from tests.venues.ccxt.venue import API_KEY, API_SECRET, BINANCE, KRAKEN, Rig

REQUEST, THROTTLED, CLOSED, FORBIDDEN = Refusal


def test_every_exception_of_ccxt_has_its_row() -> None:
    """A new one has to be thought about before the range of versions is widened."""
    errors = import_module("ccxt.base.errors")
    classes = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}
    assert {name for name in classes if name in errors.__all__} == set(MAY_BE_REFUSED)


class Refused(NamedTuple):
    answer: Answer
    reason: str
    about: Refusal


def on_kraken(reason: str, about: Refusal, *codes: str) -> dict[str, Refused]:
    return {f"kraken {code}": Refused(kraken.error(code), reason, about) for code in codes}


def on_binance(reason: str, about: Refusal, code: int, message: str, status: int = 400) -> dict[str, Refused]:
    answer = binance.error(code, message, status)
    return {f"binance {code} {message}": Refused(answer, reason, about)}


REFUSED = {
    **on_kraken("insufficient_funds", REQUEST, "EOrder:Insufficient funds", "EOrder:Insufficient margin"),
    **on_kraken("post_only", REQUEST, "EOrder:Post only order"),
    **on_kraken("min_qty", REQUEST, "EOrder:Order minimum not met", "EOrder:Order minimum not met:BTC"),
    **on_kraken("min_notional", REQUEST, "EOrder:Cost minimum not met"),
    **on_kraken("tick", REQUEST, "EOrder:Tick size check failed"),
    **on_kraken("price", REQUEST, "EOrder:Invalid price:Invalid price argument"),
    **on_kraken("too_many_orders", REQUEST, "EOrder:Orders limit exceeded"),
    **on_kraken("unknown_symbol", REQUEST, "EQuery:Unknown asset pair", "EQuery:Invalid asset pair"),
    **on_kraken("invalid_arguments", REQUEST, "EGeneral:Invalid arguments:price"),
    **on_kraken("key", FORBIDDEN, "EAPI:Invalid key"),
    **on_kraken("signature", FORBIDDEN, "EAPI:Invalid signature"),
    **on_kraken("permission", FORBIDDEN, "EGeneral:Permission denied", "EAPI:Permission denied"),
    **on_kraken("forbidden", FORBIDDEN, "EAuth:Account temporary disabled", "EAuth:Account unconfirmed"),
    **on_kraken("forbidden", REQUEST, "EBM:limit exceeded:CAL"),
    **on_kraken("rate_limit", THROTTLED, "EAPI:Rate limit exceeded", "EOrder:Rate limit exceeded"),
    **on_kraken("rate_limit", THROTTLED, "EAPI:Rate limit exceeded: 1795348805"),
    **on_kraken("rate_limit", THROTTLED, "EAuth:Rate limit exceeded", "EAuth:Too many requests"),
    **on_kraken("rate_limit", THROTTLED, "EOrder:Domain rate limit exceeded", "EGeneral:Too many requests"),
    **on_kraken("lockout", THROTTLED, "EGeneral:Temporary lockout"),
    **on_kraken("closed", CLOSED, "EService:Market in cancel_only mode", "EService:Market in post_only mode"),
    **on_binance(
        "insufficient_funds", REQUEST, -2010, "Account has insufficient balance for requested action."
    ),
    **on_binance("post_only", REQUEST, -2010, "Order would immediately match and take."),
    **on_binance("closed", CLOSED, -1013, "Market is closed."),
    **on_binance("tick", REQUEST, -1013, "Filter failure: PRICE_FILTER"),
    **on_binance("lot", REQUEST, -1013, "Filter failure: LOT_SIZE"),
    **on_binance("min_notional", REQUEST, -1013, "Filter failure: NOTIONAL"),
    **on_binance("price", REQUEST, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    **on_binance("too_many_orders", REQUEST, -1013, "Filter failure: MAX_NUM_ORDERS"),
    **on_binance("invalid_arguments", REQUEST, -1111, "Parameter 'quantity' has too much precision."),
    **on_binance("invalid_arguments", REQUEST, -1112, "No orders on book for symbol."),
    **on_binance("forbidden", FORBIDDEN, -1010, "This action is disabled on this account."),
    **on_binance("unknown_symbol", REQUEST, -1121, "Invalid symbol."),
    **on_binance("timestamp", REQUEST, -1021, "Timestamp for this request is outside of the recvWindow."),
    **on_binance("rate_limit", THROTTLED, -1003, "Too many requests; current limit is 6000.", 429),
    **on_binance("order_rate", THROTTLED, -1015, "Too many new orders; current limit is 100 per 10 SECOND."),
    **on_binance("signature", FORBIDDEN, -1022, "Signature for this request is not valid."),
    **on_binance("key", FORBIDDEN, -2014, "API-key format invalid."),
    **on_binance("key", FORBIDDEN, -2015, "Invalid API-key, IP, or permissions for action.", 401),
}

#: Codes that say nothing for sure: they mean several things, or that the venue itself does not know.
UNSURE = {
    **{
        f"kraken {codes}": kraken.error(*codes)
        for codes in (
            ("EService:Unavailable",), ("EService:Busy",), ("EService:Timeout",),
            ("EGeneral:Internal error",), ("EDatabase:Internal error",),
            ("EGeneral:Invalid arguments",), ("EOrder:Unknown order",), ("EOrder:Invalid order",),
            ("EService:Throttled: 1795348805",), ("EService:Deadline elapsed",),
            ("EGeneral:Invalid arguments:cl_ord_id",), ("EOrder:Something new",), ("WOrder:Slow",),
            ("EGeneral:Invalid arguments:cl_ord_id already in use",),
            ("EAPI:Invalid nonce",),
            ("EOrder:Insufficient funds", "EService:Unavailable"),
        )
    },
    **{
        f"binance {code} {message}": binance.error(code, message)
        for code, message in (
            (-2010, "Duplicate order sent."), (-2010, "Something new."), (-1010, "ERROR_MSG_RECEIVED"),
            (-1000, "An unknown error occurred while processing the request."),
            (-1001, "Internal error; unable to process your request. Please try again."),
            (-1006, "An unexpected response was received from the message bus. Execution status unknown."),
            (-1007, "Timeout waiting for response from backend server. Send status unknown."),
            (-1008, "Server is currently overloaded with other requests. Please try again in a few minutes."),
            (-2013, "Order does not exist."), (-9999, "Something new."),
        )
    },
    "binance -1121 behind a 503": binance.error(-1121, "Invalid symbol.", 503),
    "kraken EAPI:Invalid key behind a 502": kraken.error("EAPI:Invalid key", status=502),
}  # fmt: skip


def rig_of(name: str, rigs: dict[str, Rig]) -> Rig:
    return rigs[name.partition(" ")[0]]


@pytest.fixture
def rigs(on_kraken: Rig, on_binance: Rig) -> dict[str, Rig]:
    """Both, over one wire."""
    return {KRAKEN.exchange: on_kraken, BINANCE.exchange: on_binance}


@pytest.mark.parametrize("name", REFUSED)
def test_a_definite_refusal_is_told_by_the_venues_own_code(rigs: dict[str, Rig], name: str) -> None:
    """Whatever class ccxt makes of it, which depends on the host."""
    rig, refused = rig_of(name, rigs), REFUSED[name]
    rig.wire.answers[rig.dialect.submit] = refused.answer
    with pytest.raises(VenueRejected) as met:
        rig.run(lambda venue: venue.submit(rig.request()))
    assert (refused.reason, refused.about) == (met.value.reason_code, met.value.about)


HOSTS = {
    "kraken": ("https://api.kraken.com/0/private/AddOrder",),
    "binance": ("https://api.binance.com/api/v3/order", "https://testnet.binance.vision/api/v3/order"),
}


@pytest.mark.parametrize("exchange", HOSTS)
def test_every_code_of_the_list_is_a_refusal_in_the_class_that_ccxt_makes_of_it(exchange: str) -> None:
    """A rule that no call can meet says nothing."""
    ccxt, base_error = load_exchange(exchange)({}), import_module("ccxt.base.errors").BaseError
    for rule, url in itertools.product(REFUSALS[exchange], HOSTS[exchange]):
        for code in [VenueCode(rule.code.rstrip("*"), text) for text in rule.says or ("",)]:
            binances = {"code": code.code, "msg": code.message}
            body = json.dumps({"error": [code.code]} if exchange == "kraken" else binances)
            status = 200 if exchange == "kraken" else 400
            with pytest.raises(base_error) as raised:
                ccxt.handle_errors(status, "", url, "POST", {}, body, json.loads(body), {}, "")
            kind = raised.type.__name__
            for operation in rule.only:
                failed = Failed(operation, kind, left=True, status=status, codes=(code,))
                assert isinstance(meaning(exchange, exchange, failed), VenueRejected), (code, kind)


@pytest.mark.parametrize("name", UNSURE)
def test_a_code_that_is_not_on_the_list_refuses_nothing(rigs: dict[str, Rig], name: str) -> None:
    rig = rig_of(name, rigs)
    rig.wire.answers[rig.dialect.submit] = UNSURE[name]
    with pytest.raises(OutcomeUnknown):
        rig.run(lambda venue: venue.submit(rig.request()))
    assert 1 == len(rig.wire.asked_for(rig.dialect.submit))


NOT_OPEN = {
    "kraken EOrder:Unknown order": kraken.error("EOrder:Unknown order"),
    # github.com/krakenfx/kraken-api-sdk, rust/docs/guides/error-handling.md: gone, or never there
    "kraken EOrder:Invalid order": kraken.error("EOrder:Invalid order"),
    "binance -2011 Unknown order sent.": binance.error(-2011, "Unknown order sent."),
}


@pytest.mark.parametrize("name", NOT_OPEN)
def test_a_cancel_of_an_order_that_is_not_open_is_refused(rigs: dict[str, Rig], name: str) -> None:
    rig = rig_of(name, rigs)
    rig.wire.answers[rig.dialect.cancel] = NOT_OPEN[name]
    with pytest.raises(VenueRejected) as met:
        rig.run(lambda venue: venue.cancel(rig.dialect.symbol, rig.request().cl_ord_id, None))
    assert "unknown_order" == met.value.reason_code


@pytest.mark.parametrize("code", ["EService:Throttled: 1795348805", "EService: Throttled: 1795348805"])
def test_a_read_that_came_with_too_many_others_is_told_to_stand_back(on_kraken: Rig, code: str) -> None:
    """Docs, Spot REST Rate Limits: "too many concurrent requests. Try again after [timestamp]"."""
    on_kraken.wire.answers["OpenOrders"] = kraken.error(code)
    with pytest.raises(VenueRejected) as met:
        on_kraken.run(lambda venue: venue.open_orders())
    assert THROTTLED is met.value.about


CODE = (VenueCode("EOrder:Insufficient funds"),)


def test_a_class_alone_is_no_refusal_and_neither_is_a_code_in_the_wrong_class() -> None:
    """ccxt raises InsufficientFunds of a text that a proxy wrote, and NetworkError of many things."""
    for kind, may_be in MAY_BE_REFUSED.items():
        bare = Failed(Operation.SUBMIT, kind, left=True, status=200)
        assert isinstance(meaning("kraken", "kraken", bare), OutcomeUnknown)
        coded = meaning("kraken", "kraken", bare._replace(codes=CODE))
        assert isinstance(coded, VenueRejected if may_be else OutcomeUnknown), kind
    foreign = Failed(Operation.SUBMIT, "AttributeError at kraken.py:1", left=True, status=200, codes=CODE)
    assert isinstance(meaning("kraken", "kraken", foreign), OutcomeUnknown)


@pytest.mark.parametrize(
    "kind",
    [
        *("BaseError", "DuplicateOrderId", "OperationFailed", "NetworkError", "ExchangeNotAvailable"),
        *("RequestTimeout", "BadResponse", "NullResponse", "CancelPending", "ChecksumError", "NoChange"),
        *("InvalidAddress", "ManualInteractionNeeded", "TimeoutError", "CancelledError"),
    ],
)
def test_what_may_have_happened_on_the_way_is_no_refusal_whatever_code_came(kind: str) -> None:
    """One of these says that nobody knows, or that the order is there already."""
    failed = Failed(Operation.SUBMIT, kind, left=True, status=200, codes=CODE)
    assert isinstance(meaning("kraken", "kraken", failed), OutcomeUnknown)


def test_what_never_left_is_not_uncertain() -> None:
    """Whatever was raised."""
    for kind in (*MAY_BE_REFUSED, "AttributeError at kraken.py:1"):
        failed = Failed(Operation.SUBMIT, kind, left=False)
        assert isinstance(meaning("kraken", "kraken", failed), VenueUnreachable)


def test_every_venue_with_a_list_has_one_for_its_pace_its_doors_and_its_keys() -> None:
    for exchange, rules in REFUSALS.items():
        assert set(Refusal) == {rule.about for rule in rules}, exchange


@pytest.mark.parametrize("secret", [API_KEY, API_SECRET])
def test_a_venue_that_says_a_key_aloud_is_not_repeated(rig: Rig, secret: str) -> None:
    """Short enough to be shown."""
    rig.wire.answers["AddOrder"] = kraken.error(f"EOrder:What is {secret}?")
    rig.wire.answers["order"] = binance.error(-9999, f"What is {secret}?")
    with pytest.raises(OutcomeUnknown, match=r"What is \*\*\*\?"):
        rig.run(lambda venue: venue.submit(rig.request()))


def test_an_error_shows_neither_keys_nor_signatures(rig: Rig) -> None:
    """A venue may send back what it was sent."""

    def echo(asked: object) -> Answer:
        return said({"error": [f"EOrder:{asked}"], "code": -9999, "msg": str(asked)}, status=400)

    rig.wire.answers[rig.dialect.submit] = echo
    with pytest.raises(OutcomeUnknown) as met:
        rig.run(lambda venue: venue.submit(rig.request()))
    assert "canary" not in str(met.value)
    assert met.value.__cause__ is None
