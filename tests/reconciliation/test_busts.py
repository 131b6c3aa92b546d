"""Busts: what a venue takes back is posted with its exact opposite, once, whoever had counted it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mvx.domain import entries as log
from mvx.domain.execution import Fill
from mvx.domain.ids import Symbol
from mvx.domain.order import Order
from mvx.domain.order_status import OrdStatus
from mvx.reconciliation.compare import opening
from tests.domain.orders import BTC, BUY, USD, at, fill, order, report
from tests.reconciliation.desk import Desk, kinds, opened, reading, written

D = Decimal
S = OrdStatus
UNTOUCHED = {"BTC": "10", "USD": "1000"}
BOUGHT = {"BTC": "10.5", "USD": "949"}
#: Half a coin at 100 with a fee of 1.
HALF = fill("0.5", fee="1")


def taken_back(traded: Fill = HALF, at_s: float = 6) -> Fill:
    return replace(traded, busted_at=at(at_s))


def resting(began_s: float, sent: Order, cum: str = "0.5", **more: Any) -> Any:
    """A reading with the order open after so much of it was filled."""
    status = S.PARTIALLY_FILLED if D(cum) else S.NEW
    return reading(began_s, open_orders=[report(status, cum, of=sent)], **more)


def booked() -> tuple[Desk, Order]:
    """A desk with an open buy of 1 at 100, half of it filled and booked."""
    desk = opened()
    sent = desk.acked(BUY)
    desk.once(resting(3, sent, totals=BOUGHT, trades=[HALF]), [sent])
    return desk, sent


def test_a_booked_trade_that_is_taken_back_is_posted_back_and_said() -> None:
    """bust: holdings as before it, fee included, and its order knows of it."""
    desk, sent = booked()
    found = desk.once(resting(7, sent, totals=UNTOUCHED, trades=[taken_back()]), [sent])
    assert (kinds(found), found.agreed, desk.held()) == (["bust"], True, UNTOUCHED)
    known = desk.order(sent)
    assert (D(0), D("0.5"), D(0)) == (known.filled_qty, known.busted_qty, known.claimed_qty)


def test_a_bust_says_what_was_taken_back_and_when() -> None:
    """Both sides, the order, the asset and the trade's id."""
    desk, sent = booked()
    found = desk.once(resting(7, sent, totals=UNTOUCHED, trades=[taken_back()]), [sent])
    (said,) = (each.found for each in found.findings if each.found)
    assert ("buy 0.5 at 100", "taken back 2026-11-22T12:00:06.000000Z", True) == (
        said.ours, said.theirs, said.corrected,
    )  # fmt: skip
    assert (sent.cl_ord_id, BTC, "e1") == (said.cl_ord_id, said.asset, said.exec_id)


@pytest.mark.parametrize("expected", [True, False], ids=["worked", "nobody's work"])
def test_a_trade_that_is_first_seen_taken_back_is_booked_and_posted_back(expected: bool) -> None:
    """The fill, then its bust: both are history, and together they move nothing."""
    desk = opened()
    sent = desk.acked(BUY)
    found = desk.once(resting(7, sent, totals=UNTOUCHED, trades=[taken_back()]), [sent] * expected)
    assert [*([] if expected else ["missing_fill"]), "bust"] == kinds(found)
    assert ["FillBooked", "FillBusted"] == [w for w in written(found) if w.startswith("Fill")]
    assert (found.agreed, desk.held(), desk.order(sent).busted_qty) == (True, UNTOUCHED, D("0.5"))
    assert desk.fills()[0].fill == HALF


def test_a_trade_once_taken_back_stays_so() -> None:
    """A list that shows it standing is behind: nothing is written, nothing said."""
    desk, sent = booked()
    desk.once(resting(7, sent, totals=UNTOUCHED, trades=[taken_back()]), [sent])
    found = desk.once(resting(9, sent, totals=UNTOUCHED, trades=[HALF]), [sent])
    assert (written(found), kinds(found), found.agreed, desk.held()) == ([], [], True, UNTOUCHED)


