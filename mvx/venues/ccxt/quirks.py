"""What no number can say: the few places where a venue needs code of its own. Everything else is data in
mvx/venues/capabilities.py, and nothing else in this folder knows a venue by name.

Each function names the place in ccxt 4.5.90 or in the venue's documents that makes it necessary.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from mvx.domain.instant import MICROS_PER_S, Instant, seconds_between
from mvx.domain.order import OrderRequest, TimeInForce
from mvx.errors import BadVenueData, DeadlinePassed
from mvx.venues.capabilities import BINANCE, KRAKEN, OrderDeadline
from mvx.venues.ccxt.errors import VenueCode
from mvx.venues.ccxt.parse import Times

Params = dict[str, Any]
MILLISECOND = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Pages:
    """The names of paging in one list. from_id: rows from this id on; first_id: the least that there is;
    until: up to this time; extra: what is always asked for."""

    offset: str = "ofs"
    from_id: str = ""
    first_id: int = 1
    until: str = "endTime"
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quirks:
    """One venue. config: for ccxt's constructor. answers: by endpoint, where a good answer holds its rows or
    its id; ccxt takes an answer without them for an empty one. codes: the venue's own words on an error.
    total: how many rows a list has in all, where an answer tells. on_margin: a trade that moved no balance;
    of_another_wallet: a transfer that moved none of the spot account's.
    order_row, trade_row: a record as ccxt can read it. order_keys: what an order's record always holds.
    gross_key: where a trade's record holds what it moved in quote; empty: its ledger tells.
    held_key: where a deposit's record says that it is done and held back: 0, it is not; empty: nowhere.
    balances: where an answer holds its rows, and these their amounts. restore: what has to be said to ccxt's
    object once it knows its markets. tick: where a market's is not where ccxt looks for it. ask_rights:
    ccxt's method that asks what the key may do. rights: of its answer, the rights that the key has, and
    whether it is taken from any address. Raises BadVenueData. ask_owner: ccxt's method that asks whose the
    key is. owner: of its answer, the venue's name of the account."""

    config: Mapping[str, Any]
    times: Times
    answers: Mapping[str, tuple[str, ...]]
    codes: Callable[[object], tuple[VenueCode, ...]]
    order_params: Callable[[OrderRequest], Params]
    deadline_params: Callable[[Instant, Instant], Params]
    total: Callable[[object], int | None]
    trades: Pages
    closed_orders: Pages
    on_margin: Callable[[Mapping[str, Any]], bool]
    of_another_wallet: Callable[[Mapping[str, Any]], bool]
    order_row: Callable[[Any], Any]
    trade_row: Callable[[Any], Any]
    order_keys: tuple[str, ...]
    gross_key: str
    held_key: str
    balances: tuple[tuple[str, ...], tuple[str, ...]]
    restore: Callable[[Any], None]
    tick: Callable[[Mapping[str, Any]], str | None]
    ask_rights: str
    rights: Callable[[Any], tuple[frozenset[str], bool]]
    ask_owner: str
    owner: Callable[[Any], object]


def too_late(deadline: Instant, now: Instant, rule: OrderDeadline) -> bool:
    """Whether what is left is less than the venue takes."""
    return seconds_between(now, deadline) < rule.least_s


def _time_in_force(request: OrderRequest) -> Params:
    """A post-only order carries none: Binance's LIMIT_MAKER refuses it (docs, New order), and ccxt's PO
    goes out to Kraken as timeinforce=PO (kraken.order_request)."""
    if request.post_only:
        return {"postOnly": True}
    return {"timeInForce": request.time_in_force.value.upper()}


# Kraken


def _kraken_codes(answer: object) -> tuple[VenueCode, ...]:
    """`{"error": ["EOrder:Insufficient funds"]}` (ccxt kraken.handle_errors)."""
    errors = answer.get("error") if isinstance(answer, dict) else None
    listed = errors if isinstance(errors, list) else [errors] if isinstance(errors, str) else []
    return tuple(VenueCode(error[:200]) for error in listed if isinstance(error, str) and error)


