"""Routing one parent order: plan, commit, send, settle, and again for what is left.

Rule: the residual is computed inside the transaction that writes the intents, by the holder of the
parent's lease, and counts every child that may still fill in full (DESIGN 2.7). A signal stops the
sending, never the settling: what is in flight is resolved or recorded before the answer.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

from mvx.domain.entries import Intended
from mvx.domain.instant import after, seconds_between
from mvx.domain.money import plain
from mvx.domain.order import Order, TimeInForce
from mvx.engine.admission import Barred, Waiting, admit, propose, refused
from mvx.engine.agreement import FRESH_S, Confirm, agree, agreed_to, no_longer, refuse_stale
from mvx.engine.alive import beating
from mvx.engine.desk import Desk
from mvx.engine.execute import execute
from mvx.engine.market import Market, read_market
from mvx.engine.moment import Moment
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import reconcile_venue
from mvx.engine.results import PlanRow
from mvx.engine.route_id import AlreadyStarted, answer_known_id, refuse_used_id
from mvx.engine.route_order import RouteOrder
from mvx.engine.route_result import Context, plan_row, route_status
from mvx.engine.route_run import (
    Run,
    Show,
    breaks_of,
    has_sent,
    note_lost_lease,
    note_marks,
    note_round,
    own_orders,
    raise_slice,
)
from mvx.engine.settle import answered, resting, settle
from mvx.engine.stopping import settled
from mvx.engine.submit import Parent, filled_qty, make_children
from mvx.engine.trading import barred, refuse_if_halted, resume_command
from mvx.engine.words import AFTER_EXIT
from mvx.errors import Exit, LeaseLost, NoVenueUsable, Refused
from mvx.journal import views
from mvx.journal.store import ReadTx, WriteTx
from mvx.risk.question import Approved
from mvx.router.plan import Plan, PlanRequest, Skipped, make_plan, smallest_order
from mvx.router.twap import next_slice_s

#: How often a run that waits for its next slice says that it is alive; and the least that it waits for what
#: is over by its time.
PAUSE_S = 1.0


async def route(
    desk: Desk, order: RouteOrder, *, show: Show, confirm: Confirm, begun: bool = False
) -> Outcome:
    """Buy or sell over the best venues. `begun`: what was sent before, for a parent that is gone on with, was
    sent for this command too. Raises Refused and NoVenueUsable (this command sent nothing), UsageError."""
    instrument = desk.instrument(order.instrument)
    venues = desk.select(order.venues, order.exclude)
    taken = None
    if order.id is not None and not order.dry_run:
        known = await answer_known_id(desk, order)
        if isinstance(known, Outcome):
            return known
        taken = known
    if order.dry_run:
        desk.watch.only_looks = True
    run = Run(desk, order, instrument, venues, Moment(desk.clock), show, confirm)
    if taken is not None:
        run.take_up(taken, begun=begun)
    try:
        return await settled(_work(run), run.stop)
    except AlreadyStarted:
        return await route(desk, order, show=show, confirm=confirm, begun=begun)


async def _work(run: Run) -> Outcome:
    try:
        async with beating(run.desk.journal, lambda: run.lease) as run.say_alive:
            if run.parent is not None:
                run.passes += await settle(run.desk, own_orders(run), done=_done, stopping=run.keep_lease)
            while await _round(run):
                pass
            _refuse_unusable(run)
    except LeaseLost as error:
        note_lost_lease(run, error)
    except (Refused, NoVenueUsable) as error:
        if not _is_answered(run):
            run.close()
            error.breaks = breaks_of(run)
            error.known += _known_before(run)
            raise
        run.warnings.append(f"nothing more was sent: {error.message}")
    return run.finish()


def _is_answered(run: Run) -> bool:
    """Whether what ends the run is less than what became of its orders: something was sent by it, or what an
    earlier run of the parent sent is in question."""
    with run.desk.journal.read() as tx:
        children = run.children(tx)
        return has_sent(run, tx) or route_status(run.order.order_qty, children) == "uncertain"


def _known_before(run: Run) -> str:
    """What became of a parent until this command was to go on with it."""
    if run.parent is None or not run.earlier:
        return ""
    with run.desk.journal.read() as tx:
        filled = filled_qty(run.children(tx))
    return f"; {run.parent.parent_id} had filled {plain(filled)} of {plain(run.order.order_qty)} before"


async def _round(run: Run) -> bool:
    """Plan, commit, send and settle once; False where there is nothing more to do."""
    with run.desk.journal.read() as tx:
        if run.parent is None and run.order.id is not None and not run.order.dry_run:
            refuse_used_id(tx, run.order)
        leaves_qty, sent, began = run.residual(tx), run.sent(tx), has_sent(run, tx)
        if not leaves_qty or run.stop.is_set() or run.out_of_rounds or run.left_s <= 0:
            return False
        refuse_if_halted(tx)
    due = run.due(leaves_qty)
    if not due:
        return await _until_next_slice(run)
    market = await _read_market(run)
    if run.stop.is_set():
        return False
    plan = make_plan(_plan_request(run, due, leaves_qty, market), market.quotes, market.skipped)
    run.remember(plan, market)
    if not market.quotes and not began and not run.context.rounds and run.order.twap_s is None:
        raise _no_venue(run, plan_row(plan))
    if not run.context.rounds and not _agreed(run, plan_row(plan), sent=sent):
        _forget_plan(run)
        return True  # the answer took its time: plan again, on fresh books
    try:
        if run.order.dry_run:
            _dry_risk(run, plan, market)
        if run.order.dry_run or not plan.legs or _falls_short(run, plan):
            return not run.order.dry_run and run.order.twap_s is not None and await _until_next_slice(run)
        return await _trade(run, plan, market)
    except Barred as found:
        run.barred |= found.venues
        return _plan_again(run)


def _refuse_unusable(run: Run) -> None:
    """A parent over time waits for a venue until its end, and then says what any other says at once. Raises
    NoVenueUsable where there never was a book, and nothing was ever sent for it."""
    plan = run.context.plan
    with run.desk.journal.read() as tx:
        sent = run.sent(tx)
    if plan is not None and run.context.arrival_px is None and not sent and not run.stop.is_set():
        raise _no_venue(run, plan)


def _no_venue(run: Run, plan: PlanRow) -> NoVenueUsable:
    """What keeps each away, and what to run: a halt is the operator's to lift, the rest is health."""
    with run.desk.journal.read() as tx:
        halted = barred(tx, run.venues, run.instrument.base, run.order.side)
    steps = [AFTER_EXIT[Exit.NO_VENUE]] if len(halted) < len(plan.skipped) else []
    return NoVenueUsable(
        "no venue could be used",
        known="; ".join(f"{each.venue}: {each.why}" for each in plan.skipped),
        next_step="; ".join(steps + ([resume_command(*halted)] if halted else [])),
    )


