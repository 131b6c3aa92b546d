"""The position of every venue and asset, as the journal can vouch for it now.

Reads one snapshot. Where a venue is quiet its interval stays as wide as what it could still do, and its
ages grow; it never silently becomes a point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

from mvx.config.desk import DeskSettings
from mvx.domain.execution import HeardFill
from mvx.domain.exposure import UNBOUNDED, Interval, claimed, holding
from mvx.domain.ids import Asset, Venue
from mvx.domain.instant import Instant, after, seconds_between
from mvx.domain.money import ONE, ZERO, round_px
from mvx.domain.order import Order, is_unknown
from mvx.engine.outcome import Outcome
from mvx.engine.positions_result import BalanceRow, PositionRow, PositionsResult, TotalRow
from mvx.engine.setup import open_journal, telling
from mvx.errors import Exit, UsageError
from mvx.journal import views
from mvx.journal.heard import heard_fills
from mvx.journal.jobs import leader
from mvx.journal.store import ReadTx
from mvx.journal.views import Contact, HoldingRow, Mark


class Known(NamedTuple):
    """One snapshot of the journal. `unnamed`: what moves with the market at configured venues that have no
    symbol of it any more. `led`: a `run` is up."""

    now: Instant
    orders: tuple[Order, ...]
    heard: tuple[HeardFill, ...]
    holdings: Mapping[tuple[Venue, Asset], HoldingRow]
    doubted: frozenset[tuple[Venue, Asset]]
    contacts: Mapping[Venue, Contact]
    marks: Mapping[str, Mark]
    out_of_date: frozenset[Venue]
    unnamed: frozenset[tuple[Venue, Asset]]
    led: bool

    def holding(self, venue: Venue, asset: Asset) -> HoldingRow | None:
        """None before first contact. That set every asset, those that it did not name to zero: also one
        that the desk trades only since."""
        opened = any(each == venue for each, _ in self.holdings)
        return self.holdings.get((venue, asset), HoldingRow(venue, asset, ZERO, ZERO) if opened else None)


def positions(
    desk: DeskSettings,
    now: Instant,
    *,
    name: str | None = None,
    venue: str | None = None,
    max_age_s: float | None = None,
) -> Outcome:
    """Positions, totals and balances. `name` is an instrument or an asset. Exit 5 where a position is
    unconfirmed, unknown or in none of these numbers; where one is stale, only with max_age_s, while a `run`
    is up or after a failed attempt."""
    wanted = _wanted(desk, name)
    with telling(open_journal(desk)) as journal, journal.read() as tx:
        known = Known(
            now,
            views.unsettled_orders(tx),
            heard_fills(tx),
            views.holdings(tx),
            views.doubted(tx),
            views.contacts(tx),
            views.marks(tx),
            views.out_of_date(tx, desk.assets, restored=journal.restored),
            _unnamed(tx, desk),
            leader(tx, now) is not None,
        )
    oldest_s = max_age_s or desk.max_age_s
    rows = tuple(
        _position(desk, known, each, asset, oldest_s)
        for each in desk.assets
        if venue is None or each == venue
        for asset in desk.assets[each]
        if asset in wanted
    )
    totals = _totals(desk, known, rows, oldest_s)
    data = PositionsResult(rows, totals, tuple(_balance(row) for row in rows))
    uncounted = tuple(_uncounted(desk, known))
    uncertain = bool(uncounted) or any(row.state in ("unconfirmed", "unknown") for row in rows)
    failed = {each for each, contact in known.contacts.items() if contact.failed_at is not None}
    asked = max_age_s is not None or known.led
    stale = any(row.state == "stale" and (asked or row.venue in failed) for row in rows)
    return Outcome(
        data,
        Exit.UNCERTAIN if uncertain or stale else Exit.OK,
        uncertain=uncertain,
        warnings=(*journal.notices(), *_warnings(known, rows), *uncounted),
    )


def _wanted(desk: DeskSettings, name: str | None) -> frozenset[Asset]:
    everything = frozenset(asset for assets in desk.assets.values() for asset in assets)
    if name is None:
        return everything
    if (instrument := desk.instruments.get(name)) is not None:
        return frozenset({instrument.base})
    if name in everything:
        return frozenset({Asset(name)})
    raise UsageError(
        f"no instrument and no asset is called {name!r}",
        next_step=f"configured: {', '.join([*desk.instruments, *sorted(everything)])}",
    )


def _position(desk: DeskSettings, known: Known, venue: Venue, asset: Asset, max_age_s: float) -> PositionRow:
    orders = [o for o in known.orders if o.venue == venue and asset in (o.base, o.quote, *o.fee_assets)]
    contact = known.contacts.get(venue, Contact())
    row = known.holding(venue, asset)
    interval = UNBOUNDED
    if row is not None and venue not in known.out_of_date:  # else nothing tells what was sent since
        interval = holding(row.confirmed, asset, orders)
    settling = [order for order in orders if _settling(desk, order, known.now)]
    return PositionRow(
        venue=venue,
        asset=asset,
        confirmed=None if row is None else row.confirmed,
        expected=None if row is None else _expected(known, row),
        lo=interval.lo,
        hi=interval.hi,
        baseline=None if row is None else row.baseline,
        position=None if row is None else row.confirmed - row.baseline,
        state=_state(known, row, orders, contact, settling=bool(settling), max_age_s=max_age_s),
        open_orders=sum(_open(order) for order in orders),
        settling_orders=len(settling),
        unknown_orders=sum(is_unknown(order, known.now) for order in orders),
        answered_age_s=_age(contact.answered_at, known.now),
        agreed_age_s=_age(contact.agreed_at, known.now),
    )


def _expected(known: Known, row: HoldingRow) -> Decimal:
    """Confirmed, and what the venue told of and does not list yet, with the fees that were pushed with it."""
    orders = [order for order in known.orders if order.venue == row.venue]
    claims = sum((claimed(order).get(row.asset, ZERO) for order in orders), ZERO)
    acting = {order.cl_ord_id for order in orders}
    pushed = (each.fill for each in known.heard if each.cl_ord_id in acting)
    fees = sum((fill.fee_amount for fill in pushed if fill.fee_asset == row.asset), ZERO)
    return row.confirmed + claims - fees


def _state(
    known: Known,
    row: HoldingRow | None,
    orders: Iterable[Order],
    contact: Contact,
    *,
    settling: bool,
    max_age_s: float,
) -> str:
    """The worst that holds, the worst first; `agreed` where nothing does."""
    if row is None or any(is_unknown(order, known.now) for order in orders):
        return "unknown"
    in_flight = any(o.claimed_qty or o.heard_qty or o.unanswered for o in orders)
    if in_flight or row.venue in known.out_of_date or (row.venue, row.asset) in known.doubted:
        return "unconfirmed"
    if _is_stale(contact, known.now, max_age_s):
        return "stale"
    if settling:
        return "settling"
    return "open" if any(_open(order) for order in orders) else "agreed"


def _is_stale(contact: Contact, now: Instant, max_age_s: float) -> bool:
    age_s = _age(contact.answered_at, now)
    return age_s is None or age_s > max_age_s or contact.failed_at is not None


def _open(order: Order) -> bool:
    return order.order_id is not None and not order.terminal


def _settling(desk: DeskSettings, order: Order, now: Instant) -> bool:
    """Terminal, and a fill may still appear. One that is filled whole has nothing left to fill: it
    settles with its time, read or not."""
    if not order.terminal or order.terminal_at is None:
        return False
    if order.worst_qty:
        return True
    return now < after(order.terminal_at, desk.lateness_s.get(order.venue, 0))


def _totals(
    desk: DeskSettings, known: Known, rows: tuple[PositionRow, ...], max_age_s: float
) -> tuple[TotalRow, ...]:
    by_asset: dict[Asset, list[PositionRow]] = {}
    for row in rows:
        by_asset.setdefault(row.asset, []).append(row)
    return tuple(_total(desk, known, asset, group, max_age_s) for asset, group in by_asset.items())


def _total(
    desk: DeskSettings, known: Known, asset: Asset, rows: list[PositionRow], max_age_s: float
) -> TotalRow:
    """`stale_venues` also where a row has a worse state than that."""
    baseline = _sum(row.baseline for row in rows)
    position = _sum(row.position for row in rows)
    interval = Interval(_sum(row.lo for row in rows), _sum(row.hi for row in rows))
    mark = _mark(desk, known, asset)
    return TotalRow(
        asset=asset,
        confirmed=_sum(row.confirmed for row in rows),
        expected=_sum(row.expected for row in rows),
        lo=interval.lo,
        hi=interval.hi,
        baseline=baseline,
        position=position,
        position_lo=_minus(interval.lo, baseline),
        position_hi=_minus(interval.hi, baseline),
        mark_px=None if mark is None else mark.px,
        notional=None if mark is None or position is None else position * mark.px,
        stale_venues=tuple(
            row.venue
            for row in rows
            if row.state == "unknown"
            or _is_stale(known.contacts.get(row.venue, Contact()), known.now, max_age_s)
        ),
        mark_age_s=None if mark is None else _age(mark.at, known.now),
    )


def _mark(desk: DeskSettings, known: Known, asset: Asset) -> Mark | None:
    """The last price seen of an asset in the desk's currency, of whichever instrument; None: none."""
    seen = [(known.marks.get(each.name), each) for each in desk.instruments.values() if each.base == asset]
    marks = [_in_currency(desk, known, mark, each.quote) for mark, each in seen if mark is not None]
    marks.append(_in_currency(desk, known, Mark(ONE, known.now), asset))
    return max((each for each in marks if each is not None), key=attrgetter("at"), default=None)


