"""Leaving a venue, whatever the weather: at the venue itself, at the others, and in the middle of a route."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.config.settings import Settings
from mvx.domain.entries import BaselineSet
from mvx.domain.ids import Asset, Venue
from mvx.domain.order import Side
from mvx.domain.trading import TradingState, state_of
from mvx.engine.desk import Desk, open_desk
from mvx.engine.flatten import FlattenOrder, flatten
from mvx.engine.outcome import Outcome
from mvx.engine.results import FlattenResult, FlattenRow
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
    Interlude,
    Operator,
    order,
    risk,
    routed,
    settings,
)
from tests.engine.faults import DARK, KINDS, strike
from tests.engine.truth import (
    assert_healed,
    assert_journal_is_ledger,
    assert_truth_inside,
    assert_verified,
    last_seq,
    reading,
)
from tests.paper.builders import venue_settings, write_books

FIVE = ("kraken", "coinbase", "binance", "okx", "bybit")
BTC = Asset("BTC")
D = Decimal


def asked(*venues: str, **changes: Any) -> FlattenOrder:
    plain = FlattenOrder(tuple(map(Venue, venues)), (), to_zero=False, foreign=False, dry_run=False, by="ops")
    return replace(plain, **changes)


async def left(desk: Desk, what: FlattenOrder) -> Outcome:
    return await flatten(desk, what, show=lambda plan: None, confirm=lambda: True)


def flattens(at: Operator, *venues: str, **changes: Any) -> Outcome:
    return at.does(lambda desk: left(desk, asked(*venues, **changes)))


def rows_of(outcome: Outcome) -> tuple[FlattenRow, ...]:
    assert isinstance(outcome.data, FlattenResult)
    return outcome.data.venues


def row_of(outcome: Outcome) -> FlattenRow:
    (row,) = rows_of(outcome)
    return row


def position(at: Operator, venue: Venue) -> Decimal:
    """By the venue's own record; every account opened with 10 BTC."""
    return D(at.ledger(venue)["balances"]["BTC"]["total"]) - 10


def records(at: Operator, venues: Sequence[Venue]) -> list[Any]:
    return [at.ledger(venue) for venue in venues]


def trading(at: Operator, venue: Venue | None) -> TradingState:
    with reading(at.settings) as tx:
        return state_of(views.trading(tx), venue)


def desk_of(folder: Path, *venues: str, **changes: Any) -> Operator:
    return Operator(settings(folder, *venues, **changes))


def holding_some(folder: Path, side: Side = BUY, qty: str = "0.5") -> Operator:
    """One venue with a position, settled."""
    at = desk_of(folder, "kraken")
    at.routes(order(qty, side))
    at.clock.advance(3)
    assert Exit.OK is at.reconciles().exit_code
    return at


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


def test_two_flattens_at_once_close_the_position_once(tmp_path: Path) -> None:
    """The second waits for the first, and finds nothing to do."""
    at = holding_some(tmp_path)

    async def both() -> list[Outcome]:
        async with (
            open_desk(at.settings, clock=at.clock) as one,
            open_desk(at.settings, clock=at.clock) as two,
        ):
            return list(await asyncio.gather(left(one, asked("kraken")), left(two, asked("kraken"))))

    outcomes = asyncio.run(both())
    assert [Exit.OK, Exit.OK] == [each.exit_code for each in outcomes]
    assert [False, True] == sorted(each.sent for each in outcomes)
    assert abs(position(at, KRAKEN)) < D("0.00005")


@pytest.mark.parametrize("qty", ["1", "4"])
def test_in_the_middle_of_a_route_the_venue_is_left_and_the_route_goes_on_elsewhere(
    tmp_path: Path, qty: str
) -> None:
    """What the route had sent there is settled and closed; nothing new goes there."""
    at = desk_of(tmp_path, "okx", "binance", "kraken")
    heard: list[Outcome] = []

    async def somebody_leaves() -> None:
        async with open_desk(at.settings, clock=at.clock) as other:
            heard.append(await left(other, asked("okx")))

    async def route_meanwhile(desk: Desk) -> Outcome:
        port = Interlude(desk.venues[OKX], somebody_leaves)
        return await routed(replace(desk, venues={**desk.venues, OKX: port}), order(qty))

    at.does(route_meanwhile)
    (outcome,) = heard
    assert row_of(outcome).verified, outcome
    assert abs(position(at, OKX)) < D("0.00005")
    bought = sum(D(r["qty"]) for v in at.venues for r in at.ledger(v)["fills"] if r["side"] == "buy")
    assert bought <= D(qty)
    assert_healed(at)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("moment", ["before submit", "before cancel"])
def test_a_fault_while_leaving_never_turns_the_position_over(tmp_path: Path, kind: str, moment: str) -> None:
    """No more is sold than was held (a fee in base comes on top); run again when it healed, it is flat."""
    at = holding_some(tmp_path)
    at.routes(order("0.3", time_in_force=GTC, limit_px=D(70_000)))
    armed = [kind]

    def look(venue: Venue, now: str) -> None:
        if armed and now == moment:
            strike(at, KRAKEN, armed.pop(), lasts_s=2.0)
        assert_truth_inside(at, f"{kind}: {now}")
        assert position(at, KRAKEN) >= (-D("0.5") * D("0.0014") if kind == "base-fee" else 0)

    at.look = look
    flattens(at, "kraken")
    at.look = None
    at.clock.advance(3)
    at.exchange.heal()
    assert row_of(flattens(at, "kraken")).verified
    assert abs(position(at, KRAKEN)) < D("0.0001")
    assert_healed(at)


def test_right_after_a_kill_at_any_call_a_venue_can_be_left(tmp_path: Path) -> None:
    """A copy of the files at every call of a route: each one is flattened, and tells the truth."""
    at = desk_of(tmp_path, "kraken")
    copies: list[tuple[Settings, Any]] = []

    def look(venue: Venue, now: str) -> None:
        if now.startswith(("before", "after")) and now.endswith(("submit", "trades")):
            copies.append((at.photographs(tmp_path / f"copy{len(copies)}"), at.clock.now()))

    at.look = look
    at.routes(order("0.5"))
    assert len(copies) >= 4
    for copy, now in copies:
        dead = Operator(copy, type(at.clock)(now))
        dead.clock.advance(16)  # its lease runs out
        outcome = flattens(dead, "kraken")
        assert row_of(outcome).verified, outcome
        assert abs(position(dead, KRAKEN)) < D("0.00005")
        assert_journal_is_ledger(dead)
        assert_verified(dead.settings)
