"""One run of one parent order: its lease, its children, what it is measured against, and its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from mvx.domain.entries import FillBooked, ParentClosed, ParentOpened
from mvx.domain.ids import ClOrdId, Venue
from mvx.domain.instant import after
from mvx.domain.instrument import Instrument
from mvx.domain.money import ZERO, plain, round_px
from mvx.domain.order import Order, TimeInForce
from mvx.engine.agreement import Agreed, Confirm
from mvx.engine.alive import why_lost
from mvx.engine.desk import Desk
from mvx.engine.market import Market
from mvx.engine.moment import Moment
from mvx.engine.outcome import BreakRow, Outcome
from mvx.engine.reconcile import VenuePass, pass_warnings
from mvx.engine.results import RouteResult
from mvx.engine.route_id import TakenUp, parameters
from mvx.engine.route_order import RouteOrder
from mvx.engine.route_result import (
    EXIT_OF_STATUS,
    Asked,
    Context,
    half_placed,
    plan_row,
    route_result,
    route_status,
)
from mvx.engine.settle import unasked
from mvx.engine.submit import Parent, filled_qty
from mvx.errors import Exit, LeaseLost
from mvx.journal import history, views
from mvx.journal.codec import encode
from mvx.journal.store import Lease, ReadTx, WriteTx
from mvx.router.cost import consolidated_mid
from mvx.router.plan import Plan, residual
from mvx.router.twap import due_qty, placeable_qty, slice_at, slices_of

Show = Callable[[RouteResult], None]


@dataclass(slots=True)
class Slice:
    """One slice of a parent that is spread over time: how much of it did not go out yet. It is fixed when
    the slice begins, so that nothing that is found out meanwhile is caught up in one burst."""

    number: int
    left_qty: Decimal
    rounds: int = 0


@dataclass(slots=True)
class Run:
    """`parent` is None until its first children are committed. `barred`: venues that the operator's states
    kept it from, at the time of its commit, and why. `earlier`: children that another command sent. `agreed`:
    what was said yes to so far. `say_alive`: for its pauses, while its lease is kept. `stop`: once it is set
    nothing more is sent."""

    desk: Desk
    order: RouteOrder
    instrument: Instrument
    venues: tuple[Venue, ...]
    began: Moment
    show: Show
    confirm: Confirm
    parent: Parent | None = None
    lease: Lease | None = None
    say_alive: Callable[[], None] = lambda: None
    shown: bool = False
    agreed: Agreed | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    barred: dict[Venue, str] = field(default_factory=dict)
    earlier: frozenset[ClOrdId] = frozenset()
    context: Context = field(default_factory=lambda: Context(None, None, {}, 0))
    slice: Slice = field(default_factory=lambda: Slice(-1, ZERO))
    passes: list[VenuePass] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def out_of_rounds(self) -> bool:
        if self.order.twap_s is None:
            return self.context.rounds >= most_rounds(self)
        over = self.slice.number == slices_of(self.order.twap_s)
        return over and self.slice.rounds >= most_rounds(self)

    @property
    def elapsed_s(self) -> float:
        return self.began.elapsed_s()

    @property
    def left_s(self) -> float:
        return self.desk.settings.route.max_s + (self.order.twap_s or 0) - self.elapsed_s

    def children(self, tx: ReadTx) -> tuple[Order, ...]:
        return () if self.parent is None else views.children(tx, self.parent.parent_id)

    def sent(self, tx: ReadTx) -> bool:
        """For its parent, by whichever command."""
        return any(child.sending for child in self.children(tx))

    def residual(self, tx: ReadTx) -> Decimal:
        children = self.children(tx)
        return residual(self.order.order_qty, filled_qty(children), children)

    def due(self, leaves_qty: Decimal) -> Decimal:
        """What of that may be traded now: of a slice what is left of it, after the end everything."""
        whole, twap_s, elapsed_s = self.order.order_qty, self.order.twap_s, self.elapsed_s
        if twap_s is None:
            return leaves_qty
        number = slice_at(elapsed_s, twap_s)
        if number > self.slice.number:
            self.slice = Slice(number, due_qty(whole, whole - leaves_qty, elapsed_s, twap_s))
        if elapsed_s >= twap_s:
            self.slice.left_qty = leaves_qty
        elif self.slice.rounds >= most_rounds(self):
            return ZERO
        return min(leaves_qty, self.slice.left_qty)

    def keep_lease(self) -> bool:
        """Asked at every pause, and the place to say that this worker is alive; whether it is to stop."""
        self.say_alive()
        return self.stop.is_set()

    def remember(self, plan: Plan, market: Market) -> None:
        """The first plan and its arrival price are what the run is measured against: of those that had a
        book, which a parent over time may wait for. What was sent before keeps the rates that it was planned
        at, where those may move."""
        context, first = self.context, self.context.arrival_px is None
        with self.desk.journal.read() as tx:
            sent = [child for child in self.children(tx) if child.quote != self.instrument.quote]
        kept = {child.cl_ord_id: rate for child in sent if (rate := context.rate_of(child)) is not None}
        self.context = Context(
            plan_row(plan) if first else context.plan,
            plan.arrival_px if first else context.arrival_px,
            {**context.rates, **market.rates},
            context.rounds,
            kept,
        )

    def new_parent(self, tx: WriteTx) -> Parent:
        order = self.order
        terms = (self.instrument, order.side, order.order_qty, order.time_in_force, order.post_only)
        return Parent(tx.next_parent_id(), *terms)

    def take_up(self, taken: TakenUp, *, begun: bool) -> None:
        """Go on with a parent that another worker had begun, for this command or for another."""
        order = self.order
        terms = (self.instrument, order.side, order.order_qty, order.time_in_force, order.post_only)
        self.parent, self.lease, self.context = Parent(taken.parent_id, *terms), taken.lease, taken.context
        if order.twap_s is not None:
            # Its time is the parent's own; where that is over, what is left is due, within the usual max_s.
            # One that was begun in the future has its time from now on: the clock was set back since.
            self.began.at = min(self.began.at, max(taken.opened_at, after(self.began.at, -order.twap_s)))
        if not begun:
            with self.desk.journal.read() as tx:
                self.earlier = frozenset(child.cl_ord_id for child in self.children(tx))

    def open_parent(self, tx: WriteTx, parent: Parent) -> None:
        order = self.order
        opened = (order.id, parameters(order), order.instrument, order.side, order.order_qty)
        tx.append(ParentOpened(parent.parent_id, *opened))
        self.lease = tx.take_lease(parent.parent_id, self.desk.holder)
        self.parent = parent

    def close(self) -> None:
        """The parent's worker is done with it."""
        with self.desk.journal.read() as tx:
            status = _status(self, self.children(tx))
        if self.parent is not None and self.lease is not None:
            try:
                with self.desk.journal.write(self.lease) as tx:
                    tx.append(ParentClosed(self.parent.parent_id, status, encode(self.context)))
                    tx.drop_lease(self.lease)
                    self.desk.watch.flush(tx)
            except LeaseLost as error:
                self.warnings.append(error.message)

    def result(
        self, children: tuple[Order, ...], status: str, fills: tuple[FillBooked, ...] = ()
    ) -> RouteResult:
        """`fills`: those of the children, as one snapshot has both."""
        order = self.order
        parent_id = None if self.parent is None else self.parent.parent_id
        asked = Asked(parent_id, order.id, order.instrument, order.side, order.order_qty)
        result = route_result(asked, self.context, children, fills, status)
        return replace(result, planned_at=self.desk.clock.now()) if status == "planned" else result

    def finish(self) -> Outcome:
        """Close the parent and answer from the journal."""
        self.close()
        with self.desk.journal.read() as tx:
            children, sent = self.children(tx), has_sent(self, tx)
            fills = history.fills_of(tx, children)
        status = _status(self, children)
        return Outcome(
            data=self.result(children, status, fills),
            exit_code=Exit.OK if self.order.dry_run else EXIT_OF_STATUS[status],
            sent=sent,
            uncertain=status == "uncertain",
            breaks=breaks_of(self),
            warnings=(
                *self.warnings,
                *half_placed(self.order.order_qty, children),
                *unasked(self.desk, children),
                *pass_warnings(self.passes),
                *self.desk.watch.changes(),
            ),
        )


