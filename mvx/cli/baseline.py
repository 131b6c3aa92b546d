"""`mvx baseline`: what of a holding is inventory and no position."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import typer

from mvx.cli.options import VenueOption, known_name, not_negative, operator
from mvx.cli.session import Answer, Session
from mvx.domain.ids import Asset, Venue

At = Annotated[str, typer.Argument(metavar="VENUE", help="Where it is held.")]
Of = Annotated[str, typer.Argument(metavar="ASSET", help="Such as BTC.")]
Inventory = Annotated[Decimal, typer.Argument(parser=not_negative, metavar="QTY", help="0 or more.")]


def show(ctx: typer.Context, venue: VenueOption = None) -> Answer:
    from mvx.engine import reports

    session: Session = ctx.obj
    desk = session.desk()
    if venue is not None:
        known_name(venue, desk.symbols, "venue")
    return reports.baselines(desk, venue=venue)


def put(ctx: typer.Context, venue: At, asset: Of, qty: Inventory) -> Answer:
    from mvx.engine.baseline import set_baseline

    session: Session = ctx.obj
    desk = session.desk()
    at = Venue(known_name(venue, desk.symbols, "venue"))
    return set_baseline(desk, at, Asset(asset), qty, by=operator())
