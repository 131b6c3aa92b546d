"""One venue's market inside one transaction: which book is current, and what is left of it.

Rule: liquidity that the account takes is gone while that book lasts (a second of the generated market,
one snapshot of a recorded one).
A configured recording plays for the venue's own symbols, and one given to `reset` for every market that
it holds; all other books are generated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from mvx.config.settings import VenueSettings
from mvx.domain.book import Level
from mvx.domain.ids import Symbol, Venue
from mvx.domain.instant import Instant
from mvx.domain.money import plain
from mvx.domain.order import Side
from mvx.paper import markets
from mvx.paper.feed import Feed, GeneratedFeed, Sides
from mvx.paper.recorded import RecordedFeed, markets_in, track
from mvx.sqlite import Connection

#: How many missed books resting orders are taken through, and for how many taken liquidity is kept.
BOOKS_KEPT = 600


class Market:
    """The books of one venue at one moment."""

    def __init__(self, con: Connection, settings: VenueSettings, now: Instant) -> None:
        self._con = con
        self._settings = settings
        self._now = now
        self._feeds: dict[Symbol, Feed] = {}

    @property
    def _venue(self) -> Venue:
        return self._settings.name

    def position(self, symbol: Symbol, at: Instant) -> int:
        """Which book is current at that instant."""
        return self._feed(symbol).position(at)

    def starts_at(self, symbol: Symbol, position: int) -> Instant | None:
        return self._feed(symbol).starts_at(position)

    def touch(self, symbol: Symbol, position: int) -> tuple[Decimal, Decimal]:
        """Best bid and ask of the book as it came, whatever was taken since."""
        return self._feed(symbol).touch(position)

    def sides(self, symbol: Symbol, position: int) -> Sides:
        """What is left of that book."""
        sides = self._feed(symbol).sides(position)
        taken: dict[tuple[str, str], Decimal] = {
            (side, px): Decimal(qty)
            for side, px, qty in self._con.execute(
                "SELECT side, px, qty FROM taken WHERE venue = ? AND symbol = ? AND position = ?",
                (self._venue, symbol, position),
            )
        }
        return Sides(_left(sides.bids, Side.SELL, taken), _left(sides.asks, Side.BUY, taken))

    def opposite(self, symbol: Symbol, position: int, side: Side) -> tuple[Level, ...]:
        """What is left of that book for an order of this side to take."""
        sides = self.sides(symbol, position)
        return sides.asks if side is Side.BUY else sides.bids

    def consume(self, symbol: Symbol, position: int, side: Side, levels: Iterable[Level]) -> None:
        """Takes these levels out of a book for an order of that side."""
        for px, qty in levels:
            key = (self._venue, symbol, position, side, plain(px))
            row = self._con.execute(
                "SELECT qty FROM taken"
                " WHERE venue = ? AND symbol = ? AND position = ? AND side = ? AND px = ?",
                key,
            ).fetchone()
            total = qty + Decimal(row[0]) if row else qty
            self._con.execute("INSERT OR REPLACE INTO taken VALUES (?, ?, ?, ?, ?, ?)", (*key, plain(total)))
        self._con.execute(
            "DELETE FROM taken WHERE venue = ? AND symbol = ? AND position < ?",
            (self._venue, symbol, position - BOOKS_KEPT),
        )

    def turn_page(self, symbol: Symbol) -> None:
        """A read moves a recording that is played step by step to its next book."""
        feed = self._feed(symbol)
        if isinstance(feed, RecordedFeed) and feed.step is not None:
            row = self._feed_row(symbol)
            step = feed.track.clamp(row[0] + 1 if row and row[0] is not None else 0)
            self._con.execute(
                "INSERT INTO feeds (venue, symbol, step) VALUES (?, ?, ?)"
                " ON CONFLICT (venue, symbol) DO UPDATE SET step = excluded.step",
                (self._venue, symbol, step),
            )
            self._feeds[symbol] = RecordedFeed(feed.track, feed.origin, step)

    def unwalked(self, symbol: Symbol, until: Instant) -> range:
        """The books that resting orders have not met yet."""
        last = self.position(symbol, until)
        row = self._feed_row(symbol)
        walked = row[1] if row and row[1] is not None else last
        return range(max(walked, last - BOOKS_KEPT) + 1, last + 1)

    def mark_walked(self, symbol: Symbol, until: Instant) -> None:
        self._con.execute(
            "INSERT INTO feeds (venue, symbol, walked) VALUES (?, ?, ?)"
            " ON CONFLICT (venue, symbol) DO UPDATE SET walked = excluded.walked",
            (self._venue, symbol, self.position(symbol, until)),
        )

    def _feed_row(self, symbol: Symbol) -> tuple[int | None, int | None] | None:
        row: tuple[int | None, int | None] | None = self._con.execute(
            "SELECT step, walked FROM feeds WHERE venue = ? AND symbol = ?", (self._venue, symbol)
        ).fetchone()
        return row

    def _feed(self, symbol: Symbol) -> Feed:
        if symbol not in self._feeds:
            self._feeds[symbol] = self._open_feed(symbol)
        return self._feeds[symbol]

    def _open_feed(self, symbol: Symbol) -> Feed:
        paper = self._settings.paper
        path = _recording_of(self._con, self._settings, symbol)
        if path is None:
            return GeneratedFeed(markets.rules_of(self._settings, symbol), paper.seed)
        played = track(path, _books_venue(self._settings), symbol)
        step = None
        if paper.clock == "step":
            row = self._feed_row(symbol)
            step = row[0] if row and row[0] is not None else 0
        return RecordedFeed(played, _origin(self._con, path, self._now), step)


def give_books(con: Connection, path: Path) -> int:
    """From now on every market in the file plays it; how many there are."""
    found = sorted((exchange, symbol or "") for exchange, symbol in markets_in(path))
    con.execute("INSERT INTO meta VALUES ('books', ?)", (json.dumps([str(path), found]),))
    return len(found)


def _recording_of(con: Connection, settings: VenueSettings, symbol: Symbol) -> Path | None:
    configured = symbol in settings.symbols.values()
    row = con.execute("SELECT value FROM meta WHERE name = 'books'").fetchone()
    if row:
        path, found = json.loads(row[0])
        exchange = _books_venue(settings).casefold()
        if [exchange, symbol] in found or (configured and [exchange, ""] in found):
            return Path(path)
    return settings.paper.books if configured else None


def _books_venue(settings: VenueSettings) -> str:
    return settings.paper.books_venue or settings.name


def _origin(con: Connection, path: Path, now: Instant) -> Instant:
    """Time zero of a recording: when this exchange first played it."""
    con.execute("INSERT OR IGNORE INTO recordings VALUES (?, ?)", (str(path), now))
    row = con.execute("SELECT origin FROM recordings WHERE path = ?", (str(path),)).fetchone()
    return Instant(row[0])


def _left(levels: tuple[Level, ...], taker: Side, taken: dict[tuple[str, str], Decimal]) -> tuple[Level, ...]:
    if levels and max(levels[0].px, levels[-1].px) > markets.MAX_PX:
        levels = tuple(level for level in levels if level.px <= markets.MAX_PX)
    if not taken:
        return levels
    rest = (Level(level.px, level.qty - taken.get((taker, plain(level.px)), Decimal(0))) for level in levels)
    return tuple(level for level in rest if level.qty > 0)
