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
    ├── BadVenueData            -  a venue said something that can not be true
    └── VenueError              -  what became of one call to a venue
        ├── VenueRejected           the venue refused, by a parsed code
        ├── VenueUnreachable        the request never left: nothing can have happened
        │   └── HeldBack                we kept it back ourselves, so that it says nothing about the venue
        │       └── DeadlinePassed          it would have been too late
        └── OutcomeUnknown          it left, and no answer that can be relied on came back

Rule: an error says what failed (`message`), what is known at the venue (`known`) and what to run
next (`next_step`). Venue errors are inputs of the engine and never reach the operator raw.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Any


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


class MvxError(Exception):
    """What failed, what is known, what to do; `code` is stable and documented. `warnings` and `breaks`:
    what else an operator should hear of, as in an answer. `sent`: orders had been sent before it failed."""

    code = "error"
    exit_code = Exit.DEFECT

    def __init__(self, message: str, *, known: str = "", next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.known = known
        self.next_step = next_step
        self.warnings: tuple[str, ...] = ()
        self.breaks: tuple[Any, ...] = ()
        self.sent = False


def exit_of(error: BaseException) -> Exit:
    """What a command ends in that raised it."""
    return error.exit_code if isinstance(error, MvxError) else Exit.DEFECT


class UsageError(MvxError):
    code = "usage"
    exit_code = Exit.USAGE


class BadNumber(UsageError):
    code = "bad_number"


class ConfigError(MvxError):
    code = "config"
    exit_code = Exit.USAGE


class Refused(MvxError):
    code = "refused"
    exit_code = Exit.REFUSED


class NoVenueUsable(MvxError):
    code = "no_venue"
    exit_code = Exit.NO_VENUE


class JournalError(MvxError):
    code = "journal"
    exit_code = Exit.UNAVAILABLE

    def after_dispatch(self) -> None:
        """Orders are on their way, and the journal can not take what becomes of them."""
        self.sent = True
        self.exit_code = Exit.UNCERTAIN


class JournalDamaged(JournalError):
    """The file is no database, or SQLite finds parts of it gone."""

    code = "journal_damaged"


class VenueBusy(JournalError):
    """Somebody else is at work on that venue's account, and does not end."""

    code = "venue_busy"


class LeaseLost(JournalError):
    code = "lease_lost"
    exit_code = Exit.UNCERTAIN


class BadVenueData(MvxError):
    code = "bad_venue_data"
    exit_code = Exit.NO_VENUE


class VenueError(MvxError):
    code = "venue"
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

    def __init__(self, message: str, *, reason_code: str, about: Refusal = Refusal.REQUEST) -> None:
        super().__init__(message)
        self.reason_code = reason_code
        self.about = about


class VenueUnreachable(VenueError):
    """The request never left this machine."""

    code = "venue_unreachable"


class HeldBack(VenueUnreachable):
    """We kept it back ourselves: its turn under the rate budget or on the account's key did not come in
    time, or our clock is too far off. It says nothing about the venue."""

    code = "held_back"


class DeadlinePassed(HeldBack):
    """At its deadline nothing may be sent any more."""

    code = "deadline_passed"


class OutcomeUnknown(VenueError):
    """The request left and nothing reliable came back: it may or may not have been accepted."""

    code = "outcome_unknown"
    exit_code = Exit.UNCERTAIN