@pytest.mark.parametrize("first", [True, False])
def test_a_bust_counts_whichever_half_of_a_reading_shows_it(first: bool) -> None:
    """The other half's list is behind."""
    desk, sent = booked()
    halves = [taken_back()], [HALF]
    before, after = halves if first else halves[::-1]
    found = desk.once(resting(7, sent, totals=UNTOUCHED, trades=before, after=after), [sent])
    assert (kinds(found), found.agreed, desk.held()) == (["bust"], True, UNTOUCHED)


def test_a_bust_is_no_other_set_of_numbers() -> None:
    """One record with it and one without, in one reading: no conflict."""
    desk, sent = booked()
    found = desk.once(
        resting(7, sent, totals=UNTOUCHED, trades=[HALF, taken_back()], after=[taken_back(), HALF]), [sent]
    )
    assert ["bust"] == kinds(found)


def test_other_numbers_of_a_trade_taken_back_conflict_and_what_was_booked_is_posted_back() -> None:
    """The opposite is that of our posting, to the last digit."""
    desk, sent = booked()
    other = replace(taken_back(), price=D(99))
    found = desk.once(resting(7, sent, totals=UNTOUCHED, trades=[other]), [sent])
    assert (sorted(kinds(found)), desk.held()) == (["bust", "fill_conflict"], UNTOUCHED)


def test_a_trade_that_is_listed_with_two_sets_of_numbers_is_taken_back_once() -> None:
    desk, sent = booked()
    both = [taken_back(), replace(taken_back(), price=D(99))]
    found = desk.once(resting(7, sent, totals=UNTOUCHED, trades=both), [sent])
    assert (sorted(kinds(found)), desk.held()) == (["bust", "fill_conflict"], UNTOUCHED)
    assert len(desk.busts()) == 1


def test_an_outdated_reading_still_tells_of_a_bust() -> None:
    """A fact, whenever it was read."""
    desk, sent = booked()
    desk.apply(resting(20, sent, totals=BOUGHT, trades=[HALF]), [sent])
    found = desk.once(resting(15, sent, totals=UNTOUCHED, trades=[taken_back()]), [sent])
    assert (["FillBusted"], UNTOUCHED) == (written(found), desk.held())


@pytest.mark.parametrize("counts_it", [True, False], ids=["record keeps it", "record dropped it"])
def test_an_order_settles_after_a_bust_whatever_its_record_counts(counts_it: bool) -> None:
    """Venues differ on whether a bust comes out of what the order claims."""
    desk, sent = booked()
    closed = report(S.CANCELED, "0.5" if counts_it else "0", of=sent)
    for began_s in (7, 20):
        found = desk.once(reading(began_s, totals=UNTOUCHED, closed=[closed], trades=[taken_back()]), [sent])
    assert (desk.order(sent).settled, found.pending, desk.held()) == (True, (), UNTOUCHED)


@pytest.mark.parametrize("record", ["0", "0.5"], ids=["record dropped it", "record keeps it"])
def test_a_settled_order_s_trade_is_taken_back(record: str) -> None:
    """Long after: loud, exact, and the order stays settled whatever its record counts."""
    desk = opened()
    sent = desk.acked(BUY, "0.5")
    closed = report(S.FILLED, "0.5", of=sent)
    for began_s in (3, 20):
        desk.once(reading(began_s, totals=BOUGHT, closed=[closed], trades=[HALF]), [sent])
    assert desk.order(sent).settled
    listed = report(S.FILLED, record, of=sent)
    found = desk.once(reading(99, totals=UNTOUCHED, closed=[listed], trades=[taken_back(at_s=90)]))
    assert (kinds(found), written(found)) == (["bust"], ["FillBusted"])
    assert (found.agreed, desk.order(sent).settled) == (True, True)


