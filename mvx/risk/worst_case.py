"""How far a position could still go, in the direction of a proposal.

Rule: a side's worst case is what is confirmed plus everything that open, unknown and unsettled orders
could still add on that side. Nothing that could reduce it counts before the venue has confirmed it.
What a sell brings of its quote counts at its limit or the mid, whichever is more, as in every limit: the
venue's highest price bounds the truth, and is so far away that nothing would pass.
Quantities here are in the direction of a side: positive is long for a buy and short for a sell.
None is unbounded, and no check lets it pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from mvx.domain.exposure import POINT_ZERO, Interval, still_possible
from mvx.domain.ids import Asset, ParentId, Venue
from mvx.domain.money import ZERO, plain
from mvx.domain.order import Order, Side
from mvx.risk.question import Proposal, World


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The parts of a worst case: confirmed position, other parents, the proposal's own parent."""

    confirmed: Decimal
    others: Decimal
    own: Decimal

    @property
    def total(self) -> Decimal:
        return self.confirmed + self.others + self.own


def position(world: World, asset: Asset, venue: Venue | None = None) -> Decimal:
    """Confirmed less baseline, over the desk or at one venue."""
    return sum(
        (
            held.confirmed - held.baseline
            for held in world.holdings.values()
            if held.asset == asset and venue in (None, held.venue)
        ),
        ZERO,
    )


def reach(
    orders: Iterable[Order], asset: Asset, side: Side, prices: Mapping[Asset, Decimal]
) -> Decimal | None:
    """How far these orders could still move an asset in the direction of a side, fees included; what sells
    bring of it without a price: as far as the truth could go."""
    total = ZERO
    for order in orders:
        end = None
        if (side, order.side, order.quote) == (Side.BUY, Side.SELL, asset):
            end = _proceeds(order, prices)
        if end is None:
            end = _end(still_possible(order).get(asset, POINT_ZERO), side)
        if end is None:
            return None
        total += end
    return total


def desk_worst_case(proposal: Proposal, world: World) -> WorstCase | None:
    """The position of the whole desk if the proposal is committed and everything on its side fills."""
    return asset_worst_case(proposal, world, proposal.instrument.base, proposal.side)


def asset_worst_case(proposal: Proposal, world: World, asset: Asset, side: Side) -> WorstCase | None:
    """The same of any asset, in the direction of either side.

    A parent in work counts with the whole quantity it was admitted for, or with what its children could
    still fill where that is more (a late fill on a cancelled one comes on top of its residual), so that
    nobody else takes the room that its residual needs. None where nobody knows what the desk holds of it.
    """
    if asset in world.unknown:
        return None
    reserved: dict[ParentId | None, Decimal] = {
        parent.parent_id: parent.leaves_qty
        for parent in world.working
        if parent.base == asset and parent.side is side
    }
    if (proposal.instrument.base, proposal.side) == (asset, side):
        reserved[proposal.parent_id] = proposal.parent_leaves_qty
    families = by_family(proposal, world)
    shares: dict[ParentId | None, Decimal] = {}
    for family in families.keys() | reserved.keys():
        moved = reach(families.get(family, ()), asset, side, world.prices)
        if moved is None:
            return None
        shares[family] = max(moved, reserved.get(family, ZERO))
    own = shares.pop(proposal.parent_id)
    return WorstCase(side.sign * position(world, asset), sum(shares.values(), ZERO), own)


def by_family(proposal: Proposal, world: World) -> dict[ParentId | None, list[Order]]:
    """The children of each parent, those of the proposal with them; foreign orders have none (None)."""
    families: dict[ParentId | None, list[Order]] = {proposal.parent_id: list(proposal.children)}
    for order in world.orders:
        families.setdefault(order.parent_id, []).append(order)
    return families


def venue_worst_case(
    proposal: Proposal, world: World, venue: Venue, asset: Asset, side: Side
) -> WorstCase | None:
    """The same at one venue, where only its orders can move the position."""
    others = reach(_at(world.orders, venue), asset, side, world.prices)
    own = reach(_at(proposal.children, venue), asset, side, world.prices)
    if others is None or own is None:
        return None
    return WorstCase(side.sign * position(world, asset, venue), others, own)


