"""How much may be asked of the served Kraken, counted as Kraken counts it. Pure but for the count."""

from __future__ import annotations

from mvx.domain.instant import Instant, seconds_between

#: docs.kraken.com/api/docs/guides/spot-rest-ratelimits, Starter: the counter may reach 15, and goes down by
#: 0.33 a second.
KRAKEN_MOST, KRAKEN_DECAY_PER_S = 15.0, 0.33
#: The same page: "Ledger/trade history calls increase the counter by 2. All other API calls increase this
#: counter by 1 (except AddOrder, CancelOrder which operate on a different limiter)".
_KRAKEN_COSTS = {"TradesHistory": 2, "Ledgers": 2, "AddOrder": 0, "CancelOrder": 0}


class CallCounter:
    """Kraken's call counter of one key. What is refused is not counted."""

    def __init__(self) -> None:
        self._count = 0.0
        self._at = Instant(0)

    def admits(self, name: str, now: Instant) -> bool:
        """Whether a private call is admitted."""
        passed_s = max(0.0, seconds_between(self._at, now))
        self._count = max(0.0, self._count - KRAKEN_DECAY_PER_S * passed_s)
        self._at = max(self._at, now)
        cost = _KRAKEN_COSTS.get(name, 1)
        if cost and self._count + cost > KRAKEN_MOST:
            return False
        self._count += cost
        return True
