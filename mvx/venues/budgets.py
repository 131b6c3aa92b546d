"""What is used of a venue's budgets of requests, as the small files tell that processes share (ccxt/shared.py
spends them). Nobody is asked, nothing is written, and no adapter is imported for it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from mvx.domain.ids import Venue
from mvx.domain.instant import Instant

#: Whose budget a file is: everybody's, nobody's who has no key, or that of the key with this name.
PUBLIC, NO_KEY = "public", "no-key"
#: What a venue counts beside requests, in a file of the key's own that is none of these: new orders.
ORDERS = "orders"
_WHOSE = rf"{PUBLIC}|{NO_KEY}|[0-9a-f]{{16}}"


class Filling(NamedTuple):
    """A bucket that refills: the instant at which it will be full again, and how long it takes from empty."""

    full_at: Instant
    from_empty_us: int

    def text(self, now: Instant) -> str:
        return f"{self.full_at} {now} {self.from_empty_us}"

    def used(self, now: Instant) -> float:
        """The share of it that is used, of 1. While a venue wants to be left alone that is all of it."""
        return min(1.0, max(0, self.full_at - now) / self.from_empty_us)


def file_of(folder: Path, venue: Venue, whose: str) -> Path:
    return folder / f"{venue}-{whose}.budget"


def filling_of(text: str, now: Instant) -> Filling | None:
    """What a file says; None for one that is spoilt. Where our clock was set back since it was written, so
    is what it says."""
    words = text.split()
    if len(words) != 3 or not all(word.isdecimal() for word in words):
        return None
    full_at, written_at, from_empty_us = map(int, words)
    if not from_empty_us:
        return None
    return Filling(Instant(full_at - max(0, written_at - now)), from_empty_us)


def share_used(folder: Path, venue: Venue, now: Instant) -> float | None:
    """The share of the venue's scarcest budget that is used now; None where none was ever spent."""
    shares = []
    for file in folder.glob(f"{venue}-*.budget"):
        if re.fullmatch(_WHOSE, file.stem.removeprefix(f"{venue}-")) is None:
            continue  # another venue's, whose name begins alike
        try:
            filling = filling_of(file.read_text(encoding="ascii", errors="replace"), now)
        except OSError:
            continue  # whoever spends from it says what is wrong with it
        if filling is not None:
            shares.append(filling.used(now))
    return max(shares, default=None)
