"""Cancelling orders: what was not sent yet is revoked here, of the rest the venue is asked, and what became
of each is believed of the venue's record alone.

Rule: a request that is lost, refused or too early decides nothing. An order is reported as done when its
record says so, and as uncertain until then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mvx.domain.entries import (
    CancelRejected,
    CancelRequested,
    JobWithdrawn,
    ParentClosed,
    ParentOpened,
    Revoked,
)
from mvx.domain.ids import ClOrdId, JobId, Venue
from mvx.domain.order import Order
from mvx.domain.order_status import OrdStatus
from mvx.domain.text import typed
from mvx.engine.desk import Desk
from mvx.engine.flatten_order import FlattenOrder
from mvx.engine.jobs import key_of, order_of, stop_for_good
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import VenuePass, pass_warnings
from mvx.engine.results import CancelResult, CancelRow
from mvx.engine.route_id import CANCELED, context_of_marks, parameters
from mvx.engine.route_order import RouteOrder
from mvx.engine.settle import answered, resting, settle
from mvx.engine.stopping import settled
from mvx.engine.watch import said
from mvx.errors import (
    Exit,
    OutcomeUnknown,
    Refusal,
    UsageError,
    VenueRejected,
    VenueUnreachable,
)
from mvx.journal import history, jobs, views
from mvx.journal.codec import encode
from mvx.journal.store import ReadTx, WriteTx

REVOKED = "revoked: it was not sent yet"
FINISHED = "finished already"


@dataclass(slots=True)
class Run:
    """One cancel. `said`: what became of the request for each order; `asked`: those whose request left;
    `stop`: once it is set nobody is waited for."""

    desk: Desk
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    said: dict[ClOrdId, str] = field(default_factory=dict)
    asked: set[ClOrdId] = field(default_factory=set)
    passes: list[VenuePass] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def orders(self, cl_ord_ids: Iterable[ClOrdId]) -> list[Order]:
        """As the journal knows them now."""
        with self.desk.journal.read() as tx:
            found = (views.order(tx, cl_ord_id) for cl_ord_id in cl_ord_ids)
            return [order for order in found if order is not None]


async def cancel(desk: Desk, target: str | None, all_orders: bool, venues: tuple[Venue, ...]) -> Outcome:
    """Cancel one order, a parent, a job of the queue, or all orders of ours. A parent that is named, with no
    venue, is stopped for good: nothing more is sent for it, whoever works it. Exit 5 where an order may
    still be working."""
    run = Run(desk)
    working = _give_up(run, target, all_orders, desk.select(venues) if venues else ())
    await settled(_cancel(run, working), run.stop)
    return _outcome(run)


async def _cancel(run: Run, working: Sequence[Order]) -> None:
    early = [order.cl_ord_id for order in working if order.order_id is None]
    await _ask_and_settle(run, working)
    if run.stop.is_set():
        return
    # What the venue did not know when it was asked may have arrived since, and rests now.
    arrived = [order for order in run.orders(early) if resting(order) and order.venue in run.desk.venues]
    await _ask_and_settle(run, arrived)


def _give_up(run: Run, target: str | None, all_orders: bool, venues: tuple[Venue, ...]) -> list[Order]:
    """Give up what nobody has begun to send; returns what only a venue can cancel."""
    working = []
    with run.desk.journal.write() as tx:
        target = _unqueued(run, tx, target)
        if target is None and not all_orders:
            return []
        orders = _targets(tx, target, all_orders, venues)
        if target is not None and not venues:
            _stop(run, tx, target)
        for order in orders:
            if order.terminal or order.settled:
                run.said[order.cl_ord_id] = FINISHED
            elif order.unsent:
                tx.append(Revoked(order.cl_ord_id, "canceled by the operator"))
                run.said[order.cl_ord_id] = REVOKED
            elif order.venue not in run.desk.venues:
                run.said[order.cl_ord_id] = f"not asked: {order.venue} is not configured"
            else:
                working.append(order)
        worked = {name for name, holder in history.holders(tx, tx.at).items() if run.desk.is_alive(holder)}
        parents = [order.parent_id for order in orders]
        if all_orders:
            parents += [parent.parent_id for parent in history.working_parents(tx, tx.at)]
            run.warnings += _to_come(tx, worked)
    run.warnings += [
        f"{parent_id} is being worked and may send what is left of it again: mvx cancel {parent_id}"
        for parent_id in dict.fromkeys(parents)
        if parent_id in worked
    ]
    return working


def _to_come(tx: ReadTx, worked: Collection[str]) -> Iterator[str]:
    """The jobs that no order tells of: those that wait, and those that were begun and whose parent nobody
    works now."""
    found = jobs.open_jobs(tx)
    queued = [job.job_id for job in found if job.status == "queued"]
    if queued:
        wait = "1 job waits" if len(queued) == 1 else f"{len(queued)} jobs wait"
        yield f"{wait} in the queue as before: {'; '.join(f'mvx cancel {each}' for each in queued)}"
    for job in found:
        if job.status == "claimed" and _goes_on(tx, job, worked):
            yield f"{job.job_id} was begun, and whoever leads goes on with it: mvx cancel {job.job_id}"


def _goes_on(tx: ReadTx, job: jobs.Job, worked: Collection[str]) -> bool:
    parent = history.parent_by_key(tx, key_of(job))
    if parent is None or job.kind != "route":
        return True
    return _is_its(job, parent) and parent.parent_id not in worked and parent.status != CANCELED


def _is_its(job: jobs.Job, parent: history.ParentRow) -> bool:
    """Whether a parent that has the job's key came of it: with other parameters the id is somebody else's,
    and whoever works the job is refused it."""
    order = order_of(job)
    return isinstance(order, RouteOrder) and parent.params == parameters(order)


def _unqueued(run: Run, tx: WriteTx, target: str | None) -> str | None:
    """What is in the queue is taken out of it, and then there is nothing to cancel: None. Of a job that was
    begun, its parent; where whoever leads has not come to it yet, its key is taken from under it. A flatten
    has no parent: it is ended under its own name."""
    job = None if target is None else jobs.job(tx, JobId(target))
    if job is None:
        return target
    if job.status == "queued":
        tx.append(JobWithdrawn(job.job_id, run.desk.holder))
        run.warnings.append(f"{job.job_id} was taken out of the queue: nothing of it was begun")
        return None
    parent, order = history.parent_by_key(tx, key_of(job)), order_of(job)
    if job.status == "claimed" and isinstance(order, FlattenOrder):
        stop_for_good(tx, job.job_id)
        run.warnings.append(
            f"{job.job_id} is stopped: nothing more is begun for it; what it sent is settled,"
            f" and what it halted stays halted: mvx venue-status --cached"
        )
        return None
    if parent is not None and _is_its(job, parent):
        return parent.parent_id
    if parent is not None or job.status != "claimed" or not isinstance(order, RouteOrder):
        taken = f"; its id {parent.key!r} is that of {parent.parent_id}, another order" if parent else ""
        raise UsageError(
            f"{job.job_id} is {job.status}, and no parent came of it",
            known=f"nothing was cancelled{taken}",
            next_step="mvx orders --open",
        )
    opened = tx.next_parent_id()
    terms = (parameters(order), order.instrument, order.side, order.order_qty)
    tx.append(ParentOpened(opened, key_of(job), *terms))
    _stop(run, tx, opened)
    run.warnings.append(f"{job.job_id} is stopped: nothing of it was sent")
    return None


def _stop(run: Run, tx: WriteTx, target: str) -> None:
    """Whoever works the parent is fenced out of it, and nobody goes on with it."""
    parent = history.parent(tx, target)
    if parent is None or parent.status in (CANCELED, "filled"):
        return
    lease = tx.take_lease(parent.parent_id, run.desk.holder, by_force=True)
    assert lease is not None
    context = parent.result or encode(context_of_marks(run.desk, tx, parent.instrument))
    tx.append(ParentClosed(parent.parent_id, CANCELED, context))
    tx.drop_lease(lease)


def _targets(tx: ReadTx, target: str | None, all_orders: bool, venues: tuple[Venue, ...]) -> list[Order]:
    """Ours only with --all, and only what may be open: a foreign order is cancelled by its own id."""
    found: tuple[Order, ...]
    if all_orders:
        orders = views.unsettled_orders(tx)
        found = tuple(o for o in orders if o.parent_id is not None and not o.terminal)
    elif target is None:
        raise UsageError("nothing to cancel was named", next_step="mvx orders --open; or add --all")
    elif (parent := history.parent(tx, target)) is not None:
        found = views.children(tx, parent.parent_id)
    elif (order := views.order(tx, target)) is not None:
        found = (order,)
    else:
        raise UsageError(
            f"no parent, order or job is called {target!r}",
            next_step="mvx orders --open",
        )
    chosen = [order for order in found if not venues or order.venue in venues]
    if found and not chosen and not all_orders:
        where = ", ".join(sorted({order.venue for order in found}))
        raise UsageError(
            f"{target} has no order at {', '.join(venues)}, only at {where}",
            known="nothing was sent",
            next_step=f"mvx cancel {typed(str(target))}",
        )
    return chosen


async def _ask_and_settle(run: Run, orders: Sequence[Order]) -> None:
    """Ask for each, then read the venues until each is done, or they had their declared time."""
    answers = await ask_cancel(run.desk, orders)
    for order, each in zip(orders, answers, strict=True):
        run.said[order.cl_ord_id] = each.says
        if each.left:
            run.asked.add(order.cl_ord_id)
    asked = [order.cl_ord_id for order in orders]
    run.passes += await settle(run.desk, asked, stopping=run.stop.is_set)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of one request; `left`: it went out to the venue; `pending`: it was taken, or may have
    been."""

    says: str
    left: bool = True
    pending: bool = True


