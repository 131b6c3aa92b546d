"""A moment that is waited for, or that something is counted from, by a clock that may be set back."""

from __future__ import annotations

from mvx.clock import Clock
from mvx.domain.instant import after, seconds_between


class Moment:
    """So many seconds from now. It moves back along with a clock that is set back, as seen by whoever asks
    again and again, so that nobody waits longer for that."""

    def __init__(self, clock: Clock, in_s: float = 0.0) -> None:
        self._clock = clock
        self._seen_at = clock.now()
        self.at = after(self._seen_at, in_s)

    def left_s(self) -> float:
        """Seconds until it; negative once it has passed."""
        now = self._clock.now()
        if now < self._seen_at:
            self.at = after(self.at, seconds_between(self._seen_at, now))
        self._seen_at = now
        return seconds_between(now, self.at)

    def elapsed_s(self) -> float:
        """Seconds since it."""
        return -self.left_s()
