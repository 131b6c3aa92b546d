"""Balances: the venue's totals against our postings, in the presence of trades between the reads.

Rule: a balance agrees if it equals the postings after some prefix of the fills that the first reading
of the trades did not list. What differs and could be explained by an order that is not settled is left
open; what remains after a second read at least lateness_s later, with no event on that asset between,
is adjusted. One torn or stale snapshot moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from mvx.domain.entries import Adjusted, BalanceAgreed, BalanceDoubted
from mvx.domain.exposure import POINT_ZERO, Interval, still_possible
from mvx.domain.ids import Asset
from mvx.domain.instant import after
from mvx.domain.ledger import net
from mvx.domain.money import ZERO, plain
from mvx.domain.postings import happened_at, listing_of, movements_of
from mvx.reconciliation.working import Working


def check_balances(work: Working) -> bool:
    """Compare every asset; True where all agree. Run last: it counts the fills about to be booked."""
    if work.outdated:
        return False
    steps = [net(movements_of(each)) for each in work.booked]
    later = list(_effects_not_in_first_reading(work))
    agreed = True
    for asset in sorted({*work.snapshot.totals, *work.ours.holdings}):
        posted = work.ours.holdings.get(asset, ZERO) + sum((s.get(asset, ZERO) for s in steps), ZERO)
        theirs = work.snapshot.totals.get(asset, ZERO)
        if theirs in _prefixes(posted, [effect.get(asset, ZERO) for effect in later]):
            if asset in work.ours.doubts:
                work.find(BalanceAgreed(work.snapshot.venue, asset))
        else:
            agreed = False
            moved = any(asset in step for step in steps)
            _differs(work, asset, posted, theirs, moved=moved)
    return agreed


def _effects_not_in_first_reading(work: Working) -> Iterator[dict[Asset, Decimal]]:
    """What each fill did that was booked or is being booked and that the first reading of the trades
    did not list, oldest first."""
    first = {fill.listing for fill in work.snapshot.trades_before}
    second = {fill.listing for fill in work.snapshot.trades_after}
    events = [*work.ours.recent, *work.booked]
    for each in sorted(events, key=lambda event: (happened_at(event), listing_of(event))):
        # In neither reading, and not newer than the balance: that one vanished, and excuses nothing.
        later = listing_of(each) in second or happened_at(each) > work.snapshot.balances_at
        if later and listing_of(each) not in first:
            yield net(movements_of(each))


def _prefixes(posted: Decimal, later: list[Decimal]) -> set[Decimal]:
    """The postings after each prefix of the later fills."""
    sums = {posted}
    for effect in reversed(later):
        posted -= effect
        sums.add(posted)
    return sums


def _differs(work: Working, asset: Asset, posted: Decimal, theirs: Decimal, *, moved: bool) -> None:
    if _explained(work, asset, theirs - posted):
        work.pending.append(f"{asset}: an order that is not settled may explain {plain(theirs - posted)}")
        return
    venue, began_at = work.snapshot.venue, work.snapshot.began_at
    doubt = None if moved else work.ours.doubts.get(asset)
    if doubt is None or doubt.theirs - doubt.ours != theirs - posted:
        work.pending.append(f"{asset}: {plain(theirs)} there, {plain(posted)} here, to be read again")
        work.find(BalanceDoubted(venue, asset, posted, theirs, began_at))
    elif began_at < after(doubt.read_at, work.terms.lateness_s):
        work.pending.append(f"{asset}: {plain(theirs)} there, {plain(posted)} here, to be read again")
    else:
        trades = {*work.snapshot.trades_before, *work.snapshot.trades_after} - {*work.unjoined}
        listed = tuple(sorted(fill.listing for fill in trades))
        ref = f"{asset}:{work.snapshot.balances_at}"
        found = work.a_break(
            "balance",
            ref,
            posted,
            theirs,
            asset=asset,
            note="no trade or order explains it: a transfer, or activity elsewhere",
        )
        amount, at = theirs - posted, work.snapshot.balances_at
        work.find(Adjusted(venue, work.snapshot.account, asset, amount, at, listed), found=found)


def _explained(work: Working, asset: Asset, difference: Decimal) -> bool:
    possible = POINT_ZERO
    for order in work.orders.values():
        possible = possible + still_possible(order).get(asset, Interval(ZERO, ZERO))
    return possible.contains(difference)