def most_rounds(run: Run) -> int:
    """Of the run, or of each slice and of what is left after the last one."""
    if run.order.time_in_force is TimeInForce.FOK:
        return 1  # filled whole or killed: a second round would be another order
    return run.order.max_rounds or run.desk.settings.route.max_rounds


def raise_slice(run: Run, leaves_qty: Decimal, least_qty: Decimal) -> Decimal:
    """What is due of a slice that had no round yet is no less than the smallest order that a venue
    takes; it is said where that leaves nothing to spread."""
    whole, left_qty = run.order.order_qty, run.slice.left_qty
    if not run.slice.rounds:
        left_qty = run.slice.left_qty = placeable_qty(left_qty, leaves_qty, least_qty)
        said = f"{plain(whole)} is not spread over time: no venue takes less than {plain(least_qty)} at once"
        if whole < 2 * least_qty and said not in run.warnings:
            run.warnings.append(said)
    return min(leaves_qty, left_qty)


def note_round(run: Run, sent: tuple[Order, ...]) -> Decimal:
    """Count a round: how much of what it sent filled, or may still fill."""
    with run.desk.journal.read() as tx:
        found = [views.order(tx, child.cl_ord_id) for child in sent]
    went_qty = sum((each.filled_qty + each.residual_worst_qty for each in found if each), ZERO)
    run.context = replace(run.context, rounds=run.context.rounds + 1)
    run.slice.rounds += 1
    run.slice.left_qty = max(ZERO, run.slice.left_qty - went_qty)
    return went_qty


def _status(run: Run, children: tuple[Order, ...]) -> str:
    return "planned" if run.order.dry_run else route_status(run.order.order_qty, children)


def note_lost_lease(run: Run, error: LeaseLost) -> None:
    """Somebody else decides over the parent now."""
    assert run.parent is not None
    run.warnings.append(why_lost(run.desk.journal, run.parent.parent_id, error))
    run.lease = None


def has_sent(run: Run, tx: ReadTx) -> bool:
    """Whether anything was sent for this command."""
    return any(child.sending and child.cl_ord_id not in run.earlier for child in run.children(tx))


def own_orders(run: Run) -> frozenset[ClOrdId]:
    with run.desk.journal.read() as tx:
        return frozenset(child.cl_ord_id for child in run.children(tx))


def breaks_of(run: Run) -> tuple[BreakRow, ...]:
    return tuple(found for each in run.passes for found in each.breaks)


def note_marks(run: Run, tx: WriteTx, market: Market) -> None:
    """The prices that the plan was made on, for reports: of the instrument, of every quote in it, and of
    these in the desk's currency."""
    own, currency = run.instrument.quote, run.desk.settings.desk.currency
    mid_px = consolidated_mid(market.quotes)
    if mid_px is not None:
        tx.note_mark(run.instrument.name, plain(round_px(mid_px)))
    for venue, rate in market.rates.items():
        quote = market.rules[venue].quote
        if quote != own:
            tx.note_mark(f"{quote}-{own}", plain(rate))
    for quote in {own, *(each.quote for each in market.rules.values())} - {currency}:
        if quote in market.prices:
            tx.note_mark(f"{quote}-{currency}", plain(market.prices[quote]))
