"""Kraken's records: assets, pairs, orders, trades and ledger lines, as its documents show them. Pure.

Names are Kraken's own: BTC is XXBT, or XBT for short; dollars are ZUSD. Where mvx's asset is not in the
table it goes by its own name, as Kraken's newer assets do.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from mvx.config.settings import VenueSettings
from mvx.domain.execution import Fill, Transfer
from mvx.domain.ids import Asset, Symbol
from mvx.domain.instant import MICROS_PER_S, Instant
from mvx.domain.money import ONE, ZERO, plain
from mvx.domain.order import OrderReport
from mvx.domain.order_status import OrdStatus
from mvx.paper.markets import FEE_TOKENS_PX, fee_tokens, listed_symbols, rules_of, split_symbol, taker_bps
from mvx.venues.port import Balances

#: GET /0/public/Assets: name -> (id, altname).
_NAMES = {
    "BTC": ("XXBT", "XBT"),
    "ETH": ("XETH", "ETH"),
    "USD": ("ZUSD", "USD"),
    "EUR": ("ZEUR", "EUR"),
    "GBP": ("ZGBP", "GBP"),
    "KFEE": ("KFEE", "FEE"),
}
#: How a client order id begins that the client did not give: nobody is shown it.
UNNAMED = "~"
_FIAT = frozenset({"USD", "EUR", "GBP"})


def key_info(api_key: str) -> dict[str, object]:
    """Of a key that may trade and not withdraw. Docs, Get API Key Info, which asks for no right itself."""
    return {
        "apiKeyName": "paper",
        "apiKey": api_key,
        "nonce": "0",
        "nonceWindow": 0,
        "permissions": [
            *("query-funds", "query-open-trades", "query-closed-trades", "query-ledger"),
            *("modify-trades", "close-trades"),
        ],
        "iban": "AA88 N84G WOAK NMOI",
        "validUntil": "0",
        "queryFrom": "0",
        "queryTo": "0",
        "createdTime": "1772542900",
        "modifiedTime": "1772543095",
        "ipAllowlist": [],
        "lastUsed": "1772627061",
    }


def asset_id(asset: Asset) -> str:
    return _NAMES.get(asset, (asset, asset))[0]


def _short(asset: Asset) -> str:
    return _NAMES.get(asset, (asset, asset))[1]


def pair_id(symbol: Symbol) -> str:
    """XXBTZUSD, USDTZUSD, but XBTUSDT."""
    base, quote = split_symbol(symbol)
    return asset_id(base) + asset_id(quote) if quote in _FIAT else pair_name(symbol)


def pair_name(symbol: Symbol) -> str:
    """XBTUSD."""
    base, quote = split_symbol(symbol)
    return _short(base) + _short(quote)


def assets(settings: VenueSettings) -> dict[str, object]:
    """ccxt kraken.fetch_currencies."""
    known = [asset for symbol in listed_symbols(settings) for asset in split_symbol(symbol)]
    return {
        asset_id(asset): {
            "aclass": "currency",
            "altname": _short(asset),
            "decimals": 4 if asset in _FIAT else 10,
            "display_decimals": 2 if asset in _FIAT else 5,
            "status": "enabled",
        }
        for asset in (*known, *fee_tokens(settings))
    }


def pairs(settings: VenueSettings) -> dict[str, object]:
    """ccxt kraken.fetch_markets."""
    return {pair_id(symbol): _pair(settings, symbol) for symbol in listed_symbols(settings)}


def _pair(settings: VenueSettings, symbol: Symbol) -> dict[str, object]:
    rules, percent = rules_of(settings, symbol), float(taker_bps(settings) / 100)
    return {
        "altname": pair_name(symbol),
        "wsname": f"{_short(rules.base)}/{_short(rules.quote)}",
        "aclass_base": "currency",
        "base": asset_id(rules.base),
        "aclass_quote": "currency",
        "quote": asset_id(rules.quote),
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": _digits(rules.tick),
        "lot_decimals": _digits(rules.lot),
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, percent]],
        "fees_maker": [[0, percent]],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": plain(rules.min_qty),
        "costmin": plain(rules.min_notional),
        "tick_size": plain(rules.tick),
        "status": "online",
    }


def _digits(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a step is a number"
    return max(0, -exponent)


def balances(found: Balances) -> dict[str, object]:
    """ccxt kraken.fetch_balance, BalanceEx."""
    return {
        asset_id(asset): {
            "balance": plain(total),
            "hold_trade": plain(total - found.free.get(asset, ZERO)),
        }
        for asset, total in found.total.items()
    }


def volume(settings: VenueSettings) -> dict[str, object]:
    """ccxt kraken.fetch_trading_fee: rates in percent."""
    percent = plain(taker_bps(settings) / 100)
    fee = {"fee": percent, "minfee": percent, "maxfee": percent, "nextfee": None, "nextvolume": None}
    rates = {pair_id(symbol): {**fee, "tiervolume": "0.0000"} for symbol in listed_symbols(settings)}
    return {"currency": "ZUSD", "volume": "0.0000", "fees": rates, "fees_maker": rates}


_STATUS = {
    OrdStatus.NEW: "open",
    OrdStatus.PARTIALLY_FILLED: "open",
    OrdStatus.FILLED: "closed",
    OrdStatus.EXPIRED: "expired",
}


def order(report: OrderReport) -> dict[str, object]:
    """ccxt kraken.parse_order: fetchOpenOrders, fetchClosedOrders."""
    it, status = report, _STATUS.get(report.ord_status, "canceled")
    kind = "market" if it.limit_px is None else "limit"
    price = plain(it.limit_px or ZERO)
    said = f"{it.side.value} {plain(it.order_qty)} {pair_name(it.symbol)} @ {kind}"
    avg_px = it.avg_px or ZERO
    row: dict[str, object] = {
        "refid": None,
        "userref": None,
        "status": status,
        "opentm": it.created_at / MICROS_PER_S,
        "starttm": 0,
        "expiretm": 0,
        "descr": {
            "pair": pair_name(it.symbol),
            "type": it.side.value,
            "ordertype": kind,
            "price": price,
            "price2": "0",
            "leverage": "none",
            "order": f"{said} {price}" if kind == "limit" else said,
            "close": "",
        },
        "vol": plain(it.order_qty),
        "vol_exec": plain(it.cum_qty),
        "cost": plain(it.cum_qty * avg_px),
        "fee": "0.00000",
        "price": plain(avg_px),
        "stopprice": "0.00000",
        "limitprice": "0.00000",
        "misc": "",
        "oflags": "fciq",
    }
    if it.cl_ord_id and not it.cl_ord_id.startswith(UNNAMED):
        row["cl_ord_id"] = it.cl_ord_id
    if status != "open":
        row |= {"closetm": it.updated_at / MICROS_PER_S, "reason": None}
    return row


def _fee_in_quote(fill: Fill) -> Decimal:
    """support.kraken.com, 360001184886: "If you've set your fees to be deducted in the base currency, the
    Trades history will still show the fee value in the quote currency"."""
    base, quote = split_symbol(fill.symbol)
    px = FEE_TOKENS_PX | {base: fill.price, quote: ONE}
    return fill.fee_amount * px[fill.fee_asset]


