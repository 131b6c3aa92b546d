"""Commands whose disk fails lose nothing and say what they sent; CI draws more (tests.crash.full)."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from tests.crash import full
from tests.crash.points import prepare

pytestmark = pytest.mark.long

CASES = 10


def test_a_disk_that_fails_under_a_command_leaves_the_truth(tmp_path: Path) -> None:
    """Full, read-only, broken, at any write or sync."""
    template = tmp_path / "template"
    prepare(template)
    cases = list(full.cases(template, CASES, 20261124))
    with ProcessPoolExecutor(2) as pool:
        results = list(pool.map(full.fail, [template] * CASES, cases))
    assert [] == [why for _, why in results if why]
    assert any(hit for hit, _ in results)