class Reduction(NamedTuple):
    """How far a proposal goes (`own`; None: without bound), and how far it may go and still only reduce
    the position wherever in its interval that is (`room`; not positive: there is nothing to reduce)."""

    own: Decimal | None
    room: Decimal | None

    @property
    def holds(self) -> bool:
        return self.own is not None and self.room is not None and 0 < self.own <= self.room


def reduction(proposal: Proposal, world: World, venue: Venue | None = None) -> Reduction:
    """Of the desk's position, or of one venue's by the children there: with the other open orders of its
    side it has to fit into the least that is held against it (DESIGN 5). Quantities count and not what a
    fee may take on top: crossing zero by a fee makes no position larger than it was."""
    asset, side = proposal.instrument.base, proposal.side
    others = _quantities(_at(world.orders, venue), asset, side)
    own = _quantities(_at(proposal.children, venue), asset, side)
    unknown = venue is None and asset in world.unknown
    room = None if unknown or others is None else -(side.sign * position(world, asset, venue) + others)
    return Reduction(own, room)


def _quantities(orders: Iterable[Order], asset: Asset, side: Side) -> Decimal | None:
    """How far these orders could still move an asset in the direction of a side, fees in it aside; of
    orders in other markets, whatever they could take or bring of it: what reduces, does so wherever the
    position may be."""
    own, foreign = ZERO, []
    for order in orders:
        if order.base != asset:
            foreign.append(order)
        elif order.side is side:
            own += order.worst_qty
    others = reach(foreign, asset, side, prices={})
    return None if others is None else own + others


def reduces(proposal: Proposal, world: World) -> bool:
    """Whether the proposal makes the desk's position smaller wherever in its interval it is."""
    return reduction(proposal, world).holds


def children_qty(proposal: Proposal) -> Decimal:
    return sum((child.order_qty for child in proposal.children), ZERO)


class Least(NamedTuple):
    """A limit on a position, and in words the instrument that it is set on, where that is another one."""

    limit: Decimal
    whose: str


def least_of_base(limits: Mapping[str, Decimal], proposal: Proposal, world: World) -> Least | None:
    """What binds the position in a proposal's base: instruments of one base have one position, so each of
    their limits does."""
    own = proposal.instrument
    bases = {**world.bases, own.name: own.base}
    of_base = ((limit, name) for name, limit in limits.items() if bases.get(name) == own.base)
    limit, name = min(of_base, default=(None, ""))
    if limit is None:
        return None
    return Least(limit, "" if name == own.name else f"; {name} has the least limit on {own.base}")


def in_words(worst: WorstCase, proposal: Proposal) -> str:
    """What a worst case is made of."""
    sign, base = proposal.side.sign, proposal.instrument.base
    parts = [f"{plain(sign * worst.confirmed)} confirmed", f"{plain(sign * worst.own)} by this order"]
    if worst.others:
        parts.insert(1, f"{plain(sign * worst.others)} by other orders")
    return f"{plain(sign * worst.total)} {base} if everything on this side fills: {', '.join(parts)}"


def unbounded(asset: Asset, side: Side) -> str:
    """What alone can have no end in the direction of a side."""
    if side is Side.BUY:
        return f"an order may sell for {asset} at a price without a bound"
    return f"an order may take a fee in {asset} without a bound"


def without_bound(asset: Asset, side: Side, unknown: Mapping[Asset, str] | None = None) -> str:
    """Why there is no worst case."""
    no_end = f"{unbounded(asset, side)}, so the worst case has none"
    return no_end if unknown is None else unknown.get(asset, no_end)


def _at(orders: Iterable[Order], venue: Venue | None) -> Iterable[Order]:
    return (order for order in orders if venue in (None, order.venue))


def _proceeds(order: Order, prices: Mapping[Asset, Decimal]) -> Decimal | None:
    """What a sell brings of its quote, at its limit or at the mid; None where no mid is known."""
    base, quote = prices.get(order.base), prices.get(order.quote)
    return None if base is None or quote is None else order.worst_qty * max(order.limit_px, base / quote)


def _end(interval: Interval, side: Side) -> Decimal | None:
    if side is Side.BUY:
        return interval.hi
    return None if interval.lo is None else -interval.lo
