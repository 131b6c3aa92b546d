"""What the three processes do in a seed: routes, cancels, flattens, looks, and the daemon that leads.

Rule: an act is drawn from (seed, actor, ordinal) alone. It calls what the command of its name calls. Whatever
it raises on purpose is an answer; anything else is a defect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Any

from mvx.domain.ids import Venue
from mvx.domain.trading import TradingState
from mvx.engine import handover
from mvx.engine.cancel import cancel
from mvx.engine.desk import Desk, open_desk
from mvx.engine.flatten_order import FlattenOrder
from mvx.engine.outcome import Outcome
from mvx.engine.positions import positions
from mvx.engine.reconcile import reconcile
from mvx.engine.route_order import RouteOrder
from mvx.engine.run import Around, run
from mvx.engine.trading import change_trading
from mvx.errors import MvxError
from tests.engine.desk import BUY, FOK, GTC, IOC, SELL, order
from tests.simulation.chance import chance
from tests.simulation.process import Process
from tests.simulation.world import CRON, DAEMON, SCRIPT, SHELL, World

Verb = Callable[[Desk], Awaitable[Outcome]]

#: What an operator types, the usual things more often.
SHELL_VERBS = (
    *("reconcile", "reconcile", "reconcile one", "cancel", "cancel one", "flatten", "halt", "resume"),
    *("positions", "route", "route", "route"),
)


@dataclass(frozen=True, slots=True)
class Act:
    """So long after the beginning, by that process."""

    at_s: float
    actor: str
    index: int

    @property
    def name(self) -> str:
        return f"{self.actor}/{self.index}"


def acts(seed: int, for_s: float) -> list[Act]:
    """Routes by cron, the shell's verbs, and the starts of the daemon (which a crash makes more)."""
    found = []
    swarm = chance(seed, "acts")
    means_s = {CRON: swarm.uniform(1, 5), SHELL: swarm.uniform(2, 10)}
    for actor, mean_s in means_s.items():
        at_s = chance(seed, actor, "first").uniform(0, 2)
        while at_s < for_s:
            found.append(Act(round(at_s, 6), actor, len(found)))
            at_s += chance(seed, actor, len(found)).expovariate(1 / mean_s)
    if swarm.random() < 0.5:
        found.append(Act(round(swarm.choice((0, swarm.uniform(0, for_s))), 6), DAEMON, 0))
    return sorted(found, key=lambda act: (act.at_s, act.name))


def begin(world: World, act: Act) -> None:
    """Start it in a process of its own, unless that one is still busy."""
    if world.running(act.actor) is not None:
        return
    luck = chance(world.seed, act.actor, act.index, "what")
    if act.actor == DAEMON:
        start(world, DAEMON, "run", _lead)
    elif act.actor == CRON:
        asked, twice = _route(world, luck), luck.random() < 0.3
        if twice:  # there is room for one of the two
            most = world.settings.risk.max_position["BTC-USD"]
            asked = replace(asked, order_qty=most * Decimal("0.6"), id=None, resume=False)
        name = f"route {asked.side} {asked.order_qty} {asked.time_in_force} id={asked.id}"
        start(world, CRON, name, _routes(asked))
        if twice:
            _start_beside(world, name, _routes(asked))
    else:
        name, verb = _shell_verb(world, luck)
        if isinstance(verb, Outside):
            start_outside(world, name, verb)
        else:
            start(world, SHELL, name, verb)
            if name.startswith(("flatten", "reconcile")) and luck.random() < 0.7:
                _start_beside(world, name, verb)


def _start_beside(world: World, name: str, verb: Verb) -> None:
    """Somebody else does the same at the same time."""
    if world.running(SCRIPT) is None:
        start(world, SCRIPT, name, verb)


def start(world: World, kind: str, name: str, verb: Verb) -> Process:
    """A process that opens a desk, does that and ends."""
    process = world.new_process(kind)

    async def work() -> Outcome:
        async with open_desk(
            world.settings, clock=world.clock, machine=process, ports=world.ports(process)
        ) as desk:
            return await verb(desk)

    _begin(world, process, name, work)
    return process


