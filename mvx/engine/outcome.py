"""The answer of every use case, and the breaks that it found on the way.

Apart from the results themselves, because every command loads this and a cron job loads it often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from mvx.domain.ids import Asset, ClOrdId, ExecId, Venue
from mvx.domain.instant import Instant
from mvx.errors import Exit


class BreakRow(NamedTuple):
    """One difference found by reconciliation, with both numbers, what is known at the venue and what to
    run next."""

    id: int
    venue: Venue
    kind: str
    asset: Asset | None
    cl_ord_id: ClOrdId | None
    exec_id: ExecId | None
    ours: str
    theirs: str
    corrected: bool
    at: Instant
    note: str
    known: str
    next: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """A use case's answer with what the envelope needs: whether anything was sent, whether anything
    is uncertain, the breaks found on the way, and the exit code."""

    data: object
    exit_code: Exit
    sent: bool = False
    uncertain: bool = False
    breaks: tuple[BreakRow, ...] = ()
    warnings: tuple[str, ...] = ()
