"""How the answer of `mvx doctor` looks to people: the checks, and below them what to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvx.cli.render import safe_text, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mvx.engine.doctor import DoctorResult

#: How loud a check is.
_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor_parts(result: DoctorResult) -> list[RenderableType]:
    rows = table("check", "state", "~found")
    for check in result.checks:
        says = "\n".join(map(safe_text, check.says.split("\n")))
        rows.add_row(safe_text(check.name), check.state, says, style=_STYLES[check.state])
    advice = [f"{safe_text(check.name)}: {safe_text(check.next)}" for check in result.checks if check.next]
    return [rows, *(["", "to run next:"] if advice else []), *advice]
