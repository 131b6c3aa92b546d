"""Idempotency: one `--id` trades once, whatever happens to the run that used it first."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.config.settings import QuoteSettings
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.instrument import Instrument
from mvx.domain.order import Ack, OrderRequest
from mvx.domain.trading import TradingState
from mvx.engine.desk import Desk, open_desk
from mvx.engine.outcome import Outcome
from mvx.engine.results import RouteResult
from mvx.engine.route_order import RouteOrder
from mvx.engine.trading import change_trading
from mvx.errors import Exit, NoVenueUsable, Refused
from mvx.journal import views
from mvx.venues.port import VenuePort
from tests.engine.desk import (
    BINANCE,
    GTC,
    KRAKEN,
    OKX,
    SELL,
    Interlude,
    Operator,
    Witness,
    order,
    routed,
    settings,
)
from tests.engine.test_limits import recorded
from tests.engine.truth import assert_healed, assert_truth_inside, last_seq, reading
from tests.paper.builders import venue_settings


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    """An operator at a desk of two venues."""
    return Operator(settings(tmp_path, BINANCE, OKX))


def answer(outcome: Outcome) -> RouteResult:
    assert isinstance(outcome.data, RouteResult)
    return outcome.data


class Surprise(Exception):
    """Nobody expects it."""


class Surprising(Witness):
    """A venue whose submit ends in an exception that no port may raise, before or after it was heard."""

    def __init__(self, port: VenuePort, *, heard: bool) -> None:
        super().__init__(port, lambda venue, call: None)
        self._heard = heard

    async def submit(self, request: OrderRequest) -> Ack:
        if self._heard:
            await self.port.submit(request)
        raise Surprise


def surprising(desk: Desk, venue: Venue, *, heard: bool) -> Desk:
    return replace(desk, venues={**desk.venues, venue: Surprising(desk.venues[venue], heard=heard)})


def test_the_same_id_is_answered_from_the_journal(at: Operator) -> None:
    """The same parent, children and prices; nothing is sent and nothing is written."""
    first = at.routes(order("2", id="k"))
    orders, seq = at.ledger_rows("orders"), last_seq(at.settings)
    again = at.routes(order("2", id="k"))
    assert (answer(first), Exit.OK, False) == (answer(again), again.exit_code, again.sent)
    assert (orders, seq) == (at.ledger_rows("orders"), last_seq(at.settings))


def half_done(at: Operator) -> RouteOrder:
    """What goes on with a run that filled 1 of 2."""
    asked = order("2", id="k", max_rounds=1, venues=(BINANCE,))
    at.exchange.inject(BINANCE, "partial")
    assert Exit.INCOMPLETE is at.routes(asked).exit_code
    at.clock.advance(3)
    return replace(asked, resume=True)


def test_what_can_not_be_gone_on_with_is_refused(at: Operator) -> None:
    """This command sent nothing: a halt is exit 4, and no venue is 7, as they are for a new run."""
    again = half_done(at)
    change_trading(at.settings.desk, (), TradingState.HALTED, reason="", by="ops")
    with pytest.raises(Refused, match="all trading was halted") as refused:
        at.routes(again)
    assert refused.value.known.endswith("had filled 1 of 2 before")
    change_trading(at.settings.desk, (), TradingState.ACTIVE, reason="", by="ops")
    at.exchange.inject(BINANCE, "outage")
    with pytest.raises(NoVenueUsable) as unusable:
        at.routes(again)
    assert unusable.value.known.endswith("had filled 1 of 2 before")


def test_what_its_first_run_left_in_question_comes_before_a_refusal(at: Operator) -> None:
    """Uncertain is exit 5, whatever kept it from going on."""
    asked = order("6", id="k", max_rounds=1)
    at.reconciles()
    at.exchange.inject(OKX, "partial")
    at.exchange.inject(BINANCE, "lost-ack")
    at.look = lambda venue, call: (
        at.exchange.inject(venue, "outage") if (venue, call) == (BINANCE, "after submit") else None
    )
    assert Exit.UNCERTAIN is at.routes(asked).exit_code
    change_trading(at.settings.desk, (), TradingState.HALTED, reason="", by="ops")
    outcome = at.routes(replace(asked, resume=True))
    assert Exit.UNCERTAIN is outcome.exit_code
    assert any(line.startswith("nothing more was sent: all trading was halted") for line in outcome.warnings)


@pytest.mark.parametrize(
    "changes",
    [
        {"order_qty": Decimal(3)},
        {"side": SELL},
        {"limit_px": Decimal(90_000)},
        {"venues": (OKX,)},
        {"max_slippage_bps": Decimal(24)},
    ],
)
def test_an_id_with_other_parameters_is_refused(at: Operator, changes: dict[str, Any]) -> None:
    """It would be another order."""
    at.routes(order("2", id="k"))
    orders = at.ledger_rows("orders")
    with pytest.raises(Refused, match="other parameters"):
        at.routes(replace(order("2", id="k"), **changes))
    assert orders == at.ledger_rows("orders")


def test_the_same_quantity_written_otherwise_is_the_same_order(at: Operator) -> None:
    """2 and 2.00 are one number."""
    first = at.routes(order("2", id="k"))
    again = at.routes(order("2.00", id="k"))
    assert answer(first).parent_id == answer(again).parent_id


def test_an_incomplete_run_is_answered_and_not_continued(at: Operator) -> None:
    """Exit 3 again, and nothing more is bought."""
    asked = order("4", id="k", max_rounds=1)
    at.exchange.inject(BINANCE, "partial")
    first = at.routes(asked)
    assert Exit.INCOMPLETE is first.exit_code
    orders = at.ledger_rows("orders")
    again = at.routes(asked)
    assert (answer(first), Exit.INCOMPLETE) == (answer(again), again.exit_code)
    assert orders == at.ledger_rows("orders")


@pytest.mark.parametrize("heard", [False, True])
def test_an_exception_that_nobody_expected_is_recorded_as_unknown(at: Operator, heard: bool) -> None:
    """The order may be there or not, and nothing is pushed of it: it stays reserved until the venue's lists
    tell."""
    at.exchange.inject(BINANCE, "drop-event", for_s=60)
    with pytest.raises(Surprise):
        at.does(lambda desk: routed(surprising(desk, BINANCE, heard=heard), order("2", id="k")))
    with reading(at.settings) as tx:
        unknown = [each for each in views.unsettled_orders(tx) if each.unknown]
    assert [BINANCE] == [each.venue for each in unknown]
    assert_truth_inside(at, "after the surprise")
    assert_healed(at)
    assert heard == (BINANCE in {row_venue(at, row) for row in at.ledger_rows("orders")})


def row_venue(at: Operator, row: dict[str, Any]) -> Venue:
    (venue,) = (venue for venue in at.venues if row in at.ledger(venue)["orders"])
    return venue


@pytest.mark.parametrize("heard", [False, True])
def test_a_run_that_died_is_resolved_and_reported_and_sends_nothing(at: Operator, heard: bool) -> None:
    """Its children are settled by whoever asks next; its residual is not traded."""
    with pytest.raises(Surprise):
        at.does(lambda desk: routed(surprising(desk, BINANCE, heard=heard), order("2", id="k")))
    orders = at.ledger_rows("orders")
    at.clock.advance(60)
    again = at.routes(order("2", id="k"))
    assert ("died", False) == (answer(again).status, again.sent)
    assert any("died" in warning for warning in again.warnings)
    assert orders == at.ledger_rows("orders")
    assert ("died", answer(again).children) == (
        answer(at.routes(order("2", id="k"))).status,
        answer(again).children,
    )
    assert_healed(at)


def test_a_run_that_died_is_averaged_at_its_own_rate(tmp_path: Path) -> None:
    """okx trades BTC-USD for USDT, at two dollars, and another instrument in that instrument's own quote."""
    usdt = Asset("USDT")
    symbols = {"BTC-USD": Symbol("BTC/USDT"), "ETH-USDT": Symbol("ETH/USDT")}
    rates, held = recorded(tmp_path, "kraken", "USDT/USD", px=2), {usdt: Decimal(9999)}
    okx = recorded(tmp_path, "okx", "BTC/USDT", balances=held)
    desk = settings(tmp_path, rates, replace(okx, symbols=symbols), max_slippage_bps=Decimal(5000))
    quotes = {usdt: QuoteSettings(usdt, Asset("USD"), ((KRAKEN, Symbol("USDT/USD")),), 30)}
    instruments = {**desk.desk.instruments, "BTC-USD": Instrument("BTC-USD", Asset("BTC"), Asset("USD"))}
    at = Operator(replace(desk, desk=desk.desk._replace(instruments=instruments), quotes=quotes))
    with pytest.raises(Surprise):
        at.does(lambda desk: routed(surprising(desk, OKX, heard=True), order("1", id="k")))
    at.clock.advance(60)
    again = answer(at.routes(order("1", id="k")))
    assert ("died", Decimal(1), Decimal(202)) == (again.status, again.cum_qty, again.avg_px)


