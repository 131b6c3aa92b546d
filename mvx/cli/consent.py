"""Who says yes to sending real orders.

Paper venues never ask. On live venues `--yes` answers, then a person at a terminal, then
`[route] assume_yes` where there is no terminal; where nobody can answer it is refused at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mvx.errors import Refused

if TYPE_CHECKING:
    from mvx.cli.session import Session

#: Asks for a yes; None where nobody is asked.
Confirm = Callable[[], bool] | None


def consent(
    session: Session,
    *,
    yes: bool,
    assume_yes: bool,
    question: str,
    word: str | None = None,
) -> Confirm:
    """What asks for a yes when the plan has been shown, None where nobody is asked; a severe action wants its
    word typed instead, or --yes: `assume_yes` is none. Raises Refused where nobody could answer."""
    if session.mode == "paper" or yes:
        return None
    if session.environment.can_ask and word is not None:
        return lambda: session.ask(f"{question} Type {word} to do it: ") == word
    if session.environment.can_ask:
        return lambda: session.ask(f"{question} [y/N] ").lower() in ("y", "yes")
    if assume_yes:
        return None
    standing = ", or set [route] assume_yes = true for cron" if word is None else ""
    raise Refused(
        "live venues ask before they trade, and nobody is at a terminal to answer",
        known="nothing was sent",
        next_step=f"repeat the command with --yes{standing}",
    )


def plan_is_shown(session: Session, confirm: Confirm) -> bool:
    """On stderr, before anything is sent: whoever is asked sees what about, however quiet it is to be."""
    return not session.json and (confirm is not None or not session.quiet)


def require_live(mode: str) -> None:
    """`--live` was typed. Raises Refused on a paper desk."""
    if mode != "live":
        raise Refused(
            "--live was given and every configured venue is a paper venue",
            known="nothing was sent",
            next_step="mvx config show, or leave --live out",
        )
