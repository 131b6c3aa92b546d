"""Much at once over the served Kraken: many calls on one key, and a history of many pages."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.clock import SystemClock
from mvx.domain.ids import Symbol
from mvx.domain.instant import after
from mvx.domain.order import Side
from mvx.engine.reading import OVERLAP_S
from mvx.errors import Exit
from mvx.paper.exchange import PaperExchange
from mvx.paper.serve.keys import PAPER_KEYS
from tests.cli import harness
from tests.cli.harness import Ran, surroundings
from tests.paper.builders import venue_settings
from tests.paper.serve.desk import ROOT, SYMBOLS, assert_alike, environ, write_config
from tests.paper.serve.door import Door, served
from tests.venues.ccxt.test_sharing import ASKS
from tests.venues.ccxt.venue import plenty

SETTINGS = venue_settings("kraken", (SYMBOLS["kraken"],))
FILLS, PAGE = 1_000, 50
#: Of each kind of list, in the pass that has seen the rest before.
MOST_PAGES_AGAIN = 2
LISTS = ("TradesHistory", "ClosedOrders", "Ledgers")


def test_two_processes_on_one_key_hear_of_no_nonce(tmp_path: Path) -> None:
    """40 calls at once, 20 in each; the venue refuses every nonce that is not greater than the last."""
    with served(tmp_path / "paper.db", SETTINGS) as door:
        words = [door.url, str(tmp_path / "shared"), *PAPER_KEYS, "20"]
        with_mvx = {**os.environ, "PYTHONPATH": str(ROOT)}
        running = [subprocess.Popen([sys.executable, "-c", ASKS, *words], env=with_mvx) for _ in range(2)]
        assert [0, 0] == [each.wait(timeout=120) for each in running]
    answers = [each.answer for each in door.passed]
    assert 40 == len(door.asked_for("/BalanceEx"))
    assert 0 == sum("Invalid nonce" in answer for answer in answers)
    assert not any('"error":["' in answer for answer in answers)


def pages(door: Door) -> dict[str, int]:
    return {name: len(door.asked_for(f"/{name}")) for name in LISTS}


def advance(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Everybody's clock in this process: the venue's and the desk's."""
    before = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda clock: after(before(clock), seconds))


@pytest.mark.long
def test_a_thousand_fills_are_reconciled_in_one_pass_and_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once they are older than what every pass reads again."""
    for name, value in environ(tmp_path).items():
        monkeypatch.setenv(name, value)

    def mvx(*words: str) -> Ran:
        advance(monkeypatch, OVERLAP_S + 10)  # and the account's budget is whole again
        return harness.mvx(surroundings(tmp_path), "--config", "live.toml", *words, "--json")

    exchange = PaperExchange(tmp_path / "paper.db", {SETTINGS.name: SETTINGS}, SystemClock())
    with served(tmp_path / "paper.db", SETTINGS) as door, plenty(tmp_path):
        write_config(tmp_path, "kraken", door.url)
        assert [Exit.OK] * 2 == [mvx("init").exit_code, mvx("reconcile").exit_code]
        advance(monkeypatch, OVERLAP_S + 10)
        for number in range(FILLS):
            side = Side.SELL if number % 2 else Side.BUY
            exchange.trade(SETTINGS.name, side, Decimal("0.001"), Symbol(SYMBOLS["kraken"]))
        door.passed.clear()
        ran = mvx("reconcile")
        (found,) = ran.envelope["data"]["venues"]
        assert (Exit.BREAKS, True, True) == (ran.exit_code, found["complete"], found["agreed"]), ran
        assert FILLS // PAGE <= pages(door)["TradesHistory"]
        positions = mvx("positions").envelope["data"]["positions"]
        fills = mvx("fills", "--limit", str(2 * FILLS)).envelope["data"]["fills"]
        assert_alike("kraken", exchange.ledger(SETTINGS.name), fills, positions)
        assert FILLS <= len(fills)
        door.passed.clear()
        ran = mvx("reconcile")
        assert (Exit.OK, True) == (ran.exit_code, ran.envelope["data"]["venues"][0]["agreed"]), ran
        assert MOST_PAGES_AGAIN >= max(pages(door).values()), pages(door)
