"""`mvx doctor`: whether the machine, the files, the journal and the venues are as they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import typer

from mvx.cli.session import Answer, Session
from mvx.errors import ConfigError

if TYPE_CHECKING:
    from mvx.engine.doctor import DoctorResult, Found


def doctor(ctx: typer.Context) -> Answer:
    from dataclasses import replace

    from mvx.engine.doctor import doctor as look

    session: Session = ctx.obj
    found = _found(session)
    outcome = session.run(lambda: look(found))
    result = cast("DoctorResult", outcome.data)
    checks = (each._replace(next=each.next and session.here(each.next)) for each in result.checks)
    return replace(outcome, data=result._replace(checks=tuple(checks)))


def _found(session: Session) -> Found:
    """The configuration as far as it can be read: what is wrong with it is an answer here."""
    from mvx import __version__
    from mvx.engine.doctor import Found

    found = Found(__version__, session.environment.variables)
    try:
        found = found._replace(source=session.source())
        found = found._replace(journal=session.journal_path())
        return found._replace(settings=session.settings())
    except ConfigError as error:
        return found._replace(problem=error)
