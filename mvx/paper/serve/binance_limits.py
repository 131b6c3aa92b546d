"""How much may be asked of the served Binance, counted as Binance counts it: a dialect around its dialect.

Rule: one process serves one account to whoever has its address, so that account and IP are the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from mvx.domain.instant import MICROS_PER_S, Instant
from mvx.paper.admission import Refused
from mvx.paper.serve.binance import BinanceDialect, params_of, path_of
from mvx.paper.serve.dialect import Asked, Reply, Wanted
from mvx.paper.session import Session

_MOST_WEIGHT, _MOST_ORDERS = 6_000, 100
_MINUTE_US, _TEN_SECONDS_US = 60 * MICROS_PER_S, 10 * MICROS_PER_S
#: rest-api.md, weight of each endpoint (ccxt binance.describe: 0.2 of its units are one of these).
_WEIGHTS = {
    "GET /api/v3/time": 1,
    "GET /api/v3/exchangeInfo": 20,
    "GET /api/v3/depth": 5,
    "GET /api/v3/account": 20,
    "GET /api/v3/openOrders": 6,
    "GET /api/v3/allOrders": 20,
    "GET /api/v3/myTrades": 20,
    "GET /api/v3/order": 4,
}
#: Order book: "1-100: 5, 101-500: 25, 501-1000: 50, 1001-5000: 250".
_DEPTHS = ((100, 5), (500, 25), (1_000, 50))
_DEEPEST = 250
#: Current open orders: "6 for a single symbol; 80 when the symbol parameter is omitted".
_OF_EVERY_SYMBOL = 80
#: IP Limits: "failing to back off after receiving 429s will result in an automated IP ban (HTTP status 418)
#: ... from 2 minutes to 3 days". After how many is not said.
_STUBBORN, _BANNED_US = 10, 120 * MICROS_PER_S
#: errors.md, -1003 and -1015.
_TOO_MUCH = (
    "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. Please use WebSocket"
    " Streams for live updates to avoid polling the API."
)
_BANNED = (
    "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for live updates to"
    " avoid bans."
)
_TOO_MANY_ORDERS = "Too many new orders; current limit is 100 orders per 10 SECOND."


class Weights:
    """Binance's counts of one IP and one account, each in windows that begin with the clock. /sapi has limits
    of its own, which are not counted here (developers.binance.com/docs/wallet: 12000 a minute for each)."""

    def __init__(self) -> None:
        self._used = _Window(_MINUTE_US)
        self._orders = _Window(_TEN_SECONDS_US)
        self._told = _Window(_MINUTE_US)
        self._banned_until = Instant(0)

    def refusal(self, endpoint: str, params: Mapping[str, str], now: Instant) -> Reply | None:
        """Counts a request, `GET /api/v3/time`; the answer where it is too much."""
        if now < self._banned_until:
            return self._banned(now)
        if self._used.add(_weight(endpoint, params), now) > _MOST_WEIGHT:
            if self._told.add(1, now) > _STUBBORN:
                self._banned_until = Instant(now + _BANNED_US)
                return self._banned(now)
            return _told(-1003, _TOO_MUCH, 429, self._used.left_us(now))
        if endpoint == "POST /api/v3/order" and self._orders.add(1, now) > _MOST_ORDERS:
            return _told(-1015, _TOO_MANY_ORDERS, 429, self._orders.left_us(now))
        return None

    def counted(self, endpoint: str, reply: Reply) -> Reply:
        """The answer with what is used: IP Limits, "Every request will contain X-MBX-USED-WEIGHT-..."; of
        orders only a successful one tells."""
        said = {"X-MBX-USED-WEIGHT-1M": str(self._used.count)}
        if endpoint == "POST /api/v3/order" and reply.status == 200:
            said["X-MBX-ORDER-COUNT-10S"] = str(self._orders.count)
        return reply._replace(headers={**reply.headers, **said})

    def _banned(self, now: Instant) -> Reply:
        said = _BANNED.format(self._banned_until // 1_000)
        return _told(-1003, said, 418, self._banned_until - now)


class WeighedBinance:
    """The dialect, where each request counts before anything else is looked at, and each answer tells it."""

    def __init__(self, inner: BinanceDialect) -> None:
        self._inner = inner
        self._weights = Weights()

    def read(self, asked: Asked) -> Wanted | Reply | None:
        wanted = self._inner.read(asked)
        if not isinstance(wanted, Wanted):
            return wanted
        endpoint, params, weights = f"{asked.method} {path_of(asked)}", params_of(asked), self._weights

        def admit(now: Instant) -> Reply | None:
            turned_away = weights.refusal(endpoint, params, now) or wanted.admit(now)
            return turned_away and weights.counted(endpoint, turned_away)

        def answer(session: Session) -> Reply:
            return weights.counted(endpoint, wanted.answer(session))

        return wanted._replace(admit=admit, answer=answer)

    def unknown(self, asked: Asked) -> Reply:
        return self._inner.unknown(asked)

    def refused(self, refused: Refused) -> Reply:
        return self._inner.refused(refused)

    def without_id(self, reply: Reply) -> Reply:
        return self._inner.without_id(reply)


class _Window:
    """A count that begins anew with each span of the clock."""

    def __init__(self, span_us: int) -> None:
        self._span_us = span_us
        self._number = 0
        self.count = 0

    def add(self, amount: int, now: Instant) -> int:
        """The count with it."""
        number = now // self._span_us
        if number != self._number:
            self._number, self.count = number, 0
        self.count += amount
        return self.count

    def left_us(self, now: Instant) -> int:
        return self._span_us - now % self._span_us


def _weight(endpoint: str, params: Mapping[str, str]) -> int:
    if endpoint == "GET /api/v3/depth":
        limit = params.get("limit", "100")
        levels = int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 6 else 0
        return next((weight for most, weight in _DEPTHS if levels <= most), _DEEPEST)
    if endpoint == "GET /api/v3/openOrders" and "symbol" not in params:
        return _OF_EVERY_SYMBOL
    return _WEIGHTS.get(endpoint, 1) if "/api/" in endpoint else 0


def _told(code: int, message: str, status: int, wait_us: int) -> Reply:
    """IP Limits: "A Retry-After header is sent with a 418 or 429 responses and will give the number of
    seconds required to wait"."""
    wait_s = -(-wait_us // MICROS_PER_S)
    return Reply({"code": code, "msg": message}, status, {"Retry-After": str(wait_s)})
