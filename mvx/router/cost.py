"""What a venue's book costs once fees and quote conversion are in.

Rule: offers of several venues compare by one number, the all-in price per unit of base in the
instrument's quote: px * (1 + fee) * rate for a buy, px * (1 - fee) * rate for a sell. Inside the router
it is carried as a cost with the side's sign, so that less is better for both sides. A quote that carries a
penalty is compared as if it were that much worse, and is reported at what it costs in truth.
Invariant: a level beyond the offer's bound is never seen, and no level is converted before it is reached.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mvx.domain.book import Book, Level
from mvx.domain.ids import Symbol, Venue
from mvx.domain.instrument import MarketRules
from mvx.domain.money import BPS, ONE, ZERO, ceil_to, floor_to
from mvx.domain.order import Side

_BEFORE_ALL = Decimal("-Infinity")


@dataclass(frozen=True, slots=True)
class Quote:
    """One venue's offer, all that the router may know about it.

    `fee_bps` is the taker fee, `rate` the instrument's quote per unit of the symbol's own. `spendable`
    is the symbol's quote asset for a buy and the base for a sell. Fees are included in what a buy
    spends; a fee that a sell pays in base is the caller's to leave out of `spendable`. `penalty_bps`
    enters comparisons and no price; `penalised` says what for, in words.
    """

    venue: Venue
    symbol: Symbol
    rules: MarketRules
    book: Book
    fee_bps: Decimal
    rate: Decimal
    spendable: Decimal
    penalty_bps: Decimal = ZERO
    penalised: str = ""


#: A level in the order of the merge: cost, venue, px, qty. The venue breaks ties, so that no order of
#: input matters. A plain tuple, for thousands are made per plan.
Rung = tuple[Decimal, Venue, Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class Offer:
    """A quote with what one request makes of it.

    `bound` is the worst price allowed, in the symbol's own quote and on its tick grid; None: any.
    `levels` are the levels within it, best first.
    `factor` turns an own price into a signed all-in cost, `compared` into the one that offers compare
    by, with the penalty; `outlay` into what a buy reserves.
    """

    quote: Quote
    side: Side
    bound: Decimal | None
    levels: tuple[Level, ...]
    factor: Decimal
    compared: Decimal
    outlay: Decimal

    @property
    def venue(self) -> Venue:
        return self.quote.venue

    @property
    def lot(self) -> Decimal:
        return self.quote.rules.lot

    @property
    def best(self) -> Level:
        return self.quote.book.against(self.side)[0]

    def cost(self, px: Decimal) -> Decimal:
        """What decides: less is better."""
        return px * self.compared

    def paid(self, px: Decimal) -> Decimal:
        """What is reported: the signed all-in price itself."""
        return px * self.factor

    def limit_for(self, px: Decimal) -> Decimal:
        """The protective price that still reaches px: on the grid, and inside the bound, which is on it."""
        tick = self.quote.rules.tick
        return ceil_to(px, tick) if self.side is Side.BUY else floor_to(px, tick)

    def affordable(self, px: Decimal) -> Decimal:
        """The most that an order limited at px may carry: the venue reserves quantity times limit."""
        if self.side is Side.SELL:
            return self.quote.spendable
        return self.quote.spendable / (self.limit_for(px) * self.outlay)

    def affords(self, qty: Decimal, px: Decimal) -> bool:
        if self.side is Side.SELL:
            return qty <= self.quote.spendable
        # A limit is less than one tick above px: most levels pass here, without a division.
        if qty * (px + self.quote.rules.tick) * self.outlay <= self.quote.spendable:
            return True
        return qty * self.limit_for(px) * self.outlay <= self.quote.spendable

    def ladder(self, floor: Decimal = ZERO) -> Iterator[Rung]:
        """The levels as rungs; the first `floor` of quantity comes before everything else."""
        venue, factor = self.quote.venue, self.compared
        for px, size in self.levels:
            if not floor:
                yield px * factor, venue, px, size
                continue
            first = min(floor, size)
            floor -= first
            yield _BEFORE_ALL, venue, px, first
            if size > first:
                yield px * factor, venue, px, size - first


@dataclass(frozen=True, slots=True)
class Take:
    """A quantity at one venue: its notional in the symbol's own quote, and the worst price in it."""

    offer: Offer
    qty: Decimal
    notional: Decimal
    last_px: Decimal

    @property
    def limit_px(self) -> Decimal:
        return self.offer.limit_for(self.last_px)

    @property
    def furthest_px(self) -> Decimal:
        """The worst price that the request allows, the balance affords for this quantity, and the venue
        takes: a sell's minimum is checked at its limit."""
        offer, rules = self.offer, self.offer.quote.rules
        tick = rules.tick
        if offer.bound is None:
            return self.limit_px
        if offer.side is Side.SELL:
            return min(self.limit_px, max(offer.bound, tick, ceil_to(rules.min_notional / self.qty, tick)))
        affordable = floor_to(offer.quote.spendable / (self.qty * offer.outlay), tick)
        return min(offer.bound, affordable)

    @property
    def cost(self) -> Decimal:
        """What decides, in the instrument's quote: signed, fee and penalty included."""
        return self.offer.cost(self.notional)

    @property
    def paid(self) -> Decimal:
        """What it costs in truth: signed, fee included."""
        return self.offer.paid(self.notional)

    @property
    def last_cost(self) -> Decimal:
        return self.offer.cost(self.last_px)

    @property
    def checked_notional(self) -> Decimal:
        """What must reach the venue's minimum. The venue checks quantity times limit: for a sell that
        is also the least it can bring. A buy's limit is its highest price, and some venues check what
        the order is expected to fill at, so a buy counts at the expected price."""
        return self.notional if self.offer.side is Side.BUY else self.qty * self.limit_px

    @property
    def too_small(self) -> bool:
        rules = self.offer.quote.rules
        return self.qty < rules.min_qty or self.checked_notional < rules.min_notional


