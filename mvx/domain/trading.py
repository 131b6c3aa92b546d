"""The operator's trading state, of the whole system and of each venue (DESIGN 5).

Apart from a venue's health: health is what the venue does, this is what a human decided.
"""

from __future__ import annotations

from enum import StrEnum


class TradingState(StrEnum):
    """REDUCING: only what makes the position smaller. HALTED: nothing but cancels and a flatten."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


_SEVERITY = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED)


def strictest(*states: TradingState) -> TradingState:
    """The one that rules where several apply; ACTIVE where none does."""
    return max(states, key=_SEVERITY.index, default=TradingState.ACTIVE)
