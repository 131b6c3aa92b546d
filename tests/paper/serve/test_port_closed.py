"""The venue's port closes in the middle of each verb: what is told is true, and once it is open again a
reconcile makes journal and ledger alike."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mvx.clock import SystemClock
from mvx.config.settings import VenueSettings
from mvx.domain.ids import Symbol
from mvx.domain.order import Side
from mvx.errors import Exit
from mvx.paper.exchange import PaperExchange
from tests.cli import harness
from tests.cli.harness import Ran, surroundings
from tests.paper.builders import venue_settings
from tests.paper.serve.desk import SYMBOLS, assert_alike, environ, still_market, write_config
from tests.paper.serve.door import Door, at_number, served
from tests.venues.ccxt.venue import plenty

D = Decimal
PATIENCE_S = 20.0
#: How long one request may take in a verb that meets a closed port: its patience is not what is tested.
HURRIED_S = 0.4
ORDERS = {"kraken": "POST /0/private/AddOrder", "binance": "POST /api/v3/order"}
TRADES = {"kraken": "/TradesHistory", "binance": "/myTrades"}
STATUS = {"kraken": "/SystemStatus", "binance": "/system/status"}
VERBS = {
    "route": ("route", "BTC-USD", "0.1", "--yes"),
    "positions": ("positions", "--fresh"),
    "reconcile": ("reconcile",),
    "flatten": ("flatten", "--all", "--yes"),
    "venue-status": ("venue-status",),
}
#: What a verb may say of a port that closes in the middle of it, and where its work was done before: exit 0.
SAYS = {
    "route": (Exit.UNCERTAIN, Exit.INCOMPLETE, Exit.NO_VENUE),
    "positions": (Exit.UNCERTAIN,),
    "reconcile": (Exit.UNCERTAIN,),
    "flatten": (Exit.UNCERTAIN,),
    "venue-status": (Exit.NO_VENUE,),
}


def settings_of(folder: Path, name: str) -> VenueSettings:
    return venue_settings(name, (SYMBOLS[name],), books=still_market(folder, name))


class Desk:
    """A desk that holds a position on a venue behind a door."""

    def __init__(self, folder: Path, name: str, door: Door) -> None:
        self.folder, self.name, self.door = folder, name, door
        settings = settings_of(folder, name)
        self._exchange = PaperExchange(folder / "paper.db", {settings.name: settings}, SystemClock())
        self._venue = settings.name
        self._alone = True
        self.was_closed = False
        write_config(folder, name, door.url)
        assert Exit.OK == self.mvx("init").exit_code
        self.take_a_position()

    def mvx(self, *words: str) -> Ran:
        """In this process."""
        return harness.mvx(surroundings(self.folder), "--config", "live.toml", *words, "--json")

    def hurried(self, verb: str) -> Ran:
        write_config(self.folder, self.name, self.door.url, HURRIED_S)
        ran = self.mvx(*VERBS[verb])
        write_config(self.folder, self.name, self.door.url)
        return ran

    def take_a_position(self) -> None:
        assert Exit.OK == self.mvx("route", "BTC-USD", "0.25", "--yes").exit_code
        self.until_alike()

    def trade(self) -> None:
        """The account's owner, behind our back: of that no interval tells before it is read."""
        self._alone = False
        self._exchange.trade(self._venue, Side.SELL, D("0.01"), Symbol(SYMBOLS[self.name]))

    def ledger(self) -> Any:
        return self._exchange.ledger(self._venue)

    def positions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.mvx("positions").envelope["data"]["positions"]
        return found

    def assert_truth_within(self) -> None:
        """The venue's own figure lies within what is told, and is what is said to be agreed."""
        held = self.ledger()["balances"]
        for row in self.positions() if self._alone else ():
            total, lo, hi = D(held[row["asset"]]["total"]), row["lo"], row["hi"]
            assert lo is None or D(lo) <= total, row
            assert hi is None or total <= D(hi), row
            assert total == D(row["confirmed"]) or row["state"] not in ("agreed", "settling"), row

    def assert_alike(self) -> None:
        fills = self.mvx("fills", "--limit", "1000").envelope["data"]["fills"]
        assert_alike(self.name, self.ledger(), fills, self.positions())
        assert Exit.OK == self.mvx("journal", "verify").exit_code

    def until_alike(self) -> None:
        """`mvx reconcile` as often as it takes the venue's listing lag to be over."""
        give_up_at = time.monotonic() + PATIENCE_S
        while True:
            ran = self.mvx("reconcile")
            (found,) = ran.envelope["data"]["venues"]
            if ran.exit_code in (Exit.OK, Exit.BREAKS) and found["agreed"]:
                break
            assert time.monotonic() < give_up_at, ran
            time.sleep(0.05)
        self._alone = True
        self.assert_alike()

    def ordered(self) -> bool:
        """Whether an order has reached the venue since the door's record was wiped."""
        return bool(self.door.asked_for(ORDERS[self.name]))


@pytest.fixture(params=SYMBOLS)
def desk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    for name, value in environ(tmp_path).items():
        monkeypatch.setenv(name, value)
    settings = settings_of(tmp_path, request.param)
    with served(tmp_path / "paper.db", settings) as door, plenty(tmp_path):
        yield Desk(tmp_path, request.param, door)


