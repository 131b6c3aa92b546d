"""One run of the command line in this process: parse, invoke, answer, exit code."""

from __future__ import annotations

import time

from mvx.cli.boundary import Boundary
from mvx.cli.environment import Environment
from mvx.cli.group import program
from mvx.cli.session import Session
from mvx.cli.signals import Signals


def run(argv: tuple[str, ...], environment: Environment, signals: Signals | None = None) -> int:
    """Runs what was typed and returns the exit code. Raises nothing."""
    began_s = time.monotonic()
    session = Session(environment, signals or Signals())
    boundary = Boundary(session, argv)
    with boundary, program().make_context("mvx", list(argv), obj=session) as context:
        boundary.exit_code = session.answer(context.command.invoke(context))
    if session.verbose:
        environment.say(f"mvx: exit {boundary.exit_code} after {time.monotonic() - began_s:.2f} s")
    return boundary.exit_code
