"""What an operator said yes to, and whether what would be done now is still that.

Rules:
- A yes is to so much, at that all-in price. Books move while somebody reads: after a slow answer they are
  read again, and what became more than MOST_WORSE_BPS worse, or less, wants a new yes.
- A plan that was saved (`mvx route --dry-run --json`) is a yes too, for AGES_S and to that order alone. There
  is nobody to ask again, so what is no longer true is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from mvx.domain.instant import Instant, parse_rfc3339, seconds_between
from mvx.domain.money import BPS, ZERO, parse_decimal, plain, round_px
from mvx.domain.order import Side
from mvx.engine.results import PlanRow
from mvx.errors import BadNumber, Refused, UsageError

if TYPE_CHECKING:
    from mvx.engine.route_order import RouteOrder

MOST_WORSE_BPS = Decimal(5)
AGES_S = 300.0
#: An answer that took longer is to books that are read again.
FRESH_S = 1.0

#: What asks for a yes; None where nobody is to be asked.
Confirm = Callable[[], bool] | None


@dataclass(frozen=True, slots=True)
class Agreed:
    """So much, at that price per unit in the instrument's quote, fees included; None: nothing to price."""

    planned_qty: Decimal
    all_in_px: Decimal | None
    at: Instant


def agree(confirm: Confirm) -> None:
    """Raises Refused where somebody was asked and said no."""
    if confirm is not None and not confirm():
        raise Refused("declined", known="nothing was sent", next_step="run it again with --yes to agree")


def agreed_to(plan: PlanRow | None, at: Instant) -> Agreed:
    """A yes to that plan."""
    return _sum([] if plan is None else [(leg.qty, leg.all_in_px) for leg in plan.legs], at)


def no_longer(agreed: Agreed, side: Side, plan: PlanRow | None, now: Instant) -> str:
    """Why the plan is not what was agreed to; empty where it is."""
    found = agreed_to(plan, now)
    if found.planned_qty < agreed.planned_qty:
        return f"{plain(found.planned_qty)} can be had now, not {plain(agreed.planned_qty)}"
    if found.planned_qty and not agreed.planned_qty:
        return f"{plain(found.planned_qty)} can be had now, and nothing could"
    if found.all_in_px is None or agreed.all_in_px is None:
        return ""
    worse_bps = side.sign * (found.all_in_px - agreed.all_in_px) / agreed.all_in_px * BPS
    if worse_bps <= MOST_WORSE_BPS:
        return ""
    return (
        f"{plain(round_px(found.all_in_px, 2))} all-in now, not {plain(round_px(agreed.all_in_px, 2))}:"
        f" {plain(round_px(worse_bps, 2))} bps worse, and {MOST_WORSE_BPS} are allowed"
    )


def refuse_stale(agreed: Agreed, side: Side, plan: PlanRow | None, now: Instant) -> None:
    """For an agreement that nobody can be asked to renew. Raises Refused."""
    age_s = abs(seconds_between(agreed.at, now))  # one from the future is as old: the clock was set back
    why = f"it is {age_s:.0f} s old, and {AGES_S:.0f} s are allowed" if age_s > AGES_S else ""
    why = why or no_longer(agreed, side, plan, now)
    if why:
        raise Refused(
            f"the plan that was agreed to is stale: {why}",
            known="nothing was sent",
            next_step="make the plan again, look at it, and agree to that one",
        )


def saved_plan(text: str, order: RouteOrder, mode: str) -> Agreed:
    """The yes that a saved plan is, to that order. Raises UsageError where it is none, or of
    another order."""
    try:
        said = json.loads(text)
        plan = said["data"]
        asked = (said["mode"], plan["instrument"], plan["side"], parse_decimal(plan["order_qty"]))
        legs = [(_positive(leg["qty"]), _positive(leg["all_in_px"])) for leg in plan["plan"]["legs"]]
        at = parse_rfc3339(plan["planned_at"])
    except (ValueError, LookupError, TypeError, AttributeError, BadNumber) as error:
        raise UsageError(
            "the saved plan is not what a dry run answers",
            known="nothing was sent",
            next_step="mvx route INSTRUMENT QTY --dry-run --json > plan.json",
        ) from error
    if asked != (mode, order.instrument, order.side.value, order.order_qty):
        raise UsageError(
            f"the saved plan is of another order: {asked[2]} {plain(asked[3])} {asked[1]}, {asked[0]}",
            known="nothing was sent",
        )
    return _sum(legs, at)


def _positive(said: str) -> Decimal:
    """Raises BadNumber, ValueError, TypeError."""
    found = parse_decimal(said)
    if found <= 0:
        raise ValueError(found)
    return found


def _sum(legs: list[tuple[Decimal, Decimal]], at: Instant) -> Agreed:
    planned_qty = sum((qty for qty, _ in legs), ZERO)
    paid = sum((qty * all_in_px for qty, all_in_px in legs), ZERO)
    return Agreed(planned_qty, round_px(paid / planned_qty) if planned_qty else None, at)
