"""What a failed call means: by the operation, the parsed venue code, and ccxt's class of exception.

Rules:
- Definitely refused is only what carries a parsed code of the whitelist, and nothing beside it. ccxt's class
  alone never is a refusal: the same class comes from a proxy, and on another host ccxt maps the same
  code to another class (binance.get_exceptions_by_url reads the host name).
- A code that means several things is on the list only with its message. Codes of a duplicate client order id
  are not on it, nor for an order that of a nonce that was used: a gateway may have repeated our own request.
- HTTP 5xx is unknown whatever it says (Binance docs, HTTP Return Codes), and so is everything else once a
  byte has left. Where none has left, nothing can have happened.
- No text of ccxt is passed on: it holds URLs with signatures. What is told is the class, the status, the
  venue's own code, and the system's own word on a connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from mvx.errors import MvxError, OutcomeUnknown, Refusal, VenueRejected, VenueUnreachable


class Operation(StrEnum):
    SUBMIT = "submit"
    CANCEL = "cancel"
    READ = "read"


class VenueCode(NamedTuple):
    """A venue's own word on an error, parsed from its answer."""

    code: str
    message: str = ""


class Failed(NamedTuple):
    """A call that failed. `left`: something of it may have reached the venue. status: of its last HTTP
    answer, if any. kind: the exception's class. system: what the operating system said of the connection."""

    operation: Operation
    kind: str
    left: bool
    status: int | None = None
    codes: tuple[VenueCode, ...] = ()
    system: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A definite refusal. `code` is the whole code, or where it ends in * its beginning. `says`: the message
    has to begin with one of these. `unless`: the code begins like one that may be something else. `only`: the
    operations in which it is one. `although`: ccxt's class of it, where that alone is unknown."""

    code: str
    reason: str
    about: Refusal = Refusal.REQUEST
    says: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    only: tuple[Operation, ...] = tuple(Operation)
    although: str = ""

    def holds(self, failed: Failed, found: VenueCode) -> bool:
        known = self.code == found.code
        if self.code.endswith("*"):
            known = found.code.startswith(self.code[:-1]) and not found.code.startswith(self.unless)
        said = not self.says or found.message.startswith(self.says)
        of_a_class = MAY_BE_REFUSED.get(failed.kind, False) or self.although == failed.kind
        return known and said and of_a_class and failed.operation in self.only


#: The reason where new orders are too many, and nothing else: reads and cancels go on.
ORDER_RATE = "order_rate"
#: The reason where a key was shut out, and each further attempt prolongs it.
LOCKOUT = "lockout"
_PACE, _SHUT, _KEY = Refusal.THROTTLED, Refusal.CLOSED, Refusal.FORBIDDEN
_ON_ORDERS = (Operation.CANCEL, Operation.READ)

