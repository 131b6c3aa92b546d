"""Leaving a venue while something else happens there: another flatten, a route, a fault, a kill."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mvx.config.settings import Settings
from mvx.domain.ids import Symbol, Venue
from mvx.domain.order import Side
from mvx.engine.desk import Desk, open_desk
from mvx.engine.outcome import Outcome
from mvx.errors import Exit, VenueBusy
from tests.engine.desk import (
    GTC,
    KRAKEN,
    OKX,
    Interlude,
    Operator,
    order,
    routed,
)
from tests.engine.faults import KINDS, strike
from tests.engine.halting import ACTIVE, changes
from tests.engine.leaving import (
    D,
    asked,
    desk_of,
    flattens,
    holding_some,
    left,
    position,
    row_of,
)
from tests.engine.truth import (
    assert_healed,
    assert_journal_is_ledger,
    assert_truth_inside,
    assert_verified,
)


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


def test_what_comes_after_it_was_closed_is_said_to_be_left(tmp_path: Path) -> None:
    """A trade by hand, between the last slice and the last look: it is a break, and no flat venue."""
    at = holding_some(tmp_path)
    looked: list[str] = []

    def look(venue: Venue, now: str) -> None:
        if now == "before open_orders" and D(0) == position(at, KRAKEN):
            looked.append(now)
            if len(looked) == 2:  # the first is the pass that hears how the slice ended
                at.exchange.trade(KRAKEN, Side.BUY, D("0.3"), Symbol("BTC/USD"))

    at.look = look
    outcome = flattens(at, KRAKEN)
    assert (Exit.BREAKS, "BTC: 0.3 came after it was closed") == (outcome.exit_code, row_of(outcome).reason)


def test_what_was_cancelled_and_may_still_fill_is_told(tmp_path: Path) -> None:
    at = desk_of(tmp_path, "kraken")
    at.routes(order("1", time_in_force=GTC, limit_px=D(70_000)))
    outcome = flattens(at, KRAKEN)
    assert Exit.OK is outcome.exit_code
    assert any("may turn out to be filled within 2 s" in line for line in outcome.warnings)


def test_a_venue_that_was_resumed_meanwhile_is_not_said_to_stay_halted(tmp_path: Path) -> None:
    at = holding_some(tmp_path)

    def look(venue: Venue, now: str) -> None:
        if now == "after submit":
            changes(at, ACTIVE, KRAKEN, reason="too early")

    at.look = look
    outcome = flattens(at, KRAKEN)
    assert "kraken was resumed by ops@desk: too early, and is halted no more: mvx halt --venue kraken" in (
        outcome.warnings
    )
    assert [] == [line for line in outcome.warnings if "stays halted" in line]


def test_where_one_venue_is_busy_the_other_is_left_and_told(tmp_path: Path) -> None:
    """What was sent there was sent, whatever the error is about."""
    at = desk_of(tmp_path, "kraken", "okx")
    at.routes(order("0.5", venues=(KRAKEN,)))
    at.clock.advance(3)

    async def leave(desk: Desk) -> Outcome:
        with desk.journal.write() as tx:
            lease = tx.take_lease("flatten/okx", desk.holder)

        async def works() -> None:
            while True:
                with desk.journal.write(lease):
                    pass
                await asyncio.sleep(0)

        other = asyncio.ensure_future(works())
        try:
            return await left(desk, asked("okx", "kraken"))
        finally:
            other.cancel()

    with pytest.raises(VenueBusy, match="another flatten of okx") as caught:
        at.does(leave)
    assert caught.value.sent
    assert "kraken: left and verified" in caught.value.warnings
    assert D(0) == position(at, KRAKEN)
