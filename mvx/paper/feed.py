"""The generated market: a pure function of (seed, asset, time) that any process computes alike.

Rule: nothing is simulated step by step. The price of any second is the sum of a few octaves of value
noise between hashed lattice points, so every instant costs the same. Integers and Decimals only.
Invariants: a book holds for one second, its levels lie on tick and lot, it is never crossed, and the
mid moves well under 1 bp from one second to the next. The styles are quantiles of level size and of
the gap between levels, taken from recorded books of BTC and ETH at these venues (September 2026;
coinbase was not recorded: its style is a guess between Binance's and Bybit's).
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache
from typing import NamedTuple, Protocol

from mvx.domain.book import Level
from mvx.domain.instant import MICROS_PER_S, Instant
from mvx.domain.instrument import MarketRules

LEVELS = 400
#: Every level's size is drawn afresh once in so many seconds, a few levels each second.
REFRESH_S = 60
_NANO = 1_000_000_000
_NANO_PER_BP = 100_000

#: (period in seconds, amplitude in bps): the fastest octave moves 0.1 bp in a second.
OCTAVES = ((11, 0.4), (67, 2), (601, 12), (3_607, 40), (86_413, 120))
#: How slowly one venue's mid strays from the common one; how far is the style's own.
STRAY_PERIOD_S = 307


class Sides(NamedTuple):
    """Bids and asks, best first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Feed(Protocol):
    """Where a book comes from. A position numbers the books of one symbol in the order of time."""

    def position(self, at: Instant) -> int: ...

    def starts_at(self, position: int) -> Instant | None:
        """When that book became current; None where it is moved by reads, not by time."""

    def touch(self, position: int) -> tuple[Decimal, Decimal]:
        """Best bid and best ask, cheaply."""

    def sides(self, position: int) -> Sides: ...


class AssetModel(NamedTuple):
    """What an asset is worth around in USD, how much it moves and how deep its books are (BTC: 1)."""

    usd: Decimal
    restless_pct: int = 100
    depth: int = 1


ASSETS: dict[str, AssetModel] = {
    "BTC": AssetModel(Decimal(80_150)),
    "ETH": AssetModel(Decimal(2_558)),
    "USD": AssetModel(Decimal(1), 0, 20),
    "USDT": AssetModel(Decimal("0.9995"), 2, 20),
    "USDC": AssetModel(Decimal("0.9999"), 1, 20),
    "EUR": AssetModel(Decimal("1.15"), 10, 20),
    "GBP": AssetModel(Decimal("1.33"), 10, 20),
}

_QUANTILES = (0, 10, 25, 50, 75, 90, 97, 100)


@dataclass(frozen=True, slots=True)
class Style:
    """A venue's books: half the spread, how far its mid strays from the common one and the gaps between
    levels in bps, sizes in USD, the last two as values at the percentiles in _QUANTILES. Deep books
    stray little: arbitrage is cheap there. Kraken's stood 6 bps from Binance's in the recording."""

    half_spread_bps: float
    stray_bps: float
    gaps_bps: tuple[float, ...]
    sizes_usd: tuple[int, ...]


STYLES: dict[str, Style] = {
    "binance": Style(
        0.002,
        0.12,
        (0.001, 0.002, 0.006, 0.025, 0.06, 0.11, 0.18, 0.4),
        (6, 6, 10, 60, 2_500, 20_000, 55_000, 90_000),
    ),
    "bybit": Style(
        0.02,
        0.12,
        (0.0125, 0.02, 0.03, 0.07, 0.16, 0.28, 0.43, 0.9),
        (3, 12, 110, 2_200, 12_000, 25_000, 43_000, 90_000),
    ),
    "okx": Style(
        0.006,
        0.12,
        (0.0125, 0.0125, 0.02, 0.045, 0.1, 0.2, 0.3, 0.5),
        (1, 2, 20, 1_900, 11_000, 30_000, 60_000, 80_000),
    ),
    "kraken": Style(
        0.5,
        4.5,
        (0.0125, 0.05, 0.12, 0.35, 0.65, 1.05, 2, 4.5),
        (40, 300, 600, 2_000, 20_000, 45_000, 60_000, 120_000),
    ),
}
GENERIC_STYLE = Style(
    0.005,
    0.12,
    (0.001, 0.005, 0.02, 0.05, 0.1, 0.18, 0.3, 0.6),
    (10, 50, 300, 1_500, 9_000, 25_000, 50_000, 120_000),
)


@dataclass(frozen=True, slots=True)
class GeneratedFeed:
    """One symbol of one venue. A position is a whole second since 1970."""

    rules: MarketRules
    seed: int

    def position(self, at: Instant) -> int:
        return at // MICROS_PER_S

    def starts_at(self, position: int) -> Instant | None:
        return Instant(position * MICROS_PER_S)

    def touch(self, position: int) -> tuple[Decimal, Decimal]:
        bid, ask = _touch_ticks(self, position)
        return bid * self.rules.tick, ask * self.rules.tick

    def sides(self, position: int) -> Sides:
        return _sides(self, position)


