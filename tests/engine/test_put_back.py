"""A backup holds work as open that was done since: once it is put back nobody works it by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.entries import JobClaimed
from mvx.domain.ids import JobId
from mvx.domain.order import Side
from mvx.engine import jobs
from mvx.engine.cancel import cancel
from mvx.engine.desk import Desk
from mvx.engine.explain import explain_order
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import reconcile
from mvx.engine.results import RouteResult
from mvx.engine.route_order import RouteOrder
from mvx.engine.words import ExplainResult
from mvx.errors import Exit
from mvx.journal.left_open import DIED
from mvx.journal.verify import differences
from tests.engine.desk import Operator, order
from tests.engine.test_backup import backup_of, put_back, told
from tests.engine.test_run import D, Leader, bought, operator, somebody, status_of
from tests.engine.truth import assert_truth_inside, reading

SLICED = order("1", id="t1", twap_s=60.0)


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    folder = tmp_path / "desk"
    folder.mkdir()
    return operator(folder, "binance", "okx")


def queued(at: Operator, asked: RouteOrder) -> JobId:
    async def queue() -> JobId:
        return await somebody(at, lambda desk: asyncio.sleep(0, jobs.queue(desk, asked, "ops")))

    return at.clock.run(queue())


def leads(at: Operator, seconds: float, then: Callable[[], object] = lambda: None) -> list[str]:
    """A daemon at work for so long, and what happens then, while it works; what it said."""

    async def lead() -> list[str]:
        async with Leader(at) as leader:
            await at.clock.sleep(seconds)
            then()
        return leader.lines

    return at.clock.run(lead())


def killed_in_the_middle(at: Operator) -> JobId:
    """A daemon had begun a job in the backup that is put back, and had done it since."""
    job_id, backups = queued(at, SLICED), list[Path]()
    leads(at, 20, then=lambda: backups.append(backup_of(at)))
    leads(at, 60)
    assert D(1) == bought(at)
    put_back(backups[0], at)
    return job_id


def test_what_waits_in_a_backup_is_not_traded_again(at: Operator) -> None:
    """Done since, with an id and without: the daemon names it, and how to ask for it again."""
    found = [queued(at, order("0.5", id="q1")), queued(at, order("0.25", Side.SELL, limit_px=D(7)))]
    backup = backup_of(at)
    leads(at, 20)
    traded = bought(at)
    assert traded
    put_back(backup, at)
    lines = leads(at, 20)
    assert traded == bought(at)
    assert {"ended"} == {status_of(at, each) for each in found}
    for job_id, command in zip(
        found,
        ["mvx route BTC-USD 0.5 --id q1 --queue", "mvx route BTC-USD 0.25 --sell --limit 7 --queue"],
        strict=True,
    ):
        (line,) = [line for line in lines if line.startswith(job_id)]
        assert f"{job_id} is queued in it and is not worked" in line
        assert line.endswith(command)
    assert_truth_inside(at)
    with reading(at.settings) as tx:
        assert [] == list(differences(tx))


def test_what_a_daemon_had_begun_in_a_backup_is_not_gone_on_with(at: Operator) -> None:
    """Its parent is nobody's, and is answered as one whose worker died; --resume asks for the rest."""
    job_id = killed_in_the_middle(at)
    lines = leads(at, 60)
    assert D(1) == bought(at)
    (line,) = [line for line in lines if line.startswith(job_id)]
    assert line.endswith("mvx route BTC-USD 1 --id t1 --twap 60s --resume --queue")
    assert "is claimed in it" in line
    outcome = at.routes(SLICED)
    assert any("the first run of id 't1' died" in line for line in outcome.warnings)
    assert isinstance(outcome.data, RouteResult)
    assert (DIED, Exit.INCOMPLETE) == (outcome.data.status, outcome.exit_code)
    assert D(1) == bought(at)


def test_the_first_word_after_it_may_be_to_go_on(at: Operator) -> None:
    """`--resume` was typed, so it is done, under the lease that its worker takes then."""
    killed_in_the_middle(at)
    outcome = at.routes(replace(SLICED, resume=True))
    assert 1 == len(told(outcome))
    assert any("was at work in it, and nothing more is sent for it" in line for line in outcome.warnings)
    assert Exit.OK is outcome.exit_code
    assert bought(at) > D(1)
    assert_truth_inside(at)


def test_the_first_word_after_it_may_be_to_cancel(at: Operator) -> None:
    job_id = queued(at, order("0.5"))
    backup = backup_of(at)
    leads(at, 20)
    put_back(backup, at)
    outcome = at.cancels(job_id)
    assert 1 == len(told(outcome))
    assert any("it may be done since" in line for line in outcome.warnings)
    assert "withdrawn" == status_of(at, job_id)
    leads(at, 20)
    assert D("0.5") == bought(at)


def test_who_follows_a_job_in_a_journal_that_is_found_copied_is_told(at: Operator) -> None:
    """Its mark was lost while it is in use: nobody can tell that from a backup."""

    async def both() -> None:
        async def follows(desk: Desk) -> Outcome | None:
            job_id = jobs.queue(desk, order("0.5"), "ops")
            with desk.journal.write() as tx:
                tx.append(JobClaimed(job_id, "w1"))
            journal = at.settings.desk.journal
            journal.with_name(journal.name + ".mark").unlink()
            await somebody(at, lambda other: cancel(other, job_id, False, ()))
            return await jobs.follow(desk, job_id)

        with pytest.raises(jobs.JobLeftOpen, match="put back or copied, and nobody goes on with"):
            await somebody(at, follows)

    at.clock.run(both())
    assert D(0) == bought(at)


def test_a_daemon_at_work_meanwhile_stops_that_job_and_leads_on(at: Operator) -> None:
    """The journal's mark is lost, and another command finds that: nobody goes on, the daemon neither."""
    job_id = queued(at, SLICED)
    after: list[Decimal] = []

    async def lead() -> None:
        async with Leader(at) as leader:
            await at.clock.sleep(20)
            journal = at.settings.desk.journal
            journal.with_name(journal.name + ".mark").unlink()
            await somebody(at, lambda desk: reconcile(desk, ()))
            await at.clock.sleep(5)
            after.append(bought(at))
            await at.clock.sleep(60)
            after.append(bought(at))
            assert leader.defects == []
            answer = await jobs.follow(leader.desk, jobs.queue(leader.desk, order("0.25"), "ops"))
            assert answer is not None
            assert Exit.OK is answer.exit_code

    at.clock.run(lead())
    assert after[0] == after[1] != D(1)
    assert after[1] + D("0.25") == bought(at)
    assert "ended" == status_of(at, job_id)


def test_its_story_says_so(at: Operator) -> None:
    job_id = killed_in_the_middle(at)
    at.reconciles()
    found = explain_order(at.settings.desk, "t1").data
    assert isinstance(found, ExplainResult)
    texts = [event.text for event in found.story]
    assert f"job {job_id} was open in a journal that was put back or copied; nobody goes on with it" in texts
