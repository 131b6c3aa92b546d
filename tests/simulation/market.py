"""The books of the simulated venues: small, cheap to read, and restless enough that resting orders fill."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from random import Random

from tests.simulation.chance import chance

MARKETS = 6
BOOKS = 40
STEP_S = 3
VENUES = ("kraken", "coinbase", "binance", "okx", "bybit")
TICK = 10


@cache
def memory() -> Path:
    """A folder on a memory file system where there is one, for as long as this Python runs."""
    shm = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="mvx-simulation-", dir=shm if shm.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def books(market: int) -> Path:
    """One of a few recordings of all venues, two minutes long."""
    path = memory() / f"books-{market}.jsonl"
    luck = chance("market", market)
    lines = []
    mid = 80_000
    for step in range(BOOKS):
        mid += luck.choice((-150, -40, -10, 0, 0, 10, 40, 150))
        for venue in VENUES:
            best = mid + luck.choice((-20, -10, 0, 10, 20))
            bids = [[f"{best - TICK * (1 + level)}", _size(luck)] for level in range(5)]
            asks = [[f"{best + TICK * (1 + level)}", _size(luck)] for level in range(5)]
            lines.append(
                json.dumps(
                    {"timestamp": 1_000 + STEP_S * step, "exchange": venue, "bids": bids, "asks": asks}
                )
            )
    path.write_text("\n".join(lines) + "\n")
    return path


def _size(luck: Random) -> str:
    return f"{luck.choice((1, 2, 5, 10, 40, 80)) / 100:.2f}"
