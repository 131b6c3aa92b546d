"""A desk whose venue lists other than what its exchange does: edited lists, and another process between
two of its answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

from mvx.domain import entries as log
from mvx.domain.execution import ExecutionReport, Fill, Transfer
from mvx.domain.ids import Asset, ClOrdId, ParentId
from mvx.domain.instant import Instant, after
from mvx.domain.order import Order
from mvx.domain.order_status import ExecType
from mvx.engine.desk import Desk, open_desk
from mvx.engine.outcome import BreakRow
from mvx.engine.reconcile import reconcile
from mvx.journal import views
from mvx.journal.codec import decode
from mvx.journal.store import Journal
from mvx.venues.port import VenuePort
from tests.domain.orders import order as an_order
from tests.engine.desk import BUY, GTC, IOC, KRAKEN, Operator, order, settings
from tests.engine.truth import reading

BTC, USD = Asset("BTC"), Asset("USD")
#: Called with the answer, and with the instant since which it was asked for.
Edit = Callable[..., Any]


class Edited:
    """A venue port whose answers are edited; `declares` is what it says of itself."""

    def __init__(self, port: VenuePort, edits: dict[str, Edit], declares: dict[str, Any]) -> None:
        self.port = port
        self.capabilities = replace(port.capabilities, **declares)
        self._edits = edits

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.port, name)
        return partial(self._edited, name, found) if iscoroutinefunction(found) else found

    async def _edited(self, call: str, ask: Callable[..., Awaitable[Any]], *terms: Any) -> Any:
        answer = await ask(*terms)
        edit = self._edits.get(call)
        return answer if edit is None else edit(answer, *terms)


class Meddled(Operator):
    """An operator at one venue. Nothing is edited at first, and no transfer is listed."""

    def __init__(self, folder: Path, *venues: Any, **more: Any) -> None:
        super().__init__(settings(folder, *(venues or (KRAKEN,)), **more))
        self.edits: dict[str, Edit] = {"transfers": lambda listed, since: ()}
        self.declares: dict[str, Any] = {"lists_transfers": False}

    def watched(self, desk: Desk) -> Desk:
        return replace(desk, venues={name: self.meddled(port) for name, port in desk.venues.items()})

    def meddled(self, port: VenuePort) -> Any:
        return Edited(port, self.edits, self.declares)

    def finds(self) -> list[BreakRow]:
        """The breaks of one pass."""
        return list(self.reconciles().breaks)

    def reports(self) -> list[BreakRow]:
        """Those that a pass would find, which writes nothing."""
        return list(self.does(lambda desk: reconcile(desk, (), report_only=True)).breaks)

    def trades(self) -> tuple[Fill, ...]:
        """What the exchange itself lists."""
        return self.does(lambda desk: _port(desk).trades(after(self.clock.now(), -3600)))

    def rests(self, qty: str = "0.5", px: int = 70_000) -> Order:
        """A buy far below the market, open at the venue."""
        self.routes(order(qty, BUY, time_in_force=GTC, limit_px=Decimal(px)))
        return self.orders()[0]

    def orders(self) -> tuple[Order, ...]:
        """The newest first."""
        with reading(self.settings) as tx:
            return views.recent_orders(tx, since=None, venue=None, open_only=False, limit=100)

    def writes(self, *entries: log.Entry) -> None:
        """What some other process of the desk puts into the journal."""
        path = self.settings.desk.journal
        with closing(Journal(path, mode="paper", clock=self.clock)) as journal, journal.write() as tx:
            for entry in entries:
                tx.append(entry)

    # What the venue does, and how it lists that

    def _a_moment_later(self) -> Instant:
        """After everything that was read before: the exchange dates its events by its own count."""
        self.clock.advance(0.01)
        return self.clock.now()

    def takes_back(self, fill: Fill) -> None:
        """The trade is undone in the balances, and listed as taken back."""
        busted_at = self._a_moment_later()
        self.exchange.transfer(KRAKEN, BTC, -fill.side.sign * fill.qty)
        self.exchange.transfer(KRAKEN, USD, fill.side.sign * fill.notional + fill.fee_amount)
        mark = partial(_marked, key=fill.key, changes={"busted_at": busted_at})
        self.edits["trades"] = mark

    def fills_more(self, order: Order, qty: str) -> Fill:
        """Another trade on an order, at its limit and without a fee, that the exchange's list lacks."""
        (first, *_) = (*(f for f in self.trades() if f.order_id == order.order_id), None)
        assert order.order_id is not None
        epoch, now = first.epoch if first else "1", self._a_moment_later()
        extra = Fill(
            KRAKEN, order.account, epoch, order.symbol, order.side, "X1", order.order_id,
            Decimal(qty), order.limit_px, USD, Decimal(0), now,
        )  # fmt: skip
        self.exchange.transfer(KRAKEN, BTC, order.side.sign * extra.qty)
        self.exchange.transfer(KRAKEN, USD, -order.side.sign * extra.notional)
        self.edits["trades"] = lambda listed, since: (*listed, extra) if since <= now else listed
        return extra

    def moves(self, asset: Asset, amount: str, *, listed: bool) -> Transfer:
        """A deposit or withdrawal, which the venue lists at once or not at all."""
        made = Transfer(KRAKEN, "paper", "1", "W1", asset, Decimal(amount), self._a_moment_later())
        self.exchange.transfer(KRAKEN, asset, made.amount)
        if listed:
            self.lists(made)
        return made

    def lists(self, made: Transfer) -> None:
        self.declares["lists_transfers"] = True
        self.edits["transfers"] = lambda listed, since: (made,) if since <= made.at else ()

    def pushes(self, order: Order, fill: Fill) -> None:
        """The venue's stream tells of a fill."""
        assert order.order_id is not None
        said = ExecutionReport(
            KRAKEN, order.cl_ord_id, order.order_id, order.symbol, order.side,
            ExecType.PARTIAL_FILL, fill, fill.at,
        )  # fmt: skip
        self.writes(log.Heard(said))


