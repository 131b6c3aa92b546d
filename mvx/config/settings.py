"""The validated configuration as the rest of mvx sees it: frozen values, no parser."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from mvx.config.desk import DeskSettings
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.limits import Limits


@dataclass(frozen=True, slots=True)
class PaperSettings:
    """A paper venue. None means: what the built-in table says for this venue and base asset. Of the keys that
    it is served with only the references are here (secrets.py)."""

    books: Path | None = None
    books_venue: str | None = None
    clock: str = "wall"
    seed: int = 7
    balances: Mapping[Asset, Decimal] = field(default_factory=dict)
    lot: Decimal | None = None
    tick: Decimal | None = None
    min_qty: Decimal | None = None
    min_notional: Decimal | None = None
    api_key: str | None = field(default=None, repr=False)
    api_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """A live venue. exchange: ccxt's id. Of the keys only the references are here (secrets.py). rate_tier:
    the account's, by which its budget of requests goes; None where all have the same."""

    exchange: str
    api_key: str | None = field(default=None, repr=False)
    api_secret: str | None = field(default=None, repr=False)
    api_password: str | None = field(default=None, repr=False)
    api_url: str | None = None
    ws_url: str | None = None
    sandbox: bool = False
    rate_tier: str | None = None


@dataclass(frozen=True, slots=True)
class VenueSettings:
    """One venue of the desk; `live` where it is no paper venue."""

    name: Venue
    adapter: str
    symbols: Mapping[str, Symbol]
    timeout_s: float
    lateness_s: float
    accept_lateness_s: float
    listing_lag_s: float
    taker_bps: Decimal | None
    baseline: Mapping[Asset, Decimal]
    paper: PaperSettings
    live: LiveSettings | None = None


@dataclass(frozen=True, slots=True)
class QuoteSettings:
    """A quote asset that counts as another at a live rate; `rates` are (venue, symbol), first fresh one."""

    asset: Asset
    as_asset: Asset
    rates: tuple[tuple[Venue, Symbol], ...]
    max_age_s: float


@dataclass(frozen=True, slots=True)
class RouteSettings:
    max_slippage_bps: Decimal
    max_rounds: int
    max_s: float
    deadline_s: float
    assume_yes: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration."""

    desk: DeskSettings
    venues: Mapping[Venue, VenueSettings]
    quotes: Mapping[Asset, QuoteSettings]
    route: RouteSettings
    risk: Limits
    interval_s: float


def missing_books(venues: Iterable[VenueSettings]) -> tuple[str, ...]:
    """The recordings that are configured and not there, each with its key."""
    books = ((each.name, each.paper.books) for each in venues)
    return tuple(
        f"venues.{name}.books: no such file: {path}"
        for name, path in books
        if path is not None and not path.is_file()
    )
