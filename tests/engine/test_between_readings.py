"""What happens while a venue is read, and what its lists show late: the balance is compared with every state
that it can have been in."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain import entries as log
from mvx.domain.instant import MICROS_PER_S, Instant, after
from mvx.engine.reading import reading_since
from mvx.errors import Exit
from mvx.journal import history, views
from tests.engine.desk import KRAKEN, order
from tests.engine.happenings import deposits, desk, opened, trades_by_hand
from tests.engine.meddling import Interrupted, Meddled, logged
from tests.engine.truth import assert_silent, assert_truth_inside, last_seq, reading

Event = Callable[[Meddled], None]


def takes_back(at: Meddled) -> None:
    """The venue takes back the trade that the desk has booked."""
    (booked,) = logged(at, log.FillBooked)
    at.takes_back(booked.fill)


EVENTS = pytest.mark.parametrize(
    "event", [trades_by_hand, takes_back, deposits], ids=["trade", "bust", "transfer"]
)


def with_a_trade(folder: Path) -> Interrupted:
    """A desk with one trade booked, at a venue that lists transfers."""
    at: Interrupted = opened(Interrupted, folder)
    at.declares["lists_transfers"] = True
    at.routes(order("0.5"))
    at.clock.advance(3)
    assert Exit.OK is at.reconciles().exit_code
    at.clock.advance(1)
    return at


def doubts(at: Meddled) -> int:
    with reading(at.settings) as tx:
        return len(history.doubts(tx))


def show_old_answers(at: Meddled, old: dict[str, Any], *, half: int) -> None:
    """In this half of every pass the lists show what they showed before."""
    for call, answer in old.items():
        at.edits[call] = _old_half(at.edits.get(call, lambda listed, since: listed), answer, half)


def _old_half(edit: Callable[..., Any], answer: Any, half: int) -> Callable[..., Any]:
    calls = 0

    def edited(listed: Any, since: Instant) -> Any:
        nonlocal calls
        calls += 1
        return answer if calls % 2 == half % 2 else edit(listed, since)

    return edited


async def listed_now(at: Meddled, venue: Any) -> dict[str, Any]:
    since = after(at.clock.now(), -600)
    return {"trades": await venue.trades(since), "transfers": await venue.transfers(since)}


@pytest.mark.parametrize("second_half_lists_it", [True, False])
@EVENTS
def test_what_another_process_books_after_the_balance_was_read_is_no_difference(
    tmp_path: Path, event: Event, second_half_lists_it: bool
) -> None:
    """It is newer than the balance, whether or not the second lists show it by then. Their pass began no
    later than ours, or ours would be outdated."""
    at = with_a_trade(tmp_path)
    old = at.does(lambda d: listed_now(at, d.venues[KRAKEN]))

    async def event_and_a_pass() -> None:
        began_at = at.clock.now()
        event(at)
        at.clock.advance((began_at - at.clock.now()) / MICROS_PER_S)
        await at.somebody_reconciles()
        if not second_half_lists_it:
            show_old_answers(at, old, half=1)

    at.happens = event_and_a_pass  # type: ignore[method-assign] -- the test is what happens
    at.moment = "after balances"
    outcome = at.reconciles()
    assert (Exit.OK, (), 0) == (outcome.exit_code, outcome.breaks, doubts(at))
    assert_truth_inside(at)


@EVENTS
def test_what_only_the_second_lists_show_may_be_missing_in_the_balance(tmp_path: Path, event: Event) -> None:
    """Booked by an earlier pass; now the first lists and the balance come from a copy that is behind."""
    at = with_a_trade(tmp_path)
    old = at.does(lambda d: listed_now(at, d.venues[KRAKEN]))
    balances = at.does(lambda d: d.venues[KRAKEN].balances())
    event(at)
    assert Exit.BREAKS is at.reconciles().exit_code
    show_old_answers(at, old, half=1)
    at.edits["balances"] = lambda now: type(now)(now.at, balances.total, balances.free)
    seq = last_seq(at.settings)
    assert (Exit.OK, seq, 0) == (at.reconciles().exit_code, last_seq(at.settings), doubts(at))


@EVENTS
def test_a_balance_that_is_behind_lists_that_are_not_is_doubted(tmp_path: Path, event: Event) -> None:
    """What the first lists show was there before the balance was read."""
    at = with_a_trade(tmp_path)
    balances = at.does(lambda d: d.venues[KRAKEN].balances())
    event(at)
    assert Exit.BREAKS is at.reconciles().exit_code
    at.edits["balances"] = lambda now: type(now)(now.at, balances.total, balances.free)
    assert Exit.UNCERTAIN is at.reconciles().exit_code
    assert doubts(at)
    del at.edits["balances"]
    assert Exit.OK is at.reconciles().exit_code
    assert_silent(at)


# How far a reading reaches back


def reaches_back_s(at: Meddled) -> float:
    """Of a pass that began now."""

    async def ask(found: Any) -> float:
        now = at.clock.now()
        with found.journal.read() as tx:
            unsettled = views.unsettled_orders(tx, KRAKEN)
            return (now - reading_since(found, tx, KRAKEN, now, unsettled)) / MICROS_PER_S

    return at.does(ask)


def test_a_reading_reaches_back_by_the_overlap(tmp_path: Path) -> None:
    """A minute, and the venue's lateness, listing lag and clock skew; however long the desk has traded."""
    at = desk(tmp_path)
    for _ in range(3):
        at.clock.advance(3600)
        at.reconciles()
    assert 60 + 2 + 1 + 0.5 == reaches_back_s(at)


def test_a_reading_reaches_back_behind_an_order_that_was_sent_and_not_found(tmp_path: Path) -> None:
    """It may have come and gone any time since, for the venue's lists do not prove that it never was."""
    at = desk(tmp_path)
    at.declares["closed_orders_complete"] = False
    at.exchange.inject(KRAKEN, "lost-request")
    at.routes(order("0.5"))
    at.clock.advance(3600)
    assert Exit.UNCERTAIN is at.reconciles().exit_code
    sent_s_ago = (at.clock.now() - at.orders()[0].created_at) / MICROS_PER_S
    assert sent_s_ago + 1 + 0.5 == reaches_back_s(at)


def test_a_trade_that_is_listed_long_after_its_order_is_booked(tmp_path: Path) -> None:
    """Readings reach back to where the order's record first claimed it, however many there were since."""
    at = desk(tmp_path)
    at.reconciles()
    at.exchange.inject(KRAKEN, "late-trade", count=1, for_s=None, delay_s=900)
    at.routes(order("0.5"))
    for _ in range(8):
        at.clock.advance(120)
        at.reconciles()
        assert_truth_inside(at)
    at.clock.advance(120)
    at.reconciles()
    (booked,) = logged(at, log.FillBooked)
    assert Decimal("0.5") == booked.fill.qty
    at.clock.advance(120)
    assert Exit.OK is at.reconciles().exit_code
    assert reaches_back_s(at) < 400, "and no further, once it is booked"
