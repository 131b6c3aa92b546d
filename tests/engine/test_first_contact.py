"""First contact: what a venue holds is believed once two answers in a row agree, and counts all it lists."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain import entries as log
from mvx.domain.instant import after
from mvx.errors import Exit
from tests.domain.orders import BTC_USD
from tests.engine.desk import BUY, KRAKEN, SELL
from tests.engine.happenings import opened
from tests.engine.meddling import BTC, Interrupted, held, logged
from tests.engine.truth import assert_healed, assert_silent

D = Decimal


@pytest.fixture
def at(tmp_path: Path) -> Interrupted:
    return opened(Interrupted, tmp_path, contact=False)


def answers(at: Interrupted, *edits: Any) -> None:
    """Each is done to one answer about balances; those after them are left as they are."""
    left = list(edits)
    at.edits["balances"] = lambda answer: left.pop(0)(answer) if left else answer


def stale(answer: Any) -> Any:
    return replace(answer, total=answer.total | {BTC: D("9.5")})


def early(answer: Any) -> Any:
    return replace(answer, at=after(answer.at, -0.3))


def test_one_stale_answer_is_not_believed(at: Interrupted) -> None:
    answers(at, stale)
    outcome = at.reconciles()
    assert (Exit.OK, (D(10), D(10))) == (outcome.exit_code, held(at, BTC))
    assert_healed(at)


def test_an_account_that_is_traded_meanwhile_is_read_again(at: Interrupted) -> None:
    """After its balances were told."""

    async def happens() -> None:
        at.exchange.trade(KRAKEN, BUY, D("0.4"), BTC_USD)

    at.moment = "after balances"
    at.happens = happens  # type: ignore[method-assign] -- the test is what happens
    assert Exit.OK is at.reconciles().exit_code
    assert (D("10.4"), D("10.4")) == held(at, BTC)
    assert [] == logged(at, log.FillBooked)
    assert_silent(at)


def test_what_was_counted_is_not_booked_again_whatever_its_time(at: Interrupted) -> None:
    """Balances are as of when they were asked for, at the earliest: they may count a trade that is later."""
    at.exchange.trade(KRAKEN, SELL, D("0.4"), BTC_USD)
    answers(at, early, early)
    assert Exit.OK is at.reconciles().exit_code
    assert ([], (D("9.6"), D("9.6"))) == (logged(at, log.FillBooked), held(at, BTC))
    assert_silent(at)


def test_an_account_that_never_rests_is_not_adopted(at: Interrupted) -> None:
    answers(at, *[stale, lambda answer: answer] * 3)
    outcome = at.reconciles()
    assert Exit.UNCERTAIN is outcome.exit_code
    assert "what it holds changed" in outcome.warnings[0]
    assert [] == logged(at, log.Opening)
    assert Exit.OK is at.reconciles().exit_code
