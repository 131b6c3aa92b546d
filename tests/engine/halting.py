"""An operator who halts and resumes, at any moment of somebody else's route."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

from mvx.domain.entries import Intended, ParentOpened
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.instant import after
from mvx.domain.order import Order
from mvx.domain.trading import TradingState
from mvx.engine.desk import Desk
from mvx.engine.outcome import Outcome
from mvx.engine.results import RouteResult
from mvx.engine.route import route
from mvx.engine.route_order import RouteOrder
from mvx.engine.trading import change_trading
from mvx.journal import views
from mvx.journal.store import Journal, Lease, WriteTx
from tests.engine.desk import BUY, GTC, IOC, Operator, order
from tests.engine.truth import reading

ACTIVE, REDUCING, HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED
OPS = "ops@desk"
Act = Callable[[], object]


def changes(at: Operator, state: TradingState, *venues: Venue, reason: str = "maintenance") -> Outcome:
    return change_trading(at.settings.desk, venues, state, reason=reason, by=OPS)


def halts(at: Operator, *venues: Venue) -> Outcome:
    return changes(at, HALTED, *venues)


def commits(at: Operator, *venues: Venue) -> tuple[Order, ...]:
    """One buy of 0.1 at each venue as a route commits it, and as it stays where the route dies there."""
    opened = closing(Journal(at.settings.desk.journal, mode="paper", clock=at.clock))
    with opened as journal, journal.write() as tx:
        return tuple(intend(tx, venue) for venue in venues)


def intend(tx: WriteTx, venue: Venue) -> Order:
    parent_id = tx.next_parent_id()
    tx.append(ParentOpened(parent_id, None, "{}", "BTC-USD", BUY, Decimal("0.1")))
    (cl_ord_id,) = tx.next_cl_ord_ids(1)
    made = Order(
        cl_ord_id=cl_ord_id,
        parent_id=parent_id,
        venue=venue,
        account="paper",
        symbol=Symbol("BTC/USD"),
        instrument="BTC-USD",
        base=Asset("BTC"),
        quote=Asset("USD"),
        side=BUY,
        order_qty=Decimal("0.1"),
        limit_px=Decimal(90_000),
        time_in_force=IOC,
        post_only=False,
        created_at=tx.at,
        deadline=after(tx.at, 5),
        fee_bps=Decimal(10),
        fee_assets=(Asset("USD"),),
        max_px=None,
        sending=False,
    )
    tx.append(Intended(made))
    return made


def resting(venue: Venue) -> RouteOrder:
    return order("0.1", time_in_force=GTC, limit_px=Decimal(70_000), venues=(venue,))


def answer(outcome: Outcome) -> RouteResult:
    assert isinstance(outcome.data, RouteResult)
    return outcome.data


def routes(
    at: Operator,
    asked: RouteOrder,
    *,
    show: Callable[[RouteResult], None] = lambda plan: None,
    confirm: Callable[[], bool] = lambda: True,
    after_commit: Act = lambda: None,
) -> Outcome:
    """A route that lets others act when it shows its plan, and after each of its transactions."""

    async def work(desk: Desk) -> Outcome:
        journal: Any = Interrupted(desk.journal, after_commit)
        return await route(replace(desk, journal=journal), asked, show=show, confirm=confirm)

    return at.does(work)


class Interrupted:
    """A journal after each of whose commits somebody else may act, as another process would."""

    def __init__(self, journal: Journal, act: Act) -> None:
        self._journal = journal
        self._act = act

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    @contextmanager
    def write(self, lease: Lease | None = None) -> Iterator[WriteTx]:
        with self._journal.write(lease) as tx:
            yield tx
        self._act()


def once_committed(at: Operator, act: Act) -> Act:
    """Acts when the first intents are in the journal and nobody has begun to send them."""
    armed = [act]

    def acts() -> None:
        with reading(at.settings) as tx:
            unsent = views.unsent_orders(tx)
        if unsent and armed:
            armed.pop()()

    return acts