@dataclass(frozen=True, slots=True)
class Outside:
    """What asks no venue and opens no desk."""

    do: Callable[[Process], Outcome]


def start_outside(world: World, name: str, verb: Outside) -> None:
    process = world.new_process(SHELL)

    async def work() -> Outcome:
        return verb.do(process)

    _begin(world, process, name, work)


def _begin(world: World, process: Process, name: str, work: Callable[[], Awaitable[Outcome]]) -> None:
    world.tell(f"{process.name} begins: {name}")

    async def told() -> Any:
        try:
            answer = await work()
        except MvxError as error:
            world.tell(f"{process.name} ends: {error.code}: {error.message}")
            return error
        world.tell(f"{process.name} ends: exit {int(answer.exit_code)} {' '.join(answer.warnings)}")
        return answer

    process.start(told())


async def _lead(desk: Desk) -> Outcome:
    def log(error: BaseException) -> str:
        raise error

    return await run(
        desk, Around(lambda outcome: None, lambda: None, asyncio.Event(), lambda: desk.settings, log)
    )


def _routes(asked: RouteOrder) -> Verb:
    return lambda desk: handover.trade(desk, asked, by="cron", show=lambda plan: None, confirm=lambda: True)


def _route(world: World, luck: Random) -> RouteOrder:
    """In some seeds most routes go one way, and come to the limits."""
    qty = luck.choice(("0.05", "0.20", "0.50", "0.60", "0.90", "1.50"))
    side = BUY if luck.random() < chance(world.seed, "acts", "side").choice((0.25, 0.5, 0.75)) else SELL
    key = luck.choice((None, None, "a", "b", "c", "d", "e"))
    if key is not None:  # one key, one set of parameters
        side, qty = (BUY, "0.40") if key in "abc" else (SELL, "0.30")
        return order(qty, side, id=key, resume=luck.random() < 0.5)
    tif = luck.choice((IOC, IOC, IOC, FOK, GTC))
    limit = None
    if tif is GTC:
        limit = Decimal(80_000) + luck.choice((-300, -100, -50, 0, 50, 100, 300))
    twap_s = luck.choice((None, None, None, 8.0)) if tif is IOC else None
    return order(
        qty, side, time_in_force=tif, limit_px=limit, twap_s=twap_s, deadline_s=luck.choice((None, 1.0, 5.0))
    )


def _shell_verb(world: World, luck: Random) -> tuple[str, Verb | Outside]:
    venue = luck.choice(world.venues)
    name = luck.choice(SHELL_VERBS)
    match name:
        case "route":
            asked = _route(world, luck)
            return f"route {asked.side} {asked.order_qty} {asked.time_in_force} id={asked.id}", _routes(asked)
        case "reconcile":
            return name, lambda desk: reconcile(desk, ())
        case "reconcile one":
            return f"reconcile {venue}", lambda desk: reconcile(desk, (venue,))
        case "cancel":
            return name, lambda desk: cancel(desk, None, True, ())
        case "cancel one":
            return f"cancel {venue}", lambda desk: cancel(desk, None, True, (venue,))
        case "flatten":
            return f"flatten {venue}", _flattens(venue)
        case "positions":
            return name, Outside(lambda process: positions(world.settings.desk, world.clock.now()))
    scope = luck.choice(((), (venue,), (venue,)))
    if name == "halt":
        state = luck.choice((TradingState.HALTED, TradingState.REDUCING))
        return f"{state} {scope}", Outside(lambda process: _states(world, process, scope, state))
    return f"resume {scope}", Outside(lambda process: _states(world, process, scope, TradingState.ACTIVE))


def _states(world: World, process: Process, scope: tuple[Venue, ...], state: TradingState) -> Outcome:
    return change_trading(
        world.settings.desk,
        scope,
        state,
        reason="drill",
        by="shell",
        opened=lambda desk: world.journal(process),
    )


def _flattens(venue: Venue) -> Verb:
    asked = FlattenOrder((venue,), (), to_zero=False, foreign=False, dry_run=False, by="shell")
    return lambda desk: handover.trade(desk, asked, by="shell", show=lambda plan: None, confirm=lambda: True)
