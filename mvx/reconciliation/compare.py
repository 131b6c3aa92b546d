"""The comparison of one venue's snapshot with the journal: what to write, and what to say.

Invariants: nothing is changed by absence unless the read is complete and late enough; a second
comparison of an unchanged venue finds nothing; the venue is right about what filled.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from mvx.domain.entries import Opening
from mvx.domain.ids import Asset
from mvx.domain.money import ZERO, plain
from mvx.reconciliation.balances import check_balances
from mvx.reconciliation.fills import book_missing
from mvx.reconciliation.foreign import count_claims, take_in_foreign
from mvx.reconciliation.heard import drop_phantoms
from mvx.reconciliation.orders import (
    adopt,
    deduce_canceled,
    follow,
    give_up_unsent,
    prove_absent,
    reopen,
    settle,
)
from mvx.reconciliation.snapshot import Comparison, Ours, Snapshot, Terms
from mvx.reconciliation.transfers import book_counted, book_transfers, what_is
from mvx.reconciliation.working import Working


def compare(ours: Ours, snapshot: Snapshot, terms: Terms, *, first_contact: bool = False) -> Comparison:
    """Every difference between the journal and the venue, in the order in which it is to be written.

    At first contact the venue's open orders are taken in quietly: nobody claimed to know them.
    """
    work = Working(ours, snapshot, terms)
    adopt(work)
    give_up_unsent(work)
    take_in_foreign(work, first_contact=first_contact)
    book_missing(work)
    drop_phantoms(work)
    follow(work)
    prove_absent(work)
    reopen(work)
    settle(work)
    book_transfers(work)
    agreed = check_balances(work)
    book_counted(work)
    if agreed and count_claims(work):
        settle(work)
    deduce_canceled(work, agreed=agreed)
    for moved in work.waiting.values():
        work.pending.append(f"{what_is(moved)} {moved.asset}: to be read again")
    if work.outdated:
        work.pending.append("a later reading was applied before this one")
    claiming = [order for order in work.orders.values() if order.claimed_qty]
    for order in claiming:
        work.pending.append(
            f"{order.cl_ord_id} filled {plain(order.cum_qty)}, trades list {plain(order.filled_qty)}"
        )
    reach_back = bool(work.unjoined or claiming or work.waiting)
    return Comparison(tuple(work.findings), agreed, tuple(work.pending), reach_back)


def opening(snapshot: Snapshot, baseline: Mapping[Asset, Decimal], assets: tuple[Asset, ...]) -> Opening:
    """First contact: adopt what the venue holds. What it lists up to the instant of its balance is part
    of that balance; the baseline is what was held unless one is configured."""
    balances = dict.fromkeys(assets, ZERO) | dict(snapshot.totals)
    events = [
        *((fill.listing, fill.at) for fill in snapshot.trades),
        *((fill.bust_listing, fill.busted_at) for fill in snapshot.busts.values()),
        *((moved.listing, moved.at) for moved in snapshot.transfers),
    ]
    return Opening(
        venue=snapshot.venue,
        account=snapshot.account,
        at=snapshot.balances_at,
        balances=balances,
        baseline={asset: baseline.get(asset, total) for asset, total in balances.items()},
        listed=tuple(sorted({name for name, at in events if at is not None and at <= snapshot.balances_at})),
    )
