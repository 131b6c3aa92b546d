"""Leaving a venue: cordon it, cancel, resolve, reconcile, close the positions, verify on its own record.

Rule: touches no other venue and needs nothing of one. Each step is idempotent and journaled, so that a
flatten that died is simply run again; one that is repeated finds nothing to send. The cordon stays:
`mvx resume` lifts it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from mvx.domain.entries import BaselineSet
from mvx.domain.ids import Venue
from mvx.domain.instant import seconds_between
from mvx.domain.instrument import Instrument
from mvx.domain.money import ZERO, plain
from mvx.domain.order import Order
from mvx.domain.trading import TradingState
from mvx.engine.agreement import Confirm, agree
from mvx.engine.alive import beating
from mvx.engine.cancel import ask_cancel
from mvx.engine.closing import (
    GIVEN_UP,
    GivenUp,
    Position,
    Slice,
    close_position,
    nobody_gave_up,
    plan_slice,
    read_position,
)
from mvx.engine.desk import Desk
from mvx.engine.flatten_answer import answer_of, beyond_reach, flatten_row, has_sent, still_halted, told
from mvx.engine.flatten_order import FlattenOrder
from mvx.engine.flatten_run import Run
from mvx.engine.moment import Moment
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import reconcile_venue
from mvx.engine.results import FlattenResult, FlattenRow, LegRow
from mvx.engine.route_result import plan_row
from mvx.engine.settle import answered, resting, settle
from mvx.engine.stopping import settled
from mvx.engine.trading import set_trading
from mvx.engine.watch import said
from mvx.errors import (
    PRECEDENCE,
    BadVenueData,
    Exit,
    JournalError,
    MvxError,
    Refused,
    VenueBusy,
    VenueError,
    exit_of,
)
from mvx.journal import views
from mvx.journal.store import Lease
from mvx.reconciliation.orders import never_accepted_bound
from mvx.venues.port import urgent

Show = Callable[[FlattenResult], None]

_ATTEMPTS = 3
_PAUSE_S = 0.25
#: How often the positions of one venue are closed, those that closing the others moved.
_ROUNDS = 5
#: How long one flatten waits for another one of the same venue.
_OTHER_S = 60.0
_NEVER_READ = "it was never read, and what it holds is not known"


async def flatten(
    desk: Desk, order: FlattenOrder, *, show: Show, confirm: Confirm, given_up: GivenUp = nobody_gave_up
) -> Outcome:
    """Leave the venues. `given_up`: whether the operator takes the order back; from then on nothing is begun.
    Exit 5 where one is not verified, 3 where more than dust is left, 6 where breaks were found on the way.
    Raises Refused where nobody agreed, or it was given up before it began, UsageError for what is not
    configured."""
    desk.select(order.venues)
    for name in order.instruments:
        desk.instrument(name)
    preview = FlattenResult(tuple(await asyncio.gather(*(_preview(desk, order, v) for v in order.venues))))
    show(preview)
    if order.dry_run:
        return Outcome(preview, Exit.OK)
    agree(confirm)
    stop = asyncio.Event()
    runs = [Run(desk, order, venue, stop.is_set, given_up) for venue in order.venues]
    await settled(_work(runs), stop)
    return answer_of(runs)


async def _work(runs: list[Run]) -> None:
    """All venues at once; what goes wrong at one, the worst of it, is raised after the others are done, with
    what was done there."""
    ended = await asyncio.gather(*(_leave(run) for run in runs), return_exceptions=True)
    errors = [error for error in ended if error is not None]
    if not errors:
        return
    worst = min(errors, key=lambda error: PRECEDENCE.index(exit_of(error)))
    if isinstance(worst, MvxError):
        others = [run for run, error in zip(runs, ended, strict=True) if error is None]
        worst.sent = any(map(has_sent, runs))
        worst.breaks = tuple(found for run in runs for each in run.passes for found in each.breaks)
        worst.warnings += (*map(told, others), *map(still_halted, others))
    raise worst


async def _leave(run: Run) -> None:
    urgent.set(True)  # for what this task asks: the others keep waiting for their turn
    run.lease = await _take_lease(run)
    try:
        async with beating(run.desk.journal, lambda: run.lease) as run.say_alive:
            _cordon(run)
            readable = await _reconciled(run)
            if readable and run.order.to_zero:
                _give_up_inventory(run)
            with run.desk.journal.read() as tx:
                run.before = run.positions(tx)
            await _cancel_resting(run)  # asked for even where nothing can be read
            if readable:
                await _resolve(run)
                await _close(run)
                await _verify(run)
    finally:
        with suppress(JournalError), run.desk.journal.write() as tx:  # it runs out by itself
            tx.drop_lease(run.lease)


async def _take_lease(run: Run) -> Lease:
    """One flatten at a time on a venue. Raises VenueBusy where another one does not end."""
    name, clock = f"flatten/{run.venue}", run.desk.clock
    give_up = Moment(clock, _OTHER_S)
    while True:
        with run.desk.journal.write() as tx:
            lease = tx.take_lease(name, run.desk.holder)
        if lease is not None:
            return lease
        if give_up.left_s() <= 0 or run.stopped():
            raise VenueBusy(
                f"another flatten of {run.venue} is at work",
                known="this one sent nothing",
                next_step=f"mvx orders --open --venue {run.venue}",
            )
        await clock.sleep(_PAUSE_S)


def _cordon(run: Run) -> None:
    """No new risk from here on, and what was committed and not sent yet never is. Raises Refused."""
    with run.desk.journal.write(run.lease) as tx:
        if run.given_up(tx):
            raise Refused(
                GIVEN_UP, known=f"nothing was done at {run.venue}", next_step="mvx venue-status --cached"
            )
        set_trading(tx, run.venue, TradingState.HALTED, "flatten", run.order.by)


async def _reconciled(run: Run) -> bool:
    """A complete pass, or the reason why there is none."""
    for attempt in range(_ATTEMPTS):
        run.passes.append(await reconcile_venue(run.desk, run.venue, expected=run.ours))
        if run.passes[-1].complete or run.stopping():
            break
        if attempt + 1 < _ATTEMPTS:
            await run.desk.clock.sleep(_PAUSE_S)
    if not run.passes[-1].complete:
        run.reasons.append(f"it could not be read: {run.passes[-1].reason}; {_known(run)}")
    return run.passes[-1].complete


def _known(run: Run) -> str:
    """What is known of a venue that does not answer."""
    with run.desk.journal.read() as tx:
        opened = views.is_opened(tx, run.venue)
    return "its position keeps its interval" if opened else _NEVER_READ


def _give_up_inventory(run: Run) -> None:
    """What was placed there is a position from now on, and is closed like one."""
    with run.desk.journal.write(run.lease) as tx:
        if run.given_up(tx):
            return
        held = views.holdings(tx, run.venue)
        for instrument in run.instruments:
            row = held.get((run.venue, instrument.base))
            if row is not None and row.baseline:
                tx.append(BaselineSet(run.venue, instrument.base, ZERO, f"flatten --to-zero, {run.order.by}"))


async def _cancel_resting(run: Run) -> bool:
    """Ask for a cancel of every order that rests and was not asked about yet; whether there was one."""
    with run.desk.journal.read() as tx:
        if run.given_up(tx):
            return False
        found = [o for o in run.orders(tx) if resting(o) and o.cl_ord_id not in run.cancelled]
    run.cancelled |= {order.cl_ord_id: order for order in found}
    answers = await ask_cancel(run.desk, found)
    run.asked |= any(each.left for each in answers)
    return bool(found)


async def _resolve(run: Run) -> None:
    """Wait for what is not known, until nothing there is in question; what turns out to rest meanwhile is
    cancelled too."""
    while True:
        with run.desk.journal.read() as tx:
            pending = [order for order in run.orders(tx) if not answered(order)]
        if not pending:
            return
        run.passes += await settle(
            run.desk,
            [order.cl_ord_id for order in pending],
            done=lambda order: answered(order) or (resting(order) and order.cl_ord_id not in run.cancelled),
            stopping=run.stopping,
            patience_s=_until_provable_s(run, pending),
        )
        if not await _cancel_resting(run):
            return


def _until_provable_s(run: Run, orders: list[Order]) -> float:
    """How long until absence proves that an unknown one never was."""
    terms, now = run.desk.terms(run.venue), run.desk.clock.now()
    bounds = (never_accepted_bound(order, terms) for order in orders if order.order_id is None)
    return max((seconds_between(now, bound) for bound in bounds), default=0.0)


async def _close(run: Run) -> None:
    """Each position, and again what was moved since by closing the others: ETH-BTC pays in BTC, and a fee may
    be taken in BNB."""
    for _ in range(_ROUNDS):
        if not (moved := _moved(run)):
            break
        for instrument in moved:
            closing = await close_position(
                run.desk, run.venue, instrument, stopping=run.stopping, given_up=run.given_up
            )
            run.closings.append(closing)
            run.passes += closing.passes
            run.ended[instrument.base] = closing.position.confirmed
    left = {base: closing.left for base, closing in run.last_closings.items() if closing.left}
    left |= {each.base: "it moved while the others were closed" for each in _moved(run)}
    run.reasons += [f"{base}: {why}" for base, why in left.items()]


def _moved(run: Run) -> list[Instrument]:
    """What was not closed yet, or is not where its closing ended."""
    with run.desk.journal.read() as tx:
        now = run.positions(tx)
    return [each for each in run.instruments if run.ended.get(each.base) != now[each.base]]


async def _verify(run: Run) -> None:
    """On the venue's own record: read once more, every balance agrees, and no order is in question."""
    if not await _reconciled(run):
        return
    with run.desk.journal.read() as tx:
        open_orders = [order.cl_ord_id for order in run.orders(tx) if not answered(order)]
        out_of_reach = beyond_reach(run, tx)
    run.reasons += out_of_reach
    if open_orders:
        run.reasons.append(f"not known to be done: {', '.join(open_orders)}")
    if not run.passes[-1].agreed:
        run.reasons.append("a balance does not agree yet")
    run.verified = run.passes[-1].agreed and not open_orders and not out_of_reach
    for base, closing in run.last_closings.items():
        came = closing.position.confirmed
        if not closing.left and came != closing.dust:
            run.reasons.append(f"{base}: {plain(came)} came after it was closed")


