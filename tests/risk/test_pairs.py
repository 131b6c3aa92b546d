"""What an order in ETH-BTC may bring of BTC, which is a position itself."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from mvx.domain.ids import Asset, Symbol
from mvx.domain.instrument import Instrument
from mvx.domain.order import Order, Side
from mvx.risk.checks import assess
from mvx.risk.question import Approved, Proposal, Refused
from tests.risk.desk import BTC, BUY, SELL, A, holding, limits, order, proposal, refused, world

D = Decimal
ETH = Asset("ETH")
ETH_BTC = Instrument("ETH-BTC", ETH, BTC)
BOTH = ("BTC-USD", "ETH-BTC")
#: The mid of ETH-BTC is 0.1.
PRICES = {"BTC": "100", "ETH": "10", "USD": "1"}


def pair(side: Side, qty: str, px: str, *, max_px: str | None = "1000000", parent: str = "p2") -> Order:
    return replace(
        order(side, qty, px=px, parent=parent, fee_assets=("BTC",)),
        instrument="ETH-BTC",
        base=ETH,
        quote=BTC,
        symbol=Symbol("ETH/BTC"),
        max_px=None if max_px is None else D(max_px),
    )


def of_pair(child: Order) -> Proposal:
    buy = proposal(order(child.side, "1", parent="p2"))
    return replace(buy, instrument=ETH_BTC, parent_leaves_qty=child.order_qty, children=(child,))


def sentence(answer: Approved | Refused) -> str:
    assert isinstance(answer, Refused)
    (said,) = {refusal.worst_case for refusal in answer.refusals}
    return said


@pytest.mark.parametrize(("px", "gross"), [("0.05", "20"), ("0.1", "20"), ("0.3", "40")])
def test_a_sell_brings_its_quote_at_its_limit_or_the_mid(px: str, gross: str) -> None:
    """1 ETH is 10, and 0.1 BTC, or 0.3 at its limit, 10 or 30; its venue's highest price is no matter."""
    desk = world(holding(A, "ETH", "50", "50"), instruments=BOTH, prices=PRICES)
    asked = of_pair(pair(SELL, "1", px))
    assert {} == refused(assess(asked, desk, limits(gross_notional=gross)))
    answer = assess(asked, desk, limits(gross_notional=str(D(gross) - D("0.01"))))
    assert {"max_gross_notional": (D(gross), D(gross) - D("0.01"))} == refused(answer)


@pytest.mark.parametrize("max_px", ["1000000", None])
def test_a_sell_at_rest_takes_the_room_of_what_it_brings(max_px: str | None) -> None:
    rests = pair(SELL, "10", "0.2", max_px=max_px)
    desk = world(orders=(rests,), instruments=BOTH, prices=PRICES)
    assert {} == refused(assess(proposal(order(BUY, "8")), desk, limits(position="10")))
    answer = assess(proposal(order(BUY, "8.1")), desk, limits(position="10"))
    assert {"max_position": (D("10.1"), D(10))} == refused(answer)


def test_what_it_brings_counts_at_its_venue_too() -> None:
    desk = world(orders=(pair(SELL, "10", "0.2"),), instruments=BOTH, prices=PRICES)
    answer = assess(proposal(order(BUY, "1")), desk, limits(venue_notional={A: "399"}))
    assert {"max_venue_notional": (D(300 + 100), D(399))} == refused(answer)


def test_where_its_price_is_not_known_it_has_the_bound_of_the_truth() -> None:
    """And where that has none either, the sentence names what has no bound."""
    rests, asked = pair(SELL, "1", "0.2", max_px="7"), proposal(order(BUY, "1"))
    bounded = assess(asked, world(orders=(rests,), instruments=BOTH), limits(position="7.9"))
    assert {"max_position": (D(8), D("7.9"))} == refused(bounded)
    unbounded = replace(rests, max_px=None)
    answer = assess(asked, world(orders=(unbounded,), instruments=BOTH), limits(position="7.9"))
    assert {"max_position": (None, D("7.9"))} == refused(answer)
    assert "an order may sell for BTC at a price without a bound, so the worst case has none" == sentence(
        answer
    )


def test_a_fee_is_named_where_that_has_no_bound() -> None:
    vague = replace(pair(BUY, "1", "0.1"), fee_assets=(BTC, Asset("BNB")), base=ETH, quote=Asset("USD"))
    answer = assess(proposal(order(SELL, "1")), world(orders=(vague,)), limits(position="10"))
    assert "an order may take a fee in BTC without a bound, so the worst case has none" == sentence(answer)


def test_what_reduces_has_to_do_so_wherever_the_position_may_be() -> None:
    """A short of 9 is none where a sell of ETH-BTC fills far above the mid: that is no matter of a price."""
    desk = world(
        holding(A, "BTC", "91", "100"),
        orders=(pair(SELL, "1", "0.1", max_px="100"),),
        instruments=BOTH,
        prices=PRICES,
    )
    answer = assess(proposal(order(BUY, "1")), desk, limits(order_qty="0.5"))
    assert {"max_order_qty": (D(1), D("0.5"))} == refused(answer)
