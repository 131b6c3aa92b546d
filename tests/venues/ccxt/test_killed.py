"""What a killed process of several that are simulated in this one lets go of."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mvx.domain.ids import Venue
from mvx.domain.instant import after
from mvx.errors import HeldBack
from mvx.machine import Held, Machine
from mvx.venues.ccxt.shared import AccountKey
from tests.support import ManualClock

KRAKEN = Venue("kraken")


class Mortal(Machine):
    """The machine of one process."""

    def __init__(self) -> None:
        self._held: list[Held] = []

    def pid(self) -> int:
        return 4711

    def holds(self, file: Held) -> None:
        self._held.append(file)

    def dies(self) -> None:
        for each in self._held:
            each.close()


def test_a_key_is_free_when_its_holder_was_killed(tmp_path: Path) -> None:
    """A kill closes what its machine was told of."""
    file, clock, machine = tmp_path / "key", ManualClock(), Mortal()
    mine, theirs = AccountKey(KRAKEN, file, clock, machine), AccountKey(KRAKEN, file, clock)

    async def killed() -> None:
        async with mine.held(first=False, give_up_at=after(clock.now(), 1)) as nonce:
            nonce.next()
            with pytest.raises(HeldBack, match="which process 4711 uses"):
                await take()
            machine.dies()
            await take()

    async def take() -> None:
        async with theirs.held(first=False, give_up_at=after(clock.now(), 1)):
            pass

    asyncio.run(killed())
