"""How long one plan takes: five venues of 1,000 levels each.

Run it with `python -m tests.benchmarks.bench_router`.
"""

from __future__ import annotations

import random
import statistics
import time
from decimal import Decimal

from mvx.domain.order import Side
from mvx.router.cost import Quote
from mvx.router.plan import PlanRequest, make_plan
from tests.router.market import BTC_USD, quote

VENUES = (
    ("kraken", "26", "0.00000001", "0.1", "1"),
    ("coinbase", "40", "0.00000001", "0.01", "1"),
    ("binance", "10", "0.00001", "0.01", "0.9995"),
    ("okx", "10", "0.00000001", "0.1", "0.9995"),
    ("bybit", "10", "0.000001", "0.1", "0.9995"),
)
DEPTH = 1_000


def market(seed: int) -> list[Quote]:
    rng = random.Random(seed)
    return [_quote(rng, *row) for row in VENUES]


def _quote(rng: random.Random, venue: str, fee_bps: str, lot: str, tick: str, rate: str) -> Quote:
    def ladder(start: str, step: Decimal) -> list[tuple[Decimal, Decimal]]:
        px, rows = Decimal(start), []
        for _ in range(DEPTH):
            px += step * rng.randint(1, 9)
            rows.append((px, Decimal(rng.randint(1, 400_000)) / 1_000_000))
        return rows

    return quote(
        venue,
        asks=ladder("80000", Decimal(tick)),
        bids=ladder("79999", -Decimal(tick)),
        fee_bps=fee_bps,
        rate=rate,
        lot=lot,
        tick=tick,
        min_qty=lot,
        min_notional="5",
        spendable="100000000",
    )


def main() -> None:
    quotes = market(7)
    for qty in ("0.5", "5", "50", "200", "500", "950"):
        request = PlanRequest(BTC_USD, Side.BUY, Decimal(qty))
        times = []
        for _ in range(25):
            start = time.perf_counter()
            plan = make_plan(request, quotes)
            times.append((time.perf_counter() - start) * 1_000)
        median, worst = statistics.median(times), max(times)
        print(  # noqa: T201
            f"{qty:>6} BTC  p50 {median:6.2f} ms  max {worst:6.2f} ms  "
            f"legs {len(plan.legs)}  planned {plan.planned_qty}"
        )


if __name__ == "__main__":
    main()