async def _until_next_slice(run: Run) -> bool:
    """Wait for more to be due; after the end, for a better book or answer, as long as there is time."""
    assert run.order.twap_s is not None
    pause_s = PAUSE_S
    if run.elapsed_s < run.order.twap_s:
        pause_s = next_slice_s(run.elapsed_s, run.order.twap_s)
    run.barred.clear()
    wake = Moment(run.desk.clock, pause_s)
    while (left_s := wake.left_s()) > 0 and not run.keep_lease():
        await run.desk.clock.sleep(min(PAUSE_S, left_s))
    return True


async def _read_market(run: Run) -> Market:
    venues = tuple(venue for venue in run.venues if venue not in run.barred)
    write = not run.order.dry_run
    # A venue that failed is left alone for the rest of a run, and no longer than a slice of a long one.
    since = run.began.at if run.order.twap_s is None else run.desk.clock.now()
    market = await read_market(run.desk, run.instrument, run.order.side, venues, since=since, write=write)
    run.passes += market.passes
    return replace(market, skipped=(*market.skipped, *(Skipped(*each) for each in run.barred.items())))


def _plan_again(run: Run) -> bool:
    """Where this run sent nothing yet, the next plan is its first one, and is shown."""
    if not run.context.rounds:
        run.shown, run.agreed = False, None
        _forget_plan(run)
    return True


def _forget_plan(run: Run) -> None:
    """Where nothing was sent for the parent yet, it is measured against the next plan."""
    with run.desk.journal.read() as tx:
        if not run.sent(tx):
            run.context = Context(None, None, {}, 0)


async def _trade(run: Run, plan: Plan, market: Market) -> bool:
    committed = _commit(run, plan, market)
    if isinstance(committed, Waiting):
        return await _wait_for_room(run, committed)
    if not committed:
        return True  # the residual shrank meanwhile: plan again
    passes = await execute(run.desk, committed, done=_done, stopping=run.keep_lease)
    if not passes:
        return _plan_again(run)  # all of it was revoked: no round is used up
    run.passes += passes
    if not note_round(run, committed) and run.order.twap_s is not None:
        return await _until_next_slice(run)  # who refuses a slice is not asked again at once
    return True


def _commit(run: Run, plan: Plan, market: Market) -> tuple[Order, ...] | Waiting:
    """Risk and intents in one transaction; no children where the residual no longer covers the plan."""
    with run.desk.journal.write(run.lease) as tx:
        if run.parent is None and run.order.id is not None:
            refuse_used_id(tx, run.order)
        leaves_qty = run.residual(tx)
        if plan.planned_qty > leaves_qty:
            return ()
        parent = run.parent or run.new_parent(tx)
        deadline_s = run.order.deadline_s or run.desk.settings.route.deadline_s
        children = make_children(run.desk, tx, parent, plan, market, after(tx.at, deadline_s))
        verdict = _assess(run, tx, parent, children, leaves_qty, market)
        if isinstance(verdict, Waiting):
            return verdict
        if run.parent is None:
            run.open_parent(tx, parent)
        for child in children:
            tx.append(Intended(child))
        note_marks(run, tx, market)
        run.desk.watch.flush(tx)
    return children


