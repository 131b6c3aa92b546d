"""Every error that mvx raises on purpose, and the exit code each one ends in.

    MvxError
    ├── UsageError              2  what was typed
    │   └── BadNumber           2  a number that is not plain, finite and short
    ├── ConfigError             2  what was configured
    ├── Refused                 4  risk, halt, declined, an id used before
    ├── NoVenueUsable           7  nothing to route to
    ├── JournalError            8  missing, busy, locked, read-only, full, affected SQLite
    │   ├── JournalDamaged      8  no database, or parts of it are gone
    │   ├── VenueBusy           8  somebody else is at work on the account
    │   └── LeaseLost           5  another worker holds the parent now
    ├── LeaderGone              5  whoever led stopped in the middle of a job
    ├── AnswerLost              8  stdout took no answer: its disk is full
    ├── StoppedFollowing        -  a signal, while somebody else works; the exit is the signal's
    ├── BadVenueData            -  a venue said something that can not be true
    └── VenueError              -  what became of one call to a venue
        ├── VenueRejected           the venue refused, by a parsed code
        ├── VenueUnreachable        the request never left: nothing can have happened
        │   └── HeldBack                we kept it back ourselves, so that it says nothing about the venue
        │       ├── NoKey                   there is no key to ask with
        │       └── DeadlinePassed          it would have been too late
        └── OutcomeUnknown          it left, and no answer that can be relied on came back

Rule: an error says what failed (`message`), what is known at the venue (`known`) and what to run
next (`next_step`). Venue errors are inputs of the engine and never reach the operator raw.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple


class Exit(IntEnum):
    """The exit codes, a contract with scripts and cron."""

    OK = 0
    DEFECT = 1
    USAGE = 2
    INCOMPLETE = 3
    REFUSED = 4
    UNCERTAIN = 5
    BREAKS = 6
    NO_VENUE = 7
    UNAVAILABLE = 8
    INTERRUPTED = 130
    TERMINATED = 143


#: Where several apply the first wins. 2 and 4 only where nothing was dispatched.
PRECEDENCE = (
    Exit.DEFECT,
    Exit.UNCERTAIN,
    Exit.UNAVAILABLE,
    Exit.USAGE,
    Exit.NO_VENUE,
    Exit.REFUSED,
    Exit.BREAKS,
    Exit.INCOMPLETE,
    Exit.OK,
)


def worst_exit(*codes: Exit) -> Exit:
    """The code that a command ends in when several apply."""
    return min(codes, key=PRECEDENCE.index, default=Exit.OK)


#: What each means, as README's table has it.
EXIT_MEANINGS: dict[Exit, str] = {
    Exit.OK: "done; the journal and the venues agree",
    Exit.DEFECT: "a defect in mvx; the traceback is in the log",
    Exit.USAGE: "usage or configuration; nothing was sent",
    Exit.INCOMPLETE: "incomplete: some of the quantity was not filled; nothing is uncertain",
    Exit.REFUSED: "refused: risk, a halt, declined, or an `--id` used before with other parameters; "
    "nothing was sent",
    Exit.UNCERTAIN: "uncertain: an outcome, or a position that was asked about, is not confirmed; it is "
    "reserved, and shown as an interval",
    Exit.BREAKS: "`reconcile`, `flatten`: breaks were found, corrected or not; other verbs list corrected "
    "breaks and keep their own code",
    Exit.NO_VENUE: "no venue could be used",
    Exit.UNAVAILABLE: "the journal or a venue account is missing, busy, locked, read-only or full; or "
    "the answer could not be written",
    Exit.INTERRUPTED: "interrupted; what was in flight is in the journal",
    Exit.TERMINATED: "interrupted; what was in flight is in the journal",
}


class MvxError(Exception):
    """What failed, what is known, what to do; `code` is stable, and `means` says it in `mvx explain` and in
    docs/errors.md. `warnings` and `breaks`: what else an operator should hear of, as in an answer.
    `refusals`: each limit that risk refused by. `sent`: orders had been sent before it failed."""

    code = "error"
    means = "an error with no code of its own; a defect too"
    exit_code = Exit.DEFECT

    def __init__(self, message: str, *, known: str = "", next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.known = known
        self.next_step = next_step
        self.warnings: tuple[str, ...] = ()
        self.breaks: tuple[Any, ...] = ()
        self.refusals: tuple[Any, ...] = ()
        self.sent = False


def exit_of(error: BaseException) -> Exit:
    """What a command ends in that raised it."""
    return error.exit_code if isinstance(error, MvxError) else Exit.DEFECT


class UsageError(MvxError):
    code = "usage"
    means = "what was typed is not a command of mvx"
    exit_code = Exit.USAGE


class BadNumber(UsageError):
    code = "bad_number"
    means = "a number that is not plain, finite and at most 40 digits"


class ConfigError(MvxError):
    code = "config"
    means = (
        "the configuration; the message lists every error at once, each with its key, what "
        "was found and what is allowed"
    )
    exit_code = Exit.USAGE


class Refused(MvxError):
    code = "refused"
    means = (
        "risk, a halt, a declined question, or an `--id` used before with other parameters; nothing was sent"
    )
    exit_code = Exit.REFUSED

    def __init__(
        self, message: str, *, known: str = "", next_step: str = "", refusals: tuple[Any, ...] = ()
    ) -> None:
        super().__init__(message, known=known, next_step=next_step)
        self.refusals = refusals


class NoVenueUsable(MvxError):
    code = "no_venue"
    means = "no venue could be used"
    exit_code = Exit.NO_VENUE


class JournalError(MvxError):
    code = "journal"
    means = "the journal is missing, busy, locked, read-only, full, or its SQLite is not safe"
    exit_code = Exit.UNAVAILABLE

    def after_dispatch(self) -> None:
        """Orders are on their way, and the journal can not take what becomes of them."""
        self.sent = True
        self.exit_code = Exit.UNCERTAIN


class JournalDamaged(JournalError):
    """The file is no database, or SQLite finds parts of it gone."""

    code = "journal_damaged"
    means = "the journal's file, or the paper venues' beside it, is no database, or parts of it are gone"


class VenueBusy(JournalError):
    """Somebody else is at work on that venue's account, and does not end."""

    code = "venue_busy"
    means = "another command is at work on that venue's account, and does not end"