async def ask_cancel(desk: Desk, orders: Sequence[Order]) -> list[Asked]:
    """Ask for a cancel of each at once, journaled first; what each venue said to it."""
    if not orders:
        return []
    with desk.journal.write() as tx:
        asked_before = {order.cl_ord_id for order in orders if _is_asked_for(tx, order)}
        asked_at = [tx.append(CancelRequested(order.cl_ord_id)) for order in orders]
    answers = list(await asyncio.gather(*(_ask(desk, order) for order in orders)))
    vain = {
        order.cl_ord_id: (seq, answer.says)
        for order, seq, answer in zip(orders, asked_at, answers, strict=True)
        if not answer.pending and order.cl_ord_id not in asked_before
    }
    if vain:
        with desk.journal.write() as tx:
            for cl_ord_id, (seq, why) in vain.items():
                if not history.is_cancel_requested_after(tx, cl_ord_id, seq):
                    tx.append(CancelRejected(cl_ord_id, why))
    return answers


def _is_asked_for(tx: ReadTx, order: Order) -> bool:
    """Whether a cancel is pending already: what came of it is not known, and another one does not tell."""
    now = views.order(tx, order.cl_ord_id)
    return now is not None and now.ord_status is OrdStatus.PENDING_CANCEL


async def _ask(desk: Desk, order: Order) -> Asked:
    """By the venue's id where we know it, else by ours."""
    try:
        await desk.venues[order.venue].cancel(order.symbol, order.cl_ord_id, order.order_id)
    except VenueRejected as error:
        if error.about is not Refusal.REQUEST:
            return Asked(f"the venue would not hear it: {said(order.venue, error)}", pending=False)
        return Asked(f"the venue has no such open order: {error.reason_code}", pending=False)
    except VenueUnreachable as error:
        return Asked(f"not asked: {said(order.venue, error)}", left=False, pending=False)
    except OutcomeUnknown as error:
        return Asked(f"asked, no answer: {said(order.venue, error)}")
    return Asked("asked")


def _outcome(run: Run) -> Outcome:
    orders = run.orders(run.said)
    open_yet = [o for o in orders if not answered(o) and run.said[o.cl_ord_id] != FINISHED]
    rows = tuple(
        CancelRow(
            order.cl_ord_id, order.venue, order.ord_status.value, order.cum_qty, run.said[order.cl_ord_id]
        )
        for order in orders
    )
    return Outcome(
        data=CancelResult(rows),
        exit_code=Exit.UNCERTAIN if open_yet else Exit.OK,
        sent=bool(run.asked),
        uncertain=bool(open_yet),
        breaks=tuple(found for each in run.passes for found in each.breaks),
        warnings=(
            *run.warnings,
            *pass_warnings(run.passes),
            *(_may_still_work(order) for order in open_yet),
            *run.desk.watch.changes(),
        ),
    )


def _may_still_work(order: Order) -> str:
    return (
        f"{order.cl_ord_id} may still be working at {order.venue}, and stays reserved:"
        f" mvx cancel {typed(order.cl_ord_id)}"
    )
