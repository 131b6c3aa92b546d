"""The limits on orders as such: how many are open, unknown, new in a minute, and against each other."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from mvx.domain.limits import ORDER_RATE_S, Limits
from mvx.domain.money import plain
from mvx.domain.order import Order, TimeInForce, is_unknown
from mvx.domain.text import typed
from mvx.risk.question import Proposal, Refusal, World


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
    unknown = [order.cl_ord_id for order in world.orders if is_unknown(order, world.at)]
    limit = limits.max_unknown_orders
    if limit is not None and len(unknown) >= max(limit, 1):
        text = f"{len(unknown)} orders have an unknown outcome already, {', '.join(unknown[:3])} among them"
        yield Refusal("max_unknown_orders", Decimal(len(unknown)), Decimal(limit), text)


def check_order_rate(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """Orders committed in the last minute, whatever became of them, with the new ones."""
    limit, before, new = limits.max_orders_per_minute, len(world.sent_at), len(proposal.children)
    if limit is not None and before + new > limit:
        text = f"{before} orders were committed in the last {ORDER_RATE_S:g} s and {new} would be added"
        yield Refusal("max_orders_per_minute", Decimal(before + new), Decimal(limit), text)


def check_self_trade(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """No child meets an order of this desk on the other side: at the same venue they would fill each other,
    at two venues both sides of a spread would be paid for nothing. One of the two has to rest for that."""
    for child in proposal.children:
        for order in world.orders:
            if order.side is child.side or order.base != child.base or order.terminal:
                continue
            if TimeInForce.GTC not in (child.time_in_force, order.time_in_force):
                continue
            met = _meet(child, order, world)
            if met is not False:
                yield _self_trade(child, order, comparable=met is not None)


def _meet(child: Order, order: Order, world: World) -> bool | None:
    """Whether the one's limit reaches the other's; None where their quotes can not be compared."""
    own, other = child.limit_px, order.limit_px
    if child.quote != order.quote:
        prices = world.prices.get(child.quote), world.prices.get(order.quote)
        if prices[0] is None or prices[1] is None:
            return None
        own, other = own * prices[0], other * prices[1]
    return child.side.sign * (own - other) >= 0


def _self_trade(child: Order, order: Order, *, comparable: bool) -> Refusal:
    text = (
        f"our own order {order.cl_ord_id} would {order.side.value} at {plain(order.limit_px)} {order.quote}"
        f" at {order.venue}, and this one would {child.side.value} at {plain(child.limit_px)} {child.quote}:"
        f" mvx cancel {typed(order.cl_ord_id)}"
    )
    if not comparable:
        text += f"; no rate between {child.quote} and {order.quote} is known"
    return Refusal("self_trade", child.limit_px, order.limit_px, text, child.venue)
