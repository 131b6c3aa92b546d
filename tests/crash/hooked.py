"""One run of mvx that is struck at one line of its own code: `python -m tests.crash.hooked WORDS...`.

What happens where is in the environment: MVX_STRIKE = `FILE:LINE:N:SIGNAL` sends the signal to the process
itself when it comes to that line for the N-th time; MVX_COUNT = FILE writes how often each line was reached.
The hook is the interpreter's own trace function, so that mvx carries nothing for it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import mvx
from mvx.cli.app import run
from mvx.cli.environment import Environment
from mvx.cli.signals import Interrupted, Signals

PACKAGE = Path(mvx.__file__).parent
#: Where state changes: the rest computes, and is left to run at full speed.
PARTS = tuple(str(PACKAGE / part) for part in ("engine", "journal", "paper", "sqlite.py"))

Line = tuple[str, int]
counts: Counter[Line] = Counter()


def count(frame: FrameType, event: str, _arg: Any) -> Any:
    """Traces the parts that matter, a line at a time."""
    if event == "call":
        return count if frame.f_code.co_filename.startswith(PARTS) else None
    if event == "line":
        line = (frame.f_code.co_filename, frame.f_lineno)
        counts[line] += 1
        if line == target and counts[line] == number:
            os.kill(os.getpid(), blow)
    return count


spec = os.environ.get("MVX_STRIKE", "::0:SIGKILL").split(":")
target = (str(PACKAGE / spec[0]), int(spec[1] or 0))
number, blow = int(spec[2]), signal.Signals[spec[3]]


def main() -> None:
    signals = Signals()
    exit_code = 0
    sys.settrace(count)
    try:
        with signals.handled():
            exit_code = run(tuple(sys.argv[1:]), Environment.of_process(), signals)
    except Interrupted as stopped:
        exit_code = int(stopped.exit_code)
    finally:
        sys.settrace(None)
    if "MVX_COUNT" in os.environ:
        reached = [
            [str(Path(file).relative_to(PACKAGE)), line, times] for (file, line), times in counts.items()
        ]
        Path(os.environ["MVX_COUNT"]).write_text(json.dumps(sorted(reached)))
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