#: https://docs.kraken.com/api/docs/guides/spot-errors, Spot REST Rate Limits, and ccxt kraken.describe
#: exceptions; SDK: Kraken's own, github.com/krakenfx/kraken-api-sdk, rust/docs/guides/error-handling.md.
_KRAKEN = (
    Rule("EOrder:Insufficient funds*", "insufficient_funds"),
    Rule("EOrder:Insufficient margin", "insufficient_funds"),
    Rule("EOrder:Post only order", "post_only"),
    Rule("EOrder:Order minimum not met*", "min_qty"),
    Rule("EGeneral:Invalid arguments:volume minimum not met", "min_qty"),
    Rule("EOrder:Cost minimum not met*", "min_notional"),
    Rule("EOrder:Tick size check failed", "tick"),
    Rule("EOrder:Invalid price*", "price"),
    Rule("EOrder:Orders limit exceeded", "too_many_orders"),
    Rule("EOrder:Positions limit exceeded", "too_many_orders"),
    Rule("EOrder:Trading agreement required", "forbidden", _KEY),
    Rule("EBM:limit exceeded*", "forbidden"),
    Rule("EOrder:Unknown order", "unknown_order", only=_ON_ORDERS),
    # SDK: "same wire string for already-gone (cancelled/filled) and never-valid ids"
    Rule("EOrder:Invalid order", "unknown_order", only=_ON_ORDERS),
    Rule("EQuery:Unknown asset pair", "unknown_symbol"),
    Rule("EQuery:Invalid asset pair", "unknown_symbol"),
    Rule("EQuery:Unknown asset", "unknown_symbol"),
    # What is said of a client order id that is in use is not documented: it may be one of these.
    Rule(
        "EGeneral:Invalid arguments:*", "invalid_arguments", unless=("EGeneral:Invalid arguments:cl_ord_id",)
    ),
    Rule("EGeneral:Invalid arguments", "invalid_arguments", only=_ON_ORDERS),
    Rule("EGeneral:Unknown method", "unknown_method"),
    # Whatever a gateway sends a second time comes with a nonce that was used: the first may be an order.
    Rule("EAPI:Invalid nonce", "nonce", only=_ON_ORDERS),
    Rule("EAPI:Invalid key", "key", _KEY),
    Rule("EAPI:Invalid signature", "signature", _KEY),
    Rule("EAPI:Feature disabled", "forbidden", _KEY),
    Rule("EGeneral:Permission denied", "permission", _KEY),
    Rule("EAPI:Permission denied", "permission", _KEY),
    Rule("EAuth:Account*", "forbidden", _KEY),
    Rule("EAccount:Invalid permissions*", "permission", _KEY),
    # SDK: a time may stand behind those that count calls; of orders, of a market and of the whole account
    Rule("EAPI:Rate limit exceeded*", "rate_limit", _PACE),
    Rule("EAuth:Rate limit exceeded*", "rate_limit", _PACE),
    Rule("EAuth:Too many requests*", "rate_limit", _PACE),
    Rule("EGeneral:Too many requests*", "rate_limit", _PACE),
    Rule("EOrder:Rate limit exceeded", "rate_limit", _PACE),
    Rule("EOrder:Domain rate limit exceeded", "rate_limit", _PACE),
    # Too many at a time. Of an order nobody says that it was not taken
    Rule("EService:Throttled*", "rate_limit", _PACE, only=_ON_ORDERS),
    Rule("EService: Throttled*", "rate_limit", _PACE, only=_ON_ORDERS),
    Rule("EGeneral:Temporary lockout", LOCKOUT, _PACE),
    Rule("EService:Market in cancel_only mode", "closed", _SHUT),
    Rule("EService:Market in post_only mode", "closed", _SHUT),
    Rule("EService:Market in limit_only mode", "closed", _SHUT),
)

#: https://github.com/binance/binance-spot-api-docs/blob/master/errors.md. Of -1010 and -2010 ("an error has
#: been returned by the matching engine") only these messages; "Duplicate order sent." is not among them.
_ENGINE_SAYS: tuple[tuple[str, str, Refusal], ...] = (
    ("Account has insufficient balance for requested action.", "insufficient_funds", Refusal.REQUEST),
    ("Order would immediately match and take.", "post_only", Refusal.REQUEST),
    ("Market is closed.", "closed", _SHUT),
    ("This action is disabled on this account.", "forbidden", _KEY),
    ("This account may not place or cancel orders.", "forbidden", _KEY),
    ("This symbol is not permitted for this account.", "forbidden", Refusal.REQUEST),
    ("This symbol is restricted for this account.", "forbidden", Refusal.REQUEST),
    ("Rest API trading is not enabled.", "closed", _SHUT),
    ("Unsupported order combination", "invalid_arguments", Refusal.REQUEST),
    ("Price * QTY is zero or less.", "min_notional", Refusal.REQUEST),
    ("Filter failure: ", "filter", Refusal.REQUEST),
)
#: -1013: "The request is rejected by the API. (i.e. The request didn't reach the Matching Engine.)"
_FILTERS = (
    Rule("-1013", "tick", says=("Filter failure: PRICE_FILTER",)),
    Rule("-1013", "price", says=("Filter failure: PERCENT_PRICE",)),
    Rule("-1013", "lot", says=("Filter failure: LOT_SIZE",)),
    Rule("-1013", "min_notional", says=("Filter failure: NOTIONAL", "Filter failure: MIN_NOTIONAL")),
    Rule("-1013", "too_many_orders", says=("Filter failure: MAX_NUM", "Filter failure: EXCHANGE_MAX_NUM")),
    Rule("-1013", "closed", _SHUT, says=("Market is closed.",)),
    Rule("-1013", "invalid_arguments"),
)
#: 11xx are "Request issues", found before anything is done.
_REQUEST_ISSUES = (
    *("-1014", "-1020", "-1100", "-1101", "-1102", "-1103", "-1104", "-1105", "-1106", "-1108", "-1111"),
    *("-1114", "-1115", "-1116", "-1117", "-1118", "-1119", "-1122", "-1127", "-1128", "-1130"),
    *("-1131", "-1134", "-1135", "-1145", "-1151"),
)
#: What ccxt makes of -1010 and -1112 by the code alone (binance.describe, exceptions.exact), as of -1000 and
#: -1006, which are not on the list.
_BY_CODE = "OperationFailed"
_BINANCE = (
    *_FILTERS,
    *(
        Rule(code, reason, about, says=(message,), although=although)
        for code, although in (("-2010", ""), ("-1010", _BY_CODE))
        for message, reason, about in _ENGINE_SAYS
    ),
    *(Rule(code, "invalid_arguments") for code in _REQUEST_ISSUES),
    Rule("-1112", "invalid_arguments", although=_BY_CODE),
    Rule("-1121", "unknown_symbol"),
    Rule("-1021", "timestamp"),
    Rule("-1003", "rate_limit", _PACE),
    Rule("-1015", ORDER_RATE, _PACE),
    Rule("-1022", "signature", _KEY),
    Rule("-1002", "key", _KEY),
    Rule("-2008", "key", _KEY),
    Rule("-2014", "key", _KEY),
    Rule("-2015", "key", _KEY),
    Rule("-2011", "unknown_order", says=("Unknown order sent.",), only=(Operation.CANCEL,)),
    Rule("-2013", "unknown_order", only=_ON_ORDERS),
    Rule("-2026", "unknown_order", only=_ON_ORDERS),
)

