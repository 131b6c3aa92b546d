"""Deposits and withdrawals: booked once, with their baseline, whoever had counted them before."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mvx.domain import entries as log
from mvx.domain.execution import Transfer
from mvx.domain.ids import Asset
from mvx.domain.order_status import OrdStatus
from mvx.reconciliation.compare import opening
from mvx.reconciliation.snapshot import Comparison
from tests.domain.orders import BTC, BUY, KRAKEN, USD, at, fill, report
from tests.reconciliation.desk import TERMS, Desk, kinds, opened, reading, transfer, written

D = Decimal
S = OrdStatus
UNTOUCHED = {"BTC": "10", "USD": "1000"}
RICHER = {"BTC": "10", "USD": "1250"}


def notes(found: Any) -> list[str]:
    return [each.found.note for each in found.findings if each.found]


@pytest.mark.parametrize(
    ("amount", "usd", "theirs"), [("250", "1250", "deposit of 250"), ("-250", "750", "withdrawal of 250")]
)
def test_a_listed_transfer_is_booked_with_its_baseline_and_said(amount: str, usd: str, theirs: str) -> None:
    """balance: the holding moved, the position did not."""
    desk = opened()
    found = desk.once(reading(3, totals=UNTOUCHED | {"USD": usd}, transfers=[transfer(amount)]))
    (said,) = (each.found for each in found.findings if each.found)
    assert ("balance", "none", theirs, True, USD) == (
        said.kind, said.ours, said.theirs, said.corrected, said.asset,
    )  # fmt: skip
    assert "the baseline moves with it" in said.note
    assert (found.agreed, desk.held()["USD"], desk.baseline(USD)) == (True, usd, D(usd))


def test_a_deposit_of_what_is_traded_is_no_position() -> None:
    """Coins that were moved in were not bought."""
    desk = opened()
    found = desk.once(reading(3, totals={"BTC": "11.5", "USD": "1000"}, transfers=[transfer("1.5", BTC)]))
    assert (kinds(found), desk.held()["BTC"], desk.baseline(BTC)) == (["balance"], "11.5", D("11.5"))


def test_a_transfer_listed_twice_counts_once() -> None:
    """In both readings, twice in one of them, and again in the next pass."""
    desk = opened()
    for began_s in (3, 6):
        desk.once(reading(began_s, totals=RICHER, transfers=[transfer("250")] * 2))
    assert (desk.held(), len(desk.transfers())) == (RICHER, 1)


def test_transfers_are_booked_oldest_first() -> None:
    """In the venue's order, whatever the order of its list."""
    desk = opened()
    listed = [transfer("1", transfer_id=f"t{n}", at_s=9 - n) for n in range(5)]
    desk.once(reading(20, totals=UNTOUCHED | {"USD": "1005"}, transfers=listed))
    assert [at(5 + n) for n in range(5)] == [each.transfer.at for each in desk.transfers()]


def test_transfers_of_one_instant_are_booked_as_they_were_counted() -> None:
    desk = opened()
    desk.once(
        reading(3, totals=RICHER, transfers=[transfer("125", transfer_id=name) for name in ("t10", "t9")])
    )
    assert ["t9", "t10"] == [each.transfer.transfer_id for each in desk.transfers()]


def test_an_outdated_reading_still_books_its_transfers() -> None:
    """A transfer is a fact whenever it was read."""
    desk = opened()
    desk.apply(reading(9, totals=UNTOUCHED))
    found = desk.once(reading(3, totals=RICHER, transfers=[transfer("250")]))
    assert (written(found), desk.held()) == (["TransferBooked"], RICHER)


# What an opening or an adjustment had counted


def test_an_opening_names_the_transfers_that_it_knew() -> None:
    """Those until its own instant."""
    listed = [transfer("1", transfer_id=name, at_s=when) for name, when in (("a", -10), ("b", -8), ("c", -7))]
    first = reading(-9, totals=UNTOUCHED, transfers=listed[:1], transfers_after=listed, since_s=-60)
    assert ("/transfer/a", "/transfer/b") == opening(first, {}, ()).listed


