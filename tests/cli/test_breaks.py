"""`mvx breaks` and `mvx breaks ack`: a verb with a verb of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mvx.engine import results
from mvx.errors import Exit
from tests.cli.harness import mvx, surroundings
from tests.cli.test_tables import drawn
from tests.support import START


def run(folder: Path, *words: str) -> dict[str, Any]:
    return mvx(surroundings(folder), *words, "--json").envelope


def traded_by_hand(folder: Path) -> dict[str, Any]:
    """A break: somebody traded at kraken by other means. As reconcile reports it."""
    run(folder, "reconcile", "--venue", "kraken")
    run(folder, "paper", "trade", "kraken", "buy", "0.1", "BTC/USD")
    found: dict[str, Any] = run(folder, "reconcile", "--venue", "kraken")["breaks"][-1]
    return found


def test_a_break_is_listed_and_marked_as_seen(tmp_path: Path) -> None:
    reported = traded_by_hand(tmp_path)
    found = run(tmp_path, "breaks", "--venue", "kraken", "--since", "1h", "--limit", "5")
    assert ("breaks", Exit.OK) == (found["command"], found["exit_code"])
    assert reported | {"acked_at": None, "acked_by": None} == found["data"]["breaks"][0]
    seen = run(tmp_path, "breaks", "ack", str(reported["id"]))
    assert ("breaks ack", Exit.OK) == (seen["command"], seen["exit_code"])
    (row,) = seen["data"]["breaks"]
    assert "@" in row["acked_by"]
    assert row["acked_at"].endswith("Z")
    assert row in run(tmp_path, "breaks")["data"]["breaks"]
    assert [] == run(tmp_path, "breaks", "--open")["data"]["breaks"]


@pytest.mark.parametrize("words", [(), ("--open",), ("--venue", "okx"), ("--limit", "1")])
def test_without_any_break_it_says_so(tmp_path: Path, words: tuple[str, ...]) -> None:
    ran = mvx(surroundings(tmp_path), "breaks", *words)
    assert (Exit.OK, "no breaks\n") == (ran.exit_code, ran.stdout)


@pytest.mark.parametrize(
    ("words", "next_step"),
    [
        (("ack", "4711"), "mvx breaks --open"),
        (("ack",), "mvx breaks ack --help"),
        (("ack", "x"), "mvx breaks ack --help"),
        (("ack", "99999999999999999999"), "mvx breaks ack --help"),
        (("ack", "0"), "mvx breaks ack --help"),
        (("ak", "1"), "mvx breaks --help"),
        (("--venue", "krakn"), "use one of: kraken"),
        (("--since", "yesterday"), "mvx breaks --help"),
        (("--limit", "99999999999999999999"), "mvx breaks --help"),
    ],
)
def test_what_is_typed_wrongly_is_exit_2(tmp_path: Path, words: tuple[str, ...], next_step: str) -> None:
    found = run(tmp_path, "breaks", *words)
    assert Exit.USAGE == found["exit_code"]
    assert found["error"]["next"].startswith(next_step)


def test_global_options_stand_anywhere(tmp_path: Path) -> None:
    traded_by_hand(tmp_path)
    for words in (("breaks", "--json", "ack", "1"), ("--json", "breaks", "ack", "1")):
        assert "breaks ack" == mvx(surroundings(tmp_path), *words).envelope["command"]


def test_its_help_names_its_own_verb(tmp_path: Path) -> None:
    text = mvx(surroundings(tmp_path), "breaks", "--help").stdout
    assert "  mvx breaks ack 42" in text
    assert "--open" in text
    assert "Usage: mvx breaks ack" in mvx(surroundings(tmp_path), "breaks", "ack", "--help").stdout


def a_break(kind: str, **changes: Any) -> results.KnownBreak:
    fields: dict[str, Any] = {
        **{
            "id": 4711,
            "venue": "coinbase",
            "asset": "BTC",
            "cl_ord_id": "mhtgj5eyppa0000001",
            "exec_id": None,
        },
        **{"ours": "15.76369313", "theirs": "buy 16.76369313 BTC/USDT", "corrected": False, "at": START},
        **{"note": "", "known": "k", "next": "n", "acked_at": None, "acked_by": None},
    }
    return results.KnownBreak(kind=kind, **(fields | changes))


def test_the_table_fits_and_tells_open_from_seen(tmp_path: Path) -> None:
    rows = (
        a_break("unknown_resolved", corrected=True),
        a_break("foreign_order", note="\x1b[2J"),
        a_break("balance", acked_at=START, acked_by="operations@trading-host-7"),
    )
    text = drawn("breaks", results.BreaksResult(rows), tmp_path)
    lines = text.splitlines()
    assert 80 >= max(map(len, lines))
    for kind, state in (("unknown_resolved", "corrected"), ("foreign_order", "open"), ("balance", "seen")):
        (line,) = [each for each in lines if f" {kind} " in each]
        assert line.endswith(state)
    assert "4711: BTC mhtgj5eyppa0000001; \\x1b[2J" in text
    assert "4711: BTC mhtgj5eyppa0000001; seen by operations@trading-host-7" in text
