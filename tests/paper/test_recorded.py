"""Recorded books: both formats, both clocks, exact numbers, what is skipped."""

from __future__ import annotations

import itertools
import json
import lzma
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.book import Level
from mvx.domain.ids import Symbol
from mvx.domain.instant import MICROS_PER_S
from mvx.domain.order import Side, TimeInForce
from mvx.errors import BadVenueData, ConfigError
from mvx.paper.recorded import Track
from tests.marketdata import recording
from tests.paper.builders import BTC_USD, Bench, venue_settings, write_books

SEVEN_HOURS = "two_venues_btcbrl_2020-06-21/books.jsonl.xz"
SWEEP = "four_venues_2026-09-18/sweep_0001_BTCUSDT.jsonl"
THREE = (
    (0.0, [("99", "1")], [("100", "1")]),
    (2.5, [("98", "1")], [("99", "1")]),
    (10.0, [("97", "1")], [("98", "1")]),
)


def bench(tmp_path: Path, clock: str = "wall") -> Bench:
    books = write_books(tmp_path / "books.jsonl", *THREE)
    return Bench(tmp_path / "x.paper", venue_settings(books=books, clock=clock))


def test_the_wall_clock_plays_at_its_own_pace_from_first_use(tmp_path: Path) -> None:
    """Each book lasts until the next one's time; the last one stays."""
    desk = bench(tmp_path)
    seen = [desk.book().asks[0].px]
    for seconds in (2.4, 0.1, 7.4, 0.1, 1_000):
        desk.clock.advance(seconds)
        seen.append(desk.book().asks[0].px)
    assert [100, 100, 99, 99, 98, 98] == seen


def test_every_process_hears_the_same_recording(tmp_path: Path) -> None:
    """Time zero is in the file, not in the process."""
    desk = bench(tmp_path)
    desk.book()
    desk.clock.advance(3)
    assert Decimal(99) == desk.twin().book().asks[0].px


def test_a_reset_plays_from_the_start(tmp_path: Path) -> None:
    """Time zero is the reset's, or the first use after it."""
    desk = bench(tmp_path)
    desk.book()
    desk.clock.advance(1_000)
    desk.exchange.reset()
    assert Decimal(100) == desk.book().asks[0].px


def test_the_step_clock_moves_with_each_read_of_any_process(tmp_path: Path) -> None:
    """The first read shows the first book; time does nothing; the last one stays."""
    desk = bench(tmp_path, "step")
    seen = [desk.book().asks[0].px, desk.twin().book().asks[0].px]
    desk.clock.advance(1_000)
    seen += [desk.book().asks[0].px, desk.book().asks[0].px]
    assert [100, 99, 98, 98] == seen


def test_orders_of_the_step_clock_meet_the_current_book(tmp_path: Path) -> None:
    """The one that was read last, and not the next."""
    desk = bench(tmp_path, "step")
    desk.book()
    desk.book()
    desk.submit(desk.request(Side.BUY, "1", "200"))
    assert [Decimal(99)] == [fill.price for fill in desk.trades()]


def test_a_step_takes_resting_orders_along(tmp_path: Path) -> None:
    """A read moves the market, and the market fills the order."""
    desk = bench(tmp_path, "step")
    desk.book()
    desk.submit(desk.request(Side.BUY, "0.5", "98", tif=TimeInForce.GTC))
    desk.book()
    assert () == desk.trades()
    desk.book()
    assert [(Decimal(98), Decimal("0.5"))] == [(fill.price, fill.qty) for fill in desk.trades()]


def micros(line: dict[str, Decimal]) -> int:
    return int(line["timestamp"] * MICROS_PER_S)


def test_lines_that_are_no_book_are_skipped(tmp_path: Path) -> None:
    """Crossed, one-sided, another venue's, another symbol's, or blank."""
    path = tmp_path / "books.jsonl"
    good = {"exchange": "Kraken", "symbol": "BTC/USD", "fetched_at": 1000, "bids": [[1, 1]], "asks": [[2, 1]]}
    lines = [
        good | {"bids": [[3, 1]]},
        good | {"asks": []},
        good | {"exchange": "Binance", "asks": [[5, 1]]},
        good | {"symbol": "ETH/USD", "asks": [[6, 1]]},
    ]
    path.write_text("\n\n".join(map(json.dumps, [*lines, good])))
    desk = Bench(tmp_path / "x.paper", venue_settings(books=path, books_venue="Kraken"))
    assert (Level(Decimal(2), Decimal(1)),) == desk.book().asks


