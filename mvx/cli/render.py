"""Shared pieces of human output. Importing this is cheap: rich is loaded where a table is drawn.

Rule: text that came from outside (a venue, an operator, a file) passes safe_text before a terminal
sees it.
"""

from __future__ import annotations

import shutil
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TextIO

from mvx.domain.money import plain, ten_digits

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from mvx.cli.environment import Environment

#: A pipe has no width: nothing is cut or folded for it.
PIPE_WIDTH = 1_000
_WIDTH_DIGITS = 4
_GAP = 2
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400


def safe_text(text: str) -> str:
    """The text with control, escape, format and bidi characters spelled out as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def number(value: Decimal | None) -> str:
    """A number in plain notation; `?` where it is unknown or not bounded."""
    return "?" if value is None else plain(value)


def quotient(value: Decimal | None) -> str:
    """A computed number (an average, a valuation) to ten digits; JSON has all of them."""
    return "?" if value is None else ten_digits(value)


def age(seconds: float | None) -> str:
    """`4s`, `12m`, `3h`, `2d`; `never` where there is no such moment."""
    if seconds is None:
        return "never"
    for size, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "m")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


def table(*columns: str, title: str = "") -> Table:
    """An empty table without rules. A column named `>x` is headed x and set to the right; one named
    `~x` holds words that may be broken into lines. No other column is ever broken or cut."""
    from rich.table import Table

    made = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, 1),
        header_style="dim",
    )
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.startswith(">") else "left"
        made.add_column(column.lstrip(">~"), justify=justify, no_wrap=not column.startswith("~"))
    return made


def draw(environment: Environment, *parts: RenderableType) -> bool:
    """The answer for people, on stdout; whether there was a reader. Raises AnswerLost."""
    return environment.answer(drawn(parts, environment, environment.stdout))


def draw_aside(environment: Environment, *parts: RenderableType) -> None:
    """The same beside the answer, on stderr: a plan that is about to be sent."""
    environment.say(drawn(parts, environment, environment.stderr))


def drawn(parts: tuple[RenderableType, ...], environment: Environment, stream: TextIO) -> str:
    """The parts as text for that stream."""
    from io import StringIO

    from rich.console import Console

    page = StringIO()
    colour = environment.colour(stream)
    console = Console(
        file=page,
        force_terminal=colour,
        color_system="standard" if colour else None,
        width=max([_width(environment, stream), *map(_least_width, parts)]),
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    for part in parts:
        console.print(part)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


def _least_width(part: RenderableType) -> int:
    """What a table needs so that no number is cut: a cut number is a wrong number."""
    from rich.cells import cell_len
    from rich.table import Table

    if not isinstance(part, Table):
        return 0
    width = -_GAP
    for column in part.columns:
        texts = [str(column.header), *map(str, column.cells)]
        pieces = [piece for text in texts for piece in (text.split("\n") if column.no_wrap else text.split())]
        width += max(map(cell_len, pieces), default=0) + _GAP
    return width


def _width(environment: Environment, stream: TextIO) -> int:
    columns = environment.variables.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and len(columns) <= _WIDTH_DIGITS and int(columns) > 0:
        return int(columns)
    return shutil.get_terminal_size().columns if stream.isatty() else PIPE_WIDTH
