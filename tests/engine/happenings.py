"""What makes each kind of break happen, at a desk of one venue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from mvx.domain.ids import ClOrdId
from mvx.domain.instant import after
from mvx.domain.order import OrderRequest
from mvx.engine.desk import Desk
from mvx.errors import Exit
from mvx.reconciliation.kinds import BreakKind
from tests.domain.orders import BTC_USD
from tests.engine.desk import BUY, GTC, KRAKEN, SELL, order
from tests.engine.meddling import BTC, USD, Meddled, marked
from tests.paper.builders import venue_settings, write_books

D = Decimal
#: lateness 2 s, accept lateness 4 s, listing lag 1 s, clock skew 0.5 s, deadline 5 s.
LATENESS_S = 2
BOUND_S = 10.5


def desk(folder: Path) -> Meddled:
    """One venue after first contact, whose market falls below 70,000 half a minute later."""
    return opened(Meddled, folder)


def opened(kind: type[Any], folder: Path, *, contact: bool = True) -> Any:
    books = write_books(
        folder / "books.jsonl",
        (0, [("79999", "5")], [("80000", "5")]),
        (30, [("69000", "5")], [("69500", "5")]),
        (90, [("79999", "5")], [("80000", "5")]),
    )
    balances = {BTC: D(10), USD: D(1_000_000)}
    at = kind(folder, venue_settings("kraken", books=books, balances=balances))
    assert not contact or Exit.OK is at.reconciles().exit_code
    return at


def traded(at: Meddled) -> Any:
    """The first trade of a route of half a coin."""
    at.routes(order("0.5"))
    return at.trades()[0]


def settled(at: Meddled) -> None:
    at.clock.advance(LATENESS_S + 1)
    assert Exit.OK is at.reconciles().exit_code


def busts(at: Meddled) -> None:
    """The venue takes a trade back."""
    at.takes_back(traded(at))


def misses(at: Meddled) -> None:
    """An order of a process that is gone fills when nobody looks."""
    at.rests("1")
    at.clock.advance(60)


def pushes_a_phantom(at: Meddled) -> None:
    """A fill is pushed that never was."""
    resting = at.rests()
    fill = replace(at.fills_more(resting, "0.1"), exec_id="P1")
    at.exchange.transfer(KRAKEN, BTC, D("-0.1"))
    at.exchange.transfer(KRAKEN, USD, D("7000"))
    del at.edits["trades"]
    at.pushes(resting, fill)
    at.clock.advance(LATENESS_S + 1)


def cancels_by_hand(at: Meddled) -> None:
    """Somebody cancels our order at the venue."""
    resting = at.rests()

    async def cancel(desk: Desk) -> None:
        await desk.venues[KRAKEN].cancel(resting.symbol, resting.cl_ord_id, resting.order_id)

    at.does(cancel)


def loses_an_order(at: Meddled) -> None:
    """Our order is in no list any more, and no list says why."""
    cancels_by_hand(at)
    at.edits["closed_orders"] = lambda listed, since, known: ()
    at.clock.advance(BOUND_S)
    assert [] == at.finds()
    at.clock.advance(LATENESS_S + 1)


def loses_a_request(at: Meddled) -> None:
    """A request never arrives, and nobody hears of it."""
    at.exchange.inject(KRAKEN, "lost-request")
    at.routes(order("0.5"))
    at.clock.advance(BOUND_S)


def orders_by_hand(at: Meddled) -> None:
    """Somebody places an order of their own."""

    async def place(desk: Desk) -> None:
        deadline = after(at.clock.now(), 5)
        asked = OrderRequest(ClOrdId("hand1"), BTC_USD, BUY, D(1), D(70_000), GTC, False, deadline)
        await desk.venues[KRAKEN].submit(asked)

    at.does(place)


def trades_by_hand(at: Meddled) -> None:
    """Somebody trades on the account."""
    at.exchange.trade(KRAKEN, SELL, D("0.25"), BTC_USD)


def contradicts_itself(at: Meddled) -> None:
    """A trade is listed with another price than it was."""
    fill = traded(at)
    at.edits["trades"] = marked(fill.key, price=fill.price - 1)


def overfills(at: Meddled) -> None:
    """A filled order goes on filling."""
    traded(at)
    at.fills_more(at.orders()[0], "0.1")


def fills_late(at: Meddled) -> None:
    """An order fills after it was canceled and settled."""
    at.rests()
    at.cancels()
    settled(at)
    at.fills_more(at.orders()[0], "0.1")


def deposits(at: Meddled) -> None:
    """Money comes in, and the venue lists that."""
    at.moves(USD, "250", listed=True)


def loses_money(at: Meddled) -> None:
    """Money is gone, and no list says why."""
    at.moves(USD, "-250", listed=False)
    at.finds()
    at.clock.advance(LATENESS_S + 1)


def gains_coins(at: Meddled) -> None:
    """Coins appear, and no list says why."""
    at.moves(BTC, "1.5", listed=False)
    at.finds()
    at.clock.advance(LATENESS_S + 1)


HAPPENINGS: list[tuple[Callable[[Meddled], None], BreakKind, bool]] = [
    (misses, BreakKind.MISSING_FILL, True),
    (pushes_a_phantom, BreakKind.PHANTOM_FILL, True),
    (cancels_by_hand, BreakKind.ORDER_STATE, True),
    (loses_an_order, BreakKind.ORDER_STATE, True),
    (loses_a_request, BreakKind.UNKNOWN_RESOLVED, True),
    (orders_by_hand, BreakKind.FOREIGN_ORDER, True),
    (trades_by_hand, BreakKind.FOREIGN_FILL, True),
    (contradicts_itself, BreakKind.FILL_CONFLICT, False),
    (overfills, BreakKind.OVERFILL, True),
    (fills_late, BreakKind.LATE_FILL, True),
    (busts, BreakKind.BUST, True),
    (deposits, BreakKind.BALANCE, True),
    (loses_money, BreakKind.BALANCE, True),
    (gains_coins, BreakKind.POSITION, True),
]
