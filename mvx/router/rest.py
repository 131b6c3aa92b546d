"""Where the quantity rests that nothing takes now.

Rule: one leg at the offer's bound (the limit, rounded inward to the tick), at the venue of the lowest
fee that can take all of it, a penalised one only where no other can; merged into that venue's taking
leg, so that a venue gets one order a round.
Invariant: a resting leg is a legal order within balance, and a post-only one does not cross its book.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from mvx.domain.ids import Venue
from mvx.domain.money import ZERO, floor_to, plain
from mvx.domain.order import Side
from mvx.router.cost import Offer, Quote, Take


@dataclass(frozen=True, slots=True)
class Rest:
    """`take` is the venue's whole order, of which `qty` rests. `refused`: why a venue can not take it."""

    take: Take | None = None
    qty: Decimal = ZERO
    refused: Mapping[Venue, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Candidate:
    take: Take
    qty: Decimal
    left: Decimal
    merged: bool

    @property
    def rank(self) -> tuple[int, Decimal, Decimal, Decimal, bool, Venue]:
        """All of it first, then all but a part of a lot, then the most; among equals the least penalty,
        then the lowest fee."""
        quote = self.take.offer.quote
        over = self.left - self.qty
        fit = 0 if not over else 1 if over < quote.rules.lot else 2
        most = -self.qty if fit == 2 else ZERO
        return (fit, most, quote.penalty_bps, quote.fee_bps, not self.merged, quote.venue)


def place_rest(
    offers: Mapping[Venue, Offer], takes: Mapping[Venue, Take], left: Decimal, *, post_only: bool
) -> Rest:
    """The venue for what is left after the takes."""
    if left <= 0:
        return Rest()
    candidates: list[_Candidate] = []
    refused: dict[Venue, str] = {}
    for venue, offer in offers.items():
        answer = _candidate(offer, takes.get(venue), left, post_only=post_only)
        if isinstance(answer, str):
            refused[venue] = answer
        else:
            candidates.append(answer)
    if not candidates:
        return Rest(refused=refused)
    best = min(candidates, key=lambda candidate: candidate.rank)
    for other in candidates:
        if other is not best:
            refused[other.take.offer.venue] = _second_best(other.take.offer.quote, best)
    return Rest(best.take, best.qty, refused)


def _candidate(offer: Offer, already: Take | None, left: Decimal, *, post_only: bool) -> _Candidate | str:
    """What the venue could rest, or why it can not."""
    bound, rules = offer.bound, offer.quote.rules
    assert bound is not None  # a resting request has a limit
    if bound <= 0:
        return f"the limit is below its tick of {plain(rules.tick)} {rules.quote}"
    if rules.max_px is not None and bound > rules.max_px:
        return f"the limit is above its highest price, {plain(rules.max_px)}"
    if post_only and offer.levels:
        name = "ask" if offer.side is Side.BUY else "bid"
        return f"a post-only order at {plain(bound)} would take its best {name}, {plain(offer.best.px)}"
    have = already.qty if already else ZERO
    room = offer.affordable(bound) - have
    qty = floor_to(min(left, room), rules.lot)
    if room < rules.lot:
        return "its balance is too small to rest one lot"
    if qty <= 0:
        return f"its lot of {plain(rules.lot)} {rules.base} is more than what is left to rest"
    notional = (already.notional if already else ZERO) + qty * bound
    take = Take(offer, have + qty, notional, bound)
    if take.too_small:
        return f"less than its minimum of {minimum(take)} would rest at it"
    return _Candidate(take, qty, left, already is not None)


def _second_best(other: Quote, best: _Candidate) -> str:
    quote = best.take.offer.quote
    if other.penalty_bps > quote.penalty_bps:
        return f"{other.penalised}: the quantity rests at {quote.venue}"
    if other.fee_bps > quote.fee_bps:
        return (
            f"its fee of {plain(other.fee_bps)} bps is above the {plain(quote.fee_bps)} bps of {quote.venue}"
        )
    return f"the quantity rests at {quote.venue}"


def minimum(take: Take) -> str:
    """The minimum that a take misses, in words."""
    rules = take.offer.quote.rules
    if take.qty < rules.min_qty:
        return f"{plain(rules.min_qty)} {rules.base}"
    return f"{plain(rules.min_notional)} {rules.quote}"
