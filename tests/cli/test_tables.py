"""What people see: numbers never cut, intervals shown, 80 columns enough."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.cli.session import Session
from mvx.cli.signals import Signals
from mvx.engine import outcome, positions_result, results
from mvx.errors import Exit
from tests.cli.harness import surroundings
from tests.support import START


def drawn(command: str, data: object, folder: Path, columns: str = "80") -> str:
    environment = surroundings(folder, {"COLUMNS": columns})
    session = Session(environment, Signals())
    session.command = command
    session.answer(outcome.Outcome(data, Exit.OK))
    return environment.stdout.getvalue()


def made(kind: type, **changes: Any) -> Any:
    """A row with unremarkable fields."""
    plain: dict[str, Any] = {"Decimal": Decimal("5.70965646"), "bool": True, "int": 1, "Instant": START}
    fields = {
        name: changes.get(name, plain.get(_type_name(hint), "kraken"))
        for name, hint in kind.__annotations__.items()
    }
    return kind(**fields)


def _type_name(hint: Any) -> str:
    """The first name in an annotation: text in a dataclass, a forward reference in a named tuple."""
    return str(getattr(hint, "__forward_arg__", hint)).split(" ")[0]


POSITION = made(
    positions_result.PositionRow,
    **{"asset": "BTC", "state": "settling", "settling_orders": 2, "agreed_age_s": 600.0},
    **{"confirmed": Decimal("15.76369313"), "position": Decimal("-464269.895460582")},
    **{"lo": Decimal("15.5"), "hi": Decimal("15.76369313")},
)
TOTAL = made(
    positions_result.TotalRow,
    **{"asset": "BTC", "notional": Decimal("2218281.7600000001"), "stale_venues": ("okx",)},
    mark_age_s=7200.0,
)
ORDER = made(
    results.OrderRow,
    **{"cl_ord_id": "mhtgj5eyppa0000001", "side": "sell", "ord_status": "PENDING_NEW", "settled": False},
    **{"reason": "no answer within 1 s"},
)
FILL = made(
    results.FillRow,
    **{"symbol": "BTC/USDT", "side": "sell", "confirmed": False, "exec_id": "T1"},
    **{"fee": results.FeeRow("USDT", Decimal("14.28418673"))},
)
LEG = made(results.LegRow, symbol="BTC/USDT", why="best all-in: 80297.29 for 1.99 of 2.81 offered")
PLAN = results.PlanRow(
    legs=(LEG,),
    skipped=(results.SkippedRow("okx", "its book is 9 s old"),),
    best_single_venue=None,
    saving_bps=None,
)
ROUTE = made(
    results.RouteResult,
    **{"fees": {"USDT": Decimal("36.2")}, "plan": PLAN, "instrument": "BTC-USD", "side": "buy"},
    children=(made(results.ChildRow, cl_ord_id="mhtgj5eyppa0000001", ord_status="FILLED", settled=False),),
)
PASS = made(
    results.VenuePassRow,
    **{"complete": False, "checked": results.CheckedRow(100, 1000, 3)},
    **{"reason": "kraken: BTC: 16.76369313 there, 15.76369313 here, to be read again"},
)
TRADED = {"symbol": "BTC/USDT", "side": "sell", "order_id": "1795974942481873-12"}
LEDGER = {
    "balances": {"USDT": {"total": "482627.49147584", "free": "482500.00000001", "held": "127.49147583"}},
    "orders": [
        TRADED
        | {"cl_ord_id": "mz8na79zs700000001", "order_qty": "15.21544", "cum_qty": "5.21544"}
        | {"status": "PARTIALLY_FILLED", "accepted_at": "2026-11-29T21:53:12.729017Z"}
    ],
    "fills": [
        TRADED
        | {"exec_id": "T1234", "cl_ord_id": None, "qty": "0.00042123", "price": "80566.13001"}
        | {"fee": {"asset": "USDT", "amount": "12.52304096"}}
        | {"at": "2026-11-29T21:53:12.729018Z", "busted_at": "2026-11-29T21:53:14.729018Z"}
    ],
}
ANSWERS = {
    "paper ledger": LEDGER,
    "positions": positions_result.PositionsResult((POSITION,), (TOTAL,), ()),
    "orders": results.OrdersResult((ORDER,)),
    "fills": results.FillsResult((FILL,)),
    "route": ROUTE,
    "reconcile": results.ReconcileResult((PASS,)),
    "cancel": results.CancelResult((made(results.CancelRow, cl_ord_id="m1", outcome="canceled"),)),
}


def test_what_has_no_bound_is_not_shown_as_a_point(tmp_path: Path) -> None:
    """Such as everything of a journal that was put back: what was sent since is not in it."""
    row = POSITION._replace(confirmed=Decimal(10), lo=None, hi=None, state="unconfirmed")
    ours = {"confirmed": Decimal(10), "position": Decimal(2)}
    total = TOTAL._replace(**ours, lo=None, hi=None, position_lo=None, position_hi=None)
    text = drawn("positions", positions_result.PositionsResult((row,), (total,), ()), tmp_path)
    assert 3 == text.count("?..?")


def test_an_interval_of_money_survives_80_columns(tmp_path: Path) -> None:
    """Bounds of many digits stand below one another: a terminal would break a table as wide as both."""
    money = {"lo": Decimal("272075.79050483809"), "hi": Decimal("325584.645340891")}
    row = POSITION._replace(venue="coinbase", confirmed=money["hi"], state="unconfirmed", **money)
    least, most = Decimal("-799204.75728917755"), Decimal("-604268.573070209")
    held = {"confirmed": money["hi"], "position": most}
    total = TOTAL._replace(**money, **held, position_lo=least, position_hi=most)
    text = drawn("positions", positions_result.PositionsResult((row,), (total,), ()), tmp_path)
    assert max(map(len, text.splitlines())) <= 80
    assert "272075.79050483809.." in text


def test_a_ledger_names_an_order_twice_and_what_was_taken_back(tmp_path: Path) -> None:
    """The venue's name and ours, one below the other."""
    lines = drawn("paper ledger", LEDGER, tmp_path).splitlines()
    below = [line.split()[0] for line in lines[lines.index("orders") + 2 :][:2]]
    assert ["1795974942481873-12", "mz8na79zs700000001"] == below
    assert "taken back: T1234 at 11-29 21:53:14" == lines[-1]


