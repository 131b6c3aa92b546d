"""What a fill does to a venue's holdings, as double-entry movements, and what balances were set to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from mvx.domain.execution import Fill
from mvx.domain.ids import Asset
from mvx.domain.instant import Instant


class Movement(NamedTuple):
    """`amount` comes into the holding of `asset` out of the account `contra` (negative: goes out)."""

    asset: Asset
    amount: Decimal
    contra: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """An opening or adjustment set a holding to the venue's balance at `at`; of the trades until then
    (Fill.listing) it knew `listed`."""

    asset: Asset
    kind: str
    at: Instant
    listed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A balance that differed in a read that began at read_at, with no event on its asset since."""

    asset: Asset
    ours: Decimal
    theirs: Decimal
    read_at: Instant


def effects(fill: Fill, base: Asset, quote: Asset) -> tuple[Movement, ...]:
    """A buy adds base and takes quote; the fee goes out in its own asset, whichever that is."""
    sign = fill.side.sign
    traded = (
        Movement(base, sign * fill.qty, "trade"),
        Movement(quote, -sign * fill.notional, "trade"),
    )
    if not fill.fee_amount:
        return traded
    return (*traded, Movement(fill.fee_asset, -fill.fee_amount, "fee"))


def booked_movements(
    fill: Fill, base: Asset, quote: Asset, absorbed: Mapping[Asset, str]
) -> tuple[Movement, ...]:
    """The effects, each on an absorbed asset followed by its exact opposite against what absorbed it."""
    movements: list[Movement] = []
    for each in effects(fill, base, quote):
        movements.append(each)
        if each.asset in absorbed:
            movements.append(Movement(each.asset, -each.amount, absorbed[each.asset]))
    return tuple(movements)


def net(movements: Iterable[Movement]) -> dict[Asset, Decimal]:
    """The sum per asset."""
    total: dict[Asset, Decimal] = {}
    for asset, amount, _ in movements:
        total[asset] = total.get(asset, Decimal(0)) + amount
    return total
