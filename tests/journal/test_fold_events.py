"""The fold of the rarer entries: what was pushed, taken back, moved in, set by hand, given up."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest

from mvx.domain import entries as log
from mvx.domain.execution import Transfer
from mvx.domain.exposure import claimed
from mvx.domain.ids import ClOrdId, OrderId
from mvx.domain.order import Order
from mvx.domain.order_status import OrdStatus
from mvx.domain.trading import TradingState
from mvx.journal.fold import apply
from mvx.journal.rows import order_of
from mvx.journal.verify import MemoryState
from tests.domain.orders import BTC, BUY, KRAKEN, USD, at, fill, order, report
from tests.journal.journals import PRELUDE, folded, heard, postings

D = Decimal
M1 = ClOrdId("m1")
PART = fill("0.4", "99", fee="0.1")
BOOKED = log.FillBooked(PART, BTC, USD, M1)
BUST = log.FillBusted(replace(PART, busted_at=at(9)), BTC, USD, M1)
DEPOSIT = Transfer(KRAKEN, "main", "", "t1", BTC, D("1.5"), at(4))


def m1(state: MemoryState) -> Order:
    return order_of(state.tables["orders"][(M1,)])


def held(state: MemoryState) -> dict[str, tuple[str, str]]:
    """Asset -> confirmed and baseline."""
    return {a: (row["confirmed"], row["baseline"]) for (_, a), row in state.tables["holdings"].items()}


def after(entries: Iterable[log.Entry]) -> MemoryState:
    return folded([*PRELUDE, *entries])


REPEATABLE: tuple[log.Entry, ...] = (
    heard("m1"),
    heard("m1", PART),
    BUST,
    log.TransferBooked(DEPOSIT),
    log.PhantomDropped(M1, PART),
    log.Sending(M1),
    log.Revoked(M1, "halted"),
)


@pytest.mark.parametrize("entry", REPEATABLE, ids=lambda entry: type(entry).__name__)
@pytest.mark.parametrize("before", [(), (BOOKED,), (heard("m1", PART),), (BOOKED, BUST)], ids=len)
def test_what_is_heard_twice_changes_nothing_more(entry: log.Entry, before: tuple[log.Entry, ...]) -> None:
    """A replayed event stream, a bust listed in every reading, a transfer in two of them."""
    state = after([*before, entry])
    once = copy.deepcopy(state.tables)
    apply(state, 77, at(77), entry)
    assert state.tables == once


def test_a_pushed_fill_is_expected_and_moves_no_holding() -> None:
    """A claim: confirmed stays, the order's state stays, and it can still fill in full."""
    state = after([heard("m1", PART)])
    assert held(state) == held(after([]))
    assert (OrdStatus.NEW, D(0), D("0.4"), D(1)) == (
        m1(state).ord_status, m1(state).filled_qty, m1(state).heard_qty, m1(state).worst_qty,
    )  # fmt: skip
    assert {BTC: D("0.4"), USD: D("-39.6")} == claimed(m1(state))


@pytest.mark.parametrize("listed", [PART, replace(PART, qty=D("0.3"), price=D(98))], ids=["same", "other"])
@pytest.mark.parametrize("heard_first", [True, False])
def test_the_record_supersedes_what_was_pushed(listed: log.Fill, heard_first: bool) -> None:
    """Heard before or after it was listed, with the same numbers or others: only the record counts."""
    booked = log.FillBooked(listed, BTC, USD, M1)
    pushed = heard("m1", PART)
    state = after([pushed, booked] if heard_first else [booked, pushed])
    assert (listed.qty, D(0), D(0)) == (
        m1(state).filled_qty, m1(state).heard_qty, m1(state).heard_notional,
    )  # fmt: skip
    assert {} == state.tables["heard"]
    assert held(state) == held(after([log.Acked(M1, OrderId("V1")), booked]))


def test_a_phantom_is_expected_no_more() -> None:
    """It was pushed, and the complete record does not hold it."""
    state = after([heard("m1", PART), log.PhantomDropped(M1, PART)])
    assert {} == claimed(m1(state))
    assert {} == state.tables["heard"]


def test_of_two_accounts_of_the_same_fills_the_larger_is_expected() -> None:
    """The order's record and the stream tell of the same trades: they are not added up."""
    cum = log.Reported(M1, report(OrdStatus.PARTIALLY_FILLED, "0.6", avg_px="99"))
    state = after([heard("m1", PART), cum])
    assert D("0.6") == claimed(m1(state))[BTC]


def test_a_bust_posts_the_exact_opposite_of_its_fill() -> None:
    """Fee included; the order's fills shrink, and every posting sums to the holding."""
    state = after([BOOKED, BUST])
    assert {a: confirmed for a, (confirmed, _) in held(state).items()} == {BTC: "10", USD: "1000"}
    assert (D(0), D(0), D("0.4")) == (m1(state).filled_qty, m1(state).filled_notional, m1(state).busted_qty)
    assert ["bust"] * 3 == [row["contra"] for row in postings(state)][-5:-2]


