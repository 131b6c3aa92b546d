"""Builders for whoever leaves a venue: what is asked, done, answered, and held by the venue's own record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from mvx.domain.ids import Asset, Venue
from mvx.domain.order import Side
from mvx.domain.trading import TradingState, state_of
from mvx.engine.desk import Desk
from mvx.engine.flatten import flatten
from mvx.engine.flatten_order import FlattenOrder
from mvx.engine.outcome import Outcome
from mvx.engine.results import FlattenResult, FlattenRow
from mvx.errors import Exit
from mvx.journal import views
from tests.engine.desk import (
    BUY,
    Operator,
    order,
    settings,
)
from tests.engine.truth import (
    reading,
)

FIVE = ("kraken", "coinbase", "binance", "okx", "bybit")
BTC = Asset("BTC")
D = Decimal


def asked(*venues: str, **changes: Any) -> FlattenOrder:
    plain = FlattenOrder(tuple(map(Venue, venues)), (), to_zero=False, foreign=False, dry_run=False, by="ops")
    return replace(plain, **changes)


async def left(desk: Desk, what: FlattenOrder) -> Outcome:
    return await flatten(desk, what, show=lambda plan: None, confirm=lambda: True)


def flattens(at: Operator, *venues: str, **changes: Any) -> Outcome:
    return at.does(lambda desk: left(desk, asked(*venues, **changes)))


def rows_of(outcome: Outcome) -> tuple[FlattenRow, ...]:
    assert isinstance(outcome.data, FlattenResult)
    return outcome.data.venues


def row_of(outcome: Outcome) -> FlattenRow:
    (row,) = rows_of(outcome)
    return row


def position(at: Operator, venue: Venue) -> Decimal:
    """By the venue's own record; every account opened with 10 BTC."""
    return D(at.ledger(venue)["balances"]["BTC"]["total"]) - 10


def records(at: Operator, venues: Sequence[Venue]) -> list[Any]:
    return [at.ledger(venue) for venue in venues]


def trading(at: Operator, venue: Venue | None) -> TradingState:
    with reading(at.settings) as tx:
        return state_of(views.trading(tx), venue)


def desk_of(folder: Path, *venues: str, **changes: Any) -> Operator:
    return Operator(settings(folder, *venues, **changes))


def holding_some(folder: Path, side: Side = BUY, qty: str = "0.5") -> Operator:
    """One venue with a position, settled."""
    at = desk_of(folder, "kraken")
    at.routes(order(qty, side))
    at.clock.advance(3)
    assert Exit.OK is at.reconciles().exit_code
    return at