def _in_currency(desk: DeskSettings, known: Known, mark: Mark, quote: Asset) -> Mark | None:
    """A price through the last rate of its quote: as old as the older of the two."""
    if quote == desk.currency:
        return mark
    name = f"{quote}-{desk.currency}"
    namesake = desk.instruments.get(name)
    if namesake is not None and namesake.quote != desk.currency:
        return None  # what stands under that name is a price in another quote
    rate = known.marks.get(name)
    return None if rate is None else Mark(round_px(mark.px * rate.px), min(mark.at, rate.at))


def _sum(values: Iterable[Decimal | None]) -> Decimal | None:
    total = ZERO
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _minus(a: Decimal | None, b: Decimal | None) -> Decimal | None:
    return None if a is None or b is None else a - b


def _balance(row: PositionRow) -> BalanceRow:
    reserved = _minus(row.confirmed, row.lo)
    free = None if row.lo is None else max(ZERO, row.lo)
    return BalanceRow(row.venue, row.asset, row.confirmed, free, reserved)


def _age(then: Instant | None, now: Instant) -> float | None:
    return None if then is None else seconds_between(then, now)


def _warnings(known: Known, rows: tuple[PositionRow, ...]) -> Iterable[str]:
    for venue in dict.fromkeys(row.venue for row in rows):
        contact = known.contacts.get(venue, Contact())
        if venue in known.out_of_date:
            yield f"{venue}: the journal was put back or copied: mvx reconcile --venue {venue}"
        elif contact.answered_at is None and contact.failed_at is None:
            yield f"{venue} was never asked: mvx reconcile --venue {venue}"
        elif contact.answered_at is None:
            yield f"{venue} has never answered: {contact.failed_why}"
        elif contact.failed_at is not None:
            age_s = seconds_between(contact.answered_at, known.now)
            yield f"{venue} has not answered for {age_s:.0f} s: {contact.failed_why}"


