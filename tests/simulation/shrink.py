"""From a seed that fails to the few faults and acts that matter, and their story.

Rule: strikes and acts are drawn by key, so that one can be left out and the others stay where they were.
"""

from __future__ import annotations

import sys
from collections.abc import Collection

from mvx.domain.ids import Venue
from tests.simulation.acts import acts
from tests.simulation.faults import strikes
from tests.simulation.market import VENUES
from tests.simulation.run import CHAOS_S, Result, simulate


def shrink(seed: int) -> int:
    """Delta debugging over strikes and acts together; prints what is left of the story."""
    whole = simulate(seed, keep_story=True)
    if not whole.violation:
        sys.stdout.write(f"seed {seed} breaks nothing\n")
        return 0
    promise = whole.violation.partition(":")[0]
    names = [s.name for s in strikes(seed, tuple(map(Venue, VENUES)), CHAOS_S)]
    names += [a.name for a in acts(seed, CHAOS_S)]
    kept = _least(seed, names, promise)
    found = _run(seed, kept)
    sys.stdout.write(
        "\n".join((*found.story, f"left of {len(names)}: {', '.join(kept)}", found.violation)) + "\n"
    )
    return 1


def _run(seed: int, names: Collection[str]) -> Result:
    kept = frozenset(names)
    return simulate(seed, keep_story=True, only=kept, acting=kept)


def _least(seed: int, names: list[str], promise: str) -> list[str]:
    """A list from which nothing can be left out any more without mending it."""

    def fails(some: list[str]) -> bool:
        return _run(seed, some).violation.partition(":")[0] == promise

    parts = 2
    while len(names) > 1:
        size = max(1, len(names) // parts)
        for begin in range(0, len(names), size):
            rest = names[:begin] + names[begin + size :]
            if fails(rest):
                names, parts = rest, max(2, parts - 1)
                break
        else:
            if size == 1:
                return names
            parts = min(len(names), 2 * parts)
    return names
