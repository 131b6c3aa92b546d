"""A configuration that names other markets than it did when the venue was first read."""

from __future__ import annotations

from pathlib import Path

from mvx.domain.ids import Asset
from mvx.engine.positions_result import PositionsResult
from mvx.errors import Exit
from tests.engine.desk import KRAKEN, SELL, Operator, order, settings
from tests.engine.leaving import D, flattens, row_of
from tests.engine.truth import assert_healed
from tests.paper.builders import venue_settings


def test_what_is_traded_only_now_and_was_never_held_is_known_to_be_none(tmp_path: Path) -> None:
    """First contact set every asset: it was unknown, exit 5, until the first trade."""
    at = Operator(settings(tmp_path, "kraken"))
    at.reconciles()
    at.settings = settings(tmp_path, venue_settings("kraken", ("BTC/USD", "SOL/USD")))
    outcome = at.positions()
    assert isinstance(outcome.data, PositionsResult)
    (row,) = (each for each in outcome.data.positions if each.asset == Asset("SOL"))
    assert (Exit.OK, KRAKEN, D(0), D(0), "agreed") == (
        outcome.exit_code, row.venue, row.position, row.hi, row.state,
    )  # fmt: skip
    at.routes(order("5", instrument="SOL-USD"))
    at.clock.advance(3)
    at.reconciles()
    assert_healed(at)


def test_a_position_at_a_venue_that_is_named_no_more_is_said_to_be_in_no_total(tmp_path: Path) -> None:
    """It was left out of the totals without a word."""
    at = Operator(settings(tmp_path, "kraken", "okx"))
    at.reconciles()
    at.settings = settings(tmp_path, "okx")
    assert () == at.positions().warnings
    at.settings = settings(tmp_path, "kraken", "okx")
    at.routes(order("0.5", venues=(KRAKEN,)))
    at.settings = settings(tmp_path, "okx")
    found = at.positions()
    assert ("kraken is not configured: its position and its orders are in none of these numbers",) == (
        found.warnings
    )
    assert (Exit.UNCERTAIN, True) == (found.exit_code, found.uncertain)


def test_a_position_in_a_market_that_is_named_no_more_is_not_said_to_be_left(tmp_path: Path) -> None:
    """Nothing closes it, for there is no symbol to do so in: it was called verified, exit 0."""
    both = venue_settings("kraken", ("BTC/USD", "ETH/USD"))
    at = Operator(settings(tmp_path, both))
    at.routes(order("5", instrument="ETH-USD"))
    at.clock.advance(3)
    at.reconciles()
    at.settings = settings(tmp_path, "kraken")
    why = "it has no symbol of ETH any more, and 5 ETH of its position can not be closed: give it one"
    assert why == row_of(flattens(at, KRAKEN, dry_run=True)).reason
    outcome = flattens(at, KRAKEN)
    assert (Exit.UNCERTAIN, False, why) == (
        outcome.exit_code, row_of(outcome).verified, row_of(outcome).reason,
    )  # fmt: skip
    asked = flattens(at, KRAKEN, instruments=("BTC-USD",))
    assert (Exit.OK, True, "") == (asked.exit_code, row_of(asked).verified, row_of(asked).reason)
    at.settings = settings(tmp_path, both)
    assert (Exit.OK, True) == ((again := flattens(at, KRAKEN)).exit_code, row_of(again).verified)


def test_a_position_in_a_market_that_is_named_no_more_is_said_to_be_in_no_total(tmp_path: Path) -> None:
    """The venue is configured still, and only that symbol is gone."""
    both = venue_settings("kraken", ("BTC/USD", "ETH/USD"))
    at = Operator(settings(tmp_path, both))
    at.routes(order("5", instrument="ETH-USD"))
    assert () == at.positions().warnings
    at.settings = settings(tmp_path, "kraken")
    said = ("kraken has no symbol of ETH any more: its position in it is in none of these numbers",)
    assert said == at.positions().warnings
    at.clock.advance(3)
    at.reconciles()
    assert (Exit.UNCERTAIN, said) == (at.positions().exit_code, at.positions().warnings)
    at.settings = settings(tmp_path, both)
    at.routes(order("5", SELL, instrument="ETH-USD"))
    at.clock.advance(3)
    at.reconciles()
    at.settings = settings(tmp_path, "kraken")
    assert () == at.positions().warnings
