"""Asking risk inside the intents' own transaction, and what a refusal leaves to be done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from mvx.domain.ids import Asset, Venue
from mvx.domain.instant import Instant, after
from mvx.domain.limits import ORDER_RATE_S
from mvx.domain.money import plain
from mvx.domain.order import Order, Side
from mvx.engine.desk import Desk
from mvx.engine.market import Market
from mvx.engine.submit import Parent, filled_qty
from mvx.engine.trading import resume_command
from mvx.errors import Refused
from mvx.journal import history, turnover, views
from mvx.journal.store import ReadTx
from mvx.risk import question
from mvx.risk.checks import assess, assess_after_lateness
from mvx.risk.question import Approved, Holding, Priced, Proposal, Refusal, WorkingParent, World
from mvx.router.cost import consolidated_mid


@dataclass(frozen=True, slots=True)
class Waiting:
    """Risk refused, and time alone makes room: a lateness bound still runs on orders at `venues` that are
    complete, or (no venue) a minute has not passed yet, or books are to be read again."""

    refusals: tuple[Refusal, ...]
    until: Instant
    venues: tuple[Venue, ...] = ()


class Barred(Exception):
    """The operator's states let nothing of the kind pass at these venues: it may pass around them."""

    def __init__(self, venues: Mapping[Venue, str]) -> None:
        super().__init__(*venues)
        self.venues = venues


def propose(parent: Parent, children: tuple[Order, ...], leaves_qty: Decimal, market: Market) -> Proposal:
    """What risk is asked."""
    return Proposal(
        parent_id=parent.parent_id,
        instrument=parent.instrument,
        side=parent.side,
        parent_leaves_qty=leaves_qty,
        children=children,
        mid_px=consolidated_mid(market.quotes),
        books={each.venue: Priced(each.book.mid, each.rate, each.book.at) for each in market.quotes},
    )


def read_world(desk: Desk, tx: ReadTx, instrument: str, prices: Mapping[Asset, Decimal]) -> World:
    """What risk may know: confirmed holdings, every order not settled, what live workers hold, what was
    sent and traded, who is alive, and what the operator decided. What only one limit asks for is read where
    that limit is set."""
    now, limits = desk.clock.now(), desk.limits
    holdings = {
        key: Holding(row.venue, row.asset, row.confirmed, row.baseline)
        for key, row in views.holdings(tx).items()
    }
    return World(
        at=now,
        holdings=holdings,
        orders=views.unsettled_orders(tx),
        working=_working(tx, now),
        prices=prices,
        trading=views.trading(tx),
        bases={name: each.base for name, each in desk.settings.desk.instruments.items()},
        sent_at=()
        if limits.max_orders_per_minute is None
        else views.created_after(tx, after(now, -ORDER_RATE_S)),
        traded={} if limits.max_daily_turnover is None else turnover.traded_today(tx, now),
        health={} if limits.min_venues_alive is None else _health(desk, tx, instrument),
        unknown=_unknown(desk, tx),
    )


def admit(
    desk: Desk,
    tx: ReadTx,
    proposal: Proposal,
    prices: Mapping[Asset, Decimal],
    *,
    patience_s: float,
) -> Approved | Waiting:
    """Risk's word on the proposal, and whether to wait for a better one. Raises Barred and Refused."""
    world = read_world(desk, tx, proposal.instrument.name, prices)
    verdict = assess(proposal, world, desk.limits)
    if isinstance(verdict, Approved):
        return verdict
    if patience_s > 0:
        waiting = _waiting(desk, proposal, world, verdict.refusals, patience_s)
        if waiting is not None:
            return waiting
    trading = {each.venue: each.worst_case for each in verdict.refusals if each.limit == "trading"}
    if trading and None not in trading:
        raise Barred({v: f"{why}; {resume_command(v)}" for v, why in trading.items() if v is not None})
    raise refused(verdict.refusals)


def admit_leaving(desk: Desk, tx: ReadTx, proposal: Proposal) -> Approved | question.Refused:
    """Risk's word on a slice of a flatten, which needs no price but its own venue's."""
    world = read_world(desk, tx, proposal.instrument.name, {})
    return assess(replace(proposal, flattening=True), world, desk.limits)


