"""`mvx explain` as it is typed and read."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from mvx.domain.entries import (
    BreakFound,
    CancelRequested,
    ForeignOrderFound,
    Intended,
    ParentOpened,
    Rejected,
)
from mvx.domain.ids import Asset, ClOrdId, OrderId, ParentId
from mvx.engine.words import words
from mvx.errors import Exit
from mvx.journal.store import Journal
from tests.cli.harness import LIVE, mvx, surroundings
from tests.domain.orders import BUY, KRAKEN, at, order

HOSTILE = "no\x1b[2Jfunds‮\nintended: nothing"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal with one parent, whose child was refused in a hostile venue's words."""
    path = tmp_path / "mvx.db"
    intent = order(BUY, "0.5", cl_ord_id="m1", parent_id=ParentId("p1"), sending=False)
    opened = closing(Journal(path, mode="paper"))
    with opened as made, made.write(at=at(0)) as tx:
        tx.append(ParentOpened(ParentId("p1"), "key-1", "{}", "BTC-USD", BUY, intent.order_qty))
        tx.append(Intended(intent))
        tx.append(Rejected(ClOrdId("m1"), HOSTILE))
    return path


@pytest.mark.parametrize("word", words())
def test_every_word_is_explained_without_a_config_or_a_journal(word: str, tmp_path: Path) -> None:
    """Also where the config is broken: that is when one asks."""
    (tmp_path / "mvx.toml").write_text("not toml")
    ran = mvx(surroundings(tmp_path), "explain", word)
    assert (Exit.OK, "") == (ran.exit_code, ran.stderr)
    assert word in ran.stdout
    assert "means" in ran.stdout
    assert [] == [path for path in tmp_path.rglob("*") if path.name.startswith("mvx.db")]


def test_a_meaning_says_what_is_known_and_what_to_run(tmp_path: Path) -> None:
    ran = mvx(surroundings(tmp_path), "explain", "late_fill")
    rows = dict(re.findall(r"^ *(\w+) +(.*)$", ran.stdout, re.MULTILINE))
    assert ["late_fill", "means", "known", "next"] == list(rows)
    assert rows["next"].startswith("mvx positions")


def test_a_meaning_is_data_for_scripts(tmp_path: Path) -> None:
    data = mvx(surroundings(tmp_path), "explain", "5", "--json").envelope["data"]
    assert ["word", "about", "meanings", "story", "next"] == list(data)
    assert ("5", "exit code", []) == (data["word"], data["about"], data["story"])
    assert ["about", "word", "means", "known", "next"] == list(data["meanings"][0])


def test_a_number_that_is_an_exit_code_and_a_break_is_told_in_both_senses(tmp_path: Path) -> None:
    path = tmp_path / "mvx.db"
    with closing(Journal(path, mode="paper")) as made, made.write(at=at(0)) as tx:
        break_id = tx.append(BreakFound("r1", KRAKEN, "bust", None, None, None, "1", "0", True, ""))
    assert str(break_id) in words()
    ran = mvx(surroundings(tmp_path), "--journal", str(path), "explain", str(break_id))
    assert re.search(rf"^{break_id} +exit code$", ran.stdout, re.MULTILINE), ran.stdout
    assert "a break with kraken, bust: ours 1, theirs 0, corrected" in ran.stdout
    assert ran.stdout.endswith("\nnext: mvx positions --venue kraken\n")


def test_without_its_journal_a_live_desk_knows_no_order_s_story(tmp_path: Path) -> None:
    """Nobody can say that there is none: it is exit 8, as for every other verb."""
    (tmp_path / "mvx.toml").write_text(LIVE)
    for verb in (("explain", "m1"), ("orders",)):
        ran = mvx(surroundings(tmp_path), *verb)
        assert (Exit.UNAVAILABLE, True) == (ran.exit_code, "there is no journal at" in ran.stderr), ran
    assert Exit.OK == mvx(surroundings(tmp_path), "explain", "5").exit_code


