"""A refusal by risk at the command line: each limit, its value and what made it, as fields and in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvx.errors import Exit
from tests.cli.harness import mvx, surroundings

LIMITED = """
[risk]
max_order_qty = { "BTC-USD" = "0.2" }
max_daily_turnover = "1"
max_orders_per_minute = 1000
price_collar_bps = "500"
min_venues_alive = 1
max_venue_notional = { kraken = "1" }
"""


def test_every_refusal_has_its_fields(tmp_path: Path) -> None:
    (tmp_path / "mvx.toml").write_text(LIMITED)
    words = ("route", "BTC-USD", "0.5", "--venue", "kraken", "--json")
    found = mvx(surroundings(tmp_path), *words).envelope
    assert (Exit.REFUSED, False, {}) == (found["exit_code"], found["sent"], found["data"])
    told = found["error"]["refusals"]
    assert ["max_order_qty", "max_venue_notional", "max_daily_turnover"] == [each["limit"] for each in told]
    assert {
        "limit": "max_order_qty",
        "value": "0.5",
        "bound": "0.2",
        "worst_case": "0.5 BTC are left of the order",
        "venue": None,
    } == told[0]
    assert ("kraken", "1") == (told[1]["venue"], told[1]["bound"])
    for each in told:
        assert f"{each['limit']}" in found["error"]["message"]
        assert f"{each['value']} against {each['bound']}, {each['worst_case']}" in found["error"]["message"]


def test_every_refusal_has_a_line(tmp_path: Path) -> None:
    """A bound of many digits stays whole; money that was computed is told to ten digits, once and again."""
    (tmp_path / "mvx.toml").write_text(LIMITED)
    before, *lines, known, _ = mvx(
        surroundings(tmp_path), "-q", "route", "BTC-USD", "0.512345678", "--venue", "kraken"
    ).stderr.splitlines()
    assert ("error: risk refused the order:", "known: nothing was sent for it") == (before, known)
    assert ["  max_order_qty", "  max_venue_notional at kraken", "  max_daily_turnover"] == [
        line.partition(":")[0] for line in lines
    ]
    assert "0.512345678 against 0.2" in lines[0]
    money = [word.rstrip(",") for line in lines[1:] for word in line.split() if word.count(".") == 1]
    assert [] == [word for word in money if word[0] in "34" and len(word) > len("41234.56789")]


@pytest.mark.parametrize(
    "words", [("route", "BTC-USD", "nonsense"), ("route", "BTC-USD", "1", "--venue", "x")]
)
def test_what_risk_did_not_refuse_has_no_such_field(tmp_path: Path, words: tuple[str, ...]) -> None:
    found = mvx(surroundings(tmp_path), *words, "--json").envelope
    assert "refusals" not in found["error"]
