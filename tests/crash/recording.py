"""What real processes do to the files of a folder, call by call (recorder.c): writes, syncs, removals."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mvx.errors import Exit
from tests.crash.processes import PATIENCE_S, environment

ROOT = Path(__file__).resolve().parents[2]
#: How a command ends that did what it could.
FINE = (Exit.OK, Exit.INCOMPLETE, Exit.UNCERTAIN, Exit.BREAKS)


class Call(NamedTuple):
    """One call on one file. `op`: one of OPENED, WRITTEN, CUT (to `offset` bytes), REMOVED, SYNCED; the
    folder itself is named FOLDER."""

    op: str
    name: str
    offset: int
    data: bytes


OPENED, WRITTEN, CUT, REMOVED, SYNCED = "owtus"
FOLDER = "."


class Recorder:
    """Runs Python modules whose calls on a folder are recorded. Needs a C compiler, and fails without."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._folder = folder.resolve()
        self._calls = scratch / "calls"
        self._library = scratch / "recorder.so"
        source = Path(__file__).with_name("recorder.c")
        flags = ("-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror")
        subprocess.run(["cc", *flags, str(source), "-o", str(self._library), "-ldl"], check=True)

    def start(self, module: str, *words: str, fails: str = "0 0") -> subprocess.Popen[str]:
        """`fails`: "ERRNO AFTER", as recorder.c has it."""
        recorded = {
            "MVX_FAIL": fails,
            "MVX_RECORD_FOLDER": str(self._folder),
            "MVX_RECORD_TO": str(self._calls),
        }
        return subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=ROOT,
            env=environment(self._folder, **recorded, LD_PRELOAD=str(self._library)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *commands: Sequence[str]) -> None:
        """All of them at the same time, to their end. Raises RuntimeError where one fails."""
        for process in [self.start(*words) for words in commands]:
            _, stderr = process.communicate(timeout=PATIENCE_S)
            if process.returncode not in FINE:
                raise RuntimeError(stderr)

    def calls(self) -> tuple[Call, ...]:
        """What was recorded so far, in the order in which it happened."""
        return tuple(_parsed(self._calls.read_bytes()))


def _parsed(text: bytes) -> Iterator[Call]:
    start = 0
    while start < len(text):
        end = text.index(b"\n", start)
        op, offset, length, name = text[start:end].decode().split(" ", 3)
        start = end + 1 + int(length)
        yield Call(op, name, int(offset), text[end + 1 : start])
