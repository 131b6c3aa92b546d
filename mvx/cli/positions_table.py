"""How the answer of `mvx positions` looks to people: a row per venue and asset, then the totals.

Rule: where the truth is an interval the interval is shown, below the number that is confirmed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvx.cli.render import age, number, quotient, safe_text, table

if TYPE_CHECKING:
    from decimal import Decimal

    from rich.console import RenderableType

    from mvx.engine.positions_result import PositionRow, PositionsResult, TotalRow

#: How loud a position's state is.
_STYLES = {"agreed": "green", "stale": "yellow", "unconfirmed": "red", "unknown": "bold red"}
#: Two such columns, and the others, are a table of at most 80.
_INTERVAL_WIDTH = 20
#: What is younger needs no word about its age.
_FRESH_S = 60


def positions_parts(result: PositionsResult) -> list[RenderableType]:
    rows = table("venue", "asset", ">holding", ">position", "state", ">agreed")
    for row in result.positions:
        rows.add_row(
            safe_text(row.venue),
            safe_text(row.asset),
            _interval(row.confirmed, row.lo, row.hi),
            number(row.position),
            _state(row),
            age(row.agreed_age_s),
            style=_STYLES.get(row.state, ""),
        )
    totals = table("total", ">holding", ">position", ">notional", "~stale")
    for total in result.totals:
        totals.add_row(
            safe_text(total.asset),
            _interval(total.confirmed, total.lo, total.hi),
            _interval(total.position, total.position_lo, total.position_hi),
            _valued(total),
            safe_text(" ".join(total.stale_venues)) or "-",
        )
    return [rows, "", totals] if result.positions else []


def _interval(point: Decimal | None, lo: Decimal | None, hi: Decimal | None) -> str:
    """`0.5`, and `0.4..0.6` below it where it is not confirmed to a point; `?..?` where nothing bounds it."""
    if lo == point == hi:
        return number(point)
    least, most = f"{number(lo)}..", number(hi)
    gap = "" if len(least + most) <= _INTERVAL_WIDTH else "\n"
    return f"{number(point)}\n{least}{gap}{most}"


def _valued(total: TotalRow) -> str:
    """What it is worth, and below it how old the price is that says so, where it is no fresh one."""
    worth, age_s = quotient(total.notional), total.mark_age_s
    return worth if age_s is None or age_s < _FRESH_S else f"{worth}\npriced {age(age_s)} ago"


def _state(row: PositionRow) -> str:
    """The state, with how many orders it is about: `settling 1`."""
    counts = {"open": row.open_orders, "settling": row.settling_orders, "unknown": row.unknown_orders}
    count = counts.get(row.state)
    return f"{row.state} {count}" if count else row.state
