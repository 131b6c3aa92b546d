"""Every fault that the exchange offers, and the promises that hold while it lasts and after it."""

from __future__ import annotations

import itertools
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Venue
from mvx.domain.order import Side, TimeInForce
from mvx.engine.results import RouteResult
from mvx.errors import Exit
from tests.engine.desk import BINANCE, BUY, FOK, GTC, IOC, KRAKEN, OKX, SELL, Operator, order, settings
from tests.engine.faults import KINDS, PAIRS, REQUEST_KINDS, SORTS, account, strike
from tests.engine.truth import (
    assert_healed,
    assert_journal_is_ledger,
    assert_never_more_than,
    assert_truth_inside,
    last_seq,
    until_agreed,
)
from tests.paper.builders import write_books

SIDES = pytest.mark.parametrize("side", [BUY, SELL])
#: Every kind meets a submit and a cancel; one of each sort meets the longer histories.
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
EVERY_SORT = pytest.mark.parametrize("kind", SORTS)


def strike_at(at: Operator, moment: str, venue: Venue, *kinds: str) -> None:
    """From now on every call is looked upon, and the first such call at the venue meets these faults."""
    armed = list(kinds)

    def look(here: Venue, now: str) -> None:
        while armed and (here, now) == (venue, moment):
            strike(at, venue, armed.pop(0))
        if now in ("after submit", "after cancel", "after balances", "before submit"):
            assert_truth_inside(at, f"{here}, {now}")

    at.look = look


@pytest.mark.parametrize(("tif", "side"), [(IOC, BUY), (IOC, SELL), (FOK, BUY)])
@EVERY_KIND
def test_a_fault_on_the_only_venue_leaves_no_lie_behind(
    tmp_path: Path, kind: str, tif: TimeInForce, side: Side
) -> None:
    """The interval holds the truth at every step, and in the end the journal is the ledger."""
    at = Operator(settings(tmp_path, account()))
    strike_at(at, "before submit", KRAKEN, kind)
    outcome = at.routes(order("0.5", side, time_in_force=tif))
    assert_truth_inside(at, "after route")
    assert outcome.exit_code in (Exit.OK, Exit.INCOMPLETE, Exit.UNCERTAIN)
    assert_healed(at)
    assert_never_more_than(at, Decimal("0.5"))


@EVERY_KIND
def test_a_fault_after_the_ack_leaves_no_lie_behind(tmp_path: Path, kind: str) -> None:
    """What it hits is the next call, the second round or nothing at all."""
    at = Operator(settings(tmp_path, account()))
    at.exchange.inject(KRAKEN, "partial")
    strike_at(at, "after submit", KRAKEN, kind)
    at.routes(order("0.5"))
    assert_healed(at)
    assert_never_more_than(at, Decimal("0.5"))


def resting_desk(folder: Path) -> Operator:
    """One venue whose book offers 1 BTC at 100 and takes 1 at 99, and half a minute later crosses both."""
    deep = [("90", "50")], [("110", "50")]
    books = write_books(
        folder / "books.jsonl",
        (0, [("99", "1"), *deep[0]], [("100", "1"), *deep[1]]),
        (30, [("97", "1"), ("89", "50")], [("98", "5"), *deep[1]]),
        (60, [("101", "5"), *deep[0]], [("102", "1"), *deep[1]]),
        (90, [("99", "1"), *deep[0]], [("100", "1"), *deep[1]]),
    )
    return Operator(settings(folder, account(books=books), max_slippage_bps=Decimal(2000)))


@SIDES
@EVERY_SORT
def test_a_fault_on_an_order_that_fills_later_leaves_no_lie_behind(
    tmp_path: Path, kind: str, side: Side
) -> None:
    """Half of it takes, the rest fills when nobody looks: every fill is booked, and the interval held."""
    at = resting_desk(tmp_path)
    strike_at(at, "before submit", KRAKEN, kind)
    limit_px = Decimal(100 if side is BUY else 99)
    at.routes(order("2", side, time_in_force=GTC, limit_px=limit_px))
    assert_truth_inside(at, "after route")
    until_agreed(at)
    for _ in range(50):
        at.clock.advance(2)
        assert_truth_inside(at, "while it rests")
    assert_healed(at)
    assert_never_more_than(at, Decimal(2))


