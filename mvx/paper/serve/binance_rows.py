"""Binance's records: markets, balances, orders, trades and transfers, as its documents show them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from mvx.config.settings import VenueSettings
from mvx.domain.book import Level
from mvx.domain.execution import Fill, Transfer
from mvx.domain.ids import Symbol
from mvx.domain.instant import MICROS_PER_S, Instant
from mvx.domain.money import BPS, ZERO, plain
from mvx.domain.order import OrderReport, Side
from mvx.paper.markets import MAX_PX, listed_symbols, rules_of, split_symbol, taker_bps
from mvx.paper.records import Ending, PaperOrder
from mvx.venues.port import Balances

Row = dict[str, Any]
#: Binance's rateLimits (rest-api.md, Exchange information): so much in each minute, and so many new orders in
#: each ten seconds.
RATE_LIMITS = (
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6_000},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
)
_ACK = ("symbol", "orderId", "orderListId", "clientOrderId", "transactTime")
_NOT_OF_A_CANCEL = ("time", "updateTime", "isWorking", "workingTime", "stopPrice", "icebergQty")
_MOST_QTY = "9000.00000000"
#: Of the key, which may trade and not withdraw. Docs, wallet, Get API Key Permission.
KEY_RIGHTS = {
    "ipRestrict": False, "createTime": 1698645219000, "enableReading": True, "enableWithdrawals": False,
    "enableInternalTransfer": False, "enableMargin": False, "enableFutures": False,
    "permitsUniversalTransfer": False, "enableVanillaOptions": False, "enableFixApiTrade": False,
    "enableFixReadOnly": False, "enableSpotAndMarginTrading": True, "enablePortfolioMarginTrading": False,
}  # fmt: skip


def name_of(symbol: Symbol) -> str:
    """BTCUSDT."""
    return "".join(split_symbol(symbol))


def number(name: str) -> int:
    """The number in an id of ours: 7 in `1795348800000000-7` and in `T7`."""
    return int(name.rpartition("-")[2].lstrip("TX"))


def level(of: Level) -> list[str]:
    return [plain(of.px), plain(of.qty)]


def info(settings: VenueSettings, now: Instant) -> Row:
    """publicGetExchangeInfo, in ccxt binance.fetch_markets."""
    symbols = [_market(settings, symbol) for symbol in listed_symbols(settings)]
    return {
        "timezone": "UTC",
        "serverTime": now // 1_000,
        "rateLimits": list(RATE_LIMITS),
        "exchangeFilters": [],
        "symbols": symbols,
    }


def _market(settings: VenueSettings, symbol: Symbol) -> Row:
    rules = rules_of(settings, symbol)
    return {
        "symbol": name_of(symbol),
        "status": "TRADING",
        "baseAsset": rules.base,
        "baseAssetPrecision": 8,
        "quoteAsset": rules.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER"],
        "icebergAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": plain(rules.tick),
                "maxPrice": plain(MAX_PX),
                "tickSize": plain(rules.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": plain(rules.min_qty),
                "maxQty": _MOST_QTY,
                "stepSize": plain(rules.lot),
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": plain(rules.min_notional),
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": ["SPOT"],
    }


def account(settings: VenueSettings, found: Balances) -> Row:
    """privateGetAccount, in ccxt binance.fetch_balance."""
    commission = int(taker_bps(settings))
    balances = [
        {
            "asset": asset,
            "free": plain(found.free.get(asset, ZERO)),
            "locked": plain(total - found.free.get(asset, ZERO)),
        }
        for asset, total in found.total.items()
    ]
    return {
        "makerCommission": commission,
        "takerCommission": commission,
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": True,
        "updateTime": found.at // 1_000,
        "accountType": "SPOT",
        "balances": balances,
        "permissions": ["SPOT"],
        "uid": 354937868,
    }


def coins(found: Balances) -> list[Row]:
    """sapiGetCapitalConfigGetall, in ccxt binance.parse_currency; no coin has a network here."""
    nothing = dict.fromkeys(("freeze", "withdrawing", "ipoing", "ipoable", "storage"), "0")
    return [
        {
            "coin": asset,
            "depositAllEnable": True,
            "withdrawAllEnable": False,
            "name": asset,
            "free": plain(found.free.get(asset, ZERO)),
            "locked": plain(total - found.free.get(asset, ZERO)),
            **nothing,
            "isLegalMoney": False,
            "trading": True,
            "networkList": [],
        }
        for asset, total in found.total.items()
    ]


def fees(settings: VenueSettings, name: str | None) -> list[Row]:
    """sapiGetAssetTradeFee, in ccxt binance.fetch_trading_fee."""
    rate = plain(taker_bps(settings) / BPS)
    names = [name_of(symbol) for symbol in listed_symbols(settings)]
    return [
        {"symbol": each, "makerCommission": rate, "takerCommission": rate}
        for each in names
        if name in (None, each)
    ]


class Orders:
    """What an order's report leaves out: how long it was to rest, and what it came to."""

    def __init__(self, orders: Iterable[PaperOrder]) -> None:
        self._orders = {each.order_id: each for each in orders}

    def row(self, report: OrderReport) -> Row:
        """privateGetOrder, in ccxt binance.parse_order."""
        it, order = report, self._orders[report.order_id]
        same = order.cum_qty == it.cum_qty
        spent = order.notional if same else it.cum_qty * (it.avg_px or ZERO)
        return {
            "symbol": name_of(it.symbol),
            "orderId": number(it.order_id),
            "orderListId": -1,
            "clientOrderId": it.cl_ord_id or f"web_{number(it.order_id)}",
            "price": plain(it.limit_px or ZERO),
            "origQty": plain(it.order_qty),
            "executedQty": plain(it.cum_qty),
            "cummulativeQuoteQty": plain(spent),
            "status": it.ord_status.value,
            "timeInForce": order.time_in_force.value.upper(),
            "type": "MARKET" if it.limit_px is None else "LIMIT",
            "side": it.side.value.upper(),
            "stopPrice": "0.00000000",
            "icebergQty": "0.00000000",
            "time": it.created_at // 1_000,
            "updateTime": it.updated_at // 1_000,
            "isWorking": True,
            "workingTime": it.created_at // 1_000,
            "origQuoteOrderQty": "0.00000000",
            "selfTradePreventionMode": "NONE",
        }

    def canceled(self, report: OrderReport, cancel_id: str) -> Row:
        """privateDeleteOrder (docs, Cancel order): the client id in it is the cancel's own. The lists go on
        telling the order's (recorded: a canceled one in allOrders, ccxt's fetch_orders)."""
        row = self.row(report)
        told = {key: row[key] for key in row if key not in _NOT_OF_A_CANCEL}
        ours = {"origClientOrderId": row["clientOrderId"], "clientOrderId": cancel_id}
        return {**told, **ours, "transactTime": row["updateTime"]}

    def answer(self, report: OrderReport, fills: Iterable[Fill], kind: str | None) -> Row:
        """privatePostOrder (docs, New order): ACK, RESULT, or FULL, which is the default of a limit order."""
        row = self.row(report)
        row["transactTime"] = row["updateTime"]
        if kind == "ACK":
            return {
                key: row[key] for key in ("symbol", "orderId", "orderListId", "clientOrderId", "transactTime")
            }
        if kind == "RESULT":
            return row
        return {**row, "fills": [_execution(fill) for fill in fills]}