@pytest.mark.parametrize("command", ANSWERS)
def test_tables_survive_80_columns(command: str, tmp_path: Path) -> None:
    """No line is wider, and nothing is replaced by an ellipsis."""
    text = drawn(command, ANSWERS[command], tmp_path)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text


@pytest.mark.parametrize("command", ANSWERS)
def test_numbers_are_never_cut(command: str, tmp_path: Path) -> None:
    """Where the terminal is too narrow the table is wider, not wrong."""
    wide = drawn(command, ANSWERS[command], tmp_path, columns="400")
    narrow = drawn(command, ANSWERS[command], tmp_path, columns="20")
    numbers = {word for word in wide.split() if word[0].isdigit() and "." in word}
    assert numbers <= set(narrow.split())


def test_an_interval_is_shown_as_one(tmp_path: Path) -> None:
    """What is not confirmed to a point is not shown as a point; the state says about how many orders."""
    text = drawn("positions", ANSWERS["positions"], tmp_path)
    assert "15.5..15.76369313" in text
    assert "settling 2" in text
    assert "10m" in text


def test_an_unknown_holding_is_a_question_mark(tmp_path: Path) -> None:
    """Nothing known is not zero."""
    changes = dict.fromkeys(("confirmed", "lo", "hi", "position"))
    row = POSITION._replace(state="unknown", unknown_orders=0, agreed_age_s=None, **changes)
    line = drawn("positions", positions_result.PositionsResult((row,), (), ()), tmp_path).splitlines()[1]
    assert line.split() == ["kraken", "BTC", "?", "?", "unknown", "never"]


def test_a_venue_can_not_style_or_drive_the_terminal(tmp_path: Path) -> None:
    """Markup is text, and escapes are spelled out."""
    row = dataclasses.replace(ORDER, reason="[red]busy[/red] \x1b[2J\u202e")
    text = drawn("orders", results.OrdersResult((row,)), tmp_path)
    assert "[red]busy[/red] \\x1b[2J\\u202e" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("command", "data", "text"),
    [
        ("orders", results.OrdersResult(()), "no orders"),
        ("fills", results.FillsResult(()), "no fills"),
        ("cancel", results.CancelResult(()), "no open orders"),
        ("paper ledger", {"balances": {}, "orders": [], "fills": []}, "no balances\nno orders\nno fills"),
        ("journal info", {"rows": {"log": 3}, "last_seq": 3}, "rows      log 3\nlast seq  3"),
    ],
)
def test_small_answers(command: str, data: object, text: str, tmp_path: Path) -> None:
    """An empty list says so, and an answer without a table of its own is its fields."""
    assert drawn(command, data, tmp_path).strip() == text
