"""Why a venue refuses an order, as a list of checks that return the reason as a value.

Rule: the checks are pure and run in the order in which a gateway meets them; the first reason is given,
with a reason code that stands for a definite refusal, but for one (DUPLICATE).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal

from mvx.domain.ids import ClOrdId, OrderId
from mvx.domain.instant import Instant, rfc3339
from mvx.domain.instrument import MarketRules
from mvx.domain.money import is_multiple, plain
from mvx.domain.order import OrderRequest
from mvx.errors import Refusal
from mvx.paper.matching import hold_of


@dataclass(frozen=True, slots=True)
class Refused:
    """A definite refusal."""

    reason_code: str
    message: str
    about: Refusal = Refusal.REQUEST


@dataclass(frozen=True, slots=True)
class Accepted:
    order_id: OrderId


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request at the gateway at this time of the venue's clock, and what it meets there. `would_take`: the
    book has what it crosses."""

    request: OrderRequest
    at: Instant
    rules: MarketRules
    fee_rate: Decimal
    fee_in_base: bool
    open_ids: Collection[ClOrdId | None]
    free: Decimal
    would_take: bool

    @property
    def needed(self) -> Decimal:
        """What it could spend at worst."""
        it = self.request
        return hold_of(it.side, it.order_qty, it.limit_px, self.fee_rate, fee_in_base=self.fee_in_base)


def _deadline(it: Arrival) -> str | None:
    late = it.at >= it.request.deadline
    return f"arrived at {rfc3339(it.at)}, after {rfc3339(it.request.deadline)}" if late else None


def _lot(it: Arrival) -> str | None:
    legal = is_multiple(it.request.order_qty, it.rules.lot)
    return None if legal else f"quantity {plain(it.request.order_qty)} is off the lot {plain(it.rules.lot)}"


def _tick(it: Arrival) -> str | None:
    legal = it.request.limit_px > 0 and is_multiple(it.request.limit_px, it.rules.tick)
    return None if legal else f"price {plain(it.request.limit_px)} is off the tick {plain(it.rules.tick)}"


def _min_qty(it: Arrival) -> str | None:
    enough = it.request.order_qty > 0 and it.request.order_qty >= it.rules.min_qty
    return None if enough else f"quantity {plain(it.request.order_qty)} is below {plain(it.rules.min_qty)}"


def _min_notional(it: Arrival) -> str | None:
    notional = it.request.order_qty * it.request.limit_px
    enough = notional >= it.rules.min_notional
    return None if enough else f"notional {plain(notional)} is below {plain(it.rules.min_notional)}"


def _max_px(it: Arrival) -> str | None:
    highest = it.rules.max_px
    legal = highest is None or it.request.limit_px <= highest
    return None if legal else f"price {plain(it.request.limit_px)} is above {plain(highest or it.rules.tick)}"


def _duplicate(it: Arrival) -> str | None:
    # Among open orders only, as on Kraken and Binance: a filled order's id can be used again.
    used = it.request.cl_ord_id in it.open_ids
    return f"an open order has the client order id {it.request.cl_ord_id}" if used else None


def _post_only(it: Arrival) -> str | None:
    return "a post-only order that would take" if it.request.post_only and it.would_take else None


def _insufficient_funds(it: Arrival) -> str | None:
    short = it.needed > it.free
    return f"needs {plain(it.needed)}, {plain(it.free)} is free" if short else None


#: The one refusal that is not definite: the order that has the id may be this very one.
DUPLICATE = "duplicate_cl_ord_id"

CHECKS: tuple[tuple[str, Callable[[Arrival], str | None]], ...] = (
    ("deadline", _deadline),
    ("lot", _lot),
    ("tick", _tick),
    ("min_qty", _min_qty),
    ("min_notional", _min_notional),
    ("max_px", _max_px),
    (DUPLICATE, _duplicate),
    ("post_only", _post_only),
    ("insufficient_funds", _insufficient_funds),
)


def refusal(arrival: Arrival) -> Refused | None:
    """The first reason to refuse it, if there is one."""
    for reason_code, check in CHECKS:
        if (message := check(arrival)) is not None:
            return Refused(reason_code, message)
    return None
