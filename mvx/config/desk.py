"""The part of the configuration that read-only commands need: built by source.py without pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.instrument import Instrument


class DeskSettings(NamedTuple):
    """What read-only commands need: where the journal is, and which venue holds which assets.

    `symbols` maps each venue to {instrument name: symbol}; `assets` to the assets of those symbols,
    in the order base, quote. `quote_as` maps an equivalent quote to the desk's: {"USDT": "USD"}.
    """

    source: str
    journal: Path
    mode: str
    currency: Asset
    instruments: Mapping[str, Instrument]
    symbols: Mapping[Venue, Mapping[str, Symbol]]
    assets: Mapping[Venue, tuple[Asset, ...]]
    quote_as: Mapping[Asset, Asset]
    max_age_s: float
    lateness_s: Mapping[Venue, float]