def test_an_order_s_story_is_in_order_with_times(journal: Path, tmp_path: Path) -> None:
    ran = mvx(surroundings(tmp_path), "--journal", str(journal), "explain", "m1")
    times = re.findall(r"^(11-22 12:00:00\.000)  (\w+)", ran.stdout, re.MULTILINE)
    assert ["parent", "intended", "kraken"] == [word for _, word in times]
    assert "= not sent; 0 of 0.5 filled, PENDING_NEW; 0.5 more is reserved" in ran.stdout


def test_what_a_venue_said_can_not_harm_a_terminal(journal: Path, tmp_path: Path) -> None:
    """Nor look like a line of the story."""
    ran = mvx(surroundings(tmp_path), "--journal", str(journal), "explain", "p1")
    assert r"kraken refused it: no\x1b[2Jfunds\u202e\nintended: nothing" in ran.stdout
    assert set("\x1b‮") & set(ran.stdout) == set()


def test_nor_can_what_it_calls_an_asset_or_an_order_in_the_command_to_run(tmp_path: Path) -> None:
    """Nor a shell: of a break, by its id, and of an order whose cancel may have arrived."""
    path, hostile = tmp_path / "mvx.db", "\x1b]0;owned\x07; id>x"
    foreign = order(cl_ord_id=f"kraken:BTC/USD:{hostile}", order_id=OrderId("theirs"))
    with closing(Journal(path, mode="paper")) as made, made.write(at=at(0)) as tx:
        tx.append(ForeignOrderFound(foreign))
        for _ in range(9):  # the numbers of exit codes are words
            tx.append(CancelRequested(foreign.cl_ord_id))
        found = BreakFound("r1", KRAKEN, "position", Asset(hostile), None, None, "0", "1", True, "")
        break_id = tx.append(found)
    for name in ("theirs", str(break_id)):
        ran = mvx(surroundings(tmp_path), "--journal", str(path), "explain", name)
        told = ran.stdout.partition("next: ")[2]
        assert r"\x1b]0;owned\x07" in told, ran
        assert any(word.endswith("; id>x") for word in shlex.split(told)), told
        assert set("\x1b\x07") & set(ran.stdout) == set()


def test_a_story_is_data_for_scripts(journal: Path, tmp_path: Path) -> None:
    """With the venue's own words as they were."""
    ran = mvx(surroundings(tmp_path), "--journal", str(journal), "explain", "key-1", "--json")
    data = ran.envelope["data"]
    assert ("parent", []) == (data["about"], data["meanings"])
    assert {
        "at": "2026-11-22T12:00:00.000000Z",
        "kind": "Rejected",
        "cl_ord_id": "m1",
        "text": f"kraken refused it: {HOSTILE}",
        "known": f"0 of 0.5 filled, REJECTED ({HOSTILE}); settled, nothing is reserved any more",
    } == data["story"][-1]


def test_what_nobody_knows_is_exit_2_with_a_suggestion(tmp_path: Path) -> None:
    ran = mvx(surroundings(tmp_path), "explain", "late_fil", "--json")
    error = ran.envelope["error"]
    assert (Exit.USAGE, "usage", "mvx explain late_fill") == (ran.exit_code, error["code"], error["next"])
    assert "did you mean late_fill?" in error["message"]


def test_a_script_s_explain_loads_nothing_slow(tmp_path: Path) -> None:
    slow = "{'asyncio', 'pydantic', 'rich', 'logging', 'sqlite_utils', 'mvx.paper', 'mvx.cli.route'}"
    script = (
        "import sys, mvx.cli.app as app\n"
        "from mvx.cli.environment import Environment\n"
        "app.run(('explain', 'late_fill', '--json'), Environment.of_process())\n"
        f"print(sorted({slow} & set(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "[]" == ran.stderr.strip()