def test_a_corrected_trade_of_a_settled_order_is_loud() -> None:
    """Filled, settled, and filled once more: nobody waited for that, its worker least of all."""
    desk = opened()
    sent = desk.acked(BUY, "0.5")
    closed = [report(S.FILLED, "0.5", of=sent)]
    for began_s in (3, 20):
        desk.once(reading(began_s, totals=BOUGHT, closed=closed, trades=[HALF]), [sent])
    trades = [taken_back(at_s=90), fill("0.5", "98", exec_id="e1a", at_s=91, fee="1")]
    totals = {"BTC": "10.5", "USD": "950"}
    found = desk.once(reading(99, totals=totals, closed=closed, trades=trades), [sent])
    assert (kinds(found), found.agreed, desk.order(sent).settled) == (["bust", "late_fill"], True, False)


@pytest.mark.parametrize("corrected_s", [1, 6], ids=["as of the trade", "as of the bust"])
def test_a_corrected_trade_is_a_bust_and_another_trade(corrected_s: float) -> None:
    """In full, at another price: no overfill, for the first one does not count any more."""
    desk = opened()
    sent = desk.acked(BUY)
    first, second = fill("1"), fill("1", "99", exec_id="c1", at_s=corrected_s)
    closed = report(S.FILLED, "1", of=sent)
    bought = {"BTC": "11", "USD": "900"}
    desk.once(reading(3, totals=bought, closed=[closed], trades=[first]), [sent])
    totals = {"BTC": "11", "USD": "901"}
    found = desk.once(reading(7, totals=totals, closed=[closed], trades=[taken_back(first), second]), [sent])
    assert (kinds(found), found.agreed, desk.held()) == (["bust"], True, totals)
    assert (D(1), D(1)) == (desk.order(sent).filled_qty, desk.order(sent).busted_qty)


@pytest.mark.parametrize("at_once", [True, False], ids=["in one reading", "in two"])
def test_a_corrected_trade_of_a_closed_order_is_loud(at_once: bool) -> None:
    """A canceled order has a trade more than it had: nobody waits for that one, whatever of the first one
    its record still counts."""
    desk, sent = booked()
    closed = report(S.CANCELED, "0.5", of=sent)
    desk.once(reading(5, totals=BOUGHT, closed=[closed], trades=[HALF]), [sent])
    again = fill("0.5", "98", exec_id="e1a", at_s=6, fee="1")
    totals = {"BTC": "10.5", "USD": "950"}
    said = []
    if not at_once:
        said += kinds(desk.once(reading(7, totals=UNTOUCHED, closed=[closed], trades=[taken_back()]), [sent]))
    found = desk.once(reading(8, totals=totals, closed=[closed], trades=[taken_back(), again]), [sent])
    assert (said + kinds(found), found.agreed) == (["bust", "late_fill"], True)


def test_a_trade_of_nobody_is_taken_back() -> None:
    """A foreign trade has no order to tell."""
    desk = opened()
    by_hand = replace(HALF, order_id="X")
    desk.once(reading(3, totals=BOUGHT, trades=[by_hand]))
    found = desk.once(reading(7, totals=UNTOUCHED, trades=[taken_back(by_hand)]))
    assert (kinds(found), found.agreed, desk.held()) == (["bust"], True, UNTOUCHED)


def test_a_trade_booked_before_its_order_was_known_is_taken_back_from_nobody() -> None:
    """As it was booked: the foreign order that was found later never counted it by a trade."""
    desk = opened()
    by_hand = replace(HALF, order_id="X")
    desk.once(reading(3, totals=BOUGHT, trades=[by_hand]))
    half = report(S.PARTIALLY_FILLED, "0.5", of=order(BUY), order_id="X", cl_ord_id=None)
    desk.once(reading(5, totals=BOUGHT, open_orders=[half], trades=[by_hand]))
    found = desk.once(reading(7, totals=UNTOUCHED, open_orders=[half], trades=[taken_back(by_hand)]))
    assert (kinds(found), found.agreed, desk.busts()[0].cl_ord_id) == (["bust"], True, None)
    assert desk.order("kraken:BTC/USD:X").filled_qty == D("0.5")


