"""Binance's spot REST dialect: requests read, and answered in Binance's words. Pure.

Documents: github.com/binance/binance-spot-api-docs (rest-api.md, errors.md), and for /sapi
developers.binance.com/docs/wallet. Shapes: the samples in ccxt 4.5.90's binance.py, named at each.
Ids are numbers that count from 1, and begin anew after a paper reset, as those of Binance's testnet do.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from mvx.config.settings import VenueSettings
from mvx.domain.execution import Transfer
from mvx.domain.ids import ClOrdId, OrderId, Symbol
from mvx.domain.instant import LAST, Instant
from mvx.domain.order import OrderReport, OrderRequest, Side, TimeInForce
from mvx.paper.admission import Refused
from mvx.paper.due import CancelArrives, OrderArrives
from mvx.paper.faults import Call
from mvx.paper.markets import listed_symbols
from mvx.paper.records import Ending, back_id
from mvx.paper.serve import binance_rows as rows
from mvx.paper.serve.dialect import Asked, Reply, Wanted, signed_alike, whole
from mvx.paper.serve.keys import KeyPair
from mvx.paper.session import Session

Params = Mapping[str, str]
Tell = Callable[[Params, Session], Reply]

_OUTSIDE = (-1021, "Timestamp for this request is outside of the recvWindow.", 400)
_NO_ORDER = (-2013, "Order does not exist.", 400)
#: mvx's reason codes in Binance's words: code, message, HTTP status (errors.md; filters.md).
ERRORS = {
    "deadline": _OUTSIDE,
    "lot": (-1013, "Filter failure: LOT_SIZE", 400),
    "tick": (-1013, "Filter failure: PRICE_FILTER", 400),
    "min_qty": (-1013, "Filter failure: LOT_SIZE", 400),
    "min_notional": (-1013, "Filter failure: NOTIONAL", 400),
    "max_px": (-1013, "Filter failure: PRICE_FILTER", 400),
    "duplicate_cl_ord_id": (-2010, "Duplicate order sent.", 400),
    "post_only": (-2010, "Order would immediately match and take.", 400),
    "insufficient_funds": (-2010, "Account has insufficient balance for requested action.", 400),
    "unknown_symbol": (-1121, "Invalid symbol.", 400),
    "unknown_order": (-2011, "Unknown order sent.", 400),
    "rate_limited": (-1003, "Too many requests queued.", 429),
    # errors.md, -1001; HTTP Return Codes: 5XX are "internal errors; the issue is on Binance's side"
    "maintenance": (-1001, "Internal error; unable to process your request. Please try again.", 503),
    "invalid_key": (-2015, "Invalid API-key, IP, or permissions for action.", 401),
}
#: Docs, Timing security: recvWindow in ms, "default 5000, can not be greater than 60000"; a timestamp is at
#: most 1000 ms ahead.
_WINDOW_MS, _MOST_WINDOW_MS, _AHEAD_MS = 5_000, 60_000, 1_000
#: Docs, Account trade list and All orders.
_ROWS, _MOST_ROWS, _MOST_SPAN_MS = 500, 1_000, 86_400_000


class Failed(Exception):
    """What the venue says instead."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.reply = Reply({"code": code, "msg": message}, status)


