"""What surrounds one run of the program: streams, variables and the folder. Tests replace it whole.

Rule: stdout carries the answer, stderr everything else; no escape sequence goes to a stream that is
no terminal. A reader that went away (EPIPE) is no error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple, TextIO, cast

from mvx.errors import AnswerLost

LOUD = "1;31"
QUIET = "2"


class Environment(NamedTuple):
    """A tuple, not a dataclass: it is made on every start, and is three times cheaper to define."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    variables: Mapping[str, str]
    cwd: Path

    @classmethod
    def of_process(cls) -> Environment:
        """The real one."""
        return cls(sys.stdin or _nowhere("r"), _safe(sys.stdout), _safe(sys.stderr), os.environ, _here())

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there to read a question and to answer it."""
        return self.stdin.isatty() and self.stderr.isatty()

    def colour(self, stream: TextIO) -> bool:
        """Colour is for a terminal that wants it, and for whoever asks for it outright (force-color.org)."""
        wanted = stream.isatty() or self.variables.get("FORCE_COLOR")
        plain = self.variables.get("NO_COLOR") or self.variables.get("TERM") == "dumb"
        return bool(wanted) and not plain

    def answer(self, text: str, end: str = "\n") -> bool:
        """One piece of the answer, on stdout; whether it had a reader. Raises AnswerLost where it had one and
        could not be written."""
        try:
            return _write(self.stdout, text + end)
        except OSError as error:
            raise AnswerLost(error.strerror or str(error)) from None

    def say(self, text: str, style: str = "") -> None:
        """One line beside the answer, on stderr; where that can not be written there is nobody to tell."""
        if style and self.colour(self.stderr):
            text = f"\x1b[{style}m{text}\x1b[0m"
        with suppress(OSError):
            _write(self.stderr, f"{text}\n")

    def ask(self, question: str) -> str:
        """What was typed as an answer; nothing where the input ended."""
        self.stderr.write(question)
        self.stderr.flush()
        return self.stdin.readline().strip()


def _write(stream: TextIO, text: str) -> bool:
    """Whether the reader was still there."""
    try:
        stream.write(text)
        stream.flush()
        return True
    except BrokenPipeError:
        # What is still in the buffer, and what follows, goes to nowhere.
        with _nowhere("w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
        return False


def _safe(stream: TextIO | None) -> TextIO:
    """The stream, if any; where it can not show a character it shows an escape, never a traceback."""
    if stream is None:
        return _nowhere("w")
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def _here() -> Path:
    """The current folder; where it was removed, what it was called."""
    try:
        return Path.cwd()
    except OSError:
        return Path(os.environ.get("PWD") or os.sep)


def _nowhere(mode: str) -> TextIO:
    return cast(TextIO, Path(os.devnull).open(mode))
