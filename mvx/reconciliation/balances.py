"""Balances: the venue's totals against our postings, in the presence of events between the reads.

Rule: a balance agrees if it equals the postings after some prefix of the events (trades, busts,
transfers) that the first reading of them did not list. What differs and could be explained by an order
that is not settled is left open; what remains after a second read at least lateness_s later, with no
event on that asset between, listed or not, is adjusted. One torn or stale snapshot moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from mvx.domain.entries import Adjusted, BalanceAgreed, BalanceDoubted
from mvx.domain.execution import Fill, Transfer
from mvx.domain.exposure import POINT_ZERO, still_possible
from mvx.domain.ids import Asset, counted
from mvx.domain.instant import Instant, after
from mvx.domain.instrument import split_symbol
from mvx.domain.ledger import Anchor, Doubt, net
from mvx.domain.money import ZERO, plain
from mvx.domain.order import Order
from mvx.domain.postings import happened_at, listing_of, movements_of
from mvx.reconciliation.foreign import is_overdue, quiet_since
from mvx.reconciliation.kinds import BreakKind
from mvx.reconciliation.orders import is_gone, never_accepted_bound
from mvx.reconciliation.working import Working


def check_balances(work: Working) -> bool:
    """Compare every asset; True where all agree, or agree as of this pass because they were adjusted.
    Run after what books: it counts that too."""
    if work.outdated:
        return False
    later = list(_effects_not_in_first_reading(work))
    awaited = {moved.asset for moved in work.waiting.values()}
    agreed = True
    for asset in sorted({*work.snapshot.totals, *work.ours.holdings}):
        posted = work.posted(asset)
        theirs = work.snapshot.totals.get(asset, ZERO)
        if theirs in _prefixes(posted, [effect.get(asset, ZERO) for effect in later]):
            if asset in awaited:
                _doubt_anew(work, asset, posted, theirs)
            elif asset in work.ours.doubts:
                work.find(BalanceAgreed(work.snapshot.venue, asset))
        else:
            agreed = _adjusted(work, asset, posted, theirs) and agreed
    return agreed


def _effects_not_in_first_reading(work: Working) -> Iterator[dict[Asset, Decimal]]:
    """What each event did that was booked or is being booked and that the first reading did not list,
    oldest first. A trade's being taken back is an event of its own."""
    snapshot = work.snapshot
    first = _listings(snapshot.trades_before, snapshot.transfers_before)
    second = _listings(snapshot.trades_after, snapshot.transfers_after)
    events = [*work.ours.recent, *work.booked]
    for each in sorted(events, key=lambda event: (happened_at(event), counted(listing_of(event)))):
        # In neither reading, and not newer than the balance: that one vanished, and excuses nothing.
        later = listing_of(each) in second or happened_at(each) > snapshot.balances_at
        if later and listing_of(each) not in first:
            yield net(movements_of(each))


def _listings(trades: Sequence[Fill], transfers: Sequence[Transfer]) -> set[str]:
    """All that these lists show to have happened."""
    return {
        *(fill.listing for fill in trades),
        *(fill.bust_listing for fill in trades if fill.busted_at is not None),
        *(moved.listing for moved in transfers),
    }


def _prefixes(posted: Decimal, later: list[Decimal]) -> set[Decimal]:
    """The postings after each prefix of the later events."""
    sums = {posted}
    for effect in reversed(later):
        posted -= effect
        sums.add(posted)
    return sums


def _adjusted(work: Working, asset: Asset, posted: Decimal, theirs: Decimal) -> bool:
    """A balance that differs is explained, doubted, or at last adjusted: True where it was."""
    if _explained(work, asset, theirs - posted):
        work.pending.append(f"{asset}: an order that is not settled may explain {plain(theirs - posted)}")
        return False
    if (since := told_since(work, asset)) is not None:
        _adjust(work, asset, posted, theirs, since)
        if any(moved.undated and moved.asset == asset for moved in work.waiting.values()):
            work.find(_doubt(work, asset, theirs, theirs))  # what counted it, the next balance tells
        return True
    _doubt_anew(work, asset, posted, theirs)
    work.pending.append(f"{asset}: {plain(theirs)} there, {plain(posted)} here, to be read again")
    return False


def told_since(work: Working, asset: Asset) -> Instant | None:
    """Since when the balance is what it is now, with nothing on its asset since, where that is so long ago
    that whatever had moved it by then is listed by now."""
    doubt = _standing_doubt(work, asset)
    if doubt is None or work.snapshot.began_at < after(doubt.read_at, work.terms.lateness_s):
        return None
    return doubt.read_at


