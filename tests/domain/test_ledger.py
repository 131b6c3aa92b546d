"""What a fill does to a venue's holdings."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mvx.domain.ids import Asset
from mvx.domain.ledger import Movement, booked_movements, effects, net
from mvx.domain.order import Side
from tests.domain.orders import BNB, BTC, BUY, SELL, USD, fill

D = Decimal


@pytest.mark.parametrize(
    ("side", "fee_asset", "expected"),
    [
        (BUY, USD, {BTC: D(2), USD: D(-201)}),
        (BUY, BTC, {BTC: D(1), USD: D(-200)}),
        (BUY, BNB, {BTC: D(2), USD: D(-200), BNB: D(-1)}),
        (SELL, USD, {BTC: D(-2), USD: D(199)}),
        (SELL, BTC, {BTC: D(-3), USD: D(200)}),
        (SELL, BNB, {BTC: D(-2), USD: D(200), BNB: D(-1)}),
    ],
)
def test_a_fee_goes_out_in_its_own_asset(
    side: Side, fee_asset: Asset, expected: dict[Asset, Decimal]
) -> None:
    """A buy adds base and takes quote, a sell the other way; the fee leaves wherever it is taken."""
    traded = fill("2", "100", side=side, fee="1", fee_asset=fee_asset)
    assert net(effects(traded, BTC, USD)) == expected


def test_a_fill_without_a_fee_posts_none() -> None:
    """No posting of zero is made."""
    assert [m.contra for m in effects(fill("1"), BTC, USD)] == ["trade", "trade"]


@pytest.mark.parametrize("absorbed", [(), (BTC,), (USD,), (BTC, USD), (BTC, USD, BNB)])
def test_what_was_absorbed_nets_to_zero_and_the_rest_stands(absorbed: tuple[Asset, ...]) -> None:
    """Per asset: beside each movement its exact opposite, against what had counted it already."""
    traded = fill("1.23456789", "98765.4321", fee="0.000001", fee_asset=BNB)
    movements = booked_movements(traded, BTC, USD, dict.fromkeys(absorbed, "opening"))
    whole = net(effects(traded, BTC, USD))
    assert net(movements) == {asset: D(0) if asset in absorbed else whole[asset] for asset in whole}
    for each in effects(traded, BTC, USD):
        assert each in movements
        opposite = Movement(each.asset, -each.amount, "opening")
        assert (opposite in movements) is (each.asset in absorbed)
