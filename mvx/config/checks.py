"""Checks across the tables of a config file: each one returns its errors as texts.

Rule: a check reads the raw tables and passes over what is malformed, which `model` reports. So both
kinds of error come out of one run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mvx.config.problems import suggestion
from mvx.venues.capabilities import ROWS

Raw = Mapping[str, Any]

_PAPER_ONLY = ("books", "books_venue", "clock", "seed", "balances", "lot", "tick", "min_qty", "min_notional")


def symbols_of_known_instruments(raw: Raw) -> Iterator[str]:
    """A venue trades instruments that are configured, in their base, and in their quote or an equivalent."""
    instruments = dict(_tables(raw, "instruments"))
    equivalents = {name: table.get("as") for name, table in _tables(raw, "quotes")}
    for venue, table in _tables(raw, "venues"):
        for name, symbol in _entries(table, "symbols"):
            key = f"venues.{venue}.symbols.{name}"
            instrument = instruments.get(name)
            if instrument is None:
                yield f"{key}: there is no instrument {name}{_instead(name, instruments)}"
                continue
            base, _, quote = str(symbol).partition("/")
            if base != instrument.get("base"):
                yield f"{key}: found {symbol!r}, a symbol in base {instrument.get('base')} is allowed"
            own = instrument.get("quote")
            if quote != own and equivalents.get(quote) != own:
                yield f"{key}: found {symbol!r}, a quote of {own} or an equivalent in [quotes] is allowed"


def rates_of_known_venues(raw: Raw) -> Iterator[str]:
    """An equivalent's rate comes from a configured venue, and is the price of that asset in the other."""
    venues = dict(_tables(raw, "venues"))
    for asset, table in _tables(raw, "quotes"):
        if table.get("as") == asset:
            yield f"quotes.{asset}.as: found {asset!r}, another asset is allowed"
        rates = table.get("rates")
        for rate in rates if isinstance(rates, list) else ():
            venue, colon, symbol = str(rate).partition(":")
            if not colon:
                continue
            if venue not in venues:
                yield f"quotes.{asset}.rates: there is no venue {venue}{_instead(venue, venues)}"
            if symbol != f"{asset}/{table.get('as')}":
                yield f"quotes.{asset}.rates: found {symbol!r}, {asset}/{table.get('as')} is allowed"


def limits_of_known_names(raw: Raw) -> Iterator[str]:
    """A limit is set on an instrument or a venue that exists: a typo would be no limit at all."""
    risk = _table(raw, "risk")
    for key, section in (
        ("max_position", "instruments"),
        ("max_position_notional", "instruments"),
        ("max_order_qty", "instruments"),
        ("max_venue_notional", "venues"),
    ):
        known = dict(_tables(raw, section))
        for name, _ in _entries(risk, key):
            if name not in known:
                yield f"risk.{key}.{name}: there is no {section[:-1]} {name}{_instead(name, known)}"


def notionals_can_be_computed(raw: Raw) -> Iterator[str]:
    """A limit in the desk's currency needs a way there from every quote that it binds: there is no par."""
    currency = _table(raw, "desk").get("currency", "USD")
    equivalents = {name: table.get("as") for name, table in _tables(raw, "quotes")}
    risk = _table(raw, "risk")
    for name, instrument in _tables(raw, "instruments"):
        quote = found = str(instrument.get("quote", currency))
        for _ in equivalents:
            found = found if found == currency else equivalents.get(found) or found
        if found == currency:
            continue
        for key in _NOTIONALS:
            limit = risk.get(key)
            if limit is not None and _binds(raw, limit, name):
                yield (
                    f"risk.{key}: found in {currency}, and {name} is quoted in {quote};"
                    f' [quotes.{quote}] with as = "{currency}" and its rates is required'
                )


def enough_venues_exist(raw: Raw) -> Iterator[str]:
    """With more venues required than there are, an instrument could never be traded."""
    least = _table(raw, "risk").get("min_venues_alive")
    listed = Counter(name for _, table in _tables(raw, "venues") for name, _ in _entries(table, "symbols"))
    for name, count in listed.items():
        if type(least) is int and least > count:
            yield f"risk.min_venues_alive: found {least}, at most {count} is allowed: so many list {name}"


def live_venues_are_limited(raw: Raw) -> Iterator[str]:
    """Live venues require max_position for what they trade, and max_order_notional."""
    risk = _table(raw, "risk")
    limited = {name for name, _ in _entries(risk, "max_position")}
    live = [table for _, table in _tables(raw, "venues") if _live(table)]
    traded = dict.fromkeys(name for table in live for name, _ in _entries(table, "symbols"))
    for name in traded:
        if name not in limited:
            yield f"risk.max_position.{name}: missing, and required for live venues"
    if live and "max_order_notional" not in risk:
        yield "risk.max_order_notional: missing, and required for live venues"


