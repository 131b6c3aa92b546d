"""A day of the daemon in minutes: `python -m tests.crash.soak [--seconds N] [--parents N] [--seed N]`.

One real `mvx run` on the five built-in paper venues, a queue of parents of both sides, and a fault every
tenth of the time, drawn from every kind. In the end every parent has ended, the journal is the ledger
one for one, and the daemon's memory is flat. Exit 1, with the reason, where it is not so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from mvx.engine import jobs
from mvx.engine.desk import open_desk
from mvx.journal import jobs as queue
from mvx.paper.exchange import FAULT_KINDS
from tests.crash.processes import Station
from tests.engine.desk import BUY, SELL, order
from tests.engine.truth import assert_settled, reading, until_agreed

FAULTS = 10
#: How much the daemon may grow between the second third of its time and the last.
GROWTH = 1.05
PATIENCE_S = 120.0


@dataclass
class Soak:
    """One run of it. `rss_kb`: the daemon's resident memory, as it was seen over its time."""

    at: Station
    seconds: float
    parents: int
    chance: random.Random
    daemon: subprocess.Popen[str] = field(init=False)
    rss_kb: list[int] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)

    def run(self) -> None:
        self.daemon = self.at.start("run")
        try:
            began = time.monotonic()
            queued = self._queue(0)
            while (elapsed := time.monotonic() - began) < self.seconds:
                queued += self._queue(queued, until=self.parents * elapsed / self.seconds)
                self._strike(FAULTS * elapsed / self.seconds)
                self.rss_kb.append(_rss_kb(self.daemon.pid))
                time.sleep(0.5)
            self._queue(queued, until=self.parents)
            self.at.exchange.heal()
            self._wait_for_all()
        finally:
            self.daemon.send_signal(signal.SIGTERM)
            _, self.stderr = self.daemon.communicate(timeout=PATIENCE_S)

    def _queue(self, already: int, until: float = 1) -> int:
        """Hand over so many parents that there are `until` of them; how many that were."""
        count = max(0, round(until) - already)

        async def hand_over() -> None:
            async with open_desk(self.at.settings) as desk:
                for number in range(already, already + count):
                    side = BUY if number % 2 else SELL
                    qty = f"0.{self.chance.randrange(1, 60):02}"
                    jobs.queue(desk, order(qty, side, id=f"p{number}"), "soak")

        if count:
            asyncio.run(hand_over())
        return count

    def _strike(self, due: float) -> None:
        while len(self.struck) < int(due):
            kind, venue = self.chance.choice(FAULT_KINDS), self.chance.choice(list(self.at.settings.venues))
            self.at.exchange.inject(venue, kind, for_s=self.chance.uniform(0.5, self.seconds / FAULTS))
            self.struck.append(f"{kind}@{venue}")

    def _wait_for_all(self) -> None:
        give_up_at = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up_at and self.daemon.poll() is None:
            with reading(self.at.settings) as tx:
                if not queue.open_jobs(tx):
                    return
            time.sleep(0.25)
        raise AssertionError("jobs are left, or the daemon ended")

    def check(self) -> Counter[str]:
        """How the parents ended, once everything else holds."""
        until_agreed(self.at, most=60)
        assert_settled(self.at)
        assert self.daemon.returncode == 128 + signal.SIGTERM, self.stderr
        third = len(self.rss_kb) // 3
        before, after = median(self.rss_kb[third : 2 * third]), median(self.rss_kb[2 * third :])
        assert after <= before * GROWTH, f"grew from {before} to {after} kB"
        with reading(self.at.settings) as tx:
            ended = tx.connection.execute("SELECT answer FROM jobs WHERE status = 'ended'").fetchall()
        assert len(ended) == self.parents
        return Counter(_how(answer) for (answer,) in ended)


def _how(answer: str) -> str:
    """The exit code, and what was said where there is no result."""
    said = json.loads(answer)
    return (
        f"{said['error']['exit_code']}: {said['error']['message']}"
        if "error" in said
        else str(said["exit_code"])
    )


def _rss_kb(pid: int) -> int:
    line = next(text for text in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in text)
    return int(line.split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--parents", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Station(Path(folder)), asked.seconds, asked.parents, random.Random(asked.seed))
        soak.run()
        ended = soak.check()
    rss = soak.rss_kb
    sys.stdout.write(
        f"{asked.parents} parents ended {dict(ended)} (exit code, why: parents), {len(soak.struck)} faults"
        f" {' '.join(soak.struck)}; RSS {rss[0]} to {rss[-1]} kB, at most {max(rss)}\n"
    )


if __name__ == "__main__":
    main()
