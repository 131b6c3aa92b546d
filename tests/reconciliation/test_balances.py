"""Balances: agreement in the presence of trades, doubts, and adjustments that happen once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mvx.domain import entries as log
from mvx.domain.order_status import OrdStatus
from mvx.reconciliation.kinds import next_of
from tests.domain.orders import BTC, BUY, SELL, USD, at, fill, report
from tests.reconciliation.desk import TERMS, Desk, kinds, opened, reading, written

D = Decimal
S = OrdStatus
UNTOUCHED = {"BTC": "10", "USD": "1000"}
#: Three fills at 100, no two of one size, and what is held after each prefix of them.
PARTS = [fill(qty, exec_id=f"e{n}", at_s=n) for n, qty in enumerate(("0.05", "0.4", "0.3"), 1)]
PREFIXES = [("10", "1000"), ("10.05", "995"), ("10.45", "955"), ("10.75", "925")]


def worked(desk: Desk, totals: dict[str, str], first: int, began_s: float = 5, **more: Any) -> Any:
    """A reading of an order's three fills of which the first reading of the trades lists some."""
    listed = report(S.PARTIALLY_FILLED, "0.75", of=desk.order("m1"))
    return reading(began_s, totals=totals, open_orders=[listed], trades=PARTS[:first], after=PARTS, **more)


@pytest.mark.parametrize("first", [0, 1, 2, 3])
@pytest.mark.parametrize("prefix", [0, 1, 2, 3])
def test_a_balance_agrees_with_each_prefix_of_the_fills_between_the_readings(first: int, prefix: int) -> None:
    """It was read after the fills of the first reading and before some of the later ones."""
    desk = opened()
    desk.acked(BUY)
    btc, usd = PREFIXES[prefix]
    found = desk.apply(worked(desk, {"BTC": btc, "USD": usd}, first), [desk.order("m1")])
    assert found.agreed is (prefix >= first)
    assert desk.held() == {"BTC": "10.75", "USD": "925"}


def test_fills_of_one_instant_came_as_they_were_counted() -> None:
    """One sweep through the book, and a balance that was read in the middle of it."""
    desk = opened()
    sent = desk.acked(BUY)
    sweep = [fill("0.4", exec_id="T9"), fill("0.35", exec_id="T10")]
    listed = [report(S.PARTIALLY_FILLED, "0.75", of=sent)]
    between = reading(5, totals={"BTC": "10.4", "USD": "960"}, open_orders=listed, after=sweep)
    assert desk.apply(between, [sent]).agreed


@pytest.mark.parametrize("btc", ["10.3", "10.7", "10.35", "11", "9.95", "0"])
def test_a_balance_that_equals_no_prefix_does_not_agree(btc: str) -> None:
    """Not between two fills, not beyond them."""
    desk = opened()
    desk.acked(BUY)
    assert not desk.apply(worked(desk, {"BTC": btc, "USD": "925"}, 0), [desk.order("m1")]).agreed


def test_fills_booked_before_count_as_between_too() -> None:
    """Another reconciler was faster: its fill is known, and this reading saw it only the second time."""
    desk = opened()
    sent = desk.acked(BUY)
    desk.apply(worked(desk, {"BTC": "10.75", "USD": "925"}, 3), [sent])
    assert desk.apply(worked(desk, {"BTC": "10.45", "USD": "955"}, 1, began_s=6), [sent]).agreed


def test_a_fill_that_neither_reading_lists_excuses_no_balance() -> None:
    """A busted trade vanishes from the list and from the balance: that is a difference."""
    desk = opened()
    sent = desk.acked(BUY)
    listed = report(S.FILLED, "1", of=sent)
    desk.once(reading(3, totals={"BTC": "11", "USD": "900"}, closed=[listed], trades=[fill("1")]), [sent])
    found = desk.apply(reading(20, totals=UNTOUCHED, closed=[listed], trades=[]))
    assert not found.agreed


@pytest.mark.parametrize(("balances_s", "agrees"), [(7.999999, True), (8, False)])
def test_a_fill_that_is_newer_than_the_balance_is_not_missed_in_it(balances_s: float, agrees: bool) -> None:
    """Another reconciler began before this one and read on for longer: it booked a trade of 8 s."""
    desk = opened()
    sent = desk.acked(BUY)
    traded = fill("0.5", at_s=8)
    half = report(S.PARTIALLY_FILLED, "0.5", of=sent)
    desk.apply(reading(3, totals={"BTC": "10.5", "USD": "950"}, open_orders=[half], after=[traded]), [sent])
    behind = reading(4, totals=UNTOUCHED, open_orders=[report(S.NEW, of=sent)], balances_s=balances_s)
    assert desk.apply(behind, [sent]).agreed is agrees


