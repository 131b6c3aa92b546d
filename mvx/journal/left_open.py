"""What an older state of the journal holds as open, and how that is closed: nobody goes on with it by itself.

A job that waits in a backup, or that a parent was being worked for, may have been done since: what came of it
is in the log that is lost. To work it would trade it twice, so in a journal that was put back or copied every
one is ended, and the operator is told what to type where it is wanted still.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from mvx.domain.entries import Entry, JobEnded, ParentClosed
from mvx.domain.money import plain
from mvx.sqlite import Connection

#: How a parent ends whose worker is gone: it is gone on with where somebody asks for that, never by itself.
DIED = "died"
#: The answer of a job that nobody answered.
UNANSWERED = ""
_OPEN_JOBS = (
    "SELECT job_id, kind, params, status FROM jobs WHERE status IN ('queued', 'claimed') ORDER BY seq"
)
_AT_WORK = "SELECT parent_id FROM parents WHERE status = 'working' ORDER BY parent_id"
_FENCE_OUT = """
UPDATE leases SET fence = fence + 1, expires_at = 0
WHERE name IN (SELECT parent_id FROM parents WHERE status = 'working')
"""
_OF_ROUTE = {
    "limit_px": "--limit",
    "max_slippage_bps": "--max-slippage-bps",
    "venues": "--venue",
    "exclude": "--exclude",
    "max_rounds": "--max-rounds",
    "id": "--id",
}
_OF_FLATTEN = {"venues": "--venue", "instruments": "--instrument"}


class LeftOpen(NamedTuple):
    """`entries` close it; `told` is what an operator hears of each."""

    entries: tuple[Entry, ...]
    told: tuple[str, ...]


def close(connection: Connection) -> LeftOpen:
    """For the transaction that found the journal put back or copied: whoever works a parent is fenced out."""
    jobs = connection.execute(_OPEN_JOBS).fetchall()
    parents = [parent_id for (parent_id,) in connection.execute(_AT_WORK)]
    connection.execute(_FENCE_OUT)
    entries: list[Entry] = [JobEnded(job_id, UNANSWERED) for job_id, *_ in jobs]
    entries += [ParentClosed(parent_id, DIED, "") for parent_id in parents]
    told = [
        f"{job_id} is {status} in it and is not worked, for it may be done since: mvx reconcile, and where it"
        f" is wanted still: {_typed(connection, kind, params)}"
        for job_id, kind, params, status in jobs
    ]
    told += [
        f"{parent_id} was at work in it, and nothing more is sent for it: mvx explain {parent_id}"
        for parent_id in parents
    ]
    return LeftOpen(tuple(entries), tuple(told))


def _typed(connection: Connection, kind: str, params: str) -> str:
    """The command that asks for a job again; what was asked for, where this version can not read it."""
    try:
        asked = json.loads(params)
        return shlex.join(_flatten(asked) if kind == "flatten" else _route(connection, asked))
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return f"{kind} {params}"


def _route(connection: Connection, asked: Mapping[str, Any]) -> list[str]:
    words = ["mvx", "route", asked["instrument"], asked["order_qty"]]
    words += ["--sell"] * (asked["side"] == "sell") + ["--post-only"] * asked["post_only"]
    words += ["--tif", asked["time_in_force"]] * (asked["time_in_force"] != "ioc")
    words += _given(asked, _OF_ROUTE)
    if asked["deadline_s"] is not None:
        words += ["--deadline", _seconds(asked["deadline_s"])]
    if asked.get("twap_s") is not None:
        words += ["--twap", f"{_seconds(asked['twap_s'])}s"]
    begun = connection.execute("SELECT 1 FROM parents WHERE key = ?", (asked["id"],)).fetchone()
    return words + ["--resume"] * bool(begun) + ["--queue"]


def _flatten(asked: Mapping[str, Any]) -> list[str]:
    words = ["mvx", "flatten", *_given(asked, _OF_FLATTEN)]
    return words + ["--to-zero"] * asked["to_zero"] + ["--foreign"] * asked["foreign"]


def _given(asked: Mapping[str, Any], options: Mapping[str, str]) -> Iterator[str]:
    for name, option in options.items():
        value = asked[name]
        if value is not None and value != []:
            yield option
            yield ",".join(value) if isinstance(value, list) else str(value)


def _seconds(value: float) -> str:
    return plain(Decimal(str(value)))