def _assess(
    run: Run,
    tx: ReadTx,
    parent: Parent,
    children: tuple[Order, ...],
    leaves_qty: Decimal,
    market: Market,
) -> Approved | Waiting:
    proposal = propose(parent, children, leaves_qty, market)
    return admit(run.desk, tx, proposal, market.prices, patience_s=run.left_s)


async def _wait_for_room(run: Run, waiting: Waiting) -> bool:
    """Wait until time has made room, and settle what a lateness bound held; then plan afresh. What a
    worker may hold is its parent's quantity, so nobody waits for room that is taken for good."""
    pause_s = seconds_between(run.desk.clock.now(), waiting.until)
    # What is over already, and makes no room: its venue could not be read, or its book is old again.
    wake = Moment(run.desk.clock, pause_s if pause_s > 0 else PAUSE_S)
    while (left_s := wake.left_s()) > 0 and not run.stop.is_set():
        await run.desk.clock.sleep(min(0.25, left_s))
        run.keep_lease()
    now, expected = run.desk.clock.now(), own_orders(run)
    run.passes += await asyncio.gather(
        *(
            reconcile_venue(run.desk, venue, expected=expected)
            for venue in waiting.venues
            if run.desk.watch.health(venue).may_be_asked(now)
        )
    )
    if run.stop.is_set() or run.left_s <= 0:
        raise refused(waiting.refusals)
    return True


def _done(child: Order) -> bool:
    return answered(child) or resting(child)


def _plan_request(run: Run, due: Decimal, leaves_qty: Decimal, market: Market) -> PlanRequest:
    order = run.order
    slippage = order.max_slippage_bps
    if slippage is None:
        slippage = run.desk.settings.route.max_slippage_bps
    reaching = order.time_in_force is TimeInForce.IOC and run.context.rounds > 0
    if reaching:
        slippage = run.desk.limits.within_collar(slippage)
    request = PlanRequest(
        instrument=run.instrument,
        side=order.side,
        order_qty=due,
        limit_px=order.limit_px,
        max_slippage_bps=slippage,
        post_only=order.post_only,
        resting=order.time_in_force is TimeInForce.GTC,
        reaching=reaching,
    )
    if order.twap_s is None:
        return request
    least_qty = smallest_order(request, market.quotes)
    return replace(request, order_qty=due if least_qty is None else raise_slice(run, leaves_qty, least_qty))


def _falls_short(run: Run, plan: Plan) -> bool:
    """Fill-or-kill is not sent for less than the whole."""
    return run.order.time_in_force is TimeInForce.FOK and plan.planned_qty < run.order.order_qty


def _agreed(run: Run, plan: PlanRow, *, sent: bool) -> bool:
    """Whether the plan may be sent. It is shown once; who is asked, is asked for each that is worse than what
    was agreed to. A yes that was given before is to the whole parent: once part of it is `sent` it was used.
    Raises Refused."""
    side, now = run.order.side, run.desk.clock.now()
    first, run.shown = not run.shown, True
    if run.order.agreed is not None and not sent and not run.order.dry_run:
        refuse_stale(run.order.agreed, side, plan, now)
    if run.agreed is not None and run.order.twap_s is None:
        worse = no_longer(run.agreed, side, plan, now)
        if worse:
            run.warnings.append(f"asked again: {worse}")
            first, run.agreed = True, None
    if first:
        run.show(replace(run.result((), "planned"), plan=plan))
    if run.order.dry_run or run.confirm is None or run.agreed is not None:
        return True
    asked = Moment(run.desk.clock)
    agree(run.confirm)
    read_s = asked.elapsed_s()
    run.agreed = agreed_to(plan, run.desk.clock.now())
    run.began.at = after(run.began.at, read_s)  # what somebody reads is no time of the run
    return read_s < FRESH_S


def _dry_risk(run: Run, plan: Plan, market: Market) -> None:
    """The same question to risk, on a snapshot, and nothing is written."""
    if not plan.legs:
        return
    with run.desk.journal.read() as tx:
        new = [leg.venue for leg in plan.legs if not views.is_opened(tx, leg.venue)]
        if new:
            run.warnings.append(f"risk was not asked: no first contact yet with {', '.join(new)}")
            return
        reader = WriteTx(tx.connection, run.desk.clock.now())
        parent = run.new_parent(reader)
        children = make_children(run.desk, reader, parent, plan, market, reader.at)
        _assess(run, tx, parent, children, run.order.order_qty, market)
