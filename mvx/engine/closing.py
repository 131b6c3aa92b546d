"""Closing one position at one venue in protected slices, with nothing but that venue's own book.

Rule: a slice is a parent order of its own, immediate or cancel, no larger than the least that the position
may be and no dearer than the slippage cap against that book's own mid. Risk judges it by its venue alone,
so that no other venue's book, rate or health is needed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from mvx.domain.entries import Intended, ParentClosed, ParentOpened
from mvx.domain.exposure import holding
from mvx.domain.ids import Venue
from mvx.domain.instant import after
from mvx.domain.instrument import Instrument, MarketRules
from mvx.domain.money import ONE, ZERO, floor_to, plain
from mvx.domain.order import Order, Side, TimeInForce
from mvx.engine.admission import admit_leaving, propose, refusal_text
from mvx.engine.alive import beating, why_lost
from mvx.engine.desk import Desk
from mvx.engine.execute import execute
from mvx.engine.market import Market, quote_of, tradeable
from mvx.engine.reconcile import VenuePass, reconcile_venue
from mvx.engine.route_result import Context, plan_row, route_status
from mvx.engine.settle import answered, settle
from mvx.engine.submit import Parent, make_children
from mvx.engine.watch import said
from mvx.errors import BadVenueData, LeaseLost, VenueError
from mvx.journal import views
from mvx.journal.codec import encode
from mvx.journal.store import Lease, ReadTx
from mvx.risk.question import Refused
from mvx.router.plan import Plan, PlanRequest, make_plan

#: A book that offers or fills nothing is looked at again after a pause, so many times in a row.
MAX_FRUITLESS = 5
PAUSE_S = 1.0
MAX_SLICES = 100
GIVEN_UP = "stopped by the operator"

#: Whether the operator took back what is being closed for, as the journal has it.
GivenUp = Callable[[ReadTx], bool]


def nobody_gave_up(tx: ReadTx) -> bool:
    return False


class Position(NamedTuple):
    """Holding less baseline: as it is confirmed, and the least that it may be on that side of zero. `held`
    is the whole confirmed holding."""

    confirmed: Decimal
    least: Decimal
    held: Decimal

    @property
    def side(self) -> Side:
        """The side that closes it."""
        return Side.SELL if self.confirmed > 0 else Side.BUY


@dataclass(slots=True)
class Closing:
    """The work on one position. Once it ended, `dust` is what is too small for any order there, and `left`
    says why more than that is left (empty: it is not)."""

    desk: Desk
    venue: Venue
    instrument: Instrument
    stopping: Callable[[], bool]
    given_up: GivenUp
    dust: Decimal = ZERO
    left: str = ""
    children: list[Order] = field(default_factory=list)
    passes: list[VenuePass] = field(default_factory=list)
    slices: int = 0
    fruitless: int = 0
    waited: bool = False

    @property
    def position(self) -> Position:
        with self.desk.journal.read() as tx:
            return read_position(tx, self.venue, self.instrument)

    def stop(self, why: str) -> bool:
        """The end, with more than dust left."""
        self.left = why
        return False


class Slice(NamedTuple):
    """The next order of a closing, what it was planned on, and whether all that is left is dust."""

    plan: Plan
    market: Market
    rules: MarketRules
    dust: bool


def read_position(tx: ReadTx, venue: Venue, instrument: Instrument, *, to_zero: bool = False) -> Position:
    """The position at a venue as the journal holds it; to_zero: as if nothing of it were inventory."""
    row = views.holdings(tx, venue).get((venue, instrument.base))
    if row is None:
        return Position(ZERO, ZERO, ZERO)
    baseline = ZERO if to_zero else row.baseline
    interval = holding(row.confirmed, instrument.base, views.unsettled_orders(tx, venue))
    position = row.confirmed - baseline
    end = interval.lo if position > 0 else interval.hi
    if end is None:
        return Position(position, ZERO, row.confirmed)
    least = (end - baseline) * (1 if position > 0 else -1)
    return Position(position, max(ZERO, min(abs(position), least)), row.confirmed)


async def close_position(
    desk: Desk,
    venue: Venue,
    instrument: Instrument,
    *,
    stopping: Callable[[], bool] = lambda: False,
    given_up: GivenUp = nobody_gave_up,
) -> Closing:
    """Slices until only dust is left, or the venue, its book or a balance allows no more."""
    closing = Closing(desk, venue, instrument, stopping, given_up)
    while await _slice(closing):
        pass
    return closing


async def plan_slice(
    desk: Desk, venue: Venue, instrument: Instrument, position: Position, *, reaching: bool = False
) -> Slice:
    """The next order, on the venue's book as it is now. Raises VenueError and BadVenueData."""
    port, symbol = desk.venues[venue], desk.symbols(venue)[instrument.name]
    rules, book = await port.rules(symbol), await port.book(symbol)
    declared = port.capabilities
    with desk.journal.read() as tx:
        quote = quote_of(desk, tx, rules, book, ONE, position.side, seen={})
    request = PlanRequest(
        instrument=instrument,
        side=position.side,
        order_qty=position.least,
        max_slippage_bps=_reach_bps(desk),
        reaching=reaching,
    )
    all_of_it = abs(position.confirmed)
    if position.side is Side.SELL:
        all_of_it = min(all_of_it, tradeable(declared, rules, Side.SELL, position.held))
    return Slice(
        make_plan(request, (quote,)),
        Market((quote,), (), {venue: ONE}, {venue: rules}, {}, ()),
        rules,
        _too_small(rules, floor_to(all_of_it, rules.lot), book.against(position.side)[0].px),
    )


