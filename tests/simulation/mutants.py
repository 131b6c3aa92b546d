"""`python -m tests.simulation.mutants`: plant each bug in a copy of mvx, and see which promise catches it.

Rule: only a named promise counts (I1-I14): a mutant that merely raises is not caught. Each must be caught
within 300 seeds, and one of the adapter within 300 that are behind it. The table says by which seed first,
and how often.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.simulation.planted import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
SEEDS = 300
_CAUGHT = re.compile(r"^seed (\d+): (I\d+):", re.MULTILINE)
_UNFIT = re.compile(r"^seed \d+: defect in .*(?:Type|Name|UnboundLocal|Attribute)Error: .*$", re.MULTILINE)
_RUN = re.compile(r"^(\d+) seeds, ", re.MULTILINE)


class Caught(NamedTuple):
    """By which seed first, and how often in how many; no seed: it was not."""

    mutant: Mutant
    first: int | None
    promises: tuple[str, ...]
    times: int
    seeds: int

    def row(self) -> str:
        if self.first is None:
            return f"{self.mutant.name:55} NOT CAUGHT in {self.seeds} seeds"
        rate = 100 * self.times / self.seeds
        by = " ".join(self.promises)
        return f"{self.mutant.name:55} seed {self.first:4} {rate:5.1f} % of {self.seeds:3} {by}"


def plant(mutant: Mutant, folder: Path) -> None:
    """A copy of mvx with the bug in it, and the tests beside it. Raises ValueError where it does not fit."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "mvx", folder / "mvx", ignore=ignored)
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=ignored)
    for file, old, new in mutant.patches:
        path = folder / "mvx" / file
        text = path.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise ValueError(f"{mutant.name}: its text is {text.count(old)} times in {file}")
        path.write_text(text.replace(old, new), encoding="utf-8")


def hunt(mutant: Mutant, *, catches: int, workers: int, seeds: int = SEEDS) -> Caught:
    """Run the seeds on the mutant until it was caught so often. Raises ValueError where it is not the bug
    that it is named for: what it calls has changed since."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plant(mutant, folder)
        command = [
            sys.executable,
            "-m",
            "tests.simulation",
            "--seeds",
            f"0:{seeds}",
            "--catches",
            str(catches),
            *(["--adapter"] if mutant.in_adapter else []),
        ]
        run = subprocess.run(
            [*command, "--workers", str(workers)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
    found = _CAUGHT.findall(run.stdout)
    ran = _RUN.search(run.stdout)
    if ran is None:
        raise RuntimeError(run.stdout + run.stderr)
    if unfit := _UNFIT.search(run.stdout):
        raise ValueError(f"{mutant.name}: {unfit[0]}")
    first = min((int(seed) for seed, _ in found), default=None)
    promises = tuple(sorted({promise for _, promise in found}))
    return Caught(mutant, first, promises, len(found), int(ran[1]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="those whose name holds it")
    parser.add_argument("--catches", type=int, default=3, help="enough for a rate")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    missed = 0
    for caught in _hunted((m for m in MUTANTS if asked.only in m.name), asked.catches, asked.workers):
        missed += caught.first is None
        sys.stdout.write(caught.row() + "\n")
        sys.stdout.flush()
    sys.stdout.write(f"{missed} mutants not caught\n")
    return 1 if missed else 0


def _hunted(mutants: Iterable[Mutant], catches: int, workers: int) -> Iterable[Caught]:
    for mutant in mutants:
        yield hunt(mutant, catches=catches, workers=workers)


if __name__ == "__main__":
    sys.exit(main())
