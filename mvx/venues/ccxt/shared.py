"""What processes share about one account, in small files beside the journal: its key, its rate budget, and
whose a key is.

Rules:
- One process at a time talks privately on a key whose nonce must grow. The lock is held for one call, and is
  freed by the kernel where its holder dies. The last nonce stands in the file, so that the next one is
  greater whoever takes it and however the clocks run.
- Requests are paid for from one bucket. What reads may use leaves a reserve for orders and cancels, and reads
  stand back while one of these waits: orders overtake reads.
- Nobody waits for ever: a turn that does not come in time is HeldBack, and says who is in the way.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from io import FileIO
from pathlib import Path

from mvx.clock import Clock
from mvx.domain.ids import Venue
from mvx.domain.instant import MICROS_PER_S, Instant, after, seconds_between
from mvx.errors import HeldBack
from mvx.machine import THIS_MACHINE, Machine
from mvx.turn import locked_at_once
from mvx.venues.budgets import Filling, filling_of
from mvx.venues.capabilities import Budget
from mvx.venues.port import urgent

#: How long whoever leaves a venue waits for its key (DESIGN 7).
URGENT_S = 5.0
#: The longest time for which a venue's word to wait is believed.
MOST_WAIT_S = 3_600.0
_POLL_S = 0.005
#: What these small files hold.
MOST_NOTED = 60
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


class AccountKey:
    """The right to talk privately on one key."""

    def __init__(self, name: Venue, file: Path, clock: Clock, machine: Machine = THIS_MACHINE) -> None:
        self._name = name
        self._file = file
        self._clock = clock
        self._machine = machine
        self._hurrying = 0

    @asynccontextmanager
    async def held(self, *, first: bool, give_up_at: Instant) -> AsyncIterator[Nonce]:
        """The key for one call; first: before those who only read. Raises HeldBack."""
        with closing(FileIO(_open(self._file), "r+")) as file:  # and with it the lock, however the call ends
            self._machine.holds(file)
            self._hurrying += first
            try:
                await self._lock(file.fileno(), first, give_up_at)
            finally:
                self._hurrying -= first
            yield Nonce(file.fileno(), self._clock, self._machine.pid())

    async def _lock(self, descriptor: int, first: bool, give_up_at: Instant) -> None:
        """Returns once it is ours; whoever leaves a venue goes ahead without it in the end."""
        began_at = self._clock.now()
        while True:
            if (first or not self._hurrying) and locked_at_once(descriptor):
                return
            now = self._clock.now()
            if urgent.get() and seconds_between(began_at, now) >= URGENT_S:
                return
            if now >= give_up_at:
                waited_s = seconds_between(began_at, now)
                who = _holder(descriptor)
                raise HeldBack(f"{self._name}: waited {waited_s:.1f} s for its key, which {who} uses")
            await self._clock.sleep(_POLL_S)


class Nonce:
    """Counts on one key. Milliseconds, as other tools on the same key do."""

    def __init__(self, descriptor: int, clock: Clock, pid: int) -> None:
        self._descriptor = descriptor
        self._clock = clock
        self._pid = pid

    def next(self) -> int:
        """Greater than every one before it."""
        last = _read(self._descriptor).partition(" ")[0]
        nonce = max(self._clock.now() // 1_000, int(last) + 1 if last.isdecimal() else 0)
        _write(self._descriptor, f"{nonce} {self._pid}")
        return nonce


class Note:
    """A word that whoever comes first writes, once and for all. At most MOST_NOTED characters of ASCII."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> str:
        """Empty: nothing was written yet."""
        with _locked_file(self._file) as descriptor:
            return _read(descriptor)

    def first(self, word: str) -> str:
        """What stands there, which is this where nothing did."""
        with _locked_file(self._file) as descriptor:
            found = _read(descriptor)
            if not found:
                _write(descriptor, word)
        return found or word


class SharedBucket:
    """A bucket that refills: how much may be asked, and when (the generic cell rate algorithm: one number,
    the instant at which the bucket will be full again; budgets.py reads it too)."""

    def __init__(self, name: Venue, file: Path, budget: Budget, clock: Clock) -> None:
        self._name = name
        self._file = file
        self._budget = budget
        self._clock = clock

    async def pay(self, cost: float, *, first: bool, give_up_at: Instant) -> None:
        """Take so many units, now or as soon as they are there. Raises HeldBack where that is too late."""
        while (wait_s := self._take(cost, first)) > 0:
            if after(self._clock.now(), wait_s) > give_up_at:
                raise HeldBack(f"{self._name}: {self._why(wait_s)} {wait_s:.1f} s")
            await self._clock.sleep(min(max(wait_s, _POLL_S), 1.0))

    def close_for(self, seconds: float) -> None:
        """The venue has said that we ask too much: nothing is asked for so long."""
        with _locked_file(self._file) as descriptor:
            empty_s = self._budget.burst / self._budget.per_s
            closed = after(self._clock.now(), empty_s + seconds)
            self._write_full_at(descriptor, max(closed, self._full_at(descriptor)))

    def _why(self, wait_s: float) -> str:
        """What fills by itself is never that far off."""
        if wait_s > self._budget.burst / self._budget.per_s:
            return "as it demands it is left alone for another"
        return "its rate budget is used up for"

    def _take(self, cost: float, first: bool) -> float:
        """0 where it was taken, else how long until it may be there."""
        if cost <= 0:
            return 0.0
        with _locked_file(self._file) as descriptor:
            usable = self._budget.burst * (1.0 if first else 1 - self._budget.reserve)
            full_at = max(self._clock.now(), self._full_at(descriptor))
            missing_s = seconds_between(self._clock.now(), full_at) + min(cost, usable) / self._budget.per_s
            wait_s = missing_s - usable / self._budget.per_s
            if wait_s <= 0:
                self._write_full_at(descriptor, after(full_at, cost / self._budget.per_s))
        return max(0.0, wait_s)

    def _full_at(self, descriptor: int) -> Instant:
        """What the file says. One that is spoilt, or further off than the longest wait that is believed, says
        nothing."""
        now = self._clock.now()
        filling = filling_of(_read(descriptor), now)
        longest_s = self._budget.burst / self._budget.per_s + MOST_WAIT_S
        if filling is None or seconds_between(now, filling.full_at) > longest_s:
            return Instant(0)
        return filling.full_at

    def _write_full_at(self, descriptor: int, full_at: Instant) -> None:
        from_empty_us = round(self._budget.burst / self._budget.per_s * MICROS_PER_S)
        _write(descriptor, Filling(full_at, max(1, from_empty_us)).text(self._clock.now()))


def make_folder(folder: Path) -> None:
    """For its owner alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _open(file: Path) -> int:
    try:
        return os.open(file, _FLAGS, 0o600)
    except FileNotFoundError:
        make_folder(file.parent)
        return os.open(file, _FLAGS, 0o600)


@contextmanager
def _locked_file(file: Path) -> Iterator[int]:
    """For a moment: nobody holds it while waiting for anything else."""
    descriptor = _open(file)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> str:
    return os.pread(descriptor, 64, 0).decode("ascii", "replace").strip("\0 \n")


def _write(descriptor: int, text: str) -> None:
    os.pwrite(descriptor, text.ljust(63).encode() + b"\n", 0)


def _holder(descriptor: int) -> str:
    pid = _read(descriptor).partition(" ")[2].strip()
    return f"process {pid}" if pid else "another process"
