"""Seeds that found something: what was wrong, in one sentence. Each is run with every change.

A seed tells its old story only as long as the simulation draws as it did; the mistakes themselves stay in
planted.py, where they are hunted with every seed.
"""

from __future__ import annotations

from collections.abc import Mapping

NAMED: Mapping[int, str] = {
    31: "a duplicate-id code was taken for a refusal, and the order that had the id was our own",
    55: "two flattens of one venue took the lease from one another, and the loser's job was never answered",
    90: "an order that was accepted after the last cancel rested on, and reconcile alone does not cancel it",
    1080: "a flatten took the desk beyond its position limit, which it may: it only reduces at its venue",
    1849: "a reading that a later one had overtaken proved nothing and exited 0",
}
