"""`mvx halt` and `mvx resume`: whether a venue, or the whole system, takes new risk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mvx.cli.options import VenuesOption, known_venues, operator
from mvx.cli.session import Answer, Session
from mvx.domain.trading import TradingState

if TYPE_CHECKING:
    from mvx.engine.outcome import Outcome

Reducing = Annotated[bool, typer.Option("--reducing", help="Let pass what makes the position smaller.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: kept and shown with your name.")]


def halt(
    ctx: typer.Context, venue: VenuesOption = None, reducing: Reducing = False, reason: Reason = ""
) -> Answer:
    return _change(ctx.obj, venue, TradingState.REDUCING if reducing else TradingState.HALTED, reason)


def resume(ctx: typer.Context, venue: VenuesOption = None, reason: Reason = "") -> Answer:
    return _change(ctx.obj, venue, TradingState.ACTIVE, reason)


def _change(session: Session, venue: list[str] | None, state: TradingState, reason: str) -> Outcome:
    from mvx.engine.trading import change_trading

    desk = session.desk()
    return change_trading(desk, known_venues(venue, desk), state, reason=reason, by=operator())
