"""What a venue's lists of deposits and withdrawals say moved a balance, and since when. Pure.

Rule: a withdrawal has left when it was asked for, whatever becomes of it. Binance takes it from what is free
at once (docs, Withdraw history: completeTime is when the asset is "deduct from withdrawing"; All coins'
information: free, locked and withdrawing stand apart), and brings it back where it comes to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from mvx.domain.execution import Transfer
from mvx.domain.ids import Asset
from mvx.domain.instant import MICROS_PER_S, Instant
from mvx.domain.money import ZERO
from mvx.errors import BadVenueData
from mvx.venues.ccxt.parse import Account, Row, dict_of, instant_of, latest_of, not_negative, shown, text_of

#: ccxt binance.parse_transaction_status_by_type: of a withdrawal 0, 2 and 4; 6; 1; 3 and 5.
_UNDER_WAY, _DONE, _CAME_TO_NOTHING = "pending", "ok", frozenset({"canceled", "failed"})


class Moved(NamedTuple):
    """ended_at: when the row became what it is; None: it does not say, or may become another one yet."""

    transfer: Transfer
    ended_at: Instant | None

    def may_be_new(self, since: Instant) -> bool:
        """Whether it may have come to be listed since then."""
        return self.ended_at is None or max(self.ended_at, self.transfer.at) >= since


def moved_by(row: Row, whose: Account) -> Iterator[Moved]:
    """What a row of either list moved; a deposit that waits, or is held back, nothing."""
    status = row.get("status")
    if row.get("type") == "deposit":
        held = dict_of(row.get("info"), "a deposit: its record").get(whose.held_key)
        if status == _DONE and held in (None, 0, "0"):
            yield _came(transfer_of(row, whose), may_have_been_held=held is not None)
        return
    left = transfer_of(row, whose)
    if status == _DONE:
        yield Moved(left, _completed_at(row, whose))
    elif status == _UNDER_WAY:
        yield Moved(left, None)
    elif status in _CAME_TO_NOTHING:
        yield Moved(left, None)
        yield Moved(_brought_back(left), None)
    else:  # it has left, or has come back, or neither
        raise BadVenueData(f"transfer {left.transfer_id} has an unknown status: {shown(status)}")


def _came(moved: Transfer, *, may_have_been_held: bool) -> Moved:
    """When it was given free is told nowhere."""
    return Moved(replace(moved, undated=True), None) if may_have_been_held else Moved(moved, moved.at)


def _brought_back(left: Transfer) -> Transfer:
    """Docs, Withdraw history: completeTime is there "only if status = 6"."""
    return replace(left, transfer_id=f"{left.transfer_id} back", amount=-left.amount, undated=True)


def transfer_of(moved: object, whose: Account) -> Transfer:
    """A deposit or a withdrawal: what left is the amount and its fee."""
    row = dict_of(moved, "a transfer")
    name = row.get("id") or row.get("txid")
    what = f"transfer {shown(name)}"
    amount = not_negative(row.get("amount"), f"{what}: its amount")
    fee = dict_of(row.get("fee") or {"cost": 0}, f"{what}: its fee")
    cost = ZERO if fee.get("cost") is None else not_negative(fee["cost"], f"{what}: its fee")
    kind = row.get("type")
    if kind not in ("deposit", "withdrawal"):
        raise BadVenueData(f"{what} is neither a deposit nor a withdrawal: {shown(kind)}")
    info = dict_of(row.get("info"), f"{what}: its record")
    known = tuple(key for key in whose.times.moved if isinstance(info.get(key), int) and info[key])
    at = (
        latest_of(row, known, whose.times.unit_s, what)
        if known
        else instant_of(row.get("timestamp"), Decimal("0.001"), what)
    )
    return Transfer(
        venue=whose.venue,
        account=whose.account,
        epoch=whose.epoch,
        transfer_id=text_of({"id": name}, "id", what),
        asset=Asset(text_of(row, "currency", what)),
        amount=amount - cost if kind == "deposit" else -amount - cost,
        at=at,
    )


def _completed_at(moved: Row, whose: Account) -> Instant | None:
    """When a withdrawal was done, which stands in words (Binance docs, Withdraw history: completeTime)."""
    info = dict_of(moved.get("info"), "a transfer: its record")
    words = [info[key] for key in whose.times.moved if isinstance(info.get(key), str)]
    try:
        moments = [datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) for text in words]
    except ValueError:
        raise BadVenueData(f"a transfer was done at no time: {shown(words)}") from None
    return max((Instant(int(each.timestamp()) * MICROS_PER_S) for each in moments), default=None)
