"""What of a holding is inventory: shown, set by the operator, and what a position is then."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain.ids import Asset, Venue
from mvx.engine.baseline import set_baseline
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import reconcile
from mvx.engine.reports import baselines
from mvx.engine.results import BaselineRow, BaselineSetResult, BaselinesResult
from mvx.errors import Exit, Refused, UsageError
from tests.engine.desk import KRAKEN, OKX, SELL, Operator, order, risk, settings
from tests.engine.truth import assert_healed, assert_verified, last_seq, reading
from tests.paper.builders import venue_settings

OPS = "ops@desk"
BTC = Asset("BTC")


@pytest.fixture
def at(tmp_path: Path) -> Operator:
    """An operator at a desk of two venues; kraken holds 8 BTC and was read once, okx never was."""
    held = {BTC: Decimal(8), Asset("USD"): Decimal(900_000), Asset("USDT"): Decimal(3)}
    operator = Operator(settings(tmp_path, venue_settings("kraken", balances=held), OKX))
    operator.does(lambda desk: reconcile(desk, (KRAKEN,)))
    return operator


def sets(at: Operator, qty: str, venue: Venue = KRAKEN, asset: str = "BTC") -> Outcome:
    return set_baseline(at.settings.desk, venue, Asset(asset), Decimal(qty), by=OPS)


def shown(at: Operator, venue: Venue | None = None) -> tuple[BaselineRow, ...]:
    data = baselines(at.settings.desk, venue=venue).data
    assert isinstance(data, BaselinesResult)
    return data.baselines


def test_what_was_held_at_first_contact_is_no_position(at: Operator) -> None:
    """Every asset that the venue holds is shown, and a venue that was never read has no numbers."""
    eight, none = Decimal(8), Decimal(0)
    assert (
        BaselineRow(KRAKEN, BTC, eight, eight, none),
        BaselineRow(KRAKEN, Asset("USD"), Decimal(900_000), Decimal(900_000), none),
        BaselineRow(OKX, BTC, None, None, None),
        BaselineRow(OKX, Asset("USD"), None, None, None),
        BaselineRow(KRAKEN, Asset("USDT"), Decimal(3), Decimal(3), none),
    ) == shown(at)
    assert {OKX} == {row.venue for row in shown(at, OKX)}


def test_what_a_break_says_to_run_shows_its_asset_also_where_no_symbol_names_it(at: Operator) -> None:
    at.exchange.transfer(KRAKEN, Asset("BNB"), Decimal(1))
    at.clock.advance(5)
    found = at.does(lambda desk: reconcile(desk, (KRAKEN,))).breaks
    assert ["mvx baseline show --venue kraken"] == [each.next for each in found]
    assert Asset("BNB") in {row.asset for row in shown(at, KRAKEN)}


def test_what_is_set_is_said_before_and_after_and_is_in_force(at: Operator) -> None:
    outcome = sets(at, "5")
    assert (Exit.OK, False) == (outcome.exit_code, outcome.sent)
    eight, five = Decimal(8), Decimal(5)
    assert BaselineSetResult(KRAKEN, BTC, eight, eight, five, Decimal(0), Decimal(3)) == outcome.data
    assert BaselineRow(KRAKEN, BTC, five, eight, Decimal(3)) == shown(at)[0]
    with reading(at.settings) as tx:
        (body,) = tx.connection.execute("SELECT body FROM log WHERE kind = 'BaselineSet'").fetchone()
    assert f'"by":"{OPS}"' in body
    assert_healed(at)


def test_the_same_again_writes_nothing(at: Operator) -> None:
    seq = last_seq(at.settings)
    sets(at, "8")
    sets(at, "8.000")
    assert seq == last_seq(at.settings)
    sets(at, "0")
    seq = last_seq(at.settings)
    sets(at, "0.0")
    assert seq == last_seq(at.settings)
    assert_verified(at.settings)


def test_a_limit_binds_the_position_that_is_left(tmp_path: Path) -> None:
    """With 8 of 10 BTC said to be no inventory the desk is long 8, and may sell but not buy."""
    limits = risk(max_position={"BTC-USD": Decimal(5)})
    at = Operator(settings(tmp_path, KRAKEN, limits=limits))
    at.reconciles()
    held = shown(at)[0].holding
    assert held is not None
    sets(at, str(held - 8))
    with pytest.raises(Refused, match="8 confirmed"):
        at.routes(order("0.1"))
    assert Exit.OK is at.routes(order("0.1", SELL)).exit_code
    assert_healed(at)


def test_before_first_contact_nothing_is_known_to_be_inventory(at: Operator) -> None:
    with pytest.raises(UsageError, match="okx was never read") as raised:
        sets(at, "5", OKX)
    assert "mvx reconcile --venue okx" == raised.value.next_step


@pytest.mark.parametrize("asset", ["DOGE", "", "btc", "'; --"])
def test_an_asset_that_is_not_held_there_is_an_error(at: Operator, asset: str) -> None:
    seq = last_seq(at.settings)
    with pytest.raises(UsageError, match="kraken holds no asset") as raised:
        sets(at, "5", asset=asset)
    assert "use one of: BTC, USD, USDT" == raised.value.next_step
    assert seq == last_seq(at.settings)