@pytest.mark.parametrize("heard", [False, True])
def test_a_run_that_died_is_resumed_for_what_its_children_left(at: Operator, heard: bool) -> None:
    """They are in question when somebody resumes it: first they are resolved, then the rest is traded."""
    with pytest.raises(Surprise):
        at.does(lambda desk: routed(surprising(desk, BINANCE, heard=heard), order("2", id="k")))
    at.clock.advance(60)
    again = at.routes(order("2", id="k", resume=True))
    assert ("filled", Decimal(2)) == (answer(again).status, answer(again).cum_qty)
    assert Decimal(2) == sum(Decimal(row["qty"]) for row in at.ledger_rows("fills"))
    assert_healed(at)


def photographed(at: Operator, moment: str, folder: Path) -> Operator:
    """A desk as kill -9 at that moment of a route leaves it."""
    taken: list[Any] = []

    def look(venue: Venue, now: str) -> None:
        if now == moment and not taken:
            taken.append(at.photographs(folder))

    at.look = look
    at.routes(order("2", id="k"))
    return Operator(taken[0], at.clock)


@pytest.mark.parametrize("moment", ["before submit", "after submit", "after trades"])
def test_a_run_that_was_killed_is_followed_until_its_lease_ends(
    at: Operator, tmp_path: Path, moment: str
) -> None:
    """Then it is reported as died; what it sent is in the answer, and nothing is sent for it."""
    at.routes(order("0.1"))
    heir = photographed(at, moment, tmp_path / "killed")
    orders = heir.ledger_rows("orders")
    asked_at = heir.clock.now()
    outcome = heir.routes(order("2", id="k"))
    assert (heir.clock.now() - asked_at) / 1e6 <= 20
    assert orders == heir.ledger_rows("orders")
    assert "died" == answer(outcome).status
    assert_healed(heir)


