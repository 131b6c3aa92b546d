"""Routing one parent order: plan, commit, send, settle, and again for what is left.

Rule: the residual is computed inside the transaction that writes the intents, by the holder of the
parent's lease, and counts every child that may still fill in full (DESIGN 2.7). A signal stops the
sending, never the settling: what is in flight is resolved or recorded before the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from mvx.domain.entries import Intended, ParentClosed, ParentOpened
from mvx.domain.ids import ClOrdId, Venue
from mvx.domain.instant import Instant, after, seconds_between
from mvx.domain.instrument import Instrument
from mvx.domain.money import plain
from mvx.domain.order import Order, TimeInForce
from mvx.engine.admission import Barred, Waiting, admit, refused
from mvx.engine.desk import Desk
from mvx.engine.execute import execute
from mvx.engine.market import Market, read_market
from mvx.engine.outcome import BreakRow, Outcome
from mvx.engine.reconcile import VenuePass, pass_warnings, reconcile_venue
from mvx.engine.results import RouteResult
from mvx.engine.route_id import AlreadyStarted, answer_known_id, parameters, refuse_used_id
from mvx.engine.route_order import RouteOrder
from mvx.engine.route_result import EXIT_OF_STATUS, Asked, Context, plan_row, route_result, route_status
from mvx.engine.settle import answered, resting
from mvx.engine.submit import Parent, filled_qty, make_children, propose
from mvx.engine.trading import refuse_if_halted
from mvx.errors import Exit, LeaseLost, NoVenueUsable, Refused
from mvx.journal import history, views
from mvx.journal.codec import encode
from mvx.journal.store import Lease, ReadTx, WriteTx
from mvx.risk.limits import Approved
from mvx.router.plan import Plan, PlanRequest, Skipped, make_plan, residual

Show = Callable[[RouteResult], None]
Confirm = Callable[[], bool]


@dataclass(slots=True)
class Run:
    """One run of one parent; `parent` is None until its first children are committed. `barred`: venues that
    the operator's states kept it from, at the time of its commit, and why."""

    desk: Desk
    order: RouteOrder
    instrument: Instrument
    venues: tuple[Venue, ...]
    started_at: Instant
    show: Show
    confirm: Confirm
    parent: Parent | None = None
    lease: Lease | None = None
    shown: bool = False
    stopping: bool = False
    barred: dict[Venue, str] = field(default_factory=dict)
    context: Context = field(default_factory=lambda: Context(None, None, {}, 0))
    passes: list[VenuePass] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def max_rounds(self) -> int:
        if self.order.time_in_force is TimeInForce.FOK:
            return 1  # filled whole or killed: a second round would be another order
        return self.order.max_rounds or self.desk.settings.route.max_rounds

    @property
    def out_of_time(self) -> bool:
        return seconds_between(self.started_at, self.desk.clock.now()) >= self.desk.settings.route.max_s

    def children(self, tx: ReadTx) -> tuple[Order, ...]:
        return () if self.parent is None else views.children(tx, self.parent.parent_id)

    def sent(self, tx: ReadTx) -> bool:
        return any(child.sending for child in self.children(tx))

    def residual(self, tx: ReadTx) -> Decimal:
        children = self.children(tx)
        return residual(self.order.order_qty, filled_qty(children), children)


async def route(desk: Desk, order: RouteOrder, *, show: Show, confirm: Confirm) -> Outcome:
    """Buy or sell over the best venues. Raises Refused (nothing was sent), NoVenueUsable, UsageError."""
    instrument = desk.instrument(order.instrument)
    venues = desk.select(order.venues, order.exclude)
    if order.id is not None and not order.dry_run:
        known = await answer_known_id(desk, order)
        if known is not None:
            return known
    if order.dry_run:
        desk.watch.only_look()
    run = Run(desk, order, instrument, venues, desk.clock.now(), show, confirm)
    work = asyncio.ensure_future(_work(run))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        run.stopping = True
        return await work
    except AlreadyStarted:
        return await route(desk, order, show=show, confirm=confirm)


async def _work(run: Run) -> Outcome:
    try:
        while await _round(run):
            pass
    except LeaseLost as error:
        run.warnings.append(error.message)
    except (Refused, NoVenueUsable) as error:
        with run.desk.journal.read() as tx:
            sent = run.sent(tx)
        if not sent:
            _close(run)
            error.breaks = _breaks(run)
            raise
        run.warnings.append(f"nothing more was sent: {error.message}")
    return _finish(run)


