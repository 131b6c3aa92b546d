"""The pure matching: what an order takes of the levels that it meets."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mvx.domain.book import Level
from mvx.domain.order import Side, TimeInForce
from mvx.domain.order_status import OrdStatus
from mvx.paper.matching import crossing, fee_of, hold_of, match, status_of, take

LOT = Decimal("0.01")


def levels(*pairs: tuple[str, str]) -> tuple[Level, ...]:
    return tuple(Level(Decimal(px), Decimal(qty)) for px, qty in pairs)


ASKS = levels(("100", "1"), ("101", "2"), ("103", "5"))
BIDS = levels(("99", "1"), ("98", "2"), ("96", "5"))


@pytest.mark.parametrize(
    ("side", "limit_px", "offered", "expected"),
    [
        (Side.BUY, "99.99", ASKS, ()),
        (Side.BUY, "100", ASKS, ASKS[:1]),
        (Side.BUY, "102", ASKS, ASKS[:2]),
        (Side.SELL, "99.01", BIDS, ()),
        (Side.SELL, "98", BIDS, BIDS[:2]),
        (Side.SELL, None, BIDS, BIDS),
    ],
)
def test_an_order_crosses_levels_up_to_its_limit(
    side: Side, limit_px: str | None, offered: tuple[Level, ...], expected: tuple[Level, ...]
) -> None:
    """The limit itself is included, on both sides; no limit crosses all."""
    assert expected == crossing(side, None if limit_px is None else Decimal(limit_px), offered)


def test_an_order_takes_the_best_levels_first_at_their_prices() -> None:
    """Two and a half of eight: one at 100, the rest at 101."""
    assert levels(("100", "1"), ("101", "1.5")) == take(ASKS, Decimal("2.5"), LOT)


def test_what_fills_in_all_is_a_multiple_of_the_lot() -> None:
    """Recorded dust of half a lot can not leave an illegal remainder."""
    assert levels(("100", "0.03")) == take(levels(("100", "0.035")), Decimal(1), LOT)


@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.GTC])
def test_an_order_larger_than_the_book_takes_it_all(tif: TimeInForce) -> None:
    """IOC and GTC fill what there is."""
    assert ASKS == match(tif, Decimal(20), ASKS, LOT)


def test_fill_or_kill_fills_all_or_nothing() -> None:
    """Exactly what there is fills; one lot more fills nothing."""
    assert ASKS == match(TimeInForce.FOK, Decimal(8), ASKS, LOT)
    assert () == match(TimeInForce.FOK, Decimal("8.01"), ASKS, LOT)


def test_a_partial_fault_halves_the_fill_at_the_lot() -> None:
    """1.01 would fill: 0.50 does; a fill-or-kill order is killed."""
    assert levels(("100", "0.50")) == match(TimeInForce.IOC, Decimal("1.01"), ASKS, LOT, partial=True)
    assert () == match(TimeInForce.FOK, Decimal("1.01"), ASKS, LOT, partial=True)


@pytest.mark.parametrize(
    ("cum_qty", "rests", "expected"),
    [
        ("2", False, OrdStatus.FILLED),
        ("2", True, OrdStatus.FILLED),
        ("1", False, OrdStatus.EXPIRED),
        ("0", False, OrdStatus.EXPIRED),
        ("1", True, OrdStatus.PARTIALLY_FILLED),
        ("0", True, OrdStatus.NEW),
    ],
)
def test_the_status_follows_from_what_filled_and_whether_it_rests(
    cum_qty: str, rests: bool, expected: OrdStatus
) -> None:
    """A remainder that can not rest is called what the venue calls it."""
    actual = status_of(Decimal(2), Decimal(cum_qty), rests=rests, killed=OrdStatus.EXPIRED)
    assert expected == actual


def test_a_fee_is_cut_to_eight_places() -> None:
    """So that it never exceeds its rate."""
    assert Decimal("0.00012345") == fee_of(Decimal("0.123459"), Decimal("0.001"))


def test_a_buy_holds_quote_with_the_fee_and_a_sell_holds_base() -> None:
    """The worst case at the limit."""
    assert Decimal("200.2") == hold_of(Side.BUY, Decimal(2), Decimal(100), Decimal("0.001"))
    assert Decimal(2) == hold_of(Side.SELL, Decimal(2), Decimal(100), Decimal("0.001"))
