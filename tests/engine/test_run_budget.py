"""The leader on a venue that counts requests: it leaves the budget to whoever has something to ask."""

from __future__ import annotations

from pathlib import Path

from mvx.domain.ids import Venue
from mvx.domain.instant import after, seconds_between
from mvx.engine.adapters import shared_folder
from mvx.journal import views
from mvx.venues.budgets import PUBLIC, Filling, file_of
from tests.engine.test_run import Leader, operator
from tests.engine.truth import reading


def test_what_others_ask_of_an_account_comes_before_the_daemons_reading(tmp_path: Path) -> None:
    """While most of a venue's budget is used it is not read again; the other one is."""
    at = operator(tmp_path, "binance", "okx")
    shared = shared_folder(at.settings.desk.journal)
    shared.mkdir()
    minute_us = 60_000_000
    full_at = after(at.clock.now(), 45)
    text = Filling(full_at, minute_us).text(at.clock.now())
    file_of(shared, Venue("okx"), PUBLIC).write_text(text)

    def read_after_s() -> dict[str, float]:
        with reading(at.settings) as tx:
            found = {venue: each.answered_at for venue, each in views.contacts(tx).items()}
        return {venue: seconds_between(began_at, when) for venue, when in found.items() if when}

    async def watched() -> tuple[dict[str, float], dict[str, float]]:
        async with Leader(at):
            await at.clock.sleep(29)
            early = read_after_s()
            await at.clock.sleep(10)
            return early, read_after_s()

    began_at = at.clock.now()
    early, late = at.clock.run(watched())
    assert early["okx"] < 5 < 20 < early["binance"]
    assert late["okx"] > 30
