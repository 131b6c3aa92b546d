"""The checks that every proposal passes before it is committed.

Rules:
- All checks run and all refusals are reported, each with its limit, its value and what made it.
- A proposal that reduces the position wherever it may be passes the limits on growth, and the counts of
  open and unknown orders with them, for they would be obstacles to leaving. So does a flatten, which has to
  reduce at each of its venues or is refused. The operator's trading states bind everything but a flatten.
- The balance is checked always.
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
from mvx.domain.money import ZERO, plain
from mvx.domain.order import Order, Side
from mvx.risk.finite import check_numbers
from mvx.risk.limits import Approved, Limits, Proposal, Refusal, Refused, World
from mvx.risk.trading import check_flatten, check_trading
from mvx.risk.worst_case import WorstCase, desk_worst_case, reduces, venue_worst_case

Check = Callable[[Proposal, World, Limits], Iterator[Refusal]]


def assess(proposal: Proposal, world: World, limits: Limits) -> Approved | Refused:
    """Whether the children may be committed."""
    refusals = tuple(check_numbers(proposal, world, limits))
    if not refusals:
        checks = _checks_of(proposal, world)
        refusals = tuple(refusal for check in checks for refusal in check(proposal, world, limits))
    return Refused(refusals) if refusals else Approved(proposal.children)


def assess_after_lateness(proposal: Proposal, world: World, limits: Limits) -> Approved | Refused:
    """The same as if every terminal order with complete trades were settled already. Where this approves
    what `assess` refused, only a lateness bound stands in the way, and waiting ends in bounded time."""
    remaining = tuple(order for order in world.orders if not order.trades_complete)
    return assess(proposal, replace(world, orders=remaining), limits)


def check_position(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The desk's position in the instrument's base, over all venues."""
    limit = limits.max_position.get(proposal.instrument.name)
    if limit is None:
        return
    sign, base = proposal.side.sign, proposal.instrument.base
    worst = desk_worst_case(proposal, world)
    if worst is None:
        yield Refusal("max_position", ZERO, sign * limit, _unbounded(base))
    elif worst.total > limit:
        yield Refusal("max_position", sign * worst.total, sign * limit, _sentence(worst, proposal))


def check_order_qty(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The parent's whole remaining quantity, whatever part of it these children are."""
    limit = limits.max_order_qty.get(proposal.instrument.name)
    qty = max(proposal.parent_leaves_qty, _children_qty(proposal))
    if limit is not None and qty > limit:
        text = f"{plain(qty)} {proposal.instrument.base} are left of the order"
        yield Refusal("max_order_qty", qty, limit, text)


def check_order_notional(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The children at their limits. What they leave of the parent counts at the dearest of those limits,
    or a thin book would let a large order pass in small rounds."""
    limit = limits.max_order_notional
    if limit is None or not proposal.children:
        return
    missing = sorted({child.venue for child in proposal.children} - proposal.notional_rates.keys())
    for venue in missing:
        text = f"no rate from {venue}'s quote to the desk's currency is known, so the order has no notional"
        yield Refusal("max_order_notional", ZERO, limit, text, venue)
    if missing:
        return
    prices = [child.limit_px * proposal.notional_rates[child.venue] for child in proposal.children]
    planned = sum((px * child.order_qty for px, child in zip(prices, proposal.children, strict=True)), ZERO)
    unplanned = max(ZERO, proposal.parent_leaves_qty - _children_qty(proposal))
    value = planned + unplanned * max(prices)
    if value > limit:
        base = proposal.instrument.base
        text = f"{plain(planned)} if the children fill at their limits, and {plain(unplanned)} {base} to come"
        yield Refusal("max_order_notional", value, limit, text)


def check_venue_notional(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The instrument's worst-case position at each venue of the children, as a counterparty."""
    for venue in sorted({child.venue for child in proposal.children}):
        limit = limits.max_venue_notional.get(venue)
        if limit is None:
            continue
        worst = venue_worst_case(proposal, world, venue)
        price = world.prices.get(proposal.instrument.name)
        if price is None:
            text = f"no price of {proposal.instrument.name} is known, so {venue} has no notional"
            yield Refusal("max_venue_notional", ZERO, limit, text, venue)
        elif worst is None:
            yield Refusal("max_venue_notional", ZERO, limit, _unbounded(proposal.instrument.base), venue)
        elif worst.total * price > limit:
            text = f"{_sentence(worst, proposal)}, at {plain(price)}"
            yield Refusal("max_venue_notional", worst.total * price, limit, text, venue)


def check_open_orders(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """Orders that are not terminal, with the new ones."""
    limit = limits.max_open_orders
    working = sum(not order.terminal for order in world.orders)
    if limit is not None and working + len(proposal.children) > limit:
        text = f"{working} orders are open and {len(proposal.children)} would be added"
        yield Refusal("max_open_orders", Decimal(working + len(proposal.children)), Decimal(limit), text)


def check_unknown_orders(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """Any new order may become unknown, so none is sent once the limit is reached. A limit of 0 reads
    as 1: taken literally it would refuse every order of a desk with nothing unknown."""
    unknown = [order.cl_ord_id for order in world.orders if order.unknown]
    limit = limits.max_unknown_orders
    if limit is not None and len(unknown) >= max(limit, 1):
        text = f"{len(unknown)} orders have an unknown outcome already, {', '.join(unknown[:3])} among them"
        yield Refusal("max_unknown_orders", Decimal(len(unknown)), Decimal(limit), text)


def check_balance(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """What the children could spend at worst fits into what is confirmed and not reserved. What may
    still come in does not count."""
    for venue, asset in sorted({(child.venue, _spent_asset(child)) for child in proposal.children}):
        held = world.holdings.get((venue, asset))
        if held is None:
            yield Refusal("balance", ZERO, ZERO, f"no confirmed {asset} balance at {venue} is known", venue)
            continue
        reserved = _spendable_by(world.orders, venue, asset)
        needed = _spendable_by(proposal.children, venue, asset)
        if reserved is None or needed is None:
            yield Refusal("balance", ZERO, held.confirmed, _unbounded(asset), venue)
        elif needed > held.confirmed - reserved:
            text = (
                f"{plain(needed)} {asset} could be spent, and of {plain(held.confirmed)} confirmed "
                f"{plain(reserved)} are reserved by open orders"
            )
            yield Refusal("balance", needed, held.confirmed - reserved, text, venue)


#: What a reduction passes.
GROWTH: tuple[Check, ...] = (
    check_position,
    check_order_qty,
    check_order_notional,
    check_venue_notional,
    check_open_orders,
    check_unknown_orders,
)
ALWAYS: tuple[Check, ...] = (check_trading, check_balance)
CHECKS: tuple[Check, ...] = (*GROWTH, *ALWAYS)
FLATTENING: tuple[Check, ...] = (check_flatten, check_balance)


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


def _children_qty(proposal: Proposal) -> Decimal:
    return sum((child.order_qty for child in proposal.children), ZERO)


def _sentence(worst: WorstCase, proposal: Proposal) -> str:
    sign, base = proposal.side.sign, proposal.instrument.base
    parts = [f"{plain(sign * worst.confirmed)} confirmed", f"{plain(sign * worst.own)} by this order"]
    if worst.others:
        parts.insert(1, f"{plain(sign * worst.others)} by other orders")
    return f"{plain(sign * worst.total)} {base} if everything on this side fills: {', '.join(parts)}"


def _unbounded(asset: Asset) -> str:
    return f"an open order may take a fee in {asset} that has no bound, so the worst case has none"
