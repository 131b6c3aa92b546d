"""A route that waits until something at a venue is over, and that venue can not be read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mvx.domain.ids import Venue
from mvx.engine.desk import Desk
from mvx.engine.outcome import Outcome
from mvx.errors import BadVenueData, Exit, Refused
from tests.engine.desk import KRAKEN, OKX, Operator, order, risk, routed, settings
from tests.engine.leaving import D
from tests.engine.ports import health, raising, within
from tests.engine.truth import assert_healed
from tests.support import ManualClock

MAX_S = 30


def desk_of(folder: Path, clock: ManualClock | None = None, max_s: float = MAX_S) -> Operator:
    limits = risk(max_position={"BTC-USD": D("0.6")})
    return Operator(settings(folder, KRAKEN, OKX, limits=limits, max_s=max_s), clock)


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    """Half of 0.5 was filled at okx; the other half stays reserved until okx was read once more."""
    at = Operator(
        settings(tmp_path, KRAKEN, OKX, limits=risk(max_position={"BTC-USD": D("0.6")}), max_s=MAX_S)
    )
    at.reconciles()
    at.exchange.inject(OKX, "partial")
    assert Exit.INCOMPLETE is at.routes(order("0.5", venues=(OKX,), max_rounds=1)).exit_code
    at.clock.advance(30)
    return at


def counted(at: Operator) -> Counter[tuple[Venue, str]]:
    """How often each venue is asked what, from here on; a call takes 5 ms."""
    calls: Counter[tuple[Venue, str]] = Counter()

    def look(venue: Venue, now: str) -> None:
        if now.startswith("before"):
            calls[venue, now.removeprefix("before ")] += 1
            at.clock.advance(0.005)

    at.look = look
    return calls


def test_what_is_over_long_ago_is_looked_at_and_makes_room(at: Operator) -> None:
    assert Exit.OK is at.routes(order("0.3", venues=(KRAKEN,))).exit_code
    assert_healed(at)


def test_a_dark_venue_is_left_alone_until_its_probe_and_nobody_is_hammered(at: Operator) -> None:
    """Each probe waits for twice as long as the last, and in between there is nothing to plan on."""
    at.exchange.inject(OKX, "outage", for_s=3600)
    at.reconciles()
    at.reconciles()
    calls, began_at = counted(at), at.clock.now()
    with pytest.raises(Refused, match="max_position"):
        at.routes(order("0.3", venues=(KRAKEN,)))
    assert at.clock.now() - began_at <= (MAX_S + 2) * 1_000_000
    assert 1 <= calls[OKX, "open_orders"] <= 6
    assert calls[KRAKEN, "book"] <= 8


def test_who_can_not_read_a_dark_venue_in_its_time_is_refused_at_once(at: Operator) -> None:
    at.exchange.inject(OKX, "outage", for_s=3600)
    for _ in range(8):
        at.clock.advance(30)
        at.reconciles()
    probe_at = health(at).probe_at
    assert probe_at is not None
    at.clock.advance((probe_at - at.clock.now()) / 1_000_000 - 20)
    short = Operator(
        settings(at.settings.desk.journal.parent, KRAKEN, OKX, limits=at.settings.risk, max_s=3), at.clock
    )
    calls, began_at = counted(short), at.clock.now()
    with pytest.raises(Refused, match="max_position"):
        short.routes(order("0.3", venues=(KRAKEN,)))
    assert at.clock.now() - began_at < 1_000_000
    assert not calls[OKX, "open_orders"]


def test_a_venue_that_comes_back_in_time_makes_room(at: Operator) -> None:
    at.exchange.inject(OKX, "outage", for_s=10)
    at.reconciles()
    at.reconciles()
    counted(at)
    assert Exit.OK is at.routes(order("0.3", venues=(KRAKEN,))).exit_code
    assert_healed(at)


def test_a_venue_whose_answers_teach_nothing_is_asked_after_a_pause(at: Operator) -> None:
    """It is not dark: it answers, and what it lists can not be read."""
    calls = Counter[str]()

    def worked(desk: Desk) -> Desk:
        meets = raising(BadVenueData("a trade without a price"), "trades")

        async def met(call: str) -> None:
            calls[call] += 1
            at.clock.advance(0.005)
            await meets(call)

        return within(desk, OKX, met)

    async def waits(desk: Desk) -> Outcome:
        return await routed(worked(desk), order("0.3", venues=(KRAKEN,)))

    with pytest.raises(Refused, match="max_position"):
        at.does(waits)
    assert 1 <= calls["trades"] <= MAX_S + 2
