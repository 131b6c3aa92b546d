"""One journal, several reports: they say the same of an order."""

from __future__ import annotations

import os
from pathlib import Path

from mvx.domain.entries import CancelRequested
from mvx.domain.ids import ClOrdId, Venue
from mvx.engine.desk import Desk
from mvx.engine.positions import positions
from mvx.engine.reports import orders
from mvx.engine.venue_status import cached_status
from mvx.errors import Exit
from mvx.journal.jobs import LEADER
from tests.engine.desk import KRAKEN
from tests.engine.happenings import desk
from tests.engine.meddling import BTC, Meddled, unsent_intent


def unknown_orders(at: Meddled) -> tuple[int, int, int]:
    """As positions, venue-status and orders count them."""
    settings, now = at.settings.desk, at.clock.now()
    (row,) = (each for each in positions(settings, now).data.positions if each.asset == BTC)
    (venue,) = cached_status(settings, now).data.venues
    listed = orders(settings, now, since=None, venue=None, open_only=True, limit=None).data.orders
    return row.unknown_orders, venue.unknown_orders, sum(each.unknown for each in listed)


def test_an_order_whose_sender_died_is_unknown_in_all_of_them(tmp_path: Path) -> None:
    """From its deadline on, though nobody was left to say so."""
    at = desk(tmp_path)
    unsent_intent(at, ClOrdId("m1"))
    assert (0, 0, 0) == unknown_orders(at)
    at.clock.advance(5)
    assert (1, 1, 1) == unknown_orders(at)


def test_a_cancel_of_an_order_that_nobody_was_answered_on_tells_nothing_of_it(tmp_path: Path) -> None:
    """It was asked for in vain too, and the position is in doubt as before."""
    at = desk(tmp_path)
    unsent_intent(at, ClOrdId("m1"))
    at.writes(CancelRequested(ClOrdId("m1")))
    assert [("unconfirmed", ())] == states(at)
    at.clock.advance(5)
    assert (1, 1, 1) == unknown_orders(at)


def test_what_is_stale_while_a_run_is_up_is_exit_5(tmp_path: Path) -> None:
    """It reads every venue at its interval: something is wrong where it did not."""
    at = desk(tmp_path)
    at.clock.advance(31)
    assert Exit.OK is at.positions().exit_code

    async def leads(opened: Desk) -> None:
        with opened.journal.write() as tx:
            assert tx.take_lease(LEADER, f"{os.getpid()}-x") is not None

    at.does(leads)
    assert Exit.UNCERTAIN is at.positions().exit_code
    at.reconciles()
    assert Exit.OK is at.positions().exit_code


def test_a_total_names_the_venue_that_is_silent_whatever_is_worse_there(tmp_path: Path) -> None:
    """What is in flight at a dark venue is unconfirmed, and the venue is dark all the same."""
    at = desk(tmp_path)
    unsent_intent(at, ClOrdId("m1"))
    assert [("unconfirmed", ())] == states(at)
    at.exchange.inject(KRAKEN, "outage")
    at.reconciles()
    assert [("unconfirmed", (KRAKEN,))] == states(at)


def states(at: Meddled) -> list[tuple[str, tuple[Venue, ...]]]:
    data = positions(at.settings.desk, at.clock.now(), name="BTC").data
    return [(row.state, total.stale_venues) for row, total in zip(data.positions, data.totals, strict=True)]
