"""A venue in each dialect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.venues.ccxt.loopback import Loopback
from tests.venues.ccxt.venue import BINANCE, DIALECTS, KRAKEN, Rig


@pytest.fixture
def wire() -> Iterator[Loopback]:
    with Loopback().serving() as served:
        yield served


@pytest.fixture(params=DIALECTS)
def rig(request: pytest.FixtureRequest, wire: Loopback, tmp_path: Path) -> Rig:
    """One in each dialect."""
    return Rig(wire, tmp_path / "shared", DIALECTS[request.param])


@pytest.fixture
def on_kraken(wire: Loopback, tmp_path: Path) -> Rig:
    return Rig(wire, tmp_path / "shared", KRAKEN)


@pytest.fixture
def on_binance(wire: Loopback, tmp_path: Path) -> Rig:
    return Rig(wire, tmp_path / "shared", BINANCE)
