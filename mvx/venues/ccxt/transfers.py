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
from hashlib import sha256
from typing import NamedTuple

from mvx.domain.execution import Transfer
from mvx.domain.ids import Asset
from mvx.domain.instant import MICROS_PER_S, Instant
from mvx.domain.money import ZERO
from mvx.errors import BadVenueData
from mvx.venues.ccxt.parse import Account, Row, dict_of, instant_of, not_negative, shown, text_of

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
            yield _came(row, whose, may_have_been_held=held is not None)
        return
    left = transfer_of(row, whose)
    if status == _DONE:
        yield Moved(left, _done_at(row, whose))
    elif status == _UNDER_WAY:
        yield Moved(left, None)
    elif status in _CAME_TO_NOTHING:
        yield Moved(left, None)
        yield Moved(_brought_back(left), None)
    else:  # it has left, or has come back, or neither
        raise BadVenueData(f"transfer {left.transfer_id} has an unknown status: {shown(status)}")


def _came(row: Row, whose: Account, *, may_have_been_held: bool) -> Moved:
    """When one that was held back was given free is told nowhere, and of some not when they were credited."""
    asked_for = transfer_of(row, whose)
    done_at = _done_at(row, whose)
    moved = replace(asked_for, at=max(asked_for.at, done_at or asked_for.at))
    if may_have_been_held or done_at is None:
        return Moved(replace(moved, undated=True), None)
    return Moved(moved, moved.at)


def _brought_back(left: Transfer) -> Transfer:
    """Docs, Withdraw history: completeTime is there "only if status = 6"."""
    return replace(left, transfer_id=f"{left.transfer_id} back", amount=-left.amount, undated=True)


def transfer_of(moved: object, whose: Account) -> Transfer:
    """A deposit or a withdrawal as it was asked for: what left is the amount and its fee."""
    row = dict_of(moved, "a transfer")
    name = _name_of(row)
    what = f"transfer {shown(name)}"
    amount = not_negative(row.get("amount"), f"{what}: its amount")
    fee = dict_of(row.get("fee") or {"cost": 0}, f"{what}: its fee")
    cost = ZERO if fee.get("cost") is None else not_negative(fee["cost"], f"{what}: its fee")
    kind = row.get("type")
    if kind not in ("deposit", "withdrawal"):
        raise BadVenueData(f"{what} is neither a deposit nor a withdrawal: {shown(kind)}")
    return Transfer(
        venue=whose.venue,
        account=whose.account,
        epoch=whose.epoch,
        transfer_id=text_of({"id": name}, "id", what),
        asset=Asset(text_of(row, "currency", what)),
        amount=amount - cost if kind == "deposit" else -amount - cost,
        at=instant_of(row.get("timestamp"), Decimal("0.001"), what),
    )


def _name_of(row: Row) -> object:
    """Its id. One without is told from the others of its transaction by all that stays as it is (ccxt
    binance.parse_transaction, the sample of fetchDeposits)."""
    if row.get("id"):
        return row["id"]
    lasting = ("txid", "currency", "address", "tag", "amount", "timestamp")
    told = "\n".join(str(row.get(each)) for each in lasting)
    return row.get("txid") and sha256(told.encode()).hexdigest()[:32]


def _done_at(moved: Row, whose: Account) -> Instant | None:
    """Docs, Deposit history: completeTime in ms, of deposits since 2025-03-06; Withdraw history: in words,
    "only if status = 6". None: it does not say."""
    found = dict_of(moved.get("info"), "a transfer: its record").get(whose.times.moved)
    if found is None or (found == 0 and isinstance(found, int) and not isinstance(found, bool)):
        return None
    if moved.get("type") == "deposit":
        return instant_of(found, whose.times.unit_s, "a deposit: when it was done")
    try:
        at = datetime.strptime(found, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except (TypeError, ValueError):
        raise BadVenueData(f"a transfer was done at no time: {shown(found)}") from None
    return Instant(int(at.timestamp()) * MICROS_PER_S)
