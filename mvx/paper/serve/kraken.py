"""Kraken's spot REST dialect: requests read, and answered in Kraken's words. Pure but for the last nonce.

Shapes: the samples in ccxt 4.5.90's kraken.py, named at each, which are Kraken's documents
(docs.kraken.com/api/docs/rest-api) word for word. Private calls are POST, each with a nonce.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from mvx.config.settings import VenueSettings
from mvx.domain.ids import ClOrdId, OrderId, Symbol, Venue
from mvx.domain.instant import LAST, MICROS_PER_S, Instant, parse_rfc3339, seconds_between
from mvx.domain.money import plain
from mvx.domain.order import OrderReport, OrderRequest, Side, TimeInForce
from mvx.errors import ConfigError
from mvx.paper.admission import Refused
from mvx.paper.due import CancelArrives, OrderArrives
from mvx.paper.faults import Call
from mvx.paper.lists import PAGE_ROWS
from mvx.paper.markets import listed_symbols
from mvx.paper.serve import kraken_rows as rows
from mvx.paper.serve.dialect import Asked, Reply, Wanted, signed_alike, whole
from mvx.paper.serve.keys import KeyPair
from mvx.paper.serve.kraken_limits import CallCounter
from mvx.paper.session import Session

Params = Mapping[str, str]

#: Of an order that is gone, and of one that never was (Kraken's own github.com/krakenfx/kraken-api-sdk,
#: rust/docs/guides/error-handling.md).
NOT_OPEN = "EOrder:Invalid order"
#: mvx's reason codes in Kraken's words: docs.kraken.com/api/docs/guides/spot-errors, and ccxt
#: kraken.describe, exceptions.
ERRORS = {
    # "The request timed out according to the default or specified deadline"
    "deadline": "EService:Deadline elapsed",
    "lot": "EGeneral:Invalid arguments:volume",
    "tick": "EOrder:Tick size check failed",
    "min_qty": "EOrder:Order minimum not met",
    "min_notional": "EOrder:Cost minimum not met",
    "max_px": "EOrder:Invalid price",
    "duplicate_cl_ord_id": "EGeneral:Invalid arguments:cl_ord_id",
    "post_only": "EOrder:Post only order",
    "insufficient_funds": "EOrder:Insufficient funds",
    "unknown_symbol": "EQuery:Unknown asset pair",
    "unknown_order": NOT_OPEN,
    "rate_limited": "EAPI:Rate limit exceeded",
    # "The matching engine or API is offline"
    "maintenance": "EService:Unavailable",
    "invalid_key": "EAPI:Invalid key",
}
#: Docs, Add Order, deadline: "min now() + 2 seconds, max now() + 60 seconds". What is refused as elapsed has
#: come to the engine too late.
LEAST_DEADLINE_S, MOST_DEADLINE_S = 2.0, 60.0


class Invalid(Exception):
    """An argument that can not be read."""


def failed(code: str) -> Reply:
    """Docs, Errors: `{"error": ["EAPI:Invalid key"], "result": {}}`; HTTP 200, as Kraken has it."""
    return Reply({"error": [code], "result": {}})


def result(found: object) -> Reply:
    return Reply({"error": [], "result": found})


class KrakenDialect:
    """One account. A nonce is greater than all before it on the key. page_rows: how many rows of a list one
    answer holds; docs: 50."""

    def __init__(
        self, settings: VenueSettings, keys: KeyPair, *, limited: bool = False, page_rows: int = PAGE_ROWS
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._secret = _decoded(settings.name, keys.api_secret)
        self._last_nonce = -1
        self._counter = CallCounter() if limited else None
        self._pairs = {rows.pair_id(symbol): symbol for symbol in listed_symbols(settings)}
        self._names = self._pairs | {rows.pair_name(symbol): symbol for symbol in self._pairs.values()}
        self._public: dict[str, tuple[Call, Callable[[Params, Session], object]]] = {
            "Time": (Call.STATUS, _time),
            "SystemStatus": (Call.STATUS, _status),
            "Assets": (Call.PUBLIC, lambda params, session: rows.assets(settings)),
            "AssetPairs": (Call.PUBLIC, lambda params, session: rows.pairs(settings)),
            "Depth": (Call.PUBLIC, self._depth),
        }
        self._private: dict[str, Callable[[Params, Session], object]] = {
            "BalanceEx": lambda params, session: rows.balances(session.balances()),
            "GetApiKeyInfo": lambda params, session: rows.key_info(self._keys.api_key),
            "TradeVolume": lambda params, session: rows.volume(settings),
            "OpenOrders": _open_orders,
            "ClosedOrders": partial(_closed_orders, page_rows),
            "QueryOrders": _query_orders,
            "TradesHistory": partial(_trades, page_rows),
            "Ledgers": partial(_ledgers, page_rows),
        }

    def read(self, asked: Asked) -> Wanted | Reply | None:
        _, _, where = asked.path.partition("/0/")
        section, _, name = where.partition("/")
        if section == "public" and name in self._public and asked.method == "GET":
            call, tell = self._public[name]
            params = dict(parse_qsl(asked.query, keep_blank_values=True))
            return Wanted(call, lambda now: None, partial(_told, tell, params))
        if section != "private" or asked.method != "POST":
            return None
        params = dict(parse_qsl(asked.body, keep_blank_values=True))
        admit = partial(self._admit, asked, params)
        try:
            if name == "AddOrder":
                return self._add_order(params, admit)
            if name == "CancelOrder":
                return self._cancel_order(params, admit)
        except Invalid as invalid:
            told = failed(f"EGeneral:Invalid arguments:{invalid}")
            return Wanted(Call.WRITE, admit, lambda session: told)
        if name not in self._private:
            return None
        return Wanted(Call.PRIVATE, admit, partial(_told, self._private[name], params))

    def unknown(self, asked: Asked) -> Reply:
        return failed("EGeneral:Unknown method")

    def refused(self, refused: Refused) -> Reply:
        return failed(ERRORS.get(refused.reason_code, "EGeneral:Internal error"))

    def without_id(self, reply: Reply) -> Reply:
        body = reply.body
        if isinstance(body, dict) and not body["error"] and isinstance(body.get("result"), dict):
            return result({key: value for key, value in body["result"].items() if key != "txid"})
        return reply

    def _admit(self, asked: Asked, params: Params, now: Instant) -> Reply | None:
        """Docs, Spot REST Authentication: API-Sign is HMAC-SHA512 of (path + SHA256(nonce + POST data))
        with the secret, which is base64 (ccxt kraken.sign)."""
        if asked.headers.get("api-key") != self._keys.api_key:
            return failed("EAPI:Invalid key")
        nonce = params.get("nonce", "")
        inner = hashlib.sha256((nonce + asked.body).encode()).digest()
        path = asked.path[asked.path.index("/0/") :].encode()
        signed = base64.b64encode(hmac.new(self._secret, path + inner, hashlib.sha512).digest()).decode()
        if not signed_alike(asked.headers.get("api-sign", ""), signed):
            return failed("EAPI:Invalid signature")
        number = int(nonce) if nonce.isascii() and nonce.isdigit() and len(nonce) <= 20 else -1
        if number <= self._last_nonce:
            return failed("EAPI:Invalid nonce")
        self._last_nonce = number
        if self._counter is not None and not self._counter.admits(asked.path.rpartition("/")[2], now):
            return failed(ERRORS["rate_limited"])
        late = params.get("deadline")
        if late is not None and not self._in_time(late, now):
            return failed("EGeneral:Invalid arguments:deadline")
        return None

    def _in_time(self, deadline: str, now: Instant) -> bool:
        try:
            off_s = seconds_between(now, parse_rfc3339(deadline))
        except ValueError:
            return False
        return LEAST_DEADLINE_S <= off_s <= MOST_DEADLINE_S

    def _depth(self, params: Params, session: Session) -> object:
        """ccxt kraken.fetch_order_book: price, volume, time."""
        symbol = self._symbol(params)
        count = _count(params.get("count", "100"), "count")
        sides, at = session.book(symbol), session.time() // MICROS_PER_S
        return {
            rows.pair_id(symbol): {
                name: [[plain(level.px), plain(level.qty), at] for level in levels[:count]]
                for name, levels in (("asks", sides.asks), ("bids", sides.bids))
            }
        }

    def _add_order(self, params: Params, admit: Callable[[Instant], Reply | None]) -> Wanted:
        """ccxt kraken.create_order: `{"descr": {"order": "..."}, "txid": ["..."]}`."""
        request = self._request(params)

        def answer(session: Session) -> Reply:
            accepted = session.submit(request)
            if isinstance(accepted, Refused):
                return self.refused(accepted)
            said = f"{request.side.value} {plain(request.order_qty)} {rows.pair_name(request.symbol)}"
            said += f" @ limit {plain(request.limit_px)}"
            return result({"descr": {"order": said}, "txid": [accepted.order_id]})

        return Wanted(Call.WRITE, admit, answer, lambda session: OrderArrives(request))

    def _request(self, params: Params) -> OrderRequest:
        if params.get("ordertype") != "limit":
            raise Invalid("ordertype")
        flags = params.get("oflags", "").split(",")
        try:
            side = Side(params.get("type", ""))
            tif = TimeInForce(params.get("timeinforce", "GTC").lower())
            deadline = parse_rfc3339(params["deadline"]) if "deadline" in params else LAST
        except ValueError as error:
            raise Invalid("type" if "Side" in str(error) else "timeinforce") from error
        return OrderRequest(
            cl_ord_id=ClOrdId(params.get("cl_ord_id") or f"{rows.UNNAMED}{params.get('nonce', '')}"),
            symbol=self._names.get(params.get("pair", ""), Symbol(params.get("pair", "?"))),
            side=side,
            order_qty=_number(params, "volume"),
            limit_px=_number(params, "price"),
            time_in_force=tif,
            post_only="post" in flags,
            deadline=deadline,
        )

    def _cancel_order(self, params: Params, admit: Callable[[Instant], Reply | None]) -> Wanted:
        """ccxt kraken.cancel_order: `{"count": 1}`."""
        ours, theirs = ClOrdId(params.get("cl_ord_id", "")), OrderId(params.get("txid", ""))
        if not ours and not theirs:
            raise Invalid("txid")

        def answer(session: Session) -> Reply:
            refused = session.cancel(ours, theirs or None)
            return self.refused(refused) if refused else result({"count": 1})

        return Wanted(Call.WRITE, admit, answer, lambda session: CancelArrives(ours, theirs or None))

    def _symbol(self, params: Params) -> Symbol:
        symbol = self._names.get(params.get("pair", ""))
        if symbol is None:
            raise LookupError("EQuery:Unknown asset pair")
        return symbol


def _decoded(venue: Venue, secret: str) -> bytes:
    """Docs, Spot REST Authentication: the secret is base64. Raises ConfigError."""
    try:
        return base64.b64decode(secret, validate=True)
    except ValueError:
        raise ConfigError(f"venues.{venue}.api_secret: found no base64, as Kraken's secrets are") from None


def _time(params: Params, session: Session) -> object:
    """ccxt kraken.fetch_time."""
    return {"unixtime": session.time() // MICROS_PER_S, "rfc1123": rows.rfc1123(session.time())}


def _status(params: Params, session: Session) -> object:
    """ccxt kraken.fetch_status; docs, Get System Status: online, maintenance, cancel_only or post_only."""
    status = session.status()
    stamp = rows.stamp(status.at)
    return {"status": "online" if status.accepts_orders else "maintenance", "timestamp": stamp}


def _open_orders(params: Params, session: Session) -> object:
    """ccxt kraken.fetch_open_orders."""
    return {"open": _orders(params, session, session.lists.open_orders())}


def _closed_orders(page_rows: int, params: Params, session: Session) -> object:
    """ccxt kraken.fetch_closed_orders; docs: `closetime` says which time start is about."""
    found = whole(session.lists.closed_orders, _since(params))
    return {"closed": _orders(params, session, _page(params, found, page_rows)), "count": len(found)}


def _query_orders(params: Params, session: Session) -> object:
    """ccxt kraken.fetch_order: the ids asked for, by id."""
    wanted = params.get("txid", "").split(",")
    known: dict[str, OrderReport] = {each.order_id: each for each in session.lists.open_orders()}
    known |= {each.order_id: each for each in whole(session.lists.closed_orders, Instant(0))}
    if not set(wanted) <= known.keys():
        raise LookupError(NOT_OPEN)
    return _orders(params, session, [known[order_id] for order_id in wanted])


def _orders(params: Params, session: Session, found: Iterable[OrderReport]) -> object:
    """By id; docs: `trades`, "whether or not to include trades related to position in output"."""
    told = {each.order_id: rows.order(each) for each in found}
    if params.get("trades") != "true":
        return told
    listed = whole(session.lists.trades, Instant(0))
    return {
        order_id: {**row, "trades": [each.exec_id for each in listed if each.order_id == order_id]}
        for order_id, row in told.items()
    }


def _trades(page_rows: int, params: Params, session: Session) -> object:
    """ccxt kraken.fetch_my_trades."""
    found = whole(session.lists.trades, _since(params))
    page = {each.exec_id: rows.trade(each) for each in _page(params, found, page_rows)}
    return {"trades": page, "count": len(found)}


def _ledgers(page_rows: int, params: Params, session: Session) -> object:
    """ccxt kraken.fetch_ledger: two lines a trade, one a transfer."""
    since = _since(params)
    found = rows.ledger(whole(session.lists.trades, Instant(0)), whole(session.lists.transfers, since), since)
    return {"ledger": dict(_page(params, found, page_rows)), "count": len(found)}


def _told(tell: Callable[[Params, Session], object], params: Params, session: Session) -> Reply:
    try:
        return result(tell(params, session))
    except LookupError as unknown:
        return failed(str(unknown.args[0]))
    except Invalid as invalid:
        return failed(f"EGeneral:Invalid arguments:{invalid}")


def _number(params: Params, name: str) -> Decimal:
    try:
        number = Decimal(params.get(name, ""))
    except InvalidOperation:
        raise Invalid(name) from None
    if not number.is_finite() or abs(number.adjusted()) > 20:
        raise Invalid(name)
    return number


def _count(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid(name)
    return int(text)


def _since(params: Params) -> Instant:
    """Docs, Get Trades History: start is exclusive, in seconds; here always a time."""
    if "start" not in params:
        return Instant(0)
    return Instant(min(int(_number(params, "start") * MICROS_PER_S) + 1, LAST))


def _page(params: Params, found: list[Any], rows: int) -> list[Any]:
    """Docs: so many rows from the offset `ofs`."""
    offset = _count(params.get("ofs", "0"), "ofs")
    return found[offset : offset + rows]
