"""Halts while several processes trade: whatever the order of things, a halted venue gets nothing new."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import Venue
from mvx.errors import Exit
from tests.crash.processes import Ended, Station
from tests.crash.test_contention import deep, summary
from tests.engine.truth import assert_settled, assert_truth_inside, reading, until_agreed

KRAKEN = Venue("kraken")
ROUTES = 4


def log_of(at: Station, *kinds: str) -> Iterator[tuple[int, str, Any]]:
    with reading(at.settings) as tx:
        rows = tx.connection.execute("SELECT seq, kind, body FROM log ORDER BY seq").fetchall()
    yield from ((seq, kind, json.loads(body)) for seq, kind, body in rows if kind in kinds)


def sent_to_kraken(at: Station) -> dict[str, int]:
    """Each order that the venue itself lists, and the entry of the log with which its dispatch began."""
    begun = {body["cl_ord_id"]: seq for seq, _, body in log_of(at, "Sending")}
    orders: Any = at.exchange.ledger(KRAKEN)["orders"]
    return {row["cl_ord_id"]: begun[row["cl_ord_id"]] for row in orders}


def traded(runs: list[Ended]) -> Decimal:
    return sum((Decimal(run.answer["data"].get("cum_qty", "0")) for run in runs), Decimal(0))


@pytest.mark.parametrize("attempt", [0, *(pytest.param(again, marks=pytest.mark.long) for again in (1, 2))])
def test_routes_in_other_processes_go_around_a_halt_that_lands_among_them(
    tmp_path: Path, attempt: int
) -> None:
    """Nothing is begun to be sent there after the halt is in the log; every route is filled all the same."""
    at = Station(tmp_path / "desk", deep(tmp_path / "desk"))
    at.reconciles()
    words = [("route", "BTC-USD", "0.5", "--venue", "kraken,coinbase")] * ROUTES
    halt = ("halt", "--venue", "kraken", "--reason", "maintenance")
    runs = at.run_at_once(*words[:attempt], halt, *words[attempt:])
    said = summary(runs)
    halted, routes = runs[attempt], [run for n, run in enumerate(runs) if n != attempt]
    assert {Exit.OK} == {run.exit_code for run in runs}, said
    assert "HALTED" == halted.answer["data"]["venues"][0]["trading"]
    assert ROUTES * Decimal("0.5") == traded(routes), said
    (set_at,) = [seq for seq, _, _ in log_of(at, "TradingSet")]
    assert [] == [name for name, seq in sent_to_kraken(at).items() if seq > set_at], said
    revoked = {body["cl_ord_id"] for _, _, body in log_of(at, "Revoked")}
    assert set(halted.answer["data"]["revoked"]) == revoked
    assert set() == revoked & sent_to_kraken(at).keys()
    assert_truth_inside(at, "after all of them")
    until_agreed(at)
    assert_settled(at)


def test_a_halted_system_refuses_every_process_until_it_is_resumed(tmp_path: Path) -> None:
    """Two halts and two resumes at once write each state once."""
    at = Station(tmp_path / "desk", deep(tmp_path / "desk"))
    at.reconciles()
    assert [Exit.OK] * 2 == [run.exit_code for run in at.run_at_once(*[("halt",)] * 2)]
    refused = at.run_at_once(*[("route", "BTC-USD", "0.5")] * 2)
    assert {Exit.REFUSED} == {run.exit_code for run in refused}, summary(refused)
    assert [] == at.exchange.ledger(KRAKEN)["orders"]
    assert [Exit.OK] * 2 == [run.exit_code for run in at.run_at_once(*[("resume",)] * 2)]
    assert ["HALTED", "ACTIVE"] == [body["state"] for _, _, body in log_of(at, "TradingSet")]
    assert [Exit.OK] == [run.exit_code for run in at.run_at_once(("route", "BTC-USD", "0.5"))]
    until_agreed(at)
    assert_settled(at)