def unsent_intent(at: Meddled, name: ClOrdId, holder: str = "") -> None:
    """A buy that is committed and not being sent yet; its parent is worked by a holder, if any."""
    now = at.clock.now()
    intent = an_order(
        BUY, "0.1", "80000", cl_ord_id=name, parent_id=ParentId("p1"), account="paper", time_in_force=IOC,
        created_at=now, deadline=after(now, 5), sending=False,
    )  # fmt: skip
    opened = log.ParentOpened(ParentId("p1"), None, "{}", "BTC-USD", BUY, Decimal("0.1"))
    at.writes(opened, log.Intended(intent))

    async def lease(desk: Desk) -> None:
        with desk.journal.write() as tx:
            tx.take_lease("p1", holder)

    if holder:
        at.does(lease)


def held(at: Meddled, asset: Asset) -> tuple[Decimal, Decimal]:
    """Confirmed, and the baseline."""
    with reading(at.settings) as tx:
        row = views.holdings(tx)[KRAKEN, asset]
    return row.confirmed, row.baseline


def logged(at: Meddled, kind: type) -> list[Any]:
    """The journal's entries of a kind."""
    with reading(at.settings) as tx:
        rows = tx.connection.execute("SELECT kind, body FROM log ORDER BY seq").fetchall()
    return [decode(name, body) for name, body in rows if name == kind.__name__]


def _port(desk: Desk) -> Any:
    """The venue's own port, behind the edits."""
    port: Any = desk.venues[KRAKEN]
    return port.port


def marked(key: Any, **changes: Any) -> Edit:
    """An edit of one trade."""
    return partial(_marked, key=key, changes=changes)


def _marked(listed: tuple[Fill, ...], since: Instant, key: Any, changes: dict[str, Any]) -> tuple[Fill, ...]:
    return tuple(replace(each, **changes) if each.key == key else each for each in listed)


class Interrupted(Meddled):
    """Something happens at one moment of one pass: `before trades`, `after balances`."""

    moment = ""

    async def happens(self) -> None:
        """Nothing, unless a test says otherwise."""

    def meddled(self, port: VenuePort) -> Any:
        return _Interrupted(port, self.edits, self.declares, self)

    async def somebody_reconciles(self) -> None:
        """Another process, once and whole."""
        async with open_desk(self.settings, clock=self.clock) as other:
            await reconcile(self.watched(other), ())


class _Interrupted(Edited):
    def __init__(self, port: VenuePort, edits: Any, declares: Any, at: Interrupted) -> None:
        super().__init__(port, edits, declares)
        self._at = at

    async def _edited(self, call: str, ask: Callable[..., Awaitable[Any]], *terms: Any) -> Any:
        await self._interrupted(f"before {call}")
        answer = await super()._edited(call, ask, *terms)
        await self._interrupted(f"after {call}")
        return answer

    async def _interrupted(self, moment: str) -> None:
        if moment == self._at.moment:
            self._at.moment = ""
            await self._at.happens()


class Overtaken(Interrupted):
    """Somebody else reconciles in the middle of a pass; they begin so much later than we did."""

    later_s = 0.0

    async def happens(self) -> None:
        self.clock.advance(self.later_s)
        await self.somebody_reconciles()
