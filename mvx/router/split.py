"""How much each venue takes: a greedy merge by all-in cost, then repair until every leg is legal.

Rules:
- The merge hands out whole lots only, best cost first, within balance and bound.
- A leg below its venue's minimums is dropped and the whole quantity split again over the others.
- Where quantity is left over, one venue at a time is made to take one lot more, or its least legal
  quantity, ahead of the merge; a venue of finer lots then gives way. Kept while it places more.
- One venue alone is a candidate too: a split is never dearer than the best single venue, of those with
  the least penalty on offer (all of them, where nobody is penalised).
Invariants: the sum never exceeds the quantity asked for; every take is a legal order; the result depends
on the offers, never on their order.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from mvx.domain.ids import Venue
from mvx.domain.money import ZERO, ceil_to, floor_to, is_multiple
from mvx.router.cost import Offer, Take, walk

Offers = Mapping[Venue, Offer]


@dataclass(frozen=True, slots=True)
class Split:
    """`too_small`: what a dropped venue would have taken. `single`: the best venue that could do the
    whole planned quantity alone, among those with the least penalty on offer."""

    takes: Mapping[Venue, Take] = field(default_factory=dict)
    too_small: Mapping[Venue, Take] = field(default_factory=dict)
    single: Take | None = None

    @property
    def planned_qty(self) -> Decimal:
        return sum((take.qty for take in self.takes.values()), ZERO)

    @property
    def cost(self) -> Decimal:
        return sum((take.cost for take in self.takes.values()), ZERO)

    @property
    def last(self) -> Take | None:
        """The take that reaches the last level."""
        return max(self.takes.values(), key=lambda take: take.last_cost, default=None)

    @property
    def rank(self) -> tuple[Decimal, Decimal, int]:
        """More quantity first, then less cost, then fewer orders."""
        return (-self.planned_qty, self.cost, len(self.takes))


def split(offers: Offers, qty: Decimal) -> Split:
    """The takes for qty over the offers."""
    offers = {venue: offers[venue] for venue in sorted(offers)}
    best = _fill_up(offers, qty, _legal(offers, qty, {}))
    if best.planned_qty < qty and (whole := _best_alone(offers, qty)) is not None:
        best = _only(whole)
    single = _best_alone(offers, best.planned_qty)
    if single is not None and single.cost < best.cost:
        best = _only(single)
    return replace(best, single=_best_alone(_least_penalised(offers), best.planned_qty))


def alone(offer: Offer, qty: Decimal) -> Take | None:
    """The whole quantity at one venue, or None where that is no legal order."""
    if qty <= 0 or not is_multiple(qty, offer.lot):
        return None
    take = walk(offer, qty)
    if take is None or take.too_small or not offer.affords(qty, take.last_px):
        return None
    return take


def least_order(offers: Offers) -> Decimal | None:
    """The smallest order that one of them takes on these books; None where none takes any."""
    found = ((offer, _least_legal(offer)) for offer in offers.values())
    return min((qty for offer, qty in found if qty is not None and alone(offer, qty)), default=None)


def _only(take: Take) -> Split:
    return Split({take.offer.venue: take})


def _least_penalised(offers: Offers) -> Offers:
    least = min((offer.quote.penalty_bps for offer in offers.values()), default=ZERO)
    return {venue: offer for venue, offer in offers.items() if offer.quote.penalty_bps == least}


def _best_alone(offers: Offers, qty: Decimal) -> Take | None:
    takes = (alone(offer, qty) for offer in offers.values())
    return min((take for take in takes if take is not None), key=lambda take: take.cost, default=None)


def _legal(offers: Offers, qty: Decimal, floors: Mapping[Venue, Decimal]) -> Split:
    """The merge, without the venues that it would leave less than their minimum."""
    usable = dict(offers)
    too_small: dict[Venue, Take] = {}
    while True:
        takes = _merge(usable, qty, floors)
        small = [take for take in takes.values() if take.too_small]
        if not small:
            return Split(takes, too_small)
        dropped = max(small, key=lambda take: (take.offer.cost(take.offer.best.px), take.offer.venue))
        too_small[dropped.offer.venue] = dropped
        del usable[dropped.offer.venue]


def _merge(offers: Offers, qty: Decimal, floors: Mapping[Venue, Decimal]) -> dict[Venue, Take]:
    """Whole lots by all-in cost. A part of a lot waits until the venue's next level completes it."""
    lots = {venue: offer.lot for venue, offer in offers.items()}
    finest = min(lots.values(), default=ZERO)
    given = dict.fromkeys(offers, ZERO)
    depth = dict.fromkeys(offers, ZERO)
    spent: set[Venue] = set()
    left = qty
    for _, venue, px, size in heapq.merge(*(o.ladder(floors.get(v, ZERO)) for v, o in offers.items())):
        if left < finest or len(spent) == len(offers):
            break
        if venue in spent:
            continue
        have, lot = given[venue], lots[venue]
        depth[venue] += size
        more = min(depth[venue] - have, left)
        if not offers[venue].affords(have + more, px):
            more = offers[venue].affordable(px) - have
            spent.add(venue)  # what a balance does not cover here it covers no deeper
        if more >= lot:
            more = more // lot * lot
            given[venue] = have + more
            left -= more
    takes = {venue: walk(offers[venue], got) for venue, got in given.items() if got}
    return {venue: take for venue, take in takes.items() if take is not None}


def _fill_up(offers: Offers, qty: Decimal, best: Split) -> Split:
    """Raise one venue at a time ahead of the merge, as long as that places more."""
    most = _placeable(offers, qty)
    floors: dict[Venue, Decimal] = {}
    for _ in range(2 * len(offers)):
        if best.planned_qty >= most:
            break
        attempts = [floors | {venue: floor} for venue, floor in _raises(offers, qty, best)]
        trials = [(_legal(offers, qty, raised), raised) for raised in attempts if sum(raised.values()) <= qty]
        if not trials:
            break
        found, raised = min(trials, key=lambda trial: trial[0].rank)
        if found.planned_qty <= best.planned_qty:
            break
        best, floors = found, raised
    return best


def _raises(offers: Offers, qty: Decimal, best: Split) -> Iterator[tuple[Venue, Decimal]]:
    """Every venue with its next legal quantity above what it has, where it can take that."""
    for venue, offer in offers.items():
        have = best.takes.get(venue)
        floor = have.qty + offer.lot if have else _least_legal(offer)
        if floor is not None and floor <= qty and alone(offer, floor) is not None:
            yield venue, floor


def _least_legal(offer: Offer) -> Decimal | None:
    """The smallest order that the venue's minimums allow on this book (a lot too many at worst)."""
    rules = offer.quote.rules
    qty = max(rules.lot, ceil_to(rules.min_qty, rules.lot))
    while (take := walk(offer, qty)) is not None and take.too_small:
        qty = max(qty + rules.lot, ceil_to(rules.min_notional * qty / take.checked_notional, rules.lot))
    return qty if take is not None else None


def _placeable(offers: Offers, qty: Decimal) -> Decimal:
    """The most that the lots allow: with nested lots what is left is less than the finest one."""
    finest = min((offer.lot for offer in offers.values()), default=ZERO)
    if not finest or any(not is_multiple(offer.lot, finest) for offer in offers.values()):
        return qty
    return floor_to(qty, finest)
