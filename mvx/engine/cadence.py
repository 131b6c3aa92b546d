"""When a venue is due for its next pass: a pure question."""

from __future__ import annotations

from mvx.domain.instant import Instant, seconds_between
from mvx.venues.health import Health, HealthState

#: While something at a venue is not known, it is read so often; never slower than its own interval.
RESTLESS_S = 1.0


def pause_s(interval_s: float, health: Health, now: Instant, *, restless: bool) -> float:
    """Seconds until the next pass. A dark venue is read when its probe is due, whatever is open there."""
    if health.state is HealthState.DARK:
        due_at = health.probe_at
        return interval_s if due_at is None else max(0.05, seconds_between(now, due_at))
    return min(interval_s, RESTLESS_S) if restless else interval_s