def test_an_asset_that_the_venue_does_not_list_is_zero() -> None:
    """Many venues leave out what they hold none of."""
    desk = opened()
    assert not desk.apply(reading(3, totals={"BTC": "10"})).agreed


# From a doubt to an adjustment


def short(began_s: float, usd: str = "990", **more: Any) -> Any:
    """A reading in which ten dollars are gone."""
    return reading(began_s, totals={"BTC": "10", "USD": usd}, **more)


def test_one_reading_moves_nothing() -> None:
    """A torn or stale balance is doubted, not believed."""
    desk = opened()
    found = desk.once(short(3))
    assert (written(found), kinds(found), found.agreed, len(found.pending)) == (
        ["BalanceDoubted"],
        [],
        False,
        1,
    )
    assert desk.held() == UNTOUCHED


@pytest.mark.parametrize(("second_s", "usd"), [(13.999999, "1000"), (14, "990")])
def test_a_second_reading_lateness_later_adjusts(second_s: float, usd: str) -> None:
    """The first read the balances at 4 s, lateness is 10 s: one break, and the holding is the venue's."""
    desk = opened()
    desk.once(short(3))
    found = desk.once(short(second_s))
    assert (desk.held()["USD"], kinds(found)) == (usd, ["balance"] if usd == "990" else [])


@pytest.mark.parametrize(("second_s", "usd"), [(12.999999, "1000"), (13, "990")])
def test_the_wait_begins_on_our_clock_where_the_venues_is_behind(second_s: float, usd: str) -> None:
    """The first reading began at 3 s, and its balances are of 1 s by the venue's clock."""
    desk = opened()
    desk.once(short(3, balances_s=1))
    desk.once(short(second_s))
    assert desk.held()["USD"] == usd


def test_an_adjustment_is_made_exactly_once() -> None:
    """Further readings of the same balance agree and write nothing."""
    desk = opened()
    for began_s in (3, 14, 25, 36, 47):
        desk.once(short(began_s))
    assert [e.amount for e in desk.log if isinstance(e, log.Adjusted)] == [D(-10)]
    assert desk.compare(short(58)).agreed


def test_each_of_two_differences_is_adjusted() -> None:
    """A second withdrawal is another doubt, another wait and another break."""
    desk = opened()
    for began_s in (3, 14):
        desk.once(short(began_s))
    assert desk.once(short(25, "980")).agreed is False
    assert kinds(desk.once(short(36, "980"))) == ["balance"]
    assert desk.held()["USD"] == "980"


def test_a_balance_that_agrees_again_ends_the_doubt() -> None:
    """A stale reading: nothing was adjusted, and a later difference waits anew."""
    desk = opened()
    desk.once(short(3))
    assert written(desk.once(reading(8, totals=UNTOUCHED))) == ["BalanceAgreed"]
    assert kinds(desk.once(short(30))) == []
    assert desk.held() == UNTOUCHED


def test_another_difference_is_another_doubt() -> None:
    """What is adjusted was seen twice."""
    desk = opened()
    desk.once(short(3))
    assert kinds(desk.once(short(20, "985"))) == []
    assert kinds(desk.once(short(30, "985"))) == []
    assert kinds(desk.once(short(31, "985"))) == ["balance"]


@pytest.mark.parametrize(("traded_s", "second_adjusts"), [(3.49, True), (3.500001, False), (4.2, False)])
def test_a_reading_that_an_event_tore_is_compared_with_no_later_one(
    traded_s: float, second_adjusts: bool
) -> None:
    """A trade was made right after the balances were asked for, at 4 s, or before that by a clock that is
    off: it is booked and not in them. A stale answer that says the same again tells nothing."""
    desk = opened()
    desk.terms = replace(TERMS, clock_skew_s=0.5)
    traded = [fill("1", order_id="X", at_s=traded_s)]
    torn = {"BTC": "11", "USD": "1003"}
    desk.once(reading(3, totals=torn, trades=() if traded_s > 4 else traded, after=traded))
    found = desk.once(reading(14, totals=torn, trades=traded))
    assert (desk.held()["USD"], found.agreed) == (("1003", True) if second_adjusts else ("900", False))
    assert desk.once(reading(26, totals=torn, trades=traded)).agreed
    assert desk.held() == torn


