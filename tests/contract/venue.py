"""What the contract tests ask of a rig, in one word each."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import pytest

from mvx.domain.execution import Fill
from mvx.domain.ids import ClOrdId, Symbol
from mvx.domain.instant import Instant, rfc3339
from mvx.domain.money import plain
from mvx.domain.order import Ack, OrderReport, OrderRequest, TimeInForce
from mvx.venues.port import Balances
from tests.contract.rigs import Rig

BTC_USD = Symbol("BTC/USD")
BEGINNING = Instant(0)
OPEN = ("NEW", "PARTIALLY_FILLED")
Order = Callable[..., OrderRequest]
Ask = Callable[[], Coroutine[Any, Any, object]]


def offered(rig: Rig, kind: str) -> str:
    if kind not in rig.fault_kinds:
        pytest.skip(f"this adapter's venue does not offer {kind}")
    return kind


def submit(rig: Rig, request: OrderRequest) -> Ack:
    return rig.clock.run(rig.venue.submit(request))


def cancel(rig: Rig, request: OrderRequest) -> None:
    rig.clock.run(rig.venue.cancel(request.symbol, request.cl_ord_id, None))


def rest(rig: Rig, order: Order) -> OrderRequest:
    """An order that waits far from the market."""
    request = order(limit_px=Decimal(60_000), time_in_force=TimeInForce.GTC)
    submit(rig, request)
    return request


def open_orders(rig: Rig) -> tuple[OrderReport, ...]:
    return rig.clock.run(rig.venue.open_orders())


def closed_orders(rig: Rig) -> tuple[OrderReport, ...]:
    return rig.clock.run(rig.venue.closed_orders(BEGINNING))


def trades(rig: Rig) -> tuple[Fill, ...]:
    return rig.clock.run(rig.venue.trades(BEGINNING))


def balances(rig: Rig) -> Balances:
    return rig.clock.run(rig.venue.balances())


def report_of(rig: Rig, request: OrderRequest) -> OrderReport:
    """The one record that the lists hold of it."""
    (found,) = (r for r in open_orders(rig) + closed_orders(rig) if r.cl_ord_id == request.cl_ord_id)
    return found


def public_reads(rig: Rig) -> dict[str, Ask]:
    """Those that ask the venue."""
    venue = rig.venue
    rules: dict[str, Ask] = {"rules": lambda: venue.rules(BTC_USD)} if rig.habits.asks_rules else {}
    return rules | {"book": lambda: venue.book(BTC_USD)}


def private_reads(rig: Rig) -> dict[str, Ask]:
    venue = rig.venue
    return {
        "open_orders": venue.open_orders,
        "closed_orders": lambda: venue.closed_orders(BEGINNING),
        "trades": lambda: venue.trades(BEGINNING),
        "transfers": lambda: venue.transfers(BEGINNING),
        "balances": venue.balances,
    }


def writes(rig: Rig, order: Order) -> dict[str, Ask]:
    venue = rig.venue
    return {
        "submit": lambda: venue.submit(order()),
        "cancel": lambda: venue.cancel(BTC_USD, ClOrdId("x"), None),
    }


def accepted(rig: Rig) -> int:
    return len(rig.ledger()["orders"])


def working(rig: Rig) -> int:
    return sum(row["status"] in OPEN for row in rig.ledger()["orders"])


def assert_lists_tell_the_truth(rig: Rig) -> None:
    """Orders, trades and balances are those of the venue's own record, to the last digit."""
    ledger = rig.ledger()
    reports = {report.order_id: report for report in open_orders(rig) + closed_orders(rig)}
    theirs = [(row["order_id"], row["cl_ord_id"], row["status"], row["cum_qty"]) for row in ledger["orders"]]
    assert sorted(theirs) == sorted(
        (r.order_id, r.cl_ord_id, r.ord_status.value, plain(r.cum_qty)) for r in reports.values()
    )
    assert {row["order_id"] for row in ledger["orders"] if row["status"] in OPEN} == {
        report.order_id for report in open_orders(rig)
    }
    assert [
        (row["exec_id"], row["qty"], row["price"], row["fee"], row["at"], row["busted_at"])
        for row in ledger["fills"]
    ] == [_row(fill) for fill in trades(rig)]
    read = balances(rig)
    assert {asset: (row["total"], row["free"]) for asset, row in ledger["balances"].items()} == {
        asset: (plain(total), plain(read.free[asset])) for asset, total in read.total.items()
    }


def _row(fill: Fill) -> tuple[object, ...]:
    busted_at = None if fill.busted_at is None else rfc3339(fill.busted_at)
    fee = {"asset": fill.fee_asset, "amount": plain(fill.fee_amount)}
    return (fill.exec_id, plain(fill.qty), plain(fill.price), fee, rfc3339(fill.at), busted_at)
