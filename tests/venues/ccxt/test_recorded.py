"""What Kraken really said, in 2020: recorded answers, read through ccxt and the adapter over the wire.

Their shapes are those of the answers in kraken.py, which the other tests give.
"""

from __future__ import annotations

import json
import re
from decimal import ROUND_DOWN, Decimal
from typing import Any

import pytest

from mvx.domain.ids import OrderId
from mvx.domain.instant import Instant
from mvx.domain.order_status import OrdStatus
from tests.marketdata import recording
from tests.venues.ccxt import kraken
from tests.venues.ccxt.loopback import Answer
from tests.venues.ccxt.venue import Rig

D = Decimal
EPOCH = Instant(1_262_304_000 * 1_000_000)


def answers(name: str, endpoint: str) -> list[str]:
    """The bodies that were answered by an endpoint in one recording: a YAML file, its texts in single quotes
    and folded."""
    text = recording(f"kraken_private_2020/{name}.yaml").read_text(encoding="utf-8")
    pattern = r"uri: \S+/(\w+)(?:\?\S*)?\n.*?string: '((?:[^']|'')*)'"
    found = re.findall(pattern, text, re.DOTALL)
    return [re.sub(r"\s*\n\s+", " ", body).replace("''", "'") for at, body in found if at == endpoint]


@pytest.fixture
def then(on_kraken: Rig) -> Rig:
    """An account in euros, with the markets of that time; but not its dark pools, whose symbols were those of
    the others."""
    (assets,) = answers("rest__test_assets__test_asset_all", "Assets")
    (pairs,) = answers("rest__test_assetpairs__test_assetpairs_all", "AssetPairs")
    lit = {name: pair for name, pair in json.loads(pairs)["result"].items() if not name.endswith(".d")}
    on_kraken.wire.answers |= {"Assets": Answer(assets), "AssetPairs": kraken.result(lit)}
    return on_kraken


def test_every_market_of_that_time_has_rules(then: Rig) -> None:
    """Its tick is the last digit of a price."""

    async def every(venue: Any) -> list[tuple[Decimal, Any]]:
        exchange = await venue._session.public()
        found = []
        for symbol, market in exchange.markets.items():
            rules = await venue.rules(symbol)
            assert rules.lot > 0
            found.append((rules.tick, market["info"]["pair_decimals"]))
        return found

    ticks = then.run(every, taker_bps=D(26))
    assert len(ticks) > 90
    assert [] == [(tick, digits) for tick, digits in ticks if tick != D(1).scaleb(-digits)]


def test_what_the_ledger_moved_beside_trades_is_a_transfer(then: Rig) -> None:
    """Two coins that were changed for each other, here."""
    (body, *_) = answers("rest__test_ledgers__test_ledgers_nonempty", "Ledgers")
    then.wire.answers["Ledgers"] = counted(body, "ledger")
    moved = then.run(lambda venue: venue.transfers(EPOCH))
    assert [("BSV", D("-0.025")), ("BTC", D("0.000325"))] == [(each.asset, each.amount) for each in moved]
    assert Instant(1_575_784_721_214_500) == moved[0].at


def test_spot_trades_are_told_and_those_on_margin_are_not(then: Rig) -> None:
    """The recording has no ledger of its own: each trade's cost and fee, cut to four digits."""
    (body,) = answers("rest__test_trades__test_trades_nonempty", "TradesHistory")
    lines = {}
    for name, trade in json.loads(body)["result"]["trades"].items():
        base = trade["pair"].removesuffix("EUR" if trade["pair"] == "XTZEUR" else "ZEUR")
        moved, paid = (D(trade["vol"]), -cut(trade["cost"])) if trade["type"] == "buy" else (
            -D(trade["vol"]), cut(trade["cost"]),
        )  # fmt: skip
        lines[f"{name}-1"] = kraken.ledger_line(name, base, str(moved), time=trade["time"])
        lines[f"{name}-2"] = kraken.ledger_line(
            name, "ZEUR", str(paid), str(cut(trade["fee"])), time=trade["time"]
        )
    then.wire.answers["TradesHistory"] = Answer(body)
    then.wire.answers["Ledgers"] = kraken.pages("ledger", lines)
    fills = then.run(lambda venue: venue.trades(EPOCH))
    assert ["XRP/EUR", "BTC/EUR", "BTC/EUR", "BTC/EUR", "BTC/EUR", "BTC/EUR", "ETH/EUR", "XTZ/EUR"] == [
        fill.symbol for fill in fills
    ]
    for fill in fills:
        moved = -fill.side.sign * fill.notional - fill.fee_amount
        assert moved == cut(str(moved)), "a balance has four digits"


def test_orders_are_told_whatever_their_prose_says(then: Rig) -> None:
    """One that ran out of funds half way, and one that its owner cancelled."""
    (closed,) = answers("rest__test_closedorders__test_closedorders_nonempty", "ClosedOrders")
    then.wire.answers["ClosedOrders"] = Answer(closed)
    reports = then.run(lambda venue: venue.closed_orders(EPOCH))
    assert [
        (OrderId("OEES77-MGNR7-HDQLW7"), OrdStatus.CANCELED, D(50), D(0), D("1.535")),
        (OrderId("OSFLKN-U4LLK-RVLQI4"), OrdStatus.CANCELED, D(50), D("49.09588111"), None),
    ] == [(r.order_id, r.ord_status, r.order_qty, r.cum_qty, r.limit_px) for r in reports]
    (still,) = answers("rest__test_openorders__test_openorders_one_low_limit_buy", "OpenOrders")
    then.wire.answers["OpenOrders"] = Answer(still)
    working = then.run(lambda venue: venue.open_orders())
    assert {("buy", D("3776.6")), ("sell", D("11330.1"))} == {(each.side, each.limit_px) for each in working}


def counted(body: str, name: str) -> Answer:
    """The answer, with the count of what is in it: the recording holds a part."""
    result = json.loads(body)["result"]
    return kraken.result({name: result[name], "count": len(result[name])})


def cut(text: str) -> Decimal:
    return D(text).quantize(D("0.0001"), ROUND_DOWN)