def test_a_transfer_that_first_contact_knew_is_part_of_the_opening() -> None:
    """Never booked, and nothing is said of it."""
    desk = Desk()
    old = transfer("250", at_s=-20)
    found = desk.open(reading(-9, totals=UNTOUCHED, transfers=[old], since_s=-60))
    assert found.findings == ()
    assert desk.once(reading(3, totals=UNTOUCHED, transfers=[old])).findings == ()


def test_a_transfer_during_first_contact_is_booked() -> None:
    """After the balances were read and before the second list was."""
    desk = Desk()
    during = transfer("250", at_s=-7.5)
    found = desk.open(reading(-9, totals=UNTOUCHED, transfers_after=[during], since_s=-60))
    assert (kinds(found), found.agreed, desk.held()) == (["balance"], True, RICHER)


@pytest.mark.parametrize(("at_s", "totals"), [(-99, UNTOUCHED), (-98.999999, RICHER)])
def test_the_opening_absorbs_transfers_up_to_its_own_instant(at_s: float, totals: dict[str, str]) -> None:
    """The balances of first contact were read at -99 s, and its baseline was made of them."""
    desk = opened()
    found = desk.once(reading(3, totals=totals, transfers=[transfer("250", at_s=at_s)]))
    assert (found.agreed, desk.held(), desk.baseline(USD)) == (True, totals, D(totals["USD"]))
    (note,) = notes(found)
    assert ("first contact had counted it" in note) is (at_s == -99)


@pytest.mark.parametrize("amount", ["0.5", "-0.5", "123456.789"])
def test_a_transfer_that_was_adjusted_before_it_was_listed_moves_its_baseline_alone(amount: str) -> None:
    """A position appeared, and is known to be none now: posted with its exact opposite, whatever its
    size."""
    desk = opened()
    totals = UNTOUCHED | {"BTC": str(D(10) + D(amount))}
    for began_s in (3, 14):
        adjusted = desk.once(reading(began_s, totals=totals))
    assert (kinds(adjusted), desk.baseline(BTC)) == (["position"], D(10))
    found = desk.once(reading(20, totals=totals, transfers=[transfer(amount, BTC)]))
    assert (kinds(found), found.agreed, desk.held()) == (["balance"], True, totals)
    assert desk.transfers()[0].absorbed == {BTC: "adjustment"}
    assert desk.baseline(BTC) == D(totals["BTC"])
    assert "an adjustment had moved the holding" in notes(found)[0]


def test_a_baseline_that_was_set_since_the_adjustment_counts_the_transfer() -> None:
    """A withdrawal was listed once it was done. Meanwhile it was adjusted, and the break told the operator
    to set the baseline: that moved a second time when the transfer came, and left a position of 2 BTC."""
    desk = opened()
    totals = UNTOUCHED | {"BTC": "8"}
    for began_s in (3, 14):
        desk.once(reading(began_s, totals=totals))
    desk.append(log.BaselineSet(KRAKEN, BTC, D(8), "ops"), at(16))
    found = desk.once(reading(25, totals=totals, transfers=[transfer("-2", BTC)]))
    assert (kinds(found), desk.held()["BTC"], desk.baseline(BTC)) == (["balance"], "8", D(8))
    assert "the baseline was set since" in notes(found)[0]


def test_a_baseline_that_was_set_says_nothing_of_what_first_contact_had_counted() -> None:
    desk = opened()
    totals = UNTOUCHED | {"BTC": "8"}
    for began_s in (3, 14):
        desk.once(reading(began_s, totals=totals))
    desk.append(log.BaselineSet(KRAKEN, BTC, D(8), "ops"), at(16))
    found = desk.once(reading(25, totals=totals, transfers=[transfer("-2", BTC, at_s=-120)]))
    assert (desk.held()["BTC"], desk.baseline(BTC)) == ("8", D(8))
    assert "first contact had counted it" in notes(found)[0]


