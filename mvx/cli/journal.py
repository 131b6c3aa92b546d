"""`mvx journal`: what the journal holds, whether its state follows from its log, and a copy of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mvx.cli.options import named_path
from mvx.cli.session import Answer, Session

Target = Annotated[Path, typer.Argument(metavar="FILE", help="A new file: nothing is overwritten.")]


def info(ctx: typer.Context) -> Answer:
    from mvx.engine import reports

    session: Session = ctx.obj
    return reports.journal_info(session.desk())


def verify(ctx: typer.Context) -> Answer:
    from mvx.engine import reports

    session: Session = ctx.obj
    return reports.journal_verify(session.desk())


def backup(ctx: typer.Context, target: Target) -> Answer:
    from mvx.engine.backup import journal_backup

    session: Session = ctx.obj
    return journal_backup(session.desk(), named_path(session.environment.cwd, target))
