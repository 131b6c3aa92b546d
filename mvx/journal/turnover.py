"""What was traded in a day, summed from the fills themselves.

Rule: a fill counts on the UTC day of the venue's own time of it, once, ours or not, taken back or not.
"""

from __future__ import annotations

from decimal import Decimal

from mvx.domain.ids import Asset
from mvx.domain.instant import MICROS_PER_S, Instant
from mvx.domain.money import ZERO
from mvx.journal.store import ReadTx

_DAY = 86_400 * MICROS_PER_S


def traded_today(tx: ReadTx, now: Instant) -> dict[Asset, Decimal]:
    """The notional of the UTC day's fills in each quote. Read from the newest booking back, to what was
    booked a day before the day began: what fills today is not booked earlier than that by any clock."""
    midnight = now - now % _DAY
    sql = (
        "SELECT quote, qty, price, fills.at, log.at FROM fills CROSS JOIN log ON log.seq = fills.seq"
        " ORDER BY fills.seq DESC"
    )
    traded: dict[Asset, Decimal] = {}
    for quote, qty, price, at, booked_at in tx.connection.execute(sql):
        if booked_at < midnight - _DAY:
            break
        if at >= midnight:
            traded[quote] = traded.get(quote, ZERO) + Decimal(qty) * Decimal(price)
    return traded
