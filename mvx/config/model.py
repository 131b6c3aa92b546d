"""The shape of the configuration file, and the Settings made of it.

Rule: every error of a file is reported at once, each with its key, what was found and what is
allowed. A value of a key that may hold a secret is never shown, and secrets are not kept in Settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mvx.config import source as found
from mvx.config.checks import CHECKS, tiers_of
from mvx.config.desk import DeskSettings
from mvx.config.problems import ConfigProblems, describe
from mvx.config.settings import (
    LiveSettings,
    PaperSettings,
    QuoteSettings,
    RouteSettings,
    Settings,
    VenueSettings,
)
from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.limits import Limits
from mvx.domain.money import parse_decimal
from mvx.errors import BadNumber

_SECRET = re.compile(r"env:\w+|file:.+|keyring:[^/]+/.+|command:.+", re.ASCII)


def _decimal(value: object) -> Decimal:
    if isinstance(value, float):
        raise ValueError(f'found {value}, which is not exact: quote it, "{value}"')
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    try:
        return parse_decimal(value if isinstance(value, str) else "")
    except BadNumber:
        raise ValueError(f"found {value!r}, a plain decimal string is allowed") from None


def _positive(value: object) -> Decimal:
    try:
        number = _decimal(value)
    except ValueError as error:
        raise ValueError(str(error).replace("a plain decimal", "a plain positive decimal")) from None
    if number <= 0:
        raise ValueError(f"found {value!r}, a plain positive decimal string is allowed")
    return number


def _not_negative(value: object) -> Decimal:
    number = _decimal(value)
    if number < 0:
        raise ValueError(f"found {value!r}, a plain decimal string of 0 or more is allowed")
    return number


def _secret(value: object) -> str:
    if isinstance(value, str) and _SECRET.fullmatch(value):
        return value
    raise ValueError(
        "found a value (not shown); only a reference is allowed:"
        " env:NAME, file:PATH, keyring:SERVICE/NAME or command:..."
    )


Positive = Annotated[Decimal, BeforeValidator(_positive)]
NotNegative = Annotated[Decimal, BeforeValidator(_not_negative)]
SecretRef = Annotated[str, BeforeValidator(_secret)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
Rate = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+:[^:/\s]+/[^:/\s]+$")]
MarketSymbol = Annotated[str, Field(pattern=r"^[^:/\s]+/[^:/\s]+$")]


class Section(BaseModel):
    """One table of the file: no unknown keys, no guessing of types, no values in errors."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Desk(Section):
    currency: Name = "USD"


class JournalSection(Section):
    path: Text | None = None


class InstrumentSection(Section):
    base: Name
    quote: Name


class QuoteSection(Section):
    as_asset: Name = Field(alias="as")
    rates: Annotated[list[Rate], Field(min_length=1)]
    max_age_s: Seconds = 30.0


class VenueSection(Section):
    adapter: Literal["paper", "ccxt"]
    symbols: Annotated[dict[str, MarketSymbol], Field(min_length=1)]
    exchange: Text | None = None
    api_key: SecretRef | None = None
    api_secret: SecretRef | None = None
    api_password: SecretRef | None = None
    api_url: Text | None = None
    ws_url: Text | None = None
    sandbox: bool = False
    rate_tier: Text | None = None
    taker_bps: NotNegative | None = None
    baseline: dict[Name, NotNegative] = {}
    timeout_s: Seconds | None = None
    lateness_s: Seconds | None = None
    accept_lateness_s: Seconds | None = None
    listing_lag_s: Seconds | None = None
    books: Text | None = None
    books_venue: Text | None = None
    clock: Literal["wall", "step"] = "wall"
    seed: int = 7
    balances: dict[Name, NotNegative] = {}
    lot: Positive | None = None
    tick: Positive | None = None
    min_qty: Positive | None = None
    min_notional: NotNegative | None = None


class RouteSection(Section):
    max_slippage_bps: NotNegative = Decimal(25)
    max_rounds: Count = 3
    max_s: Seconds = 30.0
    deadline_s: Seconds = 5.0
    max_book_age_s: Seconds = 5.0
    assume_yes: bool = False


class RiskSection(Section):
    max_position: dict[str, Positive] = {}
    max_position_notional: dict[str, Positive] = {}
    max_gross_notional: Positive | None = None
    max_order_qty: dict[str, Positive] = {}
    max_order_notional: Positive | None = None
    max_venue_notional: dict[Venue, Positive] = {}
    max_open_orders: Count | None = None
    max_unknown_orders: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    max_orders_per_minute: Count | None = None
    max_daily_turnover: Positive | None = None
    price_collar_bps: Positive | None = None
    min_venues_alive: Count | None = None


class ReconcileSection(Section):
    interval_s: Seconds = 5.0
    max_age_s: Seconds = 30.0


#: The sections that say how, and how far, a position may grow.
OF_NEW_RISK = ("route", "risk")


