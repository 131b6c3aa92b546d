"""Whose turn it is to write a file: a lock among processes that is fair, and that tells who keeps it.

`flock` alone is not fair: whoever lets go and asks again is served before those whom the kernel still has to
wake, and one of four busy writers waits for a second and more. So whoever wants the turn first waits at the
head of a queue, a second lock, and leaves it when it has its turn: it competes with nobody who just had his.
Where the queue does not move (its head is a process that was stopped), the turn is taken without it.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from mvx.errors import JournalError

#: For how long the turn is waited for in the queue, before it is waited for beside it.
QUEUE_S = 1.0


class Turn:
    """One process's way to the turn, for as long as a file is open. Raises OSError where its files can not
    be made, or opened."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._lock = self._queue = -1
        self._lock = _opened(_lock_of(path), os.O_CREAT)
        self._queue = _opened(_queue_of(path), os.O_CREAT)

    def take(self) -> None:
        """Raises JournalError where somebody has it for longer than the timeout, OSError where its files can
        not be opened."""
        if self._taken_at_once():
            return
        lock, in_queue_s = _lock_of(self._path), min(QUEUE_S, self._timeout_s)
        # Made anew where somebody tidied them away: without them it is SQLite that lets one write at a time.
        taken = _taken_within(lock, in_queue_s, os.O_CREAT, queue=_queue_of(self._path))
        if taken is None:
            taken = _taken_within(lock, self._timeout_s - in_queue_s, os.O_CREAT)
        if taken is None:
            holder = _holder(self._lock)
            raise JournalError(
                f"{self._path} is locked by process {holder} for over {self._timeout_s:g} s",
                next_step=f"see what it does: ps -p {holder}",
            )
        os.close(self._lock)
        self._lock = taken

    def give_back(self) -> None:
        fcntl.flock(self._lock, fcntl.LOCK_UN)

    def close(self) -> None:
        for descriptor in (self._lock, self._queue):
            if descriptor >= 0:
                os.close(descriptor)
        self._lock = self._queue = -1  # the numbers may be other files' by now

    def __del__(self) -> None:
        """As the file's own connection does where nobody closed it."""
        self.close()

    def _taken_at_once(self) -> bool:
        if not locked_at_once(self._queue):
            return False
        try:
            return locked_at_once(self._lock)
        finally:
            fcntl.flock(self._queue, fcntl.LOCK_UN)


def holder_of(path: Path, patience_s: float) -> str | None:
    """The process that keeps a file's turn for longer than that; None where none does. What is got is let go
    at once, and no file is made."""
    lock = _lock_of(path)
    try:
        taken = _taken_within(lock, patience_s)
        descriptor = _opened(lock) if taken is None else taken
    except OSError:
        return None  # there is no lock yet, or none that is ours to take
    try:
        return _holder(descriptor) if taken is None else None
    finally:
        os.close(descriptor)


def _lock_of(path: Path) -> Path:
    return Path(f"{path}.lock")


def _queue_of(path: Path) -> Path:
    return Path(f"{path}.queue")


def _opened(path: Path, flags: int = 0) -> int:
    return os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)


def locked_at_once(descriptor: int) -> bool:
    """Takes the lock of an open file where nobody has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _taken_within(lock: Path, timeout_s: float, flags: int = 0, queue: Path | None = None) -> int | None:
    """A descriptor that holds the lock, or None. In a thread, so that the wait can be given up: a lock that
    comes after that is let go at once, by closing what holds it."""
    import threading  # here, for whoever need not wait

    # Its own open files: a lock that comes too late is then nobody else's.
    own = _opened(lock, flags)
    try:
        queued = None if queue is None else _opened(queue, flags)
    except OSError:
        os.close(own)
        raise
    decided, taken, given_up = threading.Lock(), threading.Event(), threading.Event()

    def wait() -> None:
        if queued is not None:
            fcntl.flock(queued, fcntl.LOCK_EX)
        fcntl.flock(own, fcntl.LOCK_EX)
        if queued is not None:
            os.close(queued)
        with decided:
            if given_up.is_set():
                os.close(own)
            taken.set()

    threading.Thread(target=wait, daemon=True).start()
    try:
        taken.wait(timeout_s)
    except BaseException:  # a signal: nobody is left to let go of what is or will be taken
        with decided:
            given_up.set()
            if taken.is_set():
                os.close(own)
        raise
    with decided:
        if taken.is_set():
            return own
        given_up.set()
    return None


def _holder(descriptor: int) -> str:
    """The process that holds the lock, as Linux lists it (proc_locks(5)); PID where nothing tells.

    Writing the holder into the lock file would tell too, at the price of a write per transaction.
    """
    inode = os.fstat(descriptor).st_ino
    try:
        listing = Path("/proc/locks").read_text()
    except OSError:
        return "PID"
    for line in listing.splitlines():
        fields = line.split()
        if fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(inode):
            return fields[4]
    return "PID"
