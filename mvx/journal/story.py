"""Which entries of the log a story is made of. For `mvx explain`: it reads the log from end to end, once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mvx.domain.entries import Entry
from mvx.domain.ids import ClOrdId, JobId
from mvx.domain.instant import Instant
from mvx.journal.codec import decode
from mvx.journal.history import ParentRow
from mvx.journal.store import ReadTx


class Logged(NamedTuple):
    """One entry, where it stands in the log, and when it was written."""

    seq: int
    at: Instant
    entry: Entry


def entries_that_hold(tx: ReadTx, names: Iterable[str], kinds: Iterable[str]) -> Iterator[Logged]:
    """Every entry that has one of these names anywhere in it, or is of one of these kinds, in order. Names
    are found as parts of longer ones too."""
    wanted = [_as_written(name) for name in names]
    sql = (
        "SELECT seq, at, kind, body FROM log"
        " WHERE kind IN (SELECT value FROM json_each(?1))"
        " OR EXISTS (SELECT 1 FROM json_each(?2) WHERE instr(body, value)) ORDER BY seq"
    )
    rows = tx.connection.execute(sql, (json.dumps(list(kinds)), json.dumps(wanted)))
    return (Logged(seq, at, decode(kind, body)) for seq, at, kind, body in rows)


def refs_of_breaks(tx: ReadTx, cl_ord_ids: Iterable[ClOrdId]) -> tuple[str, ...]:
    """The breaks about these orders, by what makes each of them one."""
    sql = "SELECT ref FROM breaks WHERE cl_ord_id = ? ORDER BY id"
    return tuple(ref for each in cl_ord_ids for (ref,) in tx.connection.execute(sql, (each,)))


def jobs_of(tx: ReadTx, parent: ParentRow) -> tuple[JobId, ...]:
    """The jobs that asked for a parent, or that answer with it."""
    sql = (
        "SELECT job_id FROM jobs WHERE 'job/' || job_id = ?1 OR params ->> 'id' = ?1"
        " OR instr(coalesce(answer, ''), ?2) ORDER BY seq"
    )
    return tuple(job_id for (job_id,) in tx.connection.execute(sql, (parent.key, parent.parent_id)))


def _as_written(name: str) -> str:
    """As it stands in the text of an entry."""
    return json.dumps(name)[1:-1]
