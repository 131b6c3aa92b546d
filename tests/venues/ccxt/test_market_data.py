"""Books, rules and balances over the wire: exact to the last digit, or refused."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mvx.domain.book import Level
from mvx.domain.ids import Asset, Symbol
from mvx.errors import BadVenueData, ConfigError, HeldBack, OutcomeUnknown, VenueError
from mvx.venues.ccxt.access import Keys
from tests.venues.ccxt import binance, kraken
from tests.venues.ccxt.loopback import Answer, said
from tests.venues.ccxt.venue import Rig

D = Decimal


def test_a_book_is_exact_and_as_the_venue_sent_it(rig: Rig) -> None:
    """Best first, and not a digit more or less."""
    book = rig.run(lambda venue: venue.book(rig.dialect.symbol))
    assert (Level(D("79999.9"), D("0.125")), Level(D("79999.8"), D("3.00000001"))) == book.bids
    assert (Level(D("80000.1"), D(1)), Level(D("80000.2"), D("2.5"))) == book.asks
    assert rig.clock.now() == book.at


def test_the_rules_of_a_market_are_the_venues_own(on_kraken: Rig) -> None:
    rules = on_kraken.run(lambda venue: venue.rules(Symbol("BTC/USD")))
    assert (D("0.1"), D("0.00000001"), D("0.0001"), D("0.5"), None) == (
        rules.tick, rules.lot, rules.min_qty, rules.min_notional, rules.max_px,
    )  # fmt: skip


def test_a_tick_that_is_coarser_than_the_digits_of_a_price_is_seen(on_kraken: Rig) -> None:
    """ccxt reads pair_decimals alone."""
    coarse = {"XXBTZUSD": kraken.PAIRS["XXBTZUSD"] | {"tick_size": "0.5"}}
    on_kraken.wire.answers["AssetPairs"] = kraken.result(coarse)
    assert D("0.5") == on_kraken.run(lambda venue: venue.rules(Symbol("BTC/USD"))).tick


def test_a_markets_upper_price_is_a_rule_where_the_venue_declares_one(on_binance: Rig) -> None:
    rules = on_binance.run(lambda venue: venue.rules(Symbol("BTC/USDT")))
    assert (D("0.01"), D("0.00001"), D("0.00001"), D(5), D(1_000_000)) == (
        rules.tick, rules.lot, rules.min_qty, rules.min_notional, rules.max_px,
    )  # fmt: skip


def test_balances_are_exact_and_what_is_held_by_orders_is_not_free(on_kraken: Rig) -> None:
    """Of what there is none there is no row: a venue lists all that it knows."""
    balances = on_kraken.run(lambda venue: venue.balances())
    assert {Asset("USD"): D("25435.2112"), Asset("BTC"): D("1.2435000001")} == balances.total
    assert {Asset("USD"): D("17185.4512"), Asset("BTC"): D("0.4012000001")} == balances.free


def test_free_and_locked_make_the_total(on_binance: Rig) -> None:
    balances = on_binance.run(lambda venue: venue.balances())
    assert {Asset("USDT"): D("25435.21120001"), Asset("BTC"): D("1.2435")} == balances.total
    assert {Asset("USDT"): D("17185.45120001"), Asset("BTC"): D("0.4012")} == balances.free


def test_balances_are_not_dated_later_than_they_are(rig: Rig) -> None:
    """Kraken cuts its time to whole seconds, and a fill that came right after them is none of theirs."""
    rig.clock.advance(0.9)
    began_at = rig.clock.now()
    balances = rig.run(lambda venue: venue.balances())
    assert began_at - 1_000_000 <= balances.at <= began_at


def test_a_number_without_quotes_keeps_every_digit(on_kraken: Rig) -> None:
    """ccxt's own parser makes a binary float of it, which holds 17."""
    body = '{"error":[],"result":{"XXBT":{"balance":12345678901234.12345678901234567,"hold_trade":0.1}}}'
    on_kraken.wire.answers["BalanceEx"] = Answer(body)
    balances = on_kraken.run(lambda venue: venue.balances())
    assert {Asset("BTC"): D("12345678901234.12345678901234567")} == balances.total
    assert {Asset("BTC"): D("12345678901234.02345678901234567")} == balances.free