async def _round(run: Run) -> bool:
    """Plan, commit, send and settle once; False where there is nothing more to do."""
    with run.desk.journal.read() as tx:
        leaves_qty, sent = run.residual(tx), run.sent(tx)
        if not leaves_qty or run.stopping or run.context.rounds >= run.max_rounds or run.out_of_time:
            return False
        refuse_if_halted(tx)
    market = await _read_market(run)
    plan = make_plan(_plan_request(run, leaves_qty), market.quotes, market.skipped)
    _remember(run, plan, market)
    if not market.quotes and not sent:
        raise NoVenueUsable(
            "no venue could be used",
            known="; ".join(f"{each.venue}: {each.why}" for each in plan.skipped),
            next_step="mvx reconcile; mvx positions",
        )
    if not run.shown:
        _show(run)
    try:
        if run.order.dry_run:
            _dry_risk(run, plan, market)
        if run.order.dry_run or not plan.legs or _falls_short(run, plan):
            return False
        return await _trade(run, plan, market)
    except Barred as found:
        run.barred |= found.venues
        return _plan_again(run)


async def _read_market(run: Run) -> Market:
    venues = tuple(venue for venue in run.venues if venue not in run.barred)
    write, since = not run.order.dry_run, run.started_at
    market = await read_market(run.desk, run.instrument, run.order.side, venues, since=since, write=write)
    run.passes += market.passes
    return replace(market, skipped=(*market.skipped, *(Skipped(*each) for each in run.barred.items())))


def _plan_again(run: Run) -> bool:
    """Where nothing was sent yet, the next plan is the first one, and is shown."""
    with run.desk.journal.read() as tx:
        if not run.sent(tx):
            run.shown, run.context = False, Context(None, None, {}, 0)
    return True


async def _trade(run: Run, plan: Plan, market: Market) -> bool:
    committed = _commit(run, plan, market)
    if isinstance(committed, Waiting):
        return await _wait_out_lateness(run, committed)
    if not committed:
        return True  # the residual shrank meanwhile: plan again
    run.passes += await execute(
        run.desk,
        committed,
        done=lambda child: answered(child) or resting(child),
        stopping=lambda: _stopping(run),
    )
    with run.desk.journal.read() as tx:
        now = (views.order(tx, child.cl_ord_id) for child in committed)
        sent = any(order is not None and order.sending for order in now)
    if not sent:
        return _plan_again(run)  # all of it was revoked: no round is used up
    run.context = replace(run.context, rounds=run.context.rounds + 1)
    return True


def _commit(run: Run, plan: Plan, market: Market) -> tuple[Order, ...] | Waiting:
    """Risk and intents in one transaction; no children where the residual no longer covers the plan."""
    with run.desk.journal.write(run.lease) as tx:
        if run.parent is None and run.order.id is not None:
            refuse_used_id(tx, run.order)
        leaves_qty = run.residual(tx)
        if plan.planned_qty > leaves_qty:
            return ()
        parent = run.parent or _new_parent(run, tx)
        deadline_s = run.order.deadline_s or run.desk.settings.route.deadline_s
        children = make_children(run.desk, tx, parent, plan, market, after(tx.at, deadline_s))
        verdict = _assess(run, tx, parent, children, leaves_qty, market)
        if isinstance(verdict, Waiting):
            return verdict
        if run.parent is None:
            _open_parent(run, tx, parent)
        for child in children:
            tx.append(Intended(child))
        _note_marks(run, tx, market)
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
    arrival_px = run.context.arrival_px
    prices = {}
    if arrival_px is not None and market.desk_rate is not None:
        prices[run.instrument.name] = arrival_px * market.desk_rate
    proposal = propose(parent, children, leaves_qty, market)
    return admit(run.desk, tx, proposal, prices, patient=not run.out_of_time)


async def _wait_out_lateness(run: Run, waiting: Waiting) -> bool:
    """Wait until the first lateness bound has run and settle what it held; then plan afresh. What a
    worker may hold is its parent's quantity, so nobody waits for room that is taken for good."""
    while run.desk.clock.now() < waiting.until and not run.stopping:
        await run.desk.clock.sleep(min(0.25, seconds_between(run.desk.clock.now(), waiting.until)))
        _keep_lease(run)
    run.passes += await asyncio.gather(
        *(reconcile_venue(run.desk, venue, expected=_own(run)) for venue in waiting.venues)
    )
    if run.stopping or run.out_of_time:
        raise refused(waiting.refusals)
    return True


def _stopping(run: Run) -> bool:
    """Asked at every pause, and the place to say that this worker is alive."""
    _keep_lease(run)
    return run.stopping


def _keep_lease(run: Run) -> None:
    if run.lease is not None:
        with run.desk.journal.write(run.lease):
            pass


