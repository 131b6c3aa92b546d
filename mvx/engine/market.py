"""What the router is told: fresh books, rates, fees and spendable balances of the usable venues.

Rules:
- All venues are visited at once, and each is asked everything at once: its rules, its book, the books that
  rates come from, first contact where it had none. One that hangs costs its own timeout_s, once, and the
  others' books are read again if that made them old.
- A DARK venue is left alone until its probe is due. Its probe, and whatever a RECOVERING one is asked,
  begins with a full reconcile: only one that agrees makes its book worth reading.
- A DEGRADED venue takes part at a penalty, so that live ones go first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from mvx.domain.book import Book
from mvx.domain.exposure import holding
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.instant import Instant, seconds_between
from mvx.domain.instrument import Instrument, MarketRules, split_symbol
from mvx.domain.money import BPS, ONE, ZERO
from mvx.domain.order import Side
from mvx.engine.desk import Desk
from mvx.engine.reconcile import VenuePass, note_failure, reconcile_venue
from mvx.engine.trading import barred
from mvx.engine.valuation import Counted, books_wanted, counted_by_limits, prices, rate
from mvx.engine.watch import said
from mvx.errors import BadVenueData, HeldBack, VenueError
from mvx.journal import views
from mvx.journal.store import ReadTx
from mvx.router.cost import Quote, consolidated_mid
from mvx.router.plan import Skipped
from mvx.venues.capabilities import Capabilities
from mvx.venues.health import HealthState

#: What a degraded venue counts as dearer when venues are compared. Ten times and more what fees (60 bps at
#: most) and the usual slippage cap (25 bps) can set two venues apart, so that it fills what no live venue
#: can; and finite, so that it is used where the alternative is a price nobody should pay.
DEGRADED_PENALTY_BPS = Decimal(1000)

#: Why nothing is sent to a venue that did not tell, and where nobody else did either.
FEE_UNKNOWN = "its taker fee is unknown: set taker_bps"


@dataclass(frozen=True, slots=True)
class Market:
    """The quotes of the usable venues, why the others are not, and each venue's rate to the
    instrument's quote. `prices`: what one of an asset is worth in the desk's currency, as far as is
    known. `passes`: the reconciles that it took."""

    quotes: tuple[Quote, ...]
    skipped: tuple[Skipped, ...]
    rates: Mapping[Venue, Decimal]
    rules: Mapping[Venue, MarketRules]
    prices: Mapping[Asset, Decimal]
    passes: tuple[VenuePass, ...]


@dataclass(slots=True)
class Visit:
    """One venue in one reading: what it is asked, and what it said in time.

    `own` is the symbol that may be traded there, None where only rates are wanted. `seen`: its balances,
    where nobody had asked before and nothing may be written. `why_not`: why nothing is sent there.
    """

    venue: Venue
    own: Symbol | None
    wanted: set[Symbol]
    rules: MarketRules | None = None
    books: dict[Symbol, Book] = field(default_factory=dict)
    seen: Mapping[Asset, Decimal] = field(default_factory=dict)
    passed: VenuePass | None = None
    why_not: str = ""


async def read_market(
    desk: Desk,
    instrument: Instrument,
    side: Side,
    venues: tuple[Venue, ...],
    *,
    since: Instant,
    write: bool = True,
) -> Market:
    """Ask every venue at once; one that fails is skipped with its reason and hurts no other, one that is
    halted is not asked, and one that failed `since` the run began not again. With write=False nothing is
    written: a new venue's balance is only looked at."""
    with desk.journal.read() as tx:
        desk.watch.refresh(tx)
        skipped = barred(tx, venues, instrument.base, side)
        opened = {venue for venue in desk.venues if views.is_opened(tx, venue)}
        counted = counted_by_limits(desk, tx, instrument)
    avoid = desk.watch.failures_since(since)
    listed: dict[Venue, Symbol] = {}
    for venue in venues:
        if venue in skipped:
            continue
        why_not = _not_for_this_order(desk, instrument, venue, avoid)
        if why_not:
            skipped[venue] = why_not
        else:
            listed[venue] = desk.symbols(venue)[instrument.name]
    visits = _visits(desk, instrument, listed, avoid, counted)
    await asyncio.gather(
        *(_visit(desk, visit, opened=visit.venue in opened, write=write) for visit in visits.values())
    )
    await asyncio.gather(*(_look_again(desk, visit) for visit in visits.values()))
    books = {(book.venue, book.symbol): book for visit in visits.values() for book in visit.books.values()}
    rates = {asset: rate(desk, books, asset, instrument.quote) for asset in _quotes_of(listed)}
    quotes: list[Quote] = []
    with desk.journal.read() as tx:
        for venue in listed:
            found = _quote(desk, tx, visits[venue], rates, instrument, side)
            if isinstance(found, str):
                skipped[venue] = found
            else:
                quotes.append(found)
    return Market(
        quotes=tuple(quotes),
        skipped=tuple(Skipped(venue, why) for venue, why in sorted(skipped.items())),
        rates={quote.venue: quote.rate for quote in quotes},
        rules={quote.venue: quote.rules for quote in quotes},
        prices=prices(desk, books, counted, instrument, consolidated_mid(quotes)),
        passes=tuple(visit.passed for visit in visits.values() if visit.passed is not None),
    )


