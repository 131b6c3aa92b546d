"""A process that file modes and limits bind, whoever runs the tests: root of a container included."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.cli.harness import Ran

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2
_ROOT = Path(__file__).resolve().parents[2]


def bound_by_modes() -> None:
    """Root may write whatever it likes: no longer, after the next exec. Raises OSError where it can not be
    given up."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        if os.geteuid() == 0 and libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "PR_CAPBSET_DROP")


def files_of_at_most(size: int) -> Callable[[], None]:
    """No file of the process grows beyond that, as on a disk that is full."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def child(cwd: Path, *argv: str, before: Callable[[], None], **variables: str) -> Ran:
    """Runs `mvx` in a process of its own. `before` is called in it just before it begins."""
    around = {**os.environ, "PYTHONPATH": str(_ROOT), "MVX_JOURNAL": "mvx.db", **variables}
    ran = subprocess.run(
        [sys.executable, "-m", "mvx", *argv],
        cwd=cwd,
        env=around,
        preexec_fn=before,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)