def test_a_trade_that_waits_for_its_order_waits_with_its_bust() -> None:
    """Neither is booked until the lists tell whose it was."""
    desk = opened()
    sent = desk.lost(BUY)
    early = desk.once(reading(3, totals=UNTOUCHED, trades=[taken_back(at_s=2)]))
    assert (written(early), early.reach_back) == ([], True)
    found = desk.once(resting(7, sent, totals=UNTOUCHED, trades=[taken_back(at_s=2)]))
    assert (kinds(found), desk.busts()[0].cl_ord_id) == (["unknown_resolved", "bust"], sent.cl_ord_id)


# What an opening or an adjustment had counted


def at_first_contact(*trades: Fill, **more: Any) -> Desk:
    """A desk whose first contact lists these trades; it holds 10 BTC and 1000 USD with them."""
    desk = Desk()
    desk.open(reading(-9, totals=UNTOUCHED, trades=trades, since_s=-60, **more))
    return desk


OLD = fill("0.5", exec_id="old", order_id="X", at_s=-20, fee="1")


def test_an_opening_names_the_busts_that_it_knew() -> None:
    """Those until its own instant; the trades themselves are listed all the same."""
    later = fill("1", exec_id="later", at_s=-20, busted_at=at(-7))
    first = reading(-9, totals=UNTOUCHED, trades=[taken_back(OLD, -15), later], since_s=-60)
    assert ("/BTC/USD/buy/later", "/BTC/USD/buy/old", "/BTC/USD/buy/old/bust") == (
        opening(first, {}, ()).listed
    )


def test_a_trade_that_first_contact_had_counted_is_taken_back_alone() -> None:
    """No fill was ever booked for it: the bust moves the holding and no order."""
    desk = at_first_contact(OLD)
    totals = {"BTC": "9.5", "USD": "1051"}
    found = desk.once(reading(3, totals=totals, trades=[taken_back(OLD, 1)]))
    assert (kinds(found), written(found), found.agreed) == (["bust"], ["FillBusted"], True)
    assert (desk.held(), desk.busts()[0].cl_ord_id, desk.fills()) == (totals, None, [])


def test_a_bust_that_first_contact_knew_is_nothing() -> None:
    """Its balance was without the trade already."""
    desk = at_first_contact(taken_back(OLD, -15))
    assert desk.once(reading(3, totals=UNTOUCHED, trades=[taken_back(OLD, -15)])).findings == ()


def test_a_bust_from_before_first_contact_that_is_listed_later_moves_nothing() -> None:
    """The balance was without the trade; only the list was behind."""
    desk = at_first_contact(OLD)
    found = desk.once(reading(3, totals=UNTOUCHED, trades=[taken_back(OLD, -15)]))
    assert (kinds(found), found.agreed, desk.held()) == (["bust"], True, UNTOUCHED)
    assert desk.busts()[0].absorbed == {BTC: "opening", USD: "opening"}


@pytest.mark.parametrize(("busted_s", "totals"), [(-15, UNTOUCHED), (1, {"BTC": "9.5", "USD": "1051"})])
def test_a_trade_from_before_first_contact_that_is_listed_later_as_taken_back(
    busted_s: float, totals: dict[str, str]
) -> None:
    """The opening had the trade in it, and its bust only where that came before."""
    desk = at_first_contact()
    found = desk.once(reading(3, totals=totals, trades=[taken_back(OLD, busted_s)]))
    assert (kinds(found), found.agreed, desk.held()) == (["foreign_fill", "bust"], True, totals)


def test_a_bust_during_first_contact_is_posted() -> None:
    """Between the balances and the second list of the trades."""
    desk = Desk()
    during = taken_back(OLD, -7.5)
    found = desk.open(reading(-9, totals=UNTOUCHED, trades=[OLD], after=[during], since_s=-60))
    assert (kinds(found), found.agreed, desk.held()) == (["bust"], True, {"BTC": "9.5", "USD": "1051"})


