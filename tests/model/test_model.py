"""The model says what the code says, as far as that can be seen without Spin; the rest is tests.model."""

from __future__ import annotations

import inspect
import re

import pytest

from mvx.domain import order_life
from mvx.domain.ids import OrderId
from mvx.domain.order import Order
from mvx.domain.order_status import OrdStatus
from mvx.reconciliation import compare
from mvx.reconciliation.orders import never_accepted_bound
from tests.domain.orders import BUY, at, order, report
from tests.model.runs import MISTAKES, MODEL, SHAPES
from tests.reconciliation.desk import with_terms

TEXT = MODEL.read_text(encoding="utf-8")
UNRESOLVED = ("SENDING", "UNKNOWN")
INTENT = order(BUY, deadline=at(1), created_at=at(0), sending=False)
SENT = order_life.sending(INTENT)
#: One order of the code for each word of the model's journal.
WORDS: dict[str, Order] = {
    "INTENT": INTENT,
    "REVOKED": order_life.revoked(INTENT, "nobody sends it", at(1)),
    "SENDING": SENT,
    "UNKNOWN": order_life.outcome_lost(SENT, "no answer"),
    "REJECTED": order_life.rejected(SENT, "no funds", at(1)),
    "NEVER": order_life.rejected(SENT, "never accepted", at(1)),
    "ACKED": order_life.acked(SENT, OrderId("V1")),
    "CLOSED": order_life.reported(SENT, report(OrdStatus.CANCELED, of=SENT), at(1)),
}
STEPS = {
    "acked": lambda it: order_life.acked(it, OrderId("V1")),
    "rejected": lambda it: order_life.rejected(it, "no funds", at(2)),
    "revoked": lambda it: order_life.revoked(it, "nobody sends it", at(2)),
    "outcome_lost": lambda it: order_life.outcome_lost(it, "no answer"),
}
#: Where the code goes on and the model need not, for the search shows that it never comes there: an answer to
#: what never left, and an acceptance after a definite no.
NEVER_TAKEN = {("acked", word) for word in ("INTENT", "REVOKED", "REJECTED", "NEVER")} | {
    ("outcome_lost", "INTENT")
}


def word_of(it: Order) -> str:
    if it.ord_status is OrdStatus.REJECTED:
        return {"revoked": "REVOKED", "never": "NEVER"}.get(re.split("[ :]", it.reason)[0], "REJECTED")
    if it.terminal:
        return "CLOSED"
    if it.order_id is not None:
        return "ACKED"
    return ("UNKNOWN" if it.unknown else "SENDING") if it.sending else "INTENT"


def inline(name: str) -> str:
    found = re.search(rf"^inline {name}\(.*?^}}", TEXT, re.M | re.S)
    assert found, f"the model has no inline {name}"
    return found[0]


def moved(step: str, word: str) -> str:
    """What the model makes of a word in this step."""
    move = re.search(r":: (.*) ->\s+(?:journal\[c\]\.word = |rejected\(c, )(\w+)", inline(step))
    assert move, f"{step} moves no word"
    before = {*re.findall(r"word == (\w+)", move[1]), *(UNRESOLVED if "UNRESOLVED(c)" in move[1] else ())}
    return word if word not in before else {"reason": "REJECTED"}.get(move[2], move[2])


def ticks(name: str) -> int:
    found = re.search(rf"^#define {name} (.*?)(?: +/\*.*)?$", TEXT, re.M)
    assert found, f"the model has no {name}"
    return sum(int(term) if term.isdigit() else ticks(term) for term in re.findall(r"\w+", found[1]))


def test_the_journal_s_words_are_states_of_the_code() -> None:
    listed = re.search(r"mtype:word = \{(.*?)\}", TEXT)
    assert listed
    assert ["NONE", *WORDS] == [word.strip() for word in listed[1].split(",")]
    assert list(WORDS) == [word_of(it) for it in WORDS.values()]


@pytest.mark.parametrize(
    ("step", "word"), [(step, word) for step in STEPS for word in WORDS if (step, word) not in NEVER_TAKEN]
)
def test_a_step_takes_a_word_where_the_code_takes_it(step: str, word: str) -> None:
    assert moved(step, word) == word_of(STEPS[step](WORDS[word]))


@pytest.mark.parametrize("word", WORDS)
def test_what_is_settled_at_once_is_what_the_model_frees_at_once(word: str) -> None:
    """A definite no frees the reservation; nothing else does, until it is settled."""
    assert "journal[c].freed = true" in inline("rejected")
    assert WORDS[word].settled is (word in ("REVOKED", "REJECTED", "NEVER"))


@pytest.mark.parametrize("step", ["filled", "reported", "settled"])
def test_the_other_steps_are_the_code_s(step: str) -> None:
    assert inline(step)
    assert callable(getattr(order_life, step))


def test_a_reading_is_applied_in_the_code_s_order() -> None:
    """The model's corrections are all but those of what it leaves out."""
    section = TEXT[TEXT.index("in the order of reconciliation/compare.py") :]
    ours = re.findall(r"^ +(\w+)\(\);$", section[: section.index("look()")], re.M)
    calls = re.findall(r"^ +(\w+)\(work", inspect.getsource(compare.compare), re.M)
    assert len(ours) == 6
    assert ours == list(dict.fromkeys(name for name in calls if name in ours))


def test_the_bound_of_never_accepted_has_the_code_s_terms() -> None:
    """With every term one tick, and the skew counted in the accept lateness."""
    desk = with_terms(clock_skew_s=0, accept_lateness_s=1, listing_lag_s=1)
    assert at(ticks("NEVER_ACCEPTED_BOUND")) == never_accepted_bound(INTENT, desk.terms)
    assert at(ticks("DEADLINE")) == INTENT.deadline


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_changes_the_model_and_breaks_what_the_model_proves(name: str) -> None:
    mistake = MISTAKES[name]
    assert mistake.planted(TEXT) != TEXT
    assert f"PROVE({mistake.breaks}," in TEXT
    assert mistake.shape in SHAPES


def test_every_invariant_of_the_model_is_broken_by_a_mistake() -> None:
    """What no mistake can break might be true of nothing at all."""
    assert set(re.findall(r"PROVE\((I\d+),", TEXT)) == {each.breaks for each in MISTAKES.values()}
