"""What Kraken answers. Shapes: the samples in ccxt 4.5.90's kraken.py, named at each, which are Kraken's own
documents (docs.kraken.com/api) word for word; private ones also as recorded in 2020.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.venues.ccxt.loopback import Answer, Asked, Said, said

#: 2026-11-22T12:00:00Z, the beginning of tests.
NOW = 1_795_348_800
PAGE_ROWS = 50
ORDER_ID = "OAVY7T-MV5VK-KHDF5X"

#: publicGetAssets, in kraken.fetch_currencies.
ASSETS = {
    "XXBT": {
        "aclass": "currency",
        "altname": "XBT",
        "decimals": 10,
        "display_decimals": 5,
        "status": "enabled",
    },
    "ZUSD": {
        "aclass": "currency",
        "altname": "USD",
        "decimals": 4,
        "display_decimals": 2,
        "status": "enabled",
    },
    "KFEE": {
        "aclass": "currency",
        "altname": "FEE",
        "decimals": 2,
        "display_decimals": 2,
        "status": "enabled",
    },
}

#: publicGetAssetPairs, in kraken.fetch_markets.
PAIRS = {
    "XXBTZUSD": {
        "altname": "XBTUSD", "wsname": "XBT/USD", "aclass_base": "currency", "base": "XXBT",
        "aclass_quote": "currency", "quote": "ZUSD", "lot": "unit", "pair_decimals": 1, "cost_decimals": 5,
        "lot_decimals": 8, "lot_multiplier": 1, "leverage_buy": [2, 3], "leverage_sell": [2, 3],
        "fees": [[0, 0.26], [50000, 0.24]], "fees_maker": [[0, 0.16], [50000, 0.14]],
        "fee_volume_currency": "ZUSD", "margin_call": 80, "margin_stop": 40, "ordermin": "0.0001",
        "costmin": "0.5", "tick_size": "0.1", "status": "online",
    },
}  # fmt: skip

#: publicGetDepth, in kraken.fetch_order_book.
DEPTH = {
    "XXBTZUSD": {
        "asks": [["80000.10000", "1.000", NOW], ["80000.20000", "2.5", NOW - 1]],
        "bids": [["79999.90000", "0.125", NOW], ["79999.80000", "3.00000001", NOW - 2]],
    }
}

#: privatePostBalanceEx, in kraken.fetch_balance; there as numbers, in the venue's document as text.
BALANCES = {
    "ZUSD": {"balance": "25435.2112", "hold_trade": "8249.7600"},
    "XXBT": {"balance": "1.2435000001", "hold_trade": "0.8423000000"},
    "KFEE": {"balance": "0.00", "hold_trade": "0.00"},
}

IIBAN = "AA88 N84G WOAK NMOI"
#: Docs, Get API Key Info: the sample there, with the rights that a desk needs.
KEY_INFO: dict[str, Any] = {
    "apiKeyName": "my-api-key", "apiKey": "4/SDrDBcOOPnm3nPlNfEMMJDeRcIVqPz+QhRxIodyZbI9po/aVRiHsgX",
    "nonce": "1772627060997", "nonceWindow": 0, "iban": IIBAN, "validUntil": "0",
    "queryFrom": "0", "queryTo": "0", "createdTime": "1772542900", "modifiedTime": "1772543095",
    "ipAllowlist": ["192.0.2.7"], "lastUsed": "1772627061",
    "permissions": [
        "query-funds", "query-open-trades", "query-closed-trades", "query-ledger", "modify-trades",
        "close-trades",
    ],
}  # fmt: skip


def result(found: Any) -> Answer:
    return said({"error": [], "result": found})


def error(*codes: str, status: int = 200) -> Answer:
    """kraken.handle_errors."""
    return said({"error": list(codes)}, status=status)


def answers(now: Callable[[], int] = lambda: NOW) -> dict[str, Said]:
    """A quiet account."""
    return {
        "Time": lambda asked: result({"unixtime": now(), "rfc1123": "Sun, 22 Nov 26 12:00:00 +0000"}),
        "SystemStatus": result({"status": "online", "timestamp": "2026-11-22T12:00:00Z"}),
        "Assets": result(ASSETS),
        "AssetPairs": result(PAIRS),
        "Depth": result(DEPTH),
        "BalanceEx": result(BALANCES),
        "GetApiKeyInfo": result(KEY_INFO),
        "OpenOrders": result({"open": {}}),
        "ClosedOrders": result({"closed": {}, "count": 0}),
        "TradesHistory": result({"trades": {}, "count": 0}),
        "Ledgers": result({"ledger": {}, "count": 0}),
        # kraken.parse_order
        "AddOrder": result({"descr": {"order": "buy 0.5 XBTUSD @ limit 80000.1"}, "txid": [ORDER_ID]}),
        # kraken.cancel_order
        "CancelOrder": result({"count": 1}),
        # kraken.fetch_trading_fee
        "TradeVolume": result(
            {
                "currency": "ZUSD", "volume": "0.0000",
                "fees": {"XXBTZUSD": {"fee": "0.2600", "minfee": "0.1000", "maxfee": "0.2600"}},
                "fees_maker": {"XXBTZUSD": {"fee": "0.1600", "minfee": "0.0000", "maxfee": "0.1600"}},
            }
        ),
    }  # fmt: skip


def pages(name: str, rows: dict[str, Any]) -> Callable[[Asked], Answer]:
    """A list of rows, newest first, 50 at a time from `ofs` on, those after `start` (docs, Get Trades
    History, Get Closed Orders, Get Ledgers Info)."""

    def page(asked: Asked) -> Answer:
        start, offset = float(asked.params.get("start", 0)), int(asked.params.get("ofs", 0))
        found = [
            (key, row) for key, row in rows.items() if float(row.get("closetm", row.get("time"))) > start
        ]
        found.sort(key=lambda each: -float(each[1].get("closetm", each[1].get("time"))))
        return result({name: dict(found[offset : offset + PAGE_ROWS]), "count": len(found)})

    return page


def trade(order_id: str = ORDER_ID, **changes: Any) -> dict[str, Any]:
    """privatePostTradesHistory, in kraken.fetch_my_trades."""
    return {
        "ordertxid": order_id, "postxid": "TKH2SE-M7IF5-CFI7LT", "pair": "XXBTZUSD", "time": NOW + 1.2345,
        "type": "buy", "ordertype": "limit", "price": "80000.10000", "cost": "40000.05000",
        "fee": "104.00013", "vol": "0.50000000", "margin": "0.00000", "misc": "",
    } | changes  # fmt: skip


def ledger_line(
    trade_id: str, asset: str, amount: str, fee: str = "0.0000", **changes: Any
) -> dict[str, Any]:
    """privatePostLedgers, in kraken.fetch_ledger."""
    return {
        "refid": trade_id, "time": NOW + 1.2345, "type": "trade", "subtype": "", "aclass": "currency",
        "asset": asset, "amount": amount, "fee": fee, "balance": "0.0000",
    } | changes  # fmt: skip


def order(cl_ord_id: str | None = None, **changes: Any) -> dict[str, Any]:
    """privatePostClosedOrders and privatePostOpenOrders, in kraken.parse_order; cl_ord_id as in the venue's
    documents."""
    row = {
        "refid": None, "userref": 0, "status": "closed", "reason": None, "opentm": NOW + 1.1,
        "closetm": NOW + 1.25, "starttm": 0, "expiretm": 0,
        "descr": {
            "pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "80000.1", "price2": "0",
            "leverage": "none", "order": "buy 0.50000000 XBTUSD @ limit 80000.1", "close": "",
        },
        "vol": "0.50000000", "vol_exec": "0.50000000", "cost": "40000.05", "fee": "104.00013",
        "price": "80000.1", "stopprice": "0.00000", "limitprice": "0.00000", "misc": "", "oflags": "fciq",
    }  # fmt: skip
    return row | ({"cl_ord_id": cl_ord_id} if cl_ord_id else {}) | changes
