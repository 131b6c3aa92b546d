"""`mvx init`: a first config where there is none, and the journal. Again, it changes nothing."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mvx.cli.options import positive
from mvx.cli.session import Answer, Session
from mvx.config.first import MAX_ORDER_NOTIONAL, MAX_POSITION, first_config, first_text
from mvx.domain.money import plain
from mvx.errors import ConfigError, Exit, Refused

if TYPE_CHECKING:
    from mvx.cli.environment import Environment

Paper = Annotated[bool, typer.Option("--paper", help="Write the built-in paper desk; do not ask.")]

_NOTHING = "nothing was written"
_PATIENCE = 5


def init(ctx: typer.Context, paper: Paper = False) -> Answer:
    from mvx.engine.outcome import Outcome
    from mvx.engine.setup import create_journal

    session: Session = ctx.obj
    wanted = _missing_config(session)
    if wanted is not None:
        limits = (MAX_POSITION, MAX_ORDER_NOTIONAL) if paper else _asked(session.environment, wanted)
        _write_config(wanted, *limits)
    settings = session.settings()
    journal_created, notices = create_journal(settings.desk)
    instrument = next(iter(settings.desk.instruments), "BTC-USD")
    what_next = ("mvx doctor", f"mvx route {instrument} 0.5 --dry-run", "mvx positions --fresh")
    data = {
        "config": session.source().path,
        "config_written": wanted is not None,
        "journal": settings.desk.journal,
        "journal_created": journal_created,
        "next": list(map(session.here, what_next)),
    }
    return Outcome(data, Exit.OK, warnings=notices)


def _missing_config(session: Session) -> Path | None:
    """Where a config is to be written, or None where one is in force."""
    from mvx.config.source import FILE_NAME, as_path, find_file

    around = session.environment
    named = session.config or around.variables.get("MVX_CONFIG")
    wanted = as_path(around.cwd, named or FILE_NAME)
    if named:
        return None if wanted.exists() else wanted
    return wanted if find_file(None, around.variables, around.cwd) is None else None


def _asked(environment: Environment, wanted: Path) -> tuple[Decimal, Decimal]:
    """The limits, once it is agreed that a config is written. Raises Refused."""
    if not environment.can_ask:
        raise Refused(
            f"there is no config, and nobody is at a terminal to say whether to write {wanted}",
            known=_NOTHING,
            next_step="mvx init --paper",
        )
    if environment.ask(f"Write {wanted} with five paper venues? [y/N] ").lower() not in ("y", "yes"):
        raise Refused("declined", known=_NOTHING, next_step="mvx init --paper")
    return (
        _number(environment, "Largest position, either way, in BTC", MAX_POSITION),
        _number(environment, "Largest order, in USD", MAX_ORDER_NOTIONAL),
    )


def _number(environment: Environment, question: str, default: Decimal) -> Decimal:
    """What was typed; the default where nothing was. Raises Refused where no answer is a number."""
    for _ in range(_PATIENCE):
        typed = environment.ask(f"{question} [{plain(default)}]: ")
        try:
            return positive(typed) if typed else default
        except typer.BadParameter as error:
            environment.say(f"mvx: {error.message}")
    raise Refused("no number was given", known=_NOTHING, next_step="mvx init --paper")


def _write_config(path: Path, max_position: Decimal, max_order_notional: Decimal) -> None:
    """Private, whole, and never over another file."""
    import tomli_w

    text = first_text(first_config(max_position, max_order_notional), tomli_w.dumps)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            path.unlink(missing_ok=True)  # half a config is worse than none
            raise
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}", known="no journal was created", next_step="mvx --config FILE init"
        ) from error
