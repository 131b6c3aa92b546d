"""`mvx cancel`: cancel one order, a parent, a job of the queue, or all open orders of ours."""

from __future__ import annotations

from typing import Annotated

import typer

from mvx.cli.at_desk import at_desk
from mvx.cli.options import VenuesOption, known_venues
from mvx.cli.session import Answer, Session
from mvx.errors import UsageError

Target = Annotated[
    str | None,
    typer.Argument(metavar="[PARENT | CL_ORD_ID | JOB]", help="What to cancel; a parent is stopped."),
]
All = Annotated[bool, typer.Option("--all", help="Every open order of ours.")]


def cancel(
    ctx: typer.Context, target: Target = None, all_orders: All = False, venue: VenuesOption = None
) -> Answer:
    from mvx.engine.cancel import cancel as cancel_orders

    if (target is None) == (not all_orders):
        raise UsageError("name one order or parent, or say --all")
    session: Session = ctx.obj
    settings = session.settings(for_safety=True)
    venues = known_venues(venue, settings.desk)
    return at_desk(session, settings, lambda desk: cancel_orders(desk, target, all_orders, venues))