def trade(fill: Fill) -> dict[str, object]:
    """ccxt kraken.parse_trade, private trades. The fee is told in quote, whatever it was taken in."""
    return {
        "ordertxid": fill.order_id,
        "postxid": f"P{fill.exec_id}",
        "pair": pair_id(fill.symbol),
        "time": fill.at / MICROS_PER_S,
        "type": fill.side.value,
        "ordertype": "limit",
        "price": plain(fill.price),
        "cost": plain(fill.notional),
        "fee": plain(_fee_in_quote(fill)),
        "vol": plain(fill.qty),
        "margin": "0.00000",
        "leverage": "0",
        "misc": "",
    }


Line = tuple[str, dict[str, object]]


def ledger(fills: Iterable[Fill], transfers: Iterable[Transfer], since: Instant) -> list[Line]:
    """ccxt kraken.fetch_ledger, newest first. Kraken names no trade that was taken back: its money comes
    back in an adjustment."""
    dated: list[tuple[Instant, Line]] = []
    for fill in fills:
        dated += [(fill.at, line) for line in _traded(fill)]
        if fill.busted_at is not None:
            dated += [(fill.busted_at, line) for line in _taken_back(fill, fill.busted_at)]
    for each in transfers:
        kind = "deposit" if each.amount > 0 else "withdrawal"
        line = _line(f"R{each.transfer_id}", kind, each.asset, each.amount, ZERO, each.at)
        dated.append((each.at, (f"L{each.transfer_id}", line)))
    dated = [(at, line) for at, line in dated if at >= since]
    return [line for _, line in sorted(dated, key=lambda row: (row[0], row[1][0]), reverse=True)]


def _moved(fill: Fill) -> list[tuple[Asset, Decimal, Decimal]]:
    """Asset, amount and fee of each line of a trade."""
    base, quote = split_symbol(fill.symbol)
    fees = {fill.fee_asset: fill.fee_amount}
    moved = [(base, fill.side.sign * fill.qty), (quote, -fill.side.sign * fill.notional)]
    if fill.fee_asset not in (base, quote):
        moved.append((fill.fee_asset, ZERO))
    return [(asset, amount, fees.get(asset, ZERO)) for asset, amount in moved]


def _traded(fill: Fill) -> list[Line]:
    return [
        (f"L{fill.exec_id}-{asset}", _line(fill.exec_id, "trade", asset, amount, fee, fill.at))
        for asset, amount, fee in _moved(fill)
    ]


def _taken_back(fill: Fill, at: Instant) -> list[Line]:
    return [
        (f"A{fill.exec_id}-{asset}", _line(fill.exec_id, "adjustment", asset, fee - amount, ZERO, at))
        for asset, amount, fee in _moved(fill)
    ]


def _line(ref: str, kind: str, asset: Asset, amount: Decimal, fee: Decimal, at: Instant) -> dict[str, object]:
    """ccxt kraken.parse_ledger_entry. `balance` is left at zero: nobody reads it."""
    return {
        "refid": ref,
        "time": at / MICROS_PER_S,
        "type": kind,
        "subtype": "",
        "aclass": "currency",
        "asset": asset_id(asset),
        "amount": plain(amount),
        "fee": plain(fee),
        "balance": "0",
    }


def stamp(at: Instant) -> str:
    return datetime.fromtimestamp(at // MICROS_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc1123(at: Instant) -> str:
    """`Sun, 22 Nov 26 12:00:00 +0000`."""
    return datetime.fromtimestamp(at // MICROS_PER_S, UTC).strftime("%a, %d %b %y %H:%M:%S +0000")