#: As JSON. The last ones are no JSON, which a careless parser takes all the same.
HOSTILE = (
    *('"NaN"', '"Infinity"', '"-inf"', '"1e999999"', '"1e-999999"', '"0x10"', '"1_000"', '"\\u0661"', '""'),
    *('"1,5"', '" 1"', '"-1"', '"0"', "0", "-1", "null", "true", "[]", "{}", f'"{"9" * 60}"', "9" * 60),
    *("1e400", "NaN", "Infinity", "-Infinity", "9" * 5_000),
)


@pytest.mark.parametrize("number", HOSTILE)
@pytest.mark.parametrize("place", ["price", "quantity"])
def test_a_hostile_number_in_a_book_is_refused(rig: Rig, number: str, place: str) -> None:
    """With an error of that venue, which hurts no other."""
    level = f"[{number},1]" if place == "price" else f"[80000.1,{number}]"
    sides = f'{{"bids":[["79999.9","1"]],"asks":[{level}]}}'
    on_kraken = rig.dialect.exchange == "kraken"
    body = f'{{"error":[],"result":{{"XXBTZUSD":{sides}}}}}' if on_kraken else sides
    rig.wire.answers["Depth" if on_kraken else "depth"] = Answer(body)
    with pytest.raises((BadVenueData, OutcomeUnknown)):
        rig.run(lambda venue: venue.book(rig.dialect.symbol))


@pytest.mark.parametrize("number", [each for each in HOSTILE if each not in ('"0"', "0", '"-1"', "-1")])
def test_a_hostile_number_in_the_balances_is_refused(rig: Rig, number: str) -> None:
    """A balance may be nothing, and for who has borrowed less than that."""
    if rig.dialect.exchange == "kraken":
        held = f'{{"error":[],"result":{{"XXBT":{{"balance":{number},"hold_trade":"0"}}}}}}'
        rig.wire.answers["BalanceEx"] = Answer(held)
    else:
        held = f'{{"balances":[{{"asset":"BTC","free":{number},"locked":"0"}}]}}'
        rig.wire.answers["account"] = Answer(held)
    with pytest.raises((BadVenueData, VenueError)):
        rig.run(lambda venue: venue.balances())


BOOKS: dict[str, tuple[Any, Any]] = {
    "crossed": ([["80001", "1"]], [["80000", "1"]]),
    "touching": ([["80000", "1"]], [["80000", "1"]]),
    "no asks": ([["80000", "1"]], []),
    "no bids": ([], [["80000", "1"]]),
    "out of order": ([["79998", "1"], ["79999", "1"]], [["80000", "1"]]),
    "twice": ([["79999", "1"], ["79999", "1"]], [["80000", "1"]]),
    "no pairs": ([["79999"]], [["80000", "1"]]),
    "text for a side": ("7999", [["80000", "1"]]),
}


@pytest.mark.parametrize("name", BOOKS)
def test_a_book_that_can_not_be_true_is_refused(rig: Rig, name: str) -> None:
    bids, asks = BOOKS[name]
    sides = {"bids": bids, "asks": asks}
    if rig.dialect.exchange == "kraken":
        rig.wire.answers["Depth"] = kraken.result({"XXBTZUSD": sides})
    else:
        rig.wire.answers["depth"] = said(sides)
    with pytest.raises((BadVenueData, OutcomeUnknown)):
        rig.run(lambda venue: venue.book(rig.dialect.symbol))


def test_market_data_needs_no_key(rig: Rig) -> None:
    """An operator may look before there is an account."""

    async def look(venue: Any) -> tuple[Any, Any, Any]:
        return (
            await venue.status(),
            await venue.rules(rig.dialect.symbol),
            await venue.book(rig.dialect.symbol),
        )

    status, rules, _ = rig.run(look, keys=None)
    assert status.accepts_orders
    assert rig.dialect.symbol == rules.symbol


