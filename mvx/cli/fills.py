"""`mvx fills`: fills as the journal knows them."""

from __future__ import annotations

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


def fills(
    ctx: typer.Context,
    since_text: SinceOption = None,
    venue: VenueOption = None,
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
    return reports.fills(desk, since=start, venue=venue, limit=limit)
