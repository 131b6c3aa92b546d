"""What surrounds one run of the program: streams, variables and the folder. Tests replace it whole.

Rule: stdout carries the answer, stderr everything else; no escape sequence goes to a stream that is
no terminal. A reader that went away (EPIPE) is no error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

LOUD = "1;31"
QUIET = "2"


@dataclass(frozen=True, slots=True)
class Environment:
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    variables: Mapping[str, str]
    cwd: Path

    @classmethod
    def of_process(cls) -> Environment:
        for stream in (sys.stdout, sys.stderr):
            # A terminal that can not show a character gets an escape, never a traceback.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        return cls(sys.stdin, sys.stdout, sys.stderr, os.environ, Path.cwd())

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there to read a question and to answer it."""
        return self.stdin.isatty() and self.stderr.isatty()

    def colour(self, stream: TextIO) -> bool:
        """Colour is for a terminal that wants it."""
        plain = self.variables.get("NO_COLOR") or self.variables.get("TERM") == "dumb"
        return stream.isatty() and not plain

    def answer(self, text: str) -> None:
        """One piece of the answer, on stdout."""
        _write(self.stdout, text)

    def say(self, text: str, style: str = "") -> None:
        """One line beside the answer, on stderr."""
        if style and self.colour(self.stderr):
            text = f"\x1b[{style}m{text}\x1b[0m"
        _write(self.stderr, text)

    def ask(self, question: str) -> str:
        """What was typed as an answer; nothing where the input ended."""
        self.stderr.write(question)
        self.stderr.flush()
        return self.stdin.readline().strip()


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        # Python flushes once more at exit: let it write to nowhere.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
