"""The generated market: deterministic, gentle, legal, and like the books that were recorded."""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.book import Book, Level, checked_book
from mvx.domain.ids import Symbol, Venue
from mvx.domain.instant import MICROS_PER_S, Instant
from mvx.domain.money import is_multiple
from mvx.paper.feed import GeneratedFeed, Sides
from mvx.paper.markets import STABLE_PAIR, rules_of
from tests.marketdata import recording
from tests.paper.builders import venue_settings
from tests.support import START

SECOND = START // MICROS_PER_S
VENUES = ("kraken", "coinbase", "binance", "okx", "bybit", "elsewhere")
SYMBOLS = ("BTC/USD", "ETH/USDT", "SOL/USD", "USDT/USD")


def feed(venue: str = "kraken", symbol: str = "BTC/USD", seed: int = 7) -> GeneratedFeed:
    symbols = () if symbol == STABLE_PAIR else (symbol,)
    return GeneratedFeed(rules_of(venue_settings(venue, symbols), Symbol(symbol)), seed)


def mid(of: GeneratedFeed, second: int = SECOND) -> Decimal:
    return sum(of.touch(second), Decimal(0)) / 2


def test_another_process_computes_the_same_book() -> None:
    """Nothing depends on the process: not on hash(), not on what was asked before."""
    program = (
        "from mvx.paper.feed import GeneratedFeed\n"
        "from tests.paper.test_feed import feed, SECOND\n"
        "print(repr(feed().sides(SECOND)))"
    )
    there = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert repr(feed().sides(SECOND)) == there.stdout.strip()


def test_another_seed_is_another_market() -> None:
    """Prices and sizes both differ."""
    assert feed(seed=7).sides(SECOND) != feed(seed=8).sides(SECOND)


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("venue", VENUES)
def test_a_book_is_legal(venue: str, symbol: str) -> None:
    """Not crossed, in order, on tick and on lot, at any hour."""
    one = feed(venue, symbol)
    for second in range(SECOND, SECOND + 86_400, 9_973):
        bids, asks = one.sides(second)
        checked_book(Book(Venue(venue), Symbol(symbol), bids, asks, START))
        for level in bids + asks:
            assert is_multiple(level.px, one.rules.tick)
            assert is_multiple(level.qty, one.rules.lot)


def test_the_touch_is_the_top_of_the_book() -> None:
    """The cheap answer and the whole one agree."""
    for venue in VENUES:
        bids, asks = feed(venue).sides(SECOND)
        assert (bids[0].px, asks[0].px) == feed(venue).touch(SECOND)


def test_a_book_lasts_a_second() -> None:
    """Two instants of one second share a position; the next second is the next."""
    one = feed()
    late = Instant(START + MICROS_PER_S - 1)
    assert one.position(START) == one.position(late) == one.position(Instant(late + 1)) - 1
    assert START == one.starts_at(one.position(late))


def test_the_mid_moves_gently() -> None:
    """Over an hour never a quarter of a bp in a second, and typically a tenth of that."""
    mids = [mid(feed("binance", "BTC/USDT"), SECOND + i) for i in range(3_600)]
    moves_bps = [abs(b / a - 1) * 10_000 for a, b in itertools.pairwise(mids)]
    assert max(moves_bps) < Decimal("0.25")
    assert 0 < statistics.median(moves_bps) < Decimal("0.1")


def test_few_levels_change_their_size_from_one_second_to_the_next() -> None:
    """A book that was planned on is still nearly there when the order comes."""
    before, now = feed().sides(SECOND), feed().sides(SECOND + 1)
    same = sum(a.qty == b.qty for a, b in zip(before.asks, now.asks, strict=True))
    assert same > 0.9 * len(now.asks)


def test_prices_are_where_the_recording_left_them() -> None:
    """BTC around 80150 USD, ETH around 2558, within two percent."""
    assert abs(mid(feed("kraken", "BTC/USD")) / 80_150 - 1) < Decimal("0.02")
    assert abs(mid(feed("coinbase", "ETH/USD")) / 2_558 - 1) < Decimal("0.02")


def test_venues_share_one_price_but_for_a_few_bps() -> None:
    """In USD, with USDT at its own rate."""
    rate = mid(feed("kraken", STABLE_PAIR))
    usd = mid(feed("kraken", "BTC/USD"))
    for venue in ("binance", "okx", "bybit"):
        assert abs(mid(feed(venue, "BTC/USDT")) * rate / usd - 1) < Decimal("0.001")


def test_a_tether_is_worth_nearly_a_dollar() -> None:
    """With a tick of 0.0001, one tick wide."""
    bid, ask = feed("coinbase", STABLE_PAIR).touch(SECOND)
    assert Decimal("0.0001") == ask - bid
    assert Decimal("0.999") < bid < Decimal("1.0001")


def hundred(sides: Sides) -> tuple[Decimal, Decimal, Decimal]:
    """Spread in bps, reach of 100 levels in bps, their size in base: the means of both sides."""
    middle = (sides.bids[0].px + sides.asks[0].px) / 2
    spread = (sides.asks[0].px - sides.bids[0].px) / middle * 10_000
    reach = (sides.asks[99].px - sides.bids[99].px) / 2 / middle * 10_000
    size = sum((level.qty for level in sides.bids[:100] + sides.asks[:100]), Decimal(0)) / 2
    return spread, reach, size


@pytest.mark.parametrize("base", ["BTC", "ETH"])
def test_books_resemble_the_recorded_ones(base: str) -> None:
    """Spread, reach and depth of 100 levels are those of the recording, within its own scatter."""
    path = recording(f"four_venues_2026-09-18/sweep_0001_{base}USDT.jsonl")
    for line in path.read_text().splitlines():
        there = json.loads(line, parse_float=Decimal, parse_int=Decimal)
        real = hundred(Sides(*(tuple(Level(*pair) for pair in there[side]) for side in ("bids", "asks"))))
        one = feed(there["exchange"].lower(), f"{base}/USDT")
        ours = [hundred(one.sides(SECOND + i * 600)) for i in range(5)]
        spread, reach, size = (statistics.median(column) for column in zip(*ours, strict=True))
        assert real[0] / 8 - 1 < spread < real[0] * 3 + 1
        assert real[1] / 4 < reach < real[1] * 4
        assert real[2] / 4 < size < real[2] * 4
