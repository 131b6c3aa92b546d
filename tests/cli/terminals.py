"""Real processes on a real pseudo-terminal, and what a person would see there."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from tests.test_tidy import ROOT

_SEQUENCE = re.compile(r"\x1b\[(\d*(?:;\d*)*)([A-Za-z])")
_PATIENCE_S = 30.0


class Screen:
    """What a terminal shows that folds long lines and folds them anew when its width changes.

    It knows what mvx may say and nothing more: colours, up, clear below, clear the line, return, new line.
    Anything else raises ValueError, the hiding of a cursor for one.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.lines = [""]
        self._line = self._offset = 0
        self._style = ""
        self._styles: dict[tuple[int, int], str] = {}

    def feed(self, text: str) -> None:
        at = 0
        while at < len(text):
            sequence = _SEQUENCE.match(text, at)
            if sequence:
                self._obey(sequence[1], sequence[2])
                at = sequence.end()
            else:
                self._put(text[at])
                at += 1

    def text(self) -> str:
        """Everything that was not taken away, scrolled out at the top or not."""
        return "\n".join(self.lines)

    def painted(self) -> str:
        """The same with its colours."""
        return "\n".join(self._painted(row, line) for row, line in enumerate(self.lines))

    def _painted(self, row: int, line: str) -> str:
        runs = groupby(range(len(line)), lambda column: self._styles.get((row, column), ""))
        return "".join(f"\x1b[{style}m{''.join(line[at] for at in run)}\x1b[0m" for style, run in runs)

    def _obey(self, numbers: str, letter: str) -> None:
        if letter == "A":
            self._up(int(numbers or 1))
        elif letter == "J" and not numbers:
            self.lines[self._line] = self.lines[self._line][: self._offset]
            del self.lines[self._line + 1 :]
        elif letter == "K" and not numbers:
            self.lines[self._line] = self.lines[self._line][: self._offset]
        elif letter == "m":
            self._style = numbers
        else:
            raise ValueError(f"CSI {numbers}{letter}")

    def _put(self, character: str) -> None:
        if character == "\r":
            self._offset -= self._offset % self.columns
        elif character == "\n":
            self._line += 1
            self._offset = 0
            if self._line == len(self.lines):
                self.lines.append("")
        elif character.isprintable():
            line = self.lines[self._line].ljust(self._offset)
            self._styles[self._line, self._offset] = self._style
            self.lines[self._line] = line[: self._offset] + character + line[self._offset + 1 :]
            self._offset += 1
        else:
            raise ValueError(repr(character))

    def _height(self, line: str) -> int:
        return max(1, -(-len(line) // self.columns))

    def _up(self, count: int) -> None:
        """As far as the top of the window: what scrolled out is out of reach."""
        heights = [self._height(line) for line in self.lines]
        row = sum(heights[: self._line]) + self._offset // self.columns
        row = max(row - count, sum(heights) - self.rows, 0)
        self._line = 0
        while row >= heights[self._line]:
            row -= heights[self._line]
            self._line += 1
        self._offset = row * self.columns


class OnTerminal:
    """A command on a terminal of its own, which it controls: ^C reaches it as SIGINT."""

    def __init__(
        self, argv: list[str], cwd: Path, size: tuple[int, int], variables: Mapping[str, str]
    ) -> None:
        self._master, self._slave = os.openpty()
        self.screen = Screen(*size)
        self.raw = ""
        self._set_size(size)
        self.manners = termios.tcgetattr(self._slave)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **variables}
        for name in ("NO_COLOR", "COLUMNS", "LINES"):
            if name not in variables:
                environment.pop(name, None)
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *argv],
            cwd=cwd,
            env=environment,
            **dict.fromkeys(("stdin", "stdout", "stderr"), self._slave),
        )

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)
        os.close(self._slave)

    def wait_for(self, wanted: Callable[[Screen], bool]) -> None:
        """Reads until the screen is as wanted. Raises AssertionError after a while."""
        end = time.monotonic() + _PATIENCE_S
        while not wanted(self.screen):
            assert time.monotonic() < end, self.screen.text()
            self.read(0.05)

    def drawn(self, text: str) -> int:
        """How often it was written, whatever its colours and whether it still stands there."""
        return re.sub(r"\x1b\[[\d;]*m", "", self.raw).count(text)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def resize(self, columns: int, rows: int) -> None:
        self.screen.columns, self.screen.rows = columns, rows
        self._set_size((columns, rows))

    def end(self) -> int:
        """Reads to the end; the exit code."""
        while self.process.poll() is None:
            self.read(0.05)
        while self.read(0):
            pass
        return self.process.returncode

    def manners_now(self) -> list[object]:
        """How the terminal treats what is typed."""
        return termios.tcgetattr(self._slave)

    def read(self, patience_s: float) -> bool:
        """Whether something came."""
        if not select.select([self._master], [], [], patience_s)[0]:
            return False
        text = os.read(self._master, 65536).decode()
        self.raw += text
        self.screen.feed(text)
        return True

    def _set_size(self, size: tuple[int, int]) -> None:
        columns, rows = size
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@contextmanager
def on_terminal(
    *argv: str, cwd: Path, size: tuple[int, int] = (80, 24), **variables: str
) -> Iterator[OnTerminal]:
    """mvx on a terminal."""
    terminal = OnTerminal([sys.executable, "-m", "mvx", *argv], cwd, size, variables)
    try:
        yield terminal
    finally:
        terminal.close()
