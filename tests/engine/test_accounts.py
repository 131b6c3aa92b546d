"""Two desks in one journal: refused where one would take the other's fills for its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mvx.engine.desk import Desk
from mvx.errors import Exit, JournalError
from tests.engine.desk import KRAKEN, OKX, Operator, order, settings
from tests.engine.truth import last_seq


class Named:
    """A port of an account by another name."""

    def __init__(self, port: Any, account: str) -> None:
        self.port = port
        self.account = account

    def __getattr__(self, name: str) -> Any:
        return getattr(self.port, name)


class Colleague(Operator):
    """Trades over an account of their own."""

    def watched(self, desk: Desk) -> Desk:
        port: Any = Named(desk.venues[KRAKEN], "another")
        return replace(desk, venues={**desk.venues, KRAKEN: port})


def test_a_journal_is_of_one_account_at_a_venue(tmp_path: Path) -> None:
    colleague = Colleague(settings(tmp_path, KRAKEN))
    assert Exit.OK is colleague.routes(order("0.1")).exit_code
    mine = Operator(settings(tmp_path, KRAKEN, OKX))
    before = last_seq(mine.settings)
    for work in (mine.reconciles, lambda: mine.routes(order("0.1")), mine.cancels):
        with pytest.raises(JournalError, match="is about the account another at kraken") as caught:
            work()
        assert "--journal" in caught.value.next_step
    assert before == last_seq(mine.settings)
    assert [] == mine.ledger(OKX)["orders"]


def test_desks_of_one_account_share_a_journal(tmp_path: Path) -> None:
    """Each configures the venues that it trades on, and sees what the other did."""
    east, west = Operator(settings(tmp_path, KRAKEN)), Operator(settings(tmp_path, KRAKEN, OKX))
    east.routes(order("0.1"))
    assert Exit.OK is west.routes(order("0.1")).exit_code
    assert Exit.OK is east.reconciles().exit_code