@lru_cache(maxsize=32)
def _sides(feed: GeneratedFeed, second: int) -> Sides:
    bid, ask = _touch_ticks(feed, second)
    rules = feed.rules
    model = _model(rules.base)
    # Not at the price of the moment, which would change every size every second.
    lots_per_usd_nano = int(_NANO * model.depth / (model.usd * rules.lot))
    return Sides(
        _levels(feed, "bids", second, bid, -1, lots_per_usd_nano),
        _levels(feed, "asks", second, ask, 1, lots_per_usd_nano),
    )


def _levels(
    feed: GeneratedFeed, side: str, second: int, best: int, step: int, lots_per_usd_nano: int
) -> tuple[Level, ...]:
    style = STYLES.get(feed.rules.venue, GENERIC_STYLE)
    key = f"{feed.seed}/{feed.rules.venue}/{feed.rules.symbol}/{side}"
    window, into = divmod(second, REFRESH_S)
    older, newer = _sizes(style, f"{key}/{window}"), _sizes(style, f"{key}/{window + 1}")
    tick, lot = feed.rules.tick, feed.rules.lot
    levels = []
    away = -1
    for index, ladder_nano in enumerate(_ladder(style, key)):
        away = max(away + 1, ladder_nano * best // _NANO)
        ticks = best + step * away
        if ticks <= 0:
            break
        size = newer[index] if index * 37 % REFRESH_S < into else older[index]
        lots = max(1, size * lots_per_usd_nano // _NANO)
        levels.append(Level(ticks * tick, lots * lot))
    return tuple(levels)


def _touch_ticks(feed: GeneratedFeed, second: int) -> tuple[int, int]:
    """Best bid and ask in ticks, at least one tick apart and above zero."""
    rules = feed.rules
    style = STYLES.get(rules.venue, GENERIC_STYLE)
    octaves = ((STRAY_PERIOD_S, style.stray_bps),)
    stray = _noise(f"{feed.seed}/{rules.venue}/{rules.base}", second, octaves)
    common = _usd(rules.base, second, feed.seed) / _usd_of_quote(rules.quote, second, feed.seed)
    mid = common * (_NANO + stray) / _NANO / rules.tick
    half_nano = round(style.half_spread_bps * _NANO_PER_BP)
    half = mid * half_nano / _NANO
    bid = max(1, int((mid - half).to_integral_value(ROUND_FLOOR)))
    ask = int((mid + half).to_integral_value(ROUND_FLOOR)) + 1
    return bid, max(ask, bid + 1)


def _model(asset: str) -> AssetModel:
    """An asset that the table does not know has a stable price of its own, from 10 to 1000."""
    return ASSETS.get(asset) or AssetModel(Decimal(1_000 + _hashed(f"price/{asset}") % 99_000) / 100)


def _usd(asset: str, second: int, seed: int) -> Decimal:
    """What one unit is worth at that second."""
    model = _model(asset)
    if not model.restless_pct:
        return model.usd
    nano = _noise(f"{seed}/{asset}", second, OCTAVES) * model.restless_pct // 100
    return model.usd * (_NANO + nano) / _NANO


def _usd_of_quote(asset: str, second: int, seed: int) -> Decimal:
    return _usd(asset, second, seed) if asset in ASSETS else Decimal(1)


def _noise(key: str, second: int, octaves: tuple[tuple[int, float], ...]) -> int:
    """The sum of the octaves, in billionths."""
    total = 0
    for period_s, amplitude_bps in octaves:
        cell, into = divmod(second, period_s)
        here = _lattice(f"{key}/{period_s}/{cell}")
        there = _lattice(f"{key}/{period_s}/{cell + 1}")
        # Smoothstep between the two lattice points: 3x^2 - 2x^3.
        eased = (there - here) * into * into * (3 * period_s - 2 * into) // period_s**3
        total += (here + eased) * round(amplitude_bps * _NANO_PER_BP) // _LATTICE_MAX
    return total


_LATTICE_MAX = 1 << 31


@lru_cache(maxsize=1024)
def _lattice(key: str) -> int:
    """A lattice point, from -_LATTICE_MAX to _LATTICE_MAX."""
    return _hashed(key) - _LATTICE_MAX


def _hashed(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest())


@lru_cache(maxsize=64)
def _ladder(style: Style, key: str) -> tuple[int, ...]:
    """How far each level is from the best, in billionths of the price."""
    gaps = tuple(round(gap * _NANO_PER_BP) for gap in style.gaps_bps)
    return tuple(itertools.accumulate(_draws(key + "/gaps", gaps, LEVELS - 1), initial=0))


@lru_cache(maxsize=128)
def _sizes(style: Style, key: str) -> tuple[int, ...]:
    """Each level's size in USD."""
    return _draws(key, style.sizes_usd, LEVELS)


def _draws(key: str, quantiles: tuple[int, ...], count: int) -> tuple[int, ...]:
    """So many draws from the distribution that has these quantiles, straight lines between them."""
    raw = hashlib.shake_128(key.encode()).digest(2 * count)
    drawn = []
    for uniform in struct.unpack(f"<{count}H", raw):
        percent = uniform * 100
        upper = next(i for i in range(1, len(_QUANTILES)) if percent < _QUANTILES[i] << 16)
        low, high = _QUANTILES[upper - 1], _QUANTILES[upper]
        into = percent - (low << 16)
        rise = quantiles[upper] - quantiles[upper - 1]
        drawn.append(quantiles[upper - 1] + rise * into // ((high - low) << 16))
    return tuple(drawn)