class BinanceDialect:
    """One account."""

    def __init__(self, settings: VenueSettings, keys: KeyPair) -> None:
        self._keys = keys
        self._names = {rows.name_of(symbol): symbol for symbol in listed_symbols(settings)}
        self._public: dict[str, tuple[Call, Tell]] = {
            "/api/v3/time": (Call.STATUS, lambda p, s: Reply({"serverTime": s.time() // 1_000})),
            "/api/v3/exchangeInfo": (Call.PUBLIC, lambda p, s: Reply(rows.info(settings, s.time()))),
            "/api/v3/depth": (Call.PUBLIC, self._depth),
            # ccxt binance.fetch_status
            "/sapi/v1/system/status": (Call.STATUS, _system_status),
            # ccxt binance.fetch_markets asks for all of them: there is no margin, and there are no futures
            "/sapi/v1/margin/allPairs": (Call.PUBLIC, lambda p, s: Reply([])),
            "/sapi/v1/margin/isolated/allPairs": (Call.PUBLIC, lambda p, s: Reply([])),
            "/fapi/v1/exchangeInfo": (Call.PUBLIC, lambda p, s: Reply({"symbols": []})),
            "/dapi/v1/exchangeInfo": (Call.PUBLIC, lambda p, s: Reply({"symbols": []})),
        }
        self._private: dict[str, Tell] = {
            "/api/v3/account": lambda p, s: Reply(rows.account(settings, s.balances())),
            "/api/v3/openOrders": self._open_orders,
            "/api/v3/allOrders": self._all_orders,
            "/api/v3/myTrades": self._trades,
            "/api/v3/order": self._order,
            "/sapi/v1/account/apiRestrictions": lambda p, s: Reply(rows.KEY_RIGHTS),
            "/sapi/v1/capital/config/getall": lambda p, s: Reply(rows.coins(s.balances())),
            "/sapi/v1/asset/tradeFee": lambda p, s: Reply(rows.fees(settings, p.get("symbol"))),
            "/sapi/v1/capital/deposit/hisrec": _deposits,
            "/sapi/v1/capital/withdraw/history": _withdrawals,
        }

    def read(self, asked: Asked) -> Wanted | Reply | None:
        path, params = path_of(asked), params_of(asked)
        if asked.method == "GET" and path in self._public:
            call, tell = self._public[path]
            return Wanted(call, lambda now: None, partial(_told, tell, params))
        admit = partial(self._admit, asked, params)
        if asked.method == "GET" and path in self._private:
            return Wanted(Call.PRIVATE, admit, partial(_told, self._private[path], params))
        if path != "/api/v3/order" or asked.method not in ("POST", "DELETE"):
            return None
        try:
            return (self._submit if asked.method == "POST" else self._cancel)(params, admit)
        except Failed as failed:
            told = failed.reply
            return Wanted(Call.WRITE, admit, lambda session: told)

    def unknown(self, asked: Asked) -> Reply:
        return Reply({"code": -1000, "msg": "An unknown error occurred while processing the request."}, 404)

    def refused(self, refused: Refused) -> Reply:
        unknown = (-1000, "An unknown error occurred while processing the request.", 400)
        return Failed(*ERRORS.get(refused.reason_code, unknown)).reply

    def without_id(self, reply: Reply) -> Reply:
        body = reply.body
        if isinstance(body, dict):
            return Reply({key: value for key, value in body.items() if key != "orderId"}, reply.status)
        return reply

    def _admit(self, asked: Asked, params: Params, now: Instant) -> Reply | None:
        """Docs, SIGNED endpoint security: HMAC SHA256 of query and body, less the signature itself (ccxt
        binance.sign); timestamp < serverTime + 1000 and serverTime - timestamp <= recvWindow."""
        try:
            _check(self._keys, asked, params, now)
        except Failed as failed:
            return failed.reply
        return None

    def _depth(self, params: Params, session: Session) -> Reply:
        """ccxt binance.fetch_order_book."""
        sides = session.book(self._symbol(params))
        limit = _whole(params, "limit", 100)
        return Reply(
            {
                "lastUpdateId": session.now,
                "bids": [rows.level(each) for each in sides.bids[:limit]],
                "asks": [rows.level(each) for each in sides.asks[:limit]],
            }
        )

    def _open_orders(self, params: Params, session: Session) -> Reply:
        """Docs, Current open orders: of every symbol where none is given."""
        wanted = self._symbol(params) if "symbol" in params else None
        book = rows.Orders(session.truth()[1])
        found = [each for each in session.lists.open_orders() if wanted in (None, each.symbol)]
        return Reply([book.row(each) for each in found])

    def _all_orders(self, params: Params, session: Session) -> Reply:
        symbol, book = self._symbol(params), rows.Orders(session.truth()[1])
        found = [book.row(each) for each in _every_order(session) if each.symbol == symbol]
        return Reply(_span(params, found, "orderId", "orderId"))

    def _trades(self, params: Params, session: Session) -> Reply:
        """ccxt binance.fetch_my_trades."""
        symbol, order = self._symbol(params), _whole(params, "orderId", 0)
        found = [rows.trade(each) for each in _every_trade(session) if each.symbol == symbol]
        found = [each for each in found if not order or each["orderId"] == order]
        return Reply(_span(params, found, "id", "fromId"))

    def _order(self, params: Params, session: Session) -> Reply:
        """ccxt binance.fetch_order."""
        symbol, ours = self._symbol(params), params.get("origClientOrderId")
        number = _whole(params, "orderId", 0)
        for each in reversed(_every_order(session)):
            named = rows.number(each.order_id) == number if number else each.cl_ord_id == ours
            if each.symbol == symbol and named:
                return Reply(rows.Orders(session.truth()[1]).row(each))
        raise Failed(*_NO_ORDER)

    def _submit(self, params: Params, admit: Callable[[Instant], Reply | None]) -> Wanted:
        request = self._request(params)

        def answer(session: Session) -> Reply:
            accepted = session.submit(request)
            if isinstance(accepted, Refused):
                return self.refused(accepted)
            orders = session.truth()[1]
            (made,) = (each for each in orders if each.order_id == accepted.order_id)
            fills = [each for each in _every_trade(session) if each.order_id == made.order_id]
            return Reply(rows.Orders(orders).answer(made.report(), fills, params.get("newOrderRespType")))

        return Wanted(Call.WRITE, admit, answer, lambda session: OrderArrives(request))

    def _request(self, params: Params) -> OrderRequest:
        kind, (timestamp, window_ms) = params.get("type"), _timing(params)
        if kind not in ("LIMIT", "LIMIT_MAKER"):
            raise Failed(-1116, "Invalid orderType.")
        if params.get("side") not in ("BUY", "SELL"):
            raise Failed(-1117, "Invalid side.")
        tif = params.get("timeInForce", "")
        if kind == "LIMIT_MAKER":
            if tif:
                raise Failed(-1106, "Parameter 'timeInForce' sent when not required.")
            tif = "GTC"
        if tif not in ("GTC", "IOC", "FOK"):
            raise _mandatory("timeInForce")
        name = params.get("newClientOrderId") or f"paper{params.get('signature', '')[:24]}"
        return OrderRequest(
            cl_ord_id=ClOrdId(name),
            symbol=self._symbol(params),
            side=Side(params["side"].lower()),
            order_qty=_number(params, "quantity"),
            limit_px=_number(params, "price"),
            time_in_force=TimeInForce(tif.lower()),
            post_only=kind == "LIMIT_MAKER",
            # what comes within the millisecond after is still within the window
            deadline=Instant((timestamp + window_ms + 1) * 1_000),
        )

    def _cancel(self, params: Params, admit: Callable[[Instant], Reply | None]) -> Wanted:
        self._symbol(params)
        ours, number = ClOrdId(params.get("origClientOrderId", "")), _whole(params, "orderId", 0)
        if not ours and not number:
            raise Failed(
                -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
            )

        def named(session: Session) -> OrderId | None:
            known = (each.order_id for each in session.truth()[1] if rows.number(each.order_id) == number)
            return next(known, OrderId(str(number))) if number else None

        def answer(session: Session) -> Reply:
            before = {each.order_id: each for each in session.truth()[1] if each.open}
            refused = session.cancel(ours, named(session))
            if refused:
                return self.refused(refused)
            after = [each for each in session.truth()[1] if each.order_id in before and not each.open]
            cancel_id = params.get("newClientOrderId") or f"paper{params.get('signature', '')[:24]}"
            return Reply(rows.Orders(after).canceled(after[0].report(), cancel_id))

        return Wanted(Call.WRITE, admit, answer, lambda session: CancelArrives(ours, named(session)))

    def _symbol(self, params: Params) -> Symbol:
        if not params.get("symbol"):
            raise _mandatory("symbol")
        symbol = self._names.get(params["symbol"])
        if symbol is None:
            raise Failed(*ERRORS["unknown_symbol"])
        return symbol


def path_of(asked: Asked) -> str:
    """Less whatever the address has before it."""
    return re.sub(r"^.*?(?=/[sfd]?api/v\d/)", "", asked.path)


def params_of(asked: Asked) -> Params:
    return dict(parse_qsl(f"{asked.query}&{asked.body}", keep_blank_values=True))


def _check(keys: KeyPair, asked: Asked, params: Params, now: Instant) -> None:
    if asked.headers.get("x-mbx-apikey") != keys.api_key:
        raise Failed(*ERRORS["invalid_key"])
    total = re.sub(r"(^|&)signature=[^&]*", "", asked.query) + re.sub(r"(^|&)signature=[^&]*", "", asked.body)
    signed = hmac.new(keys.api_secret.encode(), total.encode(), hashlib.sha256).hexdigest()
    if not signed_alike(params.get("signature", ""), signed):
        raise Failed(-1022, "Signature for this request is not valid.")
    timestamp, window_ms = _timing(params)
    if timestamp >= now // 1_000 + _AHEAD_MS:
        raise Failed(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now // 1_000 - timestamp > window_ms:
        raise Failed(*_OUTSIDE)


def _told(tell: Tell, params: Params, session: Session) -> Reply:
    try:
        return tell(params, session)
    except Failed as failed:
        return failed.reply


def _system_status(params: Params, session: Session) -> Reply:
    """ccxt binance.fetch_status: `0: normal, 1: system maintenance`."""
    normal = session.status().accepts_orders
    return Reply({"status": 0, "msg": "normal"} if normal else {"status": 1, "msg": "system_maintenance"})


def _deposits(params: Params, session: Session) -> Reply:
    """ccxt binance.fetch_deposits. What comes back of a withdrawal is none."""
    back = {back_id(name) for name, ending in session.lists.endings().items() if ending.failed}
    found = [each for each in _transfers(params, session) if each.amount > 0 and each.listing not in back]
    return Reply([rows.deposit(each) for each in _page(params, found)])


def _withdrawals(params: Params, session: Session) -> Reply:
    """ccxt binance.fetch_withdrawals."""
    endings = session.lists.endings()
    found = [each for each in _transfers(params, session) if each.amount < 0]
    page = [(each, endings.get(each.listing)) for each in _page(params, found)]
    return Reply([rows.withdrawal(each, ending or Ending(each.at, failed=False)) for each, ending in page])


def _transfers(params: Params, session: Session) -> list[Transfer]:
    """By the time of the request (docs: startTime, endTime), newest first."""
    since = Instant(min(_whole(params, "startTime", 0) * 1_000, LAST))
    until = _whole(params, "endTime", 2**62)
    return [each for each in whole(session.lists.transfers, since) if each.at // 1_000 <= until]


def _page(params: Params, found: list[Transfer]) -> list[Transfer]:
    """Docs: offset, and limit, 1000 by default."""
    offset, limit = _whole(params, "offset", 0), _whole(params, "limit", 1_000)
    return found[offset : offset + limit]


def _every_order(session: Session) -> list[OrderReport]:
    """As the lists show them, by id."""
    listed = {each.order_id: each for each in whole(session.lists.closed_orders, Instant(0))}
    listed |= {each.order_id: each for each in session.lists.open_orders()}
    return sorted(listed.values(), key=lambda each: rows.number(each.order_id))


def _every_trade(session: Session) -> list[Any]:
    return sorted(whole(session.lists.trades, Instant(0)), key=lambda each: rows.number(each.exec_id))


def _span(params: Params, found: list[dict[str, Any]], key: str, from_id: str) -> list[dict[str, Any]]:
    """Rows by id: from an id on, or within at most 24 hours; the latest where neither is given."""
    limit = min(_whole(params, "limit", _ROWS), _MOST_ROWS)
    if from_id in params:
        first = _whole(params, from_id, 0)
        return [each for each in found if each[key] >= first][:limit]
    if "startTime" not in params and "endTime" not in params:
        return found[-limit:]
    until = _whole(params, "endTime", 2**62)
    since = _whole(params, "startTime", until - _MOST_SPAN_MS)
    until = until if "endTime" in params else since + _MOST_SPAN_MS
    if until - since > _MOST_SPAN_MS:
        raise Failed(-1127, "More than 24 hours between startTime and endTime.")
    return [each for each in found if since <= each["time"] <= until][:limit]


def _mandatory(name: str) -> Failed:
    said = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return Failed(-1102, said)


def _timing(params: Params) -> tuple[int, int]:
    if "timestamp" not in params:
        raise _mandatory("timestamp")
    window_ms = _whole(params, "recvWindow", _WINDOW_MS)
    if window_ms > _MOST_WINDOW_MS:
        raise Failed(-1131, "recvWindow must be less than 60000")
    return _whole(params, "timestamp", 0), window_ms


def _whole(params: Params, name: str, default: int) -> int:
    text = params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Failed(
            -1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
        )
    return int(text)


def _number(params: Params, name: str) -> Decimal:
    try:
        number = Decimal(params.get(name, ""))
    except InvalidOperation:
        raise _mandatory(name) from None
    if not number.is_finite() or abs(number.adjusted()) > 20:
        raise Failed(-1100, f"Illegal characters found in parameter '{name}'.")
    return number
