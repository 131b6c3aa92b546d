"""`mvx journal`: what the journal holds, and whether its state follows from its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from mvx.cli.session import Answer, Session

if TYPE_CHECKING:
    pass


def info(ctx: typer.Context) -> Answer:
    from mvx.engine import reports

    session: Session = ctx.obj
    return reports.journal_info(session.desk())


def verify(ctx: typer.Context) -> Answer:
    from mvx.engine import reports

    session: Session = ctx.obj
    return reports.journal_verify(session.desk())
