"""What happens while a venue is read, and what its lists know late: the balance is compared with every state
that it can have been in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mvx.journal import history
from tests.engine.happenings import busts, deposits, trades_by_hand
from tests.engine.meddling import Meddled
from tests.engine.truth import reading

EVENTS = pytest.mark.parametrize("event", [trades_by_hand, busts, deposits], ids=lambda each: each.__name__)
Event = Callable[[Meddled], None]


def doubts(at: Meddled) -> int:
    with reading(at.settings) as tx:
        return len(history.doubts(tx))


class Behind:
    """Edits by which the lists of a pass show what they showed at one moment: the first half of them, or
    the second, or the balances too."""

    def __init__(self, at: Meddled) -> None:
        self.edits = at.edits
        self.shown = dict(at.edits)
        self.calls: dict[str, int] = {}

    def hide(self, call: str, before: Any, *, first: bool) -> None:
        """From now on every other answer to this call is an old one, beginning with the first or not."""
        now = self.edits.get(call, lambda listed, since: listed)

        def edit(listed: Any, since: Any) -> Any:
            number = self.calls[call] = self.calls.get(call, 0) + 1
            return before if (number % 2 == 1) is first else now(listed, since)

        self.edits[call] = edit
