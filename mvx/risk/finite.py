"""Every number that a check computes with is finite, of bounded size, and positive where it multiplies.

Rule: this check runs before all others and alone, for a NaN makes every comparison after it worthless.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from decimal import Decimal

from mvx.domain.limits import Limits
from mvx.domain.money import MAX_DIGITS, ZERO
from mvx.domain.order import Order
from mvx.risk.question import Proposal, Refusal, World

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
    for venue, book in proposal.books.items():
        yield f"the mid at {venue}", book.mid_px
        yield f"the rate of {venue}'s quote", book.rate
    if proposal.mid_px is not None:
        yield "the consolidated mid", proposal.mid_px
    for asset, price in world.prices.items():
        yield f"the price of {asset}", price


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
    for asset, notional in world.traded.items():
        yield f"what was traded in {asset}", notional


def _of_order(order: Order) -> Named:
    yield f"what is filled of {order.cl_ord_id}", order.filled_qty
    yield f"what {order.cl_ord_id} claims as filled", order.cum_qty
    yield f"the fee of {order.cl_ord_id}", order.fee_bps
    if order.max_px is not None:
        yield f"the highest price of {order.cl_ord_id}", order.max_px


def _of_limits(limits: Limits) -> Named:
    for each in fields(limits):
        found = getattr(limits, each.name)
        if isinstance(found, Mapping):
            for name, limit in found.items():
                yield f"{each.name} of {name}", limit
        elif found is not None:
            yield each.name, Decimal(found)
