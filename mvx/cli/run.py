"""`mvx run`: lead the journal until a signal says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from mvx.cli.at_desk import at_desk
from mvx.cli.session import Answer, Session

if TYPE_CHECKING:
    from mvx.engine.desk import Desk
    from mvx.engine.outcome import Outcome


def run(ctx: typer.Context) -> Answer:
    import asyncio

    from mvx.cli.boundary import log_defect
    from mvx.cli.notify import Notify
    from mvx.engine.run import Around
    from mvx.engine.run import run as lead

    session: Session = ctx.obj
    settings = session.settings()
    notify = Notify(session.environment.variables)

    async def work(desk: Desk) -> Outcome:
        hangup, loop = asyncio.Event(), asyncio.get_running_loop()
        session.signals.on_hangup = lambda: loop.call_soon_threadsafe(hangup.set)
        if not session.quiet:
            session.environment.say(f"mvx: leading {settings.desk.journal}")
        return await lead(desk, Around(session.note, notify.alive, hangup, session.reread, log_defect))

    try:
        return at_desk(session, settings, work)
    finally:
        notify.stopping()
