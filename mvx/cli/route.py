"""`mvx route`: buy or sell over the best venues."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from mvx.cli.at_desk import at_desk
from mvx.cli.consent import Confirm, consent, plan_is_shown, require_live
from mvx.cli.options import (
    VenuesOption,
    count,
    duration,
    key,
    known_name,
    known_venues,
    not_negative,
    operator,
    positive,
    seconds,
)
from mvx.cli.session import Answer, Session
from mvx.domain.money import ZERO, plain
from mvx.domain.order import Side, TimeInForce
from mvx.errors import UsageError

if TYPE_CHECKING:
    from mvx.config.settings import Settings
    from mvx.engine.outcome import Outcome
    from mvx.engine.results import RouteResult
    from mvx.engine.route_order import RouteOrder

Quantity = Annotated[Decimal, typer.Argument(parser=positive, metavar="QTY", help="In base, above 0.")]
SideOption = Annotated[Side | None, typer.Option("--side", help="buy where it is not given.")]
SellFlag = Annotated[bool, typer.Option("--sell", help="The same as --side sell.")]
Limit = Annotated[
    Decimal | None,
    typer.Option("--limit", parser=positive, metavar="PX", help="No fill beyond this price, in its quote."),
]
Slippage = Annotated[
    Decimal | None,
    typer.Option(
        "--max-slippage-bps",
        parser=not_negative,
        metavar="N",
        help="Against the consolidated mid, fees excluded.",
    ),
]
Tif = Annotated[
    TimeInForce | None,
    typer.Option("--tif", help="ioc where it is not given. fok is whole or nothing at each venue."),
]
PostOnly = Annotated[bool, typer.Option("--post-only", help="Rest and never take; implies --tif gtc.")]
Exclude = Annotated[
    list[str] | None, typer.Option("--exclude", metavar="V", help="Not these venues (repeat, or a,b).")
]
Key = Annotated[
    str | None, typer.Option("--id", parser=key, metavar="KEY", help="Never trades twice under one key.")
]
MaxRounds = Annotated[
    int | None, typer.Option("--max-rounds", parser=count, metavar="N", help="Re-plans at most.")
]
Deadline = Annotated[
    float | None,
    typer.Option("--deadline", parser=seconds, metavar="S", help="Each child's deadline in seconds."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="The same path; sends nothing, writes nothing.")]
Live = Annotated[bool, typer.Option("--live", help="Refuse to run on paper venues.")]
Twap = Annotated[
    float | None,
    typer.Option("--twap", parser=duration, metavar="DURATION", help="Spread evenly over 90s, 15m, 2h."),
]
Resume = Annotated[bool, typer.Option("--resume", help="With --id: go on with what is left of a run.")]
Queue = Annotated[bool, typer.Option("--queue", help="Leave it to mvx run, now or later.")]
SavedPlan = Annotated[
    str | None, typer.Option("--plan", metavar="FILE", help="Do what a saved dry run planned, or refuse.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask on live venues.")]


def route(
    ctx: typer.Context,
    instrument: Annotated[str, typer.Argument(metavar="INSTRUMENT", help="Such as BTC-USD.")],
    qty: Quantity,
    side: SideOption = None,
    sell: SellFlag = False,
    limit: Limit = None,
    max_slippage_bps: Slippage = None,
    tif: Tif = None,
    post_only: PostOnly = False,
    venue: VenuesOption = None,
    exclude: Exclude = None,
    id_: Key = None,
    resume: Resume = False,
    max_rounds: MaxRounds = None,
    deadline: Deadline = None,
    twap: Twap = None,
    queue: Queue = False,
    dry_run: DryRun = False,
    plan: SavedPlan = None,
    live: Live = False,
    yes: Yes = False,
) -> Answer:
    from mvx.engine.route_order import RouteOrder

    session: Session = ctx.obj
    settings = session.settings()
    if live:
        require_live(session.mode)
    order = RouteOrder(
        instrument=known_name(instrument, settings.desk.instruments, "instrument"),
        side=_side(side, sell),
        order_qty=qty,
        limit_px=limit,
        max_slippage_bps=max_slippage_bps,
        time_in_force=_time_in_force(tif, post_only),
        post_only=post_only,
        venues=known_venues(venue, settings.desk),
        exclude=known_venues(exclude, settings.desk),
        id=id_,
        max_rounds=max_rounds,
        deadline_s=deadline,
        dry_run=dry_run,
        resume=resume,
        twap_s=twap,
    )
    _refuse_contradictions(order, queue=queue)
    if plan is not None:
        order = _as_planned(session, order, plan)
    return _trade(session, settings, order, yes=yes, queue=queue)


def _refuse_contradictions(order: RouteOrder, *, queue: bool) -> None:
    if order.resume and order.id is None:
        raise UsageError("--resume needs --id KEY: it names the run to go on with")
    if queue and order.dry_run:
        raise UsageError("--queue and --dry-run contradict each other")
    if order.resume and order.dry_run:
        raise UsageError("--resume goes on with a run and --dry-run plans a new one: leave one of them out")
    if order.twap_s is not None and order.time_in_force is not TimeInForce.IOC:
        raise UsageError("--twap trades slices as they come due: it goes with --tif ioc only")


def _as_planned(session: Session, order: RouteOrder, plan: str) -> RouteOrder:
    from dataclasses import replace

    from mvx.engine.agreement import saved_plan

    if order.dry_run or order.twap_s is not None or order.resume:
        raise UsageError("--plan does at once what was planned: not with --dry-run, --twap or --resume")
    try:
        text = (session.environment.cwd / plan).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"--plan {plan}: {why}", known="nothing was sent") from error
    return replace(order, agreed=saved_plan(text, order, session.mode))


def _trade(session: Session, settings: Settings, order: RouteOrder, *, yes: bool, queue: bool) -> Outcome:
    from mvx.engine.handover import enqueue, trade

    ask = consent(
        session,
        yes=yes or order.dry_run or order.agreed is not None,
        assume_yes=settings.route.assume_yes,
        question=f"{order.side.value} {plain(order.order_qty)} {order.instrument} on live venues?",
    )

    def show(plan: RouteResult) -> None:
        if ask is not None or queue or _sends(plan, order):
            _show(session, plan, order, ask)  # else the answer is why nothing is sent

    do = enqueue if queue else trade
    return at_desk(session, settings, lambda desk: do(desk, order, by=operator(), show=show, confirm=ask))


def _side(side: Side | None, sell: bool) -> Side:
    if sell and side is Side.BUY:
        raise UsageError("--sell and --side buy contradict each other")
    return Side.SELL if sell else side or Side.BUY


def _time_in_force(tif: TimeInForce | None, post_only: bool) -> TimeInForce:
    if post_only and tif not in (None, TimeInForce.GTC):
        raise UsageError(f"--post-only rests and --tif {tif} does not: leave --tif out, or --tif gtc")
    return TimeInForce.GTC if post_only else tif or TimeInForce.IOC


def _sends(plan: RouteResult, order: RouteOrder) -> bool:
    """Whether anything is sent by it: fill-or-kill the whole, and over time perhaps later."""
    planned_qty = sum((leg.qty for leg in plan.plan.legs), ZERO) if plan.plan else ZERO
    least = order.order_qty if order.time_in_force is TimeInForce.FOK else ZERO
    return order.twap_s is not None or bool(planned_qty and planned_qty >= least)


def _show(session: Session, result: RouteResult, order: RouteOrder, confirm: Confirm) -> None:
    if order.dry_run or not plan_is_shown(session, confirm):
        return  # the answer of a dry run is the plan
    from mvx.cli.render import draw_aside
    from mvx.cli.tables import plan_parts

    draw_aside(session.environment, *plan_parts(result))