def cut(desk: Desk, verb: str, closes: Callable[[str], bool], *, tells_the_last: bool = False) -> Ran:
    """What the verb says while the port closes; everything that must hold, holds, then and afterwards."""
    desk.door.passed.clear()
    desk.door.close_at(closes, tells_the_last=tells_the_last)
    ran = desk.hurried(verb)
    if ran.exit_code != Exit.OK:
        assert ran.exit_code in SAYS[verb], ran
    elif verb != "venue-status":
        desk.assert_alike()
    if verb == "route":
        assert (ran.exit_code in (Exit.OK, Exit.UNCERTAIN)) == desk.ordered(), ran
    if verb == "flatten":
        (left,) = ran.envelope["data"]["venues"]
        assert left["verified"] == (ran.exit_code == Exit.OK), ran
    desk.assert_truth_within()
    desk.was_closed = desk.door.closed
    desk.door.open()
    desk.until_alike()
    return ran


def until(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def is_order(desk: Desk) -> Callable[[str], bool]:
    return lambda line: line.startswith(ORDERS[desk.name])


@pytest.mark.parametrize("tells_the_last", [False, True], ids=["unanswered", "answered"])
def test_at_the_order_of_a_route(desk: Desk, tells_the_last: bool) -> None:
    """It has arrived, and whether the answer came or not: uncertain, reserved, and found afterwards."""
    ran = cut(desk, "route", is_order(desk), tells_the_last=tells_the_last)
    assert (Exit.UNCERTAIN, True, True) == (ran.exit_code, ran.envelope["sent"], ran.envelope["uncertain"])
    assert D("0.35") == sum(D(fill["qty"]) for fill in desk.ledger()["fills"])


def test_before_the_order_of_a_route(desk: Desk) -> None:
    ran = cut(desk, "route", at_number(1))
    assert (Exit.NO_VENUE, False) == (ran.exit_code, ran.envelope["sent"])


def test_at_the_order_of_a_flatten(desk: Desk) -> None:
    """The halt stays; done again it sells nothing twice."""
    ran = cut(desk, "flatten", is_order(desk))
    assert Exit.UNCERTAIN == ran.exit_code
    again = desk.mvx(*VERBS["flatten"])
    assert (Exit.OK, True) == (again.exit_code, again.envelope["data"]["venues"][0]["verified"]), again
    assert [D("0.25")] * 2 == [D(order["cum_qty"]) for order in desk.ledger()["orders"]]
    desk.until_alike()


@pytest.mark.parametrize("verb", ["reconcile", "positions"])
def test_in_the_middle_of_a_reconcile(desk: Desk, verb: str) -> None:
    """Somebody traded meanwhile: an incomplete pass does not say that the venue agrees."""
    desk.trade()
    ran = cut(desk, verb, lambda line: TRADES[desk.name] in line)
    assert Exit.UNCERTAIN == ran.exit_code
    told = ran.envelope["data"]
    assert not any(each["agreed"] for each in told.get("venues", ())), ran
    assert {"stale"} >= {each["state"] for each in told.get("positions", ())}, ran


def test_in_the_middle_of_venue_status(desk: Desk) -> None:
    ran = cut(desk, "venue-status", lambda line: STATUS[desk.name] in line)
    (row,) = ran.envelope["data"]["venues"]
    assert (Exit.NO_VENUE, True) == (ran.exit_code, bool(row["reason"])), ran
    assert row["error_rate"] > 0


@pytest.mark.long
def test_in_the_middle_of_run(desk: Desk) -> None:
    """At an order that it was handed: whoever follows hears that it is uncertain, and the daemon finds it by
    itself."""
    with (desk.folder / "live.toml").open("a") as config:
        config.write("[reconcile]\ninterval_s = 0.2\n")
    words = [sys.executable, "-m", "mvx", "--config", "live.toml", "run", "--json"]
    with subprocess.Popen(words, cwd=desk.folder, stdout=subprocess.PIPE, text=True) as daemon:
        desk.door.passed.clear()
        until(lambda: bool(desk.door.passed))
        desk.door.close_at(is_order(desk), tells_the_last=False)
        ran = desk.mvx("route", "BTC-USD", "0.1", "--yes")
        assert (Exit.UNCERTAIN, True) == (ran.exit_code, ran.envelope["uncertain"]), ran
        assert desk.door.closed
        desk.assert_truth_within()
        desk.door.open()
        until(lambda: desk.mvx("positions").exit_code == Exit.OK)
        desk.assert_alike()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.stdout is not None
        assert Exit.TERMINATED == json.loads(daemon.stdout.read())["exit_code"] == daemon.wait(10)


@pytest.mark.long
@pytest.mark.parametrize(
    ("verb", "step"),
    [("route", 2), ("positions", 4), ("reconcile", 3), ("flatten", 13), ("venue-status", 1)],
)
def test_at_any_request(desk: Desk, verb: str, step: int) -> None:
    """Until it closes no more, because the verb is done before."""
    number, closed = 1, True
    while closed:
        for tells_the_last in (False, True):
            cut(desk, verb, at_number(number), tells_the_last=tells_the_last)
            if verb == "flatten":
                assert Exit.OK == desk.mvx("resume", "--venue", desk.name).exit_code
                desk.take_a_position()
        closed = desk.was_closed
        number += step
