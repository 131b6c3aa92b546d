"""Recorded books: a file of JSON lines, one book a line, plain or xz, played back exactly.

A line is {"exchange", "symbol", "fetched_at" or "timestamp" (s), "bids", "asks"}, levels as [price, size],
best first, numbers or texts; the symbol and the time may be missing (a line a second, then).
Rule: numbers are read as Decimals and kept as recorded. Lines that are crossed or lack a side are no
book and are skipped.
A file is scanned only as far as playing has come, and only places and times are kept: a recording of
hours takes hundreds of megabytes once it is unpacked.
"""

from __future__ import annotations

import json
import lzma
import re
from bisect import bisect_right
from collections import OrderedDict
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import IO, NamedTuple

from mvx.domain.book import Level
from mvx.domain.ids import Symbol
from mvx.domain.instant import MICROS_PER_S, Instant
from mvx.errors import BadVenueData, ConfigError
from mvx.paper.feed import Sides

_EXCHANGE = re.compile(rb'"exchange":\s*"([^"]*)"')
_SYMBOL = re.compile(rb'"symbol":\s*"([^"]*)"')
_NUMBER = rb"([0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)"
_TIME = re.compile(rb'"(?:fetched_at|timestamp)":\s*' + _NUMBER)
_BEST_BID = re.compile(rb'"bids":\s*\[\s*\[\s*"?' + _NUMBER)
_BEST_ASK = re.compile(rb'"asks":\s*\[\s*\[\s*"?' + _NUMBER)
_PARSED_KEPT = 8
_MOST_DIGITS_S = 11
_XZ_MAGIC = b"\xfd7zXZ\x00"


class Line(NamedTuple):
    """What is read of a line without reading its levels. `at_us` counts from the file's first line."""

    offset: int
    exchange: str
    symbol: str | None
    at_us: int
    usable: bool


class Recording:
    """One file, scanned forward line by line. Raises ConfigError where it can not be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._scan = open_books(path)
        self._reader = open_books(path)
        self._first_us: int | None = None
        self._last_us = -MICROS_PER_S

    def close(self) -> None:
        self._scan.close()
        self._reader.close()

    def next_line(self) -> Line | None:
        """The next line, or None at the end."""
        raw = b"\n"
        while raw.isspace():
            offset = self._scan.tell()
            raw = self._read_line()
        if not raw:
            return None
        time = _TIME.search(raw)
        at_us = self._last_us + MICROS_PER_S
        absolute_us = None if time is None else _micros(Decimal(time[1].decode()))
        if absolute_us is not None:
            self._first_us = absolute_us if self._first_us is None else self._first_us
            at_us = max(self._last_us, absolute_us - self._first_us, 0)
        self._last_us = at_us
        exchange, symbol = _EXCHANGE.search(raw), _SYMBOL.search(raw)
        return Line(
            offset,
            exchange[1].decode() if exchange else "",
            symbol[1].decode() if symbol else None,
            at_us,
            _usable(raw),
        )

    def _read_line(self) -> bytes:
        try:
            return self._scan.readline()
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise ConfigError(f"recorded books {self.path}: {error}") from error

    def sides(self, offset: int) -> Sides:
        """The levels of the line at that place."""
        self._reader.seek(offset)
        raw = self._reader.readline()
        try:
            parsed = json.loads(raw, parse_float=Decimal, parse_int=Decimal)
            return Sides(_levels(parsed["bids"]), _levels(parsed["asks"]))
        except (ValueError, ArithmeticError, TypeError, KeyError, RecursionError) as error:
            raise BadVenueData(f"{self.path}: no book at byte {offset}: {error}") from error


def _micros(seconds: Decimal) -> int | None:
    """None for what is no time of this age of the world."""
    return int(seconds * MICROS_PER_S) if seconds.adjusted() < _MOST_DIGITS_S else None


class Track:
    """One venue's books of one symbol in one recording, numbered from 0 in the order of time."""

    def __init__(self, path: Path, exchange: str, symbol: Symbol) -> None:
        self._recording = Recording(path)
        self._exchange = exchange.casefold()
        self._symbol = symbol
        self._times_us: list[int] = []
        self._offsets: list[int] = []
        self._parsed: OrderedDict[int, Sides] = OrderedDict()
        if not self._read_one():
            raise BadVenueData(f"{path} has no book of {symbol} by {exchange}")

    def at_elapsed(self, elapsed_us: int) -> int:
        """The number of the book that is current so long after the file's first line."""
        while self._times_us[-1] <= elapsed_us and self._read_one():
            pass
        return max(0, bisect_right(self._times_us, elapsed_us) - 1)

    def clamp(self, number: int) -> int:
        """That number, or the last one where the recording is shorter."""
        while len(self._times_us) <= number and self._read_one():
            pass
        return min(number, len(self._times_us) - 1)

    def time_us(self, number: int) -> int:
        return self._times_us[number]

    def sides(self, number: int) -> Sides:
        found = self._parsed.get(number)
        if found is None:
            found = self._parsed[number] = self._recording.sides(self._offsets[number])
            if len(self._parsed) > _PARSED_KEPT:
                self._parsed.popitem(last=False)
        return found

    def _read_one(self) -> bool:
        while (line := self._recording.next_line()) is not None:
            theirs = line.exchange.casefold() in ("", self._exchange)
            if theirs and line.symbol in (None, self._symbol) and line.usable:
                self._times_us.append(line.at_us)
                self._offsets.append(line.offset)
                return True
        return False


