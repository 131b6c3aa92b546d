"""Deposits and withdrawals: what the venue lists and the journal lacks, booked once.

Rule: a transfer moves the holding and its baseline alike, so that the position stays what it is. Where the
venue's time of it is too coarse to tell whether an opening or adjustment had counted it, the balance tells.
"""

from __future__ import annotations

from dataclasses import replace

from mvx.domain.entries import TransferBooked
from mvx.domain.execution import Transfer
from mvx.domain.ids import Asset
from mvx.domain.instant import after
from mvx.domain.money import ZERO, plain
from mvx.reconciliation.kinds import BreakKind
from mvx.reconciliation.working import Working

#: What became of holding and baseline, by what had counted the transfer before.
_NOTES = {
    None: "the baseline moved with it, so the position did not",
    "opening": "first contact had counted it in the holding and in the baseline: neither moved",
    "adjustment": "an adjustment had moved the holding; the baseline follows it now",
    "baseline": "an adjustment had moved the holding, and the baseline was set since: neither moved",
}


def book_transfers(work: Working) -> None:
    """Book every listed transfer that the journal lacks, oldest first."""
    listed: dict[str, Transfer] = {}
    for each in work.snapshot.transfers:
        listed.setdefault(each.listing, each)
    for moved in sorted(listed.values(), key=lambda each: (each.at, each.listing)):
        if moved.listing not in work.ours.known_transfers and not work.in_the_opening(
            moved.listing, moved.at
        ):
            _book(work, moved)


def _book(work: Working, moved: Transfer) -> None:
    entry = TransferBooked(moved)
    absorbed = _absorbed(work, entry)
    what = "deposit" if moved.amount > 0 else "withdrawal"
    if absorbed is None:
        work.pending.append(f"{what} of {plain(abs(moved.amount))} {moved.asset}: to be read again")
        return
    by = absorbed.get(moved.asset)
    in_baseline = by == "adjustment" and work.rebased(entry)
    found = work.a_break(
        BreakKind.BALANCE,
        f"{moved.account}:{moved.listing}",
        "none",
        f"{what} of {plain(abs(moved.amount))}",
        asset=moved.asset,
        note=f"a {what}: {_NOTES['baseline' if in_baseline else by]}",
    )
    work.post(replace(entry, absorbed=absorbed, in_baseline=in_baseline), found=found)


def _absorbed(work: Working, entry: TransferBooked) -> dict[Asset, str] | None:
    """What had counted it; None where neither the venue's time nor this balance can tell: both may be from
    before it."""
    moved, snapshot = entry.transfer, work.snapshot
    latest_at = after(moved.at, work.terms.transfer_step_s)
    absorbed = work.absorbed(entry)
    if absorbed == (if_latest := work.absorbed(replace(entry, transfer=replace(moved, at=latest_at)))):
        return absorbed
    theirs, posted = snapshot.totals.get(moved.asset, ZERO), work.posted(moved.asset)
    if theirs == posted + moved.amount:
        return if_latest
    listed_before = any(each.listing == moved.listing for each in snapshot.transfers_before)
    if theirs == posted and not listed_before and snapshot.balances_at < latest_at:
        return None
    return absorbed
