"""A power loss loses nothing that was acknowledged, and a journal or a disk that does not sync is found out.

CI draws more images: python -m tests.crash.power.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.crash import power
from tests.crash.disk import SECTOR, Disk
from tests.crash.recording import CUT, FOLDER, OPENED, REMOVED, SYNCED, WRITTEN, Call

SEED = 20261124


def test_no_power_loss_loses_what_was_acknowledged(tmp_path: Path) -> None:
    recorded = power.record_journal(tmp_path)
    assert [] == power.lose(recorded, power.draw(recorded, 60, SEED), power.check_journal)


def test_commits_that_are_not_synced_are_lost(tmp_path: Path) -> None:
    """synchronous=NORMAL, with which a killed process loses nothing: the check says which were lost."""
    recorded = power.record_journal(tmp_path, "NORMAL")
    found = power.lose(recorded, power.draw(recorded, 20, SEED), power.check_journal)
    assert [why for why in found if " acknowledged, " in why]


@pytest.mark.long
def test_a_desk_whose_power_fails_finds_its_orders_and_its_position(tmp_path: Path) -> None:
    """And on a disk that syncs nothing it does not."""
    recorded = power.record_desk(tmp_path)
    images = power.draw(recorded, 12, SEED)
    assert [] == power.lose(recorded, images, power.check_desk)
    careless = recorded._replace(
        calls=tuple(c._replace(op=OPENED) if c.op == SYNCED else c for c in recorded.calls)
    )
    assert [] != power.lose(careless, images, power.check_desk)


def states(*calls: Call, draws: int = 200, folder: Path) -> set[tuple[tuple[str, bytes], ...]]:
    """Everything that a disk is found to hold after these calls."""
    disk = Disk()
    for call in calls:
        disk.apply(call)
    found = set()
    for seed in range(draws):
        disk.image(folder / str(seed), random.Random(seed))
        found.add(tuple((p.name, p.read_bytes()) for p in sorted((folder / str(seed)).iterdir())))
    return found


OPEN, NAMED = Call(OPENED, "f", 0, b""), Call(SYNCED, FOLDER, 0, b"")
SYNC, REMOVE = Call(SYNCED, "f", 0, b""), Call(REMOVED, "f", 0, b"")


def wrote(data: bytes, offset: int = 0) -> Call:
    return Call(WRITTEN, "f", offset, data)


def test_what_was_synced_is_there_and_what_was_written_since_may_be(tmp_path: Path) -> None:
    found = states(OPEN, NAMED, wrote(b"old"), SYNC, wrote(b"new"), folder=tmp_path)
    assert {(("f", b"old"),), (("f", b"new"),)} == found


def test_a_write_is_torn_between_sectors_and_never_within_one(tmp_path: Path) -> None:
    """The later sector without the earlier one too."""
    full = b"a" * SECTOR + b"b" * 10
    found = states(OPEN, NAMED, SYNC, wrote(full), folder=tmp_path)
    torn = {b"", b"a" * SECTOR, bytes(SECTOR) + b"b" * 10, full}
    assert {(("f", content),) for content in torn} == found


@pytest.mark.parametrize(
    ("calls", "contents"),
    [
        ((OPEN, wrote(b"x"), SYNC), [None, b"x"]),
        ((OPEN, NAMED, wrote(b"x"), SYNC, REMOVE), [None, b"x"]),
        ((OPEN, NAMED, wrote(b"x"), SYNC, REMOVE, NAMED), [None]),
        ((OPEN, NAMED, wrote(b"x"), SYNC, REMOVE, OPEN), [None, b"x", b""]),
        ((OPEN, NAMED, wrote(b"xy"), SYNC, Call(CUT, "f", 1, b"")), [b"xy", b"x"]),
    ],
)
def test_a_name_is_sure_once_the_folder_was_synced(
    tmp_path: Path, calls: tuple[Call, ...], contents: list[bytes | None]
) -> None:
    """Made, removed, made again, cut."""
    expected = {() if content is None else (("f", content),) for content in contents}
    assert expected == states(*calls, folder=tmp_path)