def keys_fit_the_adapter(raw: Raw) -> Iterator[str]:
    """What only a simulated venue has is no setting of a live one, and a live one names its exchange."""
    for venue, table in _tables(raw, "venues"):
        if not _live(table):
            continue
        for key in _PAPER_ONLY:
            if key in table:
                yield f'venues.{venue}.{key}: found on a live venue; allowed only with adapter = "paper"'
        if "exchange" not in table:
            yield f'venues.{venue}.exchange: missing, and required with adapter = "ccxt"'


def exchanges_are_known(raw: Raw) -> Iterator[str]:
    """A live venue is one that mvx knows, and asks for a sandbox only where it has one; of another host
    nobody can say."""
    for venue, table in _tables(raw, "venues"):
        exchange = table.get("exchange")
        if not _live(table) or not isinstance(exchange, str):
            continue
        if exchange not in ROWS:
            allowed = f"allowed: {', '.join(sorted(ROWS))}{suggestion(exchange, ROWS)}"
            yield f"venues.{venue}.exchange: found {exchange!r}, {allowed}"
        elif table.get("sandbox") is True and not ROWS[exchange].sandbox and "api_url" not in table:
            yield f"venues.{venue}.sandbox: {exchange} has none"


def keys_come_with_their_secrets(raw: Raw) -> Iterator[str]:
    """A live venue is asked with a key and its secret, or with neither; a paper one is served with them."""
    for venue, table in _tables(raw, "venues"):
        for key, other in (("api_key", "api_secret"), ("api_secret", "api_key")):
            if key in table and other not in table:
                yield f"venues.{venue}.{other}: missing, and required with {key}"


def accounts_are_apart(raw: Raw) -> Iterator[str]:
    """A live account is one venue: under two names its balances and fills would count twice."""
    names: dict[tuple[str, ...], str] = {}
    for venue, table in _tables(raw, "venues"):
        if not _live(table) or "api_key" not in table:
            continue
        account = tuple(str(table.get(key, "")) for key in ("exchange", "api_url", "sandbox", "api_key"))
        first = names.setdefault(account, venue)
        if first != venue:
            yield f"venues.{venue}.api_key: found at venues.{first} too; an account is allowed under one name"


def rate_tiers_are_the_venues_own(raw: Raw) -> Iterator[str]:
    """A tier is one of those that the venue has; most have none."""
    for venue, table in _tables(raw, "venues"):
        found = table.get("rate_tier")
        tiers = tiers_of(str(table.get("exchange"))) if _live(table) else ()
        if found is not None and found not in tiers:
            allowed = f"allowed: {', '.join(tiers)}" if tiers else "and this venue has no tiers"
            yield f"venues.{venue}.rate_tier: found {found!r}, {allowed}"


def tiers_of(exchange: str) -> tuple[str, ...]:
    """The names of an exchange's tiers, the least first."""
    return tuple(ROWS[exchange].tiers) if exchange in ROWS else ()


_NOTIONALS = (
    "max_position_notional",
    "max_gross_notional",
    "max_order_notional",
    "max_venue_notional",
    "max_daily_turnover",
)


def _binds(raw: Raw, limit: Any, instrument: str) -> bool:
    """Whether a limit is on this instrument: on one of its base, on a venue that lists it, or on all."""
    if not isinstance(limit, dict):
        return True
    bases = {name: table.get("base") for name, table in _tables(raw, "instruments")}
    venues = dict(_tables(raw, "venues"))
    return any(
        bases.get(key) == bases[instrument]
        if key in bases
        else instrument in _table(venues.get(key, {}), "symbols")
        for key in limit
    )


CHECKS: tuple[Callable[[Raw], Iterator[str]], ...] = (
    symbols_of_known_instruments,
    rates_of_known_venues,
    limits_of_known_names,
    notionals_can_be_computed,
    enough_venues_exist,
    live_venues_are_limited,
    keys_fit_the_adapter,
    exchanges_are_known,
    keys_come_with_their_secrets,
    accounts_are_apart,
    rate_tiers_are_the_venues_own,
)


def _live(venue: Raw) -> bool:
    return venue.get("adapter") == "ccxt"


def _table(raw: Raw, key: str) -> Raw:
    found = raw.get(key)
    return found if isinstance(found, dict) else {}


def _tables(raw: Raw, key: str) -> Iterator[tuple[str, Raw]]:
    return ((name, table) for name, table in _table(raw, key).items() if isinstance(table, dict))


def _entries(table: Raw, key: str) -> Iterator[tuple[str, Any]]:
    return iter(_table(table, key).items())


def _instead(typed: str, known: Mapping[str, Any]) -> str:
    return f"{suggestion(typed, known)}; configured: {', '.join(known) or 'none'}"
