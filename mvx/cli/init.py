"""`mvx init`: a first config where there is none, and the journal. Again, it changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mvx.cli.session import Answer, Session
from mvx.errors import ConfigError, Exit, Refused

if TYPE_CHECKING:
    from mvx.cli.environment import Environment

Paper = Annotated[bool, typer.Option("--paper", help="Write the built-in paper desk; do not ask.")]

_HEADER = "# mvx: five paper venues. Every key is described in the README; check with: mvx config check\n\n"


def init(ctx: typer.Context, paper: Paper = False) -> Answer:
    from mvx.engine.outcome import Outcome
    from mvx.engine.setup import create_journal

    session: Session = ctx.obj
    wanted = _missing_config(session)
    if wanted is not None:
        _agree(session.environment, wanted, paper=paper)
        _write_config(wanted)
        session.config = str(wanted)
    settings = session.settings()
    journal_created = create_journal(settings.desk)
    data = {
        "config": session.source().path,
        "config_written": wanted is not None,
        "journal": settings.desk.journal,
        "journal_created": journal_created,
    }
    return Outcome(data, Exit.OK)


def _missing_config(session: Session) -> Path | None:
    """Where a config is to be written, or None where one is in force."""
    from mvx.config.source import FILE_NAME, find_file

    around = session.environment
    named = session.config or around.variables.get("MVX_CONFIG")
    wanted = around.cwd / Path(named or FILE_NAME).expanduser()
    if named:
        return None if wanted.exists() else wanted
    return wanted if find_file(None, around.variables, around.cwd) is None else None


def _agree(environment: Environment, wanted: Path, *, paper: bool) -> None:
    if paper:
        return
    if not environment.can_ask:
        raise Refused(
            f"there is no config, and nobody is at a terminal to say whether to write {wanted}",
            known="nothing was written",
            next_step="mvx init --paper",
        )
    if environment.ask(f"Write {wanted} with five paper venues? [y/N] ").lower() not in ("y", "yes"):
        raise Refused("declined", known="nothing was written", next_step="mvx init --paper")


def _write_config(path: Path) -> None:
    import tomli_w

    from mvx.config.builtin import BUILT_IN

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(_HEADER + tomli_w.dumps(BUILT_IN))
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}", known="no journal was created", next_step="mvx --config FILE init"
        ) from error
