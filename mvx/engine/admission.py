"""Asking risk inside the intents' own transaction, and what a refusal leaves to be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from mvx.domain.ids import Venue
from mvx.domain.instant import Instant, after
from mvx.engine.desk import Desk
from mvx.engine.submit import read_world, refusal_text, risk_limits
from mvx.engine.trading import resume_command
from mvx.errors import Refused
from mvx.journal.store import ReadTx
from mvx.risk.checks import assess, assess_after_lateness
from mvx.risk.limits import Approved, Proposal, Refusal, World


@dataclass(frozen=True, slots=True)
class Waiting:
    """Risk refused, and only because a lateness bound still runs on orders that are complete."""

    refusals: tuple[Refusal, ...]
    until: Instant
    venues: tuple[Venue, ...]


class Barred(Exception):
    """The operator's states let nothing of the kind pass at these venues: it may pass around them."""

    def __init__(self, venues: Mapping[Venue, str]) -> None:
        super().__init__(*venues)
        self.venues = venues


def admit(
    desk: Desk, tx: ReadTx, proposal: Proposal, prices: Mapping[str, Decimal], *, patient: bool
) -> Approved | Waiting:
    """Risk's word on the proposal; `patient`: there is time to wait. Raises Barred and Refused."""
    world, limits = read_world(tx, desk.clock.now(), prices), risk_limits(desk)
    verdict = assess(proposal, world, limits)
    if isinstance(verdict, Approved):
        return verdict
    if patient and isinstance(assess_after_lateness(proposal, world, limits), Approved):
        waiting = _waiting(desk, world, verdict.refusals)
        if waiting is not None:
            return waiting
    trading = {each.venue: each.worst_case for each in verdict.refusals if each.limit == "trading"}
    if trading and None not in trading:
        raise Barred({v: f"{why}; {resume_command(v)}" for v, why in trading.items() if v is not None})
    raise refused(verdict.refusals)


def refused(refusals: tuple[Refusal, ...]) -> Refused:
    """What the operator is told of it."""
    trading = [each.venue for each in refusals if each.limit == "trading"]
    return Refused(
        f"risk refused the order: {refusal_text(refusals)}",
        known="nothing was sent for it",
        next_step=resume_command(*trading) if trading else "mvx positions; mvx orders --open",
    )


def _waiting(desk: Desk, world: World, refusals: tuple[Refusal, ...]) -> Waiting | None:
    late = [order for order in world.orders if order.trades_complete and order.terminal_at is not None]
    ends = [
        after(order.terminal_at, desk.venues[order.venue].capabilities.lateness_s)
        for order in late
        if order.terminal_at is not None and order.venue in desk.venues
    ]
    return Waiting(refusals, min(ends), tuple(sorted({order.venue for order in late}))) if ends else None
