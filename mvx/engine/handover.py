"""Trading verbs beside a leader: shown and agreed to here, worked there, and answered here all the same.

Where nobody leads, or whoever led went away before the job was begun or had no room for it, the command does
the work itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mvx.domain.ids import JobId
from mvx.engine import jobs
from mvx.engine.agreement import Confirm, agree, agreed_to
from mvx.engine.desk import Desk
from mvx.engine.flatten import flatten
from mvx.engine.jobs import Order
from mvx.engine.outcome import Outcome
from mvx.engine.results import PlanRow, RouteResult
from mvx.engine.route import route
from mvx.engine.route_order import RouteOrder
from mvx.engine.route_result import Asked, Context, route_result
from mvx.errors import Exit, NoVenueUsable, StoppedFollowing
from mvx.journal import history

Show = Callable[[Any], None]


async def trade(desk: Desk, order: Order, *, by: str, show: Show, confirm: Confirm) -> Outcome:
    """A route or a flatten, here or by the leader. Raises what they raise, LeaderGone, StoppedFollowing."""
    if not _is_dry(order) and jobs.somebody_leads(desk):
        order = await _agree(desk, order, show, confirm)
        answer = await _followed(desk, order, by)
        if answer is not None:
            return answer
        show, confirm = _unseen, None
    try:
        return await _do(desk, order, show, confirm)
    except asyncio.CancelledError:
        _refer_to_the_run(desk, order)
        raise


async def enqueue(desk: Desk, order: RouteOrder, *, by: str, show: Show, confirm: Confirm) -> Outcome:
    """Leave a route to whoever leads now or later."""
    warnings: tuple[str, ...] = ()
    try:
        await _agree(desk, order, show, confirm)
    except NoVenueUsable as error:
        warnings = (f"no plan could be shown: {error.known}",)
        agree(confirm)
    job_id = jobs.queue(desk, order, by)
    asked = Asked(None, order.id, order.instrument, order.side, order.order_qty)
    result = route_result(asked, Context(None, None, {}, 0), (), (), "queued")
    if not jobs.somebody_leads(desk):
        warnings += ("nobody leads: mvx run works what is queued",)
    return Outcome(replace(result, job_id=job_id), Exit.OK, warnings=warnings)


async def _agree(desk: Desk, order: Order, show: Show, confirm: Confirm) -> Order:
    """Show what would be done, by the path that would do it, and ask. A known id is not planned anew.
    The yes to a route goes with it: whoever works it finds other books."""
    plans: list[PlanRow | None] = []

    def shown(result: Any) -> None:
        if isinstance(result, RouteResult):
            plans.append(result.plan)
        show(result)

    if not _is_known(desk, order):
        with desk.watch.only_looking():
            await _do(desk, replace(order, dry_run=True), shown, None)
    agree(confirm)
    if confirm is None or not plans or not isinstance(order, RouteOrder) or order.twap_s is not None:
        return order
    return replace(order, agreed=agreed_to(plans[-1], desk.clock.now()))


def _is_known(desk: Desk, order: Order) -> bool:
    if not isinstance(order, RouteOrder) or order.id is None:
        return False
    with desk.journal.read() as tx:
        return history.parent_by_key(tx, order.id) is not None


async def _followed(desk: Desk, order: Order, by: str) -> Outcome | None:
    job_id = jobs.queue(desk, replace(order, begin_within_s=desk.settings.route.max_s), by)
    desk.watch.has_sent = True
    try:
        answer = await jobs.follow(desk, job_id)
        desk.watch.has_sent = answer is not None
        return answer
    except asyncio.CancelledError:
        raise _stopped(job_id, begun=not jobs.withdraw(desk, job_id)) from None
    finally:
        jobs.withdraw(desk, job_id)  # for one who stops waiting: nothing of it is begun any more


def _refer_to_the_run(desk: Desk, order: Order) -> None:
    """Raises StoppedFollowing where another run of the same id is at work."""
    if not isinstance(order, RouteOrder) or order.id is None or desk.watch.has_sent:
        return
    with desk.journal.read() as tx:
        row = history.parent_by_key(tx, order.id)
        if row is None or not history.lease_is_held(tx, row.parent_id, desk.clock.now()):
            return
    raise StoppedFollowing(
        f"this command sent nothing; {row.parent_id}, the first run of that id, goes on",
        f"the same command follows it; mvx cancel {row.parent_id} stops it",
    )


def _stopped(job_id: JobId, *, begun: bool) -> StoppedFollowing:
    if not begun:
        known = "nothing of it was begun, and it was taken out of the queue"
        return StoppedFollowing(known, "mvx orders --open")
    known = "whoever leads goes on with it; what it sends is in the journal"
    return StoppedFollowing(known, f"mvx cancel {job_id} stops it; mvx orders --open", begun=True)


async def _do(desk: Desk, order: Order, show: Show, confirm: Confirm) -> Outcome:
    if isinstance(order, RouteOrder):
        return await route(desk, order, show=show, confirm=confirm)
    return await flatten(desk, order, show=show, confirm=confirm)


def _is_dry(order: Order) -> bool:
    return order.dry_run


def _unseen(plan: RouteResult | object) -> None:
    """It was shown before."""