def _kraken_order(request: OrderRequest) -> Params:
    """The fee in quote is asked for: docs, Add Order, has `fcib` as the default of a sell. GTC is the
    venue's default."""
    params = _time_in_force(request)
    if request.time_in_force is TimeInForce.GTC:
        params.pop("timeInForce", None)
    return {**params, "oflags": "fciq"}


def _kraken_deadline(deadline: Instant, venue_now: Instant) -> Params:
    """Docs, Add Order: an RFC 3339 instant, no more than 60 s off; ours may be earlier, never later."""
    rule = KRAKEN.deadline
    latest = Instant(venue_now + round((rule.most_s - rule.step_s) * MICROS_PER_S))
    whole = Instant(min(deadline, latest) // MICROS_PER_S * MICROS_PER_S)
    if too_late(whole, venue_now, rule):
        raise DeadlinePassed(f"the venue takes no order whose deadline is less than {rule.least_s:g} s off")
    stamp = datetime.fromtimestamp(whole // MICROS_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {rule.parameter: stamp}


def _kraken_total(answer: object) -> int | None:
    """`{"result": {"trades": {...}, "count": 12}}` (docs, Get Trades History)."""
    result = answer.get("result") if isinstance(answer, dict) else None
    count = result.get("count") if isinstance(result, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def _kraken_on_margin(info: Mapping[str, Any]) -> bool:
    """`"margin": "102.99720"` (docs, Get Trades History): no spot balance moved."""
    margin = info.get("margin")
    return isinstance(margin, str) and bool(margin.strip("0."))


def _kraken_order_row(order: Any) -> Any:
    """kraken.parse_order splits the prose of an order at its blanks, and fails on a kind that it does not
    know. The fields beside it say the same (docs, Get Closed Orders). It takes an offset for a price, such as
    the +100 of a trailing stop (kraken.order_request, trailingAmountString), unless it is a percentage."""
    described = order.get("descr") if isinstance(order, dict) else None
    if not isinstance(described, dict) or not {"pair", "type", "ordertype"} <= described.keys():
        return order
    told = {key: value for key, value in described.items() if key != "order"}
    offsets = {key: "0" for key in ("price", "price2") if _is_offset(told.get(key))}
    return {**order, "descr": told | offsets}


def _is_offset(price: object) -> bool:
    """Docs, Add Order, price and price2: those that begin with one of these are relative."""
    return isinstance(price, str) and price.startswith(("+", "-", "#"))


def _kraken_restore(exchange: Any) -> None:
    """kraken.fetch_markets keeps this on the side, and set_markets does not know it."""
    exchange.options["marketsByAltname"] = exchange.index_by(list(exchange.markets.values()), "altname")


def _kraken_tick(market: Mapping[str, Any]) -> str | None:
    """Docs, Get Tradable Asset Pairs: tick_size may be coarser than pair_decimals, which is all that
    kraken.fetch_markets reads."""
    info = market.get("info")
    tick = info.get("tick_size") if isinstance(info, dict) else None
    return tick if isinstance(tick, str) else None


def _kraken_rights(answer: Any) -> tuple[frozenset[str], bool]:
    """`{"result": {"permissions": ["query-funds"], "queryTo": "0", "ipAllowlist": []}}` (docs, Get API Key
    Info). A bound of what may be asked for that is not set counts as a right: `queryTo=0`."""
    result = answer["result"]  # `answers` says that it is there
    granted, addresses = result["permissions"], result.get("ipAllowlist")
    if not isinstance(granted, list) or not all(isinstance(each, str) for each in granted):
        raise BadVenueData("kraken: what it says of the key's rights can not be read")
    unbounded = [f"{bound}=0" for bound in ("queryFrom", "queryTo") if result.get(bound) in ("0", 0, None)]
    return frozenset([*granted, *unbounded]), not addresses


_KRAKEN = Quirks(
    config={},
    times=Times("time", "opentm", ("closetm",), "", Decimal(1)),
    answers={
        "Time": ("result", "unixtime"),
        "SystemStatus": ("result", "status"),
        "Assets": ("result",),
        "AssetPairs": ("result",),
        "Depth": ("result",),
        "BalanceEx": ("result",),
        "GetApiKeyInfo": ("result", "permissions"),
        "TradeVolume": ("result", "fees"),
        "OpenOrders": ("result", "open"),
        "ClosedOrders": ("result", "closed"),
        "TradesHistory": ("result", "trades"),
        "Ledgers": ("result", "ledger"),
        "AddOrder": ("result", "txid"),
        "CancelOrder": ("result", "count"),
    },
    codes=_kraken_codes,
    order_params=_kraken_order,
    deadline_params=_kraken_deadline,
    total=_kraken_total,
    # docs, Get Trades History: consolidate_taker is on by default, and makes one row of several trades. Text,
    # for ccxt's urlencode_nested writes False
    trades=Pages(extra={"consolidate_taker": "false"}),
    closed_orders=Pages(extra={"closetime": "close"}),
    on_margin=_kraken_on_margin,
    of_another_wallet=lambda info: False,
    order_row=_kraken_order_row,
    trade_row=lambda trade: trade,
    order_keys=("status", "opentm", "vol", "vol_exec", "descr"),
    gross_key="",
    held_key="",
    balances=(("result",), ("balance",)),
    restore=_kraken_restore,
    tick=_kraken_tick,
    ask_rights="private_post_getapikeyinfo",
    rights=_kraken_rights,
    # docs, Get API Key Info, and Account Transfer: "IIBAN of the source account", a subaccount's perhaps
    ask_owner="private_post_getapikeyinfo",
    owner=lambda answer: found_at(answer, ("result", "iban")),
)


# Binance


def _binance_codes(answer: object) -> tuple[VenueCode, ...]:
    """`{"code": -1121, "msg": "Invalid symbol."}`; 0 and 200 are none (ccxt binance.handle_errors)."""
    code = answer.get("code") if isinstance(answer, dict) else None
    if isinstance(code, bool) or not isinstance(code, int | str) or str(code) in ("0", "200", ""):
        return ()
    message = answer.get("msg") if isinstance(answer, dict) else ""
    return (VenueCode(str(code)[:20], message[:200] if isinstance(message, str) else ""),)


def _binance_deadline(deadline: Instant, venue_now: Instant) -> Params:
    """Docs, Timing security: it is valid for recvWindow ms after its timestamp. ccxt binance.sign takes
    both."""
    rule = BINANCE.deadline
    timestamp = venue_now // 1_000
    window_ms = min(deadline // 1_000 - timestamp, int(rule.most_s * 1_000))
    if window_ms < 1:
        raise DeadlinePassed("the deadline had passed before it was sent")
    return {"timestamp": timestamp, rule.parameter: window_ms}


def _binance_rights(answer: Any) -> tuple[frozenset[str], bool]:
    """`{"ipRestrict": false, "enableReading": true, "enableWithdrawals": false, ...}` (docs, Get API Key
    Permission)."""
    rights = BINANCE.rights
    assert rights is not None
    told = {name: answer.get(name) for name in (*rights.needed, *rights.withdrawing, "ipRestrict")}
    if not all(isinstance(value, bool) for value in told.values()):
        raise BadVenueData("binance: what it says of the key's rights can not be read")
    return frozenset(name for name, value in told.items() if value), not told["ipRestrict"]


def _binance_trade_row(trade: Any) -> Any:
    """binance.parse_trade takes whatever is not true for a sale."""
    if not isinstance(trade, dict):
        return trade
    is_buyer = trade.get("isBuyer")
    side = "buy" if is_buyer is True else "sell" if is_buyer is False else None
    return {**trade, "side": side}


def _nothing(_: Any) -> None:
    return None


_BINANCE = Quirks(
    config={
        # binance.fetch_currencies and fetch_markets ask sapi, fapi and dapi otherwise
        "has": {"fetchCurrencies": False},
        "options": {
            "fetchMarkets": {"types": ["spot"]},
            "fetchMargins": False,
            "fetchOpenOrders": {"warnWithoutSymbol": False},
            "newOrderRespType": {"market": "RESULT", "limit": "RESULT"},
        },
    },
    times=Times("time", "time", ("updateTime",), "completeTime", MILLISECOND),
    answers={
        "time": ("serverTime",),
        "system/status": ("status",),
        "exchangeInfo": ("symbols",),
        "depth": ("bids",),
        "account": ("balances",),
        "account/apiRestrictions": ("enableReading",),
        "order": ("orderId",),
        "openOrders": (),
        "allOrders": (),
        "myTrades": (),
        "capital/deposit/hisrec": (),
        "capital/withdraw/history": (),
        "asset/tradeFee": (),
    },
    codes=_binance_codes,
    order_params=_time_in_force,
    deadline_params=_binance_deadline,
    total=_nothing,
    trades=Pages(from_id="fromId", first_id=0),  # docs, 24hr ticker: "firstId": 0
    closed_orders=Pages(from_id="orderId"),
    on_margin=lambda info: info.get("isIsolated") is not None,
    # docs, Deposit history and Withdraw history: "1: Funding Wallet 0: Spot Wallet"
    of_another_wallet=lambda info: info.get("walletType") == 1,
    order_row=lambda order: order,
    trade_row=_binance_trade_row,
    order_keys=("symbol", "status", "side", "time", "updateTime", "origQty", "executedQty"),
    gross_key="quoteQty",  # docs, Account trade list
    # docs, Deposit history: "0: travel rule not required OR info already provided and funds ready to use, 1:
    # travel rule required to provide deposit info"
    held_key="travelRuleStatus",
    balances=(("balances",), ("free", "locked")),
    restore=_nothing,
    tick=_nothing,
    ask_rights="sapi_get_account_apirestrictions",
    rights=_binance_rights,
    ask_owner="private_get_account",
    owner=lambda answer: found_at(answer, ("uid",)),  # docs, Account information
)

QUIRKS: Mapping[str, Quirks] = {"kraken": _KRAKEN, "binance": _BINANCE}


def holds(answer: object, keys: tuple[str, ...]) -> bool:
    """Whether an answer holds something at the end of these keys; with none, whether it is a list."""
    if not keys:
        return isinstance(answer, list)
    return found_at(answer, keys) is not None


def tells(answer: object, keys: tuple[str, ...]) -> bool:
    """Whether that is more than an empty place for it (Kraken docs, Errors: `"result": {}` with an error)."""
    return found_at(answer, keys) not in (None, {})


def found_at(answer: object, keys: tuple[str, ...]) -> object:
    """What an answer holds at the end of these keys; None: nothing."""
    for key in keys:
        answer = answer.get(key) if isinstance(answer, dict) else None
    return answer


def rows_at(answer: object, keys: tuple[str, ...]) -> list[object]:
    """The rows of a list, or of a table by name; of anything else, that itself, which is no row."""
    found = found_at(answer, keys)
    return found if isinstance(found, list) else list(found.values()) if isinstance(found, dict) else [found]


def exact_json(text: str) -> Any:
    """JSON whose numbers with a point stay text, so that nothing is rounded. Raises ValueError for NaN and
    Infinity, and for what is no JSON. ccxt's own parser makes binary floats."""

    def refused(name: str) -> Any:
        raise ValueError(f"{name} is no number")

    return json.loads(text, parse_float=str, parse_constant=refused)
