"""The checks that every proposal passes before it is committed.

Rules:
- All checks run and all refusals are reported, each with its limit, its value and what made it.
- A proposal that reduces the position wherever it may be passes the limits on growth, and with them all that
  would be an obstacle to leaving: the counts and the pace of orders, the age of books, the other venues, our
  own orders on the other side. So does a flatten, which has to reduce at each of its venues or is refused.
  The operator's trading states bind everything but a flatten.
- The balance and the price collar are checked always.
- What can not be computed (a missing price, an unbounded fee, a number that is none) is refused, and
  says so; it never passes.
Invariant: whatever fills of what is approved, and whatever is late, no limit on the worst case breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

from mvx.domain.exposure import POINT_ZERO, Interval, still_possible
from mvx.domain.ids import Asset, Venue
from mvx.domain.limits import Limits
from mvx.domain.money import ZERO, plain
from mvx.domain.order import Order, Side
from mvx.risk.finite import check_numbers
from mvx.risk.notional import (
    check_gross_notional,
    check_order_notional,
    check_position_notional,
    check_turnover,
    check_venue_notional,
)
from mvx.risk.orders import check_open_orders, check_order_rate, check_self_trade, check_unknown_orders
from mvx.risk.prices import check_book_age, check_collar, check_venues_alive
from mvx.risk.question import Approved, Proposal, Refusal, Refused, World
from mvx.risk.trading import check_flatten, check_trading
from mvx.risk.worst_case import (
    children_qty,
    desk_worst_case,
    in_words,
    least_of_base,
    reduces,
    without_bound,
)

Check = Callable[[Proposal, World, Limits], Iterator[Refusal]]


def assess(proposal: Proposal, world: World, limits: Limits) -> Approved | Refused:
    """Whether the children may be committed."""
    refusals = tuple(check_numbers(proposal, world, limits))
    if not refusals:
        checks = _checks_of(proposal, world)
        refusals = tuple(refusal for check in checks for refusal in check(proposal, world, limits))
    return Refused(refusals) if refusals else Approved(proposal.children)


def assess_after_lateness(
    proposal: Proposal, world: World, limits: Limits, settles: Callable[[Order], bool] = lambda order: True
) -> Approved | Refused:
    """The same as if every terminal order with complete trades that `settles` were settled already. Where
    this approves what `assess` refused, only a lateness bound stands in the way, and waiting ends in bounded
    time."""
    remaining = tuple(order for order in world.orders if not (order.trades_complete and settles(order)))
    return assess(proposal, replace(world, orders=remaining), limits)


def check_position(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The desk's position in the instrument's base, over all venues."""
    least = least_of_base(limits.max_position, proposal, world)
    if least is None:
        return
    sign, base = proposal.side.sign, proposal.instrument.base
    worst = desk_worst_case(proposal, world)
    if worst is None:
        yield Refusal(
            "max_position", None, sign * least.limit, without_bound(base, proposal.side, world.unknown)
        )
    elif worst.total > least.limit:
        text = in_words(worst, proposal) + least.whose
        yield Refusal("max_position", sign * worst.total, sign * least.limit, text)


def check_order_qty(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The parent's whole remaining quantity, whatever part of it these children are."""
    limit = limits.max_order_qty.get(proposal.instrument.name)
    qty = max(proposal.parent_leaves_qty, children_qty(proposal))
    if limit is not None and qty > limit:
        text = f"{plain(qty)} {proposal.instrument.base} are left of the order"
        yield Refusal("max_order_qty", qty, limit, text)


def check_balance(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """What the children could spend at worst fits into what is confirmed and not reserved. What may
    still come in does not count."""
    for venue, asset in sorted({(child.venue, _spent_asset(child)) for child in proposal.children}):
        held = world.holdings.get((venue, asset))
        if held is None:
            yield Refusal("balance", None, ZERO, f"no confirmed {asset} balance at {venue} is known", venue)
            continue
        reserved = _spendable_by(world.orders, venue, asset)
        needed = _spendable_by(proposal.children, venue, asset)
        if reserved is None or needed is None:
            yield Refusal("balance", None, held.confirmed, without_bound(asset, Side.SELL), venue)
        elif needed > held.confirmed - reserved:
            text = (
                f"{plain(needed)} {asset} could be spent, and of {plain(held.confirmed)} confirmed "
                f"{plain(reserved)} are reserved by open orders"
            )
            yield Refusal("balance", needed, held.confirmed - reserved, text, venue)


#: What a reduction passes.
GROWTH: tuple[Check, ...] = (
    check_position,
    check_position_notional,
    check_gross_notional,
    check_order_qty,
    check_order_notional,
    check_venue_notional,
    check_turnover,
    check_open_orders,
    check_unknown_orders,
    check_order_rate,
    check_book_age,
    check_venues_alive,
    check_self_trade,
)
ALWAYS: tuple[Check, ...] = (check_trading, check_collar, check_balance)
CHECKS: tuple[Check, ...] = (*GROWTH, *ALWAYS)
FLATTENING: tuple[Check, ...] = (check_flatten, check_collar, check_balance)


def _checks_of(proposal: Proposal, world: World) -> tuple[Check, ...]:
    if proposal.flattening:
        return FLATTENING
    return ALWAYS if reduces(proposal, world) else CHECKS


def _spent_asset(order: Order) -> Asset:
    return order.quote if order.side is Side.BUY else order.base


def _spendable_by(orders: tuple[Order, ...], venue: Venue, asset: Asset) -> Decimal | None:
    """The most that these orders could take out of an asset at a venue."""
    taken: Interval = POINT_ZERO
    for order in orders:
        if order.venue == venue:
            taken = taken + still_possible(order).get(asset, POINT_ZERO)
    return None if taken.lo is None else -taken.lo
