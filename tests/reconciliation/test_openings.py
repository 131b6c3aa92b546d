"""Openings and adjustments: nothing that a balance had counted is counted again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mvx.domain import entries as log
from mvx.domain.ids import Asset, Symbol
from mvx.domain.order_status import OrdStatus
from mvx.reconciliation.compare import opening
from tests.domain.orders import BNB, BTC, BUY, USD, at, fill, report
from tests.reconciliation.desk import Desk, kinds, opened, reading, transfer

D = Decimal
S = OrdStatus
UNTOUCHED = {"BTC": "10", "USD": "1000"}


def by_hand(qty: str = "0.5", *, exec_id: str = "old", at_s: float = -150, **more: Any) -> Any:
    return fill(qty, exec_id=exec_id, order_id="X", at_s=at_s, **more)


def test_the_opening_holds_what_the_venue_held() -> None:
    """Every listed balance, zero for configured assets without one, and the baseline as configured."""
    first = reading(-9, totals={"BTC": "10", "SOL": "3"}, since_s=-60)
    made = opening(first, {BTC: D(4)}, (BTC, USD))
    assert made.balances == {BTC: D(10), Asset("SOL"): D(3), USD: D(0)}
    assert made.baseline == {BTC: D(4), Asset("SOL"): D(3), USD: D(0)}


def test_trades_up_to_the_opening_s_instant_are_part_of_it() -> None:
    """A later one, in the second list of the same reading, is not."""
    trades = [by_hand(at_s=-10), by_hand(exec_id="same", at_s=-8), by_hand(exec_id="later", at_s=-7)]
    first = reading(-9, totals=UNTOUCHED, trades=trades[:1], after=trades, since_s=-60)
    made = opening(first, {}, ())
    assert (made.at, made.listed) == (at(-8), ("/BTC/USD/buy/old", "/BTC/USD/buy/same"))


def test_a_trade_listed_at_first_contact_is_never_booked() -> None:
    """It is part of the opening, now and in every later reading."""
    desk = Desk()
    first = reading(-9, totals=UNTOUCHED, trades=[by_hand(at_s=-20)], since_s=-60)
    assert desk.open(first).agreed
    found = desk.once(reading(3, totals=UNTOUCHED, trades=[by_hand(at_s=-20)]))
    assert (desk.fills(), found.findings, desk.held()) == ([], (), UNTOUCHED)


def test_a_later_trade_under_an_id_that_the_opening_listed_is_booked() -> None:
    """A venue that counts its trades anew: the opening speaks of what was before it only."""
    desk = Desk()
    desk.open(reading(-9, totals=UNTOUCHED, trades=[by_hand(at_s=-20)], since_s=-60))
    desk.once(reading(3, totals={"BTC": "10.5", "USD": "950"}, trades=[by_hand(at_s=1)]))
    assert desk.held() == {"BTC": "10.5", "USD": "950"}


def test_a_trade_during_first_contact_is_booked() -> None:
    """After the balances were read and before the trades were: it moved the account since."""
    desk = Desk()
    traded = by_hand(at_s=-7.5)
    found = desk.open(reading(-9, totals=UNTOUCHED, trades=[], after=[traded], since_s=-60))
    assert (kinds(found), found.agreed, desk.held()) == (
        ["foreign_fill"],
        True,
        {"BTC": "10.5", "USD": "950"},
    )


def test_a_trade_from_before_the_opening_that_is_listed_later_moves_nothing() -> None:
    """Booked and visible, with its exact opposite against the opening, whatever its size."""
    desk = opened()
    late = by_hand("123.456", fee="1.5")
    found = desk.once(reading(3, totals=UNTOUCHED, trades=[late]))
    assert (kinds(found), found.agreed, desk.held()) == (["foreign_fill"], True, UNTOUCHED)
    assert [(b.fill.qty, b.absorbed) for b in desk.fills()] == [
        (D("123.456"), {BTC: "opening", USD: "opening"})
    ]


@pytest.mark.parametrize(("at_s", "absorbed"), [(-99, True), (-98.999999, False)])
def test_the_opening_absorbs_up_to_its_own_instant(at_s: float, absorbed: bool) -> None:
    """The balances of first contact were read at -99 s."""
    desk = opened()
    totals = UNTOUCHED if absorbed else {"BTC": "10.5", "USD": "950"}
    found = desk.once(reading(3, totals=totals, trades=[by_hand(at_s=at_s)]))
    assert (desk.held(), found.agreed) == (totals, True)


def test_an_asset_that_was_not_held_at_the_opening_absorbs_too() -> None:
    """Bought and sold, or spent on a fee, before first contact: it was held as zero."""
    desk = opened()
    earlier = [
        by_hand("3", exec_id="a", symbol=Symbol("SOL/USD")),
        by_hand("0.5", exec_id="b", fee="0.01", fee_asset=BNB),
    ]
    found = desk.once(reading(3, totals=UNTOUCHED, trades=earlier))
    assert found.agreed
    assert {asset: held for asset, held in desk.held().items() if held != "0"} == UNTOUCHED


def adjusted(**more: Any) -> Desk:
    """A desk whose USD were adjusted from 1000 to 950, by balances that differed from 4 s on."""
    desk = opened()
    for began_s in (3, 14):
        desk.apply(reading(began_s, totals={"BTC": "10", "USD": "950"}, **more))
    assert desk.held() == {"BTC": "10", "USD": "950"}
    return desk


@pytest.mark.parametrize(("at_s", "usd"), [(3, "950"), (4, "950"), (4.000001, "900"), (15, "900")])
def test_a_trade_from_before_an_adjustment_that_is_listed_later_is_absorbed_per_asset(
    at_s: float, usd: str
) -> None:
    """The dollars differed when it had happened, so its dollars count no more; its coins do. They differed by
    as much before one that came between the two readings: the second knew no more of it than the lists."""
    desk = adjusted()
    found = desk.once(reading(20, totals={"BTC": "10.5", "USD": usd}, trades=[by_hand(at_s=at_s)]))
    (booked,) = desk.fills()
    assert booked.absorbed == ({USD: "adjustment"} if usd == "950" else {})
    assert (desk.held(), found.agreed) == ({"BTC": "10.5", "USD": usd}, True)


def test_a_trade_that_the_adjustment_knew_is_not_absorbed() -> None:
    """It was posted before, and the adjustment is what remained."""
    desk = opened()
    known = by_hand("0.1", at_s=1)
    for began_s in (3, 14):
        desk.apply(reading(began_s, totals={"BTC": "10.1", "USD": "950"}, trades=[known]))
    assert desk.held() == {"BTC": "10.1", "USD": "950"}
    assert [e.amount for e in desk.log if isinstance(e, log.Adjusted)] == [D(-40)]
    assert [b.absorbed for b in desk.fills()] == [{}]


def test_a_trade_from_before_opening_and_adjustment_is_absorbed_once() -> None:
    """By the opening, which counted it: the adjustment was made on top."""
    desk = adjusted()
    desk.once(reading(20, totals={"BTC": "10", "USD": "950"}, trades=[by_hand()]))
    assert [b.absorbed for b in desk.fills()] == [{BTC: "opening", USD: "opening"}]
    assert desk.held() == {"BTC": "10", "USD": "950"}


def test_an_adjustment_tells_the_trades_of_two_markets_apart() -> None:
    """Trade ids may be counted per market: the one it knew does not stand for the one it did not."""
    known = fill("0.5", "10", exec_id="7", order_id="Y", at_s=1, symbol=Symbol("ETH/USD"))
    totals = {"BTC": "10", "ETH": "0.5", "USD": "900"}
    desk = opened()
    for began_s in (3, 14):
        desk.apply(reading(began_s, totals=totals, trades=[known]))
    assert desk.held() == totals
    late = fill("0.5", exec_id="7", order_id="X", at_s=2)
    found = desk.apply(reading(20, totals=totals | {"BTC": "10.5"}, trades=[known, late]))
    assert (desk.held(), found.agreed) == (totals | {"BTC": "10.5"}, True)


def test_our_own_late_trade_is_absorbed_and_still_fills_its_order() -> None:
    """The order knows its trade; the holding, adjusted before, stands still."""
    desk = opened()
    sent = desk.acked(BUY)
    canceled = report(S.CANCELED, of=sent)
    totals = {"BTC": "10.5", "USD": "950"}
    for began_s in (3, 20):
        desk.apply(reading(began_s, totals=UNTOUCHED, closed=[canceled]), [sent])
    assert desk.order(sent).settled
    for began_s in (40, 60):
        desk.apply(reading(began_s, totals=totals, closed=[canceled]))
    assert desk.held() == totals
    listed = report(S.CANCELED, "0.5", of=sent)
    found = desk.apply(reading(80, totals=totals, closed=[listed], trades=[fill("0.5", at_s=30)]))
    assert (kinds(found), found.agreed, desk.held()) == (["late_fill"], True, totals)
    assert desk.order(sent).filled_qty == D("0.5")


def test_an_adjustment_older_than_all_that_is_listed_absorbs_nothing() -> None:
    """What the engine reads of the anchors is enough: the opening, and those since the oldest listed
    event, even where the venue lists it although it is older than was asked for."""
    desk = adjusted()
    old, new = by_hand("0.5", at_s=4), by_hand("0.25", exec_id="new", at_s=50)
    snapshot = reading(60, totals={"BTC": "10.75", "USD": "925"}, trades=[old, new], since_s=40)
    assert snapshot.oldest_at == at(4)
    found = desk.once(snapshot)
    assert [b.absorbed for b in desk.fills()] == [{USD: "adjustment"}, {}]
    assert (found.agreed, desk.held()) == (True, {"BTC": "10.75", "USD": "925"})


@pytest.mark.parametrize(
    ("lists", "oldest_s"),
    [
        ({}, 40),
        ({"trades": [by_hand(at_s=50)]}, 40),
        ({"trades": [by_hand(at_s=39)]}, 39),
        ({"trades": [], "after": [by_hand(at_s=39)]}, 39),
        ({"trades": [by_hand(at_s=50, busted_at=at(38))]}, 38),
        ({"transfers": [transfer("1", at_s=37)]}, 37),
        ({"transfers": [], "transfers_after": [transfer("1", at_s=37)]}, 37),
    ],
)
def test_the_oldest_instant_of_a_reading_is_that_of_all_that_it_lists(
    lists: dict[str, Any], oldest_s: float
) -> None:
    """Trades, busts and transfers, in either half."""
    assert at(oldest_s) == reading(60, totals=UNTOUCHED, since_s=40, **lists).oldest_at


@pytest.mark.parametrize(
    ("lists", "moved"),
    [
        ({"trades": [by_hand()], "transfers": [transfer("1")]}, False),
        ({"trades": [by_hand()], "after": [by_hand()] * 2}, False),
        ({"trades": [], "after": [by_hand()]}, True),
        ({"trades": [by_hand()], "after": [by_hand(busted_at=at(1))]}, True),
        ({"transfers": [], "transfers_after": [transfer("1")]}, True),
    ],
)
def test_an_account_moved_while_it_was_read_where_the_second_lists_show_something_else(
    lists: dict[str, Any], moved: bool
) -> None:
    """No opening is made of such a reading, whatever its balances say."""
    assert reading(60, totals=UNTOUCHED, **lists).moved_meanwhile is moved
