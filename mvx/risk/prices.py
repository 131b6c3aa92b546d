"""Whether the prices that an order was planned on can be trusted: books that are young enough, limits that
are near enough to the mid, and enough venues that are alive to make one."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

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
    """How far beyond the mid each child may fill at worst. The mid is the consolidated one; of what leaves or
    reduces it is that venue's own, so that no other venue is needed."""
    limit = limits.price_collar_bps
    if limit is None:
        return
    alone = proposal.flattening or reduces(proposal, world)
    for child in proposal.children:
        mid_px = _mid(proposal, child.venue, alone=alone)
        if mid_px is None:
            text = f"no mid is known to measure the limit at {child.venue} by"
            yield Refusal("price_collar_bps", None, limit, text, child.venue)
        elif (far_bps := child.side.sign * (child.limit_px - mid_px) / mid_px * BPS) > limit:
            yield _beyond(child, mid_px, far_bps, limit, alone=alone)


def check_venues_alive(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """Of the venues that list the instrument, whichever of them this order may use."""
    limit = limits.min_venues_alive
    alive = sum(not why for why in world.health.values())
    if limit is not None and alive < limit:
        dead = "; ".join(f"{venue} is {why}" for venue, why in sorted(world.health.items()) if why)
        text = f"{alive} of {len(world.health)} venues that list {proposal.instrument.name} are alive"
        yield Refusal("min_venues_alive", Decimal(alive), Decimal(limit), f"{text}: {dead}" if dead else text)


def _mid(proposal: Proposal, venue: Venue, *, alone: bool) -> Decimal | None:
    """In the venue's own quote."""
    book = proposal.books.get(venue)
    if book is None or alone:
        return None if book is None else book.mid_px
    return None if proposal.mid_px is None else proposal.mid_px / book.rate


def _beyond(child: Order, mid_px: Decimal, far_bps: Decimal, limit: Decimal, *, alone: bool) -> Refusal:
    whose = f"{child.venue}'s own" if alone else "the consolidated"
    text = (
        f"a {child.side.value} limited at {plain(child.limit_px)} {child.quote} is"
        f" {plain(round_px(far_bps, 2))} bps beyond {whose} mid of {plain(round_px(mid_px, 8))}"
    )
    return Refusal("price_collar_bps", round_px(far_bps, 4), limit, text, child.venue)
