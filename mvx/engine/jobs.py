"""Work that is handed over to whoever leads: queued, claimed once, answered, or taken back.

Rule: a job moves by compare-and-set in a transaction: queued -> claimed (by the leader, fenced) -> ended, or
queued -> withdrawn (by whoever queued it, or by a leader that comes too late to it). The operator may end
what is claimed: whoever works it finds that it has its answer, and stops. What is claimed is never executed
by anybody but a leader, so that a command and a daemon can not both do it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mvx.domain.entries import JobClaimed, JobEnded, JobQueued, JobWithdrawn
from mvx.domain.ids import JobId
from mvx.domain.instant import Instant, after
from mvx.engine.desk import Desk
from mvx.engine.flatten_order import FlattenOrder
from mvx.engine.moment import Moment
from mvx.engine.outcome import BreakRow, Outcome
from mvx.engine.results import FlattenResult, RouteResult
from mvx.engine.route_order import RouteOrder
from mvx.errors import Exit, LeaderGone, MvxError, Refused
from mvx.journal import jobs
from mvx.journal.codec import decode_as, encode
from mvx.journal.jobs import Job
from mvx.journal.store import Lease, ReadTx, WriteTx
from mvx.risk.question import Refusal

Order = RouteOrder | FlattenOrder

_FOLLOW_S = 0.1
#: Who took a job back that was not begun in its time.
_TOO_LATE = "the leader, too late to begin it,"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a job of this name asks for, and what it answers. `waits`: for room beside those at work; an
    emergency does not."""

    order: type
    result: type
    waits: bool


KINDS = {
    "route": Kind(RouteOrder, RouteResult, waits=True),
    "flatten": Kind(FlattenOrder, FlattenResult, waits=False),
}


class JobStopped(MvxError):
    """The answer of a job that the operator stopped in the middle."""

    code = "interrupted"
    exit_code = Exit.UNCERTAIN

    def __init__(self, job_id: JobId) -> None:
        super().__init__(
            f"{job_id} was stopped by the operator",
            known="what it sent is in the journal and stays reserved, and what it halted stays halted",
            next_step="mvx orders --open, then mvx positions",
        )


class JobLeftOpen(MvxError):
    """The answer of a job that was open when the journal was found put back or copied."""

    code = "interrupted"
    exit_code = Exit.UNCERTAIN

    def __init__(self, job_id: JobId) -> None:
        super().__init__(
            f"the journal was found put back or copied, and nobody goes on with {job_id}",
            known="what it sent is reserved or will be found as foreign",
            next_step="mvx reconcile, then mvx positions",
        )


