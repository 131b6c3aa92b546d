"""One run of the command line in this process: parse, invoke, answer, exit code."""

from __future__ import annotations

import time
from itertools import pairwise

from mvx.cli.boundary import Boundary
from mvx.cli.environment import Environment
from mvx.cli.group import program
from mvx.cli.session import Session
from mvx.cli.signals import Signals
from mvx.domain.text import is_utf8
from mvx.errors import UsageError

#: The longest path that Linux takes; no other word is as long.
MAX_CHARS = 4_096
_SHOWN = 60
_REASON = "--reason"


def run(argv: tuple[str, ...], environment: Environment, signals: Signals | None = None) -> int:
    """Runs what was typed and returns the exit code. Raises nothing."""
    began_s = time.monotonic()
    session = Session(environment, signals or Signals())
    boundary = Boundary(session, argv)
    with boundary:
        refuse_what_is_no_text(argv)
        with program().make_context("mvx", list(argv), obj=session) as context:
            boundary.exit_code = session.answer(context.command.invoke(context))
    if session.verbose:
        environment.say(f"mvx: exit {boundary.exit_code} after {time.monotonic() - began_s:.2f} s")
    return boundary.exit_code


def refuse_what_is_no_text(argv: tuple[str, ...]) -> None:
    """Raises UsageError for an argument that no file and no journal could take. Why one halts is taken as it
    comes, for nothing may keep anybody from it: the journal keeps what can be kept."""
    for before, typed in pairwise(("", *argv)):
        if _REASON in (before, typed.partition("=")[0]):
            continue
        if len(typed) > MAX_CHARS or "\0" in typed or not is_utf8(typed):
            shown = f"{typed[:_SHOWN]!r}{'...' if len(typed) > _SHOWN else ''}"
            raise UsageError(f"an argument is not text of at most {MAX_CHARS} characters in UTF-8: {shown}")