@SIDES
@EVERY_SORT
def test_a_fault_on_an_order_that_is_cancelled_leaves_no_lie_behind(
    tmp_path: Path, kind: str, side: Side
) -> None:
    """Struck when it is sent, and the cancel meets whatever the fault left of it."""
    at = resting_desk(tmp_path)
    strike_at(at, "before submit", KRAKEN, kind)
    limit_px = Decimal(100 if side is BUY else 99)
    at.routes(order("2", side, time_in_force=GTC, limit_px=limit_px))
    at.cancels()
    assert_truth_inside(at, "after cancel")
    until_agreed(at)
    at.clock.advance(2)
    until_agreed(at)
    at.cancels()
    assert_healed(at)
    assert_never_more_than(at, Decimal(2))
    assert [] == [row for row in at.ledger_rows("orders") if row["status"] in ("NEW", "PARTIALLY_FILLED")]


@SIDES
@EVERY_KIND
def test_a_fault_on_a_cancel_leaves_no_lie_behind(tmp_path: Path, kind: str, side: Side) -> None:
    """Struck when the cancel is sent: it is lost, late, refused, shown late, or the order fills after all."""
    at = resting_desk(tmp_path)
    limit_px = Decimal(100 if side is BUY else 99)
    at.routes(order("2", side, time_in_force=GTC, limit_px=limit_px))
    strike_at(at, "before cancel", KRAKEN, kind)
    at.cancels()
    assert_truth_inside(at, "after cancel")
    at.clock.advance(3)
    assert_truth_inside(at, "when everything under way has come")
    until_agreed(at)
    at.cancels()
    assert_healed(at)
    assert_never_more_than(at, Decimal(2))
    assert [] == [row for row in at.ledger_rows("orders") if row["status"] in ("NEW", "PARTIALLY_FILLED")]


@pytest.mark.parametrize("moment", ["before submit", "after submit"])
@pytest.mark.parametrize("kind", REQUEST_KINDS)
def test_a_fault_that_lasts_hits_reads_too_and_leaves_no_lie_behind(
    tmp_path: Path, kind: str, moment: str
) -> None:
    """A dead network, or a venue in trouble, for three seconds."""
    at = Operator(settings(tmp_path, account()))
    armed = [kind]

    def look(here: Venue, now: str) -> None:
        if armed and now == moment:
            at.exchange.inject(here, armed.pop(), for_s=3)
        assert_truth_inside(at, f"{here}, {now}")

    at.look = look
    at.routes(order("0.5"))
    assert_truth_inside(at, "after route")
    assert_healed(at)
    assert_never_more_than(at, Decimal("0.5"))


@pytest.mark.parametrize("kind", ["stale-order", "not-found"])
def test_an_order_that_can_not_rest_is_waited_for_while_the_lists_lag(tmp_path: Path, kind: str) -> None:
    """Half filled and ended at the venue; its lists say that it works, or nothing. It is no resting order,
    and its other half is bought once they say so."""
    at = Operator(settings(tmp_path, account()))
    at.exchange.inject(KRAKEN, "partial")
    at.exchange.inject(KRAKEN, kind)
    outcome = at.routes(order("0.5"))
    assert isinstance(outcome.data, RouteResult)
    assert (Exit.OK, "filled", Decimal("0.5"), 2) == (
        outcome.exit_code, outcome.data.status, outcome.data.cum_qty, outcome.data.rounds,
    )  # fmt: skip
    assert_healed(at)


def test_an_outage_while_cancelling_changes_nothing_and_says_so(tmp_path: Path) -> None:
    """The order goes on and its reservation stays until the venue can be asked again."""
    at = resting_desk(tmp_path)
    at.routes(order("1", time_in_force=GTC, limit_px=Decimal("98.5")))
    at.exchange.inject(KRAKEN, "outage", for_s=5)
    outcome = at.cancels()
    assert Exit.UNCERTAIN is outcome.exit_code
    assert_truth_inside(at, "in the outage")
    at.clock.advance(5)
    assert Exit.OK is at.cancels().exit_code
    assert_healed(at)


@pytest.mark.parametrize("kinds", PAIRS, ids="+".join)
def test_two_faults_on_one_venue_leave_no_lie_behind(tmp_path: Path, kinds: tuple[str, str]) -> None:
    """They hit one order or one after the other, over two routes of opposite sides; a venue that was dark
    is asked again once its probe is due."""
    at = Operator(settings(tmp_path, account()))
    strike_at(at, "before submit", KRAKEN, *kinds)
    at.routes(order("0.5"))
    at.clock.advance(4)
    at.routes(order("0.3", SELL))
    assert_truth_inside(at, "after both routes")
    assert_healed(at)


