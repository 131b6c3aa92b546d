"""The fold: log -> tables. All materialised state comes from here and from nowhere else.

Pure: the outcome depends on the entry and on the rows that earlier entries made, read and written
through `State` (the SQL tables in the store, plain dicts in `journal verify`). It asks no clock, no
file and no configuration. An entry that was folded before changes nothing the second time where the
venue may repeat it: a fill, a report, an ack.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

from mvx.domain import entries as log
from mvx.domain import order_life
from mvx.domain.execution import Fill
from mvx.domain.ids import ClOrdId, Venue
from mvx.domain.instant import Instant
from mvx.domain.ledger import Movement, net
from mvx.domain.money import plain
from mvx.domain.order import Order
from mvx.domain.postings import movements_of
from mvx.journal.fill_rows import fill_row
from mvx.journal.rows import Row, order_of, order_row, progress_changes

_to_text = json.JSONEncoder(separators=(",", ":")).encode


class State(Protocol):
    """Rows by table and key; `orders` are those that a step has been taken with, as values."""

    orders: dict[str, Order]

    def get(self, table: str, *key: Any) -> Row | None: ...

    def add(self, table: str, row: dict[str, Any]) -> bool:
        """Insert a whole row; False, and no change, where its key is there already."""

    def put(self, table: str, row: dict[str, Any]) -> None:
        """Insert a whole row, or replace the one of the same key."""

    def update(self, table: str, row: dict[str, Any]) -> None:
        """Change some columns of the row whose key columns come first."""

    def delete(self, table: str, *key: Any) -> None: ...


def apply(state: State, seq: int, at: Instant, entry: log.Entry) -> None:
    """Fold one entry into the tables. Raises LookupError for an entry about an unknown order."""
    _HANDLERS[type(entry)](state, seq, at, entry)


def _journal_opened(state: State, seq: int, at: Instant, entry: log.JournalOpened) -> None:
    state.put("meta", {"name": "epoch", "value": entry.epoch})
    state.put("meta", {"name": "mode", "value": entry.mode})
    state.put("meta", {"name": "orders", "value": "0"})
    state.put("meta", {"name": "parents", "value": "0"})


def _opening(state: State, seq: int, at: Instant, entry: log.Opening) -> None:
    for asset, amount in entry.balances.items():
        held = {"venue": entry.venue, "asset": asset, "confirmed": "0", "last_seq": seq}
        state.put("holdings", {**held, "baseline": plain(entry.baseline.get(asset, amount))})
        _anchor(state, seq, entry.venue, Movement(asset, amount, "opening"), entry.at, entry.listed)


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
    _count(state, "parents")


def _parent_closed(state: State, seq: int, at: Instant, entry: log.ParentClosed) -> None:
    changes = {"status": entry.status, "result": entry.result}
    state.update("parents", {"parent_id": entry.parent_id, **changes})


def _parent_resumed(state: State, seq: int, at: Instant, entry: log.ParentResumed) -> None:
    state.update("parents", {"parent_id": entry.parent_id, "status": "working", "result": None})


def _job_queued(state: State, seq: int, at: Instant, entry: log.JobQueued) -> None:
    row = {"job_id": entry.job_id, "kind": entry.kind, "params": entry.params, "by": entry.by}
    state.add("jobs", row | {"status": "queued", "worker": None, "answer": None, "at": at})
    _count(state, "jobs")


def _job_claimed(state: State, seq: int, at: Instant, entry: log.JobClaimed) -> None:
    state.update("jobs", {"job_id": entry.job_id, "status": "claimed", "worker": entry.by})


def _job_ended(state: State, seq: int, at: Instant, entry: log.JobEnded) -> None:
    state.update("jobs", {"job_id": entry.job_id, "status": "ended", "answer": entry.answer})


def _job_withdrawn(state: State, seq: int, at: Instant, entry: log.JobWithdrawn) -> None:
    state.update("jobs", {"job_id": entry.job_id, "status": "withdrawn", "worker": entry.by})


def _intended(state: State, seq: int, at: Instant, entry: log.Intended) -> None:
    state.add("orders", order_row(entry.order) | {"seq": seq})
    _count(state, "orders")


def _sending(state: State, seq: int, at: Instant, entry: log.Sending) -> None:
    _step(state, entry.cl_ord_id, order_life.sending)


def _revoked(state: State, seq: int, at: Instant, entry: log.Revoked) -> None:
    _step(state, entry.cl_ord_id, lambda order: order_life.revoked(order, entry.reason, at))


def _foreign_order_found(state: State, seq: int, at: Instant, entry: log.ForeignOrderFound) -> None:
    state.add("orders", order_row(entry.order) | {"seq": seq})


def _counted_before(state: State, seq: int, at: Instant, entry: log.CountedBefore) -> None:
    _step(state, entry.cl_ord_id, lambda order: order_life.counted_before(order, entry.qty))


def _acked(state: State, seq: int, at: Instant, entry: log.Acked) -> None:
    _step(state, entry.cl_ord_id, lambda order: order_life.acked(order, entry.order_id))


def _rejected(state: State, seq: int, at: Instant, entry: log.Rejected) -> None:
    _step(state, entry.cl_ord_id, lambda order: order_life.rejected(order, entry.reason, at))


def _outcome_lost(state: State, seq: int, at: Instant, entry: log.OutcomeLost) -> None:
    _step(state, entry.cl_ord_id, lambda order: order_life.outcome_lost(order, entry.reason))


def _cancel_requested(state: State, seq: int, at: Instant, entry: log.CancelRequested) -> None:
    _step(state, entry.cl_ord_id, order_life.cancel_requested)


def _reported(state: State, seq: int, at: Instant, entry: log.Reported) -> None:
    _step(state, entry.cl_ord_id, lambda order: order_life.reported(order, entry.report, at))


def _fill_booked(state: State, seq: int, at: Instant, entry: log.FillBooked) -> None:
    fill = entry.fill
    movements = movements_of(entry)
    if not state.add("fills", _posted_row(seq, entry, movements)):
        return
    if entry.cl_ord_id is not None:
        step = partial(order_life.filled, qty=fill.qty, price=fill.price, at=at)
        if _step(state, entry.cl_ord_id, step).heard_qty:
            _unhear(state, fill)
    _move(state, seq, fill.venue, movements)


def _fill_busted(state: State, seq: int, at: Instant, entry: log.FillBusted) -> None:
    fill = entry.fill
    movements = movements_of(entry)
    row = _posted_row(seq, entry, movements) | {"busted_at": fill.busted_at}
    if not state.add("busts", row):
        return
    if entry.cl_ord_id is not None and state.get("fills", *fill.key) is not None:
        _step(state, entry.cl_ord_id, partial(order_life.busted, qty=fill.qty, price=fill.price))
    _move(state, seq, fill.venue, movements)


def _posted_row(
    seq: int, entry: log.FillBooked | log.FillBusted, movements: Sequence[Movement]
) -> dict[str, Any]:
    row = fill_row(entry.fill)
    row |= {"seq": seq, "base": entry.base, "quote": entry.quote, "cl_ord_id": entry.cl_ord_id}
    row["absorbed"] = _to_text(dict(entry.absorbed)) if entry.absorbed else "{}"
    row["postings"] = _postings(movements)
    return row


def _postings(movements: Sequence[Movement]) -> str:
    return _to_text([(asset, plain(amount), contra) for asset, amount, contra in movements])


def _heard(state: State, seq: int, at: Instant, entry: log.Heard) -> None:
    """The order is named by it; a fill that is neither listed nor heard yet is expected from now on."""
    report, fill = entry.report, entry.report.fill
    _step(state, report.cl_ord_id, lambda order: order_life.acked(order, report.order_id))
    if fill is None or state.get("fills", *fill.key) is not None:
        return
    row = fill_row(fill) | {"seq": seq, "cl_ord_id": report.cl_ord_id, "heard_at": at}
    if state.add("heard", row):
        _step(state, report.cl_ord_id, partial(order_life.heard, qty=fill.qty, price=fill.price))


def _phantom_dropped(state: State, seq: int, at: Instant, entry: log.PhantomDropped) -> None:
    _unhear(state, entry.fill)


def _unhear(state: State, fill: Fill) -> None:
    """What was pushed about this fill is superseded; by its own numbers and its own order, which need not
    be the record's."""
    row = state.get("heard", *fill.key)
    if row is not None:
        cl_ord_id = ClOrdId(row["cl_ord_id"])
        qty, price = -Decimal(row["qty"]), Decimal(row["price"])
        state.delete("heard", *fill.key)
        _step(state, cl_ord_id, partial(order_life.heard, qty=qty, price=price))


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
        "absorbed": _to_text(dict(entry.absorbed)),
        "postings": _postings(movements),
    }
    if not state.add("transfers", row):
        return
    _move(state, seq, moved.venue, movements)
    if entry.absorbed.get(moved.asset) != "opening":
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


