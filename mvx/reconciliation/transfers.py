"""Deposits and withdrawals: what the venue lists and the journal lacks, booked once.

Rule: a transfer moves the holding and its baseline alike, so that the position stays what it is. Where the
times can not tell whether an opening or adjustment had counted it, the balance tells.
"""

from __future__ import annotations

from dataclasses import replace

from mvx.domain.entries import TransferBooked
from mvx.domain.execution import Transfer
from mvx.domain.ids import Asset, counted
from mvx.domain.instant import LAST, Instant, after
from mvx.domain.ledger import Anchor
from mvx.domain.money import ZERO, plain
from mvx.domain.postings import listing_of
from mvx.reconciliation.balances import told_since
from mvx.reconciliation.kinds import BreakKind
from mvx.reconciliation.working import Working

#: What became of holding and baseline, by what had counted the transfer before.
_NOTES = {
    None: "the baseline moves with it, so the position does not",
    "opening": "first contact had counted it in the holding and in the baseline: neither moved",
    "adjustment": "an adjustment had moved the holding; the baseline follows it now",
    "baseline": "an adjustment had moved the holding, and the baseline was set since: neither moved",
}


def book_transfers(work: Working) -> None:
    """Book every listed transfer that the journal lacks, oldest first, and last those whose time can not
    tell, or that have none: by then the balance misses none but them."""
    listed = {each.listing: each for each in work.snapshot.transfers}
    new = [
        TransferBooked(moved)
        for moved in listed.values()
        if moved.listing not in work.ours.known_transfers and not work.in_the_opening(moved.listing, moved.at)
    ]
    new.sort(key=lambda each: (_vagueness(work, each), each.transfer.at, counted(listing_of(each))))
    for entry in new:
        absorbed = _absorbed(work, entry)
        if absorbed is None:
            work.waiting[entry.transfer.listing] = entry.transfer
        else:
            _book(work, entry, absorbed)


def book_counted(work: Working) -> None:
    """Book what waited while its balance fitted neither, once this pass has adjusted that: it is counted now,
    and its time as it was told decides by what. What has none may have come since that balance: it waits for
    the next two."""
    adjusted = {anchor.asset for anchor in work.adjusted}
    for moved in [each for each in work.waiting.values() if each.asset in adjusted and not each.undated]:
        del work.waiting[moved.listing]
        entry = TransferBooked(moved)
        _book(work, entry, work.absorbed(entry))


def _book(work: Working, entry: TransferBooked, absorbed: dict[Asset, str]) -> None:
    moved = entry.transfer
    by = absorbed.get(moved.asset)
    in_baseline = by == "adjustment" and work.rebased(entry)
    found = work.a_break(
        BreakKind.BALANCE,
        f"{moved.account}:{moved.listing}",
        "none",
        what_is(moved),
        asset=moved.asset,
        note=f"a {moved.kind}: {_NOTES['baseline' if in_baseline else by]}",
    )
    work.post(replace(entry, absorbed=absorbed, in_baseline=in_baseline), found=found)


def what_is(moved: Transfer) -> str:
    """A transfer in a few words."""
    return f"{moved.kind} of {plain(abs(moved.amount))}"


def _absorbed(work: Working, entry: TransferBooked) -> dict[Asset, str] | None:
    """What had counted it; None where that can not be told yet. One balance tells nothing: it may be stale,
    or moved by as much by another one that is not listed yet."""
    if not _is_coarse(work, entry):
        return work.absorbed(entry)
    moved = entry.transfer
    if work.outdated or told_since(work, moved.asset) is None:
        return None
    posted = work.posted(moved.asset)
    fitting = {posted: _earliest(work, entry), posted + moved.amount: _latest(work, entry)}
    fits = fitting.get(work.snapshot.totals.get(moved.asset, ZERO))
    return None if fits is None else work.absorbed(fits)  # what else moved the balance is adjusted first


def _is_coarse(work: Working, entry: TransferBooked) -> bool:
    """Whether the times leave open what had counted it."""
    return work.absorbed(_earliest(work, entry)) != work.absorbed(_latest(work, entry))


def _vagueness(work: Working, entry: TransferBooked) -> tuple[bool, bool]:
    return (True, entry.transfer.undated) if _is_coarse(work, entry) else (False, False)


def _latest(work: Working, entry: TransferBooked) -> TransferBooked:
    """As if it had happened at the end of what its time may mean, or after all else where it has none."""
    moved = entry.transfer
    return _moved_at(entry, LAST if moved.undated else after(moved.at, work.terms.transfer_step_s))


def _earliest(work: Working, entry: TransferBooked) -> TransferBooked:
    """As if it had happened before the last balance that may have been told after it: those of an opening or
    an adjustment are as of when they were asked for, and the second one that an adjustment rests on may be
    the one that is not stale."""
    moved = entry.transfer
    since = after(moved.at, -work.terms.balances_span_s)
    anchors = (each for each in work.anchors if moved.asset == each.asset or each.kind == "opening")
    earlier = (each.at for each in anchors if each.at < moved.at and since <= _told_by(work, each))
    return _moved_at(entry, max(earlier, default=moved.at))


def _told_by(work: Working, anchor: Anchor) -> Instant:
    """When its last balance was told at the latest, by the venue's clock. First contact is made with an
    account that rests."""
    if anchor.kind == "opening":
        return anchor.at
    return max(anchor.at, after(anchor.until, work.terms.clock_skew_s))


def _moved_at(entry: TransferBooked, at: Instant) -> TransferBooked:
    return TransferBooked(replace(entry.transfer, at=at))
