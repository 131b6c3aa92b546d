"""Leaving a venue whose markets share an asset: closing one position moves another."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvx.domain.ids import Asset
from mvx.errors import Exit
from tests.engine.desk import KRAKEN, Operator, order, settings
from tests.engine.leaving import BTC, D, flattens, position, row_of
from tests.paper.builders import venue_settings


@pytest.mark.parametrize("symbols", [("BTC/USD", "ETH/BTC"), ("ETH/BTC", "BTC/USD")])
def test_what_closing_another_position_moved_is_closed_too(tmp_path: Path, symbols: tuple[str, ...]) -> None:
    """ETH-BTC pays in BTC, whichever of the two is closed first: it exited 0 with 0.95 BTC left."""
    venue = venue_settings("kraken", symbols, tick=D("0.00001"), min_notional=D("0.001"))
    at = Operator(settings(tmp_path, venue))
    at.routes(order("0.5"))
    assert Exit.OK is at.routes(order("30", instrument="ETH-BTC")).exit_code
    at.clock.advance(3)
    at.reconciles()
    outcome = flattens(at, "kraken")
    row = row_of(outcome)
    assert (Exit.OK, True) == (outcome.exit_code, row.verified)
    assert abs(position(at, KRAKEN)) < D("0.00005")
    assert (row.after[BTC], row.after[Asset("ETH")]) == (row.dust.get(BTC, D(0)), D(0)), row
