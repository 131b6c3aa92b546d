"""An account's budget of requests: of its tier, and how much of it is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvx.config import model, source
from mvx.domain.ids import Venue
from mvx.engine.adapters import access_to
from mvx.venues.capabilities import KRAKEN, Budget
from tests.venues.ccxt.test_desk import CONFIG

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
