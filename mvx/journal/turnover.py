"""What was traded in a day, summed from the fills themselves.

Rule: a fill counts on the UTC day of the venue's own time of it, once, ours or not, taken back or not. Our
own clock, and when it was booked, are no matter but for which day is today.
"""

from __future__ import annotations

from decimal import Decimal

from mvx.domain.execution import notional_of
from mvx.domain.ids import Asset
from mvx.domain.instant import MICROS_PER_S, Instant
from mvx.domain.money import ZERO
from mvx.journal.rows import number_or_none
from mvx.journal.store import ReadTx

_DAY = 86_400 * MICROS_PER_S


def traded_today(tx: ReadTx, now: Instant) -> dict[Asset, Decimal]:
    """The notional of the UTC day's fills in each quote, whenever they were booked."""
    sql = "SELECT quote, qty, price, gross_trade_amt FROM fills WHERE at >= ?"
    traded: dict[Asset, Decimal] = {}
    for quote, qty, price, gross in tx.connection.execute(sql, (now - now % _DAY,)):
        notional = notional_of(Decimal(qty), Decimal(price), number_or_none(gross))
        traded[quote] = traded.get(quote, ZERO) + notional
    return traded