def test_an_adjustment_names_the_transfers_that_were_booked() -> None:
    """And one made after them absorbs none of them."""
    desk = opened()
    listed = [transfer("250")]
    desk.once(reading(2, totals=RICHER, transfers=listed))
    for began_s in (3, 14):
        desk.apply(reading(began_s, totals=RICHER | {"USD": "1240"}, transfers=listed))
    (adjusted,) = (entry for entry in desk.log if isinstance(entry, log.Adjusted))
    assert (("/transfer/t1",), D(-10)) == (adjusted.listed, adjusted.amount)


# Between the two readings


@pytest.mark.parametrize("prefix", [0, 1, 2, 3])
@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_a_balance_agrees_with_each_prefix_of_trades_transfers_and_busts(first: int, prefix: int) -> None:
    """A trade, a withdrawal and the trade's bust: the balance was read after those of the first reading
    and before some of the later ones."""
    traded = fill("0.5", order_id="V1", at_s=1)
    taken = fill("0.5", order_id="V1", at_s=1, busted_at=at(3))
    trades = [[], [traded], [traded], [taken]]
    moved = transfer("-20", at_s=2)
    usd = [["1000"], ["950"], ["930"], ["980"]][prefix][0]
    btc = ["10", "10.5", "10.5", "10"][prefix]
    desk = opened()
    sent = desk.acked(BUY)
    found = desk.apply(
        reading(
            5,
            totals={"BTC": btc, "USD": usd},
            open_orders=[report(S.PARTIALLY_FILLED, "0.5", of=sent)],
            trades=trades[first],
            after=[taken],
            transfers=[moved] if first >= 2 else [],
            transfers_after=[moved],
        ),
        [sent],
    )
    assert desk.held() == {"BTC": "10", "USD": "980"}
    assert found.agreed is (prefix >= first)


def test_a_transfer_that_neither_reading_lists_excuses_no_balance() -> None:
    """One that was booked, and vanished from the list and from the balance."""
    desk = opened()
    desk.once(reading(3, totals=RICHER, transfers=[transfer("250")]))
    assert not desk.apply(reading(9, totals=UNTOUCHED)).agreed


# A time of whole seconds: first contact had its balances at -99 s, and this one was at -99.5 s or later

COARSE = replace(TERMS, transfer_step_s=1.0)


def coarse() -> Desk:
    desk = Desk(COARSE)
    desk.open(reading(-99.6, totals=UNTOUCHED, since_s=-160, balances_s=-98.4))
    return desk


def read_twice(desk: Desk, totals: dict[str, str], *moved: Transfer) -> Comparison:
    """By the second reading no balance is late."""
    desk.once(reading(20, totals=totals, transfers=moved))
    return desk.once(reading(31, totals=totals, transfers=moved))


@pytest.mark.parametrize(("totals", "absorbed"), [(RICHER, {}), (UNTOUCHED, {USD: "opening"})])
def test_the_balance_tells_whether_first_contact_had_counted_a_transfer(
    totals: dict[str, str], absorbed: dict[Asset, str]
) -> None:
    """Where the venue's time can not tell: it is a whole second, and the opening was within it."""
    desk = coarse()
    found = read_twice(desk, totals, transfer("250", at_s=-99))
    assert (found.agreed, desk.held(), desk.transfers()[0].absorbed) == (True, totals, absorbed)


def test_one_balance_that_has_not_moved_tells_nothing() -> None:
    """It may be stale."""
    desk = coarse()
    moved = transfer("250", at_s=-99)
    found = desk.once(reading(3, totals=UNTOUCHED, transfers=[moved]))
    assert (desk.transfers(), found.pending) == ([], ("deposit of 250 USD: to be read again",))
    assert read_twice(desk, RICHER, moved).agreed
    assert desk.held() == RICHER


