"""Many seeds: shared by a few worker processes, counted, and asked whether everything happened sometimes."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mvx.reconciliation.kinds import BreakKind
from tests.simulation.faults import KINDS
from tests.simulation.run import Result, simulate

BATCH = 2


@dataclass
class Tally:
    """What a run of seeds came to."""

    seeds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    breaks: Counter[str] = field(default_factory=Counter)
    crashes: int = 0
    fills: int = 0
    virtual_s: float = 0.0
    violations: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        self.seeds += 1
        self.faults.update(result.faults)
        self.breaks.update(result.breaks)
        self.crashes += result.crashes
        self.fills += result.fills
        self.virtual_s += result.virtual_s
        if result.violation:
            self.violations.append(result)

    def line(self) -> str:
        return (
            f"{self.seeds} seeds, {self.faults.total()} faults, {self.crashes} crashes, {self.fills} fills,"
            f" {self.virtual_s / 3600:.1f} virtual hours, {len(self.violations)} violations"
        )

    def never(self) -> list[str]:
        """What did not happen once: a kind of fault, a crash point or a kind of break."""
        kinds = [f"fault {kind}" for kind in KINDS if not self.faults[kind]]
        return kinds + [f"break {kind}" for kind in BreakKind if not self.breaks[kind]]


def replay(seed: int) -> int:
    """One seed and its story."""
    result = simulate(seed, keep_story=True)
    _say(*result.story, f"trace {result.trace}", result.violation or "no violation")
    return 1 if result.violation else 0


def campaign(seeds: Sequence[int], *, workers: int = 2, catches: int = 0, sometimes: bool = False) -> int:
    """All of them; 1 where any promise was broken, or with `sometimes` where anything never happened."""
    tally, began_s, caught = Tally(), time.monotonic(), 0
    for result in _results(seeds, workers):
        tally.add(result)
        if result.violation:
            _say(f"seed {result.seed}: {result.violation}")
            caught += result.violation.startswith("I")
            if caught and caught == catches:
                break
    never = tally.never() if sometimes else []
    _say(*(f"never happened: {what}" for what in never))
    _say(f"faults: {_counts(tally.faults)}", f"breaks: {_counts(tally.breaks)}")
    _say(f"{tally.seeds / (time.monotonic() - began_s):.1f} seeds/s", tally.line())
    return 1 if tally.violations or never else 0


def _results(seeds: Sequence[int], workers: int) -> Iterator[Result]:
    if workers == 1:
        yield from map(simulate, seeds)
        return
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        yield from pool.imap_unordered(simulate, seeds, chunksize=min(BATCH, max(1, len(seeds) // workers)))


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {times}" for name, times in sorted(counter.items()))


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()
