"""`mvx breaks`: the differences that reconciliation found, and who has seen them."""

from __future__ import annotations

from typing import Annotated

import typer

from mvx.cli.options import FormatOption, LimitOption, SinceOption, VenueOption, asked_rows, operator, whole
from mvx.cli.session import Answer, Session

_MOST = 2**63 - 1

Open = Annotated[bool, typer.Option("--open", help="Only those neither corrected nor acknowledged.")]
BreakId = Annotated[int, typer.Argument(parser=whole(_MOST), metavar="ID", help="As `mvx breaks` shows it.")]


def breaks(
    ctx: typer.Context,
    since_text: SinceOption = None,
    venue: VenueOption = None,
    open_only: Open = False,
    limit: LimitOption = None,
    form: FormatOption = None,
) -> Answer:
    from mvx.engine import reports

    desk, start = asked_rows(ctx.obj, form, venue, since_text)
    return reports.breaks(desk, since=start, venue=venue, open_only=open_only, limit=limit)


def ack(ctx: typer.Context, break_id: BreakId) -> Answer:
    from mvx.engine.breaks import acknowledge

    session: Session = ctx.obj
    return acknowledge(session.desk(), break_id, by=operator())