def test_a_bust_of_what_first_contact_had_counted_moves_the_holding_alone() -> None:
    """No fill was ever booked for it."""
    state = after([replace(BUST, cl_ord_id=None)])
    assert (held(state)[BTC][0], m1(state).busted_qty) == ("9.6", D(0))


def test_a_settled_order_stays_settled_when_a_trade_is_taken_back() -> None:
    """The reservation was dropped, and nothing comes back to life."""
    closed = log.Reported(M1, report(OrdStatus.CANCELED, "0.4"))
    state = after([BOOKED, closed, log.Settled(M1, at(5), 2.5, at(9)), BUST])
    assert (True, True, D(0)) == (m1(state).settled, m1(state).trades_complete, m1(state).worst_qty)


@pytest.mark.parametrize("cum", ["0.4", "0"], ids=["kept", "reduced"])
def test_trades_are_complete_whether_or_not_the_order_s_record_counts_the_bust(cum: str) -> None:
    """Venues differ; both sums are the venue's own."""
    closed = log.Reported(M1, report(OrdStatus.CANCELED, "0.4"))
    again = log.Reported(M1, report(OrdStatus.CANCELED, cum))
    state = after([BOOKED, closed, BUST, again])
    assert (True, D(0)) == (m1(state).trades_complete, m1(state).claimed_qty)


def test_what_first_contact_had_counted_of_an_order_moves_no_holding() -> None:
    """No trade of it will be listed: the order has filled so much less still to fill."""
    claims = log.Reported(ClOrdId("m3"), report(OrdStatus.PARTIALLY_FILLED, "0.4", order_id="V3"))
    state = after([claims, log.CountedBefore(ClOrdId("m3"), D("0.4"))])
    m3 = order_of(state.tables["orders"][("m3",)])
    assert held(state) == held(after([]))
    assert (D("0.4"), D(40), D(0), D("0.6")) == (
        m3.filled_qty, m3.filled_notional, m3.claimed_qty, m3.worst_qty,
    )  # fmt: skip


def test_a_transfer_moves_the_holding_and_its_baseline() -> None:
    """So the position is what it was."""
    assert ("11.5", "3.5") == held(after([log.TransferBooked(DEPOSIT)]))[BTC]


def test_a_transfer_that_first_contact_had_counted_moves_nothing() -> None:
    """It was in the opening balance, and in the baseline made from that."""
    assert ("10", "2") == held(after([log.TransferBooked(DEPOSIT, {BTC: "opening"})]))[BTC]


def test_a_transfer_that_an_adjustment_had_counted_moves_the_baseline_alone() -> None:
    """The adjustment made a position of it; now it is known to be none."""
    adjusted = log.Adjusted(KRAKEN, "main", BTC, D("1.5"), at(5), ())
    assert ("11.5", "3.5") == held(after([adjusted, log.TransferBooked(DEPOSIT, {BTC: "adjustment"})]))[BTC]


def test_a_baseline_is_what_the_operator_says() -> None:
    assert ("10", "4") == held(after([log.BaselineSet(KRAKEN, BTC, D(4), "ops")]))[BTC]


def test_an_unsent_intent_can_be_revoked_and_one_that_is_being_sent_can_not() -> None:
    """Whoever comes first wins."""
    intent = log.Intended(order(BUY, cl_ord_id="m9", sending=False))
    revoke, send = log.Revoked(ClOrdId("m9"), "halted"), log.Sending(ClOrdId("m9"))

    def m9(*entries: log.Entry) -> Order:
        return order_of(after([intent, *entries]).tables["orders"][("m9",)])

    assert (True, OrdStatus.PENDING_NEW) == (m9().unsent, m9().ord_status)
    assert (OrdStatus.REJECTED, True, D(0)) == (
        m9(revoke).ord_status,
        m9(revoke).settled,
        m9(revoke).worst_qty,
    )
    assert "revoked: halted" == m9(revoke).reason
    assert (OrdStatus.PENDING_NEW, False) == (m9(send, revoke).ord_status, m9(send, revoke).unsent)


def test_the_last_trading_state_of_a_scope_stands() -> None:
    """One for the system, one for each venue."""
    halted, active = TradingState.HALTED, TradingState.ACTIVE
    state = after(
        [
            log.TradingSet(None, halted, "", "a"),
            log.TradingSet(KRAKEN, halted, "", "b"),
            log.TradingSet(None, active, "", "c"),
        ]
    )
    rows = state.tables["trading"].values()
    assert {("", "ACTIVE", "c"), ("kraken", "HALTED", "b")} == {
        (r["scope"], r["state"], r["by"]) for r in rows
    }
