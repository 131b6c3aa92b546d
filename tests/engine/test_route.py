"""Routing one parent: what it answers, what it refuses, and what it leaves untouched."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import Asset, Venue
from mvx.domain.money import BPS, floor_to
from mvx.domain.order import Side
from mvx.domain.trading import TradingState
from mvx.engine.outcome import Outcome
from mvx.engine.results import RouteResult
from mvx.engine.trading import change_trading
from mvx.engine.words import AFTER_EXIT
from mvx.errors import Exit, NoVenueUsable, Refused, UsageError, VenueUnreachable
from mvx.journal import history, views
from tests.engine.desk import (
    BINANCE,
    BUY,
    FOK,
    GTC,
    KRAKEN,
    OKX,
    SELL,
    Operator,
    order,
    risk,
    routed,
    settings,
)
from tests.engine.ports import raising, within
from tests.engine.truth import assert_healed, assert_truth_inside, last_seq, reading
from tests.paper.builders import venue_settings

PLACES = Decimal("1e-10")
SIDES = pytest.mark.parametrize("side", [BUY, SELL])


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    """An operator at a desk of three venues."""
    return Operator(settings(tmp_path, KRAKEN, BINANCE, OKX))


def answer(outcome: Outcome) -> RouteResult:
    assert isinstance(outcome.data, RouteResult)
    return outcome.data


def row(at: Operator, venue: Venue, asset: str) -> Any:
    data: Any = at.positions().data
    (found,) = (each for each in data.positions if (each.venue, each.asset) == (venue, asset))
    return found


def ledgers(at: Operator) -> list[Any]:
    """Everything that the venues hold and ever accepted."""
    return [at.ledger(venue) for venue in at.venues]


@SIDES
def test_a_route_over_several_venues_fills_and_says_what_it_cost(at: Operator, side: Side) -> None:
    """Average and all-in price are those of the venues' own fills, fees in full."""
    outcome = at.routes(order("4", side))
    result = answer(outcome)
    assert (Exit.OK, "filled", Decimal(4), Decimal(0)) == (
        outcome.exit_code,
        result.status,
        result.cum_qty,
        result.leaves_qty,
    )
    assert len({child.venue for child in result.children}) >= 2
    fills = at.ledger_rows("fills")
    notional = sum(Decimal(f["qty"]) * Decimal(f["price"]) for f in fills)
    fees = sum(Decimal(f["fee"]["amount"]) for f in fills)
    assert result.avg_px is not None
    assert result.all_in_px is not None
    assert result.arrival_px is not None
    assert abs(notional / 4 - result.avg_px) <= PLACES
    assert abs((notional + side.sign * fees) / 4 - result.all_in_px) <= PLACES
    assert {Asset("USD"): fees} == result.fees
    assert result.slippage_bps is not None
    paid = side.sign * (notional / 4 - result.arrival_px) / result.arrival_px * BPS
    assert abs(paid - result.slippage_bps) <= Decimal("1e-4")
    assert (outcome.sent, outcome.uncertain) == (True, False)
    assert_healed(at)


@SIDES
def test_the_plan_beats_the_best_single_venue(at: Operator, side: Side) -> None:
    """That is what several venues are for."""
    plan = answer(at.routes(order("4", side, dry_run=True))).plan
    assert plan is not None
    assert plan.best_single_venue is not None
    assert plan.saving_bps is not None
    assert plan.saving_bps > 0


def test_a_dry_run_on_a_fresh_desk_writes_nothing_at_all(at: Operator) -> None:
    """Not even first contact; it plans all the same."""
    before = ledgers(at)
    at.positions()
    seq = last_seq(at.settings)
    outcome = at.routes(order("1", dry_run=True))
    assert (Exit.OK, "planned", False) == (outcome.exit_code, answer(outcome).status, outcome.sent)
    assert answer(outcome).plan is not None
    assert (seq, before) == (last_seq(at.settings), ledgers(at))
    with reading(at.settings) as tx:
        assert [] == [venue for venue in at.venues if views.is_opened(tx, venue)]
        assert {} == views.contacts(tx)


def test_a_dry_run_on_a_desk_at_work_writes_nothing(at: Operator) -> None:
    """Whatever rests there."""
    at.routes(order("1"))
    at.routes(order("0.2", time_in_force=GTC, limit_px=Decimal(70_000)))
    before, seq = ledgers(at), last_seq(at.settings)
    at.routes(order("1", SELL, dry_run=True, id="dry"))
    assert (seq, before) == (last_seq(at.settings), ledgers(at))


def test_a_dry_run_is_refused_where_the_run_would_be(tmp_path: Path) -> None:
    """It asks risk the same question."""
    at = Operator(settings(tmp_path, KRAKEN, limits=risk(max_position={"BTC-USD": Decimal(1)})))
    at.routes(order("0.5"))
    with pytest.raises(Refused, match="max_position"):
        at.routes(order("0.6", dry_run=True))