def _execution(fill: Fill) -> Row:
    return {
        "price": plain(fill.price),
        "qty": plain(fill.qty),
        "commission": plain(fill.fee_amount),
        "commissionAsset": fill.fee_asset,
        "tradeId": number(fill.exec_id),
    }


def trade(fill: Fill) -> Row:
    """privateGetMyTrades, in ccxt binance.parse_trade."""
    return {
        "symbol": name_of(fill.symbol),
        "id": number(fill.exec_id),
        "orderId": number(fill.order_id),
        "orderListId": -1,
        "price": plain(fill.price),
        "qty": plain(fill.qty),
        "quoteQty": plain(fill.notional),
        "commission": plain(fill.fee_amount),
        "commissionAsset": fill.fee_asset,
        "time": fill.at // 1_000,
        "isBuyer": fill.side is Side.BUY,
        "isMaker": False,
        "isBestMatch": True,
    }


def deposit(each: Transfer) -> Row:
    """ccxt binance.parse_transaction, fetchDeposits; 1: credited."""
    return {
        **_moved(each, each.amount),
        "status": 1,
        "insertTime": each.at // 1_000,
        "completeTime": each.at // 1_000,
        "confirmTimes": "1/1",
    }


def withdrawal(each: Transfer, ending: Ending) -> Row:
    """Docs, Withdraw history: 4, processing; 6, completed; 5, failure, which has a reason. completeTime "only
    if status = 6"; what is asked for leaves the balance at once. ccxt binance.parse_transaction."""
    status = 4 if ending.ended_at is None else 5 if ending.failed else 6
    row = {
        **_moved(each, -each.amount),
        "status": status,
        "transactionFee": "0",
        "applyTime": _stamp(each.at),
        "info": "The address is not valid. Please confirm with the recipient" if ending.failed else "",
    }
    if status == 6 and ending.ended_at is not None:
        return {**row, "completeTime": _stamp(ending.ended_at)}
    return {**row, "txId": ""}


def _stamp(at: Instant) -> str:
    return datetime.fromtimestamp(at // MICROS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _moved(each: Transfer, amount: Decimal) -> Row:
    return {
        "id": f"{each.epoch}-{each.transfer_id}",
        "amount": plain(amount),
        "coin": each.asset,
        "network": each.asset,
        "address": "",
        "addressTag": "",
        "txId": f"{each.epoch}-{each.transfer_id}",
        "transferType": 0,
    }
