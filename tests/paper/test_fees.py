"""Fees in quote, in base and in a token: which, how much, and who declares it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import Asset, Venue
from mvx.domain.order import Side, TimeInForce
from mvx.errors import UsageError, VenueRejected
from tests.paper.builders import BTC_USD, Bench, venue_settings, write_books

KRAKEN = Venue("kraken")
BTC, USD, BNB = Asset("BTC"), Asset("USD"), Asset("BNB")
GTC = TimeInForce.GTC
OPENING = {BTC: Decimal(10), USD: Decimal(1_000)}


def bench(tmp_path: Path, **held: str) -> Bench:
    """A venue that trades at 99 and 100 for a fee of 1 %; it holds 10 BTC, 1000 USD and what is said. After
    ten seconds its book crosses 90 and 110."""
    books = write_books(
        tmp_path / "books.jsonl",
        (0, [("99", "50")], [("100", "50")]),
        (10, [("80", "50")], [("85", "50")]),
        (20, [("115", "50")], [("120", "50")]),
    )
    balances = OPENING | {Asset(asset): Decimal(amount) for asset, amount in held.items()}
    settings = venue_settings(books=books, balances=balances, lot=Decimal("0.01"), taker_bps="100")
    return Bench(tmp_path / "x.paper", settings)


def fees(desk: Bench) -> list[tuple[str, Decimal]]:
    return [(fill.fee_asset, fill.fee_amount) for fill in desk.trades()]


@pytest.mark.parametrize(("side", "btc", "usd"), [(Side.BUY, "11.98", "800"), (Side.SELL, "7.98", "1198")])
def test_a_fee_in_base_is_taken_on_both_sides(tmp_path: Path, side: Side, btc: str, usd: str) -> None:
    """Out of what is bought, on top of what is sold; the quote is whole."""
    desk = bench(tmp_path)
    desk.exchange.inject(KRAKEN, "base-fee")
    desk.submit(desk.request(side, "2", "100" if side is Side.BUY else "99"))
    assert [("BTC", Decimal("0.02"))] == fees(desk)
    assert (Decimal(btc), Decimal(usd)) == (desk.total("BTC"), desk.total("USD"))


def test_funds_are_judged_with_the_fee_in_base(tmp_path: Path) -> None:
    """A buy needs no quote for it, and a sell needs base."""
    desk = bench(tmp_path)
    desk.exchange.inject(KRAKEN, "base-fee")
    with pytest.raises(VenueRejected):
        desk.submit(desk.request(Side.SELL, "9.91", "110", tif=GTC))
    desk.submit(desk.request(Side.SELL, "9.9", "110", tif=GTC))
    assert Decimal("0.001") == desk.free("BTC")
    desk.submit(desk.request(Side.BUY, "10", "100"))
    assert Decimal(0) == desk.total("USD")


def test_an_order_keeps_the_fee_that_it_came_with(tmp_path: Path) -> None:
    """One that rests is not hit by the fault, nor freed by the heal; so nothing is overdrawn."""
    desk = bench(tmp_path)
    desk.submit(desk.request(Side.SELL, "5", "110", tif=GTC))
    desk.exchange.inject(KRAKEN, "base-fee")
    desk.submit(desk.request(Side.BUY, "5", "90", tif=GTC))
    desk.exchange.heal()
    desk.clock.advance(30)
    assert [("BTC", Decimal("0.05")), ("USD", Decimal("5.5"))] == fees(desk)


def test_a_manual_trade_pays_its_fee_in_base_too(tmp_path: Path) -> None:
    """It is the account's setting; all of the base can not be sold then."""
    desk = bench(tmp_path)
    desk.exchange.inject(KRAKEN, "base-fee")
    with pytest.raises(UsageError):
        desk.exchange.trade(KRAKEN, Side.SELL, Decimal(10), BTC_USD)
    desk.exchange.trade(KRAKEN, Side.BUY, Decimal(10), BTC_USD)
    assert ([("BTC", Decimal("0.1"))], Decimal(0)) == (fees(desk), desk.total("USD"))


def test_a_token_fee_is_taken_while_there_is_enough_of_it(tmp_path: Path) -> None:
    """At 600 of the quote each: 6 USD are 0.01. What is left does not pay for the second order."""
    desk = bench(tmp_path, BNB="0.015")
    desk.exchange.inject(KRAKEN, "token-fee")
    desk.submit(desk.request(Side.BUY, "6", "100"))
    desk.submit(desk.request(Side.SELL, "6", "99"))
    assert [("BNB", Decimal("0.01")), ("USD", Decimal("5.94"))] == fees(desk)
    assert Decimal("0.005") == desk.total("BNB")


def test_a_token_fee_is_taken_of_a_trade_by_hand_too(tmp_path: Path) -> None:
    """At any price: such an order has no limit, and keeps nothing of a balance while it fills."""
    desk = bench(tmp_path, BNB="1")
    desk.exchange.inject(KRAKEN, "token-fee")
    desk.exchange.trade(KRAKEN, Side.BUY, Decimal(6), BTC_USD)
    assert [("BNB", Decimal("0.01"))] == fees(desk)


@pytest.mark.parametrize(("held", "declared"), [({}, ()), ({"BNB": "0"}, (BNB,)), ({"BNB": "9"}, (BNB,))])
def test_only_an_account_that_is_configured_to_hold_it_pays_in_the_token(
    tmp_path: Path, held: dict[str, str], declared: tuple[Asset, ...]
) -> None:
    """And declares it; one that was given some pays in quote as ever."""
    desk = bench(tmp_path, **held)
    assert declared == desk.venue().capabilities.fee_tokens
    desk.exchange.transfer(KRAKEN, BNB, Decimal(1))
    desk.exchange.inject(KRAKEN, "token-fee")
    desk.submit(desk.request(Side.BUY, "1", "100"))
    assert [("BNB" if declared else "USD")] == [asset for asset, _ in fees(desk)]


def test_every_paper_venue_declares_a_fee_in_base(tmp_path: Path) -> None:
    """An operator can switch it on at any time."""
    declared = bench(tmp_path).venue().capabilities
    assert (BTC in declared.fee_assets(BTC, USD), USD in declared.fee_assets(BTC, USD)) == (True, True)


def test_without_the_fault_the_token_is_left_alone(tmp_path: Path) -> None:
    """The fee is in quote."""
    desk = bench(tmp_path, BNB="1")
    desk.submit(desk.request(Side.BUY, "1", "100"))
    assert [("USD", Decimal(1))] == fees(desk)


@pytest.mark.parametrize("kind", ["base-fee", "token-fee"])
def test_a_bust_gives_the_fee_back_in_its_own_asset(tmp_path: Path, kind: str) -> None:
    """Whatever the setting is by then."""
    desk = bench(tmp_path, BNB="1")
    before: dict[str, Any] = desk.exchange.ledger(KRAKEN)["balances"]
    desk.exchange.inject(KRAKEN, kind)
    desk.submit(desk.request(Side.BUY, "1", "100"))
    desk.exchange.heal()
    assert before != desk.exchange.ledger(KRAKEN)["balances"]
    desk.exchange.bust(KRAKEN, desk.trades()[0].exec_id)
    assert before == desk.exchange.ledger(KRAKEN)["balances"]
