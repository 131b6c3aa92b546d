"""The JSON envelope, a contract with scripts: one compact line, on success and on failure.

Decimals become plain strings; integers named `at`, `since` or `..._at` are instants and become
RFC 3339 texts; other floats keep three places.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mvx.cli.render import safe_text
from mvx.config.problems import BETWEEN_PROBLEMS
from mvx.domain.instant import Instant, rfc3339
from mvx.domain.money import plain, ten_digits
from mvx.errors import EXIT_MEANINGS, Exit

if TYPE_CHECKING:
    from mvx.engine.outcome import BreakRow, Outcome

SCHEMA = 1


class Failure(NamedTuple):
    """What failed, what is known at the venue, and the next command to run."""

    code: str
    message: str
    known: str
    next_step: str
    exit_code: int
    uncertain: bool = False
    warnings: tuple[str, ...] = ()
    breaks: tuple[BreakRow, ...] = ()
    sent: bool = False
    refusals: tuple[Any, ...] = ()


def encode(value: Any, key: str = "") -> Any:
    """The value as JSON's own types; `key` is the name that it stands under."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, int):
        return rfc3339(Instant(value)) if key in ("at", "since") or key.endswith("_at") else int(value)
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, Mapping):
        return {str(name): encode(inner, str(name)) for name, inner in value.items()}
    names = getattr(value, "_fields", None) or getattr(value, "__dataclass_fields__", None)
    if names:
        return {name: encode(getattr(value, name), name) for name in names}
    if isinstance(value, Sequence):
        return [encode(inner, key) for inner in value]
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no encoding for {type(value).__name__}")


def answer_line(command: str, mode: str, outcome: Outcome) -> str:
    """The envelope of an answer."""
    return _line(
        command,
        mode,
        exit_code=int(outcome.exit_code),
        sent=outcome.sent,
        uncertain=outcome.uncertain,
        data=encode(outcome.data),
        breaks=encode(outcome.breaks),
        warnings=list(outcome.warnings),
        error=None,
    )


def failure_line(command: str, mode: str, failure: Failure) -> str:
    """The envelope of a failure."""
    code, message, known, next_step, exit_code, uncertain, warnings, breaks, sent, refusals = failure
    error = {"code": code, "message": message, "known": known, "next": next_step}
    if refusals:
        error["refusals"] = encode(refusals)
    return _line(
        command,
        mode,
        exit_code=exit_code,
        sent=sent or uncertain,
        uncertain=uncertain,
        data={},
        breaks=encode(breaks),
        warnings=list(warnings),
        error=error,
    )


def _line(command: str, mode: str, **rest: Any) -> str:
    envelope = {"schema": SCHEMA, "command": command, "mode": mode, **rest}
    # JSON itself leaves DEL as it is.
    return json.dumps(envelope, separators=(",", ":"), allow_nan=False).replace("\x7f", "\\u007f")


def failure_lines(failure: Failure) -> str:
    """The same for people: what failed, what is known, what to run."""
    # Only a config's list of problems has lines of its own: in other messages others may have put them.
    lines = failure.message.split(BETWEEN_PROBLEMS) if failure.code == "config" else [failure.message]
    if len(failure.refusals) > 1:
        lines = [f"{failure.message.partition(': ')[0]}:", *map(_refused, failure.refusals)]
    message = BETWEEN_PROBLEMS.join(map(safe_text, lines))
    return f"error: {message}\nknown: {safe_text(failure.known)}\nnext:  {safe_text(failure.next_step)}"


def _refused(refusal: Any) -> str:
    """One limit. Money to ten digits, where they tell it from the bound: it is prices times rates, and --json
    has all of it."""
    from mvx.engine.admission import refusal_line

    line, value = refusal_line(refusal), refusal.value
    is_money = any(word in refusal.limit for word in ("notional", "turnover"))
    if value is None or not is_money or ten_digits(value) == plain(refusal.bound):
        return line
    return line.replace(plain(value), ten_digits(value))


def unfinished_lines(outcome: Outcome) -> str:
    """Below an answer that is no error and not all that was asked for either: what that is, what to run."""
    from mvx.engine.results import FlattenResult
    from mvx.engine.words import AFTER_EXIT, after_incomplete

    exit_code, data = outcome.exit_code, outcome.data
    next_step = AFTER_EXIT[exit_code]
    if exit_code is Exit.INCOMPLETE:
        rows = data.venues if isinstance(data, FlattenResult) else ()
        next_step = after_incomplete([row.venue for row in rows if row.reason])
    return f"exit {exit_code}: {EXIT_MEANINGS[exit_code]}\nnext:  {next_step}"


def break_line(row: BreakRow) -> str:
    """`break missing_fill kraken BTC ours 0.4 theirs 0.5 corrected: the note; known: ...; next: mvx ...`."""
    where = " ".join(part for part in (row.kind, row.venue, row.asset, row.cl_ord_id, row.exec_id) if part)
    verdict = "corrected" if row.corrected else "not corrected"
    note = f": {row.note}" if row.note else ""
    numbers = f"ours {row.ours} theirs {row.theirs} {verdict}{note}"
    return safe_text(f"break {where} {numbers}; known: {row.known}; next: {row.next}")
