"""What a route came to, computed from the journal: the same for the run itself and for its `--id`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from mvx.domain.entries import FillBooked
from mvx.domain.ids import Asset, ClOrdId, ParentId, Venue
from mvx.domain.money import BPS, ZERO, plain, round_px
from mvx.domain.order import Order, Side, average_px
from mvx.engine.results import (
    BestSingleVenue,
    ChildRow,
    LegRow,
    PlanRow,
    RouteResult,
    SkippedRow,
)
from mvx.engine.settle import answered, resting
from mvx.engine.submit import filled_qty
from mvx.errors import Exit
from mvx.router.plan import Plan, residual


@dataclass(frozen=True, slots=True)
class Context:
    """What the journal's orders and fills do not say: kept with the parent when it is closed.

    `rates`: units of the instrument's quote per unit of each venue's quote, when it was last planned;
    `child_rates`: the same when a child was planned, of each that a later plan followed.
    """

    plan: PlanRow | None
    arrival_px: Decimal | None
    rates: Mapping[Venue, Decimal]
    rounds: int
    child_rates: Mapping[ClOrdId, Decimal] = field(default_factory=dict)

    def rate_of(self, child: Order) -> Decimal | None:
        """What it was planned at; None where that is not known."""
        return self.child_rates.get(child.cl_ord_id, self.rates.get(child.venue))


@dataclass(frozen=True, slots=True)
class Asked:
    """The parent, as it was asked for."""

    parent_id: ParentId | None
    key: str | None
    instrument: str
    side: Side
    order_qty: Decimal


def route_result(
    asked: Asked, context: Context, children: tuple[Order, ...], fills: Iterable[FillBooked], status: str = ""
) -> RouteResult:
    """The answer of `mvx route`. Averages are in the instrument's quote, None where a rate is unknown."""
    cum_qty = sum((child.filled_qty for child in children), ZERO)
    fees: dict[Asset, Decimal] = {}
    for booked in fills:
        asset = booked.fill.fee_asset
        fees[asset] = fees.get(asset, ZERO) + booked.fill.fee_amount
    avg_px, all_in_px = _averages(asked.side, children, fills, context, cum_qty)
    slippage_bps = None
    if avg_px is not None and context.arrival_px:
        slippage_bps = round_px(asked.side.sign * (avg_px - context.arrival_px) / context.arrival_px * BPS, 4)
    return RouteResult(
        parent_id=asked.parent_id,
        id=asked.key,
        instrument=asked.instrument,
        side=asked.side.value,
        order_qty=asked.order_qty,
        cum_qty=cum_qty,
        leaves_qty=max(ZERO, asked.order_qty - cum_qty),
        avg_px=avg_px,
        fees=fees,
        all_in_px=all_in_px,
        arrival_px=context.arrival_px,
        slippage_bps=slippage_bps,
        status=status or route_status(asked.order_qty, children),
        plan=context.plan,
        children=tuple(child_row(child) for child in children),
        rounds=context.rounds,
    )


def route_status(order_qty: Decimal, children: tuple[Order, ...]) -> str:
    """`uncertain`, `filled`, `incomplete` or `resting`: the first that holds. `resting`: what rests may fill
    all that is left."""
    if any(not answered(child) and not resting(child) for child in children):
        return "uncertain"
    filled = filled_qty(children)
    if filled >= order_qty and not any(resting(child) for child in children):
        return "filled"
    return "incomplete" if residual(order_qty, filled, children) else "resting"


def half_placed(order_qty: Decimal, children: tuple[Order, ...]) -> tuple[str, ...]:
    """What an incomplete parent has in the books, and how much of it nobody may take for left."""
    rests = sum((child.residual_worst_qty for child in children if resting(child)), ZERO)
    if not rests or route_status(order_qty, children) != "incomplete":
        return ()
    nowhere = residual(order_qty, filled_qty(children), children)
    rest = f"{plain(rests)} of it rests in venues' books and may still fill"
    return (f"{rest}; {plain(nowhere)} is placed nowhere",)


EXIT_OF_STATUS = {
    "uncertain": Exit.UNCERTAIN,
    "resting": Exit.OK,
    "filled": Exit.OK,
    "incomplete": Exit.INCOMPLETE,
}


def child_row(order: Order) -> ChildRow:
    return ChildRow(
        cl_ord_id=order.cl_ord_id,
        order_id=order.order_id,
        venue=order.venue,
        order_qty=order.order_qty,
        cum_qty=order.cum_qty,
        avg_px=average_px(order),
        ord_status=order.ord_status.value,
        unknown=order.unknown,
        settled=order.settled,
        reason=order.reason,
    )


def plan_row(plan: Plan) -> PlanRow:
    best = plan.best_single_venue
    return PlanRow(
        legs=tuple(
            LegRow(
                leg.venue,
                leg.symbol,
                leg.qty,
                leg.limit_px,
                leg.expected_px,
                leg.fee_bps,
                leg.all_in_px,
                leg.why,
            )
            for leg in plan.legs
        ),
        skipped=tuple(SkippedRow(each.venue, each.why) for each in plan.skipped),
        best_single_venue=None if best is None else BestSingleVenue(best.venue, best.all_in_px),
        saving_bps=plan.saving_bps,
    )


def _averages(
    side: Side,
    children: tuple[Order, ...],
    fills: Iterable[FillBooked],
    context: Context,
    cum_qty: Decimal,
) -> tuple[Decimal | None, Decimal | None]:
    """The average price without and with fees, each child's at the rate that it was planned at. A fee in
    base counts at its fill's price; with a fee in a third asset there is no all-in price."""
    filled = [child for child in children if child.filled_qty]
    rates = {c.cl_ord_id: rate for c in filled if (rate := context.rate_of(c)) is not None}
    if not cum_qty or len(rates) < len(filled):
        return None, None
    notional = sum((child.filled_notional * rates[child.cl_ord_id] for child in filled), ZERO)
    fees = ZERO
    for booked in fills:
        assert booked.cl_ord_id is not None
        fill, rate = booked.fill, rates[booked.cl_ord_id]
        if fill.fee_asset not in (booked.base, booked.quote):
            return round_px(notional / cum_qty), None
        in_quote = fill.fee_amount * (fill.price if fill.fee_asset == booked.base else 1)
        fees += in_quote * rate
    all_in = notional + side.sign * fees
    return round_px(notional / cum_qty), round_px(all_in / cum_qty)
