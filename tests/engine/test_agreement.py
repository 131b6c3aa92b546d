"""What was said yes to is what is sent: books that moved while somebody read, and plans that were saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.cli.output import answer_line
from mvx.domain.ids import Asset
from mvx.engine.agreement import AGES_S, saved_plan
from mvx.engine.handover import trade
from mvx.engine.outcome import Outcome
from mvx.engine.results import RouteResult
from mvx.engine.route import route
from mvx.engine.route_order import RouteOrder
from mvx.errors import Exit, MvxError, Refused, UsageError
from tests.engine.desk import SELL, Operator, order, risk, settings
from tests.engine.test_run import Leader, somebody
from tests.paper.builders import venue_settings, write_books
from tests.virtual import VirtualClock

D = Decimal

#: From these seconds on the best ask: a bit more after 10 s, 10 bps more after 20 s, and thin after 60 s.
ASKS = {0: ("100", "5"), 10: ("100.02", "5"), 20: ("100.1", "5"), 60: ("100", "0.3")}


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    books = write_books(
        tmp_path / "books.jsonl", *((start, [("99.99", "5")], [ask]) for start, ask in ASKS.items())
    )
    rich = {Asset("BTC"): D(10), Asset("USD"): D(10_000)}
    return Operator(settings(tmp_path, venue_settings("kraken", books=books, balances=rich)))


class Reader:
    """Somebody who reads each plan for a while and says yes, or in the end no."""

    def __init__(self, at: Operator, *reads_s: float, then: bool = True) -> None:
        self._at, self._reads_s, self._then = at, list(reads_s), then
        self.shown: list[RouteResult] = []
        self.asked = 0

    def answer(self) -> bool:
        self.asked += 1
        self._at.clock.advance(self._reads_s[self.asked - 1])
        return self.asked < len(self._reads_s) or self._then

    def routes(self, what: RouteOrder) -> Outcome:
        return self._at.does(lambda desk: route(desk, what, show=self.shown.append, confirm=self.answer))


def paid(at: Operator) -> list[D]:
    return [D(row["price"]) for row in at.ledger_rows("fills")]


def test_after_a_slow_answer_the_books_are_read_again(at: Operator) -> None:
    """What is a little worse is what was agreed to: nobody is asked twice."""
    reader = Reader(at, 12)
    assert Exit.OK is reader.routes(order("1")).exit_code
    assert ([D("100.02")], 1) == (paid(at), reader.asked)


def test_a_price_that_became_5_bps_worse_is_asked_for_again(at: Operator) -> None:
    reader = Reader(at, 22, 0)
    outcome = reader.routes(order("1"))
    assert ([D("100.1")], 2, 2) == (paid(at), reader.asked, len(reader.shown))
    assert any(line.startswith("asked again: 100.24") for line in outcome.warnings), outcome.warnings


def test_a_no_to_the_second_question_sends_nothing(at: Operator) -> None:
    with pytest.raises(Refused, match="declined"):
        Reader(at, 22, 0, then=False).routes(order("1"))
    assert [] == paid(at)


def test_a_better_price_is_no_question(at: Operator) -> None:
    reader = Reader(at, 22)
    at.clock.advance(0)
    assert Exit.OK is reader.routes(order("1", SELL)).exit_code
    assert 1 == reader.asked


def test_however_long_it_is_read_the_answer_counts(at: Operator) -> None:
    """The time of an operator is none of the route's."""
    reader = Reader(at, at.settings.route.max_s + 10, 0)
    assert Exit.OK is reader.routes(order("0.3")).exit_code


def test_a_twap_begins_when_it_was_agreed_to(tmp_path: Path) -> None:
    """What was read for as long as it lasts is not traded at once."""
    at = Operator(settings(tmp_path, "kraken"), VirtualClock())
    assert Exit.OK is Reader(at, 120, 0).routes(order("1", twap_s=120.0)).exit_code
    assert ["0.25"] * 4 == [row["order_qty"] for row in at.ledger_rows("orders")]


def test_where_nothing_could_be_had_a_yes_is_to_nothing(tmp_path: Path) -> None:
    """What can be had after all is shown, and asked for."""
    asks = {0: "110", 10: "100"}
    books = write_books(
        tmp_path / "books.jsonl", *((at_s, [("99.99", "5")], [(px, "5")]) for at_s, px in asks.items())
    )
    rich = {Asset("BTC"): D(10), Asset("USD"): D(10_000)}
    at = Operator(settings(tmp_path, venue_settings("kraken", books=books, balances=rich)))
    reader = Reader(at, 12, 0, then=False)
    with pytest.raises(Refused, match="declined"):
        reader.routes(order("1"))
    assert ([], [1]) == (paid(at), [len(row.plan.legs) for row in reader.shown[1:] if row.plan])


