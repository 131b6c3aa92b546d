"""What every visit to a paper venue asks costs no more as its history grows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mvx.domain.ids import Venue
from mvx.paper import records, store
from tests.journal.test_plans import Explained


def test_open_orders_are_found_without_reading_those_that_closed(tmp_path: Path) -> None:
    db = store.open_file(tmp_path / "x.paper")
    explained: Any = Explained(db.connection)
    assert () == records.open_orders(explained, Venue("kraken"))
    assert ["SEARCH orders USING INDEX orders_open (venue=?)"] == explained.plans
    db.close()