@pytest.mark.parametrize(("amount", "usd"), [("250", "1250"), ("-250", "750")])
@pytest.mark.parametrize("others", [1, -1])
def test_a_balance_that_another_one_moved_which_is_not_listed_yet_tells_nothing(
    amount: str, usd: str, others: int
) -> None:
    """As much once more, and first contact had counted the one; or as much back, and it had not."""
    desk, moved = coarse(), transfer(amount, at_s=-99)
    other = transfer(str(others * D(amount)), transfer_id="t2", at_s=1)
    totals = UNTOUCHED | ({"USD": usd} if others == 1 else {})
    for began_s in (3, 6):
        desk.once(reading(began_s, totals=totals, transfers=[moved]))
    assert desk.transfers() == []
    for began_s in (12, 15):
        desk.once(reading(began_s, totals=totals, transfers=[moved, other]))
    assert ["t2"] == [each.transfer.transfer_id for each in desk.transfers()]
    found = desk.once(reading(23, totals=totals, transfers=[moved, other]))
    assert (found.agreed, found.pending, desk.held()) == (True, (), totals)
    counted = {USD: "opening"} if others == 1 else {}
    assert [{}, counted] == [each.absorbed for each in desk.transfers()]


def test_an_outdated_balance_tells_nothing() -> None:
    desk = coarse()
    desk.once(reading(20, totals=UNTOUCHED))
    desk.once(reading(10, totals=RICHER, transfers=[transfer("250", at_s=-99)]))
    assert desk.transfers() == []


@pytest.mark.parametrize(
    ("first_s", "second_s", "told"), [(-98.000001, -80, False), (-98, -87.000001, False), (-98, -87, True)]
)
@pytest.mark.parametrize("totals", [UNTOUCHED, RICHER])
def test_a_balance_tells_once_it_was_the_same_lateness_before_and_after_the_transfer(
    first_s: float, second_s: float, told: bool, totals: dict[str, str]
) -> None:
    """It was at -98 s at the latest, at -97 s by a clock that is off; lateness is 10 s, and a reading takes a
    second to its balances."""
    desk, moved = coarse(), transfer("250", at_s=-99)
    for began_s in (first_s, second_s):
        found = desk.once(reading(began_s, totals=totals, transfers=[moved]))
    assert (len(desk.transfers()), bool(found.pending)) == (int(told), not told)
    assert desk.once(reading(second_s + 12, totals=totals, transfers=[moved])).agreed
    assert desk.held() == totals


def test_a_balance_that_fits_neither_is_adjusted_and_with_it_the_transfer_is_counted() -> None:
    """Something else moved it too: the holding is right at every step, and what first contact may have
    counted it has."""
    desk, totals = coarse(), UNTOUCHED | {"USD": "1003"}
    found = read_twice(desk, totals, transfer("250", at_s=-99))
    assert (kinds(found), found.agreed, found.pending) == (["balance", "balance"], True, ())
    assert (desk.held(), desk.transfers()[0].absorbed) == (totals, {USD: "opening"})


def test_a_transfer_whose_time_can_not_tell_is_booked_after_those_whose_time_can() -> None:
    """Another one of the same size moved the balance: the opening had counted this one."""
    desk = coarse()
    assert read_twice(
        desk, RICHER, transfer("250", at_s=-99), transfer("250", transfer_id="t2", at_s=1)
    ).agreed
    assert [{}, {USD: "opening"}] == [each.absorbed for each in desk.transfers()]


def test_a_trade_beside_a_transfer_whose_time_can_not_tell_is_booked_before_it() -> None:
    """The balance misses the transfer alone."""
    desk, traded = coarse(), fill("0.5", order_id="X", at_s=1)
    totals = {"BTC": "10.5", "USD": "1200"}
    for began_s in (20, 31):
        found = desk.once(
            reading(began_s, totals=totals, trades=[traded], transfers=[transfer("250", at_s=-99)])
        )
    assert (found.agreed, found.pending, desk.held()) == (True, (), totals)
