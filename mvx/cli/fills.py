"""`mvx fills`: fills as the journal knows them."""

from __future__ import annotations

import typer

from mvx.cli.options import FormatOption, LimitOption, SinceOption, VenueOption, asked_rows
from mvx.cli.session import Answer


def fills(
    ctx: typer.Context,
    since_text: SinceOption = None,
    venue: VenueOption = None,
    limit: LimitOption = None,
    form: FormatOption = None,
) -> Answer:
    from mvx.engine import reports

    desk, start = asked_rows(ctx.obj, form, venue, since_text)
    return reports.fills(desk, since=start, venue=venue, limit=limit)
