"""Queries of handed-over work, and of who leads."""

from __future__ import annotations

from typing import NamedTuple

from mvx.domain.ids import JobId
from mvx.domain.instant import Instant
from mvx.journal.store import HELD, ReadTx, held

LEADER = "run"


class Job(NamedTuple):
    """`status`: queued, claimed, ended or withdrawn; `worker` who claimed it last; `answer` once ended."""

    job_id: JobId
    kind: str
    params: str
    by: str
    status: str
    worker: str | None
    answer: str | None
    at: Instant


class Leader(NamedTuple):
    """Who leads, and until when it need not be heard of."""

    holder: str
    expires_at: Instant


_JOBS = "SELECT job_id, kind, params, by, status, worker, answer, at FROM jobs"


def job(tx: ReadTx, job_id: JobId) -> Job | None:
    row = tx.connection.execute(f"{_JOBS} WHERE job_id = ?", (job_id,)).fetchone()
    return None if row is None else Job(*row)


def open_jobs(tx: ReadTx) -> tuple[Job, ...]:
    """Queued or claimed, the oldest first."""
    rows = tx.connection.execute(f"{_JOBS} WHERE status IN ('queued', 'claimed') ORDER BY seq")
    return tuple(Job(*row) for row in rows)


def leader(tx: ReadTx, at: Instant) -> Leader | None:
    """Who leads now; None where nobody does."""
    sql = f"SELECT holder, expires_at FROM leases WHERE name = ? AND {HELD}"  # noqa: S608  our own words
    row = tx.connection.execute(sql, (LEADER, *held(at))).fetchone()
    return None if row is None else Leader(*row)
