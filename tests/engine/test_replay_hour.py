"""An hour of two recorded venues, with a route a minute and a reconcile after each."""

from __future__ import annotations

import itertools
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Asset
from mvx.engine.results import RouteResult
from mvx.errors import Exit
from mvx.journal import views
from tests.engine.desk import BUY, SELL, Operator, order, settings
from tests.engine.truth import assert_healed, assert_truth_inside, reading
from tests.marketdata import recording
from tests.paper.builders import venue_settings

MINUTES = 60
SIZES = ("0.05", "0.08", "0.12", "0.2", "0.3")
HOLDINGS = {Asset("BTC"): Decimal(20), Asset("BRL"): Decimal(2_000_000)}


@pytest.mark.long
def test_an_hour_of_real_books_ends_with_the_journal_equal_to_the_ledger(tmp_path: Path) -> None:
    """To the last digit on both venues, with nothing unknown and nothing that the log does not make."""
    books = recording("two_venues_btcbrl_2020-06-21/books.jsonl.xz")
    venues = (
        venue_settings(name, ("BTC/BRL",), books=books, books_venue=name.upper(), balances=HOLDINGS)
        for name in ("ex1", "ex2")
    )
    at = Operator(settings(tmp_path, *venues, currency="BRL", max_slippage_bps=Decimal(200)))
    traded = Decimal(0)
    for minute, side, qty in zip(
        range(MINUTES), itertools.cycle((BUY, SELL)), itertools.cycle(SIZES), strict=False
    ):
        outcome = at.routes(order(qty, side, instrument="BTC-BRL"))
        assert isinstance(outcome.data, RouteResult)
        assert (Exit.OK, Decimal(qty)) == (outcome.exit_code, outcome.data.cum_qty), f"minute {minute}"
        traded += outcome.data.cum_qty
        assert_truth_inside(at, f"minute {minute}, routed")
        at.clock.advance(5)
        assert Exit.OK is at.reconciles().exit_code
        assert_truth_inside(at, f"minute {minute}, reconciled")
        at.clock.advance(55)
    assert traded == sum(Decimal(row["qty"]) for row in at.ledger_rows("fills"))
    assert [] != at.ledger(at.venues[0])["fills"]
    assert [] != at.ledger(at.venues[1])["fills"]
    assert_healed(at)
    with reading(at.settings) as tx:
        assert () == views.unsettled_orders(tx)
