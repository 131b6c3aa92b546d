"""An order's story in plain words: one sentence for each entry of the log, and what was known after it.

Pure telling: the fold says what an entry made of the order, this module only puts it into words. Every kind
of entry has a sentence, so that nothing that the journal knows of an order is left out.

Rule: the words of a venue or an operator are quoted as they are. Showing them safely is the command line's
business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mvx.domain import entries as log
from mvx.domain.execution import Fill
from mvx.domain.ids import Asset, ClOrdId
from mvx.domain.instant import Instant, rfc3339
from mvx.domain.money import plain
from mvx.domain.order import Order, OrderReport, Side
from mvx.domain.order_status import OrdStatus
from mvx.domain.trading import Trading


def sentence(entry: log.Entry, at: Instant, order: Order | None = None) -> str:
    """What happened, without a full stop. `order`: the one that it happened to, as it was before."""
    return _TELLERS[type(entry)](entry, at, order)


def known_of(order: Order) -> str:
    """What is known of an order at this point of its story, and what is reserved for it."""
    filled = f"{plain(order.filled_qty)} of {plain(order.order_qty)} filled"
    if order.settled:
        why = f" ({order.reason})" if order.ord_status is OrdStatus.REJECTED and order.reason else ""
        return f"{filled}, {order.ord_status}{why}; settled, nothing is reserved any more"
    reserved = plain(order.worst_qty)
    if order.unknown:
        return f"{filled}; unknown, and counted as if {reserved} more could fill"
    claimed = f", {plain(order.claimed_qty)} more by its record" if order.claimed_qty else ""
    heard = f", {plain(order.heard_qty)} more heard of" if order.heard_qty else ""
    unsent = "not sent; " if order.unsent else ""
    left = (
        f"{reserved} more is reserved"
        if order.worst_qty
        else "not settled yet, for a late fill may be listed"
    )
    return f"{unsent}{filled}{claimed}{heard}, {order.ord_status}; {left}"


def subject_of(entry: log.Entry) -> ClOrdId | None:
    """The one order that an entry is about."""
    about = (entry, getattr(entry, "order", None), getattr(entry, "report", None))
    found: Iterator[ClOrdId | None] = (getattr(each, "cl_ord_id", None) for each in about)
    return next((each for each in found if each is not None), None)


def names_in(entry: log.Entry) -> frozenset[str]:
    """The order, parent, job or break that an entry is about, by its id."""
    found = [subject_of(entry), *(getattr(entry, name, None) for name in ("parent_id", "job_id", "ref"))]
    return frozenset(str(each) for each in found if each is not None)


def _time(at: Instant) -> str:
    """A venue may say any number."""
    try:
        return rfc3339(at)
    except OverflowError:
        return f"{at} microseconds after 1970"


def _terms(order: Order) -> str:
    bound = "at most" if order.side is Side.BUY else "at least"
    post_only = ", post only" if order.post_only else ""
    return (
        f"{order.side} {plain(order.order_qty)} {order.symbol} at {order.venue} for {bound} "
        f"{plain(order.limit_px)} {order.quote}, {order.time_in_force}{post_only}"
    )


def _trade(fill: Fill) -> str:
    return f"{plain(fill.qty)} at {plain(fill.price)} (exec id {fill.exec_id})"


def _fee(fill: Fill) -> str:
    return f"fee {plain(fill.fee_amount)} {fill.fee_asset}"


def _absorbed(absorbed: Mapping[Asset, str]) -> str:
    told = (f"the {anchor} had counted its {asset} already" for asset, anchor in absorbed.items())
    return "".join(f"; {each}" for each in told)


def _at_venue(order: Order | None) -> str:
    return "the venue" if order is None else str(order.venue)


# The journal, and the venues


def _journal_opened(entry: log.JournalOpened, at: Instant, order: Order | None) -> str:
    return f"the {entry.mode} journal was begun"


def _journal_restored(entry: log.JournalRestored, at: Instant, order: Order | None) -> str:
    return f"the journal was found put back or copied ({entry.why}): what happened meanwhile is not in it"


def _opening(entry: log.Opening, at: Instant, order: Order | None) -> str:
    return f"first contact with {entry.venue}: what it held was taken over"


def _transfer_booked(entry: log.TransferBooked, at: Instant, order: Order | None) -> str:
    moved = entry.transfer
    amount = f"{plain(abs(moved.amount))} {moved.asset}"
    return f"{moved.venue} lists a {moved.kind} of {amount}{_absorbed(entry.absorbed)}"


def _baseline_set(entry: log.BaselineSet, at: Instant, order: Order | None) -> str:
    return f"{entry.by} set the baseline of {entry.asset} at {entry.venue} to {plain(entry.qty)}"


def _trading_set(entry: log.TradingSet, at: Instant, order: Order | None) -> str:
    told = Trading(entry.venue, entry.state, entry.reason, entry.by, at)
    return f"{entry.venue or 'the whole system'} was {told}"


def _balance_doubted(entry: log.BalanceDoubted, at: Instant, order: Order | None) -> str:
    if entry.theirs == entry.ours:
        return f"{entry.venue} shows {plain(entry.theirs)} {entry.asset}: a second read tells what is in it"
    numbers = f"{plain(entry.theirs)} and not {plain(entry.ours)}"
    return f"{entry.venue} shows {numbers} {entry.asset}: left open until a second read"


def _balance_agreed(entry: log.BalanceAgreed, at: Instant, order: Order | None) -> str:
    return f"the {entry.asset} of {entry.venue} agrees again"


def _adjusted(entry: log.Adjusted, at: Instant, order: Order | None) -> str:
    return f"the {entry.asset} of {entry.venue} was moved by {plain(entry.amount)} to what the venue shows"


# Parents, and work that is handed over


def _parent_opened(entry: log.ParentOpened, at: Instant, order: Order | None) -> str:
    key = f" under the id {entry.key}" if entry.key else ""
    return f"parent {entry.parent_id}: asked to {entry.side} {plain(entry.order_qty)} {entry.instrument}{key}"


def _parent_closed(entry: log.ParentClosed, at: Instant, order: Order | None) -> str:
    if entry.status == "died":
        return f"parent {entry.parent_id}: whoever worked it had died; nothing more is sent for it"
    if entry.status == "canceled":
        return f"parent {entry.parent_id}: the operator canceled it; nothing more is sent for it"
    return f"parent {entry.parent_id}: its work ended as {entry.status}"


def _parent_resumed(entry: log.ParentResumed, at: Instant, order: Order | None) -> str:
    return f"parent {entry.parent_id}: {entry.by} went on with it"


def _job_queued(entry: log.JobQueued, at: Instant, order: Order | None) -> str:
    return f"{entry.by} handed the {entry.kind} over as job {entry.job_id}"


def _job_claimed(entry: log.JobClaimed, at: Instant, order: Order | None) -> str:
    return f"{entry.by}, who leads, began job {entry.job_id}"


def _job_ended(entry: log.JobEnded, at: Instant, order: Order | None) -> str:
    if not entry.answer:
        return f"job {entry.job_id} was open in a journal that was put back or copied; nobody goes on with it"
    return f"job {entry.job_id} was answered"


def _job_withdrawn(entry: log.JobWithdrawn, at: Instant, order: Order | None) -> str:
    return f"{entry.by} took job {entry.job_id} back before anybody began it"


# One order: on its way


def _intended(entry: log.Intended, at: Instant, order: Order | None) -> str:
    sending = ", and its sending begins" if entry.order.sending else ""
    return f"intended: {_terms(entry.order)}, until {_time(entry.order.deadline)}{sending}"


def _sending(entry: log.Sending, at: Instant, order: Order | None) -> str:
    return f"its sending to {_at_venue(order)} begins: it can not be revoked any more"


def _revoked(entry: log.Revoked, at: Instant, order: Order | None) -> str:
    if order is not None and order.sending:
        return f"too late to give it up, for its sending had begun: {entry.reason}"
    return f"given up before it was sent, and never sent: {entry.reason}"


def _acked(entry: log.Acked, at: Instant, order: Order | None) -> str:
    return f"{_at_venue(order)} accepted it as {entry.order_id}"


def _rejected(entry: log.Rejected, at: Instant, order: Order | None) -> str:
    return f"{_at_venue(order)} refused it: {entry.reason}"


def _never_left(entry: log.NeverLeft, at: Instant, order: Order | None) -> str:
    return f"it never left for {_at_venue(order)}: {entry.reason}"


def _outcome_lost(entry: log.OutcomeLost, at: Instant, order: Order | None) -> str:
    return (
        f"no answer that can be relied on ({entry.reason}): it may have arrived at {_at_venue(order)} or not"
    )


def _cancel_requested(entry: log.CancelRequested, at: Instant, order: Order | None) -> str:
    return f"{_at_venue(order)} is asked to cancel it"


def _cancel_rejected(entry: log.CancelRejected, at: Instant, order: Order | None) -> str:
    return f"the cancel came to nothing, and it is as it was before: {entry.reason}"


# One order: what the venue's record says


def _foreign_order_found(entry: log.ForeignOrderFound, at: Instant, order: Order | None) -> str:
    return f"found open at the venue, not sent by mvx: {_terms(entry.order)}, there {entry.order.order_id}"


def _counted_before(entry: log.CountedBefore, at: Instant, order: Order | None) -> str:
    return f"{plain(entry.qty)} of what it filled is in the balances, and no list shows it"


def _reported(entry: log.Reported, at: Instant, order: Order | None) -> str:
    record = entry.report
    return f"{_at_venue(order)}'s record of it ({record.order_id}): {record.ord_status}, {_filled(record)}"


def _reopened(entry: log.Reopened, at: Instant, order: Order | None) -> str:
    record = entry.report
    return f"{_at_venue(order)} still lists it as open ({record.order_id}): {_filled(record)}"


def _filled(record: OrderReport) -> str:
    price = f" at {plain(record.avg_px)} on average" if record.avg_px is not None else ""
    return f"{plain(record.cum_qty)} of {plain(record.order_qty)} filled{price}"


def _heard(entry: log.Heard, at: Instant, order: Order | None) -> str:
    pushed = entry.report
    if pushed.fill is None:
        return f"{pushed.venue} pushed {pushed.exec_type}: no more than a claim"
    return f"{pushed.venue} pushed a fill of {_trade(pushed.fill)}: expected, until its record confirms it"


def _phantom_dropped(entry: log.PhantomDropped, at: Instant, order: Order | None) -> str:
    fill = entry.fill
    return f"the pushed fill of {_trade(fill)} is not in {fill.venue}'s complete record: it never was"


def _fill_booked(entry: log.FillBooked, at: Instant, order: Order | None) -> str:
    fill = entry.fill
    late = " after it had settled" if order is not None and order.settled else ""
    made = f"{_trade(fill)}, {_fee(fill)}, made at {_time(fill.at)}"
    return f"{fill.venue} lists a fill of {made}{late}{_absorbed(entry.absorbed)}"


def _fill_busted(entry: log.FillBusted, at: Instant, order: Order | None) -> str:
    return f"{entry.fill.venue} took back the fill of {_trade(entry.fill)}{_absorbed(entry.absorbed)}"


def _found_absent(entry: log.FoundAbsent, at: Instant, order: Order | None) -> str:
    return f"{_at_venue(order)}'s complete list of open orders, read by {_time(entry.read_at)}, lacks it"


def _never_accepted(entry: log.NeverAccepted, at: Instant, order: Order | None) -> str:
    if entry.by != "venue":
        return f"{entry.by} said that it was never accepted"
    return (
        f"never accepted: {_at_venue(order)} could have taken it until {_time(entry.bound_at)}, and a "
        f"complete read begun at {_time(entry.read_at)} has no trace of it"
    )


def _settled(entry: log.Settled, at: Instant, order: Order | None) -> str:
    return (
        f"settled: closed since {_time(entry.terminal_at)}, and all its trades in a complete read begun at "
        f"{_time(entry.read_at)}, when the {entry.lateness_s:g} s for late ones were over"
    )


def _break_found(entry: log.BreakFound, at: Instant, order: Order | None) -> str:
    verdict = "corrected" if entry.corrected else "not corrected"
    note = f": {entry.note}" if entry.note else ""
    numbers = f"ours {entry.ours}, theirs {entry.theirs}"
    return f"a break with {entry.venue}, {entry.kind}: {numbers}, {verdict}{note}"


def _break_acked(entry: log.BreakAcked, at: Instant, order: Order | None) -> str:
    return f"{entry.by} has seen the break {entry.ref}"


_TELLERS: dict[type, Callable[[Any, Instant, Order | None], str]] = {
    log.JournalOpened: _journal_opened,
    log.JournalRestored: _journal_restored,
    log.Opening: _opening,
    log.ParentOpened: _parent_opened,
    log.ParentClosed: _parent_closed,
    log.ParentResumed: _parent_resumed,
    log.JobQueued: _job_queued,
    log.JobClaimed: _job_claimed,
    log.JobEnded: _job_ended,
    log.JobWithdrawn: _job_withdrawn,
    log.Intended: _intended,
    log.Sending: _sending,
    log.Revoked: _revoked,
    log.ForeignOrderFound: _foreign_order_found,
    log.CountedBefore: _counted_before,
    log.Acked: _acked,
    log.Rejected: _rejected,
    log.NeverLeft: _never_left,
    log.OutcomeLost: _outcome_lost,
    log.CancelRequested: _cancel_requested,
    log.CancelRejected: _cancel_rejected,
    log.Reported: _reported,
    log.Reopened: _reopened,
    log.Heard: _heard,
    log.PhantomDropped: _phantom_dropped,
    log.FillBooked: _fill_booked,
    log.FillBusted: _fill_busted,
    log.TransferBooked: _transfer_booked,
    log.BaselineSet: _baseline_set,
    log.TradingSet: _trading_set,
    log.BreakAcked: _break_acked,
    log.FoundAbsent: _found_absent,
    log.NeverAccepted: _never_accepted,
    log.Settled: _settled,
    log.BalanceDoubted: _balance_doubted,
    log.BalanceAgreed: _balance_agreed,
    log.Adjusted: _adjusted,
    log.BreakFound: _break_found,
}