def refused(refusals: tuple[Refusal, ...]) -> Refused:
    """What the operator is told of it."""
    trading = [each.venue for each in refusals if each.limit == "trading"]
    return Refused(
        f"risk refused the order: {refusal_text(refusals)}",
        known="nothing was sent for it",
        next_step=resume_command(*trading) if trading else "mvx positions; mvx orders --open",
        refusals=refusals,
    )


def refusal_text(refusals: Iterable[Refusal]) -> str:
    """Every limit with its value and what made it."""
    return "; ".join(map(refusal_line, refusals))


def refusal_line(refusal: Refusal) -> str:
    """One limit with its value and what made it."""
    where = f" at {refusal.venue}" if refusal.venue else ""
    value = "unknown" if refusal.value is None else plain(refusal.value)
    return f"{refusal.limit}{where}: {value} against {plain(refusal.bound)}, {refusal.worst_case}"


def _working(tx: ReadTx, now: Instant) -> tuple[WorkingParent, ...]:
    found = []
    for row in history.working_parents(tx, now):
        children = views.children(tx, row.parent_id)
        left = row.order_qty - filled_qty(children)
        found.append(WorkingParent(row.parent_id, children[0].base, Side(row.side), left))
    return tuple(found)


def _unknown(desk: Desk, tx: ReadTx) -> dict[Asset, str]:
    """Of a journal that was put back or copied nothing tells what was sent since, until the venue agrees; and
    of a venue that was never reached, how much it holds beyond what the configuration calls inventory."""
    found: dict[Asset, str] = {}
    outdated = views.out_of_date(tx, desk.venues, restored=desk.journal.restored)
    for venue in sorted(desk.venues):
        ask = f"mvx reconcile --venue {venue}"
        if venue in outdated:
            why = f"the journal was put back or copied, and {venue} has not agreed since"
            found |= dict.fromkeys(desk.assets(venue), f"{why}: {ask}")
        elif not views.is_opened(tx, venue):
            why = f"{venue} was never reached, and what it holds beside its baseline is not known"
            found |= dict.fromkeys(desk.settings.venues[venue].baseline, f"{why}: {ask}")
    return found


def _health(desk: Desk, tx: ReadTx, instrument: str) -> dict[Venue, str]:
    desk.watch.refresh(tx)
    now, found = desk.clock.now(), {}
    for venue in desk.venues:
        if instrument in desk.symbols(venue):
            health = desk.watch.health(venue)
            found[venue] = "" if health.usable else health.told(now)
    return found


def _waiting(
    desk: Desk, proposal: Proposal, world: World, refusals: tuple[Refusal, ...], patience_s: float
) -> Waiting | None:
    give_up_at = after(world.at, patience_s)
    late = {o.cl_ord_id: at for o in world.orders if (at := _settles_at(desk, o)) and at < give_up_at}
    settled = assess_after_lateness(
        proposal, world, desk.limits, settles=lambda order: order.cl_ord_id in late
    )
    if isinstance(settled, Approved):
        venues = {order.venue for order in world.orders if order.cl_ord_id in late}
        return Waiting(refusals, min(late.values()), tuple(sorted(venues))) if late else None
    left, until = {each.limit for each in settled.refusals}, world.at
    if "max_orders_per_minute" in left:
        room_at = _room_at(world, desk.limits.max_orders_per_minute or 0, len(proposal.children))
        if room_at is None or room_at > give_up_at:
            return None
        until = room_at
    # Books that are too old are read again by the next plan.
    return Waiting(refusals, until) if left <= {"max_orders_per_minute", "max_book_age_s"} else None


def _settles_at(desk: Desk, order: Order) -> Instant | None:
    """When the lateness bound of an order that is complete runs out, and its venue may be asked; None where
    nobody will notice."""
    if not order.trades_complete or order.terminal_at is None or order.venue not in desk.venues:
        return None
    over_at = after(order.terminal_at, desk.venues[order.venue].capabilities.lateness_s)
    health = desk.watch.health(order.venue)
    if health.probe_at is None or health.may_be_asked(desk.clock.now()):
        return over_at
    return max(over_at, health.probe_at)


def _room_at(world: World, limit: int, new: int) -> Instant | None:
    """When so many more orders are within the order rate; None: never."""
    too_many = len(world.sent_at) + new - limit
    return None if new > limit else after(sorted(world.sent_at)[too_many - 1], ORDER_RATE_S)
