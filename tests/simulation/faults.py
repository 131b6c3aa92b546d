"""Every kind of fault, as data, and the strikes that a seed draws of them.

Rule: a strike is drawn from (seed, kind, ordinal) alone, and its time, venue and numbers with it. Each seed
has its own rate for each kind, and about half of the kinds do not occur in it at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from typing import NamedTuple

from mvx.domain.ids import Venue
from tests.simulation.chance import chance


class Group(Enum):
    """What a fault strikes: a request on its way, what a call answers, the venue itself, what its owner does
    there by hand, or one of our processes."""

    REQUEST = auto()
    ANSWER = auto()
    VENUE = auto()
    OWNER = auto()
    PROCESS = auto()


class Span(NamedTuple):
    """From here to there, in seconds."""

    least: float
    most: float

    def draw(self, chance: Random) -> float:
        """The ends are where mistakes are: they come more often than what is between them."""
        if chance.random() < 0.3:
            return self.most
        return round(chance.uniform(self.least, self.most), 6)


NONE = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Kind:
    """`per_minute`: how often it strikes in a seed of the middle. `delay`: by how much something is late;
    `lasts`: for how long it strikes, or once."""

    group: Group
    per_minute: float
    delay: Span = NONE
    lasts: Span = NONE


def _kinds(
    group: Group, per_minute: float, *names: str, delay: Span = NONE, lasts: Span = NONE
) -> dict[str, Kind]:
    return {name: Kind(group, per_minute, delay, lasts) for name in names}


#: lateness 2 s, accept lateness 4 s, listing lag 1 s and clock skew 0.5 s are what the venues declare.
KINDS: Mapping[str, Kind] = {
    **_kinds(Group.REQUEST, 2.0, "lost-request", "lost-ack", "http-503-before", "http-503-after"),
    **_kinds(
        Group.REQUEST,
        1.0,
        "http-429",
        "reset-after",
        "html-200",
        "empty-200",
        "truncated",
        "no-id",
        "refused",
    ),
    **_kinds(Group.REQUEST, 2.0, "late-request", delay=Span(0.5, 15)),
    **_kinds(Group.REQUEST, 1.0, "late-ack", delay=Span(0.3, 3)),
    **_kinds(Group.REQUEST, 1.0, "slow", delay=Span(0.1, 0.9)),
    **_kinds(Group.ANSWER, 4.0, "repeated-request"),
    **_kinds(Group.ANSWER, 8.0, "late-acceptance", delay=Span(0.1, 3.95)),
    **_kinds(Group.ANSWER, 1.0, "doubled-rows", "other-numbers"),
    **_kinds(Group.ANSWER, 2.0, "replayed-events"),
    **_kinds(Group.ANSWER, 4.0, "stale-balance"),
    **_kinds(Group.ANSWER, 6.0, "phantom-event"),
    **_kinds(Group.VENUE, 2.0, "late-trade", "stale-order", "not-found", delay=Span(0.1, 0.95)),
    **_kinds(Group.VENUE, 2.0, "late-fill", delay=Span(0.1, 1.9)),
    **_kinds(Group.VENUE, 0.7, "too-late-fill", delay=Span(3.5, 9)),
    **_kinds(Group.VENUE, 0.7, "bust", delay=Span(0.1, 6)),
    **_kinds(Group.VENUE, 2.0, "partial", "duplicate-event", "drop-event", "reorder-event"),
    **_kinds(Group.VENUE, 0.5, "outage", "hang", "maintenance", "key-revoked", lasts=Span(0.5, 12)),
    **_kinds(Group.VENUE, 0.7, "clock-skew", delay=Span(-0.45, 0.45), lasts=Span(1, 20)),
    **_kinds(Group.VENUE, 0.7, "base-fee", "token-fee", lasts=Span(1, 20)),
    **_kinds(Group.OWNER, 0.7, "foreign-fill", "foreign-order", "correction", "overfill"),
    **_kinds(Group.OWNER, 6.0, "cancel-by-hand"),
    **_kinds(Group.OWNER, 3.0, "gift"),
    **_kinds(Group.OWNER, 0.7, "transfer", delay=Span(0, 3)),
    **_kinds(Group.OWNER, 1.5, "withdrawal", delay=Span(0.1, 15)),
    **_kinds(Group.PROCESS, 1.5, "crash-await", "crash-before-commit", "crash-after-commit"),
    **_kinds(Group.PROCESS, 0.7, "stall", "stall-after-commit", lasts=Span(0.5, 25)),
}


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: the `index`-th of its kind, so long after the beginning. `pick` is its own luck."""

    at_s: float
    kind: str
    index: int
    venue: Venue
    delay_s: float
    lasts_s: float
    pick: int

    @property
    def name(self) -> str:
        return f"{self.kind}/{self.index}"


def strikes(seed: int, venues: tuple[Venue, ...], for_s: float) -> list[Strike]:
    """All of a seed's, in the order of time."""
    found = [strike for kind in KINDS for strike in _of_kind(seed, kind, venues, for_s)]
    return sorted(found, key=lambda strike: (strike.at_s, strike.name))


def _of_kind(seed: int, name: str, venues: tuple[Venue, ...], for_s: float) -> list[Strike]:
    kind = KINDS[name]
    swarm = chance(seed, name, "rate")
    if swarm.random() < 0.5:
        return []
    mean_s = 60 / (kind.per_minute * math.exp(swarm.uniform(-1, 1.5)))
    found: list[Strike] = []
    at_s = 0.0
    while True:
        luck = chance(seed, name, len(found))
        at_s += luck.expovariate(1 / mean_s)
        if at_s > for_s:
            return found
        venue, delay_s, lasts_s = luck.choice(venues), kind.delay.draw(luck), kind.lasts.draw(luck)
        found.append(Strike(round(at_s, 6), name, len(found), venue, delay_s, lasts_s, luck.getrandbits(32)))
