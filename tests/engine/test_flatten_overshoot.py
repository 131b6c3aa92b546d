"""A flatten makes no position larger: its owner may trade meanwhile, and another flatten do its work."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.order import Side
from mvx.engine.desk import Desk, open_desk
from mvx.engine.outcome import Outcome
from mvx.errors import Exit, MvxError
from tests.cli.harness import mvx, surroundings
from tests.engine.desk import KRAKEN, Operator, Witness, order, settings
from tests.engine.leaving import BTC, D, asked, flattens, holding_some, left, position, row_of
from tests.engine.truth import assert_healed
from tests.paper.builders import venue_settings, write_books

ROOT = Path(__file__).resolve().parents[2]
BTC_USD = Symbol("BTC/USD")


def waiting_for_a_book(folder: Path) -> Operator:
    """Half a BTC is held; in the fourth second the bids go beyond the cap, and in the sixth they are back."""
    good, far = [("100", "5")], [("50", "100")]
    books = [(at_s, bids, [("100.1", "5")]) for at_s, bids in ((0, good), (4, far), (6, good))]
    path = write_books(folder / "books.jsonl", *books)
    balances = {BTC: D(10), Asset("USD"): D(10_000)}
    at = Operator(settings(folder, venue_settings("kraken", books=path, balances=balances)))
    at.routes(order("0.5"))
    at.clock.advance(4)
    return at


def test_what_its_owner_sold_while_it_waited_for_a_book_is_not_sold_again(tmp_path: Path) -> None:
    """It read the position before it waited, and reads it again after: sold as it was read first, it would
    end at -0.8 where the owner alone had made it -0.3."""
    at, books = waiting_for_a_book(tmp_path), 0
    lowest = D(0)

    def look(venue: Venue, now: str) -> None:
        nonlocal books, lowest
        books += now == "after book"
        if books == 2 and now == "after book":  # the first was for the preview
            at.exchange.trade(KRAKEN, Side.SELL, D("0.8"), BTC_USD)
        lowest = min(lowest, position(at, KRAKEN))

    at.look = look
    outcome = flattens(at, "kraken")
    at.look = None
    ours = [each for each in at.ledger(KRAKEN)["orders"] if each["cl_ord_id"]][1:]
    assert ["buy"] == [each["side"] for each in ours]
    assert D("-0.302") < lowest
    assert (Exit.BREAKS, True) == (outcome.exit_code, row_of(outcome).verified), outcome
    assert abs(position(at, KRAKEN)) < D("0.0001")


def test_one_that_stalled_past_its_lease_sends_nothing_for_what_another_closed(tmp_path: Path) -> None:
    """It had planned its slice, and would commit it as if nothing had happened."""
    at = holding_some(tmp_path)
    books = 0

    async def stalls() -> Outcome | MvxError:
        async with (
            open_desk(at.settings, clock=at.clock) as one,
            open_desk(at.settings, clock=at.clock) as two,
        ):
            port = Stalling(one, two, at)
            try:
                return await left(replace(one, venues={**one.venues, KRAKEN: port}), asked("kraken"))
            except MvxError as error:
                return error

    class Stalling(Witness):
        """During its second book another process leaves the venue, once the lease has run out."""

        def __init__(self, one: Desk, two: Desk, at: Operator) -> None:
            super().__init__(one.venues[KRAKEN], lambda venue, call: None)
            self.two, self.at = two, at

        async def book(self, symbol: Symbol) -> object:
            nonlocal books
            books += 1
            found = await self.port.book(symbol)
            if books == 2:
                self.at.clock.advance(16)
                assert row_of(await left(self.two, asked("kraken"))).verified
            return found

    ended = asyncio.run(stalls())
    sold = [each for each in at.ledger(KRAKEN)["orders"] if each["side"] == "sell"]
    assert (2, 1) == (books, len(sold)), ended
    assert not (ended.sent and isinstance(ended, Outcome)), ended
    assert 0 <= position(at, KRAKEN) < D("0.00005")
    at.clock.advance(3)
    assert_healed(at)


def test_two_processes_that_leave_one_venue_at_once_end_flat(tmp_path: Path) -> None:
    """Real ones, on one journal: what was bought is sold once."""
    assert 0 == mvx(surroundings(tmp_path), "init", "--paper").exit_code
    assert 0 == mvx(surroundings(tmp_path), "route", "BTC-USD", "0.5", "--venue", "okx").exit_code
    words = [sys.executable, "-m", "mvx", "flatten", "--venue", "okx", "--yes", "--json"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(tmp_path)}
    both = [
        subprocess.Popen(words, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [each.communicate(timeout=120) for each in both]
    assert [0, 0] == [each.returncode for each in both], said
    ledger = mvx(surroundings(tmp_path), "paper", "ledger", "okx", "--json").envelope["data"]
    assert 0 <= D(ledger["balances"]["BTC"]["total"]) - 10 < D("0.00001")
    assert D("0.5") >= sum(D(each["qty"]) for each in ledger["fills"] if each["side"] == "sell")
