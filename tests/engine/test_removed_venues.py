"""A venue that was taken out of the configuration: what it was asked before is still known, and counts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Venue
from mvx.errors import Exit, Refused
from tests.engine.desk import KRAKEN, OKX, Operator, order, risk, settings
from tests.virtual import VirtualClock


@pytest.mark.parametrize("resume", [False, True])
def test_an_order_there_whose_outcome_is_unknown_stays_so_and_is_told(tmp_path: Path, resume: bool) -> None:
    at = Operator(settings(tmp_path, KRAKEN))
    at.exchange.inject(KRAKEN, "lost-ack")

    def look(venue: Venue, now: str) -> None:
        if now == "after submit":
            at.exchange.inject(KRAKEN, "outage", for_s=1000)

    at.look = look
    assert Exit.UNCERTAIN is at.routes(order("1", id="k")).exit_code
    later = Operator(settings(tmp_path, OKX), at.clock)
    outcome = later.routes(replace(order("1", id="k"), resume=resume))
    assert (Exit.UNCERTAIN, True) == (outcome.exit_code, outcome.uncertain)
    assert any("nobody asks kraken, which is not configured" in line for line in outcome.warnings)
    assert [] == later.ledger_rows("orders")


def test_nobody_waits_until_an_order_there_is_settled(tmp_path: Path) -> None:
    """It takes its room from the limits for good: what does not fit beside it is refused at once."""
    limits = risk(max_position={"BTC-USD": Decimal("1")})
    at = Operator(settings(tmp_path, KRAKEN, OKX, limits=limits), VirtualClock())
    for venue in (KRAKEN, OKX):
        at.exchange.inject(venue, "partial")
        at.routes(order("0.4", venues=(venue,), max_rounds=1))
    later = Operator(settings(tmp_path, OKX, limits=limits), at.clock)
    began_at = at.clock.now()
    with pytest.raises(Refused, match="max_position"):
        later.routes(order("0.45"))
    assert began_at == at.clock.now()
