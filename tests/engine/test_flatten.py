"""Leaving a venue: the position is closed, verified, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mvx.config.settings import Settings
from mvx.domain.entries import BaselineSet
from mvx.domain.ids import Asset, Venue
from mvx.domain.order import Side
from mvx.domain.trading import TradingState
from mvx.engine.desk import Desk
from mvx.engine.flatten import flatten
from mvx.engine.trading import set_trading
from mvx.errors import Exit, Refused
from mvx.journal import views
from tests.engine.desk import (
    BINANCE,
    BUY,
    GTC,
    KRAKEN,
    OKX,
    SELL,
    Operator,
    order,
    risk,
    settings,
)
from tests.engine.faults import DARK
from tests.engine.leaving import (
    BTC,
    FIVE,
    D,
    asked,
    desk_of,
    flattens,
    holding_some,
    left,
    position,
    records,
    row_of,
    trading,
)
from tests.engine.ports import Untold, fair, within
from tests.engine.truth import (
    assert_healed,
    assert_truth_inside,
    last_seq,
    reading,
)
from tests.paper.builders import venue_settings, write_books


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_position_is_closed_back_to_the_baseline_and_verified(tmp_path: Path, side: Side) -> None:
    """Long or short; what is below the venue's minimum is dust, and named."""
    at = holding_some(tmp_path, side)
    outcome = flattens(at, "kraken")
    row = row_of(outcome)
    assert (Exit.OK, True, True) == (outcome.exit_code, row.verified, outcome.sent)
    assert side.sign * D("0.5") == row.before[BTC]
    assert abs(position(at, KRAKEN)) < D("0.00005")
    assert row.after[BTC] == row.dust.get(BTC, D(0)) == position(at, KRAKEN)
    assert_healed(at)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_second_flatten_sends_nothing_and_writes_nothing(tmp_path: Path, side: Side) -> None:
    at = holding_some(tmp_path, side)
    flattens(at, "kraken")
    at.clock.advance(3)
    at.reconciles()
    seq, record = last_seq(at.settings), at.ledger(KRAKEN)
    again = flattens(at, "kraken")
    assert (Exit.OK, False, True) == (again.exit_code, again.sent, row_of(again).verified)
    assert (seq, record) == (last_seq(at.settings), at.ledger(KRAKEN))


@pytest.mark.parametrize("weather", DARK)
def test_with_the_other_four_dark_one_venue_is_left_alone_and_whole(tmp_path: Path, weather: str) -> None:
    """Their orders and balances are untouched, and repeated it sends nothing."""
    at = desk_of(tmp_path, *FIVE)
    at.routes(order("2.5"))
    at.routes(order("0.4", venues=(KRAKEN,)))
    at.routes(order("0.3", time_in_force=GTC, limit_px=D(70_000), venues=(KRAKEN,)))
    at.routes(order("0.3", time_in_force=GTC, limit_px=D(70_000), venues=(OKX,)))
    others = [venue for venue in at.venues if venue != KRAKEN]
    for venue in others:
        at.exchange.inject(venue, weather)
    before = records(at, others)
    assert position(at, KRAKEN) > D("0.39")
    outcome = flattens(at, "kraken")
    row = row_of(outcome)
    assert (Exit.OK, True, 1) == (outcome.exit_code, row.verified, len(row.cancelled)), outcome
    assert abs(position(at, KRAKEN)) < D("0.00005")
    assert before == records(at, others)
    again = flattens(at, "kraken")
    assert (Exit.OK, False) == (again.exit_code, again.sent)
    assert before == records(at, others)
    at.exchange.heal()
    assert_healed(at)


def test_a_flatten_cordons_its_venue_and_no_other(tmp_path: Path) -> None:
    """New risk goes elsewhere until somebody resumes."""
    at = desk_of(tmp_path, "binance", "okx")
    at.routes(order("1"))
    flattens(at, "okx")
    assert (TradingState.HALTED, TradingState.ACTIVE) == (trading(at, OKX), trading(at, BINANCE))
    before = at.ledger(OKX)
    assert Exit.OK is at.routes(order("0.5")).exit_code
    assert before["orders"] == at.ledger(OKX)["orders"]


@pytest.mark.parametrize("scope", [None, KRAKEN])
def test_what_is_halted_can_still_be_left(tmp_path: Path, scope: Venue | None) -> None:
    """freqtrade #4023: stopped, and then the way out was refused."""
    at = holding_some(tmp_path)

    async def halted(desk: Desk) -> None:
        with desk.journal.write() as tx:
            set_trading(tx, scope, TradingState.HALTED, "storm", "ops")

    at.does(halted)
    assert Exit.OK is flattens(at, "kraken").exit_code
    assert abs(position(at, KRAKEN)) < D("0.00005")


