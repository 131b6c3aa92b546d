"""What Kraken's ledger has lines of, and when, as its documents and others' records of it say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mvx.domain.ids import Asset
from mvx.domain.instant import MICROS_PER_S, Instant
from mvx.errors import BadVenueData
from tests.venues.ccxt import kraken
from tests.venues.ccxt.kraken import NOW
from tests.venues.ccxt.venue import Rig

D = Decimal
BEGINNING = Instant(NOW * MICROS_PER_S)


#: What of a trade of 0.5 for 40000.05 stands in the ledger, and what it moved in quote and cost then.
LEDGERS = {
    "in base, beside what was bought": (
        [("XXBT", "0.5000000000", "0.0013000000"), ("ZUSD", "-40000.0500", "0")],
        (D("40000.05"), Asset("BTC"), D("0.0013")),
    ),
    "in base, and the cost was rounded": (
        [("XXBT", "0.5000000000", "0.0013000000"), ("ZUSD", "-40000.0501", "0")],
        (D("40000.0501"), Asset("BTC"), D("0.0013")),
    ),
    "in fee credits": (
        [("XXBT", "0.5000000000", "0"), ("ZUSD", "-40000.0500", "0"), ("KFEE", "0", "1040.00")],
        (D("40000.05"), Asset("KFEE"), D(1040)),
    ),
    "in fee credits and in quote, of which a fill has one": (
        [("XXBT", "0.5000000000", "0"), ("ZUSD", "-40000.0500", "52.0001"), ("KFEE", "0", "520.00")],
        (D("40052.0501"), Asset("KFEE"), D(520)),
    ),
    "in quote, rounded as the balance was": (
        [("XXBT", "0.5000000000", "0"), ("ZUSD", "-40000.0500", "104.0001")],
        (D("40000.05"), Asset("USD"), D("104.0001")),
    ),
    "none, and the cost was rounded": (
        [("XXBT", "0.5000000000", "0"), ("ZUSD", "-40000.0501", "0")],
        (D("40000.0501"), Asset("USD"), D(0)),
    ),
}


@pytest.mark.parametrize("name", LEDGERS)
def test_the_ledger_tells_what_a_trade_moved_and_cost(on_kraken: Rig, name: str) -> None:
    """So that balances agree to the last digit."""
    lists, told = LEDGERS[name]
    lines = {f"L{i}": kraken.ledger_line("T1", *line) for i, line in enumerate(lists)}
    on_kraken.clock.advance(60)  # then no line may come yet
    on_kraken.wire.answers["TradesHistory"] = kraken.pages("trades", {"T1": kraken.trade()})
    on_kraken.wire.answers["Ledgers"] = kraken.pages("ledger", lines)
    (fill,) = on_kraken.run(lambda venue: venue.trades(BEGINNING))
    assert told == (fill.notional, fill.fee_asset, fill.fee_amount)


def test_a_trade_for_less_than_the_last_digit_of_the_quote_has_no_line_of_it(on_kraken: Rig) -> None:
    """github.com/rotki/rotki/pull/13038: Kraken writes none that rounds to zero. It may be late as well; a
    cost of a digit or more has one."""
    rig = on_kraken
    rig.wire.answers["Ledgers"] = kraken.pages(
        "ledger", {"L1": kraken.ledger_line("T1", "XXBT", "0.0000000400")}
    )

    def fills(price: str, cost: str) -> Any:
        trade = kraken.trade(price=price, vol="0.00000004", cost=cost, fee="0.00000")
        rig.wire.answers["TradesHistory"] = kraken.pages("trades", {"T1": trade})
        return rig.run(lambda venue: venue.trades(BEGINNING))

    rig.clock.advance(2)
    assert () == fills("2000.0", "0.00008")
    rig.clock.advance(60)
    (fill,) = fills("2000.0", "0.00008")
    assert (D(0), D(0)) == (fill.notional, fill.fee_amount), "nothing of it was moved"
    with pytest.raises(BadVenueData, match="ledger does not list trade T1"):
        fills("2500.0", "0.00010")


def test_a_trade_of_less_than_the_last_digit_of_the_base_has_no_line_of_it(on_kraken: Rig) -> None:
    """github.com/freqtrade/freqtrade/issues/11765, Kraken's support: "PENGU/USD has a lot decimal of 5 ...
    PENGU has a decimal of 4, so the ledger entries can only be accurate for up to 4 places", rounded to the
    nearest even one. A match may be as small as a lot, and of what rounds to zero there is no line."""
    rig = on_kraken
    pengu = {
        "aclass": "currency",
        "altname": "PENGU",
        "decimals": 4,
        "display_decimals": 4,
        "status": "enabled",
    }
    pair = kraken.PAIRS["XXBTZUSD"] | {
        "altname": "PENGUUSD", "wsname": "PENGU/USD", "base": "PENGU", "pair_decimals": 5, "lot_decimals": 5,
        "tick_size": "0.00001",
    }  # fmt: skip
    rig.wire.answers["Assets"] = kraken.result(kraken.ASSETS | {"PENGU": pengu})
    rig.wire.answers["AssetPairs"] = kraken.result(kraken.PAIRS | {"PENGUUSD": pair})
    whole = {
        "L1": kraken.ledger_line("T1", "PENGU", "39148.1365"),
        "L2": kraken.ledger_line("T1", "ZUSD", "-391.4814", "1.5659"),
    }
    trades = {
        "T1": kraken.trade(
            pair="PENGUUSD", price="0.01000", vol="39148.13654", cost="391.48137", fee="1.56593"
        ),
        "T2": kraken.trade(pair="PENGUUSD", price="0.01000", vol="0.00004", cost="0.00000", fee="0.00000"),
        "T3": kraken.trade(pair="PENGUUSD", price="3.00000", vol="0.00004", cost="0.00012", fee="0.00000"),
    }
    rig.wire.answers["TradesHistory"] = kraken.pages("trades", trades)
    rig.wire.answers["Ledgers"] = kraken.pages(
        "ledger", whole | {"L3": kraken.ledger_line("T3", "ZUSD", "-0.0001")}
    )
    rig.clock.advance(60)
    told = rig.run(lambda venue: venue.trades(BEGINNING))
    assert {"T1": D("39148.13654"), "T2": D("0.00004"), "T3": D("0.00004")} == {
        each.exec_id: each.qty for each in told
    }
    dearer = kraken.trade(pair="PENGUUSD", price="0.01000", vol="0.00010", cost="0.00000", fee="0.00000")
    rig.wire.answers["TradesHistory"] = kraken.pages("trades", {"T4": dearer})
    with pytest.raises(BadVenueData, match="ledger does not list trade T4"):
        rig.run(lambda venue: venue.trades(BEGINNING))


def test_a_trade_whose_fee_stands_in_no_line_yet_waits_for_it(on_kraken: Rig) -> None:
    """The lines of one trade are written one after the other (github.com/ccxt/ccxt/issues/8204: 1.1 ms
    apart), and the trade tells its fee in quote, whatever it was taken in (support.kraken.com, 360001184886).
    A fee that was waived has no line, however long one waits."""
    rig = on_kraken
    both = {
        "L1": kraken.ledger_line("T1", "XXBT", "0.5000000000"),
        "L2": kraken.ledger_line("T1", "ZUSD", "-40000.0500"),
    }
    rig.wire.answers["TradesHistory"] = kraken.pages("trades", {"T1": kraken.trade()})

    def told(lines: dict[str, Any]) -> list[tuple[Asset, Decimal]]:
        rig.wire.answers["Ledgers"] = kraken.pages("ledger", lines)
        fills = rig.run(lambda venue: venue.trades(BEGINNING))
        return [(each.fee_asset, each.fee_amount) for each in fills]

    rig.clock.advance(2)
    assert [] == told(both)
    in_credits = kraken.ledger_line("T1", "KFEE", "0.00", "10400.01")
    assert [(Asset("KFEE"), D("10400.01"))] == told(both | {"L3": in_credits})
    rig.clock.advance(60)
    assert [(Asset("USD"), D(0))] == told(both)


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_trade_of_two_wallets_waits_for_the_line_of_each(on_kraken: Rig, side: str) -> None:
    """What the first of two lines lacks is no fee, and no better price. Whatever stands there once no line
    can be late was moved."""
    rig, sign = on_kraken, "-" if side == "buy" else ""
    other = "" if sign else "-"
    lines = {
        "L1": kraken.ledger_line("T1", "XXBT", f"{other}0.5000000000"),
        "L2": kraken.ledger_line("T1", "ZUSD", f"{sign}30000.0000", "104.0002"),
        "L3": kraken.ledger_line("T1", "USD.F", f"{sign}10000.0499"),
    }
    rig.wire.answers["TradesHistory"] = kraken.pages("trades", {"T1": kraken.trade(type=side)})

    def told(*names: str) -> list[tuple[Decimal, Decimal]]:
        rig.wire.answers["Ledgers"] = kraken.pages("ledger", {name: lines[name] for name in names})
        return [(each.notional, each.fee_amount) for each in rig.run(lambda venue: venue.trades(BEGINNING))]

    rig.clock.advance(2)
    assert [] == told("L1", "L2")
    assert [(D("40000.0499"), D("104.0002"))] == told("L1", "L2", "L3")
    lines["L1"] |= {"amount": f"{other}0.4000000000"}
    assert [] == told("L1", "L2", "L3")
    rig.clock.advance(60)
    assert [(D("30000.0000"), D("104.0002"))] == told("L1", "L2")


def test_a_trade_that_the_ledger_moves_the_other_way_is_not_believed(on_kraken: Rig) -> None:
    on_kraken.wire.answers["TradesHistory"] = kraken.pages("trades", {"T1": kraken.trade()})
    lines = {
        "L1": kraken.ledger_line("T1", "XXBT", "0.5000000000"),
        "L2": kraken.ledger_line("T1", "ZUSD", "40000.0500", "104.0002"),
    }
    on_kraken.wire.answers["Ledgers"] = kraken.pages("ledger", lines)
    with pytest.raises(BadVenueData, match="its ledger moves trade T1 the other way"):
        on_kraken.run(lambda venue: venue.trades(BEGINNING))


def test_what_a_trade_takes_out_of_earnings_is_moved_to_spot_and_is_no_fee(on_kraken: Rig) -> None:
    """Docs, Get Account Balance: balances in .F earn by themselves and are traded as their asset. Of such a
    trade the ledger has a line of each wallet (github.com/BittyTax/BittyTax/pull/499)."""
    rig = on_kraken
    trade = kraken.trade(type="sell")
    lines = {
        "L1": kraken.ledger_line("T1", "XXBT", "-0.3000000000"),
        "L2": kraken.ledger_line("T1", "XBT.F", "-0.2000000000"),
        "L3": kraken.ledger_line("T1", "ZUSD", "40000.0500", "104.0002"),
    }
    rig.wire.answers["TradesHistory"] = kraken.pages("trades", {"T1": trade})
    rig.wire.answers["Ledgers"] = kraken.pages("ledger", lines)
    (fill,) = rig.run(lambda venue: venue.trades(BEGINNING))
    assert (D("0.5"), Asset("USD"), D("104.0002")) == (fill.qty, fill.fee_asset, fill.fee_amount)
    moved = rig.run(lambda venue: venue.transfers(BEGINNING))
    assert {("L2", "BTC.F", D("-0.2")), ("L2 to spot", "BTC", D("0.2"))} == {
        (each.transfer_id, each.asset, each.amount) for each in moved
    }


@pytest.mark.parametrize("name", ["XBT.F", "ETH2.S", "USD.HOLD", "XXBT", "KFEE", "NEWCOIN"])
def test_an_asset_has_one_name_in_the_ledger_and_in_the_balances(on_kraken: Rig, name: str) -> None:
    """What is moved under one and held under another would never agree."""
    on_kraken.wire.answers["BalanceEx"] = kraken.result({name: {"balance": "2", "hold_trade": "0"}})
    line = kraken.ledger_line("R1", name, "2.0000000000", type="earn", subtype="autoallocation")
    on_kraken.wire.answers["Ledgers"] = kraken.pages("ledger", {"L1": line})
    held = on_kraken.run(lambda venue: venue.balances()).total
    (moved,) = on_kraken.run(lambda venue: venue.transfers(BEGINNING))
    assert {moved.asset: moved.amount} == held


def test_what_kraken_puts_right_by_itself_is_no_transfer(on_kraken: Rig) -> None:
    """Docs, Get Ledgers, type: a trade that it takes back moves the position, not what was placed there."""
    lines = {
        "L1": kraken.ledger_line("T1", "XXBT", "-0.5000000000", type="adjustment"),
        "L2": kraken.ledger_line("R1", "XXBT", "0.1000000000", type="deposit"),
    }
    on_kraken.wire.answers["Ledgers"] = kraken.pages("ledger", lines)
    (moved,) = on_kraken.run(lambda venue: venue.transfers(BEGINNING))
    assert ("L2", D("0.1")) == (moved.transfer_id, moved.amount)