@pytest.mark.parametrize(("side", "faulty"), [(BUY, OKX), (SELL, BINANCE)])
@EVERY_SORT
def test_no_fault_makes_a_parent_trade_more_than_its_quantity(
    tmp_path: Path, kind: str, side: Side, faulty: Venue
) -> None:
    """What may still fill at the faulty venue is not bought again at the others."""
    at = Operator(settings(tmp_path, *map(account, (KRAKEN, BINANCE, OKX))))
    strike_at(at, "before submit", faulty, kind)
    outcome = at.routes(order("4", side))
    children = outcome.data.children if isinstance(outcome.data, RouteResult) else ()
    assert len({child.venue for child in children}) >= 2
    assert faulty in {child.venue for child in children}
    assert_never_more_than(at, Decimal(4))
    for _ in range(40):
        at.clock.advance(0.25)
        assert_never_more_than(at, Decimal(4))
    assert_healed(at)
    assert_never_more_than(at, Decimal(4))


@pytest.mark.parametrize("pair", [*itertools.combinations(("lost-request", "late-request", "partial"), 2)])
def test_two_faulty_venues_at_once_trade_no_more_than_the_quantity(
    tmp_path: Path, pair: tuple[str, str]
) -> None:
    """The residual counts each unknown child in full."""
    at = Operator(settings(tmp_path, *map(account, (KRAKEN, BINANCE, OKX))))
    for venue, kind in zip((BINANCE, OKX), pair, strict=True):
        strike(at, venue, kind)
    at.routes(order("4"))
    assert_healed(at)
    assert_never_more_than(at, Decimal(4))


def test_a_request_that_comes_after_its_deadline_is_never_accepted(tmp_path: Path) -> None:
    """The venue refuses it, and the journal proves it only once nothing can come any more."""
    at = Operator(settings(tmp_path, account()))
    at.exchange.inject(KRAKEN, "late-request", delay_s=6)
    sent_at = at.clock.now()
    assert Exit.UNCERTAIN is at.routes(order("0.5")).exit_code
    until_agreed(at)
    assert (at.clock.now() - sent_at) / 1e6 >= 5 + 4 + 1
    assert [] == at.ledger_rows("orders")
    assert_healed(at)


@SIDES
def test_a_request_that_lands_after_the_route_ended_is_adopted(tmp_path: Path, side: Side) -> None:
    """It stays reserved until then, and its fills are booked by the next reconcile."""
    at = Operator(settings(tmp_path, account()))
    at.exchange.inject(KRAKEN, "late-request", delay_s=4.5)
    assert Exit.UNCERTAIN is at.routes(order("0.5", side)).exit_code
    assert [] == at.ledger_rows("fills")
    for _ in range(20):
        at.clock.advance(0.25)
        assert_truth_inside(at, "while it is on its way")
    assert Exit.BREAKS is at.reconciles().exit_code
    assert Decimal(0) < sum(Decimal(row["qty"]) for row in at.ledger_rows("fills"))
    assert_journal_is_ledger(at)
    assert_healed(at)


def test_a_venue_in_an_outage_is_never_taken_for_flat(tmp_path: Path) -> None:
    """A pass that fails writes nothing to the log, and the position keeps its interval."""
    at = Operator(settings(tmp_path, account()))
    at.exchange.inject(KRAKEN, "lost-ack")
    strike_at(at, "after submit", KRAKEN, "outage")
    assert Exit.UNCERTAIN is at.routes(order("0.5")).exit_code
    seq = last_seq(at.settings)
    at.exchange.inject(KRAKEN, "outage", for_s=60)
    for _ in range(30):
        at.clock.advance(1)
        assert (Exit.UNCERTAIN, seq) == (at.reconciles().exit_code, last_seq(at.settings))
        assert_truth_inside(at, "in the outage")
    at.exchange.heal()
    assert_healed(at)


def test_what_was_done_by_hand_is_booked_and_loud(tmp_path: Path) -> None:
    """A foreign trade and a deposit are breaks of their own, said once."""
    at = Operator(settings(tmp_path, account()))
    at.routes(order("0.5"))
    at.exchange.trade(KRAKEN, SELL, Decimal("0.25"), next(iter(at.settings.venues[KRAKEN].symbols.values())))
    at.exchange.transfer(KRAKEN, at.settings.desk.assets[KRAKEN][0], Decimal("1.5"))
    kinds = [found.kind for found in at.reconciles().breaks]
    assert ({"balance", "foreign_fill"}, 1) == (set(kinds), kinds.count("balance"))
    assert_healed(at)
