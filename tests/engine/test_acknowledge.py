"""Breaks as the journal keeps them: which are open, and who has seen them."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.entries import BreakFound
from mvx.domain.ids import Asset, ClOrdId, ExecId, Symbol, Venue
from mvx.domain.instant import Instant, after
from mvx.domain.order import Side
from mvx.engine.breaks import acknowledge
from mvx.engine.reports import breaks
from mvx.engine.results import BreaksResult, KnownBreak
from mvx.errors import Exit, UsageError
from mvx.journal.store import Journal
from tests.engine.desk import KRAKEN, OKX, Operator, settings
from tests.engine.truth import assert_verified, last_seq
from tests.support import START


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    """An operator whose journal holds three breaks, a second apart; only the second is not corrected."""
    operator = Operator(settings(tmp_path, KRAKEN, OKX))
    finds(operator, KRAKEN, "missing_fill", 1)
    finds(operator, KRAKEN, "foreign_order", 2, corrected=False)
    finds(operator, OKX, "balance", 3)
    return operator


def finds(at: Operator, venue: Venue, kind: str, second: int, *, corrected: bool = True) -> None:
    found = BreakFound(
        ref=f"{kind}:{venue}:{second}",
        venue=venue,
        kind=kind,
        asset=Asset("BTC"),
        cl_ord_id=ClOrdId("m1"),
        exec_id=ExecId("T1"),
        ours="0.4",
        theirs="0.5",
        corrected=corrected,
        note="booked",
    )
    opened = closing(Journal(at.settings.desk.journal, mode="paper"))
    with opened as journal, journal.write(at=after(START, second)) as tx:
        tx.append(found)


def shown(at: Operator, **wanted: Any) -> list[KnownBreak]:
    chosen: dict[str, Any] = {"since": None, "venue": None, "open_only": False, "limit": None} | wanted
    outcome = breaks(at.settings.desk, **chosen)
    assert isinstance(outcome.data, BreaksResult)
    assert Exit.OK is outcome.exit_code
    return list(outcome.data.breaks)


def kinds(found: list[KnownBreak]) -> list[str]:
    return [each.kind for each in found]


def test_the_newest_is_first_with_all_that_is_known_of_it(at: Operator) -> None:
    found = shown(at)
    assert ["balance", "foreign_order", "missing_fill"] == kinds(found)
    newest = found[0]
    assert ("okx", "BTC", "m1", "T1", "0.4", "0.5", True, after(START, 3), "booked", None, None) == (
        newest.venue,
        newest.asset,
        newest.cl_ord_id,
        newest.exec_id,
        newest.ours,
        newest.theirs,
        newest.corrected,
        newest.at,
        newest.note,
        newest.acked_at,
        newest.acked_by,
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"venue": "kraken"}, ["foreign_order", "missing_fill"]),
        ({"since": after(START, 2)}, ["balance", "foreign_order"]),
        ({"open_only": True}, ["foreign_order"]),
        ({"open_only": True, "venue": "okx"}, []),
        ({"limit": 1}, ["balance"]),
        ({"since": Instant(START + 4_000_000)}, []),
    ],
)
def test_they_are_chosen_by_time_venue_and_state(
    at: Operator, wanted: dict[str, Any], expected: list[str]
) -> None:
    assert expected == kinds(shown(at, **wanted))


def test_a_break_that_was_seen_is_not_open_any_more(at: Operator) -> None:
    """Its numbers stay, and who saw it first."""
    (found,) = shown(at, open_only=True)
    outcome = acknowledge(at.settings.desk, found.id, by="ops@desk")
    assert isinstance(outcome.data, BreaksResult)
    (seen,) = outcome.data.breaks
    assert (found.id, "ops@desk", "0.4", False) == (seen.id, seen.acked_by, seen.ours, seen.corrected)
    assert seen.acked_at is not None
    assert [] == shown(at, open_only=True)
    assert seen in shown(at)
    seq = last_seq(at.settings)
    again = acknowledge(at.settings.desk, found.id, by="another@desk")
    assert (outcome.data, seq) == (again.data, last_seq(at.settings))
    assert_verified(at.settings)


@pytest.mark.parametrize("break_id", [0, 4_711, 2**63 - 1])
def test_a_break_that_there_is_not_is_an_error(at: Operator, break_id: int) -> None:
    seq = last_seq(at.settings)
    with pytest.raises(UsageError, match=f"there is no break {break_id}") as raised:
        acknowledge(at.settings.desk, break_id, by="ops@desk")
    assert ("mvx breaks --open", seq) == (raised.value.next_step, last_seq(at.settings))


def test_what_reconciliation_finds_is_listed(tmp_path: Path) -> None:
    """The same id and numbers that the pass reported."""
    at = Operator(settings(tmp_path, KRAKEN))
    at.reconciles()
    at.exchange.trade(KRAKEN, Side.BUY, Decimal("0.1"), Symbol("BTC/USD"))
    reported = at.reconciles().breaks
    assert reported
    assert [(b.id, b.kind, b.ours, b.theirs) for b in reversed(reported)] == [
        (b.id, b.kind, b.ours, b.theirs) for b in shown(at)
    ]
