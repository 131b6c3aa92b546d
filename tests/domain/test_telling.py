"""An order's story in words: a sentence for every kind of entry, and what was known after each."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvx.domain import entries as log
from mvx.domain.execution import ExecutionReport, Transfer
from mvx.domain.ids import Asset, ClOrdId, JobId, OrderId, ParentId
from mvx.domain.instant import Instant
from mvx.domain.order import Order, changed
from mvx.domain.order_status import ExecType, OrdStatus
from mvx.domain.telling import known_of, names_in, sentence, subject_of
from mvx.domain.trading import TradingState
from mvx.journal.codec import KINDS, encode
from tests.domain.orders import BTC, BTC_USD, BUY, KRAKEN, SELL, USD, at, fill, order, report
from tests.journal.entries import ENTRIES

D = Decimal
M1 = ClOrdId("m1")
SENT = order(qty="0.5", px="64000", cl_ord_id="m1")
PUSHED = ExecutionReport(KRAKEN, M1, OrderId("V1"), BTC_USD, BUY, ExecType.PARTIAL_FILL, fill("0.2"), at(1))

#: Every kind of entry with the whole of its sentence.
TOLD: list[tuple[log.Entry, str]] = [
    (log.JournalOpened("e", "paper"), "the paper journal was begun"),
    (
        log.JournalRestored("e", "it is older"),
        "the journal was found put back or copied (it is older): what happened meanwhile is not in it",
    ),
    (
        log.Opening(KRAKEN, "main", at(0), {BTC: D(1)}, {}, ()),
        "first contact with kraken: what it held was taken over",
    ),
    (
        log.ParentOpened(ParentId("p1"), "key", "{}", "BTC-USD", SELL, D("0.50")),
        "parent p1: asked to sell 0.5 BTC-USD under the id key",
    ),
    (log.ParentClosed(ParentId("p1"), "filled", "{}"), "parent p1: its work ended as filled"),
    (
        log.ParentClosed(ParentId("p1"), "died", "{}"),
        "parent p1: whoever worked it had died; nothing more is sent for it",
    ),
    (
        log.ParentClosed(ParentId("p1"), "canceled", "{}"),
        "parent p1: the operator canceled it; nothing more is sent for it",
    ),
    (log.ParentResumed(ParentId("p1"), "ops@b"), "parent p1: ops@b went on with it"),
    (log.JobQueued(JobId("j1"), "route", "{}", "ops@a"), "ops@a handed the route over as job j1"),
    (log.JobClaimed(JobId("j1"), "run@a"), "run@a, who leads, began job j1"),
    (log.JobEnded(JobId("j1"), "{}"), "job j1 was answered"),
    (log.JobWithdrawn(JobId("j1"), "ops@a"), "ops@a took job j1 back before anybody began it"),
    (
        log.Intended(replace(SENT, sending=False)),
        "intended: buy 0.5 BTC/USD at kraken for at most 64000 USD, gtc, until 2026-11-22T12:00:05.000000Z",
    ),
    (log.Sending(M1), "its sending to kraken begins: it can not be revoked any more"),
    (log.Revoked(M1, "halted"), "too late to give it up, for its sending had begun: halted"),
    (
        log.ForeignOrderFound(order(SELL, "1", cl_ord_id="m3", order_id=OrderId("V3"))),
        "found open at the venue, not sent by mvx: sell 1 BTC/USD at kraken for at least 100 USD, gtc, "
        "there V3",
    ),
    (log.CountedBefore(M1, D(1)), "1 of what it filled is in the balances, and no list shows it"),
    (log.Acked(M1, OrderId("V1")), "kraken accepted it as V1"),
    (log.Rejected(M1, "EOrder:Insufficient funds"), "kraken refused it: EOrder:Insufficient funds"),
    (log.NeverLeft(M1, "connection refused"), "it never left for kraken: connection refused"),
    (
        log.OutcomeLost(M1, "no answer within 1 s"),
        "no answer that can be relied on (no answer within 1 s): it may have arrived at kraken or not",
    ),
    (log.CancelRequested(M1), "kraken is asked to cancel it"),
    (
        log.CancelRejected(M1, "not asked: connection refused"),
        "the cancel came to nothing, and it is as it was before: not asked: connection refused",
    ),
    (
        log.Reported(M1, report(OrdStatus.PARTIALLY_FILLED, "0.2", of=SENT)),
        "kraken's record of it (V1): PARTIALLY_FILLED, 0.2 of 0.5 filled at 64000 on average",
    ),
    (
        log.Heard(PUSHED),
        "kraken pushed a fill of 0.2 at 100 (exec id e1): expected, until its record confirms it",
    ),
    (
        log.Heard(replace(PUSHED, fill=None, exec_type=ExecType.NEW)),
        "kraken pushed NEW: no more than a claim",
    ),
    (
        log.PhantomDropped(M1, fill("0.2")),
        "the pushed fill of 0.2 at 100 (exec id e1) is not in kraken's complete record: it never was",
    ),
    (
        log.FillBooked(fill("0.2", fee="0.1"), BTC, USD, M1, {BTC: "opening"}),
        "kraken lists a fill of 0.2 at 100 (exec id e1), fee 0.1 USD, made at 2026-11-22T12:00:01.000000Z; "
        "the opening had counted its BTC already",
    ),
    (
        log.FillBusted(fill("0.2", busted_at=at(9)), BTC, USD, M1),
        "kraken took back the fill of 0.2 at 100 (exec id e1)",
    ),
    (
        log.TransferBooked(Transfer(KRAKEN, "main", "", "t1", BTC, D("-1.5"), at(1))),
        "kraken lists a withdrawal of 1.5 BTC",
    ),
    (
        log.BaselineSet(KRAKEN, BTC, D(5), "ops@a"),
        "ops@a set the baseline of BTC at kraken to 5",
    ),
    (
        log.TradingSet(None, TradingState.HALTED, "incident", "ops@a"),
        "the whole system was halted by ops@a: incident",
    ),
    (log.BreakAcked("r1", "ops@a"), "ops@a has seen the break r1"),
    (
        log.Reopened(M1, report(OrdStatus.PARTIALLY_FILLED, "0.4")),
        "kraken still lists it as open (V1): 0.4 of 1 filled at 100 on average",
    ),
    (
        log.FoundAbsent(M1, at(7)),
        "kraken's complete list of open orders, read by 2026-11-22T12:00:07.000000Z, lacks it",
    ),
    (
        log.NeverAccepted(M1, "venue", at(20), at(9)),
        "never accepted: kraken could have taken it until 2026-11-22T12:00:09.000000Z, and a complete read "
        "begun at 2026-11-22T12:00:20.000000Z has no trace of it",
    ),
    (
        log.NeverAccepted(M1, "the operator", at(20), at(20)),
        "the operator said that it was never accepted",
    ),
    (
        log.Settled(M1, at(3), 2.0, at(5)),
        "settled: closed since 2026-11-22T12:00:03.000000Z, and all its trades in a complete read begun at "
        "2026-11-22T12:00:05.000000Z, when the 2 s for late ones were over",
    ),
    (
        log.BalanceDoubted(KRAKEN, BTC, D(1), D(2), at(1)),
        "kraken shows 2 and not 1 BTC: left open until a second read",
    ),
    (
        log.BalanceDoubted(KRAKEN, BTC, D(2), D(2), at(1)),
        "kraken shows 2 BTC: a second read tells what is in it",
    ),
    (log.BalanceAgreed(KRAKEN, BTC), "the BTC of kraken agrees again"),
    (
        log.Adjusted(KRAKEN, "main", BTC, D(1), at(1), ()),
        "the BTC of kraken was moved by 1 to what the venue shows",
    ),
    (
        log.BreakFound("r1", KRAKEN, "late_fill", BTC, M1, None, "none", "0.2", True, "after it"),
        "a break with kraken, late_fill: ours none, theirs 0.2, corrected: after it",
    ),
]


@pytest.mark.parametrize(("entry", "told"), TOLD, ids=lambda each: type(each).__name__)
def test_what_happened_is_told_in_one_sentence(entry: log.Entry, told: str) -> None:
    assert told == sentence(entry, at(0), SENT)


def test_every_kind_of_entry_is_told_above() -> None:
    """A new kind has a row there, or this fails."""
    assert set(KINDS) == {type(entry).__name__ for entry, _ in TOLD}


@given(st.one_of(*ENTRIES.values()), st.none() | st.just(SENT))
def test_whatever_an_entry_holds_it_can_be_told(entry: log.Entry, about: Order | None) -> None:
    """At the edges of its fields, and where the order is not known."""
    assert sentence(entry, at(0), about).strip()


def test_a_time_that_no_calendar_has_is_told_as_the_number_that_it_is() -> None:
    far = replace(fill("0.2"), at=Instant(2**62))
    assert f"made at {2**62} microseconds after 1970" in sentence(log.FillBooked(far, BTC, USD, M1), at(0))


def test_what_was_revoked_in_time_was_never_sent() -> None:
    waiting = replace(SENT, sending=False)
    assert "given up before it was sent, and never sent: halted" == sentence(
        log.Revoked(M1, "halted"), at(0), waiting
    )


def test_a_fill_after_the_order_settled_says_so() -> None:
    late = sentence(log.FillBooked(fill("0.2"), BTC, USD, M1), at(0), replace(SENT, settled=True))
    assert late.endswith("after it had settled")


@pytest.mark.parametrize(
    ("progress", "known"),
    [
        ({"sending": False}, "not sent; 0 of 0.5 filled, PENDING_NEW; 0.5 more is reserved"),
        ({"unknown": True}, "0 of 0.5 filled; unknown, and counted as if 0.5 more could fill"),
        (
            {"ord_status": OrdStatus.PARTIALLY_FILLED, "filled_qty": D("0.2"), "cum_qty": D("0.3")},
            "0.2 of 0.5 filled, 0.1 more by its record, PARTIALLY_FILLED; 0.3 more is reserved",
        ),
        (
            {"ord_status": OrdStatus.NEW, "heard_qty": D("0.2")},
            "0 of 0.5 filled, 0.2 more heard of, NEW; 0.5 more is reserved",
        ),
        (
            {"ord_status": OrdStatus.FILLED, "filled_qty": D("0.5"), "cum_qty": D("0.5")},
            "0.5 of 0.5 filled, FILLED; not settled yet, for a late fill may be listed",
        ),
        (
            {"ord_status": OrdStatus.REJECTED, "settled": True, "reason": "no funds"},
            "0 of 0.5 filled, REJECTED (no funds); settled, nothing is reserved any more",
        ),
    ],
)
def test_what_is_known_names_what_is_reserved(progress: dict[str, object], known: str) -> None:
    assert known == known_of(changed(SENT, **progress))


@pytest.mark.parametrize("entry", [entry for entry, _ in TOLD], ids=lambda each: type(each).__name__)
def test_an_entry_names_the_order_that_it_is_about(entry: log.Entry) -> None:
    """Wherever in the entry the order's id stands."""
    written = {name for name in ("m1", "m3") if f'"{name}"' in encode(entry)}
    assert written == names_in(entry) & {"m1", "m3"}
    assert written == ({subject_of(entry)} - {None})


def test_a_child_s_intent_is_not_about_its_parent() -> None:
    """The story of one child is not that of its siblings."""
    assert {"m1"} == names_in(log.Intended(replace(SENT, parent_id=ParentId("p1"))))


def test_parents_jobs_and_breaks_are_named_too() -> None:
    assert {"p1"} == names_in(log.ParentResumed(ParentId("p1"), "x"))
    assert {"j1"} == names_in(log.JobClaimed(JobId("j1"), "x"))
    assert {"r1"} == names_in(log.BreakAcked("r1", "x"))
    assert frozenset() == names_in(log.BalanceAgreed(KRAKEN, Asset("BTC")))
