"""The limits on notionals, all in the desk's currency.

Rules:
- A buy counts at its limit; a sell at its limit or the mid, whichever is more: it may fill above its limit.
- What no price is known for has no notional and is refused. There is no par between two currencies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from mvx.domain.ids import Asset, Venue
from mvx.domain.limits import Limits
from mvx.domain.money import ZERO, plain
from mvx.domain.order import Order, Side
from mvx.risk.question import Proposal, Refusal, WorkingParent, World
from mvx.risk.worst_case import (
    asset_worst_case,
    by_family,
    children_qty,
    desk_worst_case,
    in_words,
    least_of_base,
    venue_worst_case,
    without_bound,
)


class Unpriced(Exception):
    """Nobody knows what one of this asset is worth in the desk's currency."""

    def __init__(self, asset: Asset) -> None:
        super().__init__(asset)
        self.asset = asset


def check_position_notional(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The desk's worst-case position in the instrument's base, over all venues."""
    name, least = "max_position_notional", least_of_base(limits.max_position_notional, proposal, world)
    if least is None:
        return
    base, sign, limit = proposal.instrument.base, proposal.side.sign, least.limit
    worst, price = desk_worst_case(proposal, world), world.prices.get(base)
    if price is None:
        yield _unpriced(name, base, limit)
    elif worst is None:
        yield Refusal(name, None, sign * limit, without_bound(base))
    elif worst.total * price > limit:
        text = f"{in_words(worst, proposal)}, at {plain(price)}{least.whose}"
        yield Refusal(name, sign * worst.total * price, sign * limit, text)


def check_gross_notional(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The worst-case positions of all assets that are positions, each in its worse direction."""
    name, limit = "max_gross_notional", limits.max_gross_notional
    if limit is None:
        return
    parts: dict[Asset, Decimal] = {}
    for asset in sorted({*world.bases.values(), proposal.instrument.base}):
        worst = [asset_worst_case(proposal, world, asset, side) for side in Side]
        totals = [each.total for each in worst if each is not None]
        if len(totals) < len(worst):
            yield Refusal(name, None, limit, without_bound(asset))
            return
        if most := max(totals):
            if asset not in world.prices:
                yield _unpriced(name, asset, limit)
                return
            parts[asset] = most * world.prices[asset]
    value = sum(parts.values(), ZERO)
    if value > limit:
        told = ", ".join(f"{plain(part)} in {asset}" for asset, part in parts.items())
        yield Refusal(name, value, limit, f"{told}, if everything fills that makes a position larger")


def check_order_notional(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The children, and what they leave of the parent at the dearest of them, or a thin book would let a
    large order pass in small rounds."""
    limit = limits.max_order_notional
    if limit is None or not proposal.children:
        return
    try:
        planned, unplanned = _of_orders(proposal.children, world), _of_rest(proposal, world)
    except Unpriced as missing:
        yield _unpriced("max_order_notional", missing.asset, limit)
        return
    if planned + unplanned > limit:
        left = max(ZERO, proposal.parent_leaves_qty - children_qty(proposal))
        base = proposal.instrument.base
        text = f"{plain(planned)} if the children fill at their limits, and {plain(left)} {base} to come"
        yield Refusal("max_order_notional", planned + unplanned, limit, text)


def check_venue_notional(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The instrument's worst-case position at each venue of the children, as a counterparty."""
    base = proposal.instrument.base
    for venue in proposal.venues:
        limit = limits.max_venue_notional.get(venue)
        if limit is None:
            continue
        worst, price = venue_worst_case(proposal, world, venue), world.prices.get(base)
        if price is None:
            yield _unpriced("max_venue_notional", base, limit, venue)
        elif worst is None:
            yield Refusal("max_venue_notional", None, limit, without_bound(base), venue)
        elif worst.total * price > limit:
            text = f"{in_words(worst, proposal)}, at {plain(price)}"
            yield Refusal("max_venue_notional", worst.total * price, limit, text, venue)


def check_turnover(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """What was traded since 00:00 UTC, and all that may still be: by open orders, by what parents in work
    have left, by this one."""
    limit = limits.max_daily_turnover
    if limit is None:
        return
    try:
        found = _turnover(proposal, world)
    except Unpriced as missing:
        yield _unpriced("max_daily_turnover", missing.asset, limit)
        return
    if sum(found) > limit:
        text = (
            f"{plain(found.traded)} traded since 00:00 UTC, {plain(found.others)} by other orders and"
            f" {plain(found.own)} by this one if all of them fill"
        )
        yield Refusal("max_daily_turnover", sum(found, ZERO), limit, text)


class _Turnover(NamedTuple):
    traded: Decimal
    others: Decimal
    own: Decimal


def _turnover(proposal: Proposal, world: World) -> _Turnover:
    """Raises Unpriced."""
    traded = sum((notional * _price(world, quote) for quote, notional in world.traded.items()), ZERO)
    families = by_family(proposal, world)
    own = _of_orders(families.pop(proposal.parent_id), world) + _of_rest(proposal, world)
    left: dict[str, WorkingParent] = {parent.parent_id: parent for parent in world.working}
    left.pop(proposal.parent_id, None)
    others = ZERO
    for family in families.keys() | left.keys():
        orders, parent = families.get(family, []), left.get(family)
        others += _of_orders(orders, world)
        if parent is not None and (unplanned := parent.leaves_qty - _worst_qty(orders)) > 0:
            others += unplanned * _price(world, parent.base)
    return _Turnover(traded, others, own)


def _of_rest(proposal: Proposal, world: World) -> Decimal:
    """What the children leave of their parent, at the dearest of them."""
    left = proposal.parent_leaves_qty - children_qty(proposal)
    return max(ZERO, left) * max((_worth(child, world) for child in proposal.children), default=ZERO)


def _of_orders(orders: Iterable[Order], world: World) -> Decimal:
    return sum((order.worst_qty * _worth(order, world) for order in orders if order.worst_qty), ZERO)


def _worst_qty(orders: Iterable[Order]) -> Decimal:
    return sum((order.worst_qty for order in orders), ZERO)


def _worth(order: Order, world: World) -> Decimal:
    """The most that one of its base may fill at, in the desk's currency. Raises Unpriced."""
    at_limit = order.limit_px * _price(world, order.quote)
    return at_limit if order.side is Side.BUY else max(at_limit, _price(world, order.base))


def _price(world: World, asset: Asset) -> Decimal:
    price = world.prices.get(asset)
    if price is None:
        raise Unpriced(asset)
    return price


def _unpriced(limit: str, asset: Asset, bound: Decimal, venue: Venue | None = None) -> Refusal:
    text = f"no price of {asset} in the desk's currency is known, so there is no notional"
    return Refusal(limit, None, bound, text, venue)
