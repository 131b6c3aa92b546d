"""The daemon's death, in real processes: whoever follows says what is known, and nothing is done twice."""

from __future__ import annotations

import json
import random
import time
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.errors import Exit
from mvx.journal import jobs as queue
from tests.crash.processes import Station, ended, kill
from tests.engine.truth import (
    assert_journal_is_ledger,
    assert_one_acceptance_each,
    assert_settled,
    assert_truth_inside,
    reading,
    until_agreed,
)

D = Decimal
DEATHS = 20
#: So few seconds after a route was typed its leader dies: before, in, and after its work.
LATEST_S = 0.8


def leads(at: Station) -> bool:
    with reading(at.settings) as tx:
        return queue.leader(tx, at.clock.now()) is not None


def wait_for(condition: object, at: Station, patience_s: float = 30.0) -> None:
    give_up_at = time.monotonic() + patience_s
    while not leads(at):
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def bought(at: Station) -> Decimal:
    return sum(
        (
            D(row["qty"])
            for venue in at.settings.venues
            for row in at.exchange.ledger(venue)["fills"]  # type: ignore[attr-defined]  # rows of a ledger
            if row["side"] == "buy"
        ),
        D(0),
    )
