"""What a venue may say, and what is no answer at all."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvx.domain.book import Book, Level, checked_book
from mvx.domain.execution import ExecutionReport, Fill, Transfer
from mvx.domain.ids import Asset, ClOrdId, ExecId, OrderId, Symbol, Venue
from mvx.domain.instant import LAST, Instant, rfc3339
from mvx.domain.instrument import MarketRules
from mvx.domain.money import plain
from mvx.domain.order import Ack, OrderReport, Side
from mvx.domain.order_status import ExecType, OrdStatus
from mvx.errors import BadVenueData
from mvx.venues.credible import refuse_incredible
from mvx.venues.port import Balances, VenueStatus

KRAKEN, AT, D = Venue("kraken"), Instant(1_795_348_800_000_000), Decimal
FILL = Fill(
    venue=KRAKEN,
    account="main",
    epoch="1",
    symbol=Symbol("BTC/USD"),
    side=Side.BUY,
    exec_id=ExecId("e"),
    order_id=OrderId("o"),
    qty=D(1),
    price=D(9),
    fee_asset=Asset("USD"),
    fee_amount=D("0.1"),
    at=AT,
)
ORDER = OrderReport(
    OrderId("o"), ClOrdId("m1"), Symbol("BTC/USD"), Side.BUY, D(1), D(9), D(0), None, OrdStatus.NEW, AT, AT
)
TRANSFER = Transfer(KRAKEN, "main", "1", "t", Asset("BTC"), D(-1), AT)
BALANCES = Balances(AT, {Asset("BTC"): D(1)}, {Asset("BTC"): D(0)})
RULES = MarketRules(
    KRAKEN, Symbol("BTC/USD"), Asset("BTC"), Asset("USD"), D("0.1"), D("0.01"), D(0), D(0), max_px=None
)
REPORT = ExecutionReport(
    KRAKEN, ClOrdId("m1"), OrderId("o"), Symbol("BTC/USD"), Side.BUY, ExecType.FILL, FILL, AT
)
HONEST = [FILL, ORDER, TRANSFER, BALANCES, RULES, REPORT, Ack(OrderId("o")), VenueStatus(True, "", AT), None]

NO_NUMBERS = [
    *("NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "1e999999", "1e-999999", "-1e999999"),
    *("9" * 400, "0." + "1" * 400, "1" * 200 + "." + "1" * 200),
]
NO_TEXTS = ["", "x" * 501, "\ud800", "a\udfff"]
NO_TIMES = [-1, LAST + 1, 10**30, -(10**30)]
NUMBERS = {
    FILL: ("qty", "price", "fee_amount"),
    ORDER: ("order_qty", "limit_px", "cum_qty", "avg_px"),
    TRANSFER: ("amount",),
    RULES: ("tick", "lot", "min_qty", "min_notional", "max_px"),
}
TEXTS: dict[Any, tuple[str, ...]] = {
    FILL: ("exec_id", "order_id", "symbol", "fee_asset"),
    ORDER: ("order_id", "symbol"),
    TRANSFER: ("transfer_id", "asset"),
    Ack(OrderId("o")): ("order_id",),
}
TIMES: dict[Any, tuple[str, ...]] = {
    FILL: ("at", "busted_at"),
    ORDER: ("created_at", "updated_at"),
    TRANSFER: ("at",),
    VenueStatus(True, "", AT): ("at",),
}


def fields_of(table: dict[Any, tuple[str, ...]]) -> list[tuple[Any, str]]:
    return [(answer, name) for answer, names in table.items() for name in names]


def assert_incredible(answer: object, name: str) -> None:
    for told in (answer, (answer,)):
        with pytest.raises(BadVenueData) as caught:
            refuse_incredible(KRAKEN, told)
        assert f"kraken: {name} is" in caught.value.message
        assert len(caught.value.message) < 300
        caught.value.message.encode()


@pytest.mark.parametrize("answer", HONEST, ids=lambda each: type(each).__name__)
def test_an_honest_answer_is_believed(answer: object) -> None:
    refuse_incredible(KRAKEN, answer)
    refuse_incredible(KRAKEN, (answer, answer))
    refuse_incredible(KRAKEN, ())


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize(("answer", "name"), fields_of(NUMBERS))
def test_what_is_no_number_is_no_answer(answer: Any, name: str, text: str) -> None:
    assert_incredible(replace(answer, **{name: Decimal(text)}), name)


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_a_balance_that_is_no_number_is_no_answer(text: str) -> None:
    assert_incredible(replace(BALANCES, total={Asset("BTC"): Decimal(text)}), "amount")


@pytest.mark.parametrize(
    ("answer", "name", "text"),
    [
        *((FILL, name, text) for name in ("qty", "price") for text in ("0", "-1")),
        *((ORDER, name, text) for name in ("order_qty", "limit_px", "avg_px") for text in ("0", "-1")),
        *((RULES, name, text) for name in ("tick", "lot", "max_px") for text in ("0", "-0.1")),
        *((RULES, name, "-1") for name in ("min_qty", "min_notional")),
        (ORDER, "cum_qty", "-0.00000001"),
    ],
)
def test_a_sign_that_can_not_be_is_no_answer(answer: Any, name: str, text: str) -> None:
    """A tick of nothing would divide by zero, a negative fill would reduce a risk."""
    assert_incredible(replace(answer, **{name: Decimal(text)}), name)


@pytest.mark.parametrize("text", NO_TEXTS)
@pytest.mark.parametrize(("answer", "name"), fields_of(TEXTS))
def test_what_names_nothing_is_no_answer(answer: Any, name: str, text: str) -> None:
    assert_incredible(replace(answer, **{name: text}), name)


@pytest.mark.parametrize("micros", NO_TIMES)
@pytest.mark.parametrize(("answer", "name"), fields_of(TIMES))
def test_what_is_no_time_is_no_answer(answer: Any, name: str, micros: int) -> None:
    """No calendar and no database has it."""
    assert_incredible(replace(answer, **{name: Instant(micros)}), name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exec_id", type("Text", (str,), {})("")),
        ("qty", type("Number", (Decimal,), {})("NaN")),
        ("at", type("Number", (int,), {})(-1)),
    ],
)
def test_a_kind_of_its_own_is_looked_at_too(name: str, value: Any) -> None:
    """A library may hand on its own kinds of text and number."""
    assert_incredible(replace(FILL, **{name: value}), name)


def test_a_fill_inside_a_report_is_looked_at_too() -> None:
    assert_incredible(replace(REPORT, fill=replace(FILL, price=Decimal("NaN"))), "price")


@pytest.mark.parametrize("text", [*NO_NUMBERS, "0", "-1"])
@pytest.mark.parametrize("place", ["px", "qty"])
def test_a_book_of_no_numbers_is_no_book(place: str, text: str) -> None:
    best = Level(D(9), D(1))._replace(**{place: Decimal(text)})
    with pytest.raises(BadVenueData):
        checked_book(Book(KRAKEN, Symbol("BTC/USD"), (best,), (Level(D("1e30"), D(1)),), AT))
    with pytest.raises(BadVenueData):
        checked_book(Book(KRAKEN, Symbol("BTC/USD"), (Level(D("1e-30"), D(1)),), (best,), AT))


@settings(deadline=None)
@given(qty=st.decimals(), price=st.decimals(), at=st.integers(), name=st.text())
def test_what_is_believed_can_be_computed_kept_and_shown(
    qty: Decimal, price: Decimal, at: int, name: str
) -> None:
    """Or it is BadVenueData, and nothing else."""
    told = replace(FILL, qty=qty, price=price, at=Instant(at), exec_id=ExecId(name))
    try:
        refuse_incredible(KRAKEN, told)
    except BadVenueData:
        return
    assert plain(told.notional / told.qty / told.price) == "1"
    assert Decimal(plain(told.notional)) == told.notional
    assert rfc3339(told.at).endswith("Z")
    assert told.at < 2**63
    assert told.exec_id.encode()
