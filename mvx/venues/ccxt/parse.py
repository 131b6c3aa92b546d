"""ccxt's dictionaries -> the domain. Pure, and whatever is in them, only BadVenueData is raised.

Rules:
- A number is exact: text or a whole number, plain or with a small exponent, of at most 40 digits. A binary
  float is refused, for then something between the wire and here has rounded.
- ccxt's unified fields are read, and the venue's own record (`info`) where ccxt loses something: instants
  finer than a millisecond, and the client order id of an order.
- A client order id that mvx could not have made is none: Binance gives every order one.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mvx.domain.book import Book, Level, checked_book
from mvx.domain.execution import Fill
from mvx.domain.ids import Asset, ClOrdId, ExecId, OrderId, Symbol, Venue
from mvx.domain.instant import MICROS_PER_S, Instant
from mvx.domain.instrument import MarketRules
from mvx.domain.money import BPS, MAX_DIGITS, ZERO
from mvx.domain.order import OrderReport, Side
from mvx.domain.order_status import TERMINAL, OrdStatus
from mvx.domain.text import storable
from mvx.errors import BadVenueData

Row = Mapping[str, Any]

_NUMBER = re.compile(r"-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
_OURS = re.compile(r"m[0-9a-z]{17}", re.ASCII)
_MOST_CHARS = 80
#: 2009-01-01 and 2200-01-01: what lies outside is no time of an order.
_EARLIEST, _LATEST = Instant(1_230_768_000 * MICROS_PER_S), Instant(7_258_118_400 * MICROS_PER_S)

_OPEN = frozenset({"open", "canceling", "PENDING_NEW", "PENDING_CANCEL"})
_CLOSED = {
    "closed": OrdStatus.FILLED,
    "canceled": OrdStatus.CANCELED,
    "expired": OrdStatus.EXPIRED,
    "rejected": OrdStatus.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Times:
    """Where a venue's own records hold instants, and in what part of a second they count."""

    trade: str
    created: str
    updated: tuple[str, ...]
    moved: str
    unit_s: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """Whose records these are. `client_id`: where the venue's record of an order holds it. `order_keys`: what
    such a record always holds; ccxt makes up what is missing (safe_order takes a closed one for full,
    binance.parse_order one without executedQty for untouched). `gross_key`: where its record of a trade holds
    what it moved in quote; empty: nowhere, or the ledger tells. `held_key`: where that of a deposit says that
    it is done and held back: 0, it is not; empty: nowhere."""

    venue: Venue
    account: str
    epoch: str
    client_id: str
    order_keys: tuple[str, ...]
    gross_key: str
    held_key: str
    times: Times


def exact(value: object, what: str) -> Decimal:
    """A number as it was on the wire. Raises BadVenueData for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        text = format(value, "d") if abs(value) < 10**MAX_DIGITS else ""
    else:
        text = value if isinstance(value, str) else ""
    if len(text) > _MOST_CHARS or not _NUMBER.fullmatch(text):
        raise BadVenueData(f"{what} is no number: {shown(value)}")
    number = Decimal(text)
    if number and (abs(number.adjusted()) > MAX_DIGITS or len(number.as_tuple().digits) > MAX_DIGITS):
        raise BadVenueData(f"{what} has too many digits: {shown(value)}")
    return number


def positive(value: object, what: str) -> Decimal:
    number = exact(value, what)
    if number <= 0:
        raise BadVenueData(f"{what} is not positive: {shown(value)}")
    return number


def not_negative(value: object, what: str) -> Decimal:
    number = exact(value, what)
    if number < 0:
        raise BadVenueData(f"{what} is negative: {shown(value)}")
    return number


def text_of(row: Row, key: str, what: str) -> str:
    """A short text that is not empty."""
    value = row.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MAX_DIGITS:
        value = str(value)
    if not isinstance(value, str) or not value or len(value) > _MOST_CHARS or not value.isprintable():
        raise BadVenueData(f"{what} has no {key}: {shown(value)}")
    return value


def instant_of(value: object, unit_s: Decimal, what: str) -> Instant:
    """A time that counts in units since 1970, to the microsecond below."""
    at = Instant(int(exact(value, what) * unit_s * MICROS_PER_S))
    if not _EARLIEST <= at <= _LATEST:
        raise BadVenueData(f"{what} is no time of an order: {shown(value)}")
    return at


def fill_of(trade: object, whose: Account) -> Fill:
    """A trade. Its fee is the venue's guess where the ledger tells better."""
    row = dict_of(trade, "a trade")
    what = f"trade {shown(row.get('id'))}"
    fee = dict_of(row.get("fee"), f"{what}: the fee")
    qty = positive(row.get("amount"), f"{what}: its quantity")
    price = positive(row.get("price"), f"{what}: its price")
    return Fill(
        venue=whose.venue,
        account=whose.account,
        epoch=whose.epoch,
        symbol=symbol_of(row, what),
        side=_side(row, what),
        exec_id=ExecId(text_of(row, "id", what)),
        order_id=OrderId(text_of(row, "order", what)),
        qty=qty,
        price=price,
        fee_asset=Asset(text_of(fee, "currency", f"{what}: its fee")),
        fee_amount=exact(fee.get("cost"), f"{what}: its fee"),
        at=latest_of(row, (whose.times.trade,), whose.times.unit_s, what),
        gross_trade_amt=_gross(row, whose.gross_key, qty * price, what),
    )


