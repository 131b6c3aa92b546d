"""Reconciling venues with the journal: read a venue, compare inside the write transaction, correct.

Rule: a reading that failed in any part changes nothing by absence; the pass is incomplete and the age
grows. Corrections are computed from the journal as it is in the transaction that writes them, so two
reconcilers can not both correct. The first pass of a venue adopts what it holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from mvx.domain.entries import BreakFound, NeverAccepted
from mvx.domain.ids import ClOrdId, Venue
from mvx.domain.instant import Instant
from mvx.domain.order import Order
from mvx.domain.text import typed
from mvx.engine.desk import Desk
from mvx.engine.outcome import BreakRow, Outcome
from mvx.engine.reading import our_side, read_first, read_venue, reading_since, working_orders
from mvx.engine.results import CheckedRow, ReconcileResult, VenuePassRow
from mvx.engine.watch import said
from mvx.errors import BadVenueData, Exit, UsageError, VenueError, worst_exit
from mvx.journal import history, views
from mvx.journal.store import ReadTx, WriteTx
from mvx.reconciliation.compare import compare, opening
from mvx.reconciliation.kinds import known_of, next_of
from mvx.reconciliation.snapshot import Comparison, Snapshot


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
        data=ReconcileResult(tuple(_row(each, report_only=report_only) for each in passes)),
        exit_code=worst_exit(Exit.UNCERTAIN if uncertain else Exit.OK, Exit.BREAKS if breaks else Exit.OK),
        uncertain=uncertain,
        breaks=breaks,
        warnings=(*pass_warnings(passes), *desk.watch.changes()),
    )


def pass_warnings(passes: Iterable[VenuePass]) -> tuple[str, ...]:
    """What an operator should know of passes that did not prove everything: of each venue's last one."""
    last = _last(passes)
    failed = tuple(f"{p.venue}: {p.reason}; its position keeps its interval" for p in last if p.reason)
    return failed + pending_warnings(last)


def pending_warnings(passes: Iterable[VenuePass]) -> tuple[str, ...]:
    """What each venue's last pass could not prove yet."""
    return tuple(f"{p.venue}: {reason}" for p in _last(passes) for reason in p.pending)


def _last(passes: Iterable[VenuePass]) -> tuple[VenuePass, ...]:
    return tuple({each.venue: each for each in passes}.values())


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
        unsettled = views.unsettled_orders(tx, venue)
        since = reading_since(desk, tx, venue, began_at, unsettled)
        working = working_orders(unsettled)
        seq = views.last_seq(tx)
        read = read_venue if views.is_opened(tx, venue) else read_first
    try:
        snapshot = await read(port, desk.clock, began_at, since, working)
    except (VenueError, BadVenueData) as error:
        now, why = desk.clock.now(), said(venue, error)
        if not report_only:
            note_failure(desk, venue, why)
        return VenuePass(venue, False, False, CheckedRow(0, 0, 0), (), (), _ms(began_at, now), why)
    comparison, breaks = _correct(desk, snapshot, seq, expected, report_only=report_only)
    checked = CheckedRow(
        orders=len({(r.symbol, r.order_id) for r in snapshot.open_orders + snapshot.closed_orders}),
        fills=len({f.key for f in snapshot.trades}),
        balances=len(snapshot.totals),
    )
    took_ms = _ms(began_at, desk.clock.now())
    return VenuePass(venue, True, comparison.agreed, checked, breaks, comparison.pending, took_ms, "")


def note_failure(desk: Desk, venue: Venue, why: str) -> None:
    """The last attempt to reach a venue failed: its position is stale from now on, until it answers."""
    with desk.journal.write() as tx:
        tx.note_contact(venue, failed_at=tx.at, failed_why=why)
        desk.watch.flush(tx)


async def reconcile_order(desk: Desk, cl_ord_id: str) -> Outcome:
    """One pass over the venue of one order. Raises UsageError where there is no such order."""
    with desk.journal.read() as tx:
        venue = _order(tx, cl_ord_id).venue
    return await reconcile(desk, (venue,))


def _order(tx: ReadTx, cl_ord_id: str) -> Order:
    order = views.order(tx, cl_ord_id)
    if order is None:
        raise UsageError(f"no order is called {cl_ord_id!r}", next_step="mvx orders --open")
    return order


