"""Work at an open desk: what a verb asks of the engine, and whether anything was sent on the way."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from mvx.cli.session import Session
    from mvx.config.settings import Settings
    from mvx.engine.desk import Desk

T = TypeVar("T")


def at_desk(session: Session, settings: Settings, use: Callable[[Desk], Coroutine[Any, Any, T]]) -> T:
    """Opens a desk, does the work there, and closes it. Raises Interrupted on a signal."""
    from mvx.engine.desk import open_desk

    async def work() -> T:
        async with open_desk(settings) as desk:
            session.watch = desk.watch
            return await use(desk)

    return session.run(work)