def track(path: Path, exchange: str, symbol: Symbol) -> Track:
    """The track, scanned once in a process however many ask for it, while the file stays the same.
    Raises ConfigError where it is gone."""
    try:
        return _track(path, path.stat().st_mtime_ns, exchange, symbol)
    except OSError as error:
        raise ConfigError(f"recorded books {path}: {error.strerror or error}") from error


@lru_cache(maxsize=32)
def _track(path: Path, _version: int, exchange: str, symbol: Symbol) -> Track:
    return Track(path, exchange, symbol)


@dataclass(frozen=True, slots=True)
class RecordedFeed:
    """A track being played: at its own pace since `origin`, or where `step` is set, standing at that
    step until a read of the book moves it. A position is the number of a book; the last one stays."""

    track: Track
    origin: Instant
    step: int | None = None

    def position(self, at: Instant) -> int:
        if self.step is not None:
            return self.track.clamp(self.step)
        return self.track.at_elapsed(at - self.origin)

    def starts_at(self, position: int) -> Instant | None:
        if self.step is not None:
            return None
        return Instant(self.origin + self.track.time_us(position))

    def touch(self, position: int) -> tuple[Decimal, Decimal]:
        bids, asks = self.sides(position)
        return bids[0].px, asks[0].px

    def sides(self, position: int) -> Sides:
        return self.track.sides(position)


def markets_in(path: Path) -> frozenset[tuple[str, str | None]]:
    """(exchange in lower case, symbol) of every usable line. Raises ConfigError as Recording does."""
    found = set()
    with closing(Recording(path)) as recording:
        while (line := recording.next_line()) is not None:
            if line.usable:
                found.add((line.exchange.casefold(), line.symbol))
    return frozenset(found)


def open_books(path: Path) -> IO[bytes]:
    """The file, unpacked where it is xz."""
    try:
        plain = path.open("rb")
        if plain.read(len(_XZ_MAGIC)) == _XZ_MAGIC:
            plain.close()
            return lzma.open(path)
        plain.seek(0)
    except OSError as error:
        raise ConfigError(f"recorded books {path}: {error.strerror or error}") from error
    return plain


def _usable(raw: bytes) -> bool:
    bid, ask = _BEST_BID.search(raw), _BEST_ASK.search(raw)
    return bid is not None and ask is not None and Decimal(bid[1].decode()) < Decimal(ask[1].decode())


def _levels(pairs: list[list[Decimal | str]]) -> tuple[Level, ...]:
    return tuple(Level(Decimal(px), Decimal(qty)) for px, qty, *_ in pairs)