def _reach_bps(desk: Desk) -> Decimal:
    """How far from its book's own mid a slice goes: what lies within the collar can be closed."""
    return desk.limits.within_collar(desk.settings.route.max_slippage_bps)


def _too_small(rules: MarketRules, qty: Decimal, px: Decimal) -> bool:
    """Whether no legal order trades as little."""
    return not qty or qty < rules.min_qty or qty * px < rules.min_notional


async def _slice(closing: Closing) -> bool:
    """One more slice, or a wait for room; False where the closing is at its end."""
    position = closing.position
    if not position.confirmed:
        return False
    if closing.stopping():
        with closing.desk.journal.read() as tx:
            return closing.stop(GIVEN_UP if closing.given_up(tx) else "stopped by a signal")
    if closing.slices >= MAX_SLICES:
        return closing.stop(f"not closed after {closing.slices} slices")
    try:
        found = await plan_slice(
            closing.desk, closing.venue, closing.instrument, position, reaching=closing.slices > 0
        )
    except (VenueError, BadVenueData) as error:
        return closing.stop(said(closing.venue, error))
    if found.dust:
        closing.dust = position.confirmed
        return False
    if found.plan.legs:
        closing.waited = False
        return await _trade(closing, found)
    if position.least < abs(position.confirmed) and not closing.waited:
        return await _wait_for_room(closing)
    return await _wait_and_read(closing, _why_nothing(closing.desk, found))


def _why_nothing(desk: Desk, found: Slice) -> str:
    """Why a plan is empty, and where it is the collar that bounds it, its name."""
    collar, reach_bps = desk.limits.price_collar_bps, _reach_bps(desk)
    named = f"; price_collar_bps is {plain(reach_bps)}" if collar == reach_bps else ""
    return "; ".join(skip.why for skip in found.plan.skipped) + named


async def _wait_for_room(closing: Closing) -> bool:
    """An order that is done may still fill until the venue's lateness is over: only then the least that
    the position may be is all of it."""
    closing.waited = True
    with closing.desk.journal.read() as tx:
        waiting = [order.cl_ord_id for order in views.unsettled_orders(tx, closing.venue) if answered(order)]
    lateness_s = closing.desk.venues[closing.venue].capabilities.lateness_s
    closing.passes += await settle(
        closing.desk,
        waiting,
        done=lambda order: order.settled,
        stopping=closing.stopping,
        patience_s=lateness_s,
    )
    return True


