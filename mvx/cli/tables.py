"""How each answer looks to people: one function for each verb, tables of at most 80 columns.

Rule: every text passes safe_text; numbers are whole, never rounded or cut; where the truth is an
interval the interval is shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mvx.cli.doctor_table import doctor_parts
from mvx.cli.help_tables import explain_parts, help_parts
from mvx.cli.output import encode
from mvx.cli.positions_table import positions_parts
from mvx.cli.render import age, number, quotient, safe_text, table
from mvx.domain.instant import MICROS_PER_S, rfc3339
from mvx.domain.money import ZERO

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mvx.domain.instant import Instant
    from mvx.engine import results
    from mvx.engine.outcome import Outcome
    from mvx.engine.venue_status_result import VenueStatusResult

Parts = list["RenderableType"]

#: As many as the engine gives a slippage.
_BPS_PLACES = 4
#: How loud a venue's health is.
_HEALTHS = {"LIVE": "green", "DEGRADED": "yellow", "DARK": "bold red", "RECOVERING": "yellow"}


def parts_of(command: str, outcome: Outcome) -> Parts:
    """What to draw for the answer of a command."""
    draw = _BY_COMMAND.get(command, _facts)
    return draw(outcome.data) or ["nothing"]


def route_parts(result: results.RouteResult) -> Parts:
    children = table("child", "venue", ">qty", ">filled", ">avg px", "~status", title="children")
    for child in result.children:
        children.add_row(
            safe_text(child.cl_ord_id),
            safe_text(child.venue),
            number(child.order_qty),
            number(child.cum_qty),
            quotient(child.avg_px) if child.avg_px is not None else "-",
            _status(child),
        )
    if not result.children:
        return [*plan_parts(result), "", _summary(result)]
    return [children, *_reasons(result.children), "", _summary(result)]


def _summary(result: results.RouteResult) -> RenderableType:
    facts: dict[str, object] = {
        "status": result.status,
        "filled": f"{number(result.cum_qty)} of {number(result.order_qty)} {result.instrument}",
        "left": result.leaves_qty,
        "average price": result.avg_px and quotient(result.avg_px),
        "all-in price": result.all_in_px and quotient(result.all_in_px),
        "slippage bps": result.slippage_bps,
        "fees": ", ".join(f"{number(amount)} {asset}" for asset, amount in result.fees.items()) or "0",
        "parent": result.parent_id,
        "job": result.job_id,
    }
    return _pairs({name: fact for name, fact in facts.items() if fact is not None})


def plan_parts(result: results.RouteResult) -> Parts:
    """The plan: what goes where and why, and what goes nowhere."""
    if result.plan is None:
        return []
    title = f"plan: {result.side} {number(result.order_qty)} {result.instrument}"
    legs = table("venue", "symbol", ">qty", ">limit", ">fee bps", ">all-in", title=safe_text(title))
    for leg in result.plan.legs:
        legs.add_row(
            safe_text(leg.venue),
            safe_text(leg.symbol),
            number(leg.qty),
            number(leg.limit_px),
            number(leg.fee_bps),
            quotient(leg.all_in_px),
        )
    parts: Parts = [legs if legs.rows else safe_text(title)]
    parts += [f"{safe_text(leg.venue)}: {safe_text(leg.why)}" for leg in result.plan.legs]
    parts += [f"not {safe_text(row.venue)}: {safe_text(row.why)}" for row in result.plan.skipped]
    best = result.plan.best_single_venue
    if best is not None:
        saving = (
            ""
            if result.plan.saving_bps is None
            else f"; the split saves {number(round(result.plan.saving_bps, _BPS_PLACES))} bps"
        )
        parts.append(
            f"best single venue: {safe_text(best.venue)} at {quotient(best.all_in_px)} all-in{saving}"
        )
    return parts


def _status(row: results.ChildRow | results.OrderRow) -> str:
    words = [row.ord_status, "unknown" if row.unknown else "", "" if row.settled else "unsettled"]
    return " ".join(word for word in words if word)


def _reasons(rows: Sequence[results.ChildRow | results.OrderRow]) -> list[str]:
    return [f"{safe_text(row.cl_ord_id)}: {safe_text(row.reason)}" for row in rows if row.reason]


def reconcile_parts(result: results.ReconcileResult) -> Parts:
    rows = table("venue", "pass", ">orders", ">fills", ">balances", ">breaks", ">ms", "~note")
    for row in result.venues:
        verdict = ("agreed" if row.agreed else "differs") if row.complete else "incomplete"
        rows.add_row(
            safe_text(row.venue),
            verdict,
            str(row.checked.orders),
            str(row.checked.fills),
            str(row.checked.balances),
            str(row.breaks),
            str(row.took_ms),
            safe_text(row.reason),
            style="" if row.complete and not row.breaks else "yellow",
        )
    return [rows]


def venue_status_parts(result: VenueStatusResult) -> Parts:
    rows = table(
        *("venue", "health", "trading", ">since", ">ms", ">errors", ">book"),
        *(">answered", ">agreed", ">unknown"),
    )
    for row in result.venues:
        since_s = None if row.since is None else (time.time_ns() // 1_000 - row.since) / MICROS_PER_S
        rows.add_row(
            safe_text(row.venue),
            row.health,
            row.trading,
            "-" if since_s is None else age(since_s),
            "-" if row.latency_ms is None else f"{row.latency_ms:.0f}",
            "-" if row.error_rate is None else f"{row.error_rate:.0%}",
            age(row.book_age_s),
            age(row.answered_age_s),
            age(row.agreed_age_s),
            str(row.unknown_orders),
            style=_HEALTHS.get(row.health, ""),
        )
    return [
        rows,
        *(f"{safe_text(row.venue)}: {safe_text(row.reason)}" for row in result.venues if row.reason),
    ]


def cancel_parts(result: results.CancelResult) -> Parts:
    rows = table("order", "venue", "status", ">filled", "~outcome")
    for row in result.orders:
        cells = (row.cl_ord_id, row.venue, row.ord_status)
        rows.add_row(*map(safe_text, cells), number(row.cum_qty), safe_text(row.outcome))
    return [rows] if result.orders else ["no open orders"]


def trading_parts(result: results.TradingResult) -> Parts:
    rows = table("scope", "state", "since (UTC)", "~by", "~reason")
    scopes: list[tuple[str, results.TradingRow | results.VenueTradingRow]] = [("the system", result.system)]
    scopes += ((row.venue, row) for row in result.venues)
    for scope, row in scopes:
        since = "-" if row.since is None else _short(row.since)
        cells = (scope, row.trading, since, row.by or "-", row.reason or "-")
        style = "" if row.trading == "ACTIVE" else "yellow"
        rows.add_row(*map(safe_text, cells), style=style)
    revoked = [f"revoked, never to be sent: {safe_text(name)}" for name in result.revoked]
    return [rows, *revoked, *(f"still working: {safe_text(name)}" for name in result.working)]


def baselines_parts(result: results.BaselinesResult) -> Parts:
    rows = table("venue", "asset", ">baseline", ">holding", ">position")
    for row in result.baselines:
        numbers = (number(row.baseline), number(row.holding), number(row.position))
        rows.add_row(safe_text(row.venue), safe_text(row.asset), *numbers)
    return [rows]


def breaks_parts(result: results.BreaksResult) -> Parts:
    rows = table(">id", ">age", "venue", "kind", "~ours", "~theirs", "state")
    now_us = time.time_ns() // 1_000
    for row in result.breaks:
        state = "corrected" if row.corrected else "open" if row.acked_at is None else "seen"
        rows.add_row(
            str(row.id),
            age((now_us - row.at) / MICROS_PER_S),
            *map(safe_text, (row.venue, row.kind, row.ours, row.theirs)),
            state,
            style="red" if state == "open" else "",
        )
    return [rows, *map(_about_break, result.breaks)] if result.breaks else ["no breaks"]


def _about_break(row: results.KnownBreak) -> str:
    """What the table has no room for, on one line."""
    about = " ".join(part for part in (row.asset, row.cl_ord_id, row.exec_id) if part)
    seen = "" if row.acked_by is None else f"seen by {row.acked_by}"
    return safe_text(f"{row.id}: " + "; ".join(part for part in (about, row.note, seen) if part))


def flatten_parts(result: results.FlattenResult) -> Parts:
    rows = table("venue", "asset", ">before", ">after", ">dust", ">cancelled", ">orders", "verified")
    for row in result.venues:
        for asset, after in row.after.items():
            rows.add_row(
                safe_text(row.venue),
                safe_text(asset),
                number(row.before.get(asset)),
                number(after),
                number(None if after is None else row.dust.get(asset, ZERO)),
                str(len(row.cancelled)),
                str(len(row.children)),
                _plain_text(row.verified),
                style="red" if row.verified is False else "",
            )
    if any(row.verified is None for row in result.venues):
        return [*flatten_plan_parts(result), rows]
    return [
        rows,
        *(f"{safe_text(row.venue)}: {safe_text(row.reason)}" for row in result.venues if row.reason),
    ]


def flatten_plan_parts(result: results.FlattenResult) -> Parts:
    """What is about to be done: the orders to cancel, and the first slice of each position."""
    legs = table("venue", "symbol", ">first slice", ">limit", ">fee bps", title="plan: flatten")
    for row in result.venues:
        for leg in row.plan:
            cells = (number(leg.qty), number(leg.limit_px), number(leg.fee_bps))
            legs.add_row(safe_text(leg.venue), safe_text(leg.symbol), *cells)
    cancels = [
        f"{safe_text(row.venue)}: cancel {safe_text(', '.join(row.to_cancel))}"
        for row in result.venues
        if row.to_cancel
    ]
    unplanned = [
        f"{safe_text(row.venue)}: no slice can be planned yet: {safe_text(row.reason)}"
        for row in result.venues
        if row.reason
    ]
    if not (legs.rows or cancels or unplanned):
        return ["plan: flatten: nothing to cancel or to close"]
    return [legs if legs.rows else "plan: flatten", *cancels, *unplanned]


def orders_parts(result: results.OrdersResult) -> Parts:
    rows = table("order", "venue", "side", ">qty", ">filled", "~status", ">age")
    now_us = time.time_ns() // 1_000
    for row in result.orders:
        rows.add_row(
            safe_text(row.cl_ord_id),
            safe_text(row.venue),
            row.side,
            number(row.order_qty),
            number(row.cum_qty),
            _status(row),
            age((now_us - row.created_at) / MICROS_PER_S),
        )
    return [rows, *_reasons(result.orders)] if result.orders else ["no orders"]


def fills_parts(result: results.FillsResult) -> Parts:
    rows = table("at (UTC)", "venue", "symbol", "side", ">qty", ">price", ">fee")
    for row in result.fills:
        rows.add_row(
            _short(row.at),
            safe_text(row.venue),
            safe_text(row.symbol),
            row.side,
            number(row.qty),
            number(row.price),
            safe_text(f"{number(row.fee.amount)} {row.fee.asset}"),
        )
    doubted = [f"not confirmed yet: {safe_text(row.exec_id)}" for row in result.fills if not row.confirmed]
    busted = [f"taken back by its venue: {safe_text(row.exec_id)}" for row in result.fills if row.taken_back]
    return [rows, *doubted, *busted] if result.fills else ["no fills"]


def _short(at: Instant) -> str:
    """`09-18 14:03:29`: the full time is in --json."""
    return _short_text(rfc3339(at))


def _short_text(at: str) -> str:
    return at[5:19].replace("T", " ")


def config_show_parts(data: Mapping[str, Any]) -> Parts:
    chosen = f" ({data['chosen_by']})" if data["chosen_by"] else ""
    rows = table("key", "~value", "origin", title=safe_text(f"{data['source']}{chosen}"))
    for row in data["values"]:
        value = "no limit" if row.value is None else _plain_text(row.value)
        rows.add_row(safe_text(row.key), value, safe_text(row.where or row.origin))
    return [rows]


def ledger_parts(data: Mapping[str, Any]) -> Parts:
    """An order has both its names in one cell, the venue's first; --json has the times in full."""
    balances = table("asset", ">total", ">free", ">held", title="balances")
    for asset, amounts in data["balances"].items():
        balances.add_row(safe_text(asset), *(amounts[name] for name in ("total", "free", "held")))
    orders = table("order", "symbol", "side", ">qty", ">filled", "status", title="orders")
    for row in data["orders"]:
        names = "\n".join(safe_text(name) for name in (row["order_id"], row["cl_ord_id"]) if name)
        told = (row[name] for name in ("symbol", "side", "order_qty", "cum_qty", "status"))
        orders.add_row(names, *map(safe_text, told))
    fills = table("at (UTC)", "fill", "of order", ">qty", ">price", "~fee", title="fills")
    for row in data["fills"]:
        fee = f"{row['fee']['amount']} {row['fee']['asset']}"
        cells = (_short_text(row["at"]), row["exec_id"], row["order_id"], row["qty"], row["price"], fee)
        fills.add_row(*map(safe_text, cells))
    drawn: Parts = [each if each.rows else f"no {each.title}" for each in (balances, orders, fills)]
    return drawn + [
        f"taken back: {safe_text(row['exec_id'])} at {_short_text(row['busted_at'])}"
        for row in data["fills"]
        if row["busted_at"]
    ]


def _facts(data: object) -> Parts:
    """An answer without a table of its own: its fields, one a line."""
    encoded = encode(data)
    return [_pairs(encoded)] if encoded else []


def _pairs(facts: Mapping[str, object]) -> RenderableType:
    rows = table("", "~")
    rows.show_header = False
    for name, fact in facts.items():
        rows.add_row(safe_text(name.replace("_", " ")), _plain_text(fact))
    return rows


def _plain_text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{safe_text(str(name))} {_plain_text(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain_text(inner) for inner in value) or "-"
    return safe_text(str(value))


_BY_COMMAND: dict[str, Callable[[Any], Parts]] = {
    "positions": positions_parts,
    "route": route_parts,
    "reconcile": reconcile_parts,
    "venue-status": venue_status_parts,
    "cancel": cancel_parts,
    "flatten": flatten_parts,
    "halt": trading_parts,
    "resume": trading_parts,
    "baseline show": baselines_parts,
    "breaks": breaks_parts,
    "breaks ack": breaks_parts,
    "orders": orders_parts,
    "fills": fills_parts,
    "config show": config_show_parts,
    "doctor": doctor_parts,
    "paper ledger": ledger_parts,
    "explain": explain_parts,
    "help": help_parts,
}
