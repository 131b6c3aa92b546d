"""One venue, read whole, and what the journal holds of it: the two sides of a comparison.

Rule: the order of the calls makes absence mean something, and every look into the journal is bounded by
what the reading named or by what is still open, however long the desk has been trading.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from mvx.clock import Clock
from mvx.domain.execution import Fill, Transfer
from mvx.domain.ids import ClOrdId, OrderId, Symbol, Venue
from mvx.domain.instant import Instant, after, seconds_between
from mvx.domain.order import Order
from mvx.domain.postings import Posted, listing_of
from mvx.engine.desk import Desk
from mvx.errors import BadVenueData
from mvx.journal import events, history, views
from mvx.journal.heard import heard_fills
from mvx.journal.store import ReadTx
from mvx.reconciliation.heard import reach_of
from mvx.reconciliation.snapshot import Ours, Snapshot
from mvx.venues.port import VenuePort

#: How far a reading reaches back behind the last complete one, besides the venue's own lateness.
OVERLAP_S = 60.0
#: How often the balances of first contact are read again, where they change meanwhile.
TRIES = 3


async def read_venue(
    port: VenuePort,
    clock: Clock,
    began_at: Instant,
    since: Instant,
    working: Collection[tuple[Symbol, OrderId]] = (),
) -> Snapshot:
    """A whole reading, in the order that makes absence mean something: an order that closes between
    the first two lists is in the second, and its trades are read after both. `working`: the orders that
    were open when we last looked. Raises VenueError and BadVenueData."""
    open_orders = await port.open_orders()
    still_open = {(report.symbol, report.order_id) for report in open_orders}
    closed_orders = await port.closed_orders(since, [each for each in working if each not in still_open])
    trades_before, transfers_before = await _read_events(port, since)
    asked_at = max(began_at, clock.now())  # a reading may take longer than our clock is ahead
    balances = await port.balances()
    _refuse_clock_ahead(asked_at, balances.at, port.capabilities.clock_skew_s)
    trades_after, transfers_after = await _read_events(port, since)
    return Snapshot(
        venue=port.name,
        account=port.account,
        began_at=began_at,
        since=since,
        open_orders=open_orders,
        closed_orders=closed_orders,
        trades_before=trades_before,
        balances_at=balances.at,
        totals=balances.total,
        trades_after=trades_after,
        transfers_before=transfers_before,
        transfers_after=transfers_after,
    )


async def read_first(
    port: VenuePort,
    clock: Clock,
    began_at: Instant,
    since: Instant,
    working: Collection[tuple[Symbol, OrderId]] = (),
) -> Snapshot:
    """A reading for an opening to be made of: while it was made nothing was traded or moved, and two answers
    about the balances agree. So they count all that is listed, whatever its time. Raises BadVenueData where
    the account never rests."""
    for _ in range(TRIES):
        snapshot = await read_venue(port, clock, began_at, since, working)
        again = await port.balances()
        if again.total == snapshot.totals and not snapshot.moved_meanwhile:
            latest = after(snapshot.balances_at, port.capabilities.clock_skew_s)
            times = (at for at in snapshot.times if at <= latest)
            return replace(snapshot, balances_at=max((snapshot.balances_at, *times)))
    raise BadVenueData(
        f"{port.name}: what it holds changed while it was read, {TRIES} times in a row: there is no first"
        " contact before it rests for a moment"
    )


def _refuse_clock_ahead(ours: Instant, theirs: Instant, allowed_s: float) -> None:
    """Raises BadVenueData where our clock is ahead of the venue's time: a bound that has run out by ours
    alone proves nothing, and an order must not be given up that may still be accepted. (One that is behind
    only proves things later.)"""
    ahead_s = seconds_between(theirs, ours)
    if ahead_s > allowed_s:
        raise BadVenueData(
            f"this machine's clock is {ahead_s:.1f} s ahead of the venue's, and {allowed_s:g} s are allowed:"
            " nothing is concluded from what it lists; set it: timedatectl"
        )


async def _read_events(port: VenuePort, since: Instant) -> tuple[tuple[Fill, ...], tuple[Transfer, ...]]:
    """What moved the balances: trades and, where the venue lists them, transfers."""
    trades = await port.trades(since)
    return trades, await port.transfers(since) if port.capabilities.lists_transfers else ()


def reading_since(
    desk: Desk, tx: ReadTx, venue: Venue, began_at: Instant, unsettled: Iterable[Order]
) -> Instant:
    """Behind the last reading that left no trade open by the overlap, and behind every intent that was not
    found yet and every fill that was pushed and not listed yet."""
    declared = desk.venues[venue].capabilities
    contact = views.contacts(tx).get(venue, views.Contact())
    overlap_s = OVERLAP_S + declared.lateness_s + declared.listing_lag_s + declared.clock_skew_s
    since = after(contact.cursor_at or began_at, -overlap_s)
    for sent in unsettled:
        if sent.order_id is None:
            since = min(since, after(sent.created_at, -declared.clock_skew_s - 1))
    for heard in heard_fills(tx, venue):
        order = views.order(tx, heard.cl_ord_id)
        assert order is not None, "what was pushed of an order that we do not know was not taken in"
        since = min(since, reach_of(heard, order, declared.clock_skew_s))
    return since


def working_orders(unsettled: Iterable[Order]) -> tuple[tuple[Symbol, OrderId], ...]:
    """The venue's orders that were open when we last looked, ours or not."""
    return tuple((o.symbol, o.order_id) for o in unsettled if o.order_id is not None and not o.terminal)


