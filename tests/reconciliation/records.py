"""What a journal in memory holds, read back from the tables that its log made."""

from __future__ import annotations

import json
from decimal import Decimal

from mvx.domain import entries as log
from mvx.domain.execution import HeardFill
from mvx.domain.exposure import Interval, holding
from mvx.domain.ids import Asset
from mvx.domain.instant import Instant
from mvx.domain.ledger import Anchor, Doubt
from mvx.domain.order import Order
from mvx.journal.fill_rows import fill_of
from mvx.journal.fold import apply
from mvx.journal.rows import Row, order_of
from mvx.journal.verify import MemoryState
from tests.domain.orders import KRAKEN, at

D = Decimal


class Records:
    """The log and its tables."""

    def __init__(self) -> None:
        self.state = MemoryState()
        self.log: list[log.Entry] = []
        self.times: list[Instant] = []

    def append(self, entry: log.Entry, when: int | None = None) -> None:
        self.log.append(entry)
        self.times.append(at(0) if when is None else Instant(when))
        apply(self.state, len(self.log), self.times[-1], entry)

    def order(self, which: Order | str) -> Order:
        name = which if isinstance(which, str) else which.cl_ord_id
        return order_of(self.state.tables["orders"][(name,)])

    def orders(self) -> list[Order]:
        return [order_of(row) for row in self.state.tables["orders"].values()]

    def fills(self) -> list[log.FillBooked]:
        return [
            log.FillBooked(
                fill_of(row), row["base"], row["quote"], row["cl_ord_id"], json.loads(row["absorbed"])
            )
            for row in self.state.tables["fills"].values()
        ]

    def busts(self) -> list[log.FillBusted]:
        return [
            log.FillBusted(
                fill_of(row), row["base"], row["quote"], row["cl_ord_id"], json.loads(row["absorbed"])
            )
            for row in self.state.tables["busts"].values()
        ]

    def transfers(self) -> list[log.TransferBooked]:
        return [entry for entry in self.log if isinstance(entry, log.TransferBooked)]

    def heard(self) -> tuple[HeardFill, ...]:
        rows = self.state.tables["heard"].values()
        return tuple(HeardFill(row["cl_ord_id"], fill_of(row), row["heard_at"]) for row in rows)

    def anchors(self) -> list[Anchor]:
        """All that there ever were, oldest first."""
        return [
            Anchor(
                row["asset"],
                row["kind"],
                row["at"],
                frozenset(json.loads(row["listed"])),
                self.times[row["seq"] - 1],
                self._rebased(row),
            )
            for row in sorted(self.state.tables["anchors"].values(), key=lambda row: row["seq"])
        ]

    def _rebased(self, anchor: Row) -> bool:
        later = (each for each in self.log[anchor["seq"] :] if isinstance(each, log.BaselineSet))
        return anchor["kind"] != "opening" and any(each.asset == anchor["asset"] for each in later)

    def doubts(self) -> dict[Asset, Doubt]:
        """The balances left open, with no event on their asset since."""
        held = self.state.tables["holdings"]
        return {
            asset: Doubt(asset, D(row["theirs"]), row["read_at"])
            for (venue, asset), row in self.state.tables["doubts"].items()
            if (venue, asset) not in held or row["seq"] > held[venue, asset]["last_seq"]
        }

    def break_refs(self) -> set[str]:
        return {row["ref"] for row in self.state.tables["breaks"].values()}

    def held(self) -> dict[str, str]:
        return {asset: row["confirmed"] for (_, asset), row in self.state.tables["holdings"].items()}

    def baseline(self, asset: Asset) -> Decimal:
        return D(self.state.tables["holdings"][(KRAKEN, asset)]["baseline"])

    def interval(self, asset: Asset) -> Interval:
        row = self.state.tables["holdings"][(KRAKEN, asset)]
        return holding(D(row["confirmed"]), asset, [o for o in self.orders() if not o.settled])
