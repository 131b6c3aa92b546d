"""`--watch`: the same question again and again, until a signal ends it.

On a terminal the newest table stands where the one before it stood, and what is loud scrolls by above it.
Elsewhere a tick is one line; with --json one envelope. A terminal that wants no colour gets lines too.

Rule: nothing about the terminal is changed that would have to be put back. The cursor waits below the table,
so that whatever ends the process, the last table and a sane prompt are left.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from mvx.cli.options import now
from mvx.cli.session import written
from mvx.cli.signals import Interrupted
from mvx.domain.instant import rfc3339
from mvx.errors import AnswerLost, Exit

if TYPE_CHECKING:
    from types import FrameType

    from mvx.cli.session import Session
    from mvx.engine.outcome import Outcome
    from mvx.engine.results import ReconcileResult
    from mvx.engine.venue_status_result import VenueStatusResult

_STYLE = re.compile(r"\x1b\[[\d;]*m")
_CLEAR_BELOW = "\x1b[J"
_CLEAR_LINE = "\r\x1b[K"


async def watch(session: Session, every_s: float, ask: Callable[[], Awaitable[Outcome]]) -> NoReturn:
    """Asks and shows, with a pause between. A signal ends it at any point and quietly: what a pass writes it
    writes whole, and the last record says what is known."""
    import asyncio

    with Records(session, every_s) as records:
        with suppress(asyncio.CancelledError):
            while session.signals.exit_code is None:
                records.show(await ask())
                await asyncio.sleep(every_s)
        records.end()


def watch_journal(session: Session, every_s: float, read: Callable[[], Outcome]) -> NoReturn:
    """The same for what the journal alone answers, without an event loop."""
    with Records(session, every_s) as records:
        with suppress(Interrupted):
            while True:
                records.show(read())
                time.sleep(every_s)
        records.end()


class Records:
    """What a watch has shown; `frame` is the table that stands on the terminal."""

    def __init__(self, session: Session, every_s: float) -> None:
        self._session = session
        self._around = session.environment
        self._every_s = every_s
        stdout = self._around.stdout
        self._live = not session.json and stdout.isatty() and self._around.colour(stdout)
        self._told: tuple[str, ...] = ()
        self._last: Outcome | None = None
        self._at = ""
        self._frame = ""
        self._drawing = self._stale = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Records:
        self._session.signals.speaks = False
        if self._live:
            for number, handler in ((signal.SIGWINCH, self._resized), (signal.SIGCONT, self._continued)):
                self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def show(self, outcome: Outcome) -> None:
        """One record. Raises Exit where nobody reads any more, and AnswerLost."""
        if not written(self._around, outcome, lambda: self._record(outcome)):
            raise typer.Exit(int(outcome.exit_code))

    def _record(self, outcome: Outcome) -> bool:
        if self._session.json:
            return self._session.tick(outcome)
        loud = replace(outcome, warnings=tuple(w for w in outcome.warnings if w not in self._told))
        self._told = outcome.warnings
        self._at = f"{rfc3339(now())[:19]}Z"
        return self._table(loud) if self._live else self._line(loud)

    def end(self) -> NoReturn:
        """Raises Exit with the signal's code."""
        if self._live:
            with suppress(AnswerLost):
                self._around.answer(_CLEAR_LINE, end="")  # the terminal's own echo: ^C
        raise typer.Exit(int(self._session.signals.exit_code or Exit.INTERRUPTED))

    def _line(self, outcome: Outcome) -> bool:
        from mvx.cli.render import safe_text

        command = self._session.command
        self._session.note(outcome)
        told = safe_text("; ".join(_LINES[command](outcome.data)))
        return self._around.answer(f"{self._at} {command}: {told}; exit {int(outcome.exit_code)}")

    def _table(self, outcome: Outcome) -> bool:
        self._drawing = True
        if outcome.breaks or outcome.warnings:
            self._around.answer(self._erasure(), end="")
            self._frame = ""
            self._session.note(outcome)
        self._last = outcome
        read = self._draw(outcome)
        self._drawing = False
        if self._stale:
            self._redraw()
        return read

    def _draw(self, outcome: Outcome) -> bool:
        from mvx.cli.render import drawn
        from mvx.cli.tables import parts_of

        command, erasure = self._session.command, self._erasure()
        title = f"mvx {command}, every {self._every_s:g} s: {self._at}; Ctrl-C ends it"
        page = drawn((title, "", *parts_of(command, outcome)), self._around, self._around.stdout)
        self._frame = self._cropped(page)
        return self._around.answer(erasure + self._frame)

    def _cropped(self, page: str) -> str:
        """What fits above the cursor: a line that scrolled away could not be drawn again."""
        columns, room = self._size()
        lines = page.splitlines()
        if _rows(lines, columns) < room:
            return page
        while lines and _rows(lines, columns) + 1 >= room:
            lines.pop()
        return "\n".join([*lines, "..."])

    def _erasure(self) -> str:
        """Takes the last table away, however the terminal has folded its lines since."""
        rows = _rows(self._frame.splitlines(), self._size()[0])
        return f"\r\x1b[{rows}A{_CLEAR_BELOW}" if rows else ""

    def _size(self) -> os.terminal_size:
        try:
            return os.get_terminal_size(self._around.stdout.fileno())
        except OSError:
            return os.terminal_size((80, 24))

    def _redraw(self) -> None:
        """Now, or when what is being drawn stands: a signal comes at any moment."""
        self._stale = self._drawing
        if self._last is not None and not self._drawing:
            with suppress(AnswerLost):  # the next record says so
                self._draw(self._last)

    def _resized(self, _number: int, _frame: FrameType | None) -> None:
        self._redraw()

    def _continued(self, _number: int, _frame: FrameType | None) -> None:
        self._frame = ""  # after Ctrl-Z other things stand below it
        self._redraw()


def _rows(lines: list[str], columns: int) -> int:
    """How many rows of the terminal they take."""
    from rich.cells import cell_len

    return sum(max(1, -(-cell_len(_STYLE.sub("", line)) // columns)) for line in lines)


def _reconcile_line(result: ReconcileResult) -> list[str]:
    verdicts = [
        f"{row.venue} {('agreed' if row.agreed else 'differs') if row.complete else 'incomplete'}"
        for row in result.venues
    ]
    return [", ".join(verdicts), f"breaks {sum(row.breaks for row in result.venues)}"]


def _venue_status_line(result: VenueStatusResult) -> list[str]:
    states = [(row.venue, row.health, row.trading) for row in result.venues]
    return [", ".join(f"{v} {health}{'' if t == 'ACTIVE' else f' {t}'}" for v, health, t in states)]


#: Verb -> what of its answer belongs in one line.
_LINES: dict[str, Callable[[Any], list[str]]] = {
    "reconcile": _reconcile_line,
    "venue-status": _venue_status_line,
}