async def accept(desk: Desk, cl_ord_id: str, verdict: str) -> Outcome:
    """A human's word on an order that its venue can not prove: `never` accepted, journaled as such; or
    `adopt` what its record says. Raises UsageError where that is not theirs to say."""
    if verdict != "never":
        return await _adopt(desk, cl_ord_id)
    with desk.journal.write() as tx:
        order = _order(tx, cl_ord_id)
        if order.order_id is not None or order.settled:
            raise UsageError(
                f"{cl_ord_id} is {order.ord_status} at {order.venue}: there is nothing to decide",
                next_step=f"mvx reconcile --venue {order.venue}",
            )
        tx.append(NeverAccepted(order.cl_ord_id, "the operator", tx.at, tx.at))
    return await reconcile(desk, (order.venue,))


async def _adopt(desk: Desk, cl_ord_id: str) -> Outcome:
    """A pass over its venue, which adopts the order where it is listed. Raises UsageError where it is not."""
    outcome = await reconcile_order(desk, cl_ord_id)
    with desk.journal.read() as tx:
        order = _order(tx, cl_ord_id)
    assert isinstance(outcome.data, ReconcileResult)
    complete = all(row.complete for row in outcome.data.venues)
    if order.order_id is not None or order.settled or not complete:
        return outcome
    error = UsageError(
        f"{order.venue} lists no order under {cl_ord_id} that could be adopted",
        known=f"{cl_ord_id} stays unknown and reserved",
        next_step=f"mvx reconcile --order {typed(cl_ord_id)} --accept never, where it never arrived",
    )
    error.warnings, error.breaks = outcome.warnings, outcome.breaks
    raise error


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
        unsettled = views.unsettled_orders(tx, venue)
        ours = our_side(tx, snapshot, seq, unsettled, _expected(desk, tx, unsettled, now, expected))
        comparison = compare(ours, snapshot, desk.terms(venue), first_contact=first_contact)
        comparison = comparison.unsaid(history.known_break_refs(tx, comparison.refs))
        if report_only:
            found = (f.found for f in comparison.findings if f.found is not None)
            return comparison, tuple(break_row(replace(each, corrected=False), None, now) for each in found)
        breaks = _write(tx, comparison, now)
        _note_contact(tx, snapshot, comparison, now)
        differs = "; ".join(comparison.pending) or "its balances differ"
        desk.watch.reconciled(tx, venue, snapshot.began_at, "" if comparison.agreed else differs)
    return comparison, breaks


def _expected(
    desk: Desk, tx: ReadTx, orders: Collection[Order], now: Instant, by_caller: frozenset[ClOrdId]
) -> frozenset[ClOrdId]:
    """Orders whose progress is news to nobody: the caller's, and those of parents that a live process is
    working. Of an intent that nobody began to send, no caller expects anything: it is worked, or given up."""
    working = {name for name, holder in history.holders(tx, now).items() if desk.is_alive(holder)}
    unsent = {order.cl_ord_id for order in orders if not order.sending}
    return (by_caller - unsent) | {order.cl_ord_id for order in orders if order.parent_id in working}


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
        if not comparison.reach_back:
            noted["cursor_at"] = snapshot.began_at
        if comparison.agreed:
            noted["agreed_at"] = now
    tx.note_contact(snapshot.venue, **noted)


def break_row(found: BreakFound, break_id: int | None, at: Instant) -> BreakRow:
    """What an operator is told of a break; no id: it was not written down."""
    return BreakRow(
        id=break_id or 0,
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
        known=known_of(found),
        next=next_of(found, break_id),
    )


def _row(each: VenuePass, *, report_only: bool) -> VenuePassRow:
    """What was found and not corrected is no agreement, though the pass that corrects it will be one."""
    return VenuePassRow(
        each.venue,
        each.complete,
        each.agreed and not (report_only and each.breaks),
        each.checked,
        len(each.breaks),
        each.took_ms,
        each.reason or "; ".join(each.pending),
    )


def _ms(began_at: Instant, ended_at: Instant) -> int:
    return (ended_at - began_at) // 1000
