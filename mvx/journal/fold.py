"""The fold: log -> tables. All materialised state comes from here and from nowhere else.

Pure: the outcome depends on the entry and on the rows that earlier entries made, read and written
through `State` (the SQL tables in the store, plain dicts in `journal verify`). It asks no clock, no
file and no configuration. An entry that was folded before changes nothing the second time where the
venue may repeat it: a fill, a report, an ack.
"""

from __future__ import annotations

from decimal import Decimal

from mvx.domain import entries as log
from mvx.domain.instant import Instant
from mvx.domain.ledger import Movement
from mvx.domain.money import plain
from mvx.domain.postings import movements_of
from mvx.journal import fold_orders
from mvx.journal.fold_state import Handler, State, anchor, count, move, postings_text, to_text


def apply(state: State, seq: int, at: Instant, entry: log.Entry) -> None:
    """Fold one entry into the tables. Raises LookupError for an entry about an unknown order."""
    _HANDLERS[type(entry)](state, seq, at, entry)


def _journal_opened(state: State, seq: int, at: Instant, entry: log.JournalOpened) -> None:
    state.put("meta", {"name": "epoch", "value": entry.epoch})
    state.put("meta", {"name": "mode", "value": entry.mode})
    state.put("meta", {"name": "orders", "value": "0"})
    state.put("meta", {"name": "parents", "value": "0"})


def _journal_restored(state: State, seq: int, at: Instant, entry: log.JournalRestored) -> None:
    """The counters go on: what was made before stays unique."""
    state.put("meta", {"name": "epoch", "value": entry.epoch})
    state.put("meta", {"name": "restored", "value": entry.why})


def _opening(state: State, seq: int, at: Instant, entry: log.Opening) -> None:
    for asset, amount in entry.balances.items():
        held = {"venue": entry.venue, "asset": asset, "confirmed": "0", "last_seq": seq}
        state.put("holdings", {**held, "baseline": plain(entry.baseline.get(asset, amount))})
        anchor(state, seq, entry.venue, Movement(asset, amount, "opening"), entry.at, entry.listed)


def _parent_opened(state: State, seq: int, at: Instant, entry: log.ParentOpened) -> None:
    state.add(
        "parents",
        {
            "parent_id": entry.parent_id,
            "key": entry.key,
            "params": entry.params,
            "instrument": entry.instrument,
            "side": entry.side.value,
            "order_qty": plain(entry.order_qty),
            "status": "working",
            "result": None,
            "opened_at": at,
        },
    )
    count(state, "parents")


def _parent_closed(state: State, seq: int, at: Instant, entry: log.ParentClosed) -> None:
    changes = {"status": entry.status, "result": entry.result}
    state.update("parents", {"parent_id": entry.parent_id, **changes})


def _parent_resumed(state: State, seq: int, at: Instant, entry: log.ParentResumed) -> None:
    state.update("parents", {"parent_id": entry.parent_id, "status": "working", "result": None})


def _job_queued(state: State, seq: int, at: Instant, entry: log.JobQueued) -> None:
    row = {"job_id": entry.job_id, "kind": entry.kind, "params": entry.params, "by": entry.by}
    state.add("jobs", row | {"status": "queued", "worker": None, "answer": None, "at": at, "seq": seq})
    count(state, "jobs")


def _job_claimed(state: State, seq: int, at: Instant, entry: log.JobClaimed) -> None:
    state.update("jobs", {"job_id": entry.job_id, "status": "claimed", "worker": entry.by})


def _job_ended(state: State, seq: int, at: Instant, entry: log.JobEnded) -> None:
    state.update("jobs", {"job_id": entry.job_id, "status": "ended", "answer": entry.answer})


def _job_withdrawn(state: State, seq: int, at: Instant, entry: log.JobWithdrawn) -> None:
    state.update("jobs", {"job_id": entry.job_id, "status": "withdrawn", "worker": entry.by})


def _transfer_booked(state: State, seq: int, at: Instant, entry: log.TransferBooked) -> None:
    moved = entry.transfer
    movements = movements_of(entry)
    row = {
        "venue": moved.venue,
        "account": moved.account,
        "epoch": moved.epoch,
        "transfer_id": moved.transfer_id,
        "seq": seq,
        "asset": moved.asset,
        "amount": plain(moved.amount),
        "at": moved.at,
        "absorbed": to_text(dict(entry.absorbed)),
        "postings": postings_text(movements),
    }
    if not state.add("transfers", row):
        return
    move(state, seq, moved.venue, movements)
    if entry.absorbed.get(moved.asset) != "opening" and not entry.in_baseline:
        held = state.get("holdings", moved.venue, moved.asset)
        assert held is not None, "the movement made the holding"
        baseline = plain(Decimal(held["baseline"]) + moved.amount)
        state.update("holdings", {"venue": moved.venue, "asset": moved.asset, "baseline": baseline})


def _baseline_set(state: State, seq: int, at: Instant, entry: log.BaselineSet) -> None:
    key = {"venue": entry.venue, "asset": entry.asset}
    state.update("holdings", {**key, "baseline": plain(entry.qty)})


def _trading_set(state: State, seq: int, at: Instant, entry: log.TradingSet) -> None:
    row = {"scope": entry.venue or "", "state": entry.state.value, "reason": entry.reason}
    state.put("trading", row | {"by": entry.by, "at": at})


def _break_acked(state: State, seq: int, at: Instant, entry: log.BreakAcked) -> None:
    state.update("breaks", {"ref": entry.ref, "acked_at": at, "acked_by": entry.by})


def _balance_doubted(state: State, seq: int, at: Instant, entry: log.BalanceDoubted) -> None:
    state.put(
        "doubts",
        {
            "venue": entry.venue,
            "asset": entry.asset,
            "ours": plain(entry.ours),
            "theirs": plain(entry.theirs),
            "read_at": entry.read_at,
            "seq": seq,
        },
    )


def _balance_agreed(state: State, seq: int, at: Instant, entry: log.BalanceAgreed) -> None:
    state.delete("doubts", entry.venue, entry.asset)


def _adjusted(state: State, seq: int, at: Instant, entry: log.Adjusted) -> None:
    movement = Movement(entry.asset, entry.amount, "adjustment")
    anchor(state, seq, entry.venue, movement, entry.at, entry.listed)


def _break_found(state: State, seq: int, at: Instant, entry: log.BreakFound) -> None:
    state.add(
        "breaks",
        {
            "id": seq,
            "ref": entry.ref,
            "venue": entry.venue,
            "kind": entry.kind,
            "asset": entry.asset,
            "cl_ord_id": entry.cl_ord_id,
            "exec_id": entry.exec_id,
            "ours": entry.ours,
            "theirs": entry.theirs,
            "corrected": int(entry.corrected),
            "at": at,
            "note": entry.note,
            "acked_at": None,
            "acked_by": None,
        },
    )


_HANDLERS: dict[type, Handler] = {
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
    log.TransferBooked: _transfer_booked,
    log.BaselineSet: _baseline_set,
    log.TradingSet: _trading_set,
    log.BreakAcked: _break_acked,
    log.BalanceDoubted: _balance_doubted,
    log.BalanceAgreed: _balance_agreed,
    log.Adjusted: _adjusted,
    log.BreakFound: _break_found,
    **fold_orders.HANDLERS,
}
