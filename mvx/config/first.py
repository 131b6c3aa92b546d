"""The config that `mvx init` writes: the built-in desk with limits, and a comment on each of its tables.

Data alone: the values are the built-in desk's own, so a first config trades like none, within limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from mvx.config.builtin import BUILT_IN
from mvx.domain.money import plain

MAX_POSITION = Decimal(10)
MAX_ORDER_NOTIONAL = Decimal(500_000)

_HEADER = """\
# mvx: a desk of five paper venues. Nothing in here touches a real market.
# Every mistake in this file: mvx config check. Every value in force: mvx config show.
# Numbers that must be exact are texts in quotes. A key that is not known is an error.
"""

_COMMENTS = {
    "desk": "Notionals and their limits are in this currency.",
    "instruments": "What is typed: mvx route BTC-USD 0.5",
    "quotes": "Counts as the other quote, at a live rate and never at par: the first of `rates` still fresh.",
    "venues": (
        'Each venue and its own name for the instrument. adapter = "paper" is a simulated one.\n'
        "Secrets of a live one are references and never values: env:NAME, file:PATH, keyring:SERVICE/NAME\n"
        "or command:... . Live venues want a journal of their own: [journal] path."
    ),
    "route": (
        "max_slippage_bps: how much worse than the mid a route may buy or sell, fees apart.\n"
        "max_rounds, max_s: how often, and in all how long, a rest is planned anew.\n"
        "deadline_s: after it no venue may accept an order. max_book_age_s: an older book is not used."
    ),
    "risk": (
        "What would break a limit in the worst case of all that is in flight is refused, exit 4.\n"
        "max_position: either way, over all venues, in the base asset. max_order_notional: of one route.\n"
        "max_open_orders, max_unknown_orders: with so many, nothing more is sent. Others that can be set:\n"
        "max_position_notional, max_gross_notional, max_venue_notional, max_order_qty, max_daily_turnover,\n"
        "max_orders_per_minute, price_collar_bps, min_venues_alive. mvx config show has them all."
    ),
    "reconcile": "interval_s: of mvx run and --watch. max_age_s: what was confirmed longer ago is stale.",
}


def first_config(max_position: Decimal, max_order_notional: Decimal) -> dict[str, Any]:
    """The document, in the order in which it is written."""
    risk = {
        "max_order_notional": plain(max_order_notional),
        "max_open_orders": 100,
        "max_unknown_orders": 5,
        "max_position": dict.fromkeys(BUILT_IN["instruments"], plain(max_position)),
    }
    document = {**BUILT_IN, "risk": risk}
    return {table: document[table] for table in _COMMENTS}


def first_text(document: Mapping[str, Any], dumps: Callable[[Mapping[str, Any]], str]) -> str:
    """The document as TOML, with its comments."""
    parts = [_HEADER]
    for name, table in document.items():
        comment = "\n".join(f"# {line}" for line in _COMMENTS[name].split("\n"))
        parts.append(f"{comment}\n{dumps({name: table})}")
    return "\n".join(parts)