def test_without_a_usable_venue_nothing_is_sent(at: Operator) -> None:
    """Each venue says why."""
    for venue in at.venues:
        at.exchange.inject(venue, "outage")
    with pytest.raises(NoVenueUsable) as raised:
        at.routes(order("1"))
    assert Exit.NO_VENUE is raised.value.exit_code
    assert all(venue in raised.value.known for venue in at.venues)
    assert AFTER_EXIT[Exit.NO_VENUE] == raised.value.next_step
    at.exchange.heal()
    assert [] == at.ledger_rows("orders")


@pytest.mark.parametrize("also_dark", [False, True])
def test_a_halt_that_leaves_no_venue_is_what_is_to_be_lifted(tmp_path: Path, also_dark: bool) -> None:
    """As `mvx explain 7` has it where something else keeps one away too."""
    at = Operator(settings(tmp_path, KRAKEN, BINANCE))
    halted = (KRAKEN,) if also_dark else (BINANCE, KRAKEN)
    at.exchange.inject(BINANCE, "outage")
    change_trading(at.settings.desk, halted, TradingState.HALTED, reason="", by="ops")
    with pytest.raises(NoVenueUsable) as raised:
        at.routes(order("1"))
    look = "mvx venue-status; mvx resume --venue kraken"
    wanted = look if also_dark else "mvx resume --venue kraken --venue binance"
    assert wanted == raised.value.next_step


def test_one_dark_venue_does_not_stop_the_others(at: Operator) -> None:
    """It is skipped with its reason."""
    at.routes(order("0.1"))
    at.exchange.inject(BINANCE, "outage")
    outcome = at.routes(order("2"))
    result = answer(outcome)
    assert (Exit.OK, Decimal(2)) == (outcome.exit_code, result.cum_qty)
    assert result.plan is not None
    assert "connection refused" in {skip.venue: skip.why for skip in result.plan.skipped}[BINANCE]


def test_an_order_that_never_left_was_not_sent(tmp_path: Path) -> None:
    """Nobody could connect: its round is used all the same."""
    at = Operator(settings(tmp_path, KRAKEN))
    refusing = raising(VenueUnreachable("kraken: connection refused"), "submit")
    outcome = at.does(lambda desk: routed(within(desk, KRAKEN, refusing), order("1")))
    assert (Exit.INCOMPLETE, False, 1) == (outcome.exit_code, outcome.sent, answer(outcome).rounds)
    assert ["never left: connection refused"] == [child.reason for child in answer(outcome).children]
    assert_healed(at)


@pytest.mark.parametrize(
    "changes", [{"limit_px": Decimal(70_000)}, {"max_slippage_bps": Decimal(0), "venues": (KRAKEN,)}]
)
def test_a_limit_that_no_venue_reaches_sends_nothing(at: Operator, changes: dict[str, Any]) -> None:
    """Exit 3: incomplete, and nothing uncertain."""
    outcome = at.routes(order("1", **changes))
    assert (Exit.INCOMPLETE, "incomplete", False, False) == (
        outcome.exit_code,
        answer(outcome).status,
        outcome.sent,
        outcome.uncertain,
    )
    assert [] == at.ledger_rows("orders")


def test_a_fill_or_kill_that_falls_short_sends_nothing(at: Operator) -> None:
    """What could not be filled whole is not begun."""
    outcome = at.routes(order("1000", time_in_force=FOK))
    assert (Exit.INCOMPLETE, False) == (outcome.exit_code, outcome.sent)
    assert [] == at.ledger_rows("orders")


def test_a_fill_or_kill_fills_whole(at: Operator) -> None:
    """Over as many venues as it takes."""
    outcome = at.routes(order("4", time_in_force=FOK))
    assert (Exit.OK, Decimal(4)) == (outcome.exit_code, answer(outcome).cum_qty)


@pytest.mark.parametrize("post_only", [False, True])
@SIDES
def test_a_resting_order_is_reserved_until_its_cancel(at: Operator, side: Side, post_only: bool) -> None:
    """Exit 0 and `resting`; the cancel brings it back once the venue's lateness has run."""
    px = Decimal(60_000 if side is BUY else 100_000)
    outcome = at.routes(order("0.5", side, time_in_force=GTC, limit_px=px, post_only=post_only))
    result = answer(outcome)
    assert (Exit.OK, "resting", Decimal(0)) == (outcome.exit_code, result.status, result.cum_qty)
    (child,) = result.children
    asset, reserved = ("USD", Decimal("0.5") * px) if side is BUY else ("BTC", Decimal("0.5"))
    held = row(at, child.venue, asset)
    assert ("open", 1) == (held.state, held.open_orders)
    assert held.confirmed - held.lo >= reserved
    assert_truth_inside(at)
    cancelled = at.cancels(result.parent_id)
    assert Exit.OK is cancelled.exit_code
    at.clock.advance(3)
    at.reconciles()
    held = row(at, child.venue, asset)
    assert ("agreed", held.confirmed, held.confirmed) == (held.state, held.lo, held.hi)
    assert_healed(at)


