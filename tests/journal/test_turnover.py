"""What was traded in a UTC day, summed from the fills."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.entries import FillBooked, FillBusted
from mvx.domain.ids import Asset, ExecId
from mvx.domain.instant import Instant
from mvx.journal import views
from mvx.journal.store import Journal
from mvx.journal.turnover import traded_today
from tests.domain.orders import BTC, SELL, USD, at, fill
from tests.journal.journals import PRELUDE, write

D = Decimal
#: START is noon.
MIDNIGHT_S = -12 * 3600.0
DAY_S = 86_400.0


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.db", mode="paper")
    write(made, PRELUDE, seconds=MIDNIGHT_S - 5 * DAY_S)
    yield made
    made.close()


def book(
    journal: Journal,
    exec_id: str,
    qty: str,
    at_s: float,
    *,
    booked_s: float | None = None,
    quote: Asset = USD,
) -> FillBooked:
    """A sell at 100, booked when it happened unless said otherwise."""
    traded = fill(qty, "100", side=SELL, exec_id=exec_id, at_s=at_s, order_id="X")
    entry = FillBooked(traded, BTC, quote, None)
    write(journal, [entry], seconds=at_s if booked_s is None else booked_s)
    return entry


def today(journal: Journal, seconds: float = 0) -> dict[Asset, Decimal]:
    with journal.read() as tx:
        return traded_today(tx, at(seconds))


def test_nothing_was_traded(journal: Journal) -> None:
    assert {} == today(journal)


def test_the_day_begins_at_midnight_utc_to_the_microsecond(journal: Journal) -> None:
    book(journal, "a", "1", MIDNIGHT_S - 0.000001)
    book(journal, "b", "2", MIDNIGHT_S)
    assert {USD: D(200)} == today(journal)
    assert {USD: D(300)} == today(journal, MIDNIGHT_S - 1)
    assert {} == today(journal, MIDNIGHT_S + DAY_S)


def test_a_busy_day_is_summed_to_its_beginning_and_the_week_before_it_is_not(journal: Journal) -> None:
    """More fills than are read at once, behind many of an earlier week."""
    for number in range(2):
        with journal.write(at=at(MIDNIGHT_S - 4 * DAY_S * (1 - number))) as tx:
            for each in range(700):
                exec_id, at_s = ExecId(f"{number}-{each}"), MIDNIGHT_S - 4 * DAY_S * (1 - number)
                traded = fill("1", "100", side=SELL, exec_id=exec_id, at_s=at_s, order_id="X")
                tx.append(FillBooked(traded, BTC, USD, None))
    assert {USD: D(70_000)} == today(journal)


def test_each_quote_has_its_own_sum_and_it_is_exact(journal: Journal) -> None:
    usdt = Asset("USDT")
    book(journal, "a", "0.1", 1)
    book(journal, "b", "0.2", 2)
    book(journal, "c", "0.0000000000000000001", 3, quote=usdt)
    assert {USD: D(30), usdt: D("0.00000000000000001")} == today(journal)


def test_what_is_booked_late_counts_on_its_own_day(journal: Journal) -> None:
    """Of yesterday and booked last, of today and booked before it; and one by a clock that was behind."""
    book(journal, "a", "1", 1, booked_s=MIDNIGHT_S - 3600)
    book(journal, "b", "2", 2)
    book(journal, "c", "4", MIDNIGHT_S - 1, booked_s=3)
    assert {USD: D(300)} == today(journal)
    assert {USD: D(700)} == today(journal, MIDNIGHT_S - 1)


def test_a_clock_that_was_wrong_for_a_while_hides_nothing(journal: Journal) -> None:
    """Many fills of today were booked, and then many more by a clock that was three days behind."""
    for number, behind_s in enumerate((0.0, 3 * DAY_S)):
        with journal.write(at=at(1 - behind_s)) as tx:
            for each in range(600):
                traded = fill("1", "100", side=SELL, exec_id=f"{number}-{each}", at_s=1, order_id="X")
                tx.append(FillBooked(traded, BTC, USD, None))
    assert {USD: D(120_000)} == today(journal, 2)


def test_what_was_taken_back_was_traded_all_the_same(journal: Journal) -> None:
    booked = book(journal, "a", "1", 1)
    write(journal, [FillBusted(replace(booked.fill, busted_at=at(2)), BTC, USD, None)], seconds=2)
    assert {USD: D(100)} == today(journal)


def test_orders_count_from_their_commit_and_foreign_ones_do_not(journal: Journal) -> None:
    """The prelude's intents are of 0 s; one of its three orders is not ours."""
    with journal.read() as tx:
        assert (at(0), at(0)) == views.created_after(tx, at(-1))
        assert () == views.created_after(tx, at(0))
        assert 2 == len(views.created_after(tx, Instant(0)))


def test_a_trade_counts_for_what_it_moved_in_quote(journal: Journal) -> None:
    """Which a venue may cut to fewer digits than quantity times price has."""
    traded = fill("0.015", "100", side=SELL, exec_id="e1", at_s=0, order_id="X")
    write(journal, [FillBooked(replace(traded, gross_trade_amt=D("1.4")), BTC, USD, None)], seconds=0)
    assert {USD: D("1.4")} == today(journal)
