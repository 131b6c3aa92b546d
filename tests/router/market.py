"""Builders of quotes and requests: a market of a few levels in one line."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from mvx.domain.book import Book, Level, checked_book
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.instrument import Instrument, MarketRules
from mvx.domain.order import Side
from mvx.router.cost import Quote
from mvx.router.plan import Plan, PlanRequest
from tests.support import START

BTC_USD = Instrument("BTC-USD", Asset("BTC"), Asset("USD"))
BUY, SELL = Side.BUY, Side.SELL

Levels = Iterable[tuple[str | Decimal, str | Decimal]]


def levels(pairs: Levels) -> tuple[Level, ...]:
    return tuple(Level(Decimal(px), Decimal(qty)) for px, qty in pairs)


def quote(
    venue: str,
    *,
    asks: Levels = (("101", "10"),),
    bids: Levels = (("99", "10"),),
    fee_bps: str = "0",
    rate: str = "1",
    spendable: str = "1000000",
    asset: str = "USD",
    tick: str = "0.01",
    lot: str = "0.01",
    min_qty: str = "0.01",
    min_notional: str = "0",
    max_px: str | None = None,
    penalty_bps: str = "0",
) -> Quote:
    symbol = Symbol(f"BTC/{asset}")
    rules = MarketRules(
        Venue(venue),
        symbol,
        Asset("BTC"),
        Asset(asset),
        Decimal(tick),
        Decimal(lot),
        Decimal(min_qty),
        Decimal(min_notional),
        None if max_px is None else Decimal(max_px),
    )
    book = checked_book(Book(Venue(venue), symbol, levels(bids), levels(asks), START))
    return Quote(
        Venue(venue),
        symbol,
        rules,
        book,
        Decimal(fee_bps),
        Decimal(rate),
        Decimal(spendable),
        Decimal(penalty_bps),
        "degraded" if Decimal(penalty_bps) else "",
    )


def request(
    qty: str,
    side: Side = BUY,
    *,
    limit: str | None = None,
    slippage: str | None = None,
    post_only: bool = False,
    resting: bool = False,
) -> PlanRequest:
    return PlanRequest(
        BTC_USD,
        side,
        Decimal(qty),
        None if limit is None else Decimal(limit),
        None if slippage is None else Decimal(slippage),
        post_only,
        resting,
    )


def quantities(plan: Plan) -> dict[str, str]:
    return {leg.venue: str(leg.qty.normalize()) for leg in plan.legs}


def why(plan: Plan, venue: str) -> str:
    return next(skip.why for skip in plan.skipped if skip.venue == venue)
