"""The daemon: one leader per journal that works what was queued, reconciles each venue and keeps its health.

Rules:
- Leadership is a lease with a fencing token: everything the leader decides is written under it, so that one
  that stalled and was replaced can write nothing more. A second leader is refused.
- A job is worked by the very code that a command runs. One whose leader died is gone on with, never begun
  again: its parent's key makes that one run.
- A stop ends what is not begun, settles what is in flight, and gives the lease back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from mvx.config.settings import Settings
from mvx.domain.ids import ClOrdId, JobId, Venue
from mvx.domain.instant import Instant, seconds_between
from mvx.engine import jobs
from mvx.engine.adapters import shared_folder
from mvx.engine.alive import beats
from mvx.engine.cadence import pause_s
from mvx.engine.desk import Desk, is_failing
from mvx.engine.flatten import flatten
from mvx.engine.listen import listening
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import reconcile_venue
from mvx.engine.results import RunResult
from mvx.engine.route import route
from mvx.engine.route_order import RouteOrder
from mvx.engine.watch import dispatched
from mvx.errors import ConfigError, Exit, JournalError, LeaseLost, MvxError
from mvx.journal import jobs as queue
from mvx.journal import views
from mvx.journal.jobs import LEADER, Job
from mvx.journal.store import Lease
from mvx.venues.budgets import share_used

Say = Callable[[Outcome], None]

#: So many routes are worked at once; the others wait in the queue. A flatten waits for none.
MAX_AT_ONCE = 8
#: Of a venue's budget of requests: while more is used, it is not read for the sake of reading.
MOST_USED = 0.25
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Around:
    """What the daemon's surroundings give it: whom to tell, what to touch while it is alive, how the
    configuration is read anew once `hangup` is set, and what keeps a defect's traceback and says where."""

    say: Say
    beat: Callable[[], None]
    hangup: asyncio.Event
    reread: Callable[[], Settings]
    log: Callable[[BaseException], str]


@dataclass(slots=True)
class Runner:
    """A leader at work."""

    desk: Desk
    lease: Lease
    around: Around
    began_at: Instant
    working: dict[JobId, asyncio.Task[None]] = field(default_factory=dict)
    ended: int = 0
    passes: int = 0
    breaks: int = 0
    stopping: bool = False


async def run(desk: Desk, around: Around) -> Outcome:
    """Lead until cancelled. Raises JournalError where somebody else leads, LeaseLost where somebody took
    over."""
    runner = Runner(desk, await _take_the_lead(desk), around, desk.clock.now())
    try:
        async with listening(desk, desk.venues):
            await _until_stopped(runner)
    finally:
        with desk.journal.write() as tx:
            tx.drop_lease(runner.lease)
    return _outcome(runner)


async def _take_the_lead(desk: Desk) -> Lease:
    """At once; after a leader that died, when its lease has run out."""
    while True:
        with desk.journal.write() as tx:
            lease = tx.take_lease(LEADER, desk.holder)
            leader = queue.leader(tx, tx.at)
        if lease is not None:
            return lease
        if leader is not None and desk.is_alive(leader.holder):
            raise JournalError(
                f"process {leader.holder.partition('-')[0]} leads this journal already",
                known="this one did nothing",
                next_step="stop that one first, or let it work: mvx venue-status",
            )
        await desk.clock.sleep(_LOOK_S)