def test_what_an_order_would_cost_at_a_venue_has_to_be_known(tmp_path: Path) -> None:
    """A key that is revoked tells no fee: nothing is sent, and it is said why."""
    at = holding_some(tmp_path)

    outcome = at.does(lambda desk: left(within(desk, KRAKEN, fair, Untold), asked("kraken")))
    assert (Exit.INCOMPLETE, False) == (outcome.exit_code, outcome.sent)
    assert "its taker fee is unknown: set taker_bps" in row_of(outcome).reason


def test_limits_on_growth_do_not_lock_a_position_in(tmp_path: Path) -> None:
    """The desk is flat over two venues: leaving one of them grows the desk's position beyond its limit."""
    limits = risk(max_position={"BTC-USD": D("0.6")}, max_open_orders=1, max_order_notional=D(100_000))
    at = Operator(settings(tmp_path, "kraken", "okx", limits=limits))
    at.routes(order("0.5", BUY, venues=(KRAKEN,)))
    at.clock.advance(3)
    at.reconciles()
    at.routes(order("1", SELL, venues=(OKX,)))
    at.clock.advance(3)
    at.reconciles()
    assert (D("0.5"), D(-1)) == (position(at, KRAKEN), position(at, OKX))
    assert Exit.OK is flattens(at, "kraken").exit_code
    assert abs(position(at, KRAKEN)) < D("0.00005")


def test_the_whole_holding_goes_with_to_zero(tmp_path: Path) -> None:
    """Its inventory is a position from then on: the baseline is zero, and so is the position."""
    at = desk_of(tmp_path, "okx")
    at.routes(order("0.5"))
    outcome = flattens(at, "okx", to_zero=True)
    row = row_of(outcome)
    assert D("10.5") == row.before[BTC]
    held = D(at.ledger(OKX)["balances"]["BTC"]["total"])
    with reading(at.settings) as tx:
        assert 0 == views.holdings(tx)[OKX, BTC].baseline
    assert held == row.after[BTC]
    assert (Exit.OK, row.dust[BTC] if row.dust else D(0)) == (outcome.exit_code, held), outcome
    assert held < D("0.0001")
    assert_healed(at)


def thin(folder: Path, *books: tuple[float, Any, Any]) -> Settings:
    path = write_books(folder / "books.jsonl", *books)
    return settings(
        folder, venue_settings("kraken", books=path, balances={BTC: D(10), Asset("USD"): D(10_000)})
    )


def test_a_thin_book_is_taken_in_slices_within_the_slippage_cap(tmp_path: Path) -> None:
    """A slice a book while there are new ones; never beyond 25 bps from the mid, and what is left is said."""
    bids, asks = [("100", "0.3"), ("50", "100")], [("100.1", "5")]
    at = Operator(thin(tmp_path, *((at_s, bids, asks) for at_s in (0, 4, 5, 30))))
    at.routes(order("0.9"))
    at.clock.advance(4)
    outcome = flattens(at, "kraken")
    sold = [row for row in at.ledger_rows("fills") if row["side"] == "sell"]
    assert ({D(100)}, 2) == ({D(row["price"]) for row in sold}, len(sold))
    row = row_of(outcome)
    assert (Exit.INCOMPLETE, True, D("0.3")) == (outcome.exit_code, row.verified, row.after[BTC]), outcome
    assert "BTC: its best price, 50 USD, is beyond 25 bps" in row.reason
    at.clock.advance(30)
    assert Exit.OK is flattens(at, "kraken").exit_code
    assert D(0) <= position(at, KRAKEN) < D("0.0001")


def test_what_no_order_can_be_small_enough_for_is_dust(tmp_path: Path) -> None:
    """Reported, and not called incomplete."""
    at = desk_of(tmp_path, "okx")
    at.reconciles()

    async def leave_dust(desk: Desk) -> None:
        with desk.journal.write() as tx:
            tx.append(BaselineSet(OKX, BTC, D("9.999999"), "ops"))

    at.does(leave_dust)
    outcome = flattens(at, "okx")
    assert (Exit.OK, False, {BTC: D("0.000001")}) == (outcome.exit_code, outcome.sent, row_of(outcome).dust)


def test_a_venue_that_is_dark_itself_is_cordoned_and_the_answer_is_uncertain(tmp_path: Path) -> None:
    """Its position keeps its interval; the same command again, when it is back, finishes the work."""
    at = holding_some(tmp_path)
    at.exchange.inject(KRAKEN, "outage")
    outcome = flattens(at, "kraken")
    assert (Exit.UNCERTAIN, False, False) == (outcome.exit_code, outcome.sent, row_of(outcome).verified)
    assert "could not be read" in row_of(outcome).reason
    assert TradingState.HALTED is trading(at, KRAKEN)
    assert_truth_inside(at, "in the outage")
    at.exchange.heal()
    assert Exit.OK is flattens(at, "kraken").exit_code
    assert abs(position(at, KRAKEN)) < D("0.00005")


