"""A disk that is full at the worst moment: after an order was sent, and before its outcome is written."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import Venue
from mvx.engine.cancel import cancel
from mvx.engine.flatten import flatten
from mvx.engine.flatten_order import FlattenOrder
from mvx.errors import Exit, JournalError
from tests.engine.desk import BINANCE, GTC, OKX, Operator, order, settings
from tests.engine.truth import (
    assert_journal_is_ledger,
    assert_one_acceptance_each,
    assert_truth_inside,
    assert_verified,
)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process grows: as on a disk without room, for whoever writes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill_up() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def failure_of(at: Operator, work: Callable[[], Any], *moments: str) -> JournalError:
    """The error of work during which the disk is full once these calls were made, one after the other."""
    left = list(moments)

    def look(_venue: Venue, call: str) -> None:
        if left and call == left[0]:
            left.pop(0)
            if not left:
                fill_up()

    at.look = look
    try:
        with full_disk(), pytest.raises(JournalError) as caught:
            work()
    finally:
        at.look = None
    assert [] == left
    return caught.value


def assert_all_is_found_again(at: Operator) -> None:
    """With room again nothing was lost: what was sent is known, once."""
    assert_truth_inside(at)
    for _ in range(4):
        at.clock.advance(10)
        assert at.reconciles().exit_code in (Exit.OK, Exit.BREAKS, Exit.UNCERTAIN)
        assert_truth_inside(at)
    assert Exit.OK is at.reconciles().exit_code
    assert_journal_is_ledger(at)
    assert_one_acceptance_each(at)
    assert_verified(at.settings)


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    at = Operator(settings(tmp_path, BINANCE, OKX))
    at.routes(order("0.4"))
    return at


def test_before_anything_is_sent_it_is_exit_8(at: Operator) -> None:
    sent = len(at.ledger_rows("orders"))
    failed = failure_of(at, lambda: at.routes(order("0.2")), "after book")
    assert (Exit.UNAVAILABLE, False) == (failed.exit_code, failed.sent)
    assert "full" in failed.message
    assert sent == len(at.ledger_rows("orders"))
    assert_all_is_found_again(at)


@pytest.mark.parametrize(
    "moments",
    [("after submit",), ("after submit", "after open_orders"), ("after submit", "after balances")],
    ids=" then ".join,
)
def test_after_an_order_was_sent_it_is_exit_5_and_says_so(at: Operator, moments: tuple[str, ...]) -> None:
    """The order stays reserved, for nobody could write what became of it; its key is answered, once."""
    asked = order("0.2", id="k", venues=(OKX,))
    failed = failure_of(at, lambda: at.routes(asked), *moments)
    assert (Exit.UNCERTAIN, True) == (failed.exit_code, failed.sent)
    assert "full" in failed.message
    assert_all_is_found_again(at)
    again = at.routes(asked)
    assert (Exit.OK, False) == (again.exit_code, again.sent)
    assert_all_is_found_again(at)


def test_after_a_round_that_is_known_it_says_that_it_was_sent(tmp_path: Path) -> None:
    """What the first round traded is in the journal; how the run ended is not."""
    at = Operator(settings(tmp_path, BINANCE, OKX))
    at.reconciles()
    at.exchange.inject(OKX, "partial", count=1, for_s=None, delay_s=None)
    failed = failure_of(
        at, lambda: at.routes(order("0.2", venues=(OKX,))), "after submit", "after balances", "after book"
    )
    assert (Exit.UNCERTAIN, True) == (failed.exit_code, failed.sent)
    assert_all_is_found_again(at)


def test_a_flatten_that_can_not_write_says_what_it_sent(at: Operator) -> None:
    flat = FlattenOrder(
        venues=(BINANCE, OKX), instruments=(), to_zero=False, foreign=False, dry_run=False, by="me"
    )

    def leaves() -> None:
        at.does(lambda desk: flatten(desk, flat, show=lambda plan: None, confirm=lambda: True))

    failed = failure_of(at, leaves, "after submit")
    assert (Exit.UNCERTAIN, True) == (failed.exit_code, failed.sent)
    assert_all_is_found_again(at)


def test_a_cancel_that_can_not_write_says_that_it_was_asked(at: Operator) -> None:
    at.routes(order("0.2", time_in_force=GTC, limit_px=Decimal(1_000)))
    failed = failure_of(at, lambda: at.does(lambda desk: cancel(desk, None, True, ())), "after cancel")
    assert (Exit.UNCERTAIN, True) == (failed.exit_code, failed.sent)
    assert_all_is_found_again(at)