def test_numbers_may_have_exponents(tmp_path: Path) -> None:
    """A price below a ten-thousandth is not taken for a crossed book, and stays exact."""
    path = tmp_path / "books.jsonl"
    path.write_text('{"exchange": "kraken", "bids": [[9.9e-06, 7e-05]], "asks": [[1.0e-05, 3]]}')
    desk = Bench(tmp_path / "x.paper", venue_settings(books=path))
    assert (Level(Decimal("0.0000099"), Decimal("0.00007")),) == desk.book().bids


def test_a_packed_recording_that_is_cut_off_is_a_configuration_error(tmp_path: Path) -> None:
    """It is told as such, and nothing is played."""
    path = tmp_path / "books.xz"
    path.write_bytes(lzma.compress(b'{"exchange": "kraken"}\n' * 1000)[:-40])
    desk = Bench(tmp_path / "x.paper", venue_settings(books=path))
    with pytest.raises(ConfigError):
        desk.book()


def test_a_recording_without_the_venue_is_no_market(tmp_path: Path) -> None:
    """And no generated one takes its place in silence."""
    path = write_books(tmp_path / "books.jsonl", *THREE, exchange="elsewhere")
    desk = Bench(tmp_path / "x.paper", venue_settings(books=path))
    with pytest.raises(BadVenueData):
        desk.book()


def test_a_recording_given_to_reset_plays_where_it_has_books(tmp_path: Path) -> None:
    """The venue it knows plays it, the other one stays generated, until the next reset."""
    books = write_books(tmp_path / "books.jsonl", *THREE, exchange="OKX")
    desk = Bench(tmp_path / "x.paper", venue_settings("okx"), venue_settings("bybit"))
    desk.exchange.reset(books)
    assert (1, 400) == (len(desk.book(venue="okx").asks), len(desk.book(venue="bybit").asks))
    desk.exchange.reset()
    assert 400 == len(desk.book(venue="okx").asks)


def test_a_sweep_is_replayed_exactly(tmp_path: Path) -> None:
    """Format one: the levels are the recorded digits."""
    path = recording(SWEEP)
    symbols = ("BTC/USDT",)
    names = ("Binance", "Bybit", "OKX", "Kraken")
    venues = [venue_settings(name.lower(), symbols, books=path, books_venue=name) for name in names]
    desk = Bench(tmp_path / "x.paper", *venues)
    for line in path.read_text().splitlines():
        there = json.loads(line, parse_float=Decimal, parse_int=Decimal)
        book = desk.book(Symbol("BTC/USDT"), there["exchange"].lower())
        assert [tuple(pair) for pair in there["bids"]] == list(book.bids)
        assert [tuple(pair) for pair in there["asks"]] == list(book.asks)


def test_seven_hours_are_replayed_exactly_by_both_clocks(tmp_path: Path) -> None:
    """Format two, packed: the first books of both venues, numbers and texts alike, and their times."""
    path = recording(SEVEN_HOURS)
    with lzma.open(path) as file:
        lines = [json.loads(raw, parse_float=Decimal) for raw in itertools.islice(file, 30)]
    symbol = Symbol("BTC/BRL")
    for clock in ("step", "wall"):
        venues = [
            venue_settings(name.lower(), (symbol,), books=path, books_venue=name, clock=clock)
            for name in ("EX1", "EX2")
        ]
        desk = Bench(tmp_path / f"{clock}.paper", *venues)
        started = desk.clock.now()
        if clock == "wall":
            desk.book(symbol, "ex2")
        for there in lines:
            desk.clock.advance((micros(there) - micros(lines[0]) + started - desk.clock.now()) / MICROS_PER_S)
            book = desk.book(symbol, there["exchange"].lower())
            assert [(Decimal(px), Decimal(qty)) for px, qty in there["asks"]] == list(book.asks)


def test_a_recording_is_read_only_as_far_as_it_was_played(tmp_path: Path) -> None:
    """A command in the first minute of seven hours does not unpack them all."""
    track = Track(recording(SEVEN_HOURS), "EX1", BTC_USD)
    track.sides(track.at_elapsed(60 * MICROS_PER_S))
    assert len(track._offsets) < 100


def test_seven_hours_have_an_end_that_stays(tmp_path: Path) -> None:
    """All 6,467 books of one venue, in one pass."""
    track = Track(recording(SEVEN_HOURS), "EX2", BTC_USD)
    last = track.at_elapsed(10**12)
    assert (6_466, 6_466) == (last, track.clamp(10**6))
    assert track.sides(last).bids


def test_the_book_of_a_symbol_that_is_not_configured_is_generated(tmp_path: Path) -> None:
    """A recording without symbols speaks of the configured one, not of USDT/USD."""
    desk = bench(tmp_path)
    assert 400 == len(desk.book(Symbol("USDT/USD")).asks)
