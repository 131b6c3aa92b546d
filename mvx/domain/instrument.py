"""What is traded, and one venue's rules for trading it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from mvx.domain.ids import Asset, Symbol, Venue


@dataclass(frozen=True, slots=True)
class Instrument:
    """What an operator types: `BTC-USD`."""

    name: str
    base: Asset
    quote: Asset


def split_symbol(symbol: Symbol) -> tuple[Asset, Asset]:
    """Base and quote of a unified symbol, `BTC/USD`."""
    base, _, quote = symbol.partition("/")
    return Asset(base), Asset(quote)


@dataclass(frozen=True, slots=True)
class MarketRules:
    """One venue's rules for one symbol.

    tick and min_notional are in the symbol's own quote, lot and min_qty in base. max_px is the price
    no fill can exceed (Binance: PRICE_FILTER.maxPrice); None where the venue declares none.
    """

    venue: Venue
    symbol: Symbol
    base: Asset
    quote: Asset
    tick: Decimal
    lot: Decimal
    min_qty: Decimal
    min_notional: Decimal
    max_px: Decimal | None = None
