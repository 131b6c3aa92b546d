"""The limits on notionals, all in the desk's currency.

Rules:
- A buy counts at its limit; a sell at its limit or the mid, whichever is more: it may fill above its limit.
- What no price is known for has no notional and is refused. There is no par between two currencies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from mvx.domain.ids import Asset, ParentId
from mvx.domain.limits import Limits
from mvx.domain.money import ZERO, plain
from mvx.domain.order import Order, Side
from mvx.risk.question import Proposal, Refusal, WorkingParent, World
from mvx.risk.worst_case import (
    WorstCase,
    asset_worst_case,
    by_family,
    children_qty,
    desk_worst_case,
    in_words,
    least_of_base,
    venue_worst_case,
    without_bound,
)

Worst = Callable[[Asset, Side], WorstCase | None]


class NoNotional(Exception):
    """What something could come to can not be computed, and why: nothing bounds it, or nobody knows its price
    in the desk's currency."""


def check_position_notional(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The desk's worst-case position in the instrument's base, over all venues."""
    name, least = "max_position_notional", least_of_base(limits.max_position_notional, proposal, world)
    if least is None:
        return
    base, bound = proposal.instrument.base, proposal.side.sign * least.limit
    try:
        worst = _bounded(desk_worst_case(proposal, world), base, proposal.side, world)
        value = _notional(worst, base, world)
    except NoNotional as missing:
        yield Refusal(name, None, bound, str(missing))
        return
    if value > least.limit:
        text = f"{in_words(worst, proposal)}, at {plain(_price(world, base))}{least.whose}"
        yield Refusal(name, proposal.side.sign * value, bound, text)


def check_gross_notional(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The worst-case positions of all assets that are positions, each in its worse direction."""
    name, limit = "max_gross_notional", limits.max_gross_notional
    if limit is None:
        return
    assets = {*world.bases.values(), proposal.instrument.base}
    try:
        parts = _in_worse_direction(partial(asset_worst_case, proposal, world), assets, world)
    except NoNotional as missing:
        yield Refusal(name, None, limit, str(missing))
        return
    value = sum(parts.values(), ZERO)
    if value > limit:
        yield Refusal(name, value, limit, f"{_told(parts)}, if everything fills that makes a position larger")


def check_order_notional(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The children, and what they leave of the parent at the dearest of them, or a thin book would let a
    large order pass in small rounds."""
    limit = limits.max_order_notional
    if limit is None or not proposal.children:
        return
    try:
        planned, unplanned = _of_orders(proposal.children, world), _of_rest(proposal, world)
    except NoNotional as missing:
        yield Refusal("max_order_notional", None, limit, str(missing))
        return
    if planned + unplanned > limit:
        left = max(ZERO, proposal.parent_leaves_qty - children_qty(proposal))
        base = proposal.instrument.base
        text = f"{plain(planned)} if the children fill at their limits, and {plain(left)} {base} to come"
        yield Refusal("max_order_notional", planned + unplanned, limit, text)


def check_venue_notional(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The worst-case positions at each venue of the children, as a counterparty: the order's own asset in the
    order's direction (what makes it smaller there passes), all others in their worse one."""
    name, base = "max_venue_notional", proposal.instrument.base
    for venue in proposal.venues:
        limit = limits.max_venue_notional.get(venue)
        if limit is None:
            continue
        at_venue = partial(venue_worst_case, proposal, world, venue)
        try:
            worst = _bounded(at_venue(base, proposal.side), base, proposal.side, world)
            own = _notional(worst, base, world)
            beside = _in_worse_direction(at_venue, {*world.bases.values()} - {base}, world) if own else {}
        except NoNotional as missing:
            yield Refusal(name, None, limit, str(missing), venue)
            continue
        value = own + sum(beside.values(), ZERO)
        if value > limit:
            text = f"{in_words(worst, proposal)}, at {plain(_price(world, base))}"
            told = f"; and {_told(beside)} there" if beside else ""
            yield Refusal(name, value, limit, text + told, venue)


def check_turnover(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """What was traded since 00:00 UTC, and all that may still be: by open orders, by what parents in work
    have left, by this one."""
    limit = limits.max_daily_turnover
    if limit is None:
        return
    try:
        found = _turnover(proposal, world)
    except NoNotional as missing:
        yield Refusal("max_daily_turnover", None, limit, str(missing))
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
    """Raises NoNotional."""
    traded = sum((notional * _price(world, quote) for quote, notional in world.traded.items()), ZERO)
    families = by_family(proposal, world)
    own = _of_orders(families.pop(proposal.parent_id), world) + _of_rest(proposal, world)
    left: dict[ParentId | None, WorkingParent] = {parent.parent_id: parent for parent in world.working}
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
    """The most that one of its base may fill at, in the desk's currency. Raises NoNotional."""
    at_limit = order.limit_px * _price(world, order.quote)
    return at_limit if order.side is Side.BUY else max(at_limit, _price(world, order.base))


def _bounded(worst: WorstCase | None, asset: Asset, side: Side, world: World) -> WorstCase:
    """Raises NoNotional."""
    if worst is None:
        raise NoNotional(without_bound(asset, side, world.unknown))
    return worst


def _notional(worst: WorstCase, asset: Asset, world: World) -> Decimal:
    """What the position comes to in the direction of the worst case; nothing where it is on the other side,
    and nothing needs no price. Raises NoNotional."""
    return worst.total * _price(world, asset) if worst.total > 0 else ZERO


def _in_worse_direction(worst: Worst, assets: Iterable[Asset], world: World) -> dict[Asset, Decimal]:
    """What each position comes to in its worse direction, where it comes to something. Raises NoNotional."""
    most = {
        asset: max(_notional(_bounded(worst(asset, side), asset, side, world), asset, world) for side in Side)
        for asset in sorted(assets)
    }
    return {asset: notional for asset, notional in most.items() if notional}


def _told(parts: Mapping[Asset, Decimal]) -> str:
    return ", ".join(f"{plain(part)} in {asset}" for asset, part in parts.items())


def _price(world: World, asset: Asset) -> Decimal:
    price = world.prices.get(asset)
    if price is None:
        raise NoNotional(f"no price of {asset} in the desk's currency is known, so there is no notional")
    return price