def report_of(order: object, whose: Account, now: Instant) -> OrderReport:
    """An order's record. A closed one that is not full was canceled; a canceled one that is full, filled. One
    that does not say when it last changed may have now (Kraken docs, Get Open Orders: opentm alone)."""
    row = dict_of(order, "an order")
    what = f"order {shown(row.get('id'))}"
    info = dict_of(row.get("info"), f"{what}: its record")
    if missing := [key for key in whose.order_keys if info.get(key) is None]:
        raise BadVenueData(f"{what} has no {missing[0]}")
    cum_qty = not_negative(row.get("filled"), f"{what}: its filled quantity")
    order_qty = _order_qty(row, info, cum_qty, what)
    created_at = latest_of(row, (whose.times.created,), whose.times.unit_s, what)
    known = [key for key in whose.times.updated if info.get(key)]
    updated_at = latest_of(row, tuple(known), whose.times.unit_s, what) if known else now
    status = _status(row.get("status"), cum_qty, order_qty, what)
    if status in TERMINAL and not known:
        raise BadVenueData(f"{what} does not say when it was closed")
    return OrderReport(
        order_id=OrderId(text_of(row, "id", what)),
        cl_ord_id=_our_id(info.get(whose.client_id)),
        symbol=symbol_of(row, what),
        side=_side(row, what),
        order_qty=order_qty,
        limit_px=_limit_px(row, what),
        cum_qty=cum_qty,
        avg_px=_avg_px(row, cum_qty, what),
        ord_status=status,
        created_at=created_at,
        updated_at=max(created_at, updated_at),
    )


def order_id_of(order: object) -> OrderId | None:
    """The id that an answer to create_order carries; None where it carries none."""
    found = order.get("id") if isinstance(order, Mapping) else None
    if isinstance(found, str) and 0 < len(found) <= _MOST_CHARS and found.isprintable():
        return OrderId(found)
    return None


def balances_of(
    balance: object, listed: Collection[object], amounts: Collection[str]
) -> tuple[dict[Asset, Decimal], dict[Asset, Decimal]]:
    """Total and free of every asset that has a total. `listed`: the venue's own rows, and where each holds
    its `amounts`: ccxt leaves out one without a name, and keeps the last of two that it gives one name."""
    row = dict_of(balance, "the balances")
    totals, frees = dict_of(row.get("total"), "the totals"), dict_of(row.get("free"), "what is free")
    total: dict[Asset, Decimal] = {}
    free: dict[Asset, Decimal] = {}
    for name, amount in totals.items():
        asset = Asset(text_of({"asset": name}, "asset", "a balance"))
        total[asset] = exact(amount, f"the total of {asset}")
        free[asset] = exact(frees.get(name), f"what is free of {asset}")
    rows = [dict_of(each, "a balance") for each in listed]
    holding = [each for each in rows if any(exact(each.get(key), "a balance") for key in amounts)]
    if len(holding) != sum(amount != ZERO for amount in total.values()):
        raise BadVenueData("two balances have one name, or one has none")
    return total, free


def book_of(venue: Venue, symbol: Symbol, raw: object, at: Instant) -> Book:
    """Bids and asks as the venue sent them, checked."""
    row = dict_of(raw, f"{venue} {symbol}: the book")
    return checked_book(
        Book(venue, symbol, _levels(row.get("bids"), symbol), _levels(row.get("asks"), symbol), at)
    )


def rules_of(venue: Venue, market: object, tick: object = None) -> MarketRules:
    """Tick, lot and minimums of a market. `tick`: one that ccxt does not know. The coarser of both counts,
    for ccxt sends no finer price. A maximum of zero is none (Binance's PRICE_FILTER)."""
    row = dict_of(market, "a market")
    symbol = symbol_of(row, "a market")
    precision = dict_of(row.get("precision"), f"{symbol}: its precision")
    limits = dict_of(row.get("limits"), f"{symbol}: its limits")
    lot = positive(precision.get("amount"), f"{symbol}: its lot")
    most = _limit(limits, "price", "max", symbol)
    ccxts = positive(precision.get("price"), f"{symbol}: its tick")
    return MarketRules(
        venue=venue,
        symbol=symbol,
        base=Asset(text_of(row, "base", f"market {symbol}")),
        quote=Asset(text_of(row, "quote", f"market {symbol}")),
        tick=ccxts if tick is None else max(ccxts, positive(tick, f"{symbol}: its tick")),
        lot=lot,
        min_qty=_limit(limits, "amount", "min", symbol) or lot,
        min_notional=_limit(limits, "cost", "min", symbol),
        max_px=most or None,
    )


