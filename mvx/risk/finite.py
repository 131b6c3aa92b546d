"""Every number that a check computes with is finite, of bounded size, and positive where it multiplies.

Rule: this check runs before all others and alone, for a NaN makes every comparison after it worthless.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from mvx.domain.money import MAX_DIGITS, ZERO
from mvx.domain.order import Order
from mvx.risk.limits import Limits, Proposal, Refusal, World

Named = Iterator[tuple[str, Decimal]]


def check_numbers(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """A refusal for each number that is none."""
    for named in (_factors(proposal, world), _of_proposal(proposal), _of_world(world), _of_limits(limits)):
        for name, number in named:
            if not _bounded(number):
                yield Refusal("numbers", number, ZERO, f"{name} is {number}, which is no finite plain number")
    for name, number in _factors(proposal, world):
        if _bounded(number) and number <= 0:
            yield Refusal("numbers", number, ZERO, f"{name} is {number}, and can only be positive")


def _bounded(number: Decimal) -> bool:
    return number.is_finite() and (not number or number.adjusted() < MAX_DIGITS)


def _factors(proposal: Proposal, world: World) -> Named:
    for child in proposal.children:
        yield f"the quantity of {child.cl_ord_id}", child.order_qty
        yield f"the limit price of {child.cl_ord_id}", child.limit_px
    for venue, rate in proposal.notional_rates.items():
        yield f"the rate of {venue}'s quote", rate
    for instrument, price in world.prices.items():
        yield f"the price of {instrument}", price


def _of_proposal(proposal: Proposal) -> Named:
    yield "what is left of the order", proposal.parent_leaves_qty
    for child in proposal.children:
        yield from _of_order(child)


def _of_world(world: World) -> Named:
    for order in world.orders:
        yield f"the quantity of {order.cl_ord_id}", order.order_qty
        yield f"the limit price of {order.cl_ord_id}", order.limit_px
        yield from _of_order(order)
    for held in world.holdings.values():
        yield f"the {held.asset} balance at {held.venue}", held.confirmed
        yield f"the {held.asset} baseline at {held.venue}", held.baseline
    for parent in world.working:
        yield f"what is left of {parent.parent_id}", parent.leaves_qty


def _of_order(order: Order) -> Named:
    yield f"what is filled of {order.cl_ord_id}", order.filled_qty
    yield f"what {order.cl_ord_id} claims as filled", order.cum_qty
    yield f"the fee of {order.cl_ord_id}", order.fee_bps
    if order.max_px is not None:
        yield f"the highest price of {order.cl_ord_id}", order.max_px


def _of_limits(limits: Limits) -> Named:
    for instrument, limit in limits.max_position.items():
        yield f"max_position of {instrument}", limit
    for instrument, limit in limits.max_order_qty.items():
        yield f"max_order_qty of {instrument}", limit
    for venue, limit in limits.max_venue_notional.items():
        yield f"max_venue_notional of {venue}", limit
    if limits.max_order_notional is not None:
        yield "max_order_notional", limits.max_order_notional
