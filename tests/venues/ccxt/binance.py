"""What Binance's spot API answers. Shapes: the samples in ccxt 4.5.90's binance.py, named at each, and the
venue's own document, github.com/binance/binance-spot-api-docs.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Any

from tests.venues.ccxt.kraken import NOW
from tests.venues.ccxt.loopback import Answer, Asked, Said, said

#: publicGetExchangeInfo, in binance.fetch_markets.
SYMBOLS = [
    {
        "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "baseAssetPrecision": 8,
        "quoteAsset": "USDT", "quotePrecision": 8, "quoteAssetPrecision": 8, "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
        "icebergAllowed": True, "isSpotTradingAllowed": True, "isMarginTradingAllowed": True,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00000000",
             "tickSize": "0.01000000"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000",
             "stepSize": "0.00001000"},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True,
             "maxNotional": "9000000.00000000", "applyMaxToMarket": False, "avgPriceMins": 5},
        ],
        "permissions": ["SPOT", "MARGIN"],
    },
]  # fmt: skip

#: publicGetDepth, in binance.fetch_order_book.
DEPTH = {
    "lastUpdateId": 333598053905,
    "bids": [["79999.90000000", "0.12500000"], ["79999.80000000", "3.00000001"]],
    "asks": [["80000.10000000", "1.00000000"], ["80000.20000000", "2.50000000"]],
}

UID = "354937868"
#: privateGetAccount, in binance.fetch_balance; uid as in the venue's own document, Account information.
ACCOUNT = {
    "makerCommission": 10, "takerCommission": 10, "canTrade": True, "canWithdraw": True, "canDeposit": True,
    "updateTime": NOW * 1_000, "accountType": "SPOT",
    "balances": [
        {"asset": "BTC", "free": "0.40120000", "locked": "0.84230000"},
        {"asset": "USDT", "free": "17185.45120001", "locked": "8249.76000000"},
        {"asset": "LTC", "free": "0.00000000", "locked": "0.00000000"},
    ],
    "permissions": ["SPOT"], "uid": int(UID),
}  # fmt: skip

#: Docs, wallet, Get API Key Permission: the sample there, with the rights that a desk needs.
KEY_INFO = {
    "ipRestrict": True, "createTime": 1698645219000, "enableReading": True, "enableWithdrawals": False,
    "enableInternalTransfer": False, "enableMargin": False, "enableFutures": False,
    "permitsUniversalTransfer": False, "enableVanillaOptions": False, "enableFixApiTrade": False,
    "enableFixReadOnly": True, "enableSpotAndMarginTrading": True, "enablePortfolioMarginTrading": False,
}  # fmt: skip


def error(code: int, message: str, status: int = 400, **how: Any) -> Answer:
    """binance.handle_errors."""
    return said({"code": code, "msg": message}, status=status, **how)


def answers(now: Callable[[], int] = lambda: NOW) -> dict[str, Said]:
    """A quiet account."""
    return {
        "time": lambda asked: said({"serverTime": now() * 1_000}),
        "system/status": said({"status": 0, "msg": "normal"}),
        "exchangeInfo": said({"timezone": "UTC", "serverTime": NOW * 1_000, "symbols": SYMBOLS}),
        "depth": said(DEPTH),
        "account": said(ACCOUNT),
        "account/apiRestrictions": said(KEY_INFO),
        "openOrders": said([]),
        "allOrders": said([]),
        "myTrades": said([]),
        "capital/deposit/hisrec": said([]),
        "capital/withdraw/history": said([]),
        "order": lambda asked: said(order(asked.params.get("newClientOrderId", "x"))),
        # binance.fetch_trading_fee
        "asset/tradeFee": said(
            [{"symbol": "BTCUSDT", "makerCommission": "0.001", "takerCommission": "0.001"}]
        ),
    }


def order(client_id: str, **changes: Any) -> dict[str, Any]:
    """privateGetOrder and privatePostOrder with RESULT, in binance.parse_order."""
    return {
        "symbol": "BTCUSDT", "orderId": 28, "orderListId": -1, "clientOrderId": client_id,
        "transactTime": NOW * 1_000 + 1_250, "price": "80000.10000000", "origQty": "0.50000000",
        "executedQty": "0.50000000", "cummulativeQuoteQty": "40000.05000000", "status": "FILLED",
        "timeInForce": "IOC", "type": "LIMIT", "side": "BUY", "stopPrice": "0.00000000",
        "icebergQty": "0.00000000", "time": NOW * 1_000 + 1_100, "updateTime": NOW * 1_000 + 1_250,
        "isWorking": True, "workingTime": NOW * 1_000 + 1_100, "origQuoteOrderQty": "0.000000",
        "selfTradePreventionMode": "NONE",
    } | changes  # fmt: skip


def trade(trade_id: int = 28457, **changes: Any) -> dict[str, Any]:
    """privateGetMyTrades, in binance.parse_trade; quoteQty is cut to eight places."""
    row = {
        "symbol": "BTCUSDT", "id": trade_id, "orderId": 28, "orderListId": -1, "price": "80000.10000000",
        "qty": "0.50000000", "commission": "0.00050000",
        "commissionAsset": "BTC", "time": NOW * 1_000 + 1_234, "isBuyer": True, "isMaker": False,
        "isBestMatch": True,
    } | changes  # fmt: skip
    moved = Decimal(row["qty"]) * Decimal(row["price"])
    return {"quoteQty": f"{moved.quantize(Decimal('1e-8'), ROUND_DOWN):f}"} | row


def pages(rows: list[dict[str, Any]], key: str) -> Callable[[Asked], Answer]:
    """A list of rows, oldest first: from an id on, or within a window of at most 24 hours (docs, Account
    trade list, All orders)."""

    def page(asked: Asked) -> Answer:
        params = {name: int(value) for name, value in asked.params.items() if value.isdecimal()}
        limit = params.get("limit", 500)
        from_id = params.get("fromId", params.get("orderId"))
        if from_id is not None:
            return said([row for row in rows if row[key] >= from_id][:limit])
        start, end = params["startTime"], params["endTime"]
        if end - start > 86_400_000:
            return error(-1127, "More than 24 hours between startTime and endTime.")
        return said([row for row in rows if start <= row["time"] <= end][:limit])

    return page
