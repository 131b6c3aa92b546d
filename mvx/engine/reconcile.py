"""Reconciling venues with the journal: read a venue, compare inside the write transaction, correct.

Rule: a reading that failed in any part changes nothing by absence; the pass is incomplete and the age
grows. Corrections are computed from the journal as it is in the transaction that writes them, so two
reconcilers can not both correct. The first pass of a venue adopts what it holds.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from mvx.domain.entries import BreakFound, NeverAccepted
from mvx.domain.ids import ClOrdId, Venue
from mvx.domain.instant import Instant, after
from mvx.engine.desk import Desk, is_alive
from mvx.engine.outcome import BreakRow, Outcome
from mvx.engine.results import CheckedRow, ReconcileResult, VenuePassRow
from mvx.errors import BadVenueData, Exit, UsageError, VenueError, worst_exit
from mvx.journal import history, views
from mvx.journal.store import ReadTx, WriteTx
from mvx.reconciliation.compare import compare, opening
from mvx.reconciliation.snapshot import Comparison, Ours, Snapshot
from mvx.venues.port import VenuePort

#: How far a reading reaches back behind the last complete one, besides the venue's own lateness.
OVERLAP_S = 60.0


@dataclass(frozen=True, slots=True)
class VenuePass:
    """What one pass over one venue came to. `pending`: what it could not prove yet."""

    venue: Venue
    complete: bool
    agreed: bool
    checked: CheckedRow
    breaks: tuple[BreakRow, ...]
    pending: tuple[str, ...]
    took_ms: int
    reason: str


async def reconcile(desk: Desk, venues: tuple[Venue, ...], *, report_only: bool = False) -> Outcome:
    """One pass over each venue at once. Exit 5 where one is incomplete or proves less than all, 6
    where breaks were found, else 0."""
    chosen = desk.select(venues)
    passes = await asyncio.gather(
        *(reconcile_venue(desk, venue, report_only=report_only) for venue in chosen)
    )
    breaks = tuple(found for each in passes for found in each.breaks)
    uncertain = any(not each.complete or each.pending for each in passes)
    return Outcome(
        data=ReconcileResult(tuple(_row(each) for each in passes)),
        exit_code=worst_exit(Exit.UNCERTAIN if uncertain else Exit.OK, Exit.BREAKS if breaks else Exit.OK),
        uncertain=uncertain,
        breaks=breaks,
        warnings=(*pass_warnings(passes), *desk.watch.changes()),
    )


def pass_warnings(passes: list[VenuePass]) -> tuple[str, ...]:
    """What an operator should know of passes that did not prove everything."""
    failed = tuple(f"{p.venue}: {p.reason}; its position keeps its interval" for p in passes if p.reason)
    return failed + tuple(f"{p.venue}: {reason}" for p in passes for reason in p.pending)


async def reconcile_venue(
    desk: Desk,
    venue: Venue,
    *,
    expected: frozenset[ClOrdId] = frozenset(),
    report_only: bool = False,
) -> VenuePass:
    """One pass. `expected`: orders that the caller is working, whose progress is no surprise."""
    port = desk.venues[venue]
    began_at = desk.clock.now()
    with desk.journal.read() as tx:
        since = _reading_since(desk, tx, venue, began_at)
        seq = views.last_seq(tx)
    try:
        snapshot = await _read(port, began_at, since)
    except (VenueError, BadVenueData) as error:
        now = desk.clock.now()
        if not report_only:
            note_failure(desk, venue, error.message)
        return VenuePass(venue, False, False, CheckedRow(0, 0, 0), (), (), _ms(began_at, now), error.message)
    comparison, breaks = _correct(desk, snapshot, seq, expected, report_only=report_only)
    checked = CheckedRow(
        orders=len({r.order_id for r in snapshot.open_orders + snapshot.closed_orders}),
        fills=len({f.key for f in snapshot.trades_before + snapshot.trades_after}),
        balances=len(snapshot.totals),
    )
    took_ms = _ms(began_at, desk.clock.now())
    return VenuePass(venue, True, comparison.agreed, checked, breaks, comparison.pending, took_ms, "")


def note_failure(desk: Desk, venue: Venue, why: str) -> None:
    """The last attempt to reach a venue failed: its position is stale from now on, until it answers."""
    with desk.journal.write() as tx:
        tx.note_contact(venue, failed_at=tx.at, failed_why=why)
        desk.watch.flush(tx)


async def accept(desk: Desk, cl_ord_id: str, verdict: str) -> Outcome:
    """A human's word on an order that its venue can not prove: `never` accepted, journaled as such."""
    with desk.journal.write() as tx:
        order = views.order(tx, cl_ord_id)
        if order is None:
            raise UsageError(f"no order {cl_ord_id}", next_step="mvx orders --open")
        if order.order_id is not None or order.settled:
            raise UsageError(
                f"{cl_ord_id} is {order.ord_status} at {order.venue}: there is nothing to decide",
                next_step=f"mvx reconcile --venue {order.venue}",
            )
        if verdict != "never":
            raise UsageError(
                f"{order.venue} lists no order under {cl_ord_id} that could be adopted",
                next_step=f"mvx reconcile --venue {order.venue}",
            )
        tx.append(NeverAccepted(order.cl_ord_id, "the operator", tx.at, tx.at))
    return await reconcile(desk, (order.venue,))


async def _read(port: VenuePort, began_at: Instant, since: Instant) -> Snapshot:
    """A whole reading, in the order that makes absence mean something: an order that closes between
    the first two lists is in the second, and its trades are read after both."""
    open_orders = await port.open_orders()
    closed_orders = await port.closed_orders(since)
    trades_before = await port.trades(since)
    balances = await port.balances()
    trades_after = await port.trades(since)
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
    )


