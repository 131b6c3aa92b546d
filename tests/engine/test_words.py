"""The dictionary: every code, kind and state that mvx answers with has a meaning, once in each sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvx.domain.order_status import OrdStatus
from mvx.domain.trading import TradingState
from mvx.engine.positions_result import PositionsResult
from mvx.engine.route_id import CANCELED
from mvx.engine.route_result import EXIT_OF_STATUS
from mvx.engine.words import (
    BREAK,
    ERROR,
    EXIT,
    HEALTH,
    ORDER,
    PARENT,
    POSITION,
    TRADING,
    close_to,
    look_up,
    meanings,
    words,
)
from mvx.errors import Exit, error_codes
from mvx.reconciliation.kinds import BreakKind
from mvx.venues.health import HealthState
from tests.engine.desk import KRAKEN, Operator, order, settings
from tests.engine.faults import strike


def known(about: str) -> set[str]:
    return {each.word for each in meanings() if each.about == about}


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        (EXIT, {str(int(code)) for code in Exit}),
        (ERROR, {each.code for each in error_codes()}),
        (BREAK, {kind.value for kind in BreakKind}),
        (ORDER, {status.value for status in OrdStatus}),
        (HEALTH, {state.value for state in HealthState}),
        (TRADING, {state.value for state in TradingState}),
        (PARENT, {*EXIT_OF_STATUS, "planned", "working", "died", CANCELED}),
    ],
)
def test_whatever_mvx_can_say_has_a_meaning(about: str, expected: set[str]) -> None:
    assert expected == known(about)


@pytest.mark.parametrize("state", [OrdStatus.CANCELED, OrdStatus.EXPIRED])
def test_what_was_not_to_rest_is_named_where_a_venue_calls_it_so(state: OrdStatus) -> None:
    """Binance expires the unfilled rest of an IOC, whose time is not over; kraken cancels it."""
    (meaning,) = (each for each in meanings() if (each.about, each.word) == (ORDER, state.value))
    assert "it was not to rest" in meaning.means


def test_a_position_is_only_said_to_be_what_has_a_meaning(tmp_path: Path) -> None:
    """Over a life that goes through most of its states."""
    at = Operator(settings(tmp_path, "kraken"))
    seen = []

    def look() -> None:
        result = at.positions().data
        assert isinstance(result, PositionsResult)
        seen.extend(row.state for row in result.positions)

    look()
    at.reconciles()
    look()
    strike(at, KRAKEN, "late-trade")
    at.routes(order("0.5"))
    look()
    at.reconciles()
    look()
    at.clock.advance(31)
    look()
    assert {"unknown", "agreed", "settling", "stale"} <= set(seen)
    assert set(seen) <= known(POSITION)


def test_a_word_has_one_meaning_in_one_sense() -> None:
    senses = [(each.about, each.word) for each in meanings()]
    assert len(set(senses)) == len(senses)
    assert all(each.means.strip() == each.means != "" for each in meanings())


@pytest.mark.parametrize("typed", ["worst_case", "worst-case", "WORST CASE"])
def test_a_word_is_found_however_it_is_typed(typed: str) -> None:
    assert ["worst_case"] == [each.word for each in look_up(typed)]


def test_every_sense_of_a_word_is_given() -> None:
    """A position and an order can both be unknown, and it is not the same."""
    assert [POSITION, "word"] == [each.about for each in look_up("unknown")]


def test_a_typing_error_finds_its_word() -> None:
    assert "late_fill" == close_to("late-fil")
    assert "PENDING_NEW" == close_to("pendingnew")
    assert close_to("m0123456789abcdefg") is None
    assert len(words()) == len(set(words()))