REFUSALS: Mapping[str, tuple[Rule, ...]] = {"kraken": _KRAKEN, "binance": _BINANCE}

#: ccxt's classes (ccxt/base/errors.py): whether a call that ended in one may have been refused by the
#: parsed code that came with it. A class that is not here is unknown.
MAY_BE_REFUSED: Mapping[str, bool] = {
    "BaseError": False,
    "ExchangeError": True,  # Kraken's EAPI:Invalid signature, EOrder:Post only order
    "AuthenticationError": True,
    "PermissionDenied": True,
    "AccountNotEnabled": True,
    "AccountSuspended": True,
    "ArgumentsRequired": False,  # ccxt's own, before anything left
    "BadRequest": True,
    "BadSymbol": True,
    "OperationRejected": True,
    "NoChange": False,
    "MarginModeAlreadySet": False,
    "MarketClosed": True,
    "ManualInteractionNeeded": False,
    "RestrictedLocation": False,
    "InsufficientFunds": True,
    "InvalidAddress": False,
    "AddressPending": False,
    "InvalidOrder": True,
    "OrderNotFound": True,
    "OrderNotCached": False,
    "OrderImmediatelyFillable": True,
    "OrderNotFillable": True,
    "DuplicateOrderId": False,  # a gateway may have repeated our own request
    "ContractUnavailable": False,
    "NotSupported": True,  # Binance's -1020 in some of its tables
    "InvalidProxySettings": False,
    "ExchangeClosedByUser": False,
    "OperationFailed": False,
    "NetworkError": False,
    "DDoSProtection": True,  # rate limits, with their code
    "RateLimitExceeded": True,
    "ExchangeNotAvailable": False,
    "OnMaintenance": True,  # Kraken's EService:Market in cancel_only mode
    "InvalidNonce": True,
    "ChecksumError": False,
    "RequestTimeout": False,
    "BadResponse": False,
    "NullResponse": False,
    "CancelPending": False,
    "UnsubscribeError": False,
}


def meaning(venue: str, exchange: str, failed: Failed) -> MvxError:
    """The error of the port that a failed call ends in."""
    if (refusal := _refusal(REFUSALS.get(exchange, ()), failed)) is not None:
        said = _said(failed.codes)
        return VenueRejected(f"{venue}: refused: {said}", reason_code=refusal.reason, about=refusal.about)
    why = _said(failed.codes) or failed.system or failed.kind
    if failed.status is not None and failed.status != 200:
        why = f"HTTP {failed.status} {why}"
    if not failed.left:
        return VenueUnreachable(f"{venue}: not reached: {why}")
    return OutcomeUnknown(f"{venue}: no answer to rely on: {why}")


def _refusal(rules: Iterable[Rule], failed: Failed) -> Rule | None:
    """The rule of a definite refusal; None where it is none."""
    if not failed.codes or (failed.status or 0) >= 500:
        return None
    found = [next((rule for rule in rules if rule.holds(failed, code)), None) for code in failed.codes]
    return found[0] if all(found) else None


def _said(codes: Iterable[VenueCode]) -> str:
    return "; ".join(f"{each.code} {each.message}".strip() for each in codes)