def least_of(currencies: Mapping[str, Any], asset: Asset) -> Decimal:
    """The last digit in which an asset's balance is kept; zero where the venue does not tell it."""
    step = dict_of(currencies.get(asset) or {}, f"the currency {asset}").get("precision")
    return ZERO if step is None else positive(step, f"{asset}: its last digit")


def taker_bps_of(fee: object) -> Decimal | None:
    """The account's own rate; None where the venue does not tell it."""
    taker = dict_of(fee, "the trading fee").get("taker")
    if taker is None:
        return None
    rate = exact(taker, "the taker fee")
    if not -1 < rate < 1:
        raise BadVenueData(f"the taker fee can not be {shown(taker)}")
    return rate * BPS


def symbol_of(row: Row, what: str) -> Symbol:
    """A unified symbol of a spot market."""
    symbol = text_of(row, "symbol", what)
    base, slash, quote = symbol.partition("/")
    if not (base and slash and quote) or ":" in symbol or "/" in quote:
        raise BadVenueData(f"{what} has no spot symbol: {shown(symbol)}")
    return Symbol(symbol)


def _levels(raw: object, symbol: Symbol) -> tuple[Level, ...]:
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        raise BadVenueData(f"{symbol}: a side of the book is no list")
    levels = []
    for pair in raw:
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) < 2:
            raise BadVenueData(f"{symbol}: a level is no pair: {shown(pair)}")
        levels.append(Level(exact(pair[0], f"{symbol}: a price"), exact(pair[1], f"{symbol}: a quantity")))
    return tuple(levels)


def _order_qty(row: Row, info: Row, cum_qty: Decimal, what: str) -> Decimal:
    """A quantity in quote (Kraken's oflags viqc, for market orders only) says nothing about base."""
    flags = info.get("oflags")
    if row.get("amount") is None or (isinstance(flags, str) and "viqc" in flags):
        return cum_qty
    return not_negative(row["amount"], f"{what}: its quantity")


def _avg_px(row: Row, cum_qty: Decimal, what: str) -> Decimal | None:
    """Of some old orders it is not known any more (Binance docs, All orders: cummulativeQuoteQty < 0)."""
    average = row.get("average")
    if not cum_qty or average is None or exact(average, f"{what}: its average price") < 0:
        return None
    return positive(average, f"{what}: its average price")


def _gross(row: Row, key: str, product: Decimal, what: str) -> Decimal | None:
    """What a trade moved in quote, where that is not quantity times price to the last digit. Binance cuts it
    to the quote's own eight (recorded: a BNBBTC trade of 5.56 at 0.0017502, quoteQty 0.00973111)."""
    told = dict_of(row.get("info"), f"{what}: its record").get(key) if key else None
    if told is None:
        return None
    gross = not_negative(told, f"{what}: what it moved in quote")
    if abs(product - gross) >= Decimal(1).scaleb(min(0, int(gross.as_tuple().exponent))):
        raise BadVenueData(f"{what}: its quantity at its price is not what it moved: {shown(told)}")
    return None if gross == product else gross


def _limit_px(row: Row, what: str) -> Decimal | None:
    price = row.get("price")
    if price is None or row.get("type") == "market":
        return None
    return positive(price, f"{what}: its price")


def _status(status: object, cum_qty: Decimal, order_qty: Decimal, what: str) -> OrdStatus:
    if status in _OPEN:
        return OrdStatus.PARTIALLY_FILLED if cum_qty else OrdStatus.NEW
    closed = _CLOSED.get(status) if isinstance(status, str) else None
    if closed is None:
        raise BadVenueData(f"{what} has an unknown status: {shown(status)}")
    full = cum_qty >= order_qty > 0
    if closed in (OrdStatus.FILLED, OrdStatus.CANCELED):
        return OrdStatus.FILLED if full else OrdStatus.CANCELED
    return closed


def _our_id(value: object) -> ClOrdId | None:
    return ClOrdId(value) if isinstance(value, str) and _OURS.fullmatch(value) else None


def _side(row: Row, what: str) -> Side:
    side = row.get("side")
    if side not in ("buy", "sell"):
        raise BadVenueData(f"{what} has no side: {shown(side)}")
    return Side(side)


def latest_of(row: Row, keys: tuple[str, ...], unit_s: Decimal, what: str) -> Instant:
    """The latest of the instants under these keys of the venue's own record."""
    info = dict_of(row.get("info"), f"{what}: its record")
    return max(instant_of(info.get(key), unit_s, f"{what}: its {key}") for key in keys)


def _limit(limits: Row, of: str, end: str, symbol: Symbol) -> Decimal:
    value = dict_of(limits.get(of) or {}, f"{symbol}: its limits of {of}").get(end)
    return ZERO if value is None else not_negative(value, f"{symbol}: its {end} {of}")


def dict_of(value: object, what: str) -> Row:
    if not isinstance(value, Mapping):
        raise BadVenueData(f"{what} is not there: {shown(value)}")
    return value


def shown(value: object) -> str:
    """The beginning of whatever it is, for a message."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**_MOST_CHARS:
        return "a huge number"
    return storable(_short.repr(value), _MOST_CHARS)


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60