def _reading_since(desk: Desk, tx: ReadTx, venue: Venue, began_at: Instant) -> Instant:
    """Behind the last complete reading by the overlap, and behind every intent not found yet."""
    declared = desk.venues[venue].capabilities
    contact = views.contacts(tx).get(venue, views.Contact())
    overlap_s = OVERLAP_S + declared.lateness_s + declared.listing_lag_s + declared.clock_skew_s
    since = after(contact.cursor_at or began_at, -overlap_s)
    for order in views.unsettled_orders(tx, venue):
        if order.order_id is None:
            since = min(since, after(order.created_at, -declared.clock_skew_s - 1))
    return since


def _correct(
    desk: Desk, snapshot: Snapshot, seq: int, expected: frozenset[ClOrdId], *, report_only: bool
) -> tuple[Comparison, tuple[BreakRow, ...]]:
    venue = snapshot.venue
    with desk.journal.write() as tx:
        now = tx.at
        first_contact = not views.is_opened(tx, venue)
        if first_contact and not report_only:
            configured = desk.settings.venues[venue].baseline
            tx.append(opening(snapshot, configured, desk.assets(venue)))
        ours = _ours(tx, snapshot, seq, expected | _worked_by_others(tx, venue, now))
        comparison = compare(ours, snapshot, desk.terms(venue), first_contact=first_contact)
        if report_only:
            found = (f.found for f in comparison.findings if f.found is not None)
            return comparison, tuple(break_row(replace(each, corrected=False), 0, now) for each in found)
        breaks = _write(tx, comparison, now)
        _note_contact(tx, snapshot, comparison, now)
        differs = "; ".join(comparison.pending) or "its balances differ"
        desk.watch.reconciled(tx, venue, snapshot.began_at, "" if comparison.agreed else differs)
    return comparison, breaks


def _worked_by_others(tx: ReadTx, venue: Venue, now: Instant) -> frozenset[ClOrdId]:
    """Orders of parents that a live process is working: their progress is news to nobody."""
    working = {name for name, holder in history.holders(tx, now).items() if is_alive(holder)}
    return frozenset(o.cl_ord_id for o in views.unsettled_orders(tx, venue) if o.parent_id in working)


def _write(tx: WriteTx, comparison: Comparison, now: Instant) -> tuple[BreakRow, ...]:
    breaks = []
    for finding in comparison.findings:
        for entry in finding.corrections:
            tx.append(entry)
        if finding.found is not None:
            breaks.append(break_row(finding.found, tx.append(finding.found), now))
    return tuple(breaks)


def _note_contact(tx: WriteTx, snapshot: Snapshot, comparison: Comparison, now: Instant) -> None:
    """The venue answered; where no later reading was applied before, so far reaches what we know."""
    noted: dict[str, Instant | None] = {"answered_at": now, "failed_at": None, "failed_why": None}
    last = views.contacts(tx).get(snapshot.venue, views.Contact()).read_began_at
    if last is None or snapshot.began_at >= last:
        noted["read_began_at"] = snapshot.began_at
        if not comparison.unjoined:
            noted["cursor_at"] = snapshot.began_at
        if comparison.agreed:
            noted["agreed_at"] = now
    tx.note_contact(snapshot.venue, **noted)


def _ours(tx: ReadTx, snapshot: Snapshot, seq: int, expected: frozenset[ClOrdId]) -> Ours:
    """The journal's side, and the fills that the first reading of the trades may have come too early
    for: booked by others since the log's seq at which it began, or listed only by the second."""
    venue = snapshot.venue
    reports = snapshot.open_orders + snapshot.closed_orders
    fills = snapshot.trades_before + snapshot.trades_after
    named = views.orders_named(
        tx,
        venue,
        [r.cl_ord_id for r in reports if r.cl_ord_id is not None],
        [r.order_id for r in reports] + [f.order_id for f in fills],
    )
    since = history.fills_booked_after(tx, venue, seq)
    first = {fill.key for fill in snapshot.trades_before}
    second = history.fills_with_keys(tx, (f.key for f in snapshot.trades_after if f.key not in first))
    orders = {order.cl_ord_id: order for order in (*views.unsettled_orders(tx, venue), *named)}
    return Ours(
        orders=tuple(orders.values()),
        known=history.known_fills(tx, fills),
        recent=tuple({booked.fill.key: booked for booked in (*since, *second)}.values()),
        holdings={asset: row.confirmed for (_, asset), row in views.holdings(tx, venue).items()},
        anchors=history.anchors(tx, venue),
        doubts={asset: doubt for (_, asset), doubt in history.doubts(tx, venue).items()},
        known_break_refs=history.known_break_refs(tx, venue),
        last_read_began_at=views.contacts(tx).get(venue, views.Contact()).read_began_at,
        expected=expected,
    )


def break_row(found: BreakFound, seq: int, at: Instant) -> BreakRow:
    return BreakRow(
        id=seq,
        venue=found.venue,
        kind=found.kind,
        asset=found.asset,
        cl_ord_id=found.cl_ord_id,
        exec_id=found.exec_id,
        ours=found.ours,
        theirs=found.theirs,
        corrected=found.corrected,
        at=at,
        note=found.note,
    )


def _row(each: VenuePass) -> VenuePassRow:
    return VenuePassRow(
        each.venue,
        each.complete,
        each.agreed,
        each.checked,
        len(each.breaks),
        each.took_ms,
        each.reason or "; ".join(each.pending),
    )


def _ms(began_at: Instant, ended_at: Instant) -> int:
    return (ended_at - began_at) // 1000
