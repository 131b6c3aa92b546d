"""Whether the prices that an order was planned on can be trusted: books that are young enough, limits that
are near enough to the mid, and enough venues that are alive to make one."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from mvx.domain.ids import Venue
from mvx.domain.instant import MICROS_PER_S
from mvx.domain.limits import Limits
from mvx.domain.money import BPS, plain, round_px
from mvx.domain.order import Order
from mvx.risk.question import Proposal, Refusal, World
from mvx.risk.worst_case import reduces


def check_book_age(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The books of the children's venues, at the moment of the commit. One from the future was read before
    the clock was set back, and is as old as it seems young."""
    limit = Decimal(limits.max_book_age_s)
    for venue in proposal.venues:
        book = proposal.books.get(venue)
        if book is None:
            yield Refusal("max_book_age_s", None, limit, f"no book of {venue} was read", venue)
            continue
        age_s = abs(Decimal(world.at - book.read_at)) / MICROS_PER_S
        if age_s > limit:
            text = f"the book of {venue} that the plan was made on is {plain(round_px(age_s, 1))} s old"
            yield Refusal("max_book_age_s", age_s, limit, text, venue)


def check_collar(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """How far beyond the mid each child may fill at worst. The mid is the consolidated one. What leaves or
    reduces may keep to its venue's own instead, so that it needs no other venue and passes where what grows
    a position would."""
    limit = limits.price_collar_bps
    if limit is None:
        return
    own = proposal.flattening or reduces(proposal, world)
    for child in proposal.children:
        mids = [(_beyond_bps(child, mid.px), mid) for mid in _mids(proposal, child.venue, own=own)]
        if not mids:
            text = f"no mid is known to measure the limit at {child.venue} by"
            yield Refusal("price_collar_bps", None, limit, text, child.venue)
            continue
        far_bps, mid = min(mids)
        if far_bps > limit:
            yield _too_far(child, mid, far_bps, limit)


def check_venues_alive(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """Of the venues that list the instrument, whichever of them this order may use."""
    limit = limits.min_venues_alive
    alive = sum(not why for why in world.health.values())
    if limit is not None and alive < limit:
        dead = "; ".join(f"{venue} is {why}" for venue, why in sorted(world.health.items()) if why)
        text = f"{alive} of {len(world.health)} venues that list {proposal.instrument.name} are alive"
        yield Refusal("min_venues_alive", Decimal(alive), Decimal(limit), f"{text}: {dead}" if dead else text)


class _Mid(NamedTuple):
    """In a venue's own quote."""

    px: Decimal
    whose: str


def _mids(proposal: Proposal, venue: Venue, *, own: bool) -> Iterator[_Mid]:
    """What a child there may be measured by."""
    book = proposal.books.get(venue)
    if book is None:
        return
    if own:
        yield _Mid(book.mid_px, f"{venue}'s own")
    if proposal.mid_px is not None:
        yield _Mid(proposal.mid_px / book.rate, "the consolidated")


def _beyond_bps(child: Order, mid_px: Decimal) -> Decimal:
    return child.side.sign * (child.limit_px - mid_px) / mid_px * BPS


def _too_far(child: Order, mid: _Mid, far_bps: Decimal, limit: Decimal) -> Refusal:
    text = (
        f"a {child.side.value} limited at {plain(child.limit_px)} {child.quote} is"
        f" {plain(round_px(far_bps, 2))} bps beyond {mid.whose} mid of {plain(round_px(mid.px, 8))}"
    )
    return Refusal("price_collar_bps", round_px(far_bps, 4), limit, text, child.venue)
