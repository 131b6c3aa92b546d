"""Whose a key is: the account behind it has to be the one that this journal is the record of.

Rules:
- With a key of another account every list is whole and none of it is ours: what is unknown would be proven
  never to have been, and what that account holds would be booked. So nothing is asked or sent with it.
- The first account that a journal meets at a venue is its own. A key is asked once whose it is, and that is
  kept beside the journal. Where the venue does not tell, any key will do.
"""

from __future__ import annotations

from typing import Any

from mvx.errors import BadVenueData, Refusal, VenueRejected, VenueUnreachable
from mvx.venues.ccxt.access import Access, Keys
from mvx.venues.ccxt.calls import Calls
from mvx.venues.ccxt.parse import text_of
from mvx.venues.ccxt.quirks import Quirks
from mvx.venues.ccxt.shared import MOST_NOTED, Note


class Owner:
    """Whose the keys of one venue are."""

    def __init__(self, access: Access, quirks: Quirks, calls: Calls) -> None:
        self._access = access
        self._quirks = quirks
        self._calls = calls
        self._checked: Keys | None = None

    async def check(self, exchange: Any, keys: Keys) -> None:
        """Raises VenueRejected where the key is of another account than the journal's, and as every read does
        where the venue does not say whose it is."""
        if self._checked == keys:
            return
        folder, name = self._access.folder, self._access.name
        keys_own, journals = Note(folder / f"{name}-{keys.name}.account"), Note(folder / f"{name}.account")
        try:
            theirs = keys_own.read() or await self._told(exchange)
            ours = theirs and journals.first(keys_own.first(theirs))
        except OSError as error:
            raise VenueUnreachable(f"{name}: whose its key is can not be noted: {error.strerror}") from None
        if theirs != ours:
            raise self._another(theirs, ours)
        self._checked = keys

    async def _told(self, exchange: Any) -> str:
        """Empty where the venue does not tell."""
        answer, _ = await self._calls.read(exchange, lambda ex: getattr(ex, self._quirks.ask_owner)())
        told = self._quirks.owner(answer)
        if told is None or told == "":
            return ""
        name = text_of({"name": told}, "name", f"{self._access.name}: the account of its key")
        if not name.isascii() or len(name) > MOST_NOTED:
            raise BadVenueData(f"{self._access.name}: the account of its key has no name that can be noted")
        return name

    def _another(self, theirs: str, ours: str) -> VenueRejected:
        self._calls.key_refused = True  # so that it is read again: it may be replaced meanwhile
        return VenueRejected(
            f"{self._access.name}: its key is of the account {theirs}, and this journal is the record of"
            f" {ours}: nothing is asked or sent with it; use a key of that account",
            reason_code="another_account",
            about=Refusal.FORBIDDEN,
        )
