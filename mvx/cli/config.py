"""`mvx config`: check, show and find the configuration."""

from __future__ import annotations

import typer

from mvx.cli.session import Answer, Session
from mvx.errors import Exit


def check(ctx: typer.Context) -> Answer:
    from mvx.config.problems import ConfigProblems
    from mvx.config.settings import missing_books
    from mvx.engine.outcome import Outcome

    session: Session = ctx.obj
    try:
        settings = session.settings()
        if missing := missing_books(settings.venues.values()):
            raise ConfigProblems(settings.desk.source, missing)
    except ConfigProblems as problems:
        from mvx.config.shown import with_lines

        raise with_lines(problems, session.source()) from None
    data = {
        "source": settings.desk.source,
        "instruments": list(settings.desk.instruments),
        "venues": list(settings.venues),
        "problems": [],
    }
    return Outcome(data, Exit.OK)


def show(ctx: typer.Context) -> Answer:
    from mvx.config.shown import Overrides, shown
    from mvx.engine.outcome import Outcome

    session: Session = ctx.obj
    overrides = Overrides(session.config, session.journal, session.environment.variables)
    data = {
        "source": session.source().name,
        "chosen_by": overrides.chosen_by(),
        "values": shown(session.source(), session.settings(), overrides),
    }
    return Outcome(data, Exit.OK)


def path(ctx: typer.Context) -> Answer:
    from mvx.engine.outcome import Outcome

    session: Session = ctx.obj
    source, journal = session.source(), session.journal_path()
    data = {"config": source.path, "journal": journal, "journal_exists": journal.exists()}
    return Outcome(data, Exit.OK)
