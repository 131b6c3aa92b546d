"""Why a venue got what it got, or nothing: one short sentence for the operator.

Rule: prices in these sentences are all-in prices in the instrument's quote unless they say otherwise,
cut to the places of the venue's tick; they are words, nothing is computed from them.
"""

from __future__ import annotations

from decimal import Decimal

from mvx.domain.money import ZERO, plain, round_px
from mvx.domain.order import Side
from mvx.router.cost import Offer, Take
from mvx.router.rest import minimum
from mvx.router.split import Split


def why_taken(take: Take, last: Take | None, rested: Decimal) -> str:
    """Why a venue got its quantity; `last` is the take that reaches the plan's last level."""
    offer, now = take.offer, take.qty - rested
    parts = []
    if now and last is not None:
        offered = sum((level.qty for level in offer.levels if offer.cost(level.px) <= last.last_cost), ZERO)
        parts.append(
            f"best all-in: {_all_in(offer, offer.best.px)} for {plain(now)} of {plain(offered)} offered "
            f"up to the last level taken, {_all_in(last.offer, last.last_px)}"
        )
        if not offer.affords(take.qty + offer.lot, take.last_px):
            parts.append("its balance covers no more")
    if rested:
        fee = plain(offer.quote.fee_bps)
        at = plain(take.limit_px)
        parts.append(f"rests {plain(rested)} at {at}: the lowest fee of those that can take it, {fee} bps")
    if offer.quote.penalty_bps:
        parts.append(f"{_compared(offer)}, and still the best that is left")
    return "; ".join(parts)


def why_not(offer: Offer, split: Split, *, limited_by: str) -> str:
    """Why a venue takes nothing; limited_by names what set the bound."""
    rules, best = offer.quote.rules, offer.best
    asset = rules.quote if offer.side is Side.BUY else rules.base
    if offer.quote.spendable <= 0:
        return f"no {asset} balance to spend"
    if not offer.levels:
        return f"its best price, {plain(best.px)} {rules.quote}, is beyond {limited_by}"
    if not offer.affords(rules.lot, best.px):
        return f"its balance of {plain(offer.quote.spendable)} {asset} does not cover one lot"
    small = split.too_small.get(offer.venue)
    if small is not None and not offer.affords(small.qty + offer.lot, small.last_px):
        return (
            f"its balance of {plain(offer.quote.spendable)} {asset} does not cover its minimum of "
            f"{minimum(small)}"
        )
    if small is not None:
        return f"less than its minimum of {minimum(small)} would be left for it"
    last = split.last
    if last is None:
        return "no legal order fits the quantity, its lots, its minimums and its balance"
    cost = offer.cost(best.px)
    if cost >= last.last_cost and offer.quote.penalty_bps:
        return f"{_compared(offer)}: the others fill the quantity"
    if cost >= last.last_cost:
        than = "worse than" if cost > last.last_cost else "no better than"
        level = _all_in(last.offer, last.last_px)
        return f"all-in {_all_in(offer, best.px)} is {than} the last level taken, {level}"
    return "its lots and minimums leave no room for it: the others fill the quantity for less"


def _compared(offer: Offer) -> str:
    return f"{offer.quote.penalised}: compared at {plain(offer.quote.penalty_bps)} bps more"


def _all_in(offer: Offer, px: Decimal) -> str:
    exponent = offer.quote.rules.tick.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return plain(round_px(abs(offer.paid(px)), max(0, -exponent)))
