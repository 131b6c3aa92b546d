"""`mvx explain` of an order or a parent: the whole story, from the log, in order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.entries import Acked, Intended, JobClaimed, JobEnded, JobQueued, ParentClosed, ParentOpened
from mvx.domain.ids import ClOrdId, JobId, OrderId, ParentId, Symbol
from mvx.domain.telling import known_of, names_in
from mvx.engine.breaks import acknowledge
from mvx.engine.explain import explain_order
from mvx.engine.results import RouteResult
from mvx.engine.words import Event, ExplainResult
from mvx.errors import Exit, UsageError
from mvx.journal import history, views
from mvx.journal.codec import KINDS, decode
from mvx.journal.store import Journal
from tests.domain.orders import order as an_order
from tests.engine.desk import BINANCE, BUY, KRAKEN, OKX, Operator, order, settings
from tests.engine.faults import strike
from tests.engine.halting import REDUCING, changes, commits, halts
from tests.engine.happenings import HAPPENINGS, desk, overfills
from tests.engine.meddling import Meddled
from tests.engine.truth import last_seq, reading
from tests.support import START

D = Decimal


def story(at: Operator | Meddled, name: str) -> tuple[Event, ...]:
    outcome = explain_order(at.settings.desk, name)
    assert Exit.OK is outcome.exit_code
    assert isinstance(outcome.data, ExplainResult)
    return outcome.data.story


def kinds(events: tuple[Event, ...]) -> list[str]:
    return [event.kind for event in events]


def orders(at: Operator | Meddled) -> list[ClOrdId]:
    with reading(at.settings) as tx:
        found = views.recent_orders(tx, since=None, venue=None, open_only=False, limit=100)
    return [each.cl_ord_id for each in reversed(found)]


def logged_about(at: Operator | Meddled, *names: str) -> list[str]:
    """The kinds of all entries of the log that name one of these, read without any help of the story's."""
    with reading(at.settings) as tx:
        rows = tx.connection.execute("SELECT kind, body FROM log ORDER BY seq").fetchall()
    return [kind for kind, body in rows if names_in(decode(kind, body)) & set(names)]


def lost(tmp_path: Path) -> Operator:
    """One venue took an order and its answer was lost; later all of it is settled."""
    at = Operator(settings(tmp_path, "kraken"))
    at.reconciles()
    strike(at, KRAKEN, "lost-ack")
    at.routes(order("0.5"))
    at.clock.advance(20)
    at.reconciles()
    return at


def test_an_order_whose_answer_was_lost_is_told_from_intent_to_settled(tmp_path: Path) -> None:
    at = lost(tmp_path)
    (name,) = orders(at)
    events = story(at, name)
    told = "\n".join(f"{event.text} = {event.known}" for event in events)
    steps = [
        "asked to buy 0.5 BTC-USD",
        "intended: buy 0.5 BTC/USD at kraken for at most ",
        "not sent; 0 of 0.5 filled, PENDING_NEW; 0.5 more is reserved",
        "its sending to kraken begins",
        "no answer that can be relied on (no answer within 1 s): it may have arrived at kraken or not",
        "kraken lists a fill of ",
        "settled: closed since 2026-11-22T12:",
        "settled, nothing is reserved any more",
    ]
    found = [told.find(step) for step in steps]
    assert -1 not in found, told
    assert sorted(found) == found
    assert sorted(event.at for event in events) == [event.at for event in events]


def test_what_is_unknown_is_said_to_be_counted_whole(tmp_path: Path) -> None:
    """Nothing is heard from the venue any more."""
    at = Operator(settings(tmp_path, "kraken"))
    at.reconciles()
    strike(at, KRAKEN, "lost-request")
    at.look = lambda venue, call: strike(at, KRAKEN, "outage") if call == "after submit" else None
    at.routes(order("0.5"))
    (name,) = orders(at)
    knowns = [event.known for event in story(at, name) if event.kind == "OutcomeLost"]
    assert ["0 of 0.5 filled; unknown, and counted as if 0.5 more could fill"] == knowns


EVERY = pytest.mark.parametrize(
    "happens", [happens for happens, _, _ in HAPPENINGS], ids=lambda h: h.__name__
)