def test_an_order_that_rests_needs_a_limit(at: Operator) -> None:
    """Nothing is sent without one."""
    with pytest.raises(UsageError, match="limit"):
        at.routes(order("1", time_in_force=GTC))
    assert [] == at.ledger_rows("orders")


LIMITS = {
    "max_position": (risk(max_position={"BTC-USD": Decimal("0.9")}), "1 against 0.9"),
    "max_order_qty": (risk(max_order_qty={"BTC-USD": Decimal("0.9")}), "1 against 0.9"),
    "max_order_notional": (risk(max_order_notional=Decimal(1000)), "against 1000"),
    "max_venue_notional": (
        risk(max_venue_notional=dict.fromkeys((KRAKEN, BINANCE, OKX), Decimal(1000))),
        "against 1000",
    ),
    "max_open_orders": (risk(max_open_orders=1), "2 against 1"),
    "max_unknown_orders": (risk(max_unknown_orders=1), "1 against 1"),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_what_breaks_a_limit_is_refused_and_nothing_is_sent(tmp_path: Path, limit: str) -> None:
    """The message names the limit, the value against it, and the worst case that made it."""
    limits, numbers = LIMITS[limit]
    at = Operator(settings(tmp_path, KRAKEN, BINANCE, OKX, limits=limits))
    if limit == "max_open_orders":
        at.routes(order("0.1", time_in_force=GTC, limit_px=Decimal(60_000), venues=(KRAKEN,)))
    if limit == "max_unknown_orders":
        at.exchange.inject(KRAKEN, "lost-request")
        at.routes(order("0.1", venues=(KRAKEN,)))
    before, seq = ledgers(at), last_seq(at.settings)
    with pytest.raises(Refused) as raised:
        at.routes(order("1", venues=(OKX,)))
    assert Exit.REFUSED is raised.value.exit_code
    assert f"{limit}" in raised.value.message
    assert numbers in raised.value.message
    assert len(raised.value.message.split(numbers)[1]) > 20
    assert before == ledgers(at)
    with reading(at.settings) as tx:
        written = tx.connection.execute("SELECT kind FROM log WHERE seq > ?", (seq,)).fetchall()
    assert [] == [kind for (kind,) in written if kind not in ("Opening",)]


def test_what_is_reserved_is_not_spent_again(tmp_path: Path) -> None:
    """The balance check counts what rests, each with the fee that may be taken in what it sells."""
    poor = {Asset("BTC"): Decimal(1), Asset("USD"): Decimal(1000)}
    at = Operator(settings(tmp_path, venue_settings("kraken", balances=poor)))
    at.routes(order("0.8", SELL, time_in_force=GTC, limit_px=Decimal(100_000)))
    outcome = at.routes(order("0.5", SELL, max_rounds=1))
    with_fee = Decimal("1.0014")
    sold = floor_to((1 - Decimal("0.8") * with_fee) / with_fee, Decimal("0.00000001"))
    assert (Exit.INCOMPLETE, sold) == (outcome.exit_code, answer(outcome).cum_qty)
    assert_healed(at)


def test_a_reduction_passes_where_growth_is_refused(tmp_path: Path) -> None:
    """The way out is never barred by the limit on the way in."""
    at = Operator(settings(tmp_path, KRAKEN, limits=risk(max_position={"BTC-USD": Decimal(1)})))
    at.routes(order("1"))
    with pytest.raises(Refused, match="max_position"):
        at.routes(order("0.1"))
    assert Exit.OK is at.routes(order("1", SELL)).exit_code


def test_a_refusal_after_something_was_sent_is_no_refusal_of_the_command(tmp_path: Path) -> None:
    """CLI.md: 4 only if nothing was dispatched. What is known of the first round is answered."""
    limits = risk(max_unknown_orders=1)
    at = Operator(settings(tmp_path, BINANCE, OKX, limits=limits))
    at.exchange.inject(BINANCE, "lost-request")
    at.exchange.inject(OKX, "partial")
    outcome = at.routes(order("4"))
    assert (Exit.UNCERTAIN, True, True) == (outcome.exit_code, outcome.sent, outcome.uncertain)
    assert 1 == sum(child.unknown for child in answer(outcome).children)
    assert_healed(at)


def test_after_a_refused_second_round_nothing_stays_reserved(tmp_path: Path) -> None:
    """The parent is closed, so that its residual takes no room from the next command."""
    at = Operator(settings(tmp_path, BINANCE, OKX, limits=risk(max_unknown_orders=1)))
    at.exchange.inject(BINANCE, "lost-request")
    at.exchange.inject(OKX, "partial")
    with suppress(Refused):
        at.routes(order("4"))
    with reading(at.settings) as tx:
        assert () == history.working_parents(tx, at.clock.now())