def _doubt_anew(work: Working, asset: Asset, posted: Decimal, theirs: Decimal) -> None:
    """Where no earlier reading serves to be compared with a later one, and this one may."""
    doubted = _doubt(work, asset, posted, theirs)
    known = work.ours.doubts.get(asset) == Doubt(asset, theirs, doubted.read_at)
    if not known and _standing_doubt(work, asset) is None and not _came_meanwhile(work, asset):
        work.find(doubted)


def _doubt(work: Working, asset: Asset, posted: Decimal, theirs: Decimal) -> BalanceDoubted:
    read_at = max(work.snapshot.began_at, work.snapshot.balances_at)  # by the later of the clocks
    return BalanceDoubted(work.snapshot.venue, asset, posted, theirs, read_at)


def _standing_doubt(work: Working, asset: Asset) -> Doubt | None:
    """What an earlier reading found, where this one finds the same and nothing has happened to the asset
    since: else it may differ by as much for another reason."""
    doubt, theirs = work.ours.doubts.get(asset), work.snapshot.totals.get(asset, ZERO)
    if doubt is None or doubt.theirs != theirs or asset in work.moved or _came_meanwhile(work, asset):
        return None
    since = doubt.read_at
    if _happened_since(work, asset, since):
        return None
    acting = (order for order in work.orders.values() if asset in still_possible(order))
    return None if any(_has_unlisted(work, order, since) for order in acting) else doubt


def _came_meanwhile(work: Working, asset: Asset) -> bool:
    """Whether the second lists alone show a transfer of it that has no time: it came before the balance was
    read, or after."""
    first = {moved.listing for moved in work.snapshot.transfers_before}
    later = (each for each in work.snapshot.transfers_after if each.undated and each.asset == asset)
    return any(each.listing not in first for each in later)


def _happened_since(work: Working, asset: Asset, since: Instant) -> bool:
    """Whether an event on it is listed that came after that reading, or may have by what its time may mean:
    one that was booked with that very reading, which its second lists showed, or that waits."""
    snapshot, skew_s = work.snapshot, work.terms.clock_skew_s
    traded = [fill for fill in snapshot.trades if asset in {*split_symbol(fill.symbol), fill.fee_asset}]
    times = [at for fill in traded for at in (fill.at, fill.busted_at) if at is not None]
    step_s = work.terms.transfer_step_s
    times += [after(moved.at, step_s) for moved in snapshot.transfers if moved.asset == asset]
    return any(after(at, skew_s) > since for at in times)


def _has_unlisted(work: Working, order: Order, since: Instant) -> bool:
    """Whether it traded since then, or may have unseen, and the trades do not list that yet."""
    skew_s = work.terms.clock_skew_s
    if any(h.cl_ord_id == order.cl_ord_id and after(h.fill.at, skew_s) > since for h in work.heard.values()):
        return True
    if order.order_id is None:
        return order.sending and never_accepted_bound(order, work.terms) > since
    if not order.claimed_qty:
        return False
    traded_at = quiet_since(work, order)
    return traded_at is None or traded_at > since


def _adjust(work: Working, asset: Asset, posted: Decimal, theirs: Decimal, at: Instant) -> None:
    """The holding moves to the venue's balance. It was read twice, and nothing listed explains it. `at`: of
    the first reading. It differed by as much then, so what has happened since, and is not listed, is not in
    it: the second one may be stale."""
    snapshot, amount = work.snapshot, theirs - posted
    waiting = {fill.key for fill in work.unjoined}
    booked = [fill for fill in snapshot.trades if fill.key not in waiting]
    moved = [each for each in snapshot.transfers if each.listing not in work.waiting]
    listed = tuple(sorted(_listings(booked, moved)))
    found = work.a_break(
        _kind(work, asset),
        f"{asset}:{snapshot.balances_at}",
        posted,
        theirs,
        asset=asset,
        note=f"no trade, order or transfer that the venue lists explains {plain(amount)} {asset}",
    )
    work.find(Adjusted(snapshot.venue, snapshot.account, asset, amount, at, listed), found=found)
    work.adjusted.append(Anchor(asset, "adjustment", at, frozenset(listed), snapshot.balances_at))


def _kind(work: Working, asset: Asset) -> BreakKind:
    """What the desk trades there is a position; everything else is money."""
    traded = {split_symbol(symbol)[0] for symbol in work.terms.instruments}
    return BreakKind.POSITION if asset in traded else BreakKind.BALANCE


def _explained(work: Working, asset: Asset, difference: Decimal) -> bool:
    """Whether orders that are not settled could have made the difference. One that is gone made none: what
    it did would be listed by now. What one that is closed claims is no excuse where it never will be."""
    possible = POINT_ZERO
    for order in work.orders.values():
        if not is_gone(work, order) and not (order.terminal and is_overdue(work, order)):
            possible = possible + still_possible(order).get(asset, POINT_ZERO)
    return possible.contains(difference)
