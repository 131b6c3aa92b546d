"""Where every error ends: three lines for people, the envelope for scripts, an exit code for both.

Rule: this is the one place that catches what it does not name. Such a defect is exit 1; its
traceback goes to the log file, never to the screen.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

import typer

from mvx.cli.output import Failure
from mvx.cli.signals import Interrupted
from mvx.errors import Exit, MvxError, StoppedFollowing

if TYPE_CHECKING:
    from pathlib import Path

    from mvx.cli.session import Session

NOTHING_SENT = "nothing was sent"
SENT_BEFORE = "what was sent before is in the journal"
IN_FLIGHT = "requests may be in flight; what was sent is in the journal and stays reserved"
TRUTH = "mvx reconcile, then mvx positions"


class Boundary:
    """Guards a block; afterwards `exit_code` is the one to end in."""

    def __init__(self, session: Session, argv: tuple[str, ...]) -> None:
        self.exit_code = 0
        self._session = session
        self._argv = argv

    def __enter__(self) -> Boundary:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            return True
        if isinstance(error, typer.Exit):
            self.exit_code = error.exit_code
            return True
        if isinstance(error, SystemExit | GeneratorExit):
            return False
        # Parsing may have ended before it came to --json.
        self._session.json = self._session.json or "--json" in self._argv
        self.exit_code = self._session.fail(self._failure(error))
        return True

    def _failure(self, error: BaseException) -> Failure:
        if isinstance(error, MvxError):
            return self._mvx(error)
        if isinstance(error, typer.TyperException):
            return self._usage(error)
        if isinstance(error, Interrupted):
            return self._interrupted(error.exit_code)
        if isinstance(error, KeyboardInterrupt):
            return self._interrupted(Exit.INTERRUPTED)
        return self._defect(error)

    def _mvx(self, error: MvxError) -> Failure:
        uncertain = error.exit_code == Exit.UNCERTAIN or (error.exit_code == Exit.DEFECT and error.sent)
        known = error.known or (IN_FLIGHT if uncertain else NOTHING_SENT)
        next_step = error.next_step or (TRUTH if uncertain else self._help())
        if error.sent:
            known = IN_FLIGHT if uncertain else SENT_BEFORE
            next_step = f"{error.next_step}; then: {TRUTH}" if error.next_step else TRUTH
        exit_code = int(error.exit_code)
        if isinstance(error, StoppedFollowing):
            exit_code = int(self._session.signals.exit_code or Exit.INTERRUPTED)
        said = (error.warnings, error.breaks, error.sent, error.refusals)
        return Failure(error.code, error.message, known, next_step, exit_code, uncertain, *said)

    def _usage(self, error: typer.TyperException) -> Failure:
        cause = error.__cause__
        code = cause.code if isinstance(cause, MvxError) else "usage"
        return Failure(code, error.format_message(), NOTHING_SENT, self._help(), int(Exit.USAGE))

    def _interrupted(self, exit_code: Exit) -> Failure:
        known, next_step = self._known()
        message = "stopped by a signal before the end"
        return Failure("interrupted", message, known, next_step, int(exit_code), self._sent())

    def _defect(self, error: BaseException) -> Failure:
        """What nobody foresaw: where a file of ours is damaged, that is the cause, and no defect of mvx."""
        where = log_defect(error)
        damaged = self._session.damage()
        if damaged is not None:
            if self._sent():
                damaged.after_dispatch()
            return self._mvx(damaged)
        known, next_step = self._known()
        message = f"a defect in mvx ({type(error).__name__}); {where}"
        return Failure("defect", message, known, next_step, int(Exit.DEFECT), self._sent())

    def _sent(self) -> bool:
        """Whether anything was sent, by this command or for it."""
        watch = self._session.watch
        return self._session.answer_sent or (watch is not None and watch.has_sent)

    def _known(self) -> tuple[str, str]:
        return (IN_FLIGHT, TRUTH) if self._sent() else (NOTHING_SENT, self._help())

    def _help(self) -> str:
        return f"mvx {self._session.command} --help".replace("  ", " ")


def log_defect(error: BaseException) -> str:
    """Appends the traceback to the log; returns where to look."""
    import traceback
    from datetime import UTC, datetime

    path = log_file()
    text = "".join(traceback.format_exception(error))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{datetime.now(UTC).isoformat()} {text}\n")
    except OSError as failed:
        return f"its traceback could not be written to {path}: {failed.strerror}"
    return f"its traceback is in {path}"


def log_file() -> Path:
    """Where tracebacks go."""
    import platformdirs

    return platformdirs.user_log_path("mvx", appauthor=False) / "mvx.log"
