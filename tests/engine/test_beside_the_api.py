"""What happens at an account beside our orders: read, booked, said once, and the journal is the ledger."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Asset, ExecId, OrderId, Symbol
from mvx.domain.order import Side
from mvx.errors import Exit
from tests.engine.desk import BUY, GTC, KRAKEN, SELL, Operator, order, settings
from tests.engine.faults import BUST, account
from tests.engine.happenings import desk
from tests.engine.truth import assert_healed, until_agreed

BTC_USD = Symbol("BTC/USD")


def reads(at: Operator) -> list[str]:
    """The kinds of the breaks that one pass finds."""
    outcome = at.reconciles()
    assert (Exit.BREAKS if outcome.breaks else Exit.OK) is outcome.exit_code
    return sorted(found.kind for found in outcome.breaks)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_trade_that_is_taken_back_is_booked_back_when_it_is_read(tmp_path: Path, side: Side) -> None:
    """Exogenous until then; loud, and right again at once."""
    at = Operator(settings(tmp_path, account()))
    at.exchange.inject(KRAKEN, BUST)
    at.routes(order("0.5", side))
    at.clock.advance(1)
    assert ["bust"] == reads(at)
    assert_healed(at)


def test_a_trade_taken_back_from_a_resting_order_leaves_the_rest_of_it(tmp_path: Path) -> None:
    """It works on and is cancelled later; nothing of what was taken back fills again."""
    at = Operator(settings(tmp_path, account()))
    best = at.does(lambda desk: desk.venues[KRAKEN].book(BTC_USD)).asks[0]
    at.routes(order("0.5", time_in_force=GTC, limit_px=best.px))
    at.exchange.bust(KRAKEN, ExecId("T1"))
    assert "bust" in reads(at)
    at.cancels()
    until_agreed(at)
    assert_healed(at)


def test_a_corrected_trade_is_one_taken_back_and_another(tmp_path: Path) -> None:
    """Both are booked, and each is said."""
    at = Operator(settings(tmp_path, account()))
    at.routes(order("0.5"))
    at.exchange.correct(KRAKEN, ExecId("T1"), Decimal("0.001"), Decimal(70_000))
    assert ["bust", "missing_fill"] == reads(at)
    assert_healed(at)


def test_a_trade_taken_back_is_no_fill_of_an_order_that_is_found_later(tmp_path: Path) -> None:
    """Its order is listed when the trade and its bust are booked, by lists that show the trade standing
    again: all that is left of it and what was taken back may still fill."""
    at = desk(tmp_path)
    at.edits["open_orders"] = lambda listed, *terms: ()
    at.exchange.trade(KRAKEN, BUY, Decimal(8), BTC_USD, Decimal(80_000))
    assert ["foreign_fill"] == [each.kind for each in at.finds()]
    at.takes_back(at.trades()[0])
    assert ["bust"] == [each.kind for each in at.finds()]
    del at.edits["open_orders"], at.edits["trades"]
    assert ["foreign_order"] == [each.kind for each in at.finds()]
    (found,) = at.orders()
    assert (found.filled_qty, found.busted_qty) == (Decimal(0), Decimal(5))


@pytest.mark.parametrize("delay_s", [0.0, 1.5, 6.0])
def test_a_deposit_is_booked_once_however_late_it_is_listed(tmp_path: Path, delay_s: float) -> None:
    """Listed at once, after a first doubt, or after the balance was adjusted for it already."""
    at = Operator(settings(tmp_path, account()))
    at.routes(order("0.5"))
    at.exchange.transfer(KRAKEN, Asset("BTC"), Decimal("1.5"), delay_s)
    for _ in range(9):
        at.reconciles()
        at.clock.advance(1)
    assert_healed(at)


@pytest.mark.parametrize("ours", [True, False])
def test_an_order_that_a_colleague_cancels_ends_in_the_journal_too(tmp_path: Path, ours: bool) -> None:
    """One of ours, or one that was made by hand and found at the venue."""
    at = Operator(settings(tmp_path, account()))
    at.reconciles()
    if ours:
        at.routes(order("0.1", SELL, time_in_force=GTC, limit_px=Decimal(99_000)))
    else:
        at.exchange.trade(KRAKEN, SELL, Decimal("0.1"), BTC_USD, Decimal(99_000))
        assert ["foreign_order"] == reads(at)
    (resting,) = at.ledger_rows("orders")
    at.exchange.cancel(KRAKEN, OrderId(resting["order_id"]))
    assert (["order_state"] if ours else []) == reads(at)
    assert_healed(at)