@pytest.mark.parametrize("in_the_same_pass", [False, True])
def test_an_event_on_the_asset_restarts_the_wait(in_the_same_pass: bool) -> None:
    """A fill between the two readings voids the doubt."""
    desk = opened()
    sent = desk.acked(BUY)
    desk.once(short(3, "890", open_orders=[report(S.NEW, of=sent)]))
    traded: dict[str, Any] = {"closed": [report(S.FILLED, "1", of=sent)], "trades": [fill("1")]}
    if not in_the_same_pass:
        desk.apply(reading(8, totals={"BTC": "11", "USD": "790"}, **traded), [sent])
    late = reading(16, totals={"BTC": "11", "USD": "790"}, **traded)
    assert "balance" not in kinds(desk.apply(late, [sent]))
    assert desk.held() == {"BTC": "11", "USD": "900"}
    assert kinds(desk.once(reading(30, totals={"BTC": "11", "USD": "790"}, **traded))) == ["balance"]


@pytest.mark.parametrize("told_by", ["its record", "a push", "nobody"])
def test_what_is_known_of_an_event_on_the_asset_and_not_listed_restarts_the_wait(told_by: str) -> None:
    """A stale balance lacked 0.4, and then a trade that is not listed yet and a gift made the same."""
    desk = opened()
    desk.once(reading(3, totals={"BTC": "9.6", "USD": "1000"}))
    sent = desk.lost(BUY, sent_s=16) if told_by == "nobody" else desk.acked(BUY, sent_s=16)
    traded = fill("1", at_s=17)
    if told_by == "a push":
        desk.pushed(sent, traded, 17)
    filled = report(S.FILLED, "1", of=sent, updated_at=at(17))
    closed = [filled] if told_by == "its record" else []
    totals = {"BTC": "9.6", "USD": "900"}
    found = desk.apply(reading(18, totals=totals, closed=closed), [sent])
    assert ([], "10") == (kinds(found), desk.held()["BTC"])
    for began_s in (21, 32):
        desk.apply(reading(began_s, totals=totals, closed=[filled], trades=[traded]), [sent])
    assert ([D("-1.4")], "9.6") == (
        [entry.amount for entry in desk.log if isinstance(entry, log.Adjusted)],
        desk.held()["BTC"],
    )


def test_a_claim_that_was_there_before_the_doubt_does_not_restart_the_wait() -> None:
    """Its trade may never be listed."""
    desk = opened()
    sent = desk.acked(BUY)
    filled = report(S.FILLED, "1", of=sent, updated_at=at(2))
    for began_s in (4, 20):
        desk.apply(reading(began_s, totals={"BTC": "9.6", "USD": "900"}, closed=[filled]), [sent])
    assert "9.6" == desk.held()["BTC"]


def test_an_event_on_another_asset_does_not_restart_it() -> None:
    """The wait is per asset."""
    desk = opened()
    desk.once(short(3))
    desk.once(reading(8, totals={"BTC": "9", "USD": "990"}))
    found = desk.once(reading(19, totals={"BTC": "9", "USD": "990"}))
    assert (kinds(found), desk.held()) == (["position", "balance"], {"BTC": "9", "USD": "990"})


@pytest.mark.parametrize(
    ("usd", "explained"), [("950", True), ("900", True), ("899.99", False), ("1000.01", False)]
)
def test_what_an_unsettled_order_could_explain_is_left_open(usd: str, explained: bool) -> None:
    """A buy of 1 at 100 may take up to 100 dollars, and gives none."""
    desk = opened()
    sent = desk.acked(BUY)
    lists = {"open_orders": [report(S.NEW, of=sent)]}
    for began_s in (3, 20, 40):
        desk.apply(reading(began_s, totals={"BTC": "10", "USD": usd}, **lists))
    assert desk.held()["USD"] == ("1000" if explained else usd)


def test_an_order_that_this_very_pass_settles_explains_nothing_any_more() -> None:
    """Canceled, heard of at 4 s: by 14 s what it did would be listed."""
    desk = opened()
    sent = desk.acked(BUY)
    canceled = {"closed": [report(S.CANCELED, of=sent)]}
    desk.apply(reading(3, totals=UNTOUCHED, **canceled), [sent])
    assert written(desk.once(short(14, **canceled))) == ["Settled", "BalanceDoubted"]


def test_an_open_order_does_not_defer_agreement() -> None:
    """It has done nothing yet, and the balance equals the postings."""
    desk = opened()
    sent = desk.acked(SELL)
    assert desk.once(reading(3, totals=UNTOUCHED, open_orders=[report(S.NEW, of=sent)])).agreed


def test_an_outdated_balance_is_not_compared() -> None:
    """Neither doubt nor adjustment by a reading that began before the last one."""
    desk = opened()
    desk.once(short(3))
    desk.apply(reading(40, totals=UNTOUCHED))
    assert written(desk.once(short(30))) == []


