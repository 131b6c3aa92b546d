"""Limits and a flatten: it passes all that bind growth, and keeps to the collar."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from mvx.domain.limits import Limits
from mvx.errors import Exit
from tests.engine.desk import KRAKEN, Operator, order, risk, settings
from tests.engine.leaving import flattens, position, row_of
from tests.engine.test_limits import desk_of, refusals

D = Decimal

TIGHT = Limits(
    max_position_notional={"BTC-USD": D(1)},
    max_gross_notional=D(1),
    max_orders_per_minute=1,
    max_daily_turnover=D(1),
    price_collar_bps=D(200),
    min_venues_alive=3,
)


def test_all_of_them_refuse_at_once_and_a_flatten_passes_them(tmp_path: Path) -> None:
    at = Operator(desk_of(tmp_path))
    at.routes(order("1", venues=(KRAKEN,)))
    at.settings = replace(at.settings, risk=TIGHT)
    assert {
        "max_position_notional",
        "max_gross_notional",
        "max_orders_per_minute",
        "max_daily_turnover",
        "min_venues_alive",
    } == refusals(at, order("1")).keys()
    outcome = flattens(at, "kraken")
    assert (Exit.OK, True) == (outcome.exit_code, row_of(outcome).verified)
    assert D(0) == position(at, KRAKEN)


def test_a_flatten_keeps_to_the_collar(tmp_path: Path) -> None:
    """It is measured by the venue's own book, and what is left says what stood in the way."""
    at = Operator(desk_of(tmp_path))
    at.routes(order("1", venues=(KRAKEN,)))
    at.settings = replace(at.settings, risk=risk(price_collar_bps=D(99)))
    outcome = flattens(at, "kraken")
    assert D(1) == position(at, KRAKEN)
    said = "kraken: BTC: its best price, 99 USD, is beyond 99 bps from the mid; price_collar_bps is 99"
    assert said in outcome.warnings


def test_a_flatten_whose_collar_is_the_least_closes_what_lies_within_it(tmp_path: Path) -> None:
    """Its second slice reached as far as the slippage cap, and was refused with a book within both."""
    at = Operator(settings(tmp_path, "kraken", limits=risk(price_collar_bps=D(20))))
    at.routes(order("0.5"))
    at.clock.advance(10)
    at.exchange.inject(KRAKEN, "partial")
    assert Exit.OK is flattens(at, "kraken").exit_code
    assert abs(position(at, KRAKEN)) < D("0.00005")
