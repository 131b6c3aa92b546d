"""The simulation itself: the same seed is the same story, a few seeds hold, the planted bugs fit."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

from mvx.domain.ids import Venue
from tests.simulation.chance import chance
from tests.simulation.faults import KINDS, strikes
from tests.simulation.loop import Loop, SimulatedClock
from tests.simulation.market import VENUES
from tests.simulation.mutants import ROOT
from tests.simulation.planted import MUTANTS, Mutant
from tests.simulation.run import simulate
from tests.simulation.seeds import NAMED
from tests.simulation.wire import wiring_of

EVERYWHERE = tuple(map(Venue, VENUES))


@pytest.mark.parametrize("seed", range(6))
def test_a_seed_breaks_no_promise(seed: int) -> None:
    assert "" == simulate(seed).violation


@pytest.mark.parametrize("seed", sorted(NAMED))
def test_a_seed_that_once_broke_a_promise_breaks_none(seed: int) -> None:
    """Each with the sentence of what was wrong, in seeds.py."""
    assert "" == simulate(seed).violation


#: One that asks paper alone, and one behind the adapter.
BOTH_WAYS = (2, 5)


def test_a_third_of_the_seeds_runs_behind_the_adapter() -> None:
    """Of a tenth of the desks neither venue is one of it that speaks a dialect."""
    assert [False, True] == [wiring_of(seed).adapter for seed in BOTH_WAYS]
    wired = [seed for seed in range(600) if wiring_of(seed).adapter]
    assert 200 <= len(wired) <= 240
    assert 10 <= sum(not wiring_of(seed).plenty for seed in wired) <= 30


@pytest.mark.long
@pytest.mark.parametrize("seed", BOTH_WAYS)
def test_one_seed_is_one_story_to_the_last_digit(seed: int) -> None:
    """I11, within a process: whatever was simulated before."""
    first = simulate(seed, keep_story=True)
    simulate(6)
    assert (first.trace, first.story) == ((again := simulate(seed, keep_story=True)).trace, again.story)


@pytest.mark.parametrize("seed", BOTH_WAYS)
def test_one_seed_is_one_story_in_every_process(seed: int) -> None:
    """I11, whatever a process hashes texts to."""
    code = f"from tests.simulation.run import simulate; print(simulate({seed}).trace)"
    traces = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hashes},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hashes in ("1", "2")
    }
    assert {simulate(seed).trace} == traces


def test_two_seeds_are_two_stories() -> None:
    assert simulate(1).trace != simulate(2).trace


def test_a_kind_of_fault_moves_no_other() -> None:
    """What is drawn for a kind depends on its own name and ordinal alone."""
    luck = chance(7, "outage", 0)
    assert luck.random() == chance(7, "outage", 0).random()
    by_kind = {kind: [s for s in strikes(7, EVERYWHERE, 60) if s.kind == kind] for kind in KINDS}
    for kind, found in by_kind.items():
        assert list(range(len(found))) == [strike.index for strike in found], kind
        assert [s.at_s for s in found] == sorted(s.at_s for s in found), kind


def test_every_kind_of_fault_is_drawn_by_some_seed() -> None:
    drawn = {strike.kind for seed in range(40) for strike in strikes(seed, EVERYWHERE, 45)}
    assert set(KINDS) == drawn


def test_time_stands_still_while_somebody_has_something_to_do() -> None:
    """And then jumps to whoever wakes first."""
    clock = SimulatedClock()
    loop, ran = Loop(random.Random(1), clock), []
    with loop.running():
        loop.call_later(5, ran.append, "later")
        loop.call_soon(ran.append, "now")
        began = clock.now()
        loop.step()
        assert (["now"], began) == (ran, clock.now())
        loop.step()
    assert (["now", "later"], 5.0) == (ran, loop.time())


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_bug_fits_into_the_source_once(mutant: Mutant) -> None:
    for patch in mutant.patches:
        assert 1 == (ROOT / "mvx" / patch.file).read_text(encoding="utf-8").count(patch.old), patch.file
