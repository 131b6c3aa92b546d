"""Deposits and withdrawals as Binance lists them, from the request on, and what a desk makes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.domain.ids import Venue
from mvx.domain.instant import MICROS_PER_S, Instant, after
from mvx.engine.desk import Desk, open_desk
from mvx.engine.positions import positions
from mvx.engine.reconcile import reconcile
from mvx.errors import BadVenueData, Exit
from mvx.venues.ccxt.venue import CcxtVenue
from tests.engine.desk import settings
from tests.paper.builders import venue_settings
from tests.venues.ccxt import binance
from tests.venues.ccxt.kraken import NOW
from tests.venues.ccxt.loopback import said
from tests.venues.ccxt.venue import Rig

D = Decimal
BEGINNING = Instant(NOW * MICROS_PER_S)
LATENESS_S = 60
UNDER_WAY, CAME_TO_NOTHING = (0, 2, 4), (1, 3, 5)
#: Docs, Withdraw history, less what is told once it is done: txId, and completeTime of status 6 alone.
WITHDRAWAL = {
    "id": "b6ae22b3aa844210a7041aee7589627c", "amount": "0.4995", "transactionFee": "0.0005", "coin": "BTC",
    "status": 4, "address": "c", "txId": "", "applyTime": "2026-11-22 12:00:20", "network": "BTC",
    "transferType": 0, "info": "", "confirmNo": 0, "walletType": 0, "txKey": "",
}  # fmt: skip

#: Docs, Deposit history, once it is credited, of before there were completeTime and travelRuleStatus.
DEPOSIT = {
    "id": "769800519366885376", "amount": "0.5", "coin": "BTC", "network": "BTC", "status": 1,
    "address": "a", "addressTag": "", "txId": "b", "insertTime": NOW * 1_000, "transferType": 0,
    "confirmTimes": "1/1", "unlockConfirm": 2, "walletType": 0,
}  # fmt: skip


def listed(rig: Rig, since: Instant = BEGINNING) -> list[tuple[str, Decimal, float, bool]]:
    """Id, amount, seconds since the beginning, and whether it has no time."""
    found = rig.run(lambda venue: venue.transfers(since))
    return [
        (each.transfer_id, each.amount, (each.at - BEGINNING) / MICROS_PER_S, each.undated) for each in found
    ]


@pytest.mark.parametrize("since_s", [0, 86_400])
@pytest.mark.parametrize("status", UNDER_WAY)
def test_a_withdrawal_has_left_when_it_was_asked_for(on_binance: Rig, status: int, since_s: float) -> None:
    """Docs, Withdraw history, completeTime: what is withdrawn has left what is free and is `withdrawing`. It
    is told as long as it is under way, and has the same id when it is done."""
    on_binance.clock.advance(since_s)
    on_binance.wire.answers["capital/withdraw/history"] = said([WITHDRAWAL | {"status": status}])
    told = [(WITHDRAWAL["id"], D("-0.5"), 20, False)]
    assert told == listed(on_binance, after(BEGINNING, since_s))
    done = WITHDRAWAL | {"status": 6, "completeTime": "2026-11-23 12:00:20"}
    on_binance.wire.answers["capital/withdraw/history"] = said([done])
    assert told == listed(on_binance, after(BEGINNING, since_s))


@pytest.mark.parametrize("since_s", [0, 86_400])
@pytest.mark.parametrize("status", CAME_TO_NOTHING)
def test_one_that_comes_to_nothing_left_and_came_back(on_binance: Rig, status: int, since_s: float) -> None:
    """When, the venue does not say."""
    on_binance.clock.advance(since_s)
    on_binance.wire.answers["capital/withdraw/history"] = said([WITHDRAWAL | {"status": status}])
    name = WITHDRAWAL["id"]
    assert [(name, D("-0.5"), 20, False), (f"{name} back", D("0.5"), 20, True)] == listed(
        on_binance, after(BEGINNING, since_s)
    )


@pytest.mark.parametrize("status", [7, None, "done"])
def test_one_in_a_state_that_nobody_knows_is_refused(on_binance: Rig, status: Any) -> None:
    """It may have left, or not."""
    on_binance.wire.answers["capital/withdraw/history"] = said([WITHDRAWAL | {"status": status}])
    with pytest.raises(BadVenueData, match="unknown status"):
        listed(on_binance)


@pytest.mark.parametrize("status", [1, 6])
def test_a_deposit_that_is_held_back_has_not_come(on_binance: Rig, status: int) -> None:
    """Docs, Deposit history, travelRuleStatus: 1, "travel rule required to provide deposit info"; 0, not
    required or "already provided and funds ready to use". When it was provided is not told: it may be now."""
    held = DEPOSIT | {"status": status, "completeTime": NOW * 1_000 + 5_000, "travelRuleStatus": 1}
    on_binance.wire.answers["capital/deposit/hisrec"] = said([held])
    assert [] == listed(on_binance)
    on_binance.clock.advance(86_400)
    on_binance.wire.answers["capital/deposit/hisrec"] = said([held | {"travelRuleStatus": 0}])
    assert [(DEPOSIT["id"], D("0.5"), 5, True)] == listed(on_binance, after(BEGINNING, 86_400))


@pytest.mark.parametrize("status", [1, 6])
@pytest.mark.parametrize("completed", [{}, {"completeTime": None}, {"completeTime": 0}])
def test_a_deposit_that_does_not_say_when_it_was_credited_may_have_come_just_now(
    on_binance: Rig, completed: dict[str, Any], status: int
) -> None:
    """Docs, Deposit history, status 6: "credited but cannot withdraw"; completeTime is told of later ones
    alone. It was made long before what is asked for."""
    on_binance.clock.advance(86_400)
    on_binance.wire.answers["capital/deposit/hisrec"] = said([DEPOSIT | {"status": status} | completed])
    assert [(DEPOSIT["id"], D("0.5"), 0, True)] == listed(on_binance, after(BEGINNING, 86_400))


@pytest.mark.parametrize("completed", [NOW * 1_000 + 5_000, str(NOW * 1_000 + 5_000)])
def test_a_deposit_that_says_when_it_was_credited_came_then(on_binance: Rig, completed: object) -> None:
    on_binance.wire.answers["capital/deposit/hisrec"] = said([DEPOSIT | {"completeTime": completed}])
    assert [(DEPOSIT["id"], D("0.5"), 5, False)] == listed(on_binance)
    assert [] == listed(on_binance, after(BEGINNING, 6))


@pytest.mark.parametrize("completed", ["soon", "", [], {}, True, -1, 10**30])
def test_a_deposit_that_was_credited_at_no_time_is_refused(on_binance: Rig, completed: object) -> None:
    on_binance.wire.answers["capital/deposit/hisrec"] = said([DEPOSIT | {"completeTime": completed}])
    with pytest.raises(BadVenueData):
        listed(on_binance)


@pytest.mark.parametrize(
    "other",
    [
        {"amount": "0.7"},
        {"address": "c"},
        {"addressTag": "7"},
        {"coin": "ETH"},
        {"insertTime": NOW * 1_000 + 1},
    ],
)
def test_two_deposits_of_one_transaction_are_two(on_binance: Rig, other: dict[str, Any]) -> None:
    """Rows without an id (ccxt's sample, binance.parse_transaction) are told by all that stays as it is."""
    row = {key: DEPOSIT[key] for key in DEPOSIT if key != "id"} | {"txId": "f" * 90}
    names = []
    for confirmed in ("1/12", "2/12"):
        rows = [row | other, row, row]
        on_binance.wire.answers["capital/deposit/hisrec"] = said(
            [each | {"confirmTimes": confirmed} for each in rows[:: -1 if names else 1]]
        )
        names.append({name for name, *_ in listed(on_binance)})
    assert 2 == len(names[0])
    assert names[0] == names[1]


# At a desk


class Account:
    """One account at Binance: what it holds and lists can be changed at will."""

    def __init__(self, rig: Rig, desk: Desk) -> None:
        self.rig = rig
        self.desk = desk
        self.btc = D(1)
        self.withdrawals: list[dict[str, Any]] = []
        self.deposits: list[dict[str, Any]] = []
        rig.wire.answers |= {
            "account": lambda asked: said(
                binance.ACCOUNT | {"balances": [{"asset": "BTC", "free": str(self.btc), "locked": "0"}]}
            ),
            "capital/withdraw/history": lambda asked: said(self.withdrawals),
            "capital/deposit/hisrec": lambda asked: said(self.deposits),
        }

    def asks_for(self, name: str = "w1") -> None:
        """Half a coin leaves."""
        row = {"id": name, "status": 4, "applyTime": self.stamp()}
        self.withdrawals.append(WITHDRAWAL | row)
        self.btc -= D("0.5")

    def completes(self) -> None:
        self.withdrawals[-1] |= {"status": 6, "txId": "d", "completeTime": self.stamp()}

    def fails(self) -> None:
        self.withdrawals[-1] |= {"status": 5, "info": "The address is not valid."}
        self.btc += D("0.5")

    def receives(self, **row: Any) -> None:
        """Half a coin is seen, and nothing credited yet."""
        seen = {"status": 0, "insertTime": self.rig.clock.now() // 1_000}
        self.deposits.append(DEPOSIT | seen | row)

    def credits(self, **row: Any) -> None:
        self.deposits[-1] |= row
        self.btc += D("0.5")

    def stamp(self) -> str:
        return datetime.fromtimestamp(self.rig.clock.now() // MICROS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%S")

    async def reads(self, then_s: float = 70) -> tuple[bool, Exit]:
        """Whether it agrees, and how it ended; so much time passes then."""
        found = await reconcile(self.desk, ())
        self.rig.clock.advance(then_s)
        return found.data.venues[0].agreed, found.exit_code

    async def rests(self) -> None:
        """It agrees in the end, and nothing more is found."""
        for _ in range(4):
            await self.reads()
        assert (True, Exit.OK) == await self.reads()

    def shown(self) -> tuple[Decimal, Decimal, Decimal]:
        """What is held, its baseline, and the position."""
        found = positions(self.desk.settings.desk, self.rig.clock.now()).data
        (row,) = (each for each in found.positions if each.asset == "BTC")
        assert row.confirmed == row.lo == row.hi
        return row.confirmed, row.baseline, row.position


def at_a_desk(rig: Rig, folder: Path, work: Any) -> None:
    wanted = settings(folder, venue_settings("binance", symbols=("BTC/USDT",)), currency="USDT")

    @contextmanager
    def ports(_: Any, clock: Any) -> Iterator[dict[Venue, CcxtVenue]]:
        yield {Venue("binance"): CcxtVenue(replace(rig.access, lateness_s=LATENESS_S), clock)}

    async def run() -> None:
        async with open_desk(wanted, clock=rig.clock, ports=ports) as desk:
            await work(Account(rig, desk))

    asyncio.run(run())


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("times", [1, 2])
def test_a_withdrawal_is_no_position_while_it_is_under_way_nor_after(
    on_binance: Rig, tmp_path: Path, seen: bool, times: int
) -> None:
    """Binance has debited it by then: it was told as a position of its own, confirmed and agreed. Two alike
    are two."""

    async def work(account: Account) -> None:
        await account.reads()
        for number in range(times):
            account.asks_for(f"w{number}")
        left = 1 - times * D("0.5")
        for _ in range(3 * seen):
            await account.reads()
            assert (left, left, D(0)) == account.shown()
        account.completes()
        await account.rests()
        assert (left, left, D(0)) == account.shown()

    at_a_desk(on_binance, tmp_path, work)


@pytest.mark.parametrize("seen", [True, False])
def test_a_withdrawal_that_fails_comes_back(on_binance: Rig, tmp_path: Path, seen: bool) -> None:
    async def work(account: Account) -> None:
        await account.reads()
        account.asks_for()
        for _ in range(3 * seen):
            await account.reads()
        account.fails()
        await account.rests()
        assert (D(1), D(1), D(0)) == account.shown()

    at_a_desk(on_binance, tmp_path, work)


@pytest.mark.parametrize("ends", [Account.completes, Account.fails])
def test_a_withdrawal_that_was_under_way_at_first_contact_ends(
    on_binance: Rig, tmp_path: Path, ends: Any
) -> None:
    """What came back is known by the balance: the request was made before."""

    async def work(account: Account) -> None:
        account.asks_for()
        account.rig.clock.advance(30)
        await account.reads()
        assert (D("0.5"), D("0.5"), D(0)) == account.shown()
        ends(account)
        await account.rests()
        assert (account.btc, account.btc, D(0)) == account.shown()

    at_a_desk(on_binance, tmp_path, work)


def test_a_withdrawal_that_had_failed_before_first_contact_is_part_of_it(
    on_binance: Rig, tmp_path: Path
) -> None:
    async def work(account: Account) -> None:
        account.asks_for()
        account.fails()
        account.rig.clock.advance(30)
        for _ in range(3):
            assert (True, Exit.OK) == await account.reads()
        assert (D(1), D(1), D(0)) == account.shown()

    at_a_desk(on_binance, tmp_path, work)


def test_a_deposit_that_is_held_back_is_no_position_and_none_when_it_comes(
    on_binance: Rig, tmp_path: Path
) -> None:
    """It was booked when it was seen, and taken back as an adjustment: a sale that nobody made."""

    async def work(account: Account) -> None:
        await account.reads()
        account.receives(status=1, completeTime=account.rig.clock.now() // 1_000, travelRuleStatus=1)
        for _ in range(4):
            assert (True, Exit.OK) == await account.reads(600)
            assert (D(1), D(1), D(0)) == account.shown()
        account.credits(travelRuleStatus=0)
        await account.rests()
        assert (D("1.5"), D("1.5"), D(0)) == account.shown()

    at_a_desk(on_binance, tmp_path, work)


@pytest.mark.parametrize("first_contact_before", [True, False])
def test_a_deposit_that_is_credited_without_a_time_is_no_position(
    on_binance: Rig, tmp_path: Path, first_contact_before: bool
) -> None:
    """It was seen minutes before, also where that was before first contact."""

    async def work(account: Account) -> None:
        if first_contact_before:
            await account.reads()
        account.receives()
        account.rig.clock.advance(60)
        for _ in range(10):
            await account.reads()
        account.credits(status=6)
        await account.rests()
        assert (D("1.5"), D("1.5"), D(0)) == account.shown()

    at_a_desk(on_binance, tmp_path, work)