def make_offer(
    quote: Quote,
    side: Side,
    *,
    limit_px: Decimal | None,
    mid: Decimal | None,
    max_slippage_bps: Decimal | None,
) -> Offer:
    """The quote under a request; limit_px and mid in the instrument's quote."""
    bounds = [] if limit_px is None else [limit_px / quote.rate]
    if mid is not None and max_slippage_bps is not None:
        bounds.append(mid * (ONE + side.sign * max_slippage_bps / BPS) / quote.rate)
    tick, fee = quote.rules.tick, quote.fee_bps / BPS
    if side is Side.BUY:
        if quote.rules.max_px is not None:
            bounds.append(quote.rules.max_px)
        bound = floor_to(min(bounds), tick) if bounds else None
    else:
        bound = ceil_to(max(bounds), tick) if bounds else None
    factor = side.sign * (ONE + side.sign * fee) * quote.rate
    compared = factor * (ONE + side.sign * quote.penalty_bps / BPS)
    return Offer(quote, side, bound, _within(quote, side, bound), factor, compared, ONE + max(ZERO, fee))


def _within(quote: Quote, side: Side, bound: Decimal | None) -> tuple[Level, ...]:
    levels, sign = quote.book.against(side), side.sign
    if bound is None:
        return levels
    return levels[: bisect.bisect_right(levels, sign * bound, key=lambda level: sign * level.px)]


def walk(offer: Offer, qty: Decimal) -> Take | None:
    """Filling qty from the best level on; None where the book within the bound is too thin."""
    left, notional = qty, ZERO
    for px, size in offer.levels:
        if size >= left:
            return Take(offer, qty, notional + left * px, px)
        notional += size * px
        left -= size
    return None


def consolidated_mid(quotes: Sequence[Quote]) -> Decimal | None:
    """Half-way between the best bid and the best ask of all venues, in the instrument's quote."""
    if not quotes:
        return None
    bid = max(quote.book.bids[0].px * quote.rate for quote in quotes)
    ask = min(quote.book.asks[0].px * quote.rate for quote in quotes)
    return (bid + ask) / 2