def _not_for_this_order(desk: Desk, instrument: Instrument, venue: Venue, avoid: Mapping[Venue, str]) -> str:
    """Why a venue is not even asked; empty where it is. One line for each reason."""
    if instrument.name not in desk.symbols(venue):
        return f"does not list {instrument.name}"
    if venue in avoid:
        return f"failed in this run: {avoid[venue]}"
    return ""


def _visits(
    desk: Desk,
    instrument: Instrument,
    listed: Mapping[Venue, Symbol],
    avoid: Iterable[Venue],
    counted: Counted,
) -> dict[Venue, Visit]:
    """The venues that list the instrument, and those that know a price which is needed."""
    visits = {venue: Visit(venue, symbol, {symbol}) for venue, symbol in listed.items()}
    for venue, symbol in books_wanted(desk, instrument, _quotes_of(listed), counted):
        if venue in desk.venues and venue not in avoid:
            visits.setdefault(venue, Visit(venue, None, set())).wanted.add(symbol)
    return visits


def _quotes_of(listed: Mapping[Venue, Symbol]) -> set[Asset]:
    return {split_symbol(symbol)[1] for symbol in listed.values()}


async def _visit(desk: Desk, visit: Visit, *, opened: bool, write: bool) -> None:
    """All that one venue is asked. What follows one after another may take no longer than one call."""
    health, timeout_s = desk.watch.health(visit.venue), desk.venues[visit.venue].capabilities.timeout_s
    try:
        if health.usable:
            await _read(desk, visit, opened=opened, write=write)
        elif health.may_be_asked(desk.clock.now()):
            async with asyncio.timeout(timeout_s):
                if await _recovers(desk, visit, write=write):
                    await _read(desk, visit, opened=opened, write=write)
        else:
            visit.why_not = health.told(desk.clock.now())
    except TimeoutError:
        desk.watch.gave_up(visit.venue, timeout_s)
        visit.why_not = f"not read within {timeout_s:g} s"
    except BadVenueData as error:
        visit.why_not = said(visit.venue, error)
    except VenueError as error:
        visit.why_not = said(visit.venue, error)
        if opened and write:
            note_failure(desk, visit.venue, visit.why_not)


async def _look_again(desk: Desk, visit: Visit) -> None:
    """Read anew the books that grew old while a slow venue was waited for."""
    port, oldest_s = desk.venues[visit.venue], desk.limits.max_book_age_s / 2
    for symbol, book in visit.books.items():
        if not visit.why_not and seconds_between(book.at, desk.clock.now()) > oldest_s:
            try:
                visit.books[symbol] = await port.book(symbol)
            except (VenueError, BadVenueData) as error:
                visit.why_not = said(visit.venue, error)


async def _recovers(desk: Desk, visit: Visit, *, write: bool) -> bool:
    """Whether a venue that was dark may be trusted now: it takes orders, and a full reconcile agrees."""
    venue, watch = visit.venue, desk.watch
    await desk.venues[venue].status()
    trusted = False
    if watch.health(venue).state is not HealthState.DARK:
        visit.passed = await reconcile_venue(desk, venue, report_only=not write)
        agreed = visit.passed.complete and visit.passed.agreed
        trusted = agreed and (watch.health(venue).usable or not write)
    if not trusted:
        visit.why_not = watch.health(venue).told(desk.clock.now())
    return trusted


