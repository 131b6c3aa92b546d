"""What an operator asks for with `mvx flatten`."""

from __future__ import annotations

from dataclasses import dataclass

from mvx.domain.ids import Venue


@dataclass(frozen=True, slots=True)
class FlattenOrder:
    """What is to be left. `instruments` empty: all that the venue trades. `to_zero`: the inventory too,
    for which the baseline is set to zero. `foreign`: cancel what mvx did not send as well. `begin_within_s`:
    as a route's."""

    venues: tuple[Venue, ...]
    instruments: tuple[str, ...]
    to_zero: bool
    foreign: bool
    dry_run: bool
    by: str
    begin_within_s: float | None = None
