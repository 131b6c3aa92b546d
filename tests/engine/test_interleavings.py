"""Several processes on one desk, played in one: who comes next at each call is drawn from a seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import Venue
from mvx.domain.order import Side
from mvx.engine.cancel import cancel
from mvx.engine.desk import Desk, open_desk
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import reconcile
from mvx.errors import Exit, NoVenueUsable, Refused
from tests.engine.desk import (
    BINANCE,
    BUY,
    GTC,
    NO_LIMITS,
    OKX,
    SELL,
    Operator,
    Witness,
    order,
    risk,
    routed,
    settings,
)
from tests.engine.faults import KINDS, account, strike
from tests.engine.truth import assert_healed, assert_truth_inside

SEEDS = range(6)
LATENCIES_S = (0, 0, 0, 0.001, 0.02, 0.3)

Verb = Callable[[Desk], Awaitable[Outcome]]


def at_once(at: Operator, chance: random.Random, *verbs: Verb) -> list[Outcome | Refused | NoVenueUsable]:
    """Runs each verb on a desk of its own, all at once; the truth is looked for at every call. A verb may
    find that it can not begin: refused, or with every venue dark."""

    def look(venue: Venue, now: str) -> None:
        at.clock.advance(chance.choice(LATENCIES_S))
        assert_truth_inside(at, f"{venue}, {now}")
        assert_within_limit(at)

    async def work() -> list[Any]:
        async with AsyncExitStack() as stack:
            desks = [await stack.enter_async_context(open_desk(at.settings, clock=at.clock)) for _ in verbs]
            seen = [replace(desk, venues=witnessed(desk)) for desk in desks]
            runs = (verb(desk) for verb, desk in zip(verbs, seen, strict=True))
            return await asyncio.gather(*runs, return_exceptions=True)

    def witnessed(desk: Desk) -> dict[Venue, Witness]:
        return {name: Witness(port, look, lambda: chance.randrange(5)) for name, port in desk.venues.items()}

    outcomes = asyncio.run(work())
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, Refused | NoVenueUsable):
            raise outcome
    return outcomes


def assert_within_limit(at: Operator) -> None:
    """I2, on the venues' own records."""
    limit = at.settings.risk.max_position.get("BTC-USD")
    if limit is not None:
        assert abs(position(at)) <= limit


def position(at: Operator) -> Decimal:
    fills = at.ledger_rows("fills")
    return sum((Side(row["side"]).sign * Decimal(row["qty"]) for row in fills), Decimal(0))


def buys(qty: str, **changes: Any) -> Verb:
    return lambda desk: routed(desk, order(qty, BUY, **changes))


def sells(qty: str, **changes: Any) -> Verb:
    return lambda desk: routed(desk, order(qty, SELL, **changes))


def reconciles(desk: Desk) -> Awaitable[Outcome]:
    return reconcile(desk, ())


def cancels(desk: Desk) -> Awaitable[Outcome]:
    return cancel(desk, None, True, ())


@pytest.mark.parametrize("seed", SEEDS)
def test_whoever_comes_next_the_truth_is_in_the_interval(tmp_path: Path, seed: int) -> None:
    """Routes both ways, one that rests, a cancel and two reconciles, on a fresh desk."""
    chance = random.Random(seed)
    at = Operator(settings(tmp_path, BINANCE, OKX))
    rests = buys("0.3", time_in_force=GTC, limit_px=Decimal(79_000))
    outcomes = at_once(at, chance, buys("1"), sells("0.7"), rests, reconciles, cancels, reconciles)
    assert [] == [each for each in outcomes if isinstance(each, Refused)]
    assert_healed(at)


@pytest.mark.parametrize("seed", SEEDS)
def test_whoever_comes_next_no_limit_is_passed(tmp_path: Path, seed: int) -> None:
    """Six routes of 0.5 under a limit of 1: two trade, the others are refused."""
    chance = random.Random(seed)
    at = Operator(settings(tmp_path, BINANCE, OKX, limits=risk(max_position={"BTC-USD": Decimal(1)})))
    outcomes = at_once(at, chance, *[buys("0.5")] * 6)
    assert 4 == sum(isinstance(each, Refused) for each in outcomes)
    traded = [each for each in outcomes if isinstance(each, Outcome)]
    assert [Exit.OK, Exit.OK] == [each.exit_code for each in traded]
    assert Decimal(1) == position(at)
    assert_healed(at)


@pytest.mark.parametrize("seed", range(len(KINDS)))
def test_whoever_comes_next_and_whatever_fails_nothing_is_lost(tmp_path: Path, seed: int) -> None:
    """Two faults drawn from all kinds, on venues drawn as well, under a limit that still binds."""
    chance = random.Random(seed)
    limits = risk(max_position={"BTC-USD": Decimal(1)}) if seed % 2 else NO_LIMITS
    at = Operator(settings(tmp_path, *map(account, (BINANCE, OKX)), limits=limits))
    at.reconciles()
    for _ in range(2):
        strike(at, chance.choice(at.venues), chance.choice(KINDS), lasts_s=1.0)
    rests = buys("0.3", time_in_force=GTC, limit_px=Decimal(79_000))
    at_once(
        at, chance, buys("0.6"), sells("0.5"), buys("0.2", id="k"), buys("0.2", id="k"), rests, reconciles
    )
    at.exchange.heal()
    assert_healed(at)


@pytest.mark.parametrize("seed", SEEDS)
def test_whoever_comes_next_one_id_trades_once(tmp_path: Path, seed: int) -> None:
    """Four runs with one id: one trades, the others follow it or are refused."""
    chance = random.Random(seed)
    at = Operator(settings(tmp_path, BINANCE, OKX))
    outcomes = at_once(at, chance, *[buys("0.5", id="k")] * 4)
    sent = [each for each in outcomes if isinstance(each, Outcome) and each.sent]
    assert [Exit.OK] == [each.exit_code for each in sent]
    assert Decimal("0.5") == position(at)
    assert_healed(at)
