"""Work that is handed over to whoever leads: queued, claimed once, answered, or taken back.

Rule: a job moves by compare-and-set in a transaction: queued -> claimed (by the leader, fenced) -> ended, or
queued -> withdrawn (by whoever queued it). What is claimed is never executed by anybody but a leader, so
that a command and a daemon can not both do it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from mvx.domain.entries import JobClaimed, JobEnded, JobQueued, JobWithdrawn
from mvx.domain.ids import JobId
from mvx.engine.desk import Desk
from mvx.engine.flatten import FlattenOrder
from mvx.engine.outcome import BreakRow, Outcome
from mvx.engine.results import FlattenResult, RouteResult
from mvx.engine.route_order import RouteOrder
from mvx.errors import Exit, MvxError
from mvx.journal import jobs
from mvx.journal.codec import decode_as, encode
from mvx.journal.store import Lease

ROUTE, FLATTEN = "route", "flatten"
_ORDERS: dict[str, type] = {ROUTE: RouteOrder, FLATTEN: FlattenOrder}
_RESULTS: dict[str, type] = {ROUTE: RouteResult, FLATTEN: FlattenResult}
_FOLLOW_S = 0.1

Order = RouteOrder | FlattenOrder


class JobFailed(MvxError):
    """The leader's own error, as it would have been raised here."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"], known=error["known"], next_step=error["next"])
        self.code = error["code"]
        self.exit_code = Exit(error["exit_code"])


class LeaderGone(MvxError):
    """Nobody leads any more, and the job had been begun."""

    code = "leader_gone"
    exit_code = Exit.UNCERTAIN
