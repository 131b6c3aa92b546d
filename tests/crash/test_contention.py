"""Many processes at once on one journal: limits hold, nobody starves, and nothing is done twice."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.order import Side
from mvx.errors import Exit
from mvx.journal import history
from tests.crash.processes import Ended, Station
from tests.engine.truth import assert_settled, assert_truth_inside, reading, until_agreed

PROCESSES = 10


def position(at: Station) -> Decimal:
    """The desk's position in BTC on the venues' own records."""
    fills = [row for venue in at.settings.venues for row in fills_at(at, venue)]
    return sum((Side(row["side"]).sign * Decimal(row["qty"]) for row in fills), Decimal(0))


def fills_at(at: Station, venue: Venue) -> list[Any]:
    found: Any = at.exchange.ledger(venue)["fills"]
    return list(found)


def summary(runs: list[Ended]) -> str:
    return "\n".join(f"{run.exit_code} {run.stdout}{run.stderr}" for run in runs)


def deep(folder: Path) -> str:
    """Two venues whose books do not move and are deep enough for everybody at one price."""
    levels = {"bids": [["79990", "100"]], "asks": [["80000", "100"]]}
    lines = (json.dumps({"timestamp": 1, "exchange": name, **levels}) for name in ("kraken", "coinbase"))
    folder.mkdir(parents=True)
    (folder / "books.jsonl").write_text("\n".join(lines) + "\n")
    venue = 'adapter = "paper"\nbooks = "books.jsonl"\nsymbols = { "BTC-USD" = "BTC/USD" }\n'
    instrument = '[instruments."BTC-USD"]\nbase = "BTC"\nquote = "USD"\n'
    return f"{instrument}[venues.kraken]\n{venue}[venues.coinbase]\n{venue}"


def max_position(limit: str) -> str:
    return f'[risk]\nmax_position = {{ "BTC-USD" = "{limit}" }}\n'


def assert_four_of_ten(at: Station, qty: str, *traded: Exit, limit: str = "max_position") -> list[Ended]:
    """Ten routes at once: four trade and end so, six are refused by the limit, nobody hears of a lock."""
    runs = at.run_at_once(*[("route", "BTC-USD", qty)] * PROCESSES)
    said = summary(runs)
    assert {True: 4, False: 6} == Counter(run.answer["sent"] for run in runs), said
    assert {*traded} >= {run.exit_code for run in runs if run.answer["sent"]}, said
    assert {Exit.REFUSED} == {run.exit_code for run in runs if not run.answer["sent"]}, said
    refused = [run.answer["error"]["message"] for run in runs if run.answer["error"]]
    assert [] == [message for message in refused if limit not in message]
    assert "locked" not in said
    assert "Traceback" not in said
    assert position(at) == sum(Decimal(run.answer["data"].get("cum_qty", "0")) for run in runs)
    assert_truth_inside(at, "after all of them")
    until_agreed(at)
    assert_settled(at)
    return runs


@pytest.mark.parametrize(
    ("limit", "qty"),
    [
        ("2", "0.5"),
        *(pytest.param(*each, marks=pytest.mark.long) for each in (("2.2", "0.5"), ("1", "0.25"))),
    ],
)
def test_of_ten_routes_at_once_a_limit_admits_four(tmp_path: Path, limit: str, qty: str) -> None:
    """The others are refused by it: check and reservation are one transaction."""
    folder = tmp_path / "desk"
    at = Station(folder, deep(folder) + max_position(limit))
    assert_four_of_ten(at, qty, Exit.OK)
    assert 4 * Decimal(qty) == position(at)


@pytest.mark.parametrize(
    ("limit", "most"),
    [
        ("max_orders_per_minute", "4"),
        pytest.param("max_daily_turnover", '"170000"', marks=pytest.mark.long),
    ],
)
def test_of_ten_routes_at_once_pace_and_turnover_admit_four(tmp_path: Path, limit: str, most: str) -> None:
    """Each is one order of 40000. The count of orders and what was traded are read where they are written."""
    folder = tmp_path / "desk"
    at = Station(folder, deep(folder) + f"[risk]\n{limit} = {most}\n")
    assert_four_of_ten(at, "0.5", Exit.OK, limit=limit)
    assert 2 == position(at)


@pytest.mark.long
@pytest.mark.parametrize(("limit", "qty"), [("2", "0.5")])
def test_ten_routes_at_once_compete_for_the_same_levels(tmp_path: Path, limit: str, qty: str) -> None:
    """On the built-in venues a level is taken by whoever is first; who loses it reaches further, and
    still exactly four trade."""
    at = Station(tmp_path, max_position(limit))
    assert_four_of_ten(at, qty, Exit.OK)
    assert position(at) == Decimal(limit)


def test_one_id_in_ten_processes_at_once_trades_once(tmp_path: Path) -> None:
    """One runs; the others follow it and give its answer."""
    at = Station(tmp_path)
    runs = at.run_at_once(*[("route", "BTC-USD", "0.5", "--id", "k")] * PROCESSES)
    said = summary(runs)
    assert Decimal("0.5") == position(at), said
    assert {Exit.OK} == {run.exit_code for run in runs}, said
    assert 1 == len({run.answer["data"]["parent_id"] for run in runs}), said
    assert 1 == sum(run.answer["sent"] for run in runs), said
    until_agreed(at)
    assert_settled(at)


@pytest.mark.long
def test_three_processes_that_reconcile_at_once_correct_each_break_once(tmp_path: Path) -> None:
    """Each break is reported by one of them, and booked once."""
    at = Station(tmp_path)
    assert [0] == [run.exit_code for run in at.run_at_once(("route", "BTC-USD", "0.5"))]
    until_agreed(at)
    venues = list(at.settings.venues)
    for venue in venues:
        symbol = Symbol(at.settings.venues[venue].symbols["BTC-USD"])
        for side in (Side.BUY, Side.SELL, Side.BUY):
            at.exchange.trade(venue, side, Decimal("0.01"), symbol)
    at.exchange.transfer(venues[0], Asset("BTC"), Decimal("0.125"))
    at.exchange.inject(venues[1], "late-request", delay_s=4.5)
    at.run_at_once(("route", "BTC-USD", "0.2", "--venue", venues[1]))
    at.clock.advance(3)
    breaks: list[dict[str, Any]] = []
    for _ in range(4):
        runs = at.run_at_once(*[("reconcile",)] * 3)
        assert {Exit.OK, Exit.BREAKS, Exit.UNCERTAIN} >= {run.exit_code for run in runs}, summary(runs)
        assert "locked" not in summary(runs)
        breaks += [found for run in runs for found in run.answer["breaks"]]
        at.clock.advance(1)
    assert [] == [found for found, times in Counter(row["id"] for row in breaks).items() if times > 1]
    with reading(at.settings) as tx:
        written = history.breaks(tx, 0)
    assert len(written) == len({row["ref"] for row in written})
    kinds = Counter(row["kind"] for row in written)
    assert (1, 1) == (kinds["balance"], kinds["unknown_resolved"]), kinds
    fills = [(r["venue"], r["exec_id"]) for r in written if r["kind"] in ("foreign_fill", "missing_fill")]
    assert len(fills) == len(set(fills))
    assert 3 * len(venues) <= kinds["foreign_fill"]
    assert_truth_inside(at, "after all of them")
    until_agreed(at)
    assert_settled(at)