def _own(run: Run) -> frozenset[ClOrdId]:
    with run.desk.journal.read() as tx:
        return frozenset(child.cl_ord_id for child in run.children(tx))


def _plan_request(run: Run, leaves_qty: Decimal) -> PlanRequest:
    order = run.order
    slippage = order.max_slippage_bps
    if slippage is None:
        slippage = run.desk.settings.route.max_slippage_bps
    return PlanRequest(
        instrument=run.instrument,
        side=order.side,
        order_qty=leaves_qty,
        limit_px=order.limit_px,
        max_slippage_bps=slippage,
        post_only=order.post_only,
        resting=order.time_in_force is TimeInForce.GTC,
        reaching=order.time_in_force is TimeInForce.IOC and run.context.rounds > 0,
    )


def _falls_short(run: Run, plan: Plan) -> bool:
    """Fill-or-kill is not sent for less than the whole."""
    return run.order.time_in_force is TimeInForce.FOK and plan.planned_qty < run.order.order_qty


def _new_parent(run: Run, tx: WriteTx) -> Parent:
    order = run.order
    return Parent(
        tx.next_parent_id(),
        run.instrument,
        order.side,
        order.order_qty,
        order.time_in_force,
        order.post_only,
    )


def _open_parent(run: Run, tx: WriteTx, parent: Parent) -> None:
    order = run.order
    tx.append(
        ParentOpened(
            parent.parent_id,
            order.id,
            parameters(order),
            order.instrument,
            order.side,
            order.order_qty,
        )
    )
    run.lease = tx.take_lease(parent.parent_id, run.desk.holder)
    run.parent = parent


def _remember(run: Run, plan: Plan, market: Market) -> None:
    """The first plan and its arrival price are what the run is measured against."""
    context = run.context
    first = context.plan is None
    run.context = Context(
        plan_row(plan) if first else context.plan,
        plan.arrival_px if first else context.arrival_px,
        {**context.rates, **market.rates},
        context.rounds,
    )


def _note_marks(run: Run, tx: WriteTx, market: Market) -> None:
    if run.context.arrival_px is not None:
        tx.note_mark(run.instrument.name, plain(run.context.arrival_px))
    for venue, rate in market.rates.items():
        quote = market.rules[venue].quote
        if quote != run.instrument.quote:
            tx.note_mark(f"{quote}-{run.instrument.quote}", plain(rate))


def _show(run: Run) -> None:
    run.shown = True
    run.show(_result(run, (), "planned"))
    if not run.order.dry_run and not run.confirm():
        raise Refused("declined", known="nothing was sent", next_step="run it again with --yes to agree")


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
        parent = _new_parent(run, reader)
        children = make_children(run.desk, reader, parent, plan, market, reader.at)
        _assess(run, tx, parent, children, run.order.order_qty, market)


def _result(run: Run, children: tuple[Order, ...], status: str = "") -> RouteResult:
    with run.desk.journal.read() as tx:
        fills = history.fills_of(tx, children)
    order = run.order
    parent_id = None if run.parent is None else run.parent.parent_id
    asked = Asked(parent_id, order.id, order.instrument, order.side, order.order_qty)
    return route_result(asked, run.context, children, fills, status)


def _close(run: Run) -> str:
    """The parent's worker is done with it: its status."""
    with run.desk.journal.read() as tx:
        children = run.children(tx)
    status = "planned" if run.order.dry_run else route_status(run.order.order_qty, children)
    if run.parent is not None and run.lease is not None:
        try:
            with run.desk.journal.write(run.lease) as tx:
                tx.append(ParentClosed(run.parent.parent_id, status, encode(run.context)))
                tx.drop_lease(run.lease)
                run.desk.watch.flush(tx)
        except LeaseLost as error:
            run.warnings.append(error.message)
    return status


def _breaks(run: Run) -> tuple[BreakRow, ...]:
    return tuple(found for each in run.passes for found in each.breaks)


def _finish(run: Run) -> Outcome:
    """Close the parent and answer from the journal."""
    status = _close(run)
    with run.desk.journal.read() as tx:
        children = run.children(tx)
    result = _result(run, children, status)
    last = {each.venue: each for each in run.passes}
    return Outcome(
        data=result,
        exit_code=Exit.OK if run.order.dry_run else EXIT_OF_STATUS[status],
        sent=any(child.sending for child in children),
        uncertain=status == "uncertain",
        breaks=_breaks(run),
        warnings=(*run.warnings, *pass_warnings(list(last.values())), *run.desk.watch.changes()),
    )
