"""The adapters under contract. Another adapter joins by adding its rig to RIGS."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import pytest

from mvx.domain.ids import Asset, ClOrdId, ExecId, OrderId, Symbol
from mvx.domain.instant import after
from mvx.domain.order import OrderRequest, Side, TimeInForce
from mvx.paper.exchange import FAULT_KINDS, PaperExchange
from mvx.paper.venue import PaperVenue
from mvx.venues.port import VenuePort
from tests.paper.builders import venue_settings
from tests.support import ManualClock


class Rig(Protocol):
    """One adapter before a venue whose own truth and faults are at hand.

    The account holds 100 BTC, 1,000,000 USD and 1 BNB, the symbol is BTC/USD, and the book has more than
    20 BTC on either side between 70,000 and 90,000, in more than 60 levels. Only what is in `fault_kinds`
    is injected: the adapter's venue may offer less than all.
    """

    venue: VenuePort
    clock: ManualClock
    fault_kinds: tuple[str, ...]

    def inject(self, kind: str, *, for_s: float | None = None) -> None: ...

    def heal(self) -> None: ...

    def ledger(self) -> dict[str, Any]:
        """The venue's own truth, as `mvx paper ledger` tells it."""

    def trade_by_hand(self, side: Side, qty: Decimal, limit_px: Decimal | None = None) -> None:
        """The account's owner trades at any price, or leaves an order at a limit."""

    def cancel_by_hand(self, order_id: OrderId) -> None: ...

    def transfer(self, asset: Asset, amount: Decimal, *, listed_after_s: float = 0.0) -> None: ...

    def bust(self, exec_id: ExecId) -> None: ...

    def correct(self, exec_id: ExecId, qty: Decimal, price: Decimal) -> None: ...


class PaperRig:
    """The paper venue, in process."""

    fault_kinds = FAULT_KINDS

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        held = {"BTC": Decimal(100), "USD": Decimal(1_000_000), "BNB": Decimal(1)}
        settings = venue_settings(balances={Asset(asset): amount for asset, amount in held.items()})
        self._exchange = PaperExchange(folder / "x.paper", {settings.name: settings}, self.clock)
        self._name = settings.name
        self.venue: VenuePort = PaperVenue(self._exchange, settings, self.clock)

    def inject(self, kind: str, *, for_s: float | None = None) -> None:
        self._exchange.inject(self._name, kind, for_s=for_s)

    def heal(self) -> None:
        self._exchange.heal()

    def ledger(self) -> dict[str, Any]:
        return self._exchange.ledger(self._name)

    def trade_by_hand(self, side: Side, qty: Decimal, limit_px: Decimal | None = None) -> None:
        self._exchange.trade(self._name, side, qty, Symbol("BTC/USD"), limit_px)

    def cancel_by_hand(self, order_id: OrderId) -> None:
        self._exchange.cancel(self._name, order_id)

    def transfer(self, asset: Asset, amount: Decimal, *, listed_after_s: float = 0.0) -> None:
        self._exchange.transfer(self._name, asset, amount, listed_after_s)

    def bust(self, exec_id: ExecId) -> None:
        self._exchange.bust(self._name, exec_id)

    def correct(self, exec_id: ExecId, qty: Decimal, price: Decimal) -> None:
        self._exchange.correct(self._name, exec_id, qty, price)


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
