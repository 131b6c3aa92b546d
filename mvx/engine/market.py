"""What the router is told: fresh books, rates, fees and spendable balances of the usable venues."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from mvx.domain.book import Book
from mvx.domain.exposure import holding
from mvx.domain.ids import Asset, Venue
from mvx.domain.instant import seconds_between
from mvx.domain.instrument import Instrument, MarketRules
from mvx.domain.money import BPS, ONE, ZERO
from mvx.domain.order import Side
from mvx.engine.desk import Desk
from mvx.engine.reconcile import ensure_opened, note_failure
from mvx.errors import BadVenueData, VenueError
from mvx.journal import views
from mvx.journal.store import ReadTx
from mvx.router.cost import Quote
from mvx.router.plan import Skipped


@dataclass(frozen=True, slots=True)
class Market:
    """The quotes of the usable venues, why the others are not, and each venue's rate to the
    instrument's quote (and, times `desk_rate`, to the desk's currency; None where unknown)."""

    quotes: tuple[Quote, ...]
    skipped: tuple[Skipped, ...]
    rates: Mapping[Venue, Decimal]
    rules: Mapping[Venue, MarketRules]
    desk_rate: Decimal | None


async def read_market(
    desk: Desk, instrument: Instrument, side: Side, venues: tuple[Venue, ...], *, write: bool = True
) -> Market:
    """Ask every venue at once; one that fails is skipped with its reason and hurts no other. With
    write=False first contact is not made, and a new venue's balance is only looked at."""
    skipped: dict[Venue, str] = {}
    listed = []
    for venue in venues:
        if instrument.name not in desk.symbols(venue):
            skipped[venue] = f"does not list {instrument.name}"
        elif desk.venues[venue].capabilities.taker_bps is None:
            skipped[venue] = "its taker fee is unknown: set taker_bps"
        elif venue not in skipped:
            listed.append(venue)
    if write:
        skipped |= await ensure_opened(desk, tuple(listed))
    with desk.journal.read() as tx:
        unopened = {venue for venue in listed if not views.is_opened(tx, venue)}
    answers, rates = await asyncio.gather(
        asyncio.gather(*(_ask(desk, instrument, venue, unopened=venue in unopened) for venue in listed)),
        _rates(desk, instrument, listed),
    )
    quotes: list[Quote] = []
    rules: dict[Venue, MarketRules] = {}
    with desk.journal.read() as tx:
        for venue, answer in zip(listed, answers, strict=True):
            if venue in skipped:
                continue
            if isinstance(answer, str):
                skipped[venue] = answer
            elif (rate := rates.get(answer.rules.quote)) is None:
                skipped[venue] = f"no fresh rate from {answer.rules.quote} to {instrument.quote}"
            else:
                rules[venue] = answer.rules
                quotes.append(_quote(desk, tx, answer, rate, side))
    return Market(
        quotes=tuple(quotes),
        skipped=tuple(Skipped(venue, why) for venue, why in sorted(skipped.items())),
        rates={quote.venue: quote.rate for quote in quotes},
        rules=rules,
        desk_rate=await _desk_rate(desk, instrument, rates),
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a venue said: its rules, its book, and its balances where nobody had asked it before."""

    rules: MarketRules
    book: Book
    seen: Mapping[Asset, Decimal]


async def _ask(desk: Desk, instrument: Instrument, venue: Venue, *, unopened: bool) -> Answer | str:
    """The rules and a fresh book, or why the venue can not be used."""
    port, symbol = desk.venues[venue], desk.symbols(venue)[instrument.name]
    try:
        rules = await port.rules(symbol)
        book = await port.book(symbol)
        seen = (await port.balances()).free if unopened else {}
    except VenueError as error:
        if not unopened:
            note_failure(desk, venue, error.message)
        return error.message
    except BadVenueData as error:
        return error.message
    age_s = seconds_between(book.at, desk.clock.now())
    if age_s > desk.settings.route.max_book_age_s:
        return f"its book is {age_s:.1f} s old"
    return Answer(rules, book, seen)


async def _rates(desk: Desk, instrument: Instrument, venues: Iterable[Venue]) -> dict[Asset, Decimal]:
    """Units of the instrument's quote per unit of each quote that the venues use."""
    quotes = {Asset(desk.symbols(venue)[instrument.name].partition("/")[2]) for venue in venues}
    rates = {instrument.quote: ONE}
    for asset in sorted(quotes - rates.keys()):
        rate = await live_rate(desk, asset, instrument.quote)
        if rate is not None:
            rates[asset] = rate
    return rates


async def live_rate(desk: Desk, asset: Asset, to: Asset) -> Decimal | None:
    """The mid of the first fresh book of the configured rates; None where none is fresh. Never par."""
    if asset == to:
        return ONE
    configured = desk.settings.quotes.get(asset)
    if configured is None or configured.as_asset != to:
        return None
    for venue, symbol in configured.rates:
        port = desk.venues.get(venue)
        if port is None:
            continue
        try:
            book = await port.book(symbol)
        except (VenueError, BadVenueData):
            continue  # the next source is asked; with none left the venue is skipped and it is said why
        if seconds_between(book.at, desk.clock.now()) <= configured.max_age_s:
            return book.mid
    return None


async def _desk_rate(desk: Desk, instrument: Instrument, rates: Mapping[Asset, Decimal]) -> Decimal | None:
    currency = desk.settings.desk.currency
    return ONE if currency == instrument.quote else await live_rate(desk, instrument.quote, currency)


def _quote(desk: Desk, tx: ReadTx, answer: Answer, rate: Decimal, side: Side) -> Quote:
    rules = answer.rules
    asset = rules.quote if side is Side.BUY else rules.base
    row = views.holdings(tx, rules.venue).get((rules.venue, asset))
    confirmed = answer.seen.get(asset, ZERO) if row is None else row.confirmed
    least = holding(confirmed, asset, views.unsettled_orders(tx, rules.venue)).lo
    declared = desk.venues[rules.venue].capabilities
    fee_bps = declared.taker_bps
    assert fee_bps is not None
    spendable = max(ZERO, least or ZERO)
    if side is Side.SELL and rules.base in declared.fee_assets(rules.base, rules.quote):
        spendable /= ONE + fee_bps / BPS  # its fee may be taken on top of what is sold
    return Quote(
        venue=rules.venue,
        symbol=rules.symbol,
        rules=rules,
        book=answer.book,
        fee_bps=fee_bps,
        rate=rate,
        spendable=spendable,
    )
