"""`--format csv|ndjson` of the verbs that read: one record a row, for spreadsheets and pipes.

The rows are those of the answer's first list, with the names that they have under --json; what is nested has
its path for a name (`fee_asset`). Loud lines, errors and exit codes are as ever.

Rule: a text that a spreadsheet would take for a formula gets an apostrophe before it, and control
characters are spelled out: most texts came from a venue.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from mvx.cli.options import Format
from mvx.cli.output import encode
from mvx.cli.render import safe_text
from mvx.domain.money import parse_decimal
from mvx.errors import BadNumber

if TYPE_CHECKING:
    from mvx.engine.outcome import Outcome

_FORMULA = ("=", "+", "-", "@")


def rows_text(outcome: Outcome, form: Format) -> str:
    """The answer's rows, a line each; csv begins with the names, also where there is no row."""
    name, hint = next(iter(get_type_hints(type(outcome.data)).items()))
    rows = encode(getattr(outcome.data, name))
    if form is Format.NDJSON:
        return "".join(f"{json.dumps(row, separators=(',', ':'))}\n" for row in rows)
    columns = list(_columns(get_args(hint)[0]))
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        cells = dict(_cells(row))
        writer.writerow(_cell(cells.get(column)) for column in columns)
    return page.getvalue()


def _columns(kind: Any, path: str = "") -> Iterator[str]:
    for name, hint in get_type_hints(kind).items():
        inner = next((each for each in (hint, *get_args(hint)) if _has_fields(each)), None)
        if inner is None:
            yield path + name
        else:
            yield from _columns(inner, f"{path}{name}_")


def _has_fields(hint: Any) -> bool:
    return hasattr(hint, "_fields") or hasattr(hint, "__dataclass_fields__")


def _cells(row: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _cells(value, f"{path}{name}_")
        else:
            yield path + name, value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value)
    text = safe_text(value)
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        parse_decimal(text)
    except BadNumber:
        return False
    return True
