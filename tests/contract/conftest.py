"""A rig of each adapter, and orders for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import ClOrdId
from mvx.domain.instant import after
from mvx.domain.order import OrderRequest, Side, TimeInForce
from tests.contract.rigs import BTC_USD, RIGS, Rig


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
            "symbol": BTC_USD,
            "side": side,
            "order_qty": Decimal("0.5"),
            "limit_px": Decimal(90_000 if side is Side.BUY else 70_000),
            "time_in_force": TimeInForce.IOC,
            "post_only": False,
            "deadline": after(rig.clock.now(), 5),
        }
        return OrderRequest(**(terms | changes))

    return build
