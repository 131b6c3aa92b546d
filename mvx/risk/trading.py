"""What the operator's trading states and a flatten let pass.

Rules:
- A halt refuses every child in its scope. Reducing only passes what makes the position of its scope smaller
  wherever in the interval that is: the desk's for the system, the venue's own for a venue.
- A flatten passes both, because it may do less: at each of its venues it only ever reduces.
"""

from __future__ import annotations

from collections.abc import Iterator

from mvx.domain.ids import Venue
from mvx.domain.limits import Limits
from mvx.domain.money import ZERO, plain
from mvx.domain.trading import TradingState
from mvx.risk.question import Proposal, Refusal, World
from mvx.risk.worst_case import Reduction, reduction, unbounded


def check_trading(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """The system's state and that of each venue of the children: the strictest one rules."""
    for scope in (None, *proposal.venues):
        rule = world.trading.get(scope)
        if rule is None or rule.state is TradingState.ACTIVE:
            continue
        found = reduction(proposal, world, scope)
        because = str(rule) if scope else f"the system was {rule}"
        if rule.state is TradingState.HALTED:
            yield Refusal("trading", found.own, ZERO, because, scope)
        elif not found.holds:
            yield _refusal("trading", found, proposal, world, scope, f"{because}, and ")


def check_flatten(proposal: Proposal, world: World, limits: Limits) -> Iterator[Refusal]:
    """Each of its venues has a position that it makes smaller, whatever becomes of the open orders."""
    for venue in proposal.venues:
        found = reduction(proposal, world, venue)
        if not found.holds:
            yield _refusal("flatten", found, proposal, world, venue, "")


def _refusal(
    limit: str, found: Reduction, proposal: Proposal, world: World, scope: Venue | None, because: str
) -> Refusal:
    base, side = proposal.instrument.base, proposal.side.value
    owner = "the desk's" if scope is None else f"{scope}'s"
    room = max(ZERO, found.room or ZERO)
    if found.own is None or found.room is None:
        no_end = unbounded(base, proposal.side)
        why = no_end if scope else world.unknown.get(base, no_end)
        text = f"{why}, so nothing surely reduces {owner} position"
    else:
        text = (
            f"to {side} {plain(found.own)} {base} could make {owner} position larger: with what open orders"
            f" may still do, {plain(room)} is the most that only reduces it"
        )
    return Refusal(limit, found.own, room, because + text, scope)
