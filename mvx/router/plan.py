"""The plan: what each venue is asked for, at which protective price, and why.

Rules:
- A leg's limit is its worst planned level on the venue's tick grid (a reaching plan's: its bound),
  never beyond the caller's limit or the slippage cap (against the consolidated mid, fees excluded).
- A resting or post-only plan takes what crosses (post-only: nothing) and rests the remainder in one leg.
- Every venue asked has a leg or a reason.
- A penalised quote is taken where the others can not fill; no reported price has the penalty in it.
Invariants: the plan never exceeds the quantity, a balance or a bound; every leg is a legal order; the
same quotes in another order give the same plan. Quotients are cut to ten places for the report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mvx.domain.ids import Symbol, Venue
from mvx.domain.instrument import Instrument
from mvx.domain.money import BPS, ZERO, plain, round_px
from mvx.domain.order import Order, Side
from mvx.errors import UsageError
from mvx.router.cost import Offer, Quote, Take, consolidated_mid, make_offer
from mvx.router.reasons import why_not, why_taken
from mvx.router.rest import Rest, place_rest
from mvx.router.split import Split, least_order, split


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """limit_px in the instrument's quote. max_slippage_bps: worst level against the consolidated mid,
    fees excluded. resting: what does not cross stays in the book at the limit. reaching: legs are
    limited at the bounds themselves instead of their worst planned level, for a quantity that lost the
    race for its level once."""

    instrument: Instrument
    side: Side
    order_qty: Decimal
    limit_px: Decimal | None = None
    max_slippage_bps: Decimal | None = None
    post_only: bool = False
    resting: bool = False
    reaching: bool = False

    @property
    def rests(self) -> bool:
        return self.resting or self.post_only


@dataclass(frozen=True, slots=True)
class Skipped:
    """A venue that gets nothing, and why."""

    venue: Venue
    why: str


@dataclass(frozen=True, slots=True)
class Leg:
    """One order for one venue. limit_px and expected_px in the symbol's own quote, all_in_px per unit
    of base in the instrument's quote with the fee; what rests counts at its limit."""

    venue: Venue
    symbol: Symbol
    side: Side
    qty: Decimal
    limit_px: Decimal
    expected_px: Decimal
    fee_bps: Decimal
    all_in_px: Decimal
    why: str


@dataclass(frozen=True, slots=True)
class SingleVenue:
    """The best that one venue alone could do for the whole planned quantity; a penalised one only where
    every one is."""

    venue: Venue
    all_in_px: Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    """Prices in the instrument's quote, None where there is nothing to price. expected_px and
    slippage_bps (against arrival_px, positive: paid) exclude fees. best_single_venue and saving_bps are
    None where something rests, for nobody knows when that fills."""

    request: PlanRequest
    legs: tuple[Leg, ...]
    skipped: tuple[Skipped, ...]
    arrival_px: Decimal | None
    planned_qty: Decimal
    expected_px: Decimal | None
    all_in_px: Decimal | None
    slippage_bps: Decimal | None
    best_single_venue: SingleVenue | None
    saving_bps: Decimal | None


def make_plan(request: PlanRequest, quotes: Sequence[Quote], skipped: Sequence[Skipped] = ()) -> Plan:
    """The plan over quotes of at most one per venue; `skipped` passes through. Raises UsageError for a
    request that rests without a limit."""
    if request.rests and request.limit_px is None:
        raise UsageError("an order that rests needs a limit price", next_step="add --limit PX")
    mid = consolidated_mid(quotes)
    offers = _offers(request, quotes, mid)
    taken = Split() if request.post_only else split(offers, request.order_qty)
    rest = Rest()
    if request.rests:
        left = request.order_qty - taken.planned_qty
        rest = place_rest(offers, taken.takes, left, post_only=request.post_only)
    takes = dict(taken.takes)
    if rest.take is not None:
        takes[rest.take.offer.venue] = rest.take
    legs = _legs(takes, taken, rest, reaching=request.reaching)
    reasons = [
        Skipped(venue, rest.refused.get(venue) or why_not(offer, taken, limited_by=_limited_by(request)))
        for venue, offer in offers.items()
        if venue not in takes
    ]
    everyone = sorted((*skipped, *reasons), key=lambda skip: (skip.venue, skip.why))
    single = None if rest.qty else taken.single
    return _summed(request, takes, legs, tuple(everyone), mid, single)