def unnamed_holdings(tx: ReadTx, desk: DeskSettings) -> dict[tuple[Venue, Asset], Decimal]:
    """Positions at configured venues that have no symbol of theirs any more. What fees are taken in is none
    of it: such an asset was not traded there."""
    return {
        (venue, asset): row.confirmed - row.baseline
        for (venue, asset), row in views.holdings(tx).items()
        if row.confirmed != row.baseline and _has_lost_its_symbol(desk, venue, asset)
        if views.was_traded(tx, venue, asset)
    }


def _unnamed(tx: ReadTx, desk: DeskSettings) -> frozenset[tuple[Venue, Asset]]:
    """These positions, and what open orders may add."""
    orders = {(order.venue, order.base) for order in views.unsettled_orders(tx)}
    return frozenset(unnamed_holdings(tx, desk)) | {key for key in orders if _has_lost_its_symbol(desk, *key)}


def _has_lost_its_symbol(desk: DeskSettings, venue: Venue, asset: Asset) -> bool:
    return venue in desk.assets and asset not in desk.assets[venue]


def _uncounted(desk: DeskSettings, known: Known) -> Iterable[str]:
    """What the configuration names no more, where something is left that moves with the market."""
    held = {row.venue for row in known.holdings.values() if row.confirmed != row.baseline}
    for venue in sorted((held | {order.venue for order in known.orders}) - desk.assets.keys()):
        yield f"{venue} is not configured: its position and its orders are in none of these numbers"
    for venue, asset in sorted(known.unnamed):
        yield f"{venue} has no symbol of {asset} any more: its position in it is in none of these numbers"
