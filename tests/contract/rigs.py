"""The adapters under contract, each before a venue whose own truth and faults are at hand. Another adapter
joins by adding its rig to RIGS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from mvx.config.settings import VenueSettings
from mvx.domain.ids import Asset, ExecId, OrderId, Symbol
from mvx.domain.instant import Instant, parse_rfc3339, rfc3339
from mvx.domain.order import Side
from mvx.errors import OutcomeUnknown, VenueError, VenueRejected
from mvx.paper.exchange import FAULT_KINDS, PaperExchange
from mvx.paper.markets import FEE_TOKENS_PX
from mvx.paper.venue import PaperVenue
from mvx.venues.port import VenuePort
from tests.paper.builders import venue_settings
from tests.support import ManualClock
from tests.venues.ccxt.inprocess import adapter_to
from tests.virtual import VirtualClock

BTC_USD = Symbol("BTC/USD")


class Habits(NamedTuple):
    """What is one's own way, where paper keeps to the strictest.

    hears: what is heard of a fault where it is not what the table says, by the fault and what was asked.
    held_back: the reasons for which an adapter sends no order at all. asks_rules: each time, and not once.
    names_busts: a trade says that it was taken back; where none does the balance alone tells it.
    """

    hears: Mapping[tuple[str, str], type[VenueError] | None] = {}
    held_back: frozenset[str] = frozenset()
    asks_rules: bool = True
    tells_max_px: bool = True
    dates_books: bool = True
    names_busts: bool = True


#: Of the adapter of real venues.
WIRE = Habits(
    hears={
        # 503 at Binance, EService:Unavailable at Kraken: neither says that nothing was done (errors.py)
        ("maintenance", "submit"): OutcomeUnknown,
        ("maintenance", "cancel"): OutcomeUnknown,
        ("maintenance", "read"): OutcomeUnknown,
        # only the answer to an order holds the id of one
        ("no-id", "read"): None,
        ("no-id", "refusal"): VenueRejected,
    },
    # session.py: ccxt would send another order than the one in the journal
    held_back=frozenset({"tick", "lot", "unknown_symbol"}),
    asks_rules=False,  # session.py keeps them in a file
    # docs, Order book: Binance's has no time, Kraken's one a level; venue.py takes when it was asked for
    dates_books=False,
    names_busts=False,  # capabilities.py, of both
)


class Rig(Protocol):
    """One adapter before a venue whose own truth and faults are at hand.

    The account holds 100 BTC, 1,000,000 USD and of `fee_token` what is worth 600 USD, the symbol is BTC/USD,
    and the book has more than 20 BTC on either side between 70,000 and 90,000, in more than 60 levels. Only
    what is in `fault_kinds` is injected: the adapter's venue may offer less than all. `habits`: what this
    venue or adapter does its own way, and every one may.
    """

    venue: VenuePort
    clock: ManualClock
    fault_kinds: tuple[str, ...]
    fee_token: Asset
    habits: Habits

    def inject(self, kind: str, *, for_s: float | None = None, delay_s: float | None = None) -> None: ...

    def heal(self) -> None: ...

    def ledger(self) -> dict[str, Any]:
        """The venue's own truth, as `mvx paper ledger` tells it, in the venue's ids and times."""

    def trade_by_hand(self, side: Side, qty: Decimal, limit_px: Decimal | None = None) -> None:
        """The account's owner trades at any price, or leaves an order at a limit."""

    def cancel_by_hand(self, order_id: OrderId) -> None: ...

    def transfer(self, asset: Asset, amount: Decimal, *, listed_after_s: float = 0.0) -> None: ...

    def bust(self, exec_id: ExecId) -> None: ...

    def correct(self, exec_id: ExecId, qty: Decimal, price: Decimal) -> None: ...

    def pause(self) -> None:
        """Lets so much time pass that the venue's clock tells what was from what comes."""


