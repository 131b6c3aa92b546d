"""`mvx baseline` at the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mvx.errors import Exit
from tests.cli.harness import mvx, surroundings


def run(folder: Path, *words: str) -> dict[str, Any]:
    return mvx(surroundings(folder), *words, "--json").envelope


def test_it_is_shown_set_and_shown_again(tmp_path: Path) -> None:
    run(tmp_path, "reconcile", "--venue", "kraken")
    before = run(tmp_path, "baseline", "show", "--venue", "kraken")["data"]["baselines"][0]
    assert ("kraken", "BTC", "0") == (before["venue"], before["asset"], before["position"])
    found = run(tmp_path, "baseline", "set", "kraken", "BTC", "0.25")
    assert ("baseline set", Exit.OK, False) == (found["command"], found["exit_code"], found["sent"])
    data = found["data"]
    assert (before["baseline"], "0.25", "0") == (
        data["baseline_before"],
        data["baseline"],
        data["position_before"],
    )
    after = run(tmp_path, "baseline", "show", "--venue", "kraken")["data"]["baselines"][0]
    assert ("0.25", data["position"]) == (after["baseline"], after["position"])
    assert (
        after["position"]
        == run(tmp_path, "positions", "BTC", "--venue", "kraken")["data"]["positions"][0]["position"]
    )


@pytest.mark.parametrize(
    ("words", "code", "next_step"),
    [
        (("kraken", "BTC", "-1"), "bad_number", "mvx baseline set --help"),
        (("kraken", "BTC", "1e3"), "bad_number", "mvx baseline set --help"),
        (("kraken", "BTC", "NaN"), "bad_number", "mvx baseline set --help"),
        (("krakn", "BTC", "1"), "usage", "use one of: kraken, coinbase, binance, okx, bybit"),
        (("kraken", "DOGE", "1"), "usage", "use one of: BTC, USD, USDT"),
        (("okx", "BTC", "1"), "usage", "mvx reconcile --venue okx"),
        (("kraken", "BTC"), "usage", "mvx baseline set --help"),
    ],
)
def test_what_can_not_be_set_says_what_to_do(
    tmp_path: Path, words: tuple[str, ...], code: str, next_step: str
) -> None:
    run(tmp_path, "reconcile", "--venue", "kraken")
    found = run(tmp_path, "baseline", "set", *words)
    assert (Exit.USAGE, code) == (found["exit_code"], found["error"]["code"])
    assert found["error"]["next"].startswith(next_step)


def test_people_see_a_question_mark_where_nothing_is_known(tmp_path: Path) -> None:
    ran = mvx(surroundings(tmp_path), "baseline", "show", "--venue", "kraken")
    assert [["kraken", "BTC", "?", "?", "?"], ["kraken", "USD", "?", "?", "?"]] == [
        line.split() for line in ran.stdout.splitlines()[1:]
    ]
    assert 80 >= max(map(len, ran.stdout.splitlines()))
