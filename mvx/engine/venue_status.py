"""Every venue's health as the journal holds it: no network, no heavy imports, one snapshot.

What asks the venues first is in probe.py and ends here too, so that both ways tell the same.
"""

from __future__ import annotations

from mvx.config.desk import DeskSettings
from mvx.domain.ids import Venue
from mvx.domain.instant import Instant, seconds_between
from mvx.domain.order import is_unknown
from mvx.domain.trading import TradingState, strictest
from mvx.engine.adapters import shared_folder
from mvx.engine.outcome import Outcome
from mvx.engine.setup import open_journal, telling
from mvx.engine.venue_status_result import VenueStatusResult, VenueStatusRow
from mvx.errors import Exit
from mvx.journal import views
from mvx.journal.codec import decode_as
from mvx.journal.store import ReadTx
from mvx.venues.budgets import share_used
from mvx.venues.health import Health, HealthState


def cached_status(desk: DeskSettings, now: Instant) -> Outcome:
    """What was learnt of the venues before: always exit 0, for nobody was asked."""
    with telling(open_journal(desk)) as journal, journal.read() as tx:
        rows = status_rows(tx, desk, now)
    return Outcome(VenueStatusResult(rows), Exit.OK, warnings=journal.notices())


def status_rows(tx: ReadTx, desk: DeskSettings, now: Instant) -> tuple[VenueStatusRow, ...]:
    texts = views.health_texts(tx)
    shared = shared_folder(desk.journal)
    return tuple(
        _row(
            tx,
            venue,
            decode_as(Health, texts[venue]) if venue in texts else Health(),
            now,
            rate_limit_used=share_used(shared, venue, now),
        )
        for venue in desk.symbols
    )


def _row(
    tx: ReadTx, venue: Venue, health: Health, now: Instant, *, rate_limit_used: float | None
) -> VenueStatusRow:
    contact = views.contacts(tx).get(venue, views.Contact())
    answers = [at for at in (health.answered_at, contact.answered_at) if at is not None]
    asked = answers or health.failed_at is not None
    trading, halt = _trading(tx, venue)
    return VenueStatusRow(
        venue=venue,
        health=health.state.value,
        trading=trading.value,
        reason="; ".join(
            filter(None, [_health_reason(venue, health, now) if asked else "never asked", halt])
        ),
        since=health.since or None,
        latency_ms=health.latency_ms,
        error_rate=health.error_rate if asked else None,
        rate_limit_used=rate_limit_used,
        book_age_s=_age(health.book_at, now),
        stream=health.stream,
        answered_age_s=_age(max(answers, default=None), now),
        agreed_age_s=_age(contact.agreed_at, now),
        unknown_orders=sum(is_unknown(order, now) for order in views.unsettled_orders(tx, venue)),
        taker_bps=health.taker_bps,
        clock_skew_ms=health.skew_ms,
    )


def _health_reason(venue: Venue, health: Health, now: Instant) -> str:
    if health.state is HealthState.RECOVERING:
        return f"{health.reason}: mvx reconcile --venue {venue}"
    return health.why(now)


def _trading(tx: ReadTx, venue: Venue) -> tuple[TradingState, str]:
    """What rules there, and whose word it is."""
    said = [each for scope, each in views.trading(tx).items() if scope in (None, venue)]
    ruling = strictest(*(each.state for each in said))
    if ruling is TradingState.ACTIVE:
        return ruling, ""
    whose = next(each for each in said if each.state is ruling)
    return ruling, f"{ruling.lower()} by {whose.by}: {whose.reason}"


def _age(then: Instant | None, now: Instant) -> float | None:
    return None if then is None else seconds_between(then, now)
