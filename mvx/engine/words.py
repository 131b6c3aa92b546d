"""The words that mvx answers with, and what each one means: what `mvx explain` and `mvx help` look up.

Rule: a meaning is written once. Error codes and exit codes have theirs beside them in errors.py, kinds of
breaks in reconciliation/kinds.py; states, and the words that the rest is told in, have theirs here.
docs/errors.md is made from all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from typing import NamedTuple

from mvx.domain.ids import ClOrdId
from mvx.domain.instant import Instant
from mvx.domain.order_status import OrdStatus
from mvx.domain.trading import TradingState
from mvx.engine.outcome import Outcome
from mvx.errors import EXIT_MEANINGS, Exit, error_codes
from mvx.reconciliation.kinds import MEANINGS
from mvx.venues.health import HealthState


class Meaning(NamedTuple):
    """`about`: what kind of word it is. `known`: what is known at the venue; `next`: what to run."""

    about: str
    word: str
    means: str
    known: str = ""
    next: str = ""


class Event(NamedTuple):
    """One step of a story. `known`: what was known of the order afterwards; empty where nothing changed."""

    at: Instant
    kind: str
    cl_ord_id: ClOrdId | None
    text: str
    known: str


class ExplainResult(NamedTuple):
    """`about`: the kind of word, `order`, `parent` or `break`. `meanings` of a word; of the others the
    `story`, and in `next` what to run where it has not ended. An exit code's number that is a break's id too
    has all of them."""

    word: str
    about: str
    meanings: tuple[Meaning, ...]
    story: tuple[Event, ...] = ()
    next: str = ""


ORDER_STATES: dict[OrdStatus, str] = {
    OrdStatus.PENDING_NEW: "Written down, and no answer to it yet: it may not have left, or be on its "
    "way. All of it is reserved.",
    OrdStatus.NEW: "The venue accepted it, and none of it has filled.",
    OrdStatus.PARTIALLY_FILLED: "Some of it filled, and the rest may still fill.",
    OrdStatus.FILLED: "All of it filled.",
    OrdStatus.PENDING_CANCEL: "A cancel was asked for, and may have been taken. It may fill until the "
    "venue says that it is closed.",
    OrdStatus.CANCELED: "Closed before all of it filled, by us, by the venue, or because it was not to rest.",
    OrdStatus.REJECTED: "The venue refused it, it never arrived, or it was given up before it was sent: "
    "its reason tells which.",
    OrdStatus.EXPIRED: "The venue closed it before all of it filled, because its time was over or because "
    "it was not to rest: some venues have this word for it, and others CANCELED.",
}

HEALTH_STATES: dict[HealthState, str] = {
    HealthState.LIVE: "The venue answers, in time and with books that are fresh. It is routed to.",
    HealthState.DEGRADED: "The venue answers late or fails at times. It is routed to only for what no "
    "live venue can fill.",
    HealthState.DARK: "The venue does not answer. It is asked at growing intervals, and nothing else is "
    "sent.",
    HealthState.RECOVERING: "The venue answers again. It is not routed to until a reconcile has agreed.",
}

TRADING_STATES: dict[TradingState, str] = {
    TradingState.ACTIVE: "Nobody has halted it.",
    TradingState.REDUCING: "Only what makes a position smaller is sent.",
    TradingState.HALTED: "Nothing new is sent; orders can be cancelled, and flatten works.",
}

#: Of a position, the best first.
POSITION_STATES: dict[str, str] = {
    "agreed": "The venue has confirmed it, and nothing is under way.",
    "open": "Orders rest in the venue's book: the interval holds what they could still do. Ordinary life.",
    "settling": "Orders are closed, and the time in which the venue may still list fills of them is not "
    "over. Ordinary life.",
    "stale": "The venue was not asked, or has not answered, for longer than max_age_s. The number is as "
    "old as agreed_age_s says.",
    "unconfirmed": "An order is on its way, a fill is expected that the venue has not listed, or a "
    "balance differs and nothing explains it yet.",
    "unknown": "The outcome of an order is not known, or the venue was never read. The interval holds both.",
}

#: Of a parent order, in `status`.
PARENT_STATES: dict[str, str] = {
    "planned": "A dry run: nothing was sent.",
    "working": "A process works it, or died at it: the answer to the same --id tells.",
    "resting": "All that is left of it rests in venues' books.",
    "filled": "All of it filled.",
    "incomplete": "Some of it neither filled nor rests in a venue's book, and nothing of it is uncertain.",
    "uncertain": "The outcome of a child is not known; it is reserved at its worst case.",
    "canceled": "The operator canceled it by name: nothing more is sent for it.",
    "died": "Whoever worked it died. Its children are settled and nothing more is sent, unless --resume "
    "asks for it.",
}

#: The words that everything else is told in.
TERMS: dict[str, str] = {
    "venue": "A place to trade at. Each has its own name for an instrument: its symbol.",
    "parent": "What an operator asked for. It is worked as children, each one order at one venue.",
    "child": "One order at one venue, with a client order id of its own that no other order ever has.",
    "intent": "An order as it was written down, durably, before a byte of it was sent.",
    "deadline": "The one instant after which a venue is not to take an order any more. It is never extended.",
    "fill": "A trade of an order. It is booked when the venue lists it; what was only pushed is expected.",
    "confirmed": "What the venue's own record has confirmed.",
    "expected": "Confirmed, and the fills that were heard of and not listed yet.",
    "worst_case": "What an order that is not settled could still do. It is reserved, and limits hold for it.",
    "unknown": "An order that left and had no answer that can be relied on. It is a state and no error: "
    "it is counted at its worst case, found out by asking the venue, and never sent again.",
    "settled": "Nothing more can happen to the order: it was refused, or it is closed, all its trades are "
    "listed, and the time for late ones is over. Only then is nothing reserved for it.",
    "interval": "The range that holds the venue's true figure, lo to hi: a point once the venue has "
    "confirmed it.",
    "baseline": "The part of a holding that is inventory and no position.",
    "position": "A holding less its baseline.",
    "break": "A difference between the journal and the venue's own record, found by reconcile. It is "
    "loud, and it says both numbers, what is known, and what to run.",
    "foreign": "An order or a fill of the account that mvx did not make.",
    "revoked": "Given up before anybody had begun to send it; it will never be sent.",
    "adjustment": "A holding that was moved to the venue's balance, because nothing explains the difference.",
    "lateness": "How long after an order is closed its venue may still list a fill of it: lateness_s.",
    "leader": "The one `mvx run` of a journal. It works what others hand over.",
    "job": "A route or a flatten that was handed over to the leader.",
}

_TRUTH = "mvx reconcile, then mvx positions"
_AFTER_ROUTE = "mvx route again for what is left; under an --id with --resume"
_AFTER_FLATTEN = "mvx flatten --venue {} once what is said of it above is gone; look with mvx positions"

#: What to run after a command that ended so.
AFTER_EXIT: dict[Exit, str] = {
    Exit.OK: "",
    Exit.DEFECT: f"{_TRUTH}; report the traceback",
    Exit.USAGE: "what the error's last line says; mvx config check lists every error of a configuration",
    Exit.INCOMPLETE: f"{_AFTER_ROUTE}; of a flatten: {_AFTER_FLATTEN.format('VENUE')}",
    Exit.REFUSED: "what the error's last line says; mvx resume lifts a halt",
    Exit.UNCERTAIN: _TRUTH,
    Exit.BREAKS: "mvx breaks --open",
    Exit.NO_VENUE: "mvx venue-status",
    Exit.UNAVAILABLE: "what the error's last line says; mvx doctor",
    Exit.INTERRUPTED: _TRUTH,
    Exit.TERMINATED: _TRUTH,
}


def after_incomplete(venues: Collection[str]) -> str:
    """What to run for what was left of a route; of a flatten, for what is left at these venues."""
    return _AFTER_FLATTEN.format(",".join(venues)) if venues else _AFTER_ROUTE


ERROR, EXIT, BREAK = "error code", "exit code", "kind of break"
ORDER, HEALTH, TRADING = "state of an order", "health of a venue", "trading state"
POSITION, PARENT, TERM = "state of a position", "state of a parent", "word"


def _all() -> Iterator[Meaning]:
    for code in EXIT_MEANINGS:
        yield Meaning(EXIT, str(int(code)), EXIT_MEANINGS[code], next=AFTER_EXIT[code])
    for error in error_codes():
        exits = " or ".join(str(int(each)) for each in error.exits)
        yield Meaning(ERROR, error.code, error.means, next=f"exit {exits}: mvx explain {int(error.exits[0])}")
    for kind, told in MEANINGS.items():
        command = told.next.format(venue="VENUE", asset="ASSET")
        yield Meaning(BREAK, kind.value, told.means, told.known, command)
    tables = (
        (ORDER, ORDER_STATES),
        (HEALTH, HEALTH_STATES),
        (TRADING, TRADING_STATES),
        (POSITION, POSITION_STATES),
        (PARENT, PARENT_STATES),
        (TERM, TERMS),
    )
    for about, table in tables:
        for word, means in table.items():
            yield Meaning(about, str(word), means)


@cache
def meanings() -> tuple[Meaning, ...]:
    """Every meaning of every word, one kind after the other."""
    return tuple(_all())


def look_up(word: str) -> tuple[Meaning, ...]:
    """What a word means, in each of its senses; `worst-case` is `worst_case`, and `new` is `NEW`."""
    return tuple(each for each in meanings() if _folded(each.word) == _folded(word))


def explain_word(word: str) -> Outcome | None:
    """Every sense of a word of mvx; None where it is none. Needs no configuration and no journal."""
    found = look_up(word)
    return Outcome(ExplainResult(word, found[0].about, found), Exit.OK) if found else None


def in_both_senses(word: Outcome, named: Outcome) -> Outcome:
    """Of a number that is a word, and the name of something in the journal."""
    means, told = word.data, named.data
    assert isinstance(means, ExplainResult)
    assert isinstance(told, ExplainResult)
    return replace(named, data=means._replace(story=told.story, next=told.next))


def words() -> tuple[str, ...]:
    """Every word that has a meaning, once."""
    return tuple(dict.fromkeys(each.word for each in meanings()))


def close_to(word: str) -> str | None:
    """The word that was perhaps meant."""
    known = {_folded(each): each for each in words()}
    close = get_close_matches(_folded(word), known, n=1, cutoff=0.75)
    return known[close[0]] if close else None


def _folded(word: str) -> str:
    return word.casefold().replace("-", "_").replace(" ", "_")
