"""`mvx reconcile`: compare the journal with the venues' own records, once or on a cadence."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from mvx.cli.at_desk import at_desk
from mvx.cli.options import VenuesOption, known_venues, seconds
from mvx.cli.session import Answer, Session
from mvx.errors import UsageError

if TYPE_CHECKING:
    from mvx.config.settings import Settings
    from mvx.domain.ids import Venue
    from mvx.engine.desk import Desk
    from mvx.engine.outcome import Outcome


class Verdict(StrEnum):
    """What a human declares about an order that its venue can not tell about."""

    NEVER = "never"
    ADOPT = "adopt"


Watch = Annotated[bool, typer.Option("--watch", help="Again and again, one record each time.")]
Interval = Annotated[
    float | None,
    typer.Option("--interval", parser=seconds, metavar="S", help="Between the records of --watch."),
]
OrderId = Annotated[str | None, typer.Option("--order", metavar="CL_ORD_ID", help="This order's venue only.")]
Accept = Annotated[
    Verdict | None,
    typer.Option("--accept", help="With --order: it never arrived, or take what its venue lists."),
]
ReportOnly = Annotated[bool, typer.Option("--report-only", help="Report breaks and correct nothing.")]


def reconcile(
    ctx: typer.Context,
    venue: VenuesOption = None,
    watch: Watch = False,
    interval: Interval = None,
    order: OrderId = None,
    accept: Accept = None,
    report_only: ReportOnly = False,
) -> Answer:
    if accept is not None and order is None:
        raise UsageError("--accept needs --order CL_ORD_ID: one order at a time")
    if interval is not None and not watch:
        raise UsageError("--interval needs --watch")
    if order is not None and (watch or report_only or venue):
        raise UsageError("--order asks the venue of that one order: it goes with --accept only")
    session: Session = ctx.obj
    settings = session.settings(for_safety=True)
    if order is not None:
        return _about_order(session, settings, order, accept)
    venues = known_venues(venue, settings.desk)
    pause_s = (interval or settings.interval_s) if watch else None
    return _passes(session, settings, venues, report_only=report_only, pause_s=pause_s)


def _passes(
    session: Session,
    settings: Settings,
    venues: tuple[Venue, ...],
    *,
    report_only: bool,
    pause_s: float | None,
) -> Outcome:
    """One pass; with a pause, one after another until a signal ends them."""
    from mvx.cli.watch import watch
    from mvx.engine.reconcile import reconcile as one_pass

    async def work(desk: Desk) -> Outcome:
        if pause_s is None:
            return await one_pass(desk, venues, report_only=report_only)
        return await watch(session, pause_s, lambda: one_pass(desk, venues, report_only=report_only))

    return at_desk(session, settings, work)


def _about_order(session: Session, settings: Settings, order: str, verdict: Verdict | None) -> Outcome:
    """A pass over the order's venue, after the human's word on it if there is one."""
    from mvx.engine.reconcile import accept, reconcile_order

    async def work(desk: Desk) -> Outcome:
        if verdict is None:
            return await reconcile_order(desk, order)
        return await accept(desk, order, verdict.value)

    return at_desk(session, settings, work)
