"""The adapters under contract. Another adapter joins by adding its rig to RIGS."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import pytest

from mvx.domain.ids import Asset, ClOrdId, Symbol, Venue
from mvx.domain.instant import after
from mvx.domain.order import OrderRequest, Side, TimeInForce
from mvx.paper.exchange import FAULT_KINDS, PaperExchange
from mvx.paper.venue import PaperVenue
from mvx.venues.port import VenuePort
from tests.paper.builders import venue_settings
from tests.support import ManualClock


class Rig(Protocol):
    """One adapter before a venue whose own truth and faults are at hand.

    The account holds 100 BTC and 1,000,000 USD, the symbol is BTC/USD, and the book has more than 20 BTC
    on either side between 70,000 and 90,000.
    """

    venue: VenuePort
    clock: ManualClock
    fault_kinds: tuple[str, ...]

    def inject(self, kind: str) -> None: ...

    def ledger(self) -> dict[str, Any]:
        """The venue's own truth, as `mvx paper ledger` tells it."""

    def trade_by_hand(self, side: Side, qty: Decimal) -> None: ...


class PaperRig:
    """The paper venue, in process."""

    fault_kinds = FAULT_KINDS

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        settings = venue_settings(balances={Asset("BTC"): Decimal(100), Asset("USD"): Decimal(1_000_000)})
        self._exchange = PaperExchange(folder / "x.paper", {settings.name: settings}, self.clock)
        self.venue: VenuePort = PaperVenue(self._exchange, settings, self.clock)

    def inject(self, kind: str) -> None:
        self._exchange.inject(self.venue.name, kind)

    def ledger(self) -> dict[str, Any]:
        return self._exchange.ledger(self.venue.name)

    def trade_by_hand(self, side: Side, qty: Decimal) -> None:
        self._exchange.trade(Venue(self.venue.name), side, qty, Symbol("BTC/USD"))


RIGS: dict[str, Callable[[Path], Rig]] = {"paper": PaperRig}


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    return RIGS[request.param](tmp_path)


_ids = itertools.count(1)


@pytest.fixture
def order(rig: Rig) -> Callable[..., OrderRequest]:
    """Builds a request for half a BTC that fills at once, or with changes."""

    def build(side: Side = Side.BUY, **changes: Any) -> OrderRequest:
        terms: dict[str, Any] = {
            "cl_ord_id": ClOrdId(f"m{next(_ids):017d}"),
            "symbol": Symbol("BTC/USD"),
            "side": side,
            "order_qty": Decimal("0.5"),
            "limit_px": Decimal(90_000 if side is Side.BUY else 70_000),
            "time_in_force": TimeInForce.IOC,
            "post_only": False,
            "deadline": after(rig.clock.now(), 5),
        }
        return OrderRequest(**(terms | changes))

    return build
