"""What assets are worth: rates between quotes, and the desk's currency for what its limits count.

Rule: a price is the mid of a book that was read just now, through rates that are configured, each fresh.
There is no par, and no price that was once seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from mvx.domain.book import Book
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.instant import seconds_between
from mvx.domain.instrument import Instrument, split_symbol
from mvx.domain.money import ONE
from mvx.domain.order import Side
from mvx.engine.desk import Desk
from mvx.journal import history, turnover, views
from mvx.journal.store import ReadTx

Books = Mapping[tuple[Venue, Symbol], Book]


class Counted(NamedTuple):
    """What limits count beside the order itself: quotes of other orders and of today's fills, and the other
    instruments that are or may become positions, by what is open or by what a parent in work has left."""

    quotes: frozenset[Asset]
    instruments: tuple[Instrument, ...]


def counted_by_limits(desk: Desk, tx: ReadTx, instrument: Instrument) -> Counted:
    """As the journal stands. What comes up between here and the commit has no price, and is refused."""
    limits, orders, now = desk.limits, views.unsettled_orders(tx), desk.clock.now()
    others = desk.settings.desk.instruments.values()
    quotes = {order.quote for order in orders}
    if limits.max_daily_turnover is not None:
        quotes |= turnover.traded_today(tx, now).keys()
    # A sell of ETH-BTC brings BTC at the mid or above.
    moved = {order.base for order in orders if order.side is Side.SELL and order.quote == instrument.base}
    if limits.max_daily_turnover or limits.max_gross_notional or limits.max_venue_notional:
        moved |= {order.base for order in orders} | quotes
        moved |= {row.asset for row in views.holdings(tx).values() if row.confirmed != row.baseline}
        working = {row.instrument for row in history.working_parents(tx, now)}
        moved |= {each.base for each in others if each.name in working}
    return Counted(
        frozenset(quotes),
        tuple(each for each in others if each.base in moved and each.base != instrument.base),
    )


def books_wanted(
    desk: Desk, instrument: Instrument, quotes: set[Asset], counted: Counted
) -> Iterator[tuple[Venue, Symbol]]:
    """Every book that a price may be read from, those of the instrument itself aside."""
    for asset in sorted({instrument.quote} | quotes | counted.quotes):
        yield from _on_the_way(desk, asset)
    for each in counted.instruments:
        for venue, symbol in _listings(desk, each):
            yield venue, symbol
            yield from _on_the_way(desk, split_symbol(symbol)[1])


def prices(
    desk: Desk, books: Books, counted: Counted, instrument: Instrument, mid_px: Decimal | None
) -> dict[Asset, Decimal]:
    """What one of each asset is worth in the desk's currency, as far as it is known. `mid_px`: the
    instrument's own."""
    quotes = {split_symbol(symbol)[1] for _, symbol in _listings(desk, instrument)}
    found = {asset: _worth(desk, books, asset) for asset in {instrument.quote} | quotes | counted.quotes}
    own = found[instrument.quote]
    base = found[instrument.base] = None if mid_px is None or own is None else mid_px * own
    for each in counted.instruments:
        found[each.base] = found.get(each.base) or _mid(desk, books, each, {instrument.base: base})
    return {asset: price for asset, price in found.items() if price is not None}


def rate(desk: Desk, books: Books, asset: Asset, to: Asset) -> Decimal | None:
    """The mid of the first fresh book of the configured rates; None where none is fresh. Never par."""
    if asset == to:
        return ONE
    for source in _sources(desk, asset, to):
        book = books.get(source)
        if book is not None and _age_s(desk, book) <= desk.settings.quotes[asset].max_age_s:
            return book.mid
    return None


def _sources(desk: Desk, asset: Asset, to: Asset) -> tuple[tuple[Venue, Symbol], ...]:
    """Where the rate between two assets is read, the first one first."""
    configured = desk.settings.quotes.get(asset)
    return () if asset == to or configured is None or configured.as_asset != to else configured.rates


def _steps(desk: Desk, asset: Asset) -> tuple[tuple[Asset, Asset], ...]:
    """From an asset to the desk's currency, equivalent by equivalent, or as far as one gets."""
    steps: list[tuple[Asset, Asset]] = []
    while asset != desk.settings.desk.currency and len(steps) <= len(desk.settings.quotes):
        configured = desk.settings.quotes.get(asset)
        if configured is None:
            break
        steps.append((asset, configured.as_asset))
        asset = configured.as_asset
    return tuple(steps)


def _on_the_way(desk: Desk, asset: Asset) -> Iterator[tuple[Venue, Symbol]]:
    for start, end in _steps(desk, asset):
        yield from _sources(desk, start, end)


def _worth(desk: Desk, books: Books, asset: Asset) -> Decimal | None:
    price, reached = ONE, asset
    for start, end in _steps(desk, asset):
        found = rate(desk, books, start, end)
        if found is None:
            return None
        price, reached = price * found, end
    return price if reached == desk.settings.desk.currency else None


def _listings(desk: Desk, instrument: Instrument) -> Iterator[tuple[Venue, Symbol]]:
    for venue in desk.venues:
        symbol = desk.symbols(venue).get(instrument.name)
        if symbol is not None:
            yield venue, symbol


def _mid(
    desk: Desk, books: Books, instrument: Instrument, known: Mapping[Asset, Decimal | None]
) -> Decimal | None:
    """Of the first venue whose book is fresh and whose quote is worth something."""
    for venue, symbol in _listings(desk, instrument):
        book = books.get((venue, symbol))
        quote = split_symbol(symbol)[1]
        worth = known.get(quote) or _worth(desk, books, quote)
        if book is not None and worth is not None and _age_s(desk, book) <= desk.limits.max_book_age_s:
            return book.mid * worth
    return None


def _age_s(desk: Desk, book: Book) -> float:
    return seconds_between(book.at, desk.clock.now())
