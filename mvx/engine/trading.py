"""The operator's trading states: halting and resuming the system or single venues.

Rule: a state and what it revokes are one transaction, so that from its end on nothing that was committed
before it can still be sent (DESIGN 2.3, I12). A halt cancels nothing that works at a venue.
"""

from __future__ import annotations

from mvx.domain.entries import Revoked, TradingSet
from mvx.domain.ids import Venue
from mvx.domain.order import Order
from mvx.domain.trading import Trading, TradingState, state_of
from mvx.journal import views
from mvx.journal.store import WriteTx


def set_trading(
    tx: WriteTx, scope: Venue | None, state: TradingState, reason: str, by: str
) -> tuple[Order, ...]:
    """Put a state in force for a venue, or for the whole system (None). A halt revokes every intent in
    its scope that nobody has begun to send; these are returned. The state in force again writes nothing."""
    if state_of(views.trading(tx), scope) is state:
        return ()
    tx.append(TradingSet(scope, state, reason, by))
    if state is not TradingState.HALTED:
        return ()
    revoked = views.unsent_orders(tx, scope)
    for order in revoked:
        tx.append(Revoked(order.cl_ord_id, str(Trading(scope, state, reason, by, tx.at))))
    return revoked
