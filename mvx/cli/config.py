"""`mvx config`: check, show and find the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from mvx.cli.session import Answer, Session
from mvx.errors import Exit

if TYPE_CHECKING:
    pass


def check(ctx: typer.Context) -> Answer:
    from mvx.engine.outcome import Outcome

    session: Session = ctx.obj
    settings = session.settings()
    data = {
        "source": settings.desk.source,
        "instruments": list(settings.desk.instruments),
        "venues": list(settings.venues),
        "problems": [],
    }
    return Outcome(data, Exit.OK)


def show(ctx: typer.Context) -> Answer:
    from mvx.config.model import flat
    from mvx.engine.outcome import Outcome

    session: Session = ctx.obj
    values = [{"key": k, "value": value, "origin": origin} for k, value, origin in flat(session.source())]
    return Outcome({"source": session.source().name, "values": values}, Exit.OK)


def path(ctx: typer.Context) -> Answer:
    from mvx.engine.outcome import Outcome

    session: Session = ctx.obj
    source, journal = session.source(), session.journal_path()
    data = {"config": source.path, "journal": journal, "journal_exists": journal.exists()}
    return Outcome(data, Exit.OK)
