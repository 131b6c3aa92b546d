"""`mvx venue-status`: how every venue is, asked now or read from the journal, once or on a cadence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mvx.cli.at_desk import at_desk
from mvx.cli.options import FormatOption, answer_in, now, seconds
from mvx.cli.session import Answer, Session
from mvx.errors import UsageError

if TYPE_CHECKING:
    from mvx.engine.desk import Desk
    from mvx.engine.outcome import Outcome

Watch = Annotated[bool, typer.Option("--watch", help="Again and again, one record each time.")]
Interval = Annotated[
    float | None,
    typer.Option("--interval", parser=seconds, metavar="S", help="Between the records of --watch."),
]
Cached = Annotated[bool, typer.Option("--cached", help="Ask nobody: what the journal knows.")]


def venue_status(
    ctx: typer.Context,
    watch: Watch = False,
    interval: Interval = None,
    cached: Cached = False,
    form: FormatOption = None,
) -> Answer:
    if form is not None and watch:
        raise UsageError("--format and --watch contradict each other: a watch has --json")
    if interval is not None and not watch:
        raise UsageError("--interval needs --watch")
    session: Session = ctx.obj
    answer_in(form, session)
    pause_s = (interval or session.settings(for_safety=True).interval_s) if watch else None
    return _read(session, pause_s) if cached else _asked(session, pause_s)


def _read(session: Session, pause_s: float | None) -> Outcome:
    from mvx.engine.venue_status import cached_status

    desk = session.desk()
    if pause_s is None:
        return cached_status(desk, now())

    from mvx.cli.watch import watch_journal

    return watch_journal(session, pause_s, lambda: cached_status(desk, now()))


def _asked(session: Session, pause_s: float | None) -> Outcome:
    from mvx.cli.watch import watch
    from mvx.engine.probe import venue_status as ask_venues

    settings = session.settings(for_safety=True)

    async def work(desk: Desk) -> Outcome:
        if pause_s is None:
            return await ask_venues(desk)
        return await watch(session, pause_s, lambda: ask_venues(desk))

    return at_desk(session, settings, work)