def smallest_order(request: PlanRequest, quotes: Sequence[Quote]) -> Decimal | None:
    """The smallest order for the request that a venue takes, whatever its quantity; None where none does."""
    return least_order(_offers(request, quotes, consolidated_mid(quotes)))


def residual(order_qty: Decimal, filled_qty: Decimal, children: Iterable[Order]) -> Decimal:
    """What of a parent may be planned again: its quantity less its fills and everything that its
    children could still fill (DESIGN 2.7). Never negative."""
    possible = sum((child.residual_worst_qty for child in children), ZERO)
    return max(ZERO, order_qty - filled_qty - possible)


def _offers(request: PlanRequest, quotes: Sequence[Quote], mid: Decimal | None) -> dict[Venue, Offer]:
    offers = {
        quote.venue: make_offer(
            quote,
            request.side,
            limit_px=request.limit_px,
            mid=mid,
            max_slippage_bps=request.max_slippage_bps,
        )
        for quote in sorted(quotes, key=lambda quote: quote.venue)
    }
    if len(offers) != len(quotes):
        raise ValueError("two quotes of one venue: its balance would be spent twice")
    return offers


def _legs(takes: Mapping[Venue, Take], taken: Split, rest: Rest, *, reaching: bool) -> tuple[Leg, ...]:
    last = taken.last
    return tuple(
        _leg(take, last, rest.qty if take is rest.take else ZERO, reaching=reaching)
        for _, take in sorted(takes.items())
    )


def _leg(take: Take, last: Take | None, rested: Decimal, *, reaching: bool) -> Leg:
    quote = take.offer.quote
    return Leg(
        venue=quote.venue,
        symbol=quote.symbol,
        side=take.offer.side,
        qty=take.qty,
        limit_px=take.furthest_px if reaching else take.limit_px,
        expected_px=round_px(take.notional / take.qty),
        fee_bps=quote.fee_bps,
        all_in_px=round_px(abs(take.paid) / take.qty),
        why=why_taken(take, last, rested),
    )


def _summed(
    request: PlanRequest,
    takes: Mapping[Venue, Take],
    legs: tuple[Leg, ...],
    skipped: tuple[Skipped, ...],
    mid: Decimal | None,
    single: Take | None,
) -> Plan:
    """The plan with its totals, from unrounded sums."""
    qty = sum((take.qty for take in takes.values()), ZERO)
    paid = sum((take.paid for take in takes.values()), ZERO)
    notional = sum((take.notional * take.offer.quote.rate for take in takes.values()), ZERO)
    slippage = None
    if qty and mid:
        slippage = round_px(request.side.sign * (notional / qty - mid) / mid * BPS)
    best = saving = None
    if single is not None:
        best = SingleVenue(single.offer.venue, round_px(abs(single.paid) / single.qty))
        saving = round_px((single.paid - paid) / abs(single.paid) * BPS)
    return Plan(
        request=request,
        legs=legs,
        skipped=skipped,
        arrival_px=None if mid is None else round_px(mid),
        planned_qty=qty,
        expected_px=round_px(notional / qty) if qty else None,
        all_in_px=round_px(abs(paid) / qty) if qty else None,
        slippage_bps=slippage,
        best_single_venue=best,
        saving_bps=saving,
    )


def _limited_by(request: PlanRequest) -> str:
    """What bounds the price, in words."""
    limits = []
    if request.limit_px is not None:
        limits.append(f"the limit of {plain(request.limit_px)} {request.instrument.quote}")
    if request.max_slippage_bps is not None:
        limits.append(f"{plain(request.max_slippage_bps)} bps from the mid")
    return " or ".join(limits) or "its own highest price"
