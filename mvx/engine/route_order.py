"""What an operator asks `mvx route` for, as a value. The engine judges it, the command line types it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from mvx.domain.ids import Venue
from mvx.domain.order import Side, TimeInForce
from mvx.engine.agreement import Agreed


@dataclass(frozen=True, slots=True)
class RouteOrder:
    """One parent order.

    None means: no limit price, the desk's own max_slippage_bps, max_rounds and deadline_s, no
    idempotency key (`id`). `venues` empty: every venue of the instrument, less `exclude`.
    `deadline_s` is each child's. `dry_run` takes the same path, sends nothing and writes nothing. `resume`:
    where the id was used before, go on with what is left of it. `twap_s`: spread evenly over so long.
    `agreed`: a yes that was given before, to be refused where it is stale. `begin_within_s`: of a handed over
    order that somebody waits for, counted from then; None: it is begun whenever somebody leads.
    """

    instrument: str
    side: Side
    order_qty: Decimal
    limit_px: Decimal | None
    max_slippage_bps: Decimal | None
    time_in_force: TimeInForce
    post_only: bool
    venues: tuple[Venue, ...]
    exclude: tuple[Venue, ...]
    id: str | None
    max_rounds: int | None
    deadline_s: float | None
    dry_run: bool
    resume: bool = False
    twap_s: float | None = None
    agreed: Agreed | None = None
    begin_within_s: float | None = None
