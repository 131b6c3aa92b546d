"""What the account pays, where it is not configured: asked of the venue once an hour, for it goes by what was
traded lately.
"""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

from mvx.domain.ids import Symbol
from mvx.domain.instant import Instant
from mvx.errors import NoKey, OutcomeUnknown, VenueRejected, VenueUnreachable
from mvx.venues.ccxt.markets import is_fresh
from mvx.venues.ccxt.parse import taker_bps_of
from mvx.venues.ccxt.session import Session


class Fees:
    """The taker fees of one account."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._told_bps: dict[Symbol, Decimal] = {}
        self._asked_at: dict[Symbol, Instant] = {}

    @property
    def dearest_bps(self) -> Decimal | None:
        """Of all markets that were asked for, as they were told last; None: none was."""
        return max(self._told_bps.values(), default=None)

    async def learn(self, symbol: Symbol) -> None:
        """Of a market. A fee that is known counts on where the venue does not answer; one that is not is an
        error then. Where the venue tells none it stays unknown, and nothing is routed there."""
        known, now = symbol in self._told_bps, self._session.calls.now()
        if known and is_fresh(self._asked_at[symbol], now):
            return
        self._asked_at[symbol] = now
        silent = (OutcomeUnknown, VenueUnreachable) if known else ()
        with suppress(VenueRejected, NoKey, *silent):
            told_bps = taker_bps_of(await self._session.fee(symbol))
            if told_bps is not None:
                self._told_bps[symbol] = told_bps
