"""A venue that answers with what can not be true, or writes to the terminal: nothing of it is believed,
nothing is lost, and all that is shown is spelled out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.cli.output import Failure, answer_line, failure_line, failure_lines
from mvx.cli.render import drawn
from mvx.cli.tables import parts_of
from mvx.domain.ids import OrderId
from mvx.domain.instant import LAST, Instant
from mvx.engine.desk import Desk
from mvx.engine.outcome import Outcome
from mvx.engine.probe import venue_status
from mvx.engine.watch import WatchedPort
from mvx.errors import Exit, MvxError, OutcomeUnknown, Refusal, VenueRejected, VenueUnreachable
from mvx.venues.port import VenuePort
from tests.cli.harness import mvx, surroundings
from tests.engine.desk import GTC, KRAKEN, OKX, SELL, Operator, order, settings
from tests.engine.truth import (
    assert_journal_is_ledger,
    assert_one_acceptance_each,
    assert_truth_inside,
    assert_verified,
)

ALLOWED = (Exit.OK, Exit.INCOMPLETE, Exit.UNCERTAIN, Exit.BREAKS, Exit.NO_VENUE)
EVIL = "\x1b]0;owned\x07\x1b[2J\u202egnp\u2066\x9b31m\r\nerror: all is well\x7f\ud800" + "x" * 5_000


class Twisted:
    """A port whose answers to one call are changed, while it is `on`."""

    def __init__(
        self, port: VenuePort, call: str, twist: Callable[[Any], Any], on: Callable[[], bool]
    ) -> None:
        self.port = port
        self._call = call
        self._twist = twist
        self._on = on

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.port, name)
        if name != self._call:
            return found

        async def twisted(*terms: Any) -> Any:
            answer = await found(*terms)
            return self._twist(answer) if self._on() else answer

        return twisted


class Beset(Operator):
    """An operator one of whose two venues lies in one of its calls, until it is healed."""

    def __init__(self, folder: Path, call: str, twist: Callable[[Any], Any]) -> None:
        super().__init__(settings(folder, KRAKEN, OKX))
        self.lies = True
        self._call = call
        self._twist = twist

    def watched(self, desk: Desk) -> Desk:
        port = desk.venues[KRAKEN]
        assert isinstance(port, WatchedPort)
        liar: Any = Twisted(port.port, self._call, self._twist, lambda: self.lies)
        return replace(desk, venues={**desk.venues, KRAKEN: desk.watch.over(liar)})


def each(**changes: Any) -> Callable[[Any], Any]:
    """Every row of a list, changed."""
    return lambda rows: tuple(replace(row, **changes) for row in rows)


def one(**changes: Any) -> Callable[[Any], Any]:
    return lambda answer: replace(answer, **changes)


NAN, HUGE, LONG = Decimal("NaN"), Decimal("1e999999"), Decimal("9" * 400)
LIES: list[tuple[str, Callable[[Any], Any]]] = [
    *(
        ("trades", each(**{name: number}))
        for name in ("qty", "price", "fee_amount")
        for number in (NAN, HUGE, LONG)
    ),
    *(("closed_orders", each(cum_qty=number)) for number in (NAN, HUGE, LONG, Decimal(-1))),
    *(("closed_orders", each(avg_px=number)) for number in (NAN, Decimal(0))),
    *(
        ("balances", lambda told, n=number: replace(told, total=dict.fromkeys(told.total, n)))
        for number in (NAN, HUGE)
    ),
    *(
        ("rules", one(**{name: number}))
        for name in ("tick", "lot", "min_qty")
        for number in (NAN, HUGE, Decimal(-1))
    ),
    ("rules", one(lot=Decimal(0))),
    ("rules", one(tick=Decimal(0))),
    ("submit", one(order_id=OrderId(""))),
    ("submit", one(order_id=OrderId("\ud800"))),
    ("submit", one(order_id=OrderId("x" * 10_000))),
    ("trades", each(at=Instant(LAST + 1))),
    ("trades", each(exec_id="")),
    ("closed_orders", each(updated_at=Instant(10**30))),
    ("balances", one(at=Instant(-(10**30)))),
]


@pytest.mark.parametrize(("call", "twist"), LIES)
def test_an_answer_that_can_not_be_true_loses_nothing(
    call: str, twist: Callable[[Any], Any], tmp_path: Path
) -> None:
    """While it lies nothing of it is believed, and when it is honest again the journal is its ledger."""
    at = Beset(tmp_path, call, twist)
    at.lies = False
    at.routes(order("0.2", venues=(KRAKEN,)))
    at.lies = True
    steps: list[Callable[[], Any]] = [
        at.reconciles,
        lambda: at.routes(order("0.3", id="a", venues=(KRAKEN,))),
        lambda: at.routes(order("0.3")),
        at.positions,
        lambda: at.routes(order("0.1", side=SELL)),
        at.cancels,
        at.reconciles,
    ]
    for step in steps:
        assert exit_code_of(step) in ALLOWED
        assert_truth_inside(at, call)
    at.lies = False
    for _ in range(4):
        at.clock.advance(10)
        assert at.reconciles().exit_code in (Exit.OK, Exit.BREAKS, Exit.UNCERTAIN)
    assert Exit.OK is at.reconciles().exit_code
    assert_journal_is_ledger(at)
    assert_one_acceptance_each(at)
    assert_verified(at.settings)


def exit_code_of(step: Callable[[], Outcome]) -> Exit:
    try:
        return step().exit_code
    except MvxError as error:
        return error.exit_code


def _raise(error: Exception) -> Callable[[Any], Any]:
    def twist(_answer: Any) -> Any:
        raise error

    return twist


SAYINGS: list[tuple[str, Callable[[Any], Any]]] = [
    ("submit", _raise(VenueRejected(EVIL, reason_code=EVIL))),
    ("submit", _raise(OutcomeUnknown(EVIL))),
    ("submit", _raise(VenueUnreachable(EVIL))),
    ("submit", one(order_id=OrderId(EVIL[:60].replace("\ud800", "")))),
    ("cancel", _raise(VenueRejected(EVIL, reason_code=EVIL))),
    ("status", one(says=EVIL, accepts_orders=False)),
    ("status", _raise(VenueRejected(EVIL, reason_code=EVIL, about=Refusal.FORBIDDEN))),
    ("balances", _raise(VenueRejected(EVIL, reason_code=EVIL, about=Refusal.THROTTLED))),
    ("balances", _raise(VenueUnreachable(EVIL))),
    ("book", _raise(VenueUnreachable(EVIL))),
    ("rules", _raise(OutcomeUnknown(EVIL))),
    ("trades", each(exec_id=EVIL[:60])),
]


def assert_harmless(told: str) -> None:
    assert all(char.isprintable() or char == "\n" for char in told), ascii(told)
    for line in told.splitlines():
        assert not line.startswith("error: all is well")


@pytest.mark.parametrize(("call", "twist"), SAYINGS)
def test_what_a_venue_says_never_reaches_the_terminal_raw(
    call: str, twist: Callable[[Any], Any], tmp_path: Path
) -> None:
    """In answers and failures, for people and for scripts, at once and whenever it is read again."""
    at = Beset(tmp_path, call, twist)
    around = surroundings(tmp_path)
    steps: list[tuple[str, Callable[[], Any]]] = [
        ("reconcile", at.reconciles),
        ("venue-status", lambda: at.does(venue_status)),
        ("route", lambda: at.routes(order("0.3", venues=(KRAKEN,)))),
        ("route", lambda: at.routes(order("0.3", time_in_force=GTC, limit_px=Decimal(1_000)))),
        ("cancel", at.cancels),
        ("reconcile", at.reconciles),
    ]
    for command, step in steps:
        try:
            outcome = step()
        except MvxError as error:
            failed = (error.code, error.message, error.known, error.next_step, int(error.exit_code))
            assert_harmless(failure_lines(Failure(*failed)))
            assert_harmless(failure_line(command, "paper", Failure(*failed)))
            continue
        assert_harmless(drawn(tuple(parts_of(command, outcome)), around, around.stdout))
        assert_harmless(answer_line(command, "paper", outcome))
    for typed in (
        "positions",
        "orders",
        "fills",
        "breaks",
        "venue-status --cached",
        "journal verify",
        "orders --open",
    ):
        for more in ([], ["--json"]):
            ran = mvx(surroundings(tmp_path, {"MVX_JOURNAL": "mvx.db"}), *typed.split(), *more)
            assert ran.exit_code in (0, 5), ran.stderr
            assert_harmless(ran.stdout)
            assert_harmless(ran.stderr)