class LeaseLost(JournalError):
    code = "lease_lost"
    means = "another worker took the order over; it settles what this one sent"
    exit_code = Exit.UNCERTAIN


class LeaderGone(MvxError):
    """Nobody leads any more, and the job had been begun: the next leader goes on with it."""

    code = "leader_gone"
    means = "whoever led stopped in the middle of the job; the next `mvx run` goes on with it"
    exit_code = Exit.UNCERTAIN


class StoppedFollowing(MvxError):
    """A signal ended the following of what somebody else works; where that was `begun` for this command, not
    the work."""

    code = "interrupted"

    def __init__(self, known: str, next_step: str, *, begun: bool = False) -> None:
        super().__init__("stopped by a signal before the end", known=known, next_step=next_step)
        self.exit_code = Exit.UNCERTAIN if begun else Exit.INTERRUPTED


class AnswerLost(MvxError):
    """Stdout took no answer, and its reader did not go away by itself."""

    code = "answer_lost"
    means = "the answer could not be written to stdout, and nothing was sent"
    exit_code = Exit.UNAVAILABLE

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the answer could not be written: {why}",
            known="nothing was sent; what the command did is done",
            next_step="the same command, where its output can be written",
        )


class BadVenueData(MvxError):
    code = "bad_venue_data"
    means = "a venue said something that can not be true"
    exit_code = Exit.NO_VENUE


class VenueError(MvxError):
    code = "venue"
    means = "a call to a venue failed"
    exit_code = Exit.NO_VENUE


class Refusal(StrEnum):
    """What a venue's refusal is about: this request, our pace, the venue itself, or our key."""

    REQUEST = "request"
    THROTTLED = "throttled"
    CLOSED = "closed"
    FORBIDDEN = "forbidden"


class VenueRejected(VenueError):
    """A definite refusal; `reason_code` is the venue's own, parsed."""

    code = "venue_rejected"
    means = "the venue refused, by a code of its own"

    def __init__(self, message: str, *, reason_code: str, about: Refusal = Refusal.REQUEST) -> None:
        super().__init__(message)
        self.reason_code = reason_code
        self.about = about


class VenueUnreachable(VenueError):
    """The request never left this machine."""

    code = "venue_unreachable"
    means = "the request never left, so nothing can have happened"


class HeldBack(VenueUnreachable):
    """We kept it back ourselves: its turn under the rate budget or on the account's key did not come in
    time, or our clock is too far off. It says nothing about the venue."""

    code = "held_back"
    means = (
        "a request was kept back on our side: its turn under the rate budget or on the account's key did not"
        " come in time, its key could not be read, or this machine's clock is too far off"
    )


class NoKey(HeldBack):
    """The account's key is not configured, or can not be read."""


class DeadlinePassed(HeldBack):
    """At its deadline nothing may be sent any more."""

    code = "deadline_passed"
    means = "a request was held back, for at its deadline nothing may be sent any more"


class OutcomeUnknown(VenueError):
    """The request left and nothing reliable came back: it may or may not have been accepted."""

    code = "outcome_unknown"
    means = "the request left and no reliable answer came: it stays reserved until the venue's record tells"
    exit_code = Exit.UNCERTAIN


class ErrorCode(NamedTuple):
    """One value of `error.code`, and the exit codes that it may come with."""

    code: str
    exits: tuple[Exit, ...]
    means: str


def error_codes() -> tuple[ErrorCode, ...]:
    """Every value of `error.code`, the most general last."""
    interrupted = "a signal; what was in flight is in the journal"
    return (
        *_codes_below(MvxError),
        ErrorCode("interrupted", (Exit.INTERRUPTED, Exit.TERMINATED), interrupted),
        ErrorCode(
            "defect", (Exit.DEFECT,), "a defect in mvx; the traceback is in the log that the message names"
        ),
        ErrorCode(MvxError.code, (MvxError.exit_code,), MvxError.means),
    )


def _codes_below(family: type[MvxError]) -> Iterator[ErrorCode]:
    for kind in family.__subclasses__():
        if "means" in vars(kind):
            yield ErrorCode(kind.code, (kind.exit_code,), kind.means)
        yield from _codes_below(kind)
