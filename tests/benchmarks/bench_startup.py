"""What `mvx positions` costs to start, as a multiple of the bare interpreter. Run it on a quiet machine:

    python -m tests.benchmarks.bench_startup

The least of many alternating runs counts: noise only ever adds.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 20
BUDGETS = {"json": 12, "table": 18}


def main() -> None:
    """Prints the least time of each start and its multiple of the bare interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        mvx = [sys.executable, "-m", "mvx", "--journal", f"{folder}/mvx.db"]
        starts = {
            "bare": [str(Path(sys.executable).resolve()), "-I", "-S", "-c", "pass"],
            "json": [*mvx, "positions", "--json"],
            "table": [*mvx, "positions"],
        }
        for prepare in (["init", "--paper"], ["reconcile"]):
            _run([*mvx, *prepare], folder)
        least_ms = dict.fromkeys(starts, float("inf"))
        for _ in range(RUNS):
            for name, command in starts.items():
                least_ms[name] = min(least_ms[name], _run(command, folder))
    for name, ms in least_ms.items():
        ratio = ms / least_ms["bare"]
        budget = f" (budget {BUDGETS[name]}x)" if name in BUDGETS else ""
        sys.stdout.write(f"{name:6} {ms:6.1f} ms {ratio:5.1f}x{budget}\n")


def _run(command: list[str], folder: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    return (time.perf_counter() - began) * 1_000


if __name__ == "__main__":
    main()
