"""`mvx orders`: child orders as the journal knows them."""

from __future__ import annotations

from typing import Annotated

import typer

from mvx.cli.options import (
    FormatOption,
    LimitOption,
    SinceOption,
    VenueOption,
    answer_in,
    known_name,
    now,
    since,
)
from mvx.cli.session import Answer, Session

Open = Annotated[bool, typer.Option("--open", help="Only those that may still fill.")]


def orders(
    ctx: typer.Context,
    since_text: SinceOption = None,
    venue: VenueOption = None,
    open_only: Open = False,
    limit: LimitOption = None,
    form: FormatOption = None,
) -> Answer:
    from mvx.engine import reports

    session: Session = ctx.obj
    answer_in(form, session)
    desk = session.desk()
    if venue is not None:
        known_name(venue, desk.symbols, "venue")
    start = since(since_text, now()) if since_text else None
    return reports.orders(desk, since=start, venue=venue, open_only=open_only, limit=limit)
