"""One venue that is being left: who works it, what was done there so far, and when to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from mvx.domain.ids import Asset, ClOrdId, Venue
from mvx.domain.instrument import Instrument
from mvx.domain.order import Order
from mvx.engine.closing import Closing, GivenUp, nobody_gave_up, read_position
from mvx.engine.desk import Desk
from mvx.engine.flatten_order import FlattenOrder
from mvx.engine.reconcile import VenuePass
from mvx.journal import views
from mvx.journal.store import Lease, ReadTx

#: By base asset; None: the venue was never read.
Positions = dict[Asset, Decimal | None]


@dataclass(slots=True)
class Run:
    """One venue being left. `stopped`: by a signal; `given_up`: by the operator, as the journal has it."""

    desk: Desk
    order: FlattenOrder
    venue: Venue
    stopped: Callable[[], bool]
    given_up: GivenUp = nobody_gave_up
    lease: Lease | None = None
    say_alive: Callable[[], None] = lambda: None
    before: Positions = field(default_factory=dict)
    cancelled: dict[ClOrdId, Order] = field(default_factory=dict)
    asked: bool = False
    closings: list[Closing] = field(default_factory=list)
    ended: Positions = field(default_factory=dict)
    passes: list[VenuePass] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    verified: bool | None = False

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Those asked for that the venue trades, one for each base."""
        traded = (self.desk.instrument(name) for name in self.desk.symbols(self.venue))
        wanted = [
            each for each in traded if not self.order.instruments or each.name in self.order.instruments
        ]
        return tuple({each.base: each for each in reversed(wanted)}.values())

    @property
    def last_closings(self) -> dict[Asset, Closing]:
        """Of each position the one that counts."""
        return {closing.instrument.base: closing for closing in self.closings}

    @property
    def ours(self) -> frozenset[ClOrdId]:
        """Orders whose end is no surprise: what was cancelled and what was sent here."""
        sent = (child.cl_ord_id for closing in self.closings for child in closing.children)
        return frozenset((*self.cancelled, *sent))

    def stopping(self) -> bool:
        """Asked at every pause, and the place to say that this worker is alive."""
        self.say_alive()
        with self.desk.journal.read() as tx:
            return self.stopped() or self.given_up(tx)

    def orders(self, tx: ReadTx) -> tuple[Order, ...]:
        """What may still do something there; of others only what was asked for."""
        orders = views.unsettled_orders(tx, self.venue)
        return tuple(o for o in orders if o.parent_id is not None or self.order.foreign)

    def positions(self, tx: ReadTx, *, to_zero: bool = False) -> Positions:
        """to_zero: as if nothing were inventory."""
        if not views.is_opened(tx, self.venue):
            return dict.fromkeys(each.base for each in self.instruments)
        found = {each: read_position(tx, self.venue, each, to_zero=to_zero) for each in self.instruments}
        return {each.base: position.confirmed for each, position in found.items()}
