"""Queries of the rarer events: trades that were taken back, and transfers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from mvx.domain.entries import FillBusted, TransferBooked
from mvx.domain.execution import Fill, FillKey, Transfer
from mvx.domain.ids import Venue
from mvx.journal.fill_rows import fill_of
from mvx.journal.schema import TRANSFER_KEY
from mvx.journal.store import ReadTx


def busts_booked_after(tx: ReadTx, venue: Venue, seq: int) -> tuple[FillBusted, ...]:
    """A venue's busts that were booked after an entry of the log, in the order of booking."""
    return tuple(map(_bust, tx.rows("busts", "WHERE seq > ? AND venue = ? ORDER BY seq", (seq, venue))))


def known_busts(tx: ReadTx, fills: Iterable[Fill]) -> dict[FillKey, FillBusted]:
    """Those of these fills that are booked as taken back, listed as such or not: of the venue's busts, which
    are so few that all are read."""
    keys = {fill.key for fill in fills}
    venues = {key.venue for key in keys}
    found = (row for venue in venues for row in tx.rows("busts", "WHERE venue = ?", (venue,)))
    return {bust.fill.key: bust for bust in map(_bust, found) if bust.fill.key in keys}


def transfers_booked_after(tx: ReadTx, venue: Venue, seq: int) -> tuple[TransferBooked, ...]:
    """A venue's transfers that were booked after an entry of the log, in the order of booking."""
    tail = "WHERE seq > ? AND venue = ? ORDER BY seq"
    return tuple(map(_transfer, tx.rows("transfers", tail, (seq, venue))))


def known_transfers(tx: ReadTx, transfers: Iterable[Transfer]) -> dict[str, TransferBooked]:
    """Those of these transfers that are booked, by their listing."""
    keyed = f"WHERE {' AND '.join(f'{name} = ?' for name in TRANSFER_KEY)}"
    found: dict[str, TransferBooked] = {}
    for each in transfers:
        for row in tx.rows("transfers", keyed, (each.venue, each.account, each.epoch, each.transfer_id)):
            found[each.listing] = _transfer(row)
    return found


def _bust(row: dict[str, Any]) -> FillBusted:
    absorbed = json.loads(row["absorbed"])
    return FillBusted(fill_of(row), row["base"], row["quote"], row["cl_ord_id"], absorbed)


def _transfer(row: dict[str, Any]) -> TransferBooked:
    moved = Transfer(
        venue=row["venue"],
        account=row["account"],
        epoch=row["epoch"],
        transfer_id=row["transfer_id"],
        asset=row["asset"],
        amount=Decimal(row["amount"]),
        at=row["at"],
    )
    return TransferBooked(moved, json.loads(row["absorbed"]))