def test_an_adjustment_carries_its_instant_and_what_was_listed() -> None:
    """So that a trade that is listed later can be told from one that was known."""
    desk = opened()
    known = fill("0.5", order_id="X", at_s=1)
    totals = {"BTC": "10.5", "USD": "940"}
    for began_s in (3, 14):
        desk.apply(reading(began_s, totals=totals, trades=[known]))
    (adjusted,) = (e for e in desk.log if isinstance(e, log.Adjusted))
    assert (adjusted.asset, adjusted.amount, adjusted.at, adjusted.listed) == (
        USD,
        D(-10),
        at(4),
        ("/BTC/USD/buy/e1",),
    )


def test_a_trade_that_waits_for_its_order_is_not_counted_twice_by_an_adjustment() -> None:
    """A withdrawal of 50 beside a trade of 100 whose order is not listed yet: what the adjustment took
    in of the trade must not be posted again when the trade is booked."""
    desk = opened()
    sent = desk.lost(BUY)
    totals = {"BTC": "11", "USD": "850"}
    for began_s in (3, 14, 25):
        desk.apply(reading(began_s, totals=totals, trades=[fill("1")]))
    assert desk.held() == {"BTC": "10", "USD": "850"}
    closed = [report(S.FILLED, "1", of=sent)]
    found = desk.apply(reading(30, totals=totals, closed=closed, trades=[fill("1")]))
    assert (desk.held(), found.agreed) == (totals, True)
    assert desk.interval(BTC).contains(D(11))


@pytest.mark.parametrize(
    ("asset", "kind", "advice"),
    [("BTC", "position", "mvx baseline set"), ("USD", "balance", "mvx baseline show")],
)
def test_what_nothing_explains_is_a_position_or_a_balance_and_says_what_to_do(
    asset: str, kind: str, advice: str
) -> None:
    """The base of a market that the desk trades there is a position; everything else is money."""
    desk = opened()
    totals = UNTOUCHED | {asset: str(D(UNTOUCHED[asset]) - D("0.5"))}
    for began_s in (3, 14):
        found = desk.once(reading(began_s, totals=totals))
    (said,) = (each.found for each in found.findings if each.found)
    assert (kind, asset, UNTOUCHED[asset], totals[asset]) == (said.kind, said.asset, said.ours, said.theirs)
    assert f"no trade, order or transfer that the venue lists explains -0.5 {asset}" == said.note
    assert advice in next_of(said, 1)


def test_an_absent_order_does_not_hide_a_withdrawal_for_ever() -> None:
    """A buy of 100 dollars is in no list, and 50 dollars are gone: for as long as it could have traded it
    may explain them; after that they are adjusted, and then the order is deduced canceled."""
    desk = opened()
    sent = desk.acked(BUY)
    withdrawn = {"BTC": "10", "USD": "950"}
    said = {began_s: kinds(desk.once(reading(began_s, totals=withdrawn))) for began_s in (20, 31, 32, 42, 43)}
    assert {20: [], 31: [], 32: [], 42: [], 43: ["balance", "order_state"]} == said
    assert (desk.held(), desk.order(sent).ord_status) == (withdrawn, S.CANCELED)


def test_an_absent_order_that_traded_after_all_counts_once() -> None:
    """Its trade comes when everything about it was concluded, far beyond what the venue declares."""
    desk = opened()
    sent = desk.acked(BUY)
    bought = {"BTC": "10.5", "USD": "950"}
    for began_s in (20, 32, 42, 43, 60):
        desk.apply(reading(began_s, totals=bought))
    assert (desk.held(), desk.order(sent).settled) == (bought, True)
    closed = [report(S.CANCELED, "0.5", of=sent)]
    found = desk.once(reading(80, totals=bought, closed=closed, trades=[fill("0.5", at_s=10)]))
    assert (kinds(found), found.agreed, desk.held()) == (["late_fill"], True, bought)


def test_an_order_whose_claimed_trades_are_not_listed_explains_for_as_long_as_that_lasts() -> None:
    """It did trade, by its own record: what it moved is not adjusted away."""
    desk = opened()
    sent = desk.acked(BUY)
    claims = report(S.PARTIALLY_FILLED, "0.5", of=sent)
    bought = {"BTC": "10.5", "USD": "950"}
    desk.apply(reading(3, totals=bought, open_orders=[claims]), [sent])
    for began_s in (20, 40, 60, 80):
        found = desk.apply(reading(began_s, totals=bought))
    assert (kinds(found), desk.held()) == ([], UNTOUCHED)
