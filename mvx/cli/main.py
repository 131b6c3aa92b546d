"""The `mvx` command. Signals are handled before anything heavy is imported."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

from mvx.cli.signals import Interrupted, Signals


def main() -> NoReturn:
    """The console entry point."""
    # A start allocates much and frees little; Session.run collects again where work may last.
    gc.disable()
    _occupy_standard_streams()
    signals = Signals()
    try:
        with signals.handled():
            from mvx.cli.app import run
            from mvx.cli.environment import Environment

            exit_code = run(tuple(sys.argv[1:]), Environment.of_process(), signals)
    except Interrupted as stopped:
        exit_code = int(stopped.exit_code)
    _leave(exit_code)


def _occupy_standard_streams() -> None:
    """Cron and others may close them: the next file to be opened would be taken for one of them, and written
    to by whoever says something."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one


def _leave(exit_code: int) -> NoReturn:
    """Ends the process without taking the interpreter apart, which costs a tenth of a start. Every
    file is closed by its owner before this."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.flush()
    os._exit(exit_code)