def our_side(
    tx: ReadTx, snapshot: Snapshot, seq: int, unsettled: Iterable[Order], expected: frozenset[ClOrdId]
) -> Ours:
    """The journal's side. `seq`: the end of the log when the reading began. `unsettled`: the venue's orders
    that may still change a holding."""
    venue = snapshot.venue
    reports = snapshot.open_orders + snapshot.closed_orders
    heard = heard_fills(tx, venue)
    orders = {order.cl_ord_id: order for order in unsettled}
    names = {r.cl_ord_id for r in reports if r.cl_ord_id is not None} | {each.cl_ord_id for each in heard}
    order_ids = {r.order_id for r in reports} | {f.order_id for f in snapshot.trades}
    named = views.orders_named(tx, venue, names - orders.keys(), order_ids)
    orders |= {order.cl_ord_id: order for order in named}
    known_busts = events.known_busts(tx, snapshot.trades)
    known_transfers = events.known_transfers(tx, snapshot.transfers)
    return Ours(
        orders=tuple(orders.values()),
        known=history.known_fills(tx, snapshot.trades),
        recent=_recent(tx, snapshot, seq, (*known_busts.values(), *known_transfers.values())),
        holdings={asset: row.confirmed for (_, asset), row in views.holdings(tx, venue).items()},
        anchors=history.anchors(tx, venue, after(snapshot.oldest_at, -OVERLAP_S)),
        doubts={asset: doubt for (_, asset), doubt in history.doubts(tx, venue).items()},
        last_read_began_at=views.contacts(tx).get(venue, views.Contact()).read_began_at,
        expected=expected,
        known_busts=frozenset(known_busts),
        taken_back={b.fill.key: b for b in history.fills_with_keys(tx, snapshot.busts.keys() - known_busts)},
        known_transfers=frozenset(known_transfers),
        heard=heard,
    )


def _recent(tx: ReadTx, snapshot: Snapshot, seq: int, rare: tuple[Posted, ...]) -> tuple[Posted, ...]:
    """The events that the first half of the reading may have come too early for: booked by others since
    the reading began, or booked before (the fills of the second half, and these rarer ones) and listed by
    the second half only, which the comparison tells."""
    venue = snapshot.venue
    first = {fill.key for fill in snapshot.trades_before}
    second = history.fills_with_keys(tx, (f.key for f in snapshot.trades_after if f.key not in first))
    found = (
        *history.fills_booked_after(tx, venue, seq),
        *events.busts_booked_after(tx, venue, seq),
        *events.transfers_booked_after(tx, venue, seq),
        *second,
        *rare,
    )
    return tuple({listing_of(each): each for each in found}.values())
