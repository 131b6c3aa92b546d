"""A venue's markets, kept on disk for an hour: to ask for one book one need not ask for a thousand pairs.

Rules:
- The file is a copy and nothing hangs on it: one that can not be read, or that is about another venue, host,
  version of ccxt or other symbols, is as good as none.
- Where the venue does not answer, an old copy is better than none: a venue can be left without its list of
  markets. What is sent is checked against it, and by the venue.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from mvx.domain.ids import Symbol
from mvx.domain.instant import Instant, seconds_between
from mvx.errors import BadVenueData, OutcomeUnknown, VenueRejected, VenueUnreachable
from mvx.venues.ccxt.access import Access
from mvx.venues.ccxt.calls import Calls

FRESH_S = 3_600.0


class MarketsFile:
    """The copy of one venue's markets. `about`: what it has to be about to be of use. symbols: those whose
    own record is kept, too; it makes up most of the file."""

    def __init__(self, file: Path, about: dict[str, str], symbols: Collection[Symbol]) -> None:
        self._file = file
        self._about = about
        self._symbols = frozenset(symbols)

    def load_into(self, exchange: Any) -> Instant | None:
        """When they were read; None where there is no copy, and then nothing was changed."""
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            if found["about"] != self._about or not found["markets"]:
                return None
            at, markets, currencies = int(found["at"]), found["markets"], found["currencies"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        exchange.set_markets(markets, currencies)
        return Instant(at)

    def save(self, exchange: Any, at: Instant) -> None:
        """Whole or not at all, and for the owner alone."""
        kept = {
            "about": self._about,
            "at": at,
            "markets": [self._short(market) for market in exchange.markets.values()],
            "currencies": {code: {**each, "info": {}} for code, each in exchange.currencies.items()},
        }
        fresh = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as writer:
                json.dump(kept, writer)
            fresh.replace(self._file)
        except OSError:  # a full or read-only disk: then there is no copy
            fresh.unlink(missing_ok=True)

    def _short(self, market: dict[str, Any]) -> dict[str, Any]:
        return market if market["symbol"] in self._symbols else {**market, "info": {}}


async def load_markets(exchange: Any, access: Access, calls: Calls) -> Instant:
    """The copy, or the venue's own list where it is older than an hour and the venue tells it. As of when the
    markets are."""
    now = calls.now()
    about = {
        "exchange": access.exchange,
        "api_url": access.api_url or "",
        "sandbox": str(access.sandbox),
        "ccxt": exchange.get_ccxt_version(),
        "symbols": " ".join(sorted(access.symbols)),
    }
    file = MarketsFile(access.folder / f"{access.name}.markets", about, access.symbols)
    read_at = file.load_into(exchange)
    if read_at is not None and is_fresh(read_at, now):
        return read_at
    try:
        await calls.read(exchange, lambda ex: ex.load_markets(True))
    except (OutcomeUnknown, VenueUnreachable, VenueRejected):
        if read_at is None:
            raise
        return read_at
    if not exchange.markets:
        raise BadVenueData(f"{access.name}: it lists no markets")
    _refuse_twins(exchange, access)
    file.save(exchange, now)
    return now


def _refuse_twins(exchange: Any, access: Access) -> None:
    """Of two markets that have one symbol ccxt keeps the last."""
    every = [market["symbol"] for markets in exchange.markets_by_id.values() for market in markets]
    for symbol in access.symbols:
        if every.count(symbol) > 1:
            raise BadVenueData(f"{access.name}: two of its markets are {symbol}")


def is_fresh(read_at: Instant, now: Instant) -> bool:
    return 0 <= seconds_between(read_at, now) < FRESH_S
