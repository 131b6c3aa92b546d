"""A leader whose journal fails in the middle of its work."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mvx.engine import jobs
from mvx.engine.outcome import Outcome
from mvx.errors import Exit, JournalError
from tests.engine.desk import Operator, order
from tests.engine.test_run import D, Leader, bought, operator
from tests.engine.truth import assert_healed


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    return operator(tmp_path, "binance", "okx")


def test_a_journal_that_can_not_take_an_answer_is_given_it_later(
    at: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who follows the job is not left waiting by a leader that believes it at work."""
    ends, failed = jobs.end, []

    def end(*terms: Any) -> None:
        if not failed:
            failed.append(terms)
            raise JournalError("the disk is full")
        ends(*terms)

    monkeypatch.setattr(jobs, "end", end)

    async def both() -> Outcome | None:
        async with Leader(at) as leader, asyncio.timeout(30):
            return await jobs.follow(leader.desk, jobs.queue(leader.desk, order("0.5"), "ops"))

    outcome = at.clock.run(both())
    assert outcome is not None
    assert (1, Exit.OK, D("0.5")) == (len(failed), outcome.exit_code, bought(at))


def test_a_journal_that_fails_in_the_middle_of_a_job_is_no_answer_to_it(at: Operator) -> None:
    """Whoever leads goes on with the job, the same leader where it can write again."""
    struck: list[str] = []

    def look(venue: Any, now: str) -> None:
        if now == "before submit" and not struck:
            struck.append(now)
            raise JournalError("the disk is full")

    at.look = look

    async def both() -> Outcome | None:
        async with Leader(at) as leader:
            return await jobs.follow(leader.desk, jobs.queue(leader.desk, order("0.5"), "ops"))

    outcome = at.clock.run(both())
    assert struck
    assert outcome is not None
    assert (Exit.OK, D("0.5")) == (outcome.exit_code, bought(at))
    assert_healed(at)