class Document(Section):
    """The whole file."""

    desk: Desk = Desk()
    journal: JournalSection = JournalSection()
    instruments: dict[Name, InstrumentSection] = {}
    quotes: dict[Name, QuoteSection] = {}
    venues: dict[Name, VenueSection] = {}
    route: RouteSection = RouteSection()
    risk: RiskSection = RiskSection()
    reconcile: ReconcileSection = ReconcileSection()


def validate(source: found.Source) -> Document:
    """The file as checked values. Raises ConfigProblems with every error in it."""
    problems: list[str] = []
    document = None
    try:
        document = Document.model_validate(source.raw)
    except ValidationError as error:
        problems = describe(map(dict, error.errors(include_url=False)), Document)
    problems += [problem for check in CHECKS for problem in check(source.raw)]
    if document is None or problems:
        raise ConfigProblems(source.name, problems)
    return document


def validate_for_safety(source: found.Source) -> tuple[Document, tuple[str, ...]]:
    """The file for verbs that make a position no larger: where only what rules new risk is wrong, defaults
    stand in for those sections, and what is wrong with them is returned. Raises ConfigProblems otherwise."""
    try:
        return validate(source), ()
    except ConfigProblems as error:
        sound = {name: table for name, table in source.raw.items() if name not in OF_NEW_RISK}
        if not all(re.match(rf"({'|'.join(OF_NEW_RISK)})[.:]", problem) for problem in error.problems):
            raise
        try:
            return Document.model_validate(sound), error.problems
        except ValidationError:
            raise error from None


def settings(document: Document, desk: DeskSettings, folder: Path) -> Settings:
    """The checked file as the rest of mvx sees it; relative paths resolve against folder."""
    route = dict(document.route)
    max_book_age_s = route.pop("max_book_age_s")
    return Settings(
        desk=desk,
        venues={Venue(n): _venue(Venue(n), s, desk, folder) for n, s in document.venues.items()},
        quotes={Asset(name): _quote(Asset(name), section) for name, section in document.quotes.items()},
        route=RouteSettings(**route),
        # What old books are refused by is a limit too, wherever the file has it.
        risk=Limits(max_book_age_s=max_book_age_s, **dict(document.risk)),
        interval_s=document.reconcile.interval_s,
    )


#: What a venue's bounds are where the config does not say. The lateness is DeskSettings' own.
_PAPER_BOUNDS = {"timeout_s": 1.0, "accept_lateness_s": 4.0, "listing_lag_s": 1.0}
_LIVE_BOUNDS = {"timeout_s": 10.0, "accept_lateness_s": 30.0, "listing_lag_s": 10.0}


def _venue(name: Venue, section: VenueSection, desk: DeskSettings, folder: Path) -> VenueSettings:
    bounds = _PAPER_BOUNDS if section.adapter == found.PAPER else _LIVE_BOUNDS
    return VenueSettings(
        name=name,
        adapter=section.adapter,
        symbols=desk.symbols[name],
        timeout_s=section.timeout_s or bounds["timeout_s"],
        lateness_s=desk.lateness_s[name],
        accept_lateness_s=section.accept_lateness_s or bounds["accept_lateness_s"],
        listing_lag_s=section.listing_lag_s or bounds["listing_lag_s"],
        taker_bps=section.taker_bps,
        baseline=_by_asset(section.baseline),
        paper=PaperSettings(
            books=found.as_path(folder, section.books) if section.books else None,
            books_venue=section.books_venue,
            clock=section.clock,
            seed=section.seed,
            balances=_by_asset(section.balances),
            lot=section.lot,
            tick=section.tick,
            min_qty=section.min_qty,
            min_notional=section.min_notional,
            api_key=_reference(section.api_key, folder),
            api_secret=_reference(section.api_secret, folder),
        ),
        live=None if section.adapter == found.PAPER else _live(section, folder),
    )


def _live(section: VenueSection, folder: Path) -> LiveSettings:
    assert section.exchange is not None  # CHECKS
    return LiveSettings(
        exchange=section.exchange,
        api_key=_reference(section.api_key, folder),
        api_secret=_reference(section.api_secret, folder),
        api_password=_reference(section.api_password, folder),
        api_url=section.api_url,
        ws_url=section.ws_url,
        sandbox=section.sandbox,
        rate_tier=section.rate_tier or next(iter(tiers_of(section.exchange)), None),
    )


def _reference(reference: str | None, folder: Path) -> str | None:
    """With the whole path of a file: it is read later, and from anywhere."""
    kind, _, path = (reference or "").partition(":")
    return f"file:{found.as_path(folder, path)}" if kind == "file" else reference


def _by_asset(table: Mapping[str, Decimal]) -> dict[Asset, Decimal]:
    return {Asset(name): amount for name, amount in table.items()}


def _quote(asset: Asset, section: QuoteSection) -> QuoteSettings:
    return QuoteSettings(
        asset=asset,
        as_asset=Asset(section.as_asset),
        rates=tuple(_rate(text) for text in section.rates),
        max_age_s=section.max_age_s,
    )


def _rate(text: str) -> tuple[Venue, Symbol]:
    venue, _, symbol = text.partition(":")
    return Venue(venue), Symbol(symbol)