class JobFailed(MvxError):
    """The leader's own error, with its code, as if it had been raised here."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"], known=error["known"], next_step=error["next_step"])
        self.code = error["code"]
        self.exit_code = Exit(error["exit_code"])
        self.warnings = tuple(error["warnings"])
        self.breaks = tuple(BreakRow(**row) for row in error["breaks"])
        self.refusals = tuple(decode_as(Refusal, json.dumps(each)) for each in error.get("refusals", ()))
        self.sent = error.get("sent", False)


def kind_of(order: Order) -> str:
    return next(name for name, kind in KINDS.items() if isinstance(order, kind.order))


def somebody_leads(desk: Desk) -> bool:
    with desk.journal.read() as tx:
        return jobs.leader(tx, desk.clock.now()) is not None


def queue(desk: Desk, order: Order, by: str) -> JobId:
    """Durable before it is followed."""
    with desk.journal.write() as tx:
        job_id = tx.next_job_id()
        tx.append(JobQueued(job_id, kind_of(order), encode(order), by))
    return job_id


def order_of(job: Job) -> Order:
    order: Order = decode_as(KINDS[job.kind].order, job.params)
    return order


def key_of(job: Job) -> str:
    """The idempotency key that its parent has: it makes one run of it, whoever begins and whoever goes on."""
    order = order_of(job)
    return (order.id if isinstance(order, RouteOrder) else None) or f"job/{job.job_id}"


def claim(desk: Desk, lease: Lease, busy: frozenset[JobId], most: int) -> Job | None:
    """The oldest job that nobody works and that need not wait: one in the queue, or one whose leader is gone
    (`worker` tells). `most`: so many of those that wait are worked at once."""
    with desk.journal.read() as tx:
        if _next(tx, desk.clock.now(), busy, most) is None:
            return None
    with desk.journal.write(lease) as tx:
        job = _next(tx, tx.at, busy, most)
        if job is not None:
            tx.append(JobClaimed(job.job_id, desk.holder))
        return job


def withdraw_late(desk: Desk, lease: Lease) -> tuple[Job, ...]:
    """Take out of the queue what was not begun in its time: whoever waited for it and is gone would have it
    traded at any later time, and whoever is there does it itself."""
    with desk.journal.read() as tx:
        if not _late(tx, desk.clock.now()):
            return ()
    with desk.journal.write(lease) as tx:
        late = _late(tx, tx.at)
        for job in late:
            tx.append(JobWithdrawn(job.job_id, _TOO_LATE))
        return late


def _late(tx: ReadTx, at: Instant) -> tuple[Job, ...]:
    return tuple(job for job in jobs.open_jobs(tx) if _is_late(job, at))


def _is_late(job: Job, at: Instant) -> bool:
    """By the log's own times. One of the future is late: the clock was set back, so that nobody knows for how
    long it has waited."""
    within_s = json.loads(job.params).get("begin_within_s")
    if job.status != "queued" or within_s is None:
        return False
    return not job.at <= at <= after(job.at, within_s)


def _next(tx: ReadTx, at: Instant, busy: frozenset[JobId], most: int) -> Job | None:
    found = [job for job in jobs.open_jobs(tx) if not _is_late(job, at)]
    full = sum(job.job_id in busy and KINDS[job.kind].waits for job in found) >= most
    return next((j for j in found if j.job_id not in busy and not (full and KINDS[j.kind].waits)), None)


def end(desk: Desk, lease: Lease, job_id: JobId, answer: Outcome | MvxError) -> None:
    """Unless the operator ended it before."""
    with desk.journal.write(lease) as tx:
        if not is_ended(tx, job_id):
            tx.append(JobEnded(job_id, _text(answer)))


def stop_for_good(tx: WriteTx, job_id: JobId) -> None:
    """Nothing more is begun for it, by whoever works it or by whoever leads next."""
    tx.append(JobEnded(job_id, _text(JobStopped(job_id))))


def is_ended(tx: ReadTx, job_id: JobId) -> bool:
    found = jobs.job(tx, job_id)
    return found is not None and found.status == "ended"


async def follow(desk: Desk, job_id: JobId) -> Outcome | None:
    """The job's answer once it is there. None: nobody had begun it, and nobody leads or whoever does had no
    room for it within max_s, so it was withdrawn, and whoever queued it may do it. Raises JobFailed with the
    leader's error, JobLeftOpen, LeaderGone, and Refused where the operator withdrew it."""
    late = Moment(desk.clock, desk.settings.route.max_s)
    while True:
        with desk.journal.read() as tx:
            job = jobs.job(tx, job_id)
            leader = jobs.leader(tx, desk.clock.now())
        assert job is not None
        if job.status == "ended":
            return _answer(job)
        if job.status == "withdrawn" and job.worker == _TOO_LATE:
            return None
        if job.status == "withdrawn":
            raise Refused(
                f"{job_id} was taken out of the queue by the operator",
                known="nothing of it was begun, and nothing was sent",
                next_step="mvx orders --open",
            )
        unheeded = leader is None or late.left_s() <= 0
        if job.status == "queued" and unheeded and withdraw(desk, job_id):
            return None
        if leader is None and job.status == "claimed":
            raise LeaderGone(
                f"whoever led stopped in the middle of job {job_id}",
                known="what it sent is in the journal and stays reserved; nothing is sent by this command",
                next_step=f"mvx orders --open; the next mvx run goes on with it; or mvx cancel {job_id}",
            )
        await desk.clock.sleep(_FOLLOW_S)


def withdraw(desk: Desk, job_id: JobId) -> bool:
    """Take a job back that nobody has begun; False where somebody has."""
    with desk.journal.write() as tx:
        job = jobs.job(tx, job_id)
        if job is None or job.status != "queued":
            return False
        tx.append(JobWithdrawn(job_id, desk.holder))
    return True


def _text(answer: Outcome | MvxError) -> str:
    if isinstance(answer, MvxError):
        said = {
            "code": answer.code,
            "exit_code": int(answer.exit_code),
            "message": answer.message,
            "known": answer.known,
            "next_step": answer.next_step,
            "warnings": answer.warnings,
            "breaks": [row._asdict() for row in answer.breaks],
            "refusals": [json.loads(encode(each)) for each in answer.refusals],
            "sent": answer.sent,
        }
        return json.dumps({"error": said})
    return json.dumps(
        {
            "data": json.loads(encode(answer.data)),
            "exit_code": int(answer.exit_code),
            "sent": answer.sent,
            "uncertain": answer.uncertain,
            "breaks": [row._asdict() for row in answer.breaks],
            "warnings": answer.warnings,
        }
    )


def _answer(job: Job) -> Outcome:
    if not job.answer:
        raise JobLeftOpen(job.job_id)
    said = json.loads(job.answer)
    if "error" in said:
        raise JobFailed(said["error"])
    return Outcome(
        data=decode_as(KINDS[job.kind].result, json.dumps(said["data"])),
        exit_code=Exit(said["exit_code"]),
        sent=said["sent"],
        uncertain=said["uncertain"],
        breaks=tuple(BreakRow(**row) for row in said["breaks"]),
        warnings=tuple(said["warnings"]),
    )
