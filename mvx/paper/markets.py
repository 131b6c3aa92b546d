"""What each paper venue lists, at which rules and fees, and what a fresh account there holds.

Rule: the settings win over these tables, and the tables win over the generic defaults.
Tick, lot and minimums are public facts of the BTC and ETH markets: Binance GET /api/v3/exchangeInfo, Bybit
GET /v5/market/instruments-info?category=spot, OKX GET /api/v5/public/instruments?instType=SPOT, Kraken
GET /0/public/AssetPairs, all read 2026-09-17T19:13Z. OKX publishes no minimum notional.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from mvx.config.settings import VenueSettings
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.instrument import MarketRules
from mvx.domain.money import BPS, ZERO, floor_to
from mvx.domain.order_status import OrdStatus
from mvx.errors import ConfigError

#: No order limit and no fill is above it (Binance's BTC PRICE_FILTER.maxPrice).
MAX_PX = Decimal(1_000_000)
STABLE_PAIR = Symbol("USDT/USD")
#: Assets that fees may be paid in, and what one is worth: Binance support FAQ 115000583311, "Using BNB to pay
#: for fees", and Kraken's fee credits (Assets: KFEE), of which 100 are worth a dollar. They have no market
#: here: BNB's price is invented, and each is fixed, so many units of whatever the quote is. No discount.
FEE_TOKENS_PX = {Asset("BNB"): Decimal(600), Asset("KFEE"): Decimal("0.01")}


class Grid(NamedTuple):
    """What a market's rules are in numbers."""

    tick: Decimal
    lot: Decimal
    min_qty: Decimal
    min_notional: Decimal


def _grid(tick: str, lot: str, min_qty: str, min_notional: str) -> Grid:
    return Grid(Decimal(tick), Decimal(lot), Decimal(min_qty), Decimal(min_notional))


GENERIC_GRID = _grid("0.01", "0.00000001", "0.00000001", "1")
STABLE_GRID = _grid("0.0001", "0.00000001", "0.00000001", "1")

GRIDS: dict[tuple[str, str], Grid] = {
    ("binance", "BTC"): _grid("0.01", "0.00001", "0.00001", "5"),
    ("binance", "ETH"): _grid("0.01", "0.0001", "0.0001", "5"),
    ("bybit", "BTC"): _grid("0.1", "0.000001", "0.000001", "5"),
    ("bybit", "ETH"): _grid("0.01", "0.00001", "0.00001", "5"),
    ("okx", "BTC"): _grid("0.1", "0.00000001", "0.00001", "0"),
    ("okx", "ETH"): _grid("0.01", "0.000001", "0.0001", "0"),
    ("kraken", "BTC"): _grid("0.1", "0.00000001", "0.00005", "0.5"),
    ("kraken", "ETH"): _grid("0.01", "0.00000001", "0.001", "0.5"),
}


@dataclass(frozen=True, slots=True)
class House:
    """One venue's own habits. `killed`: how it calls what is left of an IOC or FOK order. quote_step: to what
    it cuts what a trade moves in quote; None: it does not."""

    taker_bps: Decimal
    lists_stable_pair: bool = False
    killed: OrdStatus = OrdStatus.CANCELED
    quote_step: Decimal | None = None


GENERIC_HOUSE = House(Decimal(10))
HOUSES: dict[str, House] = {
    "kraken": House(Decimal(14), lists_stable_pair=True),
    "coinbase": House(Decimal(15), lists_stable_pair=True),
    # Binance Spot API, enums, order status EXPIRED: "canceled according to the order type's rules
    # (e.g. LIMIT FOK orders with no fill, LIMIT IOC or MARKET orders that partially fill)". Trades that were
    # recorded there: 3.558 at 0.000627 has the quoteQty 0.00223086, 0.0942 ETH at 0.03577 BTC 0.00336953.
    "binance": House(Decimal(9), killed=OrdStatus.EXPIRED, quote_step=Decimal("0.00000001")),
    "okx": House(Decimal(9)),
    "bybit": House(Decimal(9)),
}

_OPENING = {"BTC": Decimal(10), "ETH": Decimal(100), "USD": Decimal(500_000), "USDT": Decimal(500_000)}
_OPENING_BASE = Decimal(1_000)
_OPENING_QUOTE = Decimal(1_000_000)


def house_of(venue: Venue) -> House:
    return HOUSES.get(venue, GENERIC_HOUSE)


def taker_bps(settings: VenueSettings) -> Decimal:
    """What every fill costs here, taker or maker."""
    return house_of(settings.name).taker_bps if settings.taker_bps is None else settings.taker_bps


def fee_rate(settings: VenueSettings) -> Decimal:
    return taker_bps(settings) / BPS


def gross_of(venue: Venue, qty: Decimal, px: Decimal) -> Decimal | None:
    """What a trade moves in quote; None: quantity times price, to the last digit."""
    step, product = house_of(venue).quote_step, qty * px
    moved = product if step is None else floor_to(product, step)
    return None if moved == product else moved


def fee_tokens(settings: VenueSettings) -> tuple[Asset, ...]:
    """A token is for accounts that are configured to hold it."""
    return tuple(token for token in FEE_TOKENS_PX if token in settings.paper.balances)


def split_symbol(symbol: Symbol) -> tuple[Asset, Asset]:
    """Base and quote of `BTC/USD` or `BTC-USD`. Raises ConfigError for any other shape."""
    parts = re.split("[/-]", symbol)
    if len(parts) != 2 or not all(parts):
        raise ConfigError(
            f"a paper venue can not tell base from quote in the symbol {symbol!r}",
            next_step="write it as BASE/QUOTE, such as BTC/USD",
        )
    return Asset(parts[0]), Asset(parts[1])


def listed_symbols(settings: VenueSettings) -> tuple[Symbol, ...]:
    """The configured symbols, and the pair that prices USDT where the venue lists it."""
    symbols = dict.fromkeys(settings.symbols.values())
    if house_of(settings.name).lists_stable_pair:
        symbols[STABLE_PAIR] = None
    return tuple(symbols)


def rules_of(settings: VenueSettings, symbol: Symbol) -> MarketRules:
    """Tick, lot and minimums. The settings speak of the configured symbols only, not of USDT/USD."""
    base, quote = split_symbol(symbol)
    generic = STABLE_GRID if symbol == STABLE_PAIR else GENERIC_GRID
    grid = GRIDS.get((settings.name, base), generic)
    if symbol in settings.symbols.values():
        paper = settings.paper
        own = (paper.tick, paper.lot, paper.min_qty, paper.min_notional)
        grid = Grid(*(mine if mine is not None else table for mine, table in zip(own, grid, strict=True)))
    return MarketRules(settings.name, symbol, base, quote, *grid, max_px=MAX_PX)


def opening_balances(settings: VenueSettings) -> dict[Asset, Decimal]:
    """What a fresh account holds: every asset of the listed symbols has an entry, zero included."""
    opening: dict[Asset, Decimal] = {}
    for base, quote in map(split_symbol, listed_symbols(settings)):
        opening.setdefault(base, _OPENING.get(base, _OPENING_BASE))
        opening.setdefault(quote, _OPENING.get(quote, _OPENING_QUOTE))
    if settings.paper.balances:
        opening = dict.fromkeys(opening, ZERO) | dict(settings.paper.balances)
    return opening