def _found_absent(state: State, seq: int, at: Instant, entry: log.FoundAbsent) -> None:
    _step(state, entry.cl_ord_id, lambda order: order_life.absent(order, entry.read_at))


def _never_accepted(state: State, seq: int, at: Instant, entry: log.NeverAccepted) -> None:
    reason = f"never accepted, by {entry.by}"
    _step(state, entry.cl_ord_id, lambda order: order_life.rejected(order, reason, at))


def _settled(state: State, seq: int, at: Instant, entry: log.Settled) -> None:
    _step(state, entry.cl_ord_id, order_life.settled)


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
    _anchor(state, seq, entry.venue, movement, entry.at, entry.listed)


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


def _step(state: State, cl_ord_id: ClOrdId, step: Callable[[Order], Order]) -> Order:
    """Take one step of an order's life; only what it changed is written, for the indexes' sake."""
    order = state.orders.get(cl_ord_id)
    if order is None:
        row = state.get("orders", cl_ord_id)
        if row is None:
            raise LookupError(f"no order {cl_ord_id}")
        order = order_of(row)
    moved = state.orders[cl_ord_id] = step(order)
    changes = progress_changes(order, moved)
    if changes:
        state.update("orders", {"cl_ord_id": cl_ord_id, **changes})
    return moved


