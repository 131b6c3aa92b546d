"""`mvx flatten`: leave a venue, alone and for good, until `mvx resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mvx.cli.at_desk import at_desk
from mvx.cli.consent import Confirm, consent, plan_is_shown
from mvx.cli.options import VenuesOption, known_names, known_venues, operator
from mvx.cli.session import Answer, Session
from mvx.errors import UsageError

if TYPE_CHECKING:
    from mvx.config.settings import Settings
    from mvx.engine.flatten_order import FlattenOrder
    from mvx.engine.outcome import Outcome
    from mvx.engine.results import FlattenResult

All = Annotated[bool, typer.Option("--all", help="Every venue.")]
Instruments = Annotated[
    list[str] | None, typer.Option("--instrument", metavar="I", help="Only these (repeat, or a,b).")
]
ToZero = Annotated[bool, typer.Option("--to-zero", help="The whole holding, inventory too.")]
Foreign = Annotated[bool, typer.Option("--foreign", help="Cancel orders that mvx did not send as well.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="The same path; sends nothing, writes nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask on live venues.")]

WORD = "flatten"


def flatten(
    ctx: typer.Context,
    venue: VenuesOption = None,
    every: All = False,
    instrument: Instruments = None,
    to_zero: ToZero = False,
    foreign: Foreign = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> Answer:
    from mvx.engine.flatten_order import FlattenOrder

    if (venue is not None) == every:
        raise UsageError("name the venues with --venue, or say --all")
    session: Session = ctx.obj
    settings = session.settings(for_safety=True)
    order = FlattenOrder(
        venues=known_venues(venue, settings.desk) or tuple(settings.venues),
        instruments=known_names(instrument, settings.desk.instruments, "instrument"),
        to_zero=to_zero,
        foreign=foreign,
        dry_run=dry_run,
        by=operator(),
    )
    return _leave(session, settings, order, yes=yes, typed=every or to_zero)


def _leave(session: Session, settings: Settings, order: FlattenOrder, *, yes: bool, typed: bool) -> Outcome:
    from mvx.engine.handover import trade

    confirm = consent(
        session,
        yes=yes or order.dry_run,
        assume_yes=settings.route.assume_yes and not typed,
        question=f"flatten {', '.join(order.venues)}?",
        word=WORD if typed else None,
    )

    def show(plan: FlattenResult) -> None:
        _show(session, plan, order, confirm)

    return at_desk(
        session, settings, lambda desk: trade(desk, order, by=order.by, show=show, confirm=confirm)
    )


def _show(session: Session, result: FlattenResult, order: FlattenOrder, confirm: Confirm) -> None:
    if order.dry_run or not plan_is_shown(session, confirm):
        return  # the answer of a dry run is the plan
    from mvx.cli.render import draw_aside
    from mvx.cli.tables import flatten_plan_parts

    draw_aside(session.environment, *flatten_plan_parts(result))
