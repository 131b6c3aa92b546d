"""What an operator types, as types: numbers in plain notation, durations, known names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mvx.domain.ids import Venue
from mvx.domain.instant import Instant, after, parse_rfc3339
from mvx.domain.money import parse_decimal
from mvx.errors import BadNumber, ConfigError, UsageError

if TYPE_CHECKING:
    from mvx.cli.session import Session
    from mvx.config.desk import DeskSettings

_UNIT_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_MAX_SECONDS = Decimal(366 * 86_400)
_MAX_KEY_CHARS = 200
#: A century: no venue and no journal remembers more.
_OLDEST_S = 100 * _MAX_SECONDS


def any_number(text: str | Decimal) -> Decimal:
    """A plain number of at most 40 digits; with a sign where one belongs."""
    try:
        return text if isinstance(text, Decimal) else parse_decimal(text)
    except BadNumber as error:
        raise typer.BadParameter(error.message) from error


def not_negative(text: str | Decimal) -> Decimal:
    """A plain number of 0 or more."""
    number = any_number(text)
    if number < 0:
        raise typer.BadParameter(f"{text!r} is below 0") from BadNumber("below 0")
    return number


def positive(text: str | Decimal) -> Decimal:
    """A plain number above 0."""
    number = any_number(text)
    if number <= 0:
        raise typer.BadParameter(f"{text!r} is not above 0") from BadNumber("not above 0")
    return number


def whole(most: int) -> Callable[[str | int], int]:
    """What reads a whole number from 1 to most, in plain digits."""

    def count(text: str | int) -> int:
        number = text if isinstance(text, int) else any_number(text)
        if not 1 <= number <= most or number != int(number) or not str(text).isdigit():
            allowed = f"a whole number from 1 to {most}"
            raise typer.BadParameter(f"{text!r} is not {allowed}") from BadNumber(allowed)
        return int(number)

    return count


#: How often, how many: more than this nobody means.
count = whole(1_000_000)


def key(text: str) -> str:
    """A key that one can see, and tell from an option that slipped into its place."""
    if (
        not 0 < len(text) <= _MAX_KEY_CHARS
        or not text.isprintable()
        or text.strip() != text
        or text[0] == "-"
    ):
        raise typer.BadParameter(
            f"{text[:_MAX_KEY_CHARS]!r} is no key: 1 to {_MAX_KEY_CHARS} printable characters that begin with"
            " no dash and are not framed by spaces"
        )
    return text


def seconds(text: str | float) -> float:
    """A plain number of seconds above 0, of a year at most."""
    if isinstance(text, float):
        return text
    number = positive(text)
    if number > _MAX_SECONDS:
        raise typer.BadParameter(f"{text!r} is more than a year") from BadNumber("too long")
    return float(number)


def duration(text: str | float) -> float:
    """Seconds of `90s`, `15m`, `2h` or `7d`, of a year at most."""
    if isinstance(text, float):
        return text
    if text[-1:] not in _UNIT_S:
        raise typer.BadParameter(f"{text!r} is not a duration such as 90s, 15m, 2h")
    number = positive(text[:-1]) * _UNIT_S[text[-1]]
    return seconds(str(number))


def moment(text: str) -> str:
    """A time that `since` can resolve: checked here, so that the option is named in the error."""
    since(text, Instant(0))
    return text


def since(text: str, now: Instant) -> Instant:
    """The instant of `2026-09-18T14:00:00Z`, or of `90m`: so long before now."""
    number, unit = text[:-1], text[-1:]
    try:
        if unit in _UNIT_S and number:
            return after(now, -_ago(parse_decimal(number) * _UNIT_S[unit]))
        return parse_rfc3339(text)
    except (BadNumber, ValueError) as error:
        allowed = "a time such as 2026-09-18T14:00:00Z, or a duration such as 90s, 15m, 2h, 7d"
        raise typer.BadParameter(f"{text!r} is not {allowed}") from error


def _ago(passed_s: Decimal) -> float:
    if not 0 <= passed_s <= _OLDEST_S:
        raise BadNumber("that long ago there was nothing")
    return float(passed_s)


Number = Annotated[Decimal, typer.Argument(parser=positive, metavar="QTY", help="A plain number.")]
SinceOption = Annotated[
    str | None, typer.Option("--since", parser=moment, metavar="TIME", help="A time, or 15m, 2h, 7d ago.")
]
VenueOption = Annotated[str | None, typer.Option("--venue", metavar="V", help="Only this venue.")]
VenuesOption = Annotated[
    list[str] | None, typer.Option("--venue", metavar="V", help="Only these venues (repeat, or a,b).")
]
LimitOption = Annotated[
    int | None,
    typer.Option("--limit", parser=count, metavar="N", help="At most so many, the newest; 100."),
]


class Format(StrEnum):
    """How rows are written for other programs."""

    CSV = "csv"
    NDJSON = "ndjson"


FormatOption = Annotated[Format | None, typer.Option("--format", help="Its rows, for a sheet or a pipe.")]


def answer_in(form: Format | None, session: Session) -> None:
    """The answer is its rows in that form. Raises UsageError beside --json."""
    if form is not None and session.json:
        raise UsageError("--json and --format contradict each other")
    session.rows = form


def asked_rows(
    session: Session, form: Format | None, venue: str | None, since_text: str | None
) -> tuple[DeskSettings, Instant | None]:
    """What every list of the journal's rows begins with: its form, the desk, and from when on. Raises
    UsageError, ConfigError."""
    answer_in(form, session)
    desk = session.desk()
    if venue is not None:
        known_name(venue, desk.symbols, "venue")
    return desk, since(since_text, now()) if since_text else None


def known_venues(names: Sequence[str] | None, desk: DeskSettings) -> tuple[Venue, ...]:
    """The venues that were named, each once. Raises UsageError for one that is not configured."""
    return tuple(map(Venue, known_names(names, desk.symbols, "venue")))


def named_path(folder: Path, typed: Path) -> Path:
    """A file as it was typed, from that folder. Raises UsageError where the home folder that it begins with
    is nobody's."""
    from mvx.config.source import as_path

    try:
        return as_path(folder, str(typed))
    except ConfigError as error:
        raise UsageError(error.message, known=error.known, next_step=error.next_step) from error


def known_names(typed: Sequence[str] | None, names: Iterable[Any], what: str) -> tuple[str, ...]:
    """What was named, by several options or in one list `a,b`, each once. Raises UsageError where there is
    none such; the empty name, which a script makes of a variable that is not set, is never all of them."""
    known = list(names)
    wanted = [name for text in typed or () for name in text.split(",")]
    return tuple(dict.fromkeys(known_name(name, known, what) for name in wanted))


def known_name(name: str, names: Iterable[Any], what: str) -> str:
    """The name. Raises UsageError where there is none such."""
    known = [str(each) for each in names]
    if name in known:
        return name
    by_letters = {each.casefold(): each for each in known}
    close = get_close_matches(name.casefold(), by_letters, n=1)
    hint = f"; did you mean {by_letters[close[0]]}?" if close else ""
    raise UsageError(
        f"there is no {what} {name or repr(name)}{hint}",
        known="nothing was sent",
        next_step=f"use one of: {', '.join(known)}",
    )


def operator() -> str:
    """Who types, for the journal: the operating system's user and host, whatever the environment says."""
    import os
    import pwd

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid-{os.getuid()}"  # not in the system's list of users: a container, for one
    return f"{user}@{os.uname().nodename}"


def now() -> Instant:
    """The time, without the asynchronous clock of the engine."""
    import time

    return Instant(time.time_ns() // 1_000)