def test_what_is_gone_on_with_is_shown_and_asked_for(at: Operator) -> None:
    """Its first run sent some of it; a no leaves it at that."""
    at.exchange.inject(at.venues[0], "partial")
    at.routes(order("1", id="k", max_rounds=1))
    at.clock.advance(3)
    again = replace(order("1", id="k", max_rounds=1), resume=True)
    reader = Reader(at, 0, then=False)
    with pytest.raises(Refused, match="declined") as declined:
        reader.routes(again)
    assert 1 == reader.asked
    assert [D("0.5")] == [leg.qty for row in reader.shown if row.plan for leg in row.plan.legs]
    assert declined.value.known.endswith("had filled 0.5 of 1 before")
    assert Exit.OK is Reader(at, 0).routes(again).exit_code
    assert 2 == len(paid(at))


def saved(at: Operator, qty: str = "1", mode: str = "paper") -> str:
    """What `mvx route ... --dry-run --json` prints."""
    return answer_line("route", mode, at.routes(order(qty, dry_run=True)))


def as_saved(at: Operator, text: str, qty: str = "1") -> Callable[[], Outcome]:
    what = order(qty)
    agreed = saved_plan(text, what, "paper")
    return lambda: at.does(
        lambda desk: route(desk, replace(what, agreed=agreed), show=lambda plan: None, confirm=None)
    )


def test_a_saved_plan_is_done_without_a_question(at: Operator) -> None:
    do = as_saved(at, saved(at))
    at.clock.advance(10)
    assert Exit.OK is do().exit_code
    assert [D("100.02")] == paid(at)


@pytest.mark.parametrize(
    ("later_s", "why"),
    [
        (22, "100.24 all-in now, not 100.14: 10 bps worse"),
        (AGES_S + 1, "it is 301 s old"),
        (-AGES_S - 1, "it is 301 s old"),
        (402, "402 s old"),
    ],
)
def test_a_saved_plan_that_is_stale_is_refused(later_s: float, why: str, at: Operator) -> None:
    do = as_saved(at, saved(at))
    at.clock.advance(later_s)
    with pytest.raises(Refused, match=why) as refused:
        do()
    assert "nothing was sent" == refused.value.known
    assert [] == paid(at)


def test_a_saved_plan_of_which_only_a_part_can_be_had_is_refused(at: Operator) -> None:
    do = as_saved(at, saved(at))
    at.clock.advance(61)
    with pytest.raises(Refused, match=r"stale: 0\.3 can be had now, not 1"):
        do()


def test_a_saved_plan_that_grew_stale_while_it_waited_for_room_is_refused(at: Operator) -> None:
    at.settings = replace(at.settings, risk=risk(max_orders_per_minute=1))
    at.routes(order("0.1"))
    at.clock.advance(35)
    do = as_saved(at, saved(at))
    at.clock.advance(3)
    with pytest.raises(Refused, match="can be had now, not 1"):
        do()
    assert 1 == len(paid(at))


@pytest.mark.parametrize(
    "broken",
    ["", "[]", "{}", '{"data": {}}', '{"data": null, "mode": "paper"}', "\x00", "NaN", "9" * 5_000],
)
def test_what_is_no_saved_plan_is_said_to_be_none(broken: str) -> None:
    with pytest.raises(UsageError, match="not what a dry run answers"):
        saved_plan(broken, order("1"), "paper")


@pytest.mark.parametrize("number", ["0", "-1", "NaN", "Infinity", "1e999999", "-", 1.5, None])
def test_a_saved_plan_with_a_number_that_is_none_is_refused(number: object, at: Operator) -> None:
    said = json.loads(saved(at))
    said["data"]["plan"]["legs"][0]["all_in_px"] = number
    with pytest.raises(UsageError, match="not what a dry run answers"):
        saved_plan(json.dumps(said), order("1"), "paper")


@pytest.mark.parametrize(
    ("what", "mode"), [(order("2"), "paper"), (order("1", SELL), "paper"), (order("1"), "live")]
)
def test_a_saved_plan_is_for_its_own_order_alone(what: RouteOrder, mode: str, at: Operator) -> None:
    with pytest.raises(UsageError, match="of another order: buy 1 BTC-USD, paper"):
        saved_plan(saved(at), what, mode)


def test_a_yes_goes_with_what_is_handed_over(at: Operator) -> None:
    """The leader works it only as it was agreed to, and the refusal is the follower's answer."""
    at.clock = VirtualClock()

    async def both(what: RouteOrder, reads_s: float) -> Outcome:
        def answer() -> bool:
            at.clock.advance(reads_s)
            return True

        async with Leader(at):
            return await somebody(
                at, lambda desk: trade(desk, what, by="ops", show=lambda plan: None, confirm=answer)
            )

    assert Exit.OK is at.clock.run(both(order("0.5"), 0)).exit_code
    with pytest.raises(MvxError, match=r"stale: 100.24 all-in now, not 100.14") as refused:
        at.clock.run(both(order("0.5"), 25))
    assert Exit.REFUSED is refused.value.exit_code
    assert [D("100")] == paid(at)
