"""What was traded in a day, summed from the fills themselves.

Rule: a fill counts on the UTC day of the venue's own time of it, once, ours or not, taken back or not.
"""

from __future__ import annotations

import sys
from decimal import Decimal

from mvx.domain.execution import notional_of
from mvx.domain.ids import Asset
from mvx.domain.instant import MICROS_PER_S, Instant
from mvx.domain.money import ZERO
from mvx.journal.rows import number_or_none
from mvx.journal.store import ReadTx

_DAY = 86_400 * MICROS_PER_S
_AT_ONCE = 500


def traded_today(tx: ReadTx, now: Instant) -> dict[Asset, Decimal]:
    """The notional of the UTC day's fills in each quote. Read from the newest booking back, to what was
    booked a day before the day began: what fills today is not booked earlier than that by any clock."""
    midnight = now - now % _DAY
    sql = (
        "SELECT seq, quote, qty, price, gross_trade_amt, at FROM fills WHERE seq < ?"
        " ORDER BY seq DESC LIMIT ?"
    )
    traded: dict[Asset, Decimal] = {}
    before = sys.maxsize
    while rows := tx.connection.execute(sql, (before, _AT_ONCE)).fetchall():
        for _, quote, qty, price, gross, at in rows:
            if at >= midnight:
                notional = notional_of(Decimal(qty), Decimal(price), number_or_none(gross))
                traded[quote] = traded.get(quote, ZERO) + notional
        before = rows[-1][0]
        if _booked_at(tx, before) < midnight - _DAY:
            break
    return traded


def _booked_at(tx: ReadTx, seq: int) -> int:
    return int(tx.connection.execute("SELECT at FROM log WHERE seq = ?", (seq,)).fetchone()[0])
