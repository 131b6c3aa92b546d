"""One journal, several reports: they say the same of an order."""

from __future__ import annotations

from pathlib import Path

from mvx.domain.ids import ClOrdId
from mvx.engine.positions import positions
from mvx.engine.reports import orders
from mvx.engine.venue_status import cached_status
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
