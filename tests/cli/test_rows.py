"""`--format csv|ndjson`: the rows of what the verbs that read answer, and nothing that a sheet would run."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.cli.options import Format
from mvx.cli.rows import rows_text
from mvx.domain.ids import ClOrdId, ExecId, OrderId, Symbol, Venue
from mvx.domain.instant import Instant
from mvx.engine.outcome import Outcome
from mvx.engine.results import FeeRow, FillRow, FillsResult
from mvx.errors import Exit
from tests.cli.harness import Ran, mvx, surroundings

READERS = {
    "positions": "positions",
    "orders": "orders",
    "fills": "fills",
    "breaks": "breaks",
    "venue-status": "venues",
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk with a route behind it, and a trade that was made by hand."""
    folder = tmp_path_factory.mktemp("desk")
    assert 0 == mvx(surroundings(folder), "init", "--paper").exit_code
    assert 0 == mvx(surroundings(folder), "route", "BTC-USD", "1").exit_code
    assert 0 == mvx(surroundings(folder), "paper", "trade", "kraken", "sell", "0.1", "BTC/USD").exit_code
    assert 6 == mvx(surroundings(folder), "reconcile").exit_code
    return folder


def asked(desk: Path, verb: str, *words: str) -> Ran:
    return mvx(surroundings(desk), verb, *words)


@pytest.mark.parametrize("verb", READERS)
def test_a_row_of_ndjson_is_the_row_of_json(verb: str, desk: Path) -> None:
    as_json, rows = asked(desk, verb, "--json"), asked(desk, verb, "--format", "ndjson")
    wanted = as_json.envelope["data"][READERS[verb]]
    found = [json.loads(line) for line in rows.stdout.splitlines()]
    assert wanted
    assert [row.keys() for row in wanted] == [row.keys() for row in found]
    assert as_json.exit_code == rows.exit_code
    if verb in ("orders", "fills", "breaks"):
        assert wanted == found


@pytest.mark.parametrize("verb", READERS)
def test_csv_has_every_name_and_every_row(verb: str, desk: Path) -> None:
    rows = [json.loads(line) for line in asked(desk, verb, "--format", "ndjson").stdout.splitlines()]
    table = list(csv.DictReader(io.StringIO(asked(desk, verb, "--format", "csv").stdout)))
    assert len(rows) == len(table)
    for row, cells in zip(rows, table, strict=True):
        assert all(cells[name] == value for name, value in row.items() if name == "venue")
        assert {name for name, value in row.items() if not isinstance(value, dict)} <= cells.keys()
    assert None not in [value for cells in table for value in cells.values()]


def test_what_is_nested_has_its_path_for_a_name(desk: Path) -> None:
    table = list(csv.DictReader(io.StringIO(asked(desk, "fills", "--format", "csv").stdout)))
    assert {"fee_asset", "fee_amount"} <= table[0].keys()
    assert all(Decimal(row["fee_amount"]) > 0 for row in table)


def test_without_rows_there_are_names_in_csv_and_nothing_in_ndjson(tmp_path: Path) -> None:
    assert 0 == mvx(surroundings(tmp_path), "init", "--paper").exit_code
    assert "" == asked(tmp_path, "fills", "--format", "ndjson").stdout
    (header,) = asked(tmp_path, "fills", "--format", "csv").stdout.splitlines()
    assert header.startswith("venue,symbol,side,exec_id,")


def hostile(exec_id: str) -> Outcome:
    fill = FillRow(
        venue=Venue("kraken"),
        symbol=Symbol("BTC/USD"),
        side="sell",
        exec_id=ExecId(exec_id),
        order_id=OrderId("-5"),
        cl_ord_id=ClOrdId("m1"),
        qty=Decimal("-0.5"),
        price=Decimal("1"),
        fee=FeeRow("USD", Decimal(0)),  # type: ignore[arg-type]  # an asset is a text
        at=Instant(0),
        confirmed=True,
        taken_back=False,
    )
    return Outcome(FillsResult((fill,)), Exit.OK)


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)", "-2+3", '=1,"2'])
def test_a_venues_text_is_no_formula(text: str) -> None:
    (row,) = csv.DictReader(io.StringIO(rows_text(hostile(text), Format.CSV)))
    assert f"'{text}" == row["exec_id"]
    assert ("-0.5", "-5") == (row["qty"], row["order_id"])


def test_a_venues_text_stays_on_its_row_and_moves_no_cursor() -> None:
    text = rows_text(hostile("a\x1b[2Jb\r\nc\x00"), Format.CSV)
    assert 2 == len(text.splitlines())
    assert r"a\x1b[2Jb\r\nc\x00" in text


@pytest.mark.parametrize("words", [("fills", "--json"), ("venue-status", "--watch")])
def test_rows_go_with_no_other_form(words: tuple[str, ...], tmp_path: Path) -> None:
    ran = mvx(surroundings(tmp_path), *words, "--format", "csv")
    assert 2 == ran.exit_code
    assert "contradict each other" in ran.stderr