async def _until_stopped(runner: Runner) -> None:
    """All loops at once. One that fails stops the others, after what is in flight is settled."""
    loops: list[Coroutine[Any, Any, None]] = [_keep_the_lead(runner), _work_jobs(runner), _reread(runner)]
    loops += [_watch(runner, venue) for venue in runner.desk.venues]
    tasks = [asyncio.ensure_future(loop) for loop in loops]
    try:
        await asyncio.gather(*tasks)
    except asyncio.CancelledError:
        pass
    finally:
        runner.stopping = True
        await _stop([task for task in tasks if task is not tasks[0]])
        await _stop(list(runner.working.values()))
        await _stop(tasks)


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    """Each is cancelled once and may settle what it began."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_the_lead(runner: Runner) -> None:
    def beat() -> None:
        with runner.desk.journal.write(runner.lease) as tx:
            runner.desk.watch.flush(tx)
        runner.around.beat()

    beat()
    await beats(beat)


async def _reread(runner: Runner) -> None:
    """New limits for every order, new manners for what begins from now on; other venues, or another journal,
    need a new start. A configuration with an error in it changes nothing."""
    while True:
        await runner.around.hangup.wait()
        runner.around.hangup.clear()
        try:
            found = runner.around.reread()
        except ConfigError as error:
            line = f"the configuration was not read again, the old one stays in force: {error.message}"
            runner.around.say(Outcome(None, Exit.OK, warnings=(line,)))
            continue
        old = runner.desk.settings
        fixed = replace(found, route=old.route, risk=old.risk, interval_s=old.interval_s) != old
        line = "limits and manners were read again"
        if fixed:
            line += "; what else changed needs a new start of mvx run"
        settings = replace(old, route=found.route, risk=found.risk, interval_s=found.interval_s)
        runner.desk = replace(runner.desk, settings=settings)
        runner.desk.in_force.limits = found.risk
        runner.around.say(Outcome(None, Exit.OK, warnings=(line,)))


async def _work_jobs(runner: Runner) -> None:
    while True:
        for late in jobs.withdraw_late(runner.desk, runner.lease):
            line = f"{late.kind} {late.job_id} was not begun in its time, and was taken out of the queue"
            runner.around.say(Outcome(None, Exit.OK, warnings=(line,)))
        while job := jobs.claim(runner.desk, runner.lease, frozenset(runner.working), MAX_AT_ONCE):
            runner.working[job.job_id] = asyncio.ensure_future(_work(runner, job))
        await runner.desk.clock.sleep(_LOOK_S)


async def _work(runner: Runner, job: Job) -> None:
    sent: list[ClOrdId] = []
    dispatched.set(sent)  # for what this task asks
    try:
        answer = await _answer(runner, job)
    except MvxError as error:
        answer = error
    except Exception as error:  # noqa: BLE001 - a defect in one job is its answer, and no end of the others
        # What a leader before this one sent for it is not known here.
        answer = Defect(error, runner.around.log(error), sent=bool(sent) or job.worker is not None)
    if runner.stopping:
        return  # the next leader goes on with it
    if isinstance(answer, MvxError) and is_failing(answer):
        del runner.working[job.job_id]
        return  # that is no answer: whoever leads goes on with it, this one where it can write again
    try:
        jobs.end(runner.desk, runner.lease, job.job_id, answer)
    except LeaseLost:
        return  # likewise: somebody leads already
    except JournalError:
        del runner.working[job.job_id]
        return  # likewise: it is answered anew, from what it did
    del runner.working[job.job_id]
    runner.ended += 1
    runner.around.say(_told(job, answer))


class Defect(MvxError):
    """mvx itself failed in the middle of a job: what is known then is said as of any command."""

    code = "defect"

    def __init__(self, error: BaseException, where: str, *, sent: bool) -> None:
        super().__init__(f"a defect in mvx ({type(error).__name__}); {where}")
        self.sent = sent


async def _answer(runner: Runner, job: Job) -> Outcome | MvxError:
    order = jobs.order_of(job)
    if isinstance(order, RouteOrder):
        keyed = replace(order, id=jobs.key_of(job), resume=order.resume or job.worker is not None)
        begun = job.worker is not None
        return await route(runner.desk, keyed, show=lambda plan: None, confirm=None, begun=begun)
    given_up = partial(jobs.is_ended, job_id=job.job_id)
    return await flatten(runner.desk, order, show=lambda plan: None, confirm=None, given_up=given_up)


async def _watch(runner: Runner, venue: Venue) -> None:
    """One venue's passes, each when it is due."""
    desk = runner.desk
    while True:
        passed = await reconcile_venue(runner.desk, venue)
        runner.passes += 1
        runner.breaks += len(passed.breaks)
        changes = desk.watch.changes()
        if passed.breaks or changes:
            runner.around.say(Outcome(None, Exit.OK, breaks=passed.breaks, warnings=changes))
        with desk.journal.read() as tx:
            restless = bool(views.unsettled_orders(tx, venue)) or bool(passed.pending)
        health = desk.watch.health(venue)
        await desk.clock.sleep(
            pause_s(runner.desk.settings.interval_s, health, desk.clock.now(), restless=restless)
        )
        await _let_others_ask(desk, venue)


async def _let_others_ask(desk: Desk, venue: Venue) -> None:
    """What others do on the account comes first: a pass on the least budget of Kraken takes nearly all of it,
    and one after the other would leave nobody else any."""
    shared = shared_folder(desk.settings.desk.journal)
    while (share_used(shared, venue, desk.clock.now()) or 0.0) > MOST_USED:
        await desk.clock.sleep(1.0)


def _told(job: Job, answer: Outcome | MvxError) -> Outcome:
    """A job's end, for whoever watches the leader."""
    if isinstance(answer, MvxError):
        line = f"{job.kind} {job.job_id} ended: {answer.message}"
        return Outcome(None, answer.exit_code, breaks=answer.breaks, warnings=(line, *answer.warnings))
    line = f"{job.kind} {job.job_id} ended with exit {int(answer.exit_code)}"
    loud = (line, *answer.warnings) if answer.exit_code is not Exit.OK else ()
    return Outcome(None, answer.exit_code, breaks=answer.breaks, warnings=loud)


def _outcome(runner: Runner) -> Outcome:
    ran_s = seconds_between(runner.began_at, runner.desk.clock.now())
    result = RunResult(runner.ended, runner.passes, runner.breaks, ran_s)
    left = tuple(f"{job_id} is left to the next leader" for job_id in runner.working)
    sent = runner.desk.watch.has_sent
    return Outcome(result, Exit.OK, sent=sent, warnings=(*left, *runner.desk.watch.changes()))