@EVERY
def test_a_story_leaves_nothing_out_and_ends_where_the_journal_stands(
    tmp_path: Path, happens: Callable[[Meddled], None]
) -> None:
    """Whatever happened at the venue: every entry that names the order, and its last known state is the
    stored one."""
    at = desk(tmp_path)
    happens(at)
    at.reconciles()
    at.routes(order("0.1"))
    at.clock.advance(20)
    at.reconciles()
    names = orders(at)
    assert names
    for name in names:
        with reading(at.settings) as tx:
            stored = views.order(tx, name)
        assert stored is not None
        events = story(at, name)
        about = {name} | ({stored.parent_id} if stored.parent_id else set())
        assert logged_about(at, *about) == kinds(events)
        assert [known_of(stored)] == [event.known for event in events if event.known][-1:]


def test_a_fill_that_was_pushed_for_one_order_and_listed_on_another_is_told_of_both(tmp_path: Path) -> None:
    """What each of them is known to be in the end is what the journal holds."""
    at = desk(tmp_path)
    first = at.rests()
    at.clock.advance(1)
    second = at.rests()
    at.pushes(first, at.fills_more(second, "0.1"))
    at.reconciles()
    for each in at.orders():
        assert known_of(each) == [event.known for event in story(at, each.cl_ord_id) if event.known][-1]
    assert "PhantomDropped" in kinds(story(at, first.cl_ord_id))


def test_what_has_not_ended_says_whom_to_ask(tmp_path: Path) -> None:
    at = Operator(settings(tmp_path, "kraken"))
    at.reconciles()
    at.routes(order("0.1"))
    (name,) = orders(at)
    asked = explain_order(at.settings.desk, name).data
    assert isinstance(asked, ExplainResult)
    assert "mvx reconcile --venue kraken" == asked.next
    at.clock.advance(20)
    at.reconciles()
    asked = explain_order(at.settings.desk, name).data
    assert isinstance(asked, ExplainResult)
    assert "" == asked.next


def test_a_parent_s_story_holds_those_of_its_children(tmp_path: Path) -> None:
    at = Operator(settings(tmp_path, "kraken", "binance", "okx"))
    at.reconciles()
    result = at.routes(order("4", id="rebalance-7")).data
    assert isinstance(result, RouteResult)
    names = [child.cl_ord_id for child in result.children]
    assert len(names) > 1
    assert result.parent_id is not None
    events = story(at, result.parent_id)
    assert logged_about(at, result.parent_id, *names) == kinds(events)
    assert set(names) == {event.cl_ord_id for event in events} - {None}
    assert ("ParentOpened", "ParentClosed") == (events[0].kind, events[-1].kind)
    assert events == story(at, "rebalance-7")
    own = [event for event in events if event.cl_ord_id in (None, names[0])]
    assert own == list(story(at, names[0]))


def test_only_the_halts_that_an_order_lived_through_are_told(tmp_path: Path) -> None:
    """Those of its own venue, or of the whole system, before it was done with."""
    at = Operator(settings(tmp_path, "binance", "okx"))
    at.reconciles()
    halts(at, BINANCE)
    (intent,) = commits(at, OKX)
    at.clock.advance(1)
    halts(at, BINANCE)
    changes(at, REDUCING, reason="careful")
    halts(at, OKX)
    at.clock.advance(1)
    halts(at, OKX)
    told = [event.text for event in story(at, intent.cl_ord_id) if event.kind == "TradingSet"]
    assert [
        "the whole system was set to reducing only by ops@desk: careful",
        "okx was halted by ops@desk: maintenance",
    ] == told
    assert "Revoked" == kinds(story(at, intent.cl_ord_id))[-1]


def test_a_break_that_was_seen_is_part_of_the_story(tmp_path: Path) -> None:
    """By its own id: the entry that a human saw it names no order."""
    at = desk(tmp_path)
    overfills(at)
    at.reconciles()
    with reading(at.settings) as tx:
        (found, *_) = history.recent_breaks(tx, since=None, venue=None, open_only=False, limit=1)
    acknowledge(at.settings.desk, found["id"], by="ops@desk")
    assert "BreakAcked" == kinds(story(at, found["cl_ord_id"]))[-1]


