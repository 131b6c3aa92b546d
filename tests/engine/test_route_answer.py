"""The answer of a route: what it says was true together, at one instant."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.entries import FillBooked
from mvx.domain.execution import Fill
from mvx.domain.ids import ExecId, OrderId
from mvx.domain.order import Order
from mvx.engine.results import RouteResult
from mvx.journal import history
from mvx.journal.store import Journal, ReadTx
from tests.engine.desk import BINANCE, OKX, Operator, order, settings

DEAR = Decimal(10**6)


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    """An operator at a desk of two venues."""
    return Operator(settings(tmp_path, BINANCE, OKX))


def books(at: Operator, child: Order) -> None:
    """Another process books one more fill of it, at a fee that is seen at once."""
    fill = Fill(
        *(child.venue, child.account, "1", child.symbol, child.side, ExecId("late"), OrderId("1")),
        *(Decimal(1), child.limit_px, child.quote, DEAR, at.clock.now()),
    )
    with closing(Journal(at.settings.desk.journal, mode="paper")) as other, other.write() as tx:
        tx.append(FillBooked(fill, child.base, child.quote, child.cl_ord_id, {}))


@pytest.mark.parametrize("known", [True, False])
def test_its_orders_and_their_fills_are_of_one_instant(
    at: Operator, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """Of an id that was used before, and of the run itself: a fill that is booked between the two would make
    a price with fees that was never true."""
    fills_of = history.fills_of

    def meanwhile(tx: ReadTx, orders: tuple[Order, ...]) -> tuple[FillBooked, ...]:
        if orders:
            monkeypatch.undo()
            books(at, orders[0])
        return fills_of(tx, orders)

    if known:
        at.routes(order("2", id="k"))
    monkeypatch.setattr(history, "fills_of", meanwhile)
    result = at.routes(order("2", id="k")).data
    assert isinstance(result, RouteResult)
    assert history.fills_of is fills_of
    assert (Decimal(2), True) == (result.cum_qty, all(fee < DEAR for fee in result.fees.values()))
