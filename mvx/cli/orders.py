"""`mvx orders`: child orders as the journal knows them."""

from __future__ import annotations

from typing import Annotated

import typer

from mvx.cli.options import FormatOption, LimitOption, SinceOption, VenueOption, asked_rows, now
from mvx.cli.session import Answer

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

    desk, start = asked_rows(ctx.obj, form, venue, since_text)
    return reports.orders(desk, now(), since=start, venue=venue, open_only=open_only, limit=limit)