def _count(state: State, name: str) -> None:
    row = state.get("meta", name)
    count = int(row["value"]) if row else 0
    state.put("meta", {"name": name, "value": str(count + 1)})


def _anchor(
    state: State, seq: int, venue: Venue, movement: Movement, at: Instant, listed: Sequence[str]
) -> None:
    """A holding is set to the venue's balance: the posting, and what it knew."""
    asset, amount, kind = movement
    row = {"venue": venue, "asset": asset, "seq": seq, "kind": kind, "amount": plain(amount)}
    state.add("anchors", {**row, "at": at, "listed": _to_text(listed)})
    _move(state, seq, venue, [movement])


def _move(state: State, seq: int, venue: Venue, movements: Sequence[Movement]) -> None:
    """Move the holdings by postings. `last_seq` dates the last event on an asset: a doubt older than it
    is void, and the wait for a second read begins anew."""
    for asset, amount in net(movements).items():
        key = {"venue": venue, "asset": asset}
        held = state.get("holdings", venue, asset)
        if held is None:
            state.add("holdings", {**key, "confirmed": plain(amount), "baseline": "0", "last_seq": seq})
        else:
            confirmed = plain(Decimal(held["confirmed"]) + amount)
            state.update("holdings", {**key, "confirmed": confirmed, "last_seq": seq})


_HANDLERS: dict[type, Callable[[State, int, Instant, Any], None]] = {
    log.JournalOpened: _journal_opened,
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
    log.OutcomeLost: _outcome_lost,
    log.CancelRequested: _cancel_requested,
    log.Reported: _reported,
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
