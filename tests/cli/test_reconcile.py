"""`mvx reconcile` at the command line: whom it asks."""

from __future__ import annotations

from pathlib import Path

from tests.cli.harness import mvx, surroundings


def test_about_one_order_its_venue_alone_is_asked(tmp_path: Path) -> None:
    words = ("route", "BTC-USD", "0.1", "--tif", "gtc", "--limit", "60000", "--venue", "okx", "--json")
    (child,) = mvx(surroundings(tmp_path), *words).envelope["data"]["children"]
    found = mvx(surroundings(tmp_path), "reconcile", "--order", child["cl_ord_id"], "--json").envelope
    (row,) = found["data"]["venues"]
    assert (0, "okx", True) == (found["exit_code"], row["venue"], row["agreed"])