def test_work_that_was_handed_over_is_told_from_its_queue(tmp_path: Path) -> None:
    """A job is named by its id alone once it is queued."""
    at = Operator(settings(tmp_path, "kraken"))
    job, parent = JobId("j1"), ParentId("p1")
    entries = (
        JobQueued(JobId("j0"), "route", '{"id":null}', "other@desk"),
        JobQueued(job, "route", '{"id":"key-1"}', "ops@desk"),
        JobClaimed(job, "run@desk"),
        ParentOpened(parent, "key-1", "{}", "BTC-USD", BUY, D(1)),
        ParentClosed(parent, "incomplete", "{}"),
        JobEnded(job, "{}"),
    )
    with closing(Journal(at.settings.desk.journal, mode="paper")) as journal, journal.write(at=START) as tx:
        for entry in entries:
            tx.append(entry)
    assert [type(entry).__name__ for entry in entries[1:]] == kinds(story(at, "p1"))


def test_an_order_is_known_by_its_venues_name_too(tmp_path: Path) -> None:
    at = lost(tmp_path)
    (name,) = orders(at)
    with reading(at.settings) as tx:
        found = views.order(tx, name)
    assert found is not None
    assert found.order_id is not None
    assert story(at, name) == story(at, found.order_id)


def test_of_venues_that_count_alike_each_ones_order_is_told(tmp_path: Path) -> None:
    at = Operator(settings(tmp_path, "kraken", "okx"))
    with closing(Journal(at.settings.desk.journal, mode="paper", clock=at.clock)) as made, made.write() as tx:
        for name, venue in (("m1", KRAKEN), ("m2", OKX), ("m3", OKX)):
            tx.append(Intended(an_order(BUY, "0.5", cl_ord_id=name, venue=venue, parent_id=None)))
            tx.append(Acked(ClOrdId(name), OrderId("8" if name == "m3" else "7")))
    assert ["m1", "m1", "m2", "m2"] == [each.cl_ord_id for each in story(at, "7")]


def test_a_break_is_told_until_somebody_saw_it(tmp_path: Path) -> None:
    """By its id, and what to run next is the break's own."""
    at = Operator(settings(tmp_path, "kraken"))
    at.reconciles()
    at.exchange.trade(KRAKEN, BUY, D("0.1"), Symbol("BTC/USD"))
    found = next(each for each in at.reconciles().breaks if each.kind == "foreign_fill")
    assert ["BreakFound"] == kinds(story(at, str(found.id)))
    acknowledge(at.settings.desk, found.id, by="ops")
    outcome = explain_order(at.settings.desk, str(found.id))
    assert isinstance(outcome.data, ExplainResult)
    assert ("break", ["BreakFound", "BreakAcked"]) == (outcome.data.about, kinds(outcome.data.story))
    assert found.next == outcome.data.next


def test_a_break_about_an_order_is_told_with_that_orders_story(tmp_path: Path) -> None:
    at = desk(tmp_path)
    overfills(at)
    found = next(each for each in at.reconciles().breaks if each.cl_ord_id is not None)
    assert story(at, str(found.cl_ord_id)) == story(at, str(found.id))


@pytest.mark.parametrize("name", ["999999", "9" * 40, "\u0663", "-5"])
def test_a_number_that_is_no_break_is_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="parent or break is called"):
        explain_order(lost(tmp_path).settings.desk, name)


def test_nothing_is_written_and_no_journal_is_made(tmp_path: Path) -> None:
    fresh = Operator(settings(tmp_path / "fresh", "kraken"))
    with pytest.raises(UsageError):
        explain_order(fresh.settings.desk, "m0123456789abcdefg")
    assert not fresh.settings.desk.journal.exists()
    at = lost(tmp_path)
    seq = last_seq(at.settings)
    story(at, orders(at)[0])
    assert seq == last_seq(at.settings)


@pytest.mark.parametrize(
    ("typed", "hint"), [("late_fil", "did you mean late_fill?"), ("m0123456789abcdefg", "is called m0123")]
)
def test_what_is_not_known_is_a_usage_error_with_a_suggestion(typed: str, hint: str, tmp_path: Path) -> None:
    at = lost(tmp_path)
    with pytest.raises(UsageError, match=hint.replace("?", r"\?")) as caught:
        explain_order(at.settings.desk, typed)
    assert caught.value.next_step.startswith("mvx ")


def test_a_kind_is_the_name_of_an_entry(tmp_path: Path) -> None:
    at = lost(tmp_path)
    assert set(kinds(story(at, orders(at)[0]))) <= set(KINDS)