def test_of_a_venue_that_was_never_read_nothing_is_known(tmp_path: Path) -> None:
    """What it holds is not zero because nobody has asked, before it was left and after; why is said once."""
    at = desk_of(tmp_path, "kraken")
    at.exchange.inject(KRAKEN, "outage")
    planned = row_of(flattens(at, "kraken", dry_run=True))
    outcome = flattens(at, "kraken")
    row = row_of(outcome)
    assert ({BTC: None}, {BTC: None}) == (planned.before, planned.after) == (row.before, row.after)
    assert "never read" in planned.reason
    assert (Exit.UNCERTAIN, False) == (outcome.exit_code, row.verified)
    reasons = [each for each in outcome.warnings if "connection refused" in each and "->" not in each]
    assert [f"kraken: {row.reason}"] == reasons
    at.exchange.heal()
    assert {BTC: D(0)} == row_of(flattens(at, "kraken")).after


def test_a_cancel_that_never_left_was_not_sent(tmp_path: Path) -> None:
    """The venue is dark from then on: nothing went out, and the order stays reserved."""
    at = holding_some(tmp_path)
    at.routes(order("0.3", time_in_force=GTC, limit_px=D(70_000)))
    at.exchange.inject(KRAKEN, "outage")
    outcome = flattens(at, "kraken")
    assert (Exit.UNCERTAIN, False, 1) == (outcome.exit_code, outcome.sent, len(row_of(outcome).cancelled))
    assert_truth_inside(at, "in the outage")


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(tmp_path: Path) -> None:
    at = holding_some(tmp_path)
    at.routes(order("0.3", time_in_force=GTC, limit_px=D(70_000)))
    seq, record = last_seq(at.settings), at.ledger(KRAKEN)["orders"]
    outcome = flattens(at, "kraken", dry_run=True)
    row = row_of(outcome)
    assert (Exit.OK, False, 1, 1) == (outcome.exit_code, outcome.sent, len(row.to_cancel), len(row.plan))
    assert (seq, record) == (last_seq(at.settings), at.ledger(KRAKEN)["orders"])
    assert TradingState.ACTIVE is trading(at, KRAKEN)


def test_a_dry_run_to_zero_begins_where_the_run_does(tmp_path: Path) -> None:
    """All of the holding is the position then."""
    at = desk_of(tmp_path, "okx")
    at.routes(order("0.5"))
    planned = row_of(flattens(at, "okx", to_zero=True, dry_run=True))
    assert {BTC: D("10.5")} == planned.before == planned.after
    assert planned.before == row_of(flattens(at, "okx", to_zero=True)).before


def test_a_dry_run_says_why_a_position_has_no_first_slice(tmp_path: Path) -> None:
    """Kraken takes no less than 0.00005 BTC; and of a position that may be none nothing is sold yet."""
    at = holding_some(tmp_path)

    async def all_but_dust(desk: Desk) -> None:
        with desk.journal.write() as tx:
            tx.append(BaselineSet(KRAKEN, BTC, D("10.49998"), "ops"))

    at.does(all_but_dust)
    row = row_of(flattens(at, "kraken", dry_run=True))
    assert ((), "BTC: 0.00002 is too little for any order there") == (row.plan, row.reason)
    at = holding_some(tmp_path / "other")
    at.routes(order("0.5", SELL, time_in_force=GTC, limit_px=D(90_000)))
    row = row_of(flattens(at, "kraken", dry_run=True))
    assert ((), "BTC: orders there may still close it, and end first") == (row.plan, row.reason)


def test_declining_sends_nothing(tmp_path: Path) -> None:
    at = holding_some(tmp_path)
    seq = last_seq(at.settings)
    with pytest.raises(Refused):
        at.does(lambda desk: flatten(desk, asked("kraken"), show=lambda plan: None, confirm=lambda: False))
    assert seq == last_seq(at.settings)


@pytest.mark.parametrize("kind", ["lost-ack", "late-request", "lost-request", "no-id"])
def test_an_unknown_order_is_resolved_before_the_position_is_closed(tmp_path: Path, kind: str) -> None:
    """Its fills are part of what is closed; one that never was is proven so."""
    at = holding_some(tmp_path)
    at.exchange.inject(KRAKEN, kind)
    assert Exit.UNCERTAIN is at.routes(order("0.25", max_rounds=1)).exit_code or kind != "lost-request"
    outcome = flattens(at, "kraken")
    assert row_of(outcome).verified, outcome
    assert abs(position(at, KRAKEN)) < D("0.00005")
    assert_healed(at)


def test_an_order_that_turns_out_to_rest_is_cancelled_too(tmp_path: Path) -> None:
    """Its request was late: when it lands it is a resting order that nobody had acknowledged."""
    at = holding_some(tmp_path)
    at.exchange.inject(KRAKEN, "late-request")
    at.routes(order("0.25", time_in_force=GTC, limit_px=D(70_000)))
    outcome = flattens(at, "kraken")
    assert (1, True) == (len(row_of(outcome).cancelled), row_of(outcome).verified)
    assert [] == [row for row in at.ledger_rows("orders") if row["status"] in ("NEW", "PARTIALLY_FILLED")]
