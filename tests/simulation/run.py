"""Running a seed: acts and strikes at their times, then good weather, and agreement within the bound.

Rule: whatever breaks a promise is a violation with a sentence, and ends the seed. The seed's story is the
same each time, to the last digit.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mvx.domain.instant import after
from mvx.engine.cancel import cancel
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import reconcile
from mvx.errors import Exit, MvxError
from tests.simulation import acts
from tests.simulation.acts import Act, Verb
from tests.simulation.faults import strikes
from tests.simulation.judge import Judge, Violation
from tests.simulation.loop import Turns
from tests.simulation.process import Process
from tests.simulation.strike import before_contact, cancel_what_is_foreign, strike_at
from tests.simulation.world import CRON, DAEMON, SCRIPT, SHELL, World

CHAOS_S = 45.0
#: accept lateness + lateness + listing lag + 60 s.
BOUND_S = 4 + 2 + 1 + 60
#: On the budget of its least tier a venue's reading waits for its turn besides: Kraken's costs all that its
#: bucket holds, which takes 45 s to fill (capabilities.py). What one reading doubts another one adjusts, a
#: third one agrees, and the daemon's may come between.
ON_A_BUDGET_S = 4 * 45
#: A process that does not end by itself in good weather hangs.
PATIENCE_S = 60.0
RESTART_S = 1.5
MAX_STEPS = 400_000


@dataclass
class Result:
    """What came of one seed."""

    seed: int
    violation: str = ""
    trace: str = ""
    faults: dict[str, int] = field(default_factory=dict)
    breaks: dict[str, int] = field(default_factory=dict)
    crashes: int = 0
    fills: int = 0
    virtual_s: float = 0.0
    story: tuple[str, ...] = ()


def simulate(
    seed: int,
    *,
    keep_story: bool = False,
    only: Collection[str] | None = None,
    acting: Collection[str] | None = None,
) -> Result:
    """One seed; `only` these strikes and acts where they are named."""
    world = World(seed, keep_story=keep_story)
    result = Result(seed)
    with _silent(), world.loop.running():
        world.journal(world.new_process(SHELL)).close()
        judge = Judge(world)
        try:
            Play(world, judge, only, acting).all()
        except Violation as found:
            result.violation = str(found)
            world.tell(f"VIOLATION {found}")
        finally:
            result.fills, result.breaks = judge.fills, judge.breaks
            judge.close()
            world.close()
    result.trace = world.trace.hexdigest()
    result.faults, result.crashes = dict(world.sky.struck), world.crashes
    result.virtual_s, result.story = world.elapsed_s, tuple(world.told)
    return result


@contextmanager
def _silent() -> Iterator[None]:
    """What the dead still say on their way out is of no interest to anybody."""
    before = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: None
    try:
        yield
    finally:
        sys.unraisablehook = before


class Play:
    """One run of one seed."""

    def __init__(
        self, world: World, judge: Judge, only: Collection[str] | None, acting: Collection[str] | None
    ) -> None:
        self.world = world
        self.judge = judge
        self._strikes = [
            s for s in strikes(world.seed, world.venues, CHAOS_S) if only is None or s.name in only
        ]
        self._acts = [a for a in acts.acts(world.seed, CHAOS_S) if acting is None or a.name in acting]
        self._leads = False
        self._waits_s = 0 if world.wires.plenty else ON_A_BUDGET_S
        world.loop.stepped = self._after
        self._stormy = True

    def all(self) -> None:
        self._first_contact()
        for strike in self._strikes:
            self._at(strike.at_s, lambda strike=strike: strike_at(self.world, strike))
        for act in self._acts:
            self._at(act.at_s, lambda act=act: self._act(act))
        self._at(CHAOS_S, lambda: None)
        self._until(lambda: self.world.elapsed_s >= CHAOS_S)
        self._heal()
        self._agree()

    def _at(self, at_s: float, what: Callable[[], None]) -> None:
        self.world.sky.later(at_s - self.world.elapsed_s, what)

    def _act(self, act: Act) -> None:
        if act.actor == DAEMON:
            self._leads = True
        acts.begin(self.world, act)

    def _first_contact(self) -> None:
        """The venues are adopted in good weather in most seeds; in the others whoever comes first does it."""
        if self.world.luck.random() < 0.4:
            before_contact(self.world)
        if self.world.luck.random() < 0.8:
            self._shell("reconcile", lambda desk: reconcile(desk, ()))

    def _heal(self) -> None:
        """No fault from now on; who is at work ends by itself, and the daemon stops as it is told to."""
        self.world.tell("HEALED")
        self._stormy = False
        self.world.sky.clear()
        self.world.exchange.heal()
        cancel_what_is_foreign(self.world)
        self.world.loop.interrupting = 0.0
        for process in self.world.processes:
            process.doom = None
            self.world.loop.resume(process)
        daemon = self.world.running(DAEMON)
        if daemon is not None and daemon.main is not None and self.world.luck.random() < 0.5:
            daemon.main.cancel()

    def _agree(self) -> None:
        """All is settled, and the journal is the ledger, before the bound is over: that of what was sent
        last, for who was at work goes on with it."""
        healed_at = self.world.clock.now()
        for kind in (CRON, SHELL, SCRIPT):
            self._ends(kind, f"{kind} hangs")
        while True:
            if self.judge.any_rests():  # one that was accepted after the last cancel rests too
                self._shell("cancel", lambda desk: cancel(desk, None, True, ()))
            marks = self.judge.truth.marks
            answer = self._shell("reconcile", lambda desk: reconcile(desk, ()))
            agreed = isinstance(answer, Outcome) and answer.exit_code is Exit.OK
            # What happens at a venue after its reading, a bust that was due, is for the next one.
            if agreed and self.judge.all_settled() and self.judge.truth.marks == marks:
                break
            began_at = max(healed_at, self.judge.ours.intended_at)
            if self.world.clock.now() > after(began_at, BOUND_S + self._waits_s):
                self.judge.fail("I7: all intents are terminal within the bound after heal", str(answer))
            self._pause(1.0)
        self._stop_daemon()
        self.judge.at_the_end()

    def _stop_daemon(self) -> None:
        daemon = self.world.running(DAEMON)
        if daemon is not None and daemon.main is not None:
            daemon.main.cancel()
            self._ends(DAEMON, "the daemon hangs")

    def _shell(self, name: str, verb: Verb) -> Outcome | MvxError:
        process = acts.start(self.world, SHELL, name, verb)
        self._ends(SHELL, f"{name} hangs")
        assert process.main is not None
        answer: Outcome | MvxError = process.main.result()
        return answer

    def _ends(self, kind: str, why: str) -> None:
        self._until(lambda: self.world.running(kind) is None, PATIENCE_S + self._waits_s, why)

    def _pause(self, seconds: float) -> None:
        until = after(self.world.clock.now(), seconds)
        self.world.sky.later(seconds, lambda: None)
        self._until(lambda: self.world.clock.now() >= until)

    def _until(self, done: Callable[[], bool], patience_s: float = 1e9, why: str = "") -> None:
        give_up_s = self.world.elapsed_s + patience_s
        while not done():
            turns = self.world.loop.step()
            self.judge.look()
            if turns is None or self.world.elapsed_s > give_up_s or self.world.loop.steps > MAX_STEPS:
                self.judge.fail("I7: whatever begins ends", why or "nobody has anything to do")

    def _after(self, process: Turns) -> None:
        """Of each callback, in the middle of another one or not."""
        self.judge.note()
        if not isinstance(process, Process):
            return
        if process.alive:
            process.awaited()
        if not process.alive and process.main is not None:
            process.main = None
            self.world.died(process)
            if process.kind == DAEMON and self._stormy and self._leads:
                self.world.sky.later(RESTART_S, self._restart)
        elif process.main is not None and process.main.done():
            self._ended(process, process.main)

    def _restart(self) -> None:
        if self._stormy and self.world.running(DAEMON) is None:
            acts.begin(self.world, Act(self.world.elapsed_s, DAEMON, 0))

    def _ended(self, process: Process, main: asyncio.Task[Any]) -> None:
        process.doom = None
        error = None if main.cancelled() else main.exception()
        if error is not None:
            self.judge.defect(process, error)