async def _read(desk: Desk, visit: Visit, *, opened: bool, write: bool) -> None:
    """Rules, books and first contact at once. Raises the error of what is needed to trade there."""
    port = desk.venues[visit.venue]

    async def rules(symbol: Symbol) -> None:
        visit.rules = await port.rules(symbol)

    async def book(symbol: Symbol) -> None:
        visit.books[symbol] = await port.book(symbol)

    async def first_contact() -> None:
        if write:
            visit.passed = await reconcile_venue(desk, visit.venue)
            if not visit.passed.complete:
                visit.why_not = f"first contact failed: {visit.passed.reason}"
        else:
            visit.seen = (await port.balances()).free

    own: list[Awaitable[None]] = []
    if visit.own is not None:
        own += [rules(visit.own), book(visit.own)]
        if not opened and visit.passed is None:
            own.append(first_contact())
    for_rates = [book(symbol) for symbol in sorted(visit.wanted - {visit.own})]
    answers = await asyncio.gather(*own, *for_rates, return_exceptions=True)
    for number, failure in enumerate(answers):
        expected = isinstance(failure, VenueError | BadVenueData) and number >= len(own)
        if failure is not None and not expected:
            raise failure  # where it was the book for a rate alone, the next source of that rate is taken


def _quote(
    desk: Desk,
    tx: ReadTx,
    visit: Visit,
    rates: Mapping[Asset, Decimal | None],
    instrument: Instrument,
    side: Side,
) -> Quote | str:
    """What the router may use of a visit, or why it may not."""
    now, health = desk.clock.now(), desk.watch.health(visit.venue)
    if visit.why_not or health.state is HealthState.DARK:
        return visit.why_not or health.told(now)
    assert visit.own is not None
    assert visit.rules is not None
    rules, book = visit.rules, visit.books[visit.own]
    if desk.venues[visit.venue].capabilities.taker_bps is None:
        return FEE_UNKNOWN
    if (age_s := seconds_between(book.at, now)) > desk.limits.max_book_age_s:
        return f"its book is {age_s:.1f} s old"
    if (to_quote := rates[rules.quote]) is None:
        return f"no fresh rate from {rules.quote} to {instrument.quote}"
    quote = quote_of(desk, tx, rules, book, to_quote, side, seen=visit.seen)
    if health.state is not HealthState.DEGRADED:
        return quote
    return replace(quote, penalty_bps=DEGRADED_PENALTY_BPS, penalised=health.told(now))


def quote_of(
    desk: Desk,
    tx: ReadTx,
    rules: MarketRules,
    book: Book,
    rate: Decimal,
    side: Side,
    *,
    seen: Mapping[Asset, Decimal],
) -> Quote:
    """What the router may know of a venue; `seen`: its balances where it had no first contact yet. Raises
    HeldBack where it is not known what an order costs there."""
    declared = desk.venues[rules.venue].capabilities
    if declared.taker_bps is None:
        raise HeldBack(f"{rules.venue}: {FEE_UNKNOWN}")
    asset = rules.quote if side is Side.BUY else rules.base
    row = views.holdings(tx, rules.venue).get((rules.venue, asset))
    confirmed = seen.get(asset, ZERO) if row is None else row.confirmed
    least = holding(confirmed, asset, views.unsettled_orders(tx, rules.venue)).lo
    return Quote(
        venue=rules.venue,
        symbol=rules.symbol,
        rules=rules,
        book=book,
        fee_bps=declared.taker_bps,
        rate=rate,
        spendable=tradeable(declared, rules, side, max(ZERO, least or ZERO)),
    )


def tradeable(declared: Capabilities, rules: MarketRules, side: Side, holding_qty: Decimal) -> Decimal:
    """How much of what is held one order may spend: a sell whose fee may be taken in base leaves room for
    it. A buy's fee is the router's to include."""
    if side is Side.BUY or rules.base not in declared.fee_assets(rules.base, rules.quote):
        return holding_qty
    return holding_qty / (ONE + (declared.taker_bps or ZERO) / BPS)
