"""`mvx explain`: what a code, a kind of break or a state means, and what became of an order."""

from __future__ import annotations

from typing import Annotated

import typer

from mvx.cli.session import Answer, Session
from mvx.errors import MvxError


def _words() -> list[str]:
    from mvx.engine.words import words

    return list(words())


What = Annotated[
    str,
    typer.Argument(
        metavar="CODE|BREAK-KIND|STATE|CL_ORD_ID",
        autocompletion=_words,
        help="An error code, exit code, kind of break, state or word; or an order by mvx's id or its venue's,"
        " a parent or its --id, or a break's id.",
    ),
]


def explain(ctx: typer.Context, what: What) -> Answer:
    from mvx.engine.words import explain_word, in_both_senses

    session: Session = ctx.obj
    explained = explain_word(what)
    if explained is not None and not what.isdecimal():
        return explained
    from mvx.engine.explain import explain_order

    try:
        found = explain_order(session.desk(), what)
    except MvxError:
        if explained is None:
            raise
        return explained  # an exit code needs no journal, and no break has its number
    return found if explained is None else in_both_senses(explained, found)
