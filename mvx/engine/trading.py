"""The operator's trading states: halting and resuming the system or single venues.

Rule: a state and what it revokes are one transaction, so that from its end on nothing that was committed
before it can still be sent (DESIGN 2.3, I12). A halt cancels nothing that works at a venue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mvx.config.desk import DeskSettings
from mvx.domain.entries import Revoked, TradingSet
from mvx.domain.exposure import holding
from mvx.domain.ids import Asset, Venue
from mvx.domain.order import Order, Side
from mvx.domain.text import storable
from mvx.domain.trading import Trading, TradingState, TradingStates, state_of, strictest
from mvx.engine.outcome import Outcome
from mvx.engine.results import TradingResult, TradingRow, VenueTradingRow
from mvx.engine.setup import Opener, open_journal, telling
from mvx.errors import Exit, Refused
from mvx.journal import views
from mvx.journal.store import ReadTx, WriteTx

MAX_REASON_CHARS = 200


def set_trading(
    tx: WriteTx, scope: Venue | None, state: TradingState, reason: str, by: str
) -> tuple[Order, ...]:
    """Put a state in force for a venue, or for the whole system (None). A halt revokes every intent in
    its scope that nobody has begun to send; these are returned. The state in force again writes nothing."""
    if state_of(views.trading(tx), scope) is state:
        return ()
    entry = TradingSet(scope, state, _one_line(reason), _one_line(by))
    tx.append(entry)
    if state is not TradingState.HALTED:
        return ()
    revoked = views.unsent_orders(tx, scope)
    for order in revoked:
        tx.append(Revoked(order.cl_ord_id, str(Trading(scope, state, entry.reason, entry.by, tx.at))))
    return revoked


def change_trading(
    desk: DeskSettings,
    venues: tuple[Venue, ...],
    state: TradingState,
    *,
    reason: str,
    by: str,
    opened: Opener = open_journal,
) -> Outcome:
    """Halt, limit or resume these venues, or the whole system where none is named, and say what holds now."""
    scopes: tuple[Venue | None, ...] = venues or (None,)
    with telling(opened(desk)) as journal, journal.write() as tx:
        before = views.trading(tx)
        revoked = [order for scope in scopes for order in set_trading(tx, scope, state, reason, by)]
        states = views.trading(tx)
        orders = views.unsettled_orders(tx)
    working = [o for o in orders if o.parent_id is not None and not o.terminal and not o.unsent]
    if venues:
        working = [order for order in working if order.venue in venues]
    result = TradingResult(
        system=_row(states, None),
        venues=tuple(_venue_row(states, venue) for venue in desk.symbols),
        revoked=tuple(order.cl_ord_id for order in revoked),
        working=tuple(order.cl_ord_id for order in working),
    )
    warnings = (
        *journal.notices(),
        *_not_news(before, scopes, state, _one_line(reason)),
        *_still_in_force(states, scopes, state),
        *_still_working(result, venues, state),
    )
    return Outcome(result, Exit.OK, warnings=warnings)


def barred(tx: ReadTx, venues: Iterable[Venue], base: Asset, side: Side) -> dict[Venue, str]:
    """The venues where no order of this side may go, and why: those that are halted, and those set to
    reducing only whose position it would not make smaller."""
    states, found = views.trading(tx), {}
    for venue in venues:
        rule = states.get(venue)
        if rule is None or rule.state is TradingState.ACTIVE:
            continue
        if rule.state is TradingState.HALTED:
            found[venue] = f"{rule}; {resume_command(venue)}"
        elif not _has_room(tx, venue, base, side):
            found[venue] = f"{rule}, and to {side} there reduces nothing; {resume_command(venue)}"
    return found


def refuse_if_halted(tx: ReadTx) -> None:
    """Raises Refused where the whole system is halted."""
    rule = views.trading(tx).get(None)
    if rule is not None and rule.state is TradingState.HALTED:
        raise Refused(
            f"all trading was {rule}", known="nothing was sent for it", next_step=resume_command(None)
        )


def resume_command(*scopes: Venue | None) -> str:
    """What the operator runs to lift these states."""
    venues = "".join(f" --venue {scope}" for scope in scopes if scope is not None)
    return "; ".join(
        [*(["mvx resume"] if None in scopes else []), *([f"mvx resume{venues}"] if venues else [])]
    )


def _one_line(text: str) -> str:
    """Bounded, and without breaks: it is shown inside other sentences."""
    return storable(" ".join(text.split()), MAX_REASON_CHARS)


def _has_room(tx: ReadTx, venue: Venue, base: Asset, side: Side) -> bool:
    """Whether an order of this side could be small enough to reduce the venue's position for certain."""
    row = views.holdings(tx, venue).get((venue, base))
    if row is None:
        return False
    interval = holding(row.confirmed, base, views.unsettled_orders(tx, venue))
    if side is Side.SELL:
        return interval.lo is not None and interval.lo > row.baseline
    return interval.hi is not None and interval.hi < row.baseline


def _row(states: TradingStates, scope: Venue | None) -> TradingRow:
    rule = states.get(scope)
    if rule is None:
        return TradingRow(TradingState.ACTIVE.value, "", None, None)
    return TradingRow(rule.state.value, rule.reason, rule.by, rule.at)


def _venue_row(states: TradingStates, venue: Venue) -> VenueTradingRow:
    row = _row(states, venue)
    in_force = strictest(state_of(states, None), state_of(states, venue))
    return VenueTradingRow(venue, row.trading, in_force.value, row.reason, row.by, row.since)


def _not_news(
    before: TradingStates, scopes: Iterable[Venue | None], state: TradingState, reason: str
) -> Iterator[str]:
    """Nothing is written for a state that is in force already, not even another reason: who gave the
    first one is who is to be asked."""
    for scope in scopes:
        rule = before.get(scope)
        if rule is not None and rule.state is state and reason not in ("", rule.reason):
            yield f"{scope or 'the system'} was {rule} already; the new reason was not kept"


def _still_in_force(
    states: TradingStates, scopes: tuple[Venue | None, ...], asked: TradingState
) -> Iterator[str]:
    """What still restrains a scope that was to trade more freely, and lifting what."""
    system = states.get(None)
    if None not in scopes:
        if system is not None and strictest(system.state, asked) is not asked:
            yield f"the system was {system} and that still rules: {resume_command(None)}"
    elif asked is TradingState.ACTIVE:
        for venue, rule in states.items():
            if venue is not None and rule.state is not TradingState.ACTIVE:
                yield f"{venue} was {rule} and that still rules there: {resume_command(venue)}"


def _still_working(result: TradingResult, venues: tuple[Venue, ...], state: TradingState) -> Iterator[str]:
    if result.working and state is not TradingState.ACTIVE:
        where = "".join(f" --venue {venue}" for venue in venues)
        count = len(result.working)
        orders = "1 order works" if count == 1 else f"{count} orders work"
        yield f"{orders} on, for a halt cancels nothing: mvx cancel --all{where}"
