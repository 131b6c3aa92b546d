"""kill -9 at random moments of `mvx route`, and at every call that it makes to a venue."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Venue
from mvx.domain.money import ZERO, parse_decimal
from mvx.domain.order import Side, TimeInForce
from mvx.engine.submit import filled_qty
from mvx.errors import Exit
from mvx.journal import history, views
from tests.crash.processes import Station, kill
from tests.engine.desk import BINANCE, BUY, GTC, IOC, OKX, SELL, Operator, order, settings
from tests.engine.faults import KINDS, strike
from tests.engine.truth import (
    assert_healed,
    assert_never_more_than,
    assert_settled,
    assert_truth_inside,
    late_qty,
    reading,
    until_agreed,
)
from tests.support import ManualClock

pytestmark = pytest.mark.long

KILLS = 50
LONGEST_S = 0.9
QTY = "0.4"


def test_fifty_kills_leave_a_journal_that_tells_the_truth(tmp_path: Path) -> None:
    """After each kill the interval holds the ledger; at the end the journal is the ledger. One of the
    two desks has faulty venues besides."""
    moments = random.Random(20260918)
    calm, stormy = Station(tmp_path / "calm"), Station(tmp_path / "stormy")
    hits = 0
    for number in range(KILLS // 2):
        if number % 2:
            venue = moments.choice(list(stormy.settings.venues))
            strike(stormy, venue, moments.choice(KINDS), lasts_s=0.5)
        hits += kill_both((calm, stormy), number, moments)
    assert hits > KILLS // 5, "the kills came too late to hit anything"
    stormy.exchange.heal()
    for at in (calm, stormy):
        until_agreed(at)
        assert_settled(at)
        assert_no_parent_above_its_quantity(at)
        assert_every_id_is_answered_and_nothing_sent(at)


def kill_both(desks: tuple[Station, Station], number: int, moments: random.Random) -> int:
    """A route on each, killed at its own moment; how many of them were still running."""
    words = ["route", "BTC-USD", QTY, "--id", f"k{number}", *(["--sell"] if number % 3 == 2 else [])]
    running = [(moments.uniform(0, LONGEST_S), at, at.start(*words)) for at in desks]
    began_at, hits = time.monotonic(), 0
    for delay_s, at, process in sorted(running, key=lambda each: each[0]):
        time.sleep(max(0.0, began_at + delay_s - time.monotonic()))
        hits += kill(process)
        assert_truth_inside(at, f"kill {number} after {delay_s:.3f} s")
    return hits


def assert_no_parent_above_its_quantity(at: Station) -> None:
    """I14, by parent: what fills on an order that had closed comes on top."""
    late = late_qty(at)
    with reading(at.settings) as tx:
        parents = [row for number in range(KILLS) if (row := history.parent_by_key(tx, f"k{number}"))]
        families = [views.children(tx, row.parent_id) for row in parents]
    filled = [filled_qty(each) - sum(late.get(o.cl_ord_id, ZERO) for o in each) for each in families]
    assert [] == [row for row, qty in zip(parents, filled, strict=True) if qty > row.order_qty]


def assert_every_id_is_answered_and_nothing_sent(at: Station) -> None:
    """Every id that reached the journal is finished or reported as died."""
    with reading(at.settings) as tx:
        known = [n for n in range(KILLS) if history.parent_by_key(tx, f"k{n}") is not None]
    outcomes = at.routes(order(QTY, SELL if n % 3 == 2 else BUY, id=f"k{n}") for n in known)
    assert {False} == {outcome.sent for outcome in outcomes}
    assert [] == [each for each in outcomes if each.exit_code not in (Exit.OK, Exit.INCOMPLETE)]


def calls_of(at: Operator, folder: Path) -> Iterator[tuple[str, Operator]]:
    """Every moment at which a route calls a venue or is answered by it, with the desk that kill -9
    would leave there."""
    taken: list[tuple[str, Operator]] = []

    def look(venue: Venue, now: str) -> None:
        copy = at.photographs(folder / f"{len(taken)}")
        taken.append((f"{venue}, {now}", Operator(copy, ManualClock(at.clock.now()))))

    at.look = look
    return iter(taken)


@pytest.mark.parametrize(("tif", "side"), [(IOC, BUY), (IOC, SELL), (GTC, BUY), (GTC, SELL)])
@pytest.mark.parametrize("fresh", [True, False])
def test_a_kill_at_any_call_to_a_venue_leaves_the_truth(
    tmp_path: Path, tif: TimeInForce, side: Side, fresh: bool
) -> None:
    """First contact included: the interval holds, what was sent is found, and its id trades no more."""
    at = Operator(settings(tmp_path, BINANCE, OKX))
    if not fresh:
        at.routes(order("0.1"))
    limit_px = {IOC: None, GTC: parse_decimal("80000")}[tif]
    asked = order("2", side, time_in_force=tif, limit_px=limit_px, id="k")
    taken = calls_of(at, tmp_path)
    at.routes(asked)
    for moment, heir in taken:
        assert_truth_inside(heir, moment)
        with reading(heir.settings) as tx:
            begun = history.parent_by_key(tx, "k") is not None
        if begun:
            orders = heir.ledger_rows("orders")
            heir.routes(asked)
            assert orders == heir.ledger_rows("orders"), moment
        assert_healed(heir)
        if begun and fresh:
            assert_never_more_than(heir, Decimal(2))
        heir.exchange.close()


def test_after_a_kill_the_room_it_took_is_given_back(tmp_path: Path) -> None:
    """The dead worker's lease runs out, its children settle, and the limit has its whole room again."""
    at = Operator(settings(tmp_path, BINANCE, OKX))
    taken = calls_of(at, tmp_path)
    at.routes(order("2"))
    (heir,) = [heir for moment, heir in taken if moment == "okx, before submit"]
    until_agreed(heir)
    heir.clock.advance(30)
    with reading(heir.settings) as tx:
        assert () == history.working_parents(tx, heir.clock.now())
        assert ZERO == sum((each.worst_qty for each in views.unsettled_orders(tx)), ZERO)
