"""Power losses: `python -m tests.crash.power [--images N] [--desks N] [--seed N]`.

Real processes write a journal, two at a time and then alone, and every call that they make on its files is
recorded. Each image is what a disk may hold after a power loss between two of these calls (disk.py). Opened
by mvx it is sound, its log is the first part of the log that was written, whole transactions of it, with
every one that was acknowledged; the tables are its fold, its mark is no alarm, and it can be written.

The same for a desk that runs commands: the venues lose no power, and whoever comes next finds the truth in
the interval and an intent for every order that a venue has, and reconciles until the journal is the ledger.

The last line counts images, moments and violations; exit 1 where a promise broke.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from mvx.domain import entries as log
from mvx.journal.store import Journal
from mvx.journal.verify import differences
from tests.crash.disk import Disk
from tests.crash.points import COMMANDS, recover
from tests.crash.processes import Station, adopt_mark
from tests.crash.recording import SYNCED, WRITTEN, Call, Recorder
from tests.crash.scribe import ACKNOWLEDGED
from tests.domain.orders import order

NAME = "mvx.db"
AT_ONCE, ALONE, REOPEN = 150, 60, 15
#: What a desk does while its power fails.
WORDS = (
    ("route", "BTC-USD", "0.6", "--id", "a"),
    ("route", "BTC-USD", "0.2", "--limit", "60000", "--tif", "gtc"),
    ("route", "BTC-USD", "0.4", "--sell", "--id", "b"),
    ("reconcile",),
    ("cancel", "--all"),
    ("flatten", "--all"),
)


class Recorded(NamedTuple):
    """What the processes did, and the whole log that came of it."""

    calls: tuple[Call, ...]
    log: tuple[tuple[Any, ...], ...]

    def acknowledged(self) -> dict[int, int]:
        """By which call a transaction was acknowledged, and its last entry."""
        return {
            number: int(call.data)
            for number, call in enumerate(self.calls)
            if call.name == ACKNOWLEDGED and call.op == WRITTEN
        }


class Image(NamedTuple):
    """One power loss: before which call, in which of the possible states of the disk, and the last entry
    that was acknowledged until then."""

    before: int
    seed: int
    acknowledged: int


#: What is expected of an image in a folder. Raises whatever it breaks.
Check = Callable[[Path, Recorded, Image], None]


def record_journal(scratch: Path, synchronous: str = "FULL") -> Recorded:
    """Two writers at once, then one that opens it again and again."""
    desk = scratch / "desk"
    desk.mkdir()
    recorder = Recorder(desk, scratch)

    def scribe(count: int, reopen: int) -> tuple[str, ...]:
        return ("tests.crash.scribe", str(desk / NAME), str(count), str(reopen), synchronous)

    recorder.run(*[scribe(AT_ONCE, AT_ONCE)] * 2)
    recorder.run(scribe(ALONE, REOPEN))
    return Recorded(recorder.calls(), log_of(desk / NAME))


def record_desk(scratch: Path) -> Recorded:
    """One command after another, as an operator types them."""
    desk = scratch / "desk"
    desk.mkdir()
    config = desk / "mvx.toml"
    config.write_text("")
    recorder = Recorder(desk, scratch)
    for words in WORDS:
        recorder.run(("mvx", "--config", str(config), *words))
    return Recorded(recorder.calls(), log_of(desk / NAME))


def log_of(path: Path) -> tuple[tuple[Any, ...], ...]:
    with closing(Journal(path, mode="paper")) as journal, journal.read() as tx:
        return tuple(tx.connection.execute("SELECT seq, at, kind, body FROM log ORDER BY seq"))


def draw(recorded: Recorded, images: int, seed: int) -> list[Image]:
    """Half of the losses come just before a sync, when most is at stake; the others anywhere."""
    chance = random.Random(seed)
    syncs = [number for number, call in enumerate(recorded.calls) if call.op == SYNCED]
    anywhere = range(len(recorded.calls) + 1)
    chosen = sorted(chance.choice(syncs if number % 2 else anywhere) for number in range(images))
    acknowledged = recorded.acknowledged()
    return [
        Image(
            before,
            chance.getrandbits(32),
            max((seq for number, seq in acknowledged.items() if number < before), default=0),
        )
        for before in chosen
    ]


def check_journal(folder: Path, recorded: Recorded, image: Image) -> None:
    path = folder / NAME
    adopt_mark(path)
    with closing(Journal(path, mode="paper")) as journal:
        with journal.read() as tx:
            assert [("ok",)] == tx.connection.execute("PRAGMA integrity_check").fetchall()
            assert [] == list(differences(tx))
        found = log_of(path)
        assert image.acknowledged <= len(found), f"{image.acknowledged} acknowledged, {len(found)} there"
        assert begins_alike(found, recorded), "neither whole transactions of the log nor a new journal"
        assert ("", ()) == (journal.restored, journal.notices())
        with journal.write() as again:
            (cl_ord_id,) = again.next_cl_ord_ids(1)
            again.append(log.Intended(order(cl_ord_id=cl_ord_id)))


def begins_alike(found: tuple[tuple[Any, ...], ...], recorded: Recorded) -> bool:
    """Whole transactions of the log, from its first; or a journal that was not there yet and is new."""
    if len(found) == 1 and found != recorded.log[:1]:
        return bool(found[0][2] == "JournalOpened")
    ends = {1, *recorded.acknowledged().values()}
    return len(found) in ends and found == recorded.log[: len(found)]


def check_desk(folder: Path, _recorded: Recorded, _image: Image) -> None:
    adopt_mark(folder / NAME)
    at = Station(folder)
    try:
        recover(at, COMMANDS["reconcile"], bust=False)
    finally:
        at.exchange.close()


def failures(recorded: Recorded, images: list[Image], check: Check) -> list[str]:
    """Each image in turn, on one disk that the calls go to in between; what broke, if anything did."""
    disk, done, found = Disk(powered=lambda name: ".paper" in name), 0, []
    for image in images:
        for call in recorded.calls[done : image.before]:
            disk.apply(call)
        done = image.before
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "desk"
            disk.image(folder, random.Random(image.seed))
            try:
                check(folder, recorded, image)
            except Exception:  # noqa: BLE001 - whatever broke is the result of this image
                found.append(f"{image}\n{traceback.format_exc()}")
    return found


def lose(recorded: Recorded, images: list[Image], check: Check) -> list[str]:
    """On two processors at once."""
    half = len(images) // 2
    parts = (images[:half], images[half:])
    with ProcessPoolExecutor(2) as pool:
        return [why for found in pool.map(failures, [recorded] * 2, parts, [check] * 2) for why in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--desks", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    broken = 0
    for name, record, check, images in (
        ("journals", record_journal, check_journal, asked.images),
        ("desks", record_desk, check_desk, asked.desks),
    ):
        with tempfile.TemporaryDirectory() as scratch:
            recorded = record(Path(scratch))
        drawn = draw(recorded, images, asked.seed)
        found = lose(recorded, drawn, check)
        for why in found[:5]:
            sys.stdout.write(f"{why}\n")
        moments = len({image.before for image in drawn})
        sys.stdout.write(
            f"{len(drawn)} images of {name}, {moments} moments of {len(recorded.calls)} calls,"
            f" {len(recorded.log)} entries, {len(found)} violations\n"
        )
        broken += len(found)
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
