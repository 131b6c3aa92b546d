"""A journal that can not be written any more, in the middle of a route."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvx.domain.ids import Venue
from mvx.engine.desk import Desk
from mvx.engine.outcome import Outcome
from mvx.errors import Exit, JournalError
from tests.engine.desk import BINANCE, OKX, Operator, order, routed, settings
from tests.engine.truth import assert_healed, assert_truth_inside


def routes_until(at: Operator, moment: str) -> Outcome:
    """A route whose journal takes no more from that moment on."""

    async def work(desk: Desk) -> Outcome:
        def look(venue: Venue, now: str) -> None:
            if now == moment:
                desk.journal._database.connection.execute("PRAGMA query_only = ON")

        at.look = look
        return await routed(at.watched(desk), order("2", id="k"))

    return at.does(work)


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    operator = Operator(settings(tmp_path, BINANCE, OKX))
    operator.reconciles()
    return operator


def ends(at: Operator) -> None:
    """There is space again, and whoever comes next finds everything."""
    at.look = None
    assert_truth_inside(at)
    at.clock.advance(20)
    assert_healed(at)


def test_before_anything_is_sent_nothing_is(at: Operator) -> None:
    with pytest.raises(JournalError) as caught:
        routes_until(at, "after book")
    assert (Exit.UNAVAILABLE, "journal") == (caught.value.exit_code, caught.value.code)
    assert [] == at.ledger_rows("orders")
    ends(at)


@pytest.mark.parametrize("moment", ["before submit", "after submit", "before trades"])
def test_after_something_was_sent_that_is_said(at: Operator, moment: str) -> None:
    """Exit 5 goes before exit 8: what was sent is reserved, and may not be known."""
    with pytest.raises(JournalError) as caught:
        routes_until(at, moment)
    assert (Exit.UNCERTAIN, True, "journal") == (caught.value.exit_code, caught.value.sent, caught.value.code)
    assert [] != at.ledger_rows("orders")
    ends(at)