def test_an_id_whose_outcome_was_unknown_is_resolved_by_asking_again(at: Operator) -> None:
    """Exit 5 first; once the venue can tell, the same command says so."""
    at.exchange.inject(BINANCE, "late-request", delay_s=4.5)
    asked = order("1", id="k", venues=(BINANCE,))
    assert Exit.UNCERTAIN is at.routes(asked).exit_code
    at.clock.advance(5)
    again = at.routes(asked)
    assert (False, False) == (again.sent, again.uncertain)
    assert answer(again).cum_qty > 0
    assert_healed(at)


def test_a_run_that_was_reported_as_died_trades_no_further_when_it_wakes(at: Operator) -> None:
    """Who stalls past its lease has lost it: the answer `died` is the last word."""
    asked = order("4", id="k")
    at.exchange.inject(OKX, "partial")
    heard: list[Outcome] = []

    async def stalls_and_is_asked_about() -> None:
        at.clock.advance(20)
        async with open_desk(at.settings, clock=at.clock) as other:
            heard.append(await routed(other, asked))

    async def both(desk: Desk) -> Outcome:
        port = Interlude(desk.venues[OKX], stalls_and_is_asked_about)
        return await routed(replace(desk, venues={**desk.venues, OKX: port}), asked)

    at.does(both)
    assert ["died"] == [answer(outcome).status for outcome in heard]
    traded = sum(Decimal(row["qty"]) for row in at.ledger_rows("fills"))
    assert answer(heard[0]).cum_qty == traded
    assert_healed(at)