class PaperRig:
    """The paper venue, in process."""

    fault_kinds = FAULT_KINDS
    exchange = "kraken"
    fee_token = Asset("BNB")
    habits = Habits()

    def __init__(self, folder: Path) -> None:
        held = {Asset("BTC"): Decimal(100), Asset("USD"): Decimal(1_000_000)}
        held[self.fee_token] = 600 / FEE_TOKENS_PX[self.fee_token]
        settings = venue_settings(self.exchange, balances=held)
        self._name = settings.name
        self.clock = self.new_clock()
        self._exchange = PaperExchange(folder / "x.paper", {settings.name: settings}, self.clock)
        self.venue: VenuePort = self.open_venue(settings, folder)

    def new_clock(self) -> ManualClock:
        return ManualClock()

    def open_venue(self, settings: VenueSettings, folder: Path) -> VenuePort:
        return PaperVenue(self._exchange, settings, self.clock)

    def inject(self, kind: str, *, for_s: float | None = None, delay_s: float | None = None) -> None:
        self._exchange.inject(self._name, kind, for_s=for_s, delay_s=delay_s)

    def heal(self) -> None:
        self._exchange.heal()

    def ledger(self) -> dict[str, Any]:
        return self._exchange.ledger(self._name)

    def trade_by_hand(self, side: Side, qty: Decimal, limit_px: Decimal | None = None) -> None:
        self._exchange.trade(self._name, side, qty, BTC_USD, limit_px)

    def cancel_by_hand(self, order_id: OrderId) -> None:
        self._exchange.cancel(self._name, self._known("orders", "order_id", order_id))

    def transfer(self, asset: Asset, amount: Decimal, *, listed_after_s: float = 0.0) -> None:
        self._exchange.transfer(self._name, asset, amount, listed_after_s)

    def bust(self, exec_id: ExecId) -> None:
        self._exchange.bust(self._name, self._known("fills", "exec_id", exec_id))

    def correct(self, exec_id: ExecId, qty: Decimal, price: Decimal) -> None:
        self._exchange.correct(self._name, self._known("fills", "exec_id", exec_id), qty, price)

    def pause(self) -> None:
        """No two events of it share a time."""

    def told(self, name: str) -> str:
        """An id of the ledger as the venue tells it."""
        return name

    def _known(self, rows: str, key: str, told: str) -> Any:
        """The id in the ledger that the venue tells so."""
        (known,) = (
            row[key] for row in self._exchange.ledger(self._name)[rows] if self.told(row[key]) == told
        )
        return known


class CcxtRig(PaperRig):
    """The adapter of real venues, before a paper venue that speaks the venue's own words in this process."""

    #: What the venue's record of a trade counts time in.
    step_us = 1

    def new_clock(self) -> ManualClock:
        """calls.py gives up in the loop's time."""
        return VirtualClock()

    def open_venue(self, settings: VenueSettings, folder: Path) -> VenuePort:
        """It knows its markets, its key and the time there already: a fault hits what is asked of it."""
        venue = adapter_to(self._exchange, settings, self.clock, folder / "shared")
        self.clock.run(venue.rules(BTC_USD))
        self.clock.run(venue.balances())
        return venue

    def pause(self) -> None:
        """Kraken tells its time in whole seconds (capabilities.py, clock_step_s), by which a reading of
        balances is dated; Binance that of a withdrawal (ccxt binance.parse_transaction, completeTime)."""
        self.clock.advance(2)

    def ledger(self) -> dict[str, Any]:
        """Zeros are not told of, and no trade says that it was taken back."""
        found = super().ledger()
        for row in found["orders"] + found["fills"]:
            row["order_id"] = self.told(row["order_id"])
        for row in found["fills"]:
            at = parse_rfc3339(row["at"])
            row |= {"exec_id": self.told(row["exec_id"]), "at": rfc3339(Instant(at - at % self.step_us))}
            row["busted_at"] = None
        found["balances"] = {asset: row for asset, row in found["balances"].items() if Decimal(row["total"])}
        return found


class KrakenRig(CcxtRig):
    """In Kraken's words."""

    fee_token = Asset("KFEE")
    habits = WIRE._replace(
        tells_max_px=False,  # docs, Get Tradable Asset Pairs: there is no such field
        # docs, Cancel Order: it answers with a count
        hears=WIRE.hears | {("no-id", "cancel"): None},
    )


class BinanceRig(CcxtRig):
    """In Binance's words: ids are numbers, times are in milliseconds."""

    exchange = "binance"
    step_us = 1_000
    habits = WIRE._replace(
        held_back=WIRE.held_back | {"min_qty"},  # its least quantity is its lot
    )

    def told(self, name: str) -> str:
        return name.rpartition("-")[2].lstrip("T")


RIGS: dict[str, Callable[[Path], Rig]] = {
    "paper": PaperRig,
    "kraken": KrakenRig,
    "binance": BinanceRig,
}
