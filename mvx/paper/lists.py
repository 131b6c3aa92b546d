"""What the venue's lists show, which is not always what is: rows listed late, orders shown as they were.

Rule: a mask hides one order from every list, or shows it there as it was before the last write, until
its time is over. Money knows no masks: balances, the book and the venue's own truth are right at once.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

from mvx.domain.execution import Fill, Transfer
from mvx.domain.ids import Venue
from mvx.domain.instant import Instant
from mvx.domain.money import plain
from mvx.domain.order import OrderReport
from mvx.domain.order_status import TERMINAL, OrdStatus
from mvx.paper import records
from mvx.paper.records import Ending, PaperOrder
from mvx.sqlite import Connection

#: Kraken, GetTradesHistory and GetClosedOrders: "50 results are returned at a time, the most recent by
#: default", further ones by the offset `ofs`.
PAGE_ROWS = 50


class Lists:
    """The lists of one venue at one moment, `now`, on our clock."""

    def __init__(self, con: Connection, venue: Venue, now: Instant) -> None:
        self._con = con
        self._venue = venue
        self._now = now

    def hide(self, order: PaperOrder, until: Instant) -> None:
        self._mask(order, until, None)

    def keep(self, as_it_was: PaperOrder, until: Instant) -> None:
        """Shows an open order as it was, whatever becomes of it."""
        it = as_it_was
        assert it.ord_status not in TERMINAL, "no write changes a closed order"
        self._mask(
            it, until, json.dumps([it.ord_status, plain(it.cum_qty), plain(it.notional), it.updated_at])
        )

    def is_hidden(self, order: PaperOrder, at: Instant) -> bool:
        return self._masks(at).get(order.number, "") is None

    def open_orders(self) -> tuple[OrderReport, ...]:
        orders = {order.number: order for order in records.open_orders(self._con, self._venue)}
        for number, shown in self._masks(self._now).items():
            if shown is None:
                orders.pop(number, None)
            else:
                orders[number] = _shown(records.order_numbered(self._con, self._venue, number), shown)
        return tuple(orders[number].report() for number in sorted(orders))

    def closed_orders(self, since: Instant, offset: int) -> tuple[OrderReport, ...]:
        """A page, newest first; likewise the next two."""
        page = records.closed_page(self._con, self._venue, since, self._now, offset=offset, limit=PAGE_ROWS)
        return tuple(order.report() for order in page)

    def trades(self, since: Instant, offset: int) -> tuple[Fill, ...]:
        return records.fills_page(self._con, self._venue, since, self._now, offset=offset, limit=PAGE_ROWS)

    def transfers(self, since: Instant, offset: int) -> tuple[Transfer, ...]:
        return records.transfers_page(
            self._con, self._venue, since, self._now, offset=offset, limit=PAGE_ROWS
        )

    def endings(self) -> dict[str, Ending]:
        """What became of withdrawals that took their time, by listing: told by the lists that tell it."""
        return records.endings(self._con, self._venue)

    def _masks(self, at: Instant) -> dict[int, str | None]:
        rows = self._con.execute(
            "SELECT number, shown FROM masks WHERE venue = ? AND until_at > ?", (self._venue, at)
        )
        return dict(rows.fetchall())

    def _mask(self, order: PaperOrder, until: Instant, shown: str | None) -> None:
        self._con.execute(
            "INSERT OR REPLACE INTO masks VALUES (?, ?, ?, ?)", (self._venue, order.number, until, shown)
        )


def _shown(order: PaperOrder, shown: str) -> PaperOrder:
    ord_status, cum_qty, notional, updated_at = json.loads(shown)
    return replace(
        order,
        ord_status=OrdStatus(ord_status),
        cum_qty=Decimal(cum_qty),
        notional=Decimal(notional),
        updated_at=updated_at,
    )