@pytest.mark.parametrize("qty", ["0.5", "123.456"])
def test_a_bust_that_an_adjustment_had_counted_is_posted_with_its_opposite(qty: str) -> None:
    """Adjusted away first, listed afterwards, whatever its size: nothing counts twice."""
    desk = opened()
    traded = fill(qty, order_id="X", fee="1")
    held = {"BTC": str(10 + D(qty)), "USD": str(999 - 100 * D(qty))}
    desk.once(reading(3, totals=held, trades=[traded]))
    for began_s in (6, 20):
        adjusted = desk.once(reading(began_s, totals=UNTOUCHED, trades=[traded]))
    assert (sorted(kinds(adjusted)), desk.held()) == (["balance", "position"], UNTOUCHED)
    found = desk.once(reading(30, totals=UNTOUCHED, trades=[taken_back(traded, 5)]))
    assert (kinds(found), found.agreed, desk.held()) == (["bust"], True, UNTOUCHED)
    assert desk.busts()[0].absorbed == {BTC: "adjustment", USD: "adjustment"}


@pytest.mark.parametrize(("busted_s", "held"), [(4, "950"), (4.000001, "1000")])
def test_an_adjustment_absorbs_busts_up_to_its_own_instant(busted_s: float, held: str) -> None:
    """The dollars were adjusted from 900 to 950 by balances from 4 s on; the coins were not."""
    desk = opened()
    traded = fill("0.5", order_id="X")
    desk.once(reading(2, totals={"BTC": "10.5", "USD": "950"}, trades=[traded]))
    for began_s in (3, 14):
        desk.apply(reading(began_s, totals={"BTC": "10.5", "USD": "950.5"}, trades=[traded]))
    totals = {"BTC": "10", "USD": "950.5" if held == "950" else "1000.5"}
    found = desk.once(reading(20, totals=totals, trades=[taken_back(traded, busted_s)]))
    assert (found.agreed, desk.held()) == (True, totals)
    assert desk.busts()[0].absorbed == ({USD: "adjustment"} if held == "950" else {})


def test_an_adjustment_names_the_busts_that_were_booked() -> None:
    """So that the log says what it knew."""
    desk, sent = booked()
    lists = {"open_orders": [report(S.PARTIALLY_FILLED, "0.5", of=sent)], "trades": [taken_back()]}
    for began_s in (7, 20, 40):
        desk.apply(reading(began_s, totals={"BTC": "9", "USD": "1000"}, **lists), [sent])
    (adjusted,) = (entry for entry in desk.log if isinstance(entry, log.Adjusted))
    assert ("/BTC/USD/buy/e1", "/BTC/USD/buy/e1/bust") == adjusted.listed


# Between the two readings of the trades


@pytest.mark.parametrize(
    ("totals", "agrees"), [(BOUGHT, True), (UNTOUCHED, True), ({"BTC": "10", "USD": "999"}, False)]
)
def test_a_balance_agrees_with_either_side_of_a_bust_between_the_readings(
    totals: dict[str, str], agrees: bool
) -> None:
    """The trade was listed before, and was taken back before or after the balance was read."""
    desk, sent = booked()
    found = desk.apply(
        resting(5, sent, totals=totals, trades=[HALF], after=[taken_back(at_s=6)], balances_s=6), [sent]
    )
    assert (found.agreed, desk.held()) == (agrees, UNTOUCHED)


def test_a_bust_that_the_first_reading_listed_excuses_no_balance() -> None:
    """It was taken back before the balance was read."""
    desk, sent = booked()
    assert not desk.apply(resting(7, sent, totals=BOUGHT, trades=[taken_back()]), [sent]).agreed


def test_two_markets_with_one_trade_id_are_told_apart() -> None:
    """Trade ids may be counted per market: one is taken back, the other stands."""
    desk = opened()
    other = fill("0.5", "10", order_id="Y", symbol=Symbol("ETH/USD"))
    held = {"BTC": "10.5", "ETH": "0.5", "USD": "944"}
    desk.once(reading(3, totals=held, trades=[replace(HALF, order_id="X"), other]))
    totals = {"BTC": "10", "ETH": "0.5", "USD": "995"}
    found = desk.once(reading(7, totals=totals, trades=[taken_back(replace(HALF, order_id="X")), other]))
    assert (kinds(found), desk.held()) == (["bust"], totals)
