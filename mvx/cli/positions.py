"""`mvx positions`: what is held, from the journal alone unless `--fresh` asks the venues first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mvx.cli.at_desk import at_desk
from mvx.cli.options import FormatOption, VenueOption, answer_in, known_name, now, seconds
from mvx.cli.session import Answer, Session

if TYPE_CHECKING:
    from mvx.engine.outcome import Outcome

Name = Annotated[str | None, typer.Argument(metavar="[INSTRUMENT | ASSET]", help="Only this one.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Reconcile with the venues first.")]
MaxAge = Annotated[
    float | None,
    typer.Option("--max-age", parser=seconds, metavar="S", help="Exit 5 where an agreement is older."),
]


def positions(
    ctx: typer.Context,
    name: Name = None,
    venue: VenueOption = None,
    fresh: Fresh = False,
    max_age: MaxAge = None,
    form: FormatOption = None,
) -> Answer:
    session: Session = ctx.obj
    answer_in(form, session)
    desk = session.desk()
    if venue is not None:
        known_name(venue, desk.symbols, "venue")
    if name is not None:
        held = [asset for assets in desk.assets.values() for asset in assets]
        known_name(name, dict.fromkeys([*desk.instruments, *held]), "instrument or asset")
    found = _reconciled(session, venue) if fresh else None

    from mvx.engine.positions import positions as read_positions

    outcome = read_positions(desk, now(), name=name, venue=venue, max_age_s=max_age)
    if found is None:
        return outcome
    from dataclasses import replace

    return replace(outcome, breaks=found.breaks + outcome.breaks, warnings=found.warnings + outcome.warnings)


def _reconciled(session: Session, venue: str | None) -> Outcome:
    from mvx.cli.options import known_venues
    from mvx.engine.reconcile import reconcile

    settings = session.settings(for_safety=True)
    venues = known_venues([venue] if venue else None, settings.desk)
    return at_desk(session, settings, lambda desk: reconcile(desk, venues))