async def _wait_for_a_better_book(closing: Closing, why: str) -> bool:
    closing.fruitless += 1
    if closing.fruitless > MAX_FRUITLESS:
        return closing.stop(why)
    await closing.desk.clock.sleep(PAUSE_S)
    return True


async def _wait_and_read(closing: Closing, why: str) -> bool:
    """The same, and then the position is read anew: whoever else trades there may have moved it meanwhile,
    and what was closed already would be sold again."""
    while await _wait_for_a_better_book(closing, why):
        closing.passes.append(await reconcile_venue(closing.desk, closing.venue))
        if closing.passes[-1].complete or closing.stopping():
            return True
        why = f"it could not be read: {closing.passes[-1].reason}"
    return False


async def _trade(closing: Closing, found: Slice) -> bool:
    """Commit one slice under risk, send it, and hear how it ended."""
    committed = _commit(closing, found)
    if committed is None:
        return False
    lost = await _execute(closing, committed, found)
    with closing.desk.journal.read() as tx:
        done = views.children(tx, committed.parent.parent_id)
    closing.children += done
    closing.slices += 1
    uncertain = [child.cl_ord_id for child in done if not answered(child)]
    if uncertain:
        return closing.stop(f"the outcome of {', '.join(uncertain)} is not known yet")
    if lost:
        return closing.stop(lost)
    if not any(child.filled_qty for child in done):
        return await _wait_for_a_better_book(closing, "; ".join(child.reason for child in done) or "no fill")
    closing.fruitless = 0
    return True


class _Committed(NamedTuple):
    parent: Parent
    lease: Lease | None
    children: tuple[Order, ...]


def _commit(closing: Closing, found: Slice) -> _Committed | None:
    """The parent of a slice and its order, or the reason why there is none."""
    desk, plan = closing.desk, found.plan
    with desk.journal.write() as tx:
        if closing.given_up(tx):  # while its book was read
            closing.stop(GIVEN_UP)
            return None
        parent = Parent(
            tx.next_parent_id(),
            closing.instrument,
            plan.request.side,
            plan.planned_qty,
            TimeInForce.IOC,
            post_only=False,
        )
        deadline = after(tx.at, desk.settings.route.deadline_s)
        children = make_children(desk, tx, parent, plan, found.market, deadline)
        proposal = propose(parent, children, plan.planned_qty, found.market)
        verdict = admit_leaving(desk, tx, proposal)
        if isinstance(verdict, Refused):
            closing.stop(refusal_text(verdict.refusals))
            return None
        params = json.dumps({"flatten": closing.venue, "qty": plain(plan.planned_qty)})
        tx.append(
            ParentOpened(
                parent.parent_id, None, params, parent.instrument.name, parent.side, parent.order_qty
            )
        )
        lease = tx.take_lease(parent.parent_id, desk.holder)
        for child in children:
            tx.append(Intended(child))
    return _Committed(parent, lease, children)


async def _execute(closing: Closing, committed: _Committed, found: Slice) -> str:
    """Send it, and close its parent; why somebody else did that, where somebody did."""
    desk, (parent, lease, children) = closing.desk, committed
    try:
        async with beating(desk.journal, lambda: lease) as say_alive:

            def stopping() -> bool:
                say_alive()
                return closing.stopping()

            closing.passes += await execute(desk, children, stopping=stopping)
        with desk.journal.write(lease) as tx:
            done = views.children(tx, parent.parent_id)
            context = Context(plan_row(found.plan), found.plan.arrival_px, found.market.rates, 1)
            tx.append(ParentClosed(parent.parent_id, route_status(parent.order_qty, done), encode(context)))
            if lease is not None:
                tx.drop_lease(lease)
    except LeaseLost as error:
        return why_lost(desk.journal, parent.parent_id, error)
    return ""
