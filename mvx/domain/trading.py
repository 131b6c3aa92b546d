"""The operator's trading state, of the whole system and of each venue (DESIGN 5).

Apart from a venue's health: health is what the venue does, this is what a human decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from mvx.domain.ids import Venue
from mvx.domain.instant import Instant


class TradingState(StrEnum):
    """REDUCING: only what makes the position smaller. HALTED: nothing but cancels and a flatten."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


_SEVERITY = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED)


def strictest(*states: TradingState) -> TradingState:
    """The one that rules where several apply; ACTIVE where none does."""
    return max(states, key=_SEVERITY.index, default=TradingState.ACTIVE)


class Trading(NamedTuple):
    """What was decided about a venue, or about the whole system (scope None): why, by whom and when."""

    scope: Venue | None
    state: TradingState
    reason: str
    by: str
    at: Instant

    def __str__(self) -> str:
        """`halted by ops@host: maintenance`."""
        because = f": {self.reason}" if self.reason else ""
        return f"{_DONE[self.state]} by {self.by}{because}"


#: By its scope. A scope that is not there is ACTIVE.
TradingStates = Mapping[Venue | None, Trading]

_DONE = {
    TradingState.ACTIVE: "resumed",
    TradingState.REDUCING: "set to reducing only",
    TradingState.HALTED: "halted",
}


def state_of(states: TradingStates, scope: Venue | None) -> TradingState:
    """What was decided about this scope alone."""
    found = states.get(scope)
    return TradingState.ACTIVE if found is None else found.state