def test_without_a_key_or_with_one_that_can_not_be_read_nothing_private_is_sent(rig: Rig) -> None:
    """It says why, and says nothing about the venue."""

    def not_there() -> Keys:
        raise ConfigError("env:KRAKEN_KEY is not set")

    for keys, why in ((None, "no api_key is configured"), (not_there, "env:KRAKEN_KEY is not set")):
        for work in (lambda venue: venue.balances(), lambda venue: venue.submit(rig.request())):
            with pytest.raises(HeldBack, match=why):
                rig.run(work, keys=keys)
    assert not [each for each in rig.wire.asked if each.method == "POST" or "signature" in each.params]


def test_a_symbol_that_is_not_listed_is_said_to_be_none(rig: Rig) -> None:
    with pytest.raises(BadVenueData, match="does not list XXX/YYY"):
        rig.run(lambda venue: venue.rules(Symbol("XXX/YYY")))
    with pytest.raises(BadVenueData, match="does not list XXX/YYY"):
        rig.run(lambda venue: venue.book(Symbol("XXX/YYY")))


def test_a_venue_that_lists_no_market_at_all_is_not_believed(rig: Rig) -> None:
    """ccxt takes an empty answer for zero markets."""
    rig.wire.answers["AssetPairs"] = kraken.result({})
    rig.wire.answers["exchangeInfo"] = said({"symbols": []})
    with pytest.raises(BadVenueData, match="lists no markets"):
        rig.run(lambda venue: venue.rules(rig.dialect.symbol))


def test_the_status_says_when_no_orders_are_taken(rig: Rig) -> None:
    assert rig.run(lambda venue: venue.status()).accepts_orders
    rig.wire.answers["SystemStatus"] = kraken.result(
        {"status": "cancel_only", "timestamp": "2026-11-22T12:00:00Z"}
    )
    rig.wire.answers["system/status"] = said({"status": 1, "msg": "system maintenance"})
    status = rig.run(lambda venue: venue.status())
    assert (False, "maintenance") == (status.accepts_orders, status.says)


def test_the_fee_is_the_accounts_own_where_none_is_configured(rig: Rig) -> None:
    """Unknown until it was told, and the configured one is not asked for."""

    async def ask(venue: Any) -> tuple[Any, Any]:
        before = venue.capabilities.taker_bps
        await venue.rules(rig.dialect.symbol)
        return before, venue.capabilities.taker_bps

    told = D(26) if rig.dialect.exchange == "kraken" else D(10)
    assert (None, told) == rig.run(ask)
    assert (D("7.5"), D("7.5")) == rig.run(ask, taker_bps=D("7.5"))
    asked = rig.wire.asked_for("TradeVolume") + rig.wire.asked_for("tradeFee")
    assert 1 == len(asked)


def test_a_fee_that_the_venue_does_not_tell_stays_unknown(rig: Rig) -> None:
    rig.wire.answers["TradeVolume"] = kraken.error("EGeneral:Permission denied")
    rig.wire.answers["asset/tradeFee"] = binance.error(
        -2015, "Invalid API-key, IP, or permissions for action."
    )

    async def ask(venue: Any) -> Any:
        await venue.rules(rig.dialect.symbol)
        return venue.capabilities.taker_bps

    assert rig.run(ask) is None


def test_a_venue_that_does_not_answer_for_its_fee_is_not_said_to_tell_none(rig: Rig) -> None:
    """It is the venue that failed, not its configuration."""
    for ending in ("TradeVolume", "asset/tradeFee"):
        rig.wire.answers[ending] = Answer("<html>", 503, "text/html")
    with pytest.raises(OutcomeUnknown):
        rig.run(lambda venue: venue.rules(rig.dialect.symbol))


def test_a_sandbox_offers_trading_alone(on_binance: Rig) -> None:
    """Nothing is asked of the part of the API that it has not."""
    rig = on_binance
    rig.access = replace(rig.access, sandbox=True)

    async def ask(venue: Any) -> tuple[Any, Any, Any]:
        await venue.rules(rig.dialect.symbol)
        status, moved = await venue.status(), await venue.transfers(rig.clock.now())
        return status.accepts_orders, moved, venue.capabilities.lists_transfers

    assert (True, (), False) == rig.run(ask)
    assert not [each for each in rig.wire.asked if "sapi" in each.path]
