"""An account's budget of requests: of its tier, and how much of it is used."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from mvx.config import model, source
from mvx.domain.ids import Venue
from mvx.engine.adapters import access_to
from mvx.venues.budgets import file_of, share_used
from mvx.venues.capabilities import KRAKEN, Budget
from mvx.venues.ccxt.shared import SharedBucket
from tests.support import ManualClock
from tests.venues.ccxt import kraken
from tests.venues.ccxt.loopback import Loopback
from tests.venues.ccxt.test_desk import CONFIG, configure, mvx

VENUE = Venue("kraken")

# Docs, Spot REST Rate Limits: the counter's maximum and its decay a second, here in ccxt's thirds of a point.
TIERS = {"starter": (15, 0.33), "intermediate": (20, 0.5), "pro": (20, 1)}


@pytest.mark.parametrize("tier", [None, *TIERS])
def test_an_account_may_ask_as_much_as_its_tier(tier: str | None, tmp_path: Path) -> None:
    """The public budget is by address, and the same for all."""
    line = "" if tier is None else f'rate_tier = "{tier}"\n'
    text = CONFIG.format(url="http://127.0.0.1:9").replace("timeout_s", f"{line}timeout_s")
    (tmp_path / "mvx.toml").write_text(text)
    found = source.load(tmp_path / "mvx.toml", tmp_path)
    desk = source.desk_settings(found, tmp_path / "mvx.db")
    venue = model.settings(model.validate(found), desk, tmp_path).venues[Venue("kraken")]
    most, decay_per_s = TIERS[tier or "starter"]
    assert {"private": Budget(most * 3, decay_per_s * 3)} == access_to(venue, tmp_path, {}).budgets
    assert ["starter", KRAKEN.budgets["private"]] == [next(iter(KRAKEN.tiers)), KRAKEN.tiers["starter"]]


class Spender:
    """Ten units, one back a second."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()

    def bucket(self, whose: str, venue: Venue = VENUE) -> SharedBucket:
        return SharedBucket(venue, file_of(self.folder, venue, whose), Budget(10, per_s=1), self.clock)

    def spends(self, cost: float, whose: str = "public", venue: Venue = VENUE) -> None:
        now = self.clock.now()
        asyncio.run(self.bucket(whose, venue).pay(cost, first=True, give_up_at=now))

    @property
    def used(self) -> float | None:
        return share_used(self.folder, VENUE, self.clock.now())


@pytest.fixture
def spender(tmp_path: Path) -> Spender:
    return Spender(tmp_path)


def test_what_is_used_of_a_budget_comes_back(spender: Spender) -> None:
    assert spender.used is None
    spender.spends(3)
    assert 0.3 == spender.used
    spender.clock.advance(1)
    assert 0.2 == spender.used
    spender.clock.advance(60)
    assert 0 == spender.used


def test_the_scarcest_budget_is_told(spender: Spender) -> None:
    """That of market data, or of a key, whichever it is."""
    spender.spends(3)
    spender.spends(7, "0123456789abcdef")
    assert 0.7 == spender.used
    spender.spends(6)
    assert 0.9 == spender.used


def test_another_venue_whose_name_begins_alike_is_another(spender: Spender) -> None:
    spender.spends(3)
    spender.spends(9, venue=Venue("kraken-2"))
    spender.spends(9, venue=Venue("kraken-public"))
    assert 0.3 == spender.used


def test_where_a_venue_wants_to_be_left_alone_all_of_it_is_used(spender: Spender) -> None:
    spender.bucket("public").close_for(20)
    for _ in range(2):
        assert 1 == spender.used
        spender.clock.advance(20)
    assert 0 == spender.used


@pytest.mark.parametrize("text", ["", "nonsense", "1 2", "1 2 0", "1 2 x", "-1 2 3", "\xff\xfe"])
def test_a_file_that_was_spoilt_tells_nothing(spender: Spender, text: str) -> None:
    file_of(spender.folder, VENUE, "public").write_bytes(text.encode("latin-1"))
    assert spender.used is None


def test_a_clock_that_was_set_back_gives_nothing_back(spender: Spender) -> None:
    spender.spends(3)
    spender.clock.advance(-3600)
    assert 0.3 == spender.used


def test_venue_status_tells_what_is_used_and_asks_nobody(wire: Loopback, tmp_path: Path) -> None:
    wire.answers |= kraken.answers(lambda: int(time.time()))
    configure(tmp_path, wire)
    assert (0, 0) == (mvx(tmp_path, "init")[0], mvx(tmp_path, "reconcile")[0])
    asked = len(wire.asked)
    _, answer, _ = mvx(tmp_path, "venue-status", "--cached", keep_budget=True)
    (row,) = answer["data"]["venues"]
    assert 0 < row["rate_limit_used"] <= 1
    assert asked == len(wire.asked)
    _, answer, _ = mvx(tmp_path, "venue-status", "--cached")
    assert answer["data"]["venues"][0]["rate_limit_used"] is None
