"""What a fill, a bust or a transfer does to a venue's holdings, as double-entry movements, and what
balances were set to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from mvx.domain.execution import Fill, Transfer
from mvx.domain.ids import Asset
from mvx.domain.instant import Instant


class Movement(NamedTuple):
    """`amount` comes into the holding of `asset` out of the account `contra` (negative: goes out)."""

    asset: Asset
    amount: Decimal
    contra: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """An opening or adjustment set a holding to the venue's balance at `at`; of the events until then
    (`listing` of fills and transfers, `bust_listing` of busts) it knew `listed`. rebased: the operator said
    after an adjustment what of the holding is inventory. until: when the balance of an adjustment had been
    read again and was the same; one of the two may have been stale, so that it may have counted what came in
    between, or not."""

    asset: Asset
    kind: str
    at: Instant
    listed: frozenset[str]
    until: Instant
    rebased: bool = False


@dataclass(frozen=True, slots=True)
class Doubt:
    """A balance that differed when it was read, at read_at, with no event on its asset since: what the
    journal holds of it is what it held then."""

    asset: Asset
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
    return _with_opposites(effects(fill, base, quote), absorbed)


def busted_movements(
    fill: Fill, base: Asset, quote: Asset, absorbed: Mapping[Asset, str]
) -> tuple[Movement, ...]:
    """The exact opposite of what the fill did, fee included: the venue took the trade back."""
    back = (Movement(asset, -amount, "bust") for asset, amount, _ in effects(fill, base, quote))
    return _with_opposites(back, absorbed)


def transferred_movements(transfer: Transfer, absorbed: Mapping[Asset, str]) -> tuple[Movement, ...]:
    """A deposit comes in, a withdrawal goes out."""
    return _with_opposites((Movement(transfer.asset, transfer.amount, "transfer"),), absorbed)


def _with_opposites(movements: Iterable[Movement], absorbed: Mapping[Asset, str]) -> tuple[Movement, ...]:
    found: list[Movement] = []
    for each in movements:
        found.append(each)
        if each.asset in absorbed:
            found.append(Movement(each.asset, -each.amount, absorbed[each.asset]))
    return tuple(found)


def net(movements: Iterable[Movement]) -> dict[Asset, Decimal]:
    """The sum per asset."""
    total: dict[Asset, Decimal] = {}
    for asset, amount, _ in movements:
        total[asset] = total.get(asset, Decimal(0)) + amount
    return total
