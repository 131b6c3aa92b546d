"""`python -m tests.simulation --seed N | --seeds A:B | --shrink N`: replay one seed, run many, explain one.

Exit 1 on any violation. The last line of a run counts it:
`N seeds, F faults, C crashes, T fills, H virtual hours, V violations`.
"""

from __future__ import annotations

import argparse
import gc
import sys
from itertools import count, islice

from tests.simulation.campaign import campaign, replay
from tests.simulation.shrink import shrink
from tests.simulation.wire import is_behind_the_adapter


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--seed", type=int, metavar="N", help="replay one seed and tell its story")
    asked.add_argument("--seeds", metavar="A:B", help="run the seeds from A up to B and without it")
    asked.add_argument(
        "--shrink", type=int, metavar="N", help="the few faults that matter in a seed that fails"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes that share the seeds")
    parser.add_argument(
        "--catches", type=int, default=0, metavar="N", help="stop after so many broken promises"
    )
    parser.add_argument(
        "--adapter", action="store_true", help="as many seeds, all of them behind the adapter"
    )
    parser.add_argument("--sometimes", action="store_true", help="fail where something never happened")
    found = parser.parse_args()
    if found.seed is not None:
        return replay(found.seed)
    if found.shrink is not None:
        return shrink(found.shrink)
    # What is loaded by now is no garbage, and a seed leaves little of it in circles: it is looked for seldom.
    gc.freeze()
    gc.set_threshold(50_000)
    first, last = map(int, found.seeds.split(":"))
    every = filter(is_behind_the_adapter, count(first)) if found.adapter else count(first)
    seeds = tuple(islice(every, last - first))
    return campaign(seeds, workers=found.workers, catches=found.catches, sometimes=found.sometimes)


if __name__ == "__main__":
    sys.exit(main())