def test_a_resting_run_whose_cancel_never_arrived_is_still_resting(at: Operator) -> None:
    """Nothing about it is uncertain: it is in the venue's book until a cancel is heard there."""
    asked = order("1", id="k", time_in_force=GTC, limit_px=Decimal(70_000))
    at.routes(asked)
    for venue in at.venues:
        at.exchange.inject(venue, "outage", for_s=5)
    assert Exit.UNCERTAIN is at.cancels().exit_code
    at.clock.advance(6)
    assert Exit.OK is at.reconciles().exit_code
    again = at.routes(asked)
    assert (Exit.OK, "resting", False) == (again.exit_code, answer(again).status, again.uncertain)
    assert Exit.OK is at.cancels().exit_code
    assert_healed(at)


def test_of_two_runs_with_one_id_at_once_one_trades(at: Operator) -> None:
    """The other follows it and answers the same parent; the quantity is bought once."""

    async def both(desk: Desk) -> list[Any]:
        async with open_desk(at.settings, clock=at.clock) as other:
            runs = (routed(desk, order("2", id="k")), routed(other, order("2", id="k")))
            return await asyncio.gather(*runs, return_exceptions=True)

    outcomes = at.does(both)
    assert Decimal(2) == sum(Decimal(row["qty"]) for row in at.ledger_rows("fills"))
    assert [True, False] == sorted((each.sent for each in outcomes), reverse=True)
    assert 1 == len({answer(each).parent_id for each in outcomes})
    assert_healed(at)


def test_runs_without_an_id_are_runs_of_their_own(at: Operator) -> None:
    """Nothing ties them together."""
    at.routes(order("0.5"))
    at.routes(order("0.5"))
    assert Decimal(1) == sum(Decimal(row["qty"]) for row in at.ledger_rows("fills"))


def test_a_cancelled_run_settles_what_it_sent_before_it_answers(tmp_path: Path) -> None:
    """A signal stops the sending, never the settling."""
    at = Operator(settings(tmp_path, KRAKEN))
    at.exchange.inject(KRAKEN, "partial")

    async def interrupted(desk: Desk) -> Outcome:
        task: list[asyncio.Task[Outcome]] = []

        async def stop() -> None:
            task[0].cancel()
            await asyncio.sleep(0)

        port = Interlude(desk.venues[KRAKEN], stop)
        task.append(asyncio.ensure_future(routed(replace(desk, venues={KRAKEN: port}), order("1"))))
        return await task[0]

    outcome = at.does(interrupted)
    assert (Exit.INCOMPLETE, Decimal("0.5")) == (outcome.exit_code, answer(outcome).cum_qty)
    assert 1 == len(at.ledger_rows("orders"))
    assert_healed(at)


def too_little_money(folder: Path, **balances: int) -> Operator:
    """Each venue has money for a part of what is asked for."""
    names = {"kraken": 80_000, "binance": 80_000, **balances}
    held = {name: {Asset("BTC"): Decimal(1), Asset("USD"): Decimal(usd)} for name, usd in names.items()}
    return Operator(settings(folder, *(venue_settings(name, balances=each) for name, each in held.items())))


def test_a_part_that_rests_nowhere_is_incomplete_and_is_placed_by_whoever_resumes(tmp_path: Path) -> None:
    """What rests may still fill, and is not placed twice."""
    at = too_little_money(tmp_path)
    asked = order("3", id="k", time_in_force=GTC, limit_px=Decimal(70_000))
    first = at.routes(asked)
    placed = sum(child.order_qty for child in answer(first).children)
    assert Decimal(2) < placed < Decimal(3)
    assert (Exit.INCOMPLETE, "incomplete") == (first.exit_code, answer(first).status)
    said = f"{placed} of it rests in venues' books and may still fill; {3 - placed} is placed nowhere"
    assert said in first.warnings
    again = at.routes(asked)
    assert (Exit.INCOMPLETE, False, True) == (again.exit_code, again.sent, said in again.warnings)
    at.exchange.transfer(KRAKEN, Asset("USD"), Decimal(100_000))
    at.reconciles()
    resumed = at.routes(replace(asked, resume=True))
    assert (Exit.OK, "resting", True) == (resumed.exit_code, answer(resumed).status, resumed.sent)
    assert Decimal(3) == sum(child.order_qty for child in answer(resumed).children)
    assert Exit.OK is at.cancels(answer(first).parent_id).exit_code
    assert_healed(at)