async def _preview(desk: Desk, order: FlattenOrder, venue: Venue) -> FlattenRow:
    """What the journal says there is to do, and the first slices on the venue's book. Writes nothing."""
    run = Run(desk, order, venue, lambda: False, verified=None)
    with desk.journal.read() as tx:
        run.before = run.positions(tx, to_zero=order.to_zero)
        open_orders = tuple(o.cl_ord_id for o in run.orders(tx) if not answered(o))
        positions = {each: read_position(tx, venue, each, to_zero=order.to_zero) for each in run.instruments}
        if not views.is_opened(tx, venue):
            run.reasons.append(_NEVER_READ)
        run.reasons += beyond_reach(run, tx)
    legs: list[LegRow] = []
    for instrument, position in positions.items():
        if not position.confirmed:
            continue
        try:
            found = await plan_slice(desk, venue, instrument, position)
        except (VenueError, BadVenueData) as error:
            run.reasons.append(f"{instrument.base}: {said(venue, error)}")
        else:
            legs += plan_row(found.plan).legs
            run.reasons += _without_a_slice(instrument, position, found)
    return flatten_row(run, run.before, legs=tuple(legs), to_cancel=open_orders)


def _without_a_slice(instrument: Instrument, position: Position, found: Slice) -> list[str]:
    """Why the plan closes nothing of a position."""
    if found.dust:
        return [f"{instrument.base}: {plain(abs(position.confirmed))} is too little for any order there"]
    if not position.least:
        return [f"{instrument.base}: orders there may still close it, and end first"]
    return [f"{instrument.base}: {skip.why}" for skip in found.plan.skipped if not found.plan.legs]
