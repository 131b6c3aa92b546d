"""How `mvx explain` and `mvx help` look to people: words with their meanings, and an order's story."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from mvx.cli.render import safe_text, table
from mvx.domain.instant import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from mvx.cli.help_topics import HelpResult
    from mvx.domain.instant import Instant
    from mvx.engine.words import Event, ExplainResult, Meaning

Parts = list["RenderableType"]


def explain_parts(result: ExplainResult) -> Parts:
    parts: Parts = [_senses(result.meanings)] if result.meanings else []
    if result.story:
        parts += [*([""] if parts else []), _story(result.story)]
    if result.next:
        parts += ["", f"next: {safe_text(result.next)}"]
    return parts


def help_parts(result: HelpResult) -> Parts:
    """The text, then the words of each kind under its name, where there are several kinds."""
    parts: Parts = [result.text]
    kinds = [(about, list(group)) for about, group in groupby(result.words, lambda each: each.about)]
    for about, group in kinds:
        parts += ["", _meanings(group, title=about if len(kinds) > 1 else "")]
    return parts


def _senses(senses: Iterable[Meaning]) -> RenderableType:
    """Each sense of a word, with all that is said of it."""
    rows = table("", "~")
    rows.show_header = False
    for each in senses:
        rows.add_row(safe_text(each.word), each.about)
        for name, text in (("means", each.means), ("known", each.known), ("next", each.next)):
            if text:
                rows.add_row(f"  {name}", safe_text(text))
    return rows


def _meanings(words: Iterable[Meaning], title: str) -> RenderableType:
    rows = table("", "~", title=title)
    rows.show_header = False
    for each in words:
        rows.add_row(*map(safe_text, (each.word, each.means)))
    return rows


def _story(events: tuple[Event, ...]) -> RenderableType:
    """One event a row: when, what happened, and below it what was known then."""
    names = {each.cl_ord_id for each in events if each.cl_ord_id is not None}
    rows = table("at (UTC)", "~what happened, and what was known then")
    for each in events:
        subject = f"{each.cl_ord_id}: " if each.cl_ord_id is not None and len(names) > 1 else ""
        known = f"\n  = {safe_text(each.known)}" if each.known else ""
        rows.add_row(_clock(each.at), safe_text(f"{subject}{each.text}") + known)
    return rows


def _clock(at: Instant) -> str:
    """`09-18 14:03:29.867`: a story is about what was first."""
    return rfc3339(at)[5:23].replace("T", " ")
