"""Commands whose disk fails: `python -m tests.crash.full [--cases N] [--seed N]`.

Each case is a copy of one desk (points.py) and a command on it in a process of its own, for which the disk of
the journal is full, read-only or broken from one of its writes or syncs on (recorder.c); the venues go on.
The command says so and is no defect, and it owns up to what it sent. Then there is space again: the truth is
in the interval, every order that a venue has is an intent in the journal, and the command, repeated, trades
its quantity once. The last line counts cases, failures of the disk and violations; exit 1 where a promise
broke.
"""

from __future__ import annotations

import argparse
import errno
import json
import random
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from mvx.errors import Exit
from tests.crash.points import COMMANDS, copy_of, prepare, recover
from tests.crash.processes import RealClock, Station
from tests.crash.recording import SYNCED, WRITTEN, Recorder
from tests.engine.desk import Operator
from tests.virtual import VirtualClock

ERRORS = (errno.ENOSPC, errno.EROFS, errno.EIO)
LEADS_S = 4


class Case(NamedTuple):
    """A command, and after how many of its writes and syncs which error begins."""

    command: str
    error: int
    after: int


def run(at: Station, recorder: Recorder, name: str, fails: str = "0 0") -> tuple[int, str, str]:
    """The command on a disk that fails so; a leader that goes on all the same is stopped."""
    words = ("--config", str(at.config), *COMMANDS[name].words, "--json")
    process = recorder.start("mvx", *words, fails=fails)
    try:
        stdout, stderr = process.communicate(timeout=LEADS_S if name == "run" else 60)
    except subprocess.TimeoutExpired:
        process.terminate()
        stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


def desk(template: Path, scratch: Path, name: str) -> tuple[Station, Recorder]:
    at = copy_of(template, scratch / "desk")
    COMMANDS[name].before(Operator(at.settings, VirtualClock(RealClock().now())))
    return at, Recorder(at.folder, scratch)


def calls(template: Path, name: str) -> int:
    """How often a command writes or syncs a file of the journal's."""
    with tempfile.TemporaryDirectory() as scratch:
        at, recorder = desk(template, Path(scratch), name)
        run(at, recorder, name)
        found = (call for call in recorder.calls() if ".paper" not in call.name)
        return sum(call.op in (WRITTEN, SYNCED) for call in found)


def accepted(at: Station) -> set[str]:
    ledgers: list[Any] = [at.exchange.ledger(venue) for venue in at.settings.venues]
    return {row["order_id"] for ledger in ledgers for row in ledger["orders"]}


def fail(template: Path, case: Case) -> tuple[bool, str]:
    """One case from copy to the end: whether the disk failed, and what broke (nothing: empty)."""
    with tempfile.TemporaryDirectory() as scratch:
        said: tuple[int, str, str] = (0, "", "")
        try:
            at, recorder = desk(template, Path(scratch), case.command)
            before = accepted(at)
            said = run(at, recorder, case.command, f"{case.error} {case.after}")
            check_answer(*said, sent=bool(accepted(at) - before))
            recover(at, COMMANDS[case.command], bust=case.command == "reconcile")
        except Exception:  # noqa: BLE001 - whatever broke is the result of this case
            return True, f"{case}\n{said}\n{traceback.format_exc()}"
        return "disk" in said[1] or "readonly" in said[1], ""


def check_answer(exit_code: int, stdout: str, stderr: str, *, sent: bool) -> None:
    """It says what happened, as a command does, and nothing that is not so."""
    assert "Traceback" not in stderr
    assert exit_code > Exit.DEFECT or exit_code == Exit.OK
    answer = json.loads(stdout)
    assert answer["sent"] or not sent, "it sent orders and says that it did not"


def cases(template: Path, count: int, seed: int) -> Iterator[Case]:
    chance = random.Random(seed)
    known = {name: calls(template, name) for name in COMMANDS}
    for _ in range(count):
        name = chance.choice(list(COMMANDS))
        yield Case(name, chance.choice(ERRORS), chance.randrange(known[name]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2) as pool:
        template = Path(folder) / "template"
        prepare(template)
        chosen = list(cases(template, asked.cases, asked.seed))
        results = list(pool.map(fail, [template] * len(chosen), chosen))
    broken = [why for _, why in results if why]
    for why in broken[:10]:
        sys.stdout.write(f"{why}\n")
    hits = sum(hit for hit, _ in results)
    sys.stdout.write(f"{len(chosen)} cases, {hits} ended by the disk, {len(broken)} violations\n")
    sys.exit(bool(broken) or hits < len(chosen) // 2)


if __name__ == "__main__":
    main()
