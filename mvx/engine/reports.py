"""Read-only answers from the journal: no network, no heavy imports, one snapshot each.

A cron job asks these often, so nothing here may import asyncio, pydantic or a venue adapter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mvx.config.desk import DeskSettings
from mvx.domain.entries import BreakFound
from mvx.domain.ids import Asset, Venue
from mvx.domain.instant import Instant
from mvx.domain.order import Order, average_px, is_unknown
from mvx.engine.outcome import Outcome
from mvx.engine.results import (
    BaselineRow,
    BaselinesResult,
    BreaksResult,
    FeeRow,
    FillRow,
    FillsResult,
    KnownBreak,
    OrderRow,
    OrdersResult,
)
from mvx.engine.setup import open_journal, telling
from mvx.errors import Exit
from mvx.journal import history, views
from mvx.journal.events import known_busts
from mvx.reconciliation.kinds import known_of, next_of

DEFAULT_LIMIT = 100


def orders(
    desk: DeskSettings,
    now: Instant,
    *,
    since: Instant | None,
    venue: str | None,
    open_only: bool,
    limit: int | None,
) -> Outcome:
    """The newest orders first."""
    with telling(open_journal(desk)) as journal, journal.read() as tx:
        found = views.recent_orders(
            tx, since=since, venue=venue, open_only=open_only, limit=limit or DEFAULT_LIMIT
        )
    rows = tuple(_order_row(order, now) for order in found)
    return Outcome(OrdersResult(rows), Exit.OK, warnings=journal.notices())


def fills(desk: DeskSettings, *, since: Instant | None, venue: str | None, limit: int | None) -> Outcome:
    """The newest fills first. Every one of them is confirmed: it was listed by its venue."""
    with telling(open_journal(desk)) as journal, journal.read() as tx:
        found = history.recent_fills(tx, since=since, venue=venue, limit=limit or DEFAULT_LIMIT)
        busts = known_busts(tx, (each.fill for each in found))
    rows = tuple(
        FillRow(
            venue=each.fill.venue,
            symbol=each.fill.symbol,
            side=each.fill.side.value,
            exec_id=each.fill.exec_id,
            order_id=each.fill.order_id,
            cl_ord_id=each.cl_ord_id,
            qty=each.fill.qty,
            price=each.fill.price,
            fee=FeeRow(each.fill.fee_asset, each.fill.fee_amount),
            at=each.fill.at,
            confirmed=True,
            taken_back=each.fill.key in busts,
        )
        for each in found
    )
    return Outcome(FillsResult(rows), Exit.OK, warnings=journal.notices())


def breaks(
    desk: DeskSettings, *, since: Instant | None, venue: str | None, open_only: bool, limit: int | None
) -> Outcome:
    """The newest breaks first. Open: neither corrected nor acknowledged."""
    with telling(open_journal(desk)) as journal, journal.read() as tx:
        found = history.recent_breaks(
            tx, since=since, venue=venue, open_only=open_only, limit=limit or DEFAULT_LIMIT
        )
    return Outcome(BreaksResult(tuple(map(known_break, found))), Exit.OK, warnings=journal.notices())


def known_break(row: Mapping[str, Any]) -> KnownBreak:
    """A row of the journal's breaks, with what is known and what to run."""
    found = BreakFound(**{name: row[name] for name in BreakFound.__slots__})
    said = {"corrected": bool(row["corrected"]), "known": known_of(found), "next": next_of(found, row["id"])}
    fields: dict[str, Any] = {name: row.get(name) for name in KnownBreak.__slots__}
    return KnownBreak(**fields | said)


def baselines(desk: DeskSettings, *, venue: str | None) -> Outcome:
    """Every asset of the venues' symbols, and whatever else they hold."""
    with telling(open_journal(desk)) as journal, journal.read() as tx:
        held = views.holdings(tx)
    keys = [(each, asset) for each, assets in desk.assets.items() for asset in assets]
    keys += sorted(key for key in held if key[0] in desk.assets and key not in keys)
    rows = tuple(_baseline_row(key, held.get(key)) for key in keys if venue in (None, key[0]))
    return Outcome(BaselinesResult(rows), Exit.OK, warnings=journal.notices())


def _baseline_row(key: tuple[Venue, Asset], row: views.HoldingRow | None) -> BaselineRow:
    if row is None:
        return BaselineRow(*key, None, None, None)
    return BaselineRow(*key, row.baseline, row.confirmed, row.confirmed - row.baseline)


@dataclass(frozen=True, slots=True)
class JournalInfo:
    path: str
    size_bytes: int
    mode: str
    epoch: str
    last_seq: int
    sqlite: str
    rows: Mapping[str, int]


def journal_info(desk: DeskSettings) -> Outcome:
    """Where the journal is and what it holds."""
    with telling(open_journal(desk)) as journal, journal.read() as tx:
        info = JournalInfo(
            path=str(desk.journal),
            size_bytes=desk.journal.stat().st_size,
            mode=tx.meta("mode"),
            epoch=tx.meta("epoch"),
            last_seq=views.last_seq(tx),
            sqlite=views.sqlite_version(tx),
            rows=views.table_counts(tx),
        )
    return Outcome(info, Exit.OK, warnings=journal.notices())


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    table: str
    key: str
    refolded: str
    stored: str


@dataclass(frozen=True, slots=True)
class JournalVerified:
    """`differences` is empty where every row is what the log makes."""

    entries: int
    rows: int
    differences: tuple[DifferenceRow, ...]


def journal_verify(desk: DeskSettings) -> Outcome:
    """Refold the log and compare every row. Exit 1 on a difference: it is a defect. Raises JournalError where
    the file itself is damaged."""
    from mvx.journal.verify import check_whole, differences

    with telling(open_journal(desk)) as journal:
        check_whole(desk.journal)
        with journal.read() as tx:
            found = tuple(
                DifferenceRow(each.table, repr(each.key), repr(each.refolded), repr(each.stored))
                for each in differences(tx)
            )
            counts = views.table_counts(tx)
    rows = sum(count for name, count in counts.items() if name != "log")
    return Outcome(
        JournalVerified(counts["log"], rows, found),
        Exit.DEFECT if found else Exit.OK,
        warnings=(*journal.notices(), *_difference_lines(found)),
    )


def _difference_lines(found: tuple[DifferenceRow, ...]) -> Iterator[str]:
    for each in found[:10]:
        yield f"{each.table} {each.key}: the log makes {each.refolded}, stored is {each.stored}"


def _order_row(order: Order, now: Instant) -> OrderRow:
    return OrderRow(
        cl_ord_id=order.cl_ord_id,
        order_id=order.order_id,
        parent_id=order.parent_id,
        venue=order.venue,
        instrument=order.instrument,
        side=order.side.value,
        order_qty=order.order_qty,
        limit_px=order.limit_px,
        cum_qty=order.cum_qty,
        avg_px=average_px(order),
        ord_status=order.ord_status.value,
        unknown=is_unknown(order, now),
        settled=order.settled,
        reason=order.reason,
        created_at=order.created_at,
    )
