"""A journal that is gone is begun anew by whatever is typed first, and that command says so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.test_bad_input_journal import ask, traded

__all__ = ["traded"]

FIRST = {
    "positions": 5, "orders": 0, "fills": 0, "breaks": 0, "baseline show": 0, "venue-status --cached": 0,
    "venue-status": 0, "journal info": 0, "journal verify": 0, "halt": 0, "init --paper": 0, "reconcile": 0,
    "route BTC-USD 0.1 --dry-run": 0,
}  # fmt: skip
IN_VAIN = {
    "breaks ack 5": "there is no break 5",
    "baseline set okx BTC 1": "was never read",
    "reconcile --order no-such-order": "no-such-order",
}


@pytest.fixture
def lost(traded: Path, tmp_path: Path) -> Path:
    """A desk whose journal was removed, and not its mark."""
    folder = tmp_path / "desk"
    shutil.copytree(traded, folder)
    for suffix in ("", "-wal", "-shm"):
        (folder / f"mvx.db{suffix}").unlink(missing_ok=True)
    return folder


@pytest.mark.parametrize(("typed", "exit_code"), FIRST.items(), ids=list(FIRST))
def test_the_first_command_says_so(typed: str, exit_code: int, lost: Path) -> None:
    found = ask(lost, f"{typed} --json").envelope
    assert exit_code == found["exit_code"]
    assert 1 == sum("begins anew, and the one that was here had" in line for line in found["warnings"])
    assert not any("begins anew" in line for line in ask(lost, "positions --json").envelope["warnings"])


@pytest.mark.parametrize(("typed", "says"), IN_VAIN.items(), ids=list(IN_VAIN))
def test_so_does_one_that_fails(typed: str, says: str, lost: Path) -> None:
    found = ask(lost, f"{typed} --json").envelope
    assert says in found["error"]["message"]
    assert 1 == sum("begins anew, and the one that was here had" in line for line in found["warnings"])


def test_an_instrument_that_is_not_there_begins_nothing(lost: Path) -> None:
    assert 2 == ask(lost, "positions NO-SUCH").exit_code
    assert not (lost / "mvx.db").exists()
