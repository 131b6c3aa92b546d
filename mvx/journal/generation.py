"""What tells a journal from an older state of itself and from a copy: its mark, a small file beside it.

The mark says which epoch the journal is in, how far its log had come, when that was noted, and which file
it is itself. A journal that was put back has fewer entries, or another epoch; a mark that came along with
it is another file, or was changed at another time than it says.

Rules:
- The mark is written after a commit, once a second and at the end, without an fsync: it is level with the
  log or behind it, never ahead, so that a process that was killed is no alarm. (Written after each commit
  it would cost a third of a transaction's time: the commit's own fsync then carries it.)
- No id leans on it. Every process makes its ids of a random epoch of its own and the journal's counters,
  so whatever was restored, copied or rolled back, nobody makes an id twice.
- It is only read to notice, and where it can not be written nothing fails: less is noticed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from mvx.domain.ids import EPOCH_RANGE, make_epoch
from mvx.errors import JournalError
from mvx.machine import THIS_MACHINE, Machine
from mvx.unusable import unusable

SUFFIX = ".mark"
#: A file system notes a change within this time of it, or the times of its files are not compared.
_PROMPT_NS = 50_000_000
_TRIES = 5
_NOTED_EVERY_S = 1.0
_LAYOUT = "epoch={} device={:020d} inode={:020d} "
_PROGRESS = "seq={:019d} at={:019d}\n"
_SEQ_CHARS = 19


class Mark(NamedTuple):
    """`seq`: the log had so many entries at least. `at`: when it was noted, in nanoseconds; 0 where this
    file system does not keep time. `device` and `inode`: the file that the mark was written in."""

    epoch: str
    device: int
    inode: int
    seq: int
    at: int


class Found(NamedTuple):
    """A mark, and what the file system says of its file."""

    mark: Mark
    device: int
    inode: int
    changed_at: int


def random_epoch(machine: Machine) -> str:
    """No two journals, and no two processes, ever have the same."""
    return make_epoch(machine.randbelow(EPOCH_RANGE))


def mark_path(journal: Path) -> Path:
    """Beside the journal's own file, whichever name it was opened by."""
    real = journal.resolve()
    return real.with_name(real.name + SUFFIX)


def read_mark(path: Path) -> Found | str:
    """The mark, or why there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            text = os.read(descriptor, 4096).decode("ascii", errors="replace")
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        return Found(_parsed(text), status.st_dev, status.st_ino, status.st_ctime_ns)
    except FileNotFoundError:
        return f"{path.name} is missing"
    except (OSError, ValueError) as error:
        return f"{path.name} can not be read: {error}"


def _parsed(text: str) -> Mark:
    fields = dict(part.split("=", 1) for part in text.split() if "=" in part)
    try:
        numbers = (int(fields[name]) for name in Mark._fields[1:])
        return Mark(fields["epoch"], *numbers)
    except (KeyError, ValueError):
        raise ValueError("it is no mark") from None


def why_not_the_same(name: str, found: Found | str, epoch: str, seq: int) -> str:
    """Why a journal in this epoch, with so many entries, is not the one that was last written here; empty
    where it is. Where others write, the mark must have been read before the journal."""
    if isinstance(found, str):
        return found
    mark = found.mark
    if mark.epoch != epoch:
        return f"{name} is about another one"
    if seq < mark.seq:
        return f"it has {seq} entries, and had {mark.seq}"
    if (found.device, found.inode) != (mark.device, mark.inode):
        return f"{name} is a copy"
    if mark.at and abs(found.changed_at - mark.at) > _PROMPT_NS:
        return f"{name} was changed, and not by mvx"
    return ""


#: The journal's epoch, and how far its log has come, as it is now.
Identity = Callable[[], tuple[str, int]]


class Writer:
    """What one process knows of the journal that it writes: the epoch of its ids, how far the log has come,
    and why this is not the journal that was last written here (empty: it is)."""

    def __init__(self, journal: Path | None = None, machine: Machine = THIS_MACHINE) -> None:
        self.machine = machine
        self.epoch = random_epoch(machine)
        self.restored = ""
        self._seq = 0
        self._noted_seq = 0
        self._noted_at_s = float("-inf")
        self._sure = journal is None
        self._mark = None if journal is None else MarkFile(journal)

    def close(self) -> None:
        assert self._mark is not None
        if self._noted_seq < self._seq and self._sure and not self.restored:
            self._note()
        self._mark.close()

    def look(self, identity: Identity) -> None:
        """Without the lock: whoever is just writing may make it look restored, but not for long."""
        for _ in range(_TRIES):
            self._compare(identity)
            if not self.restored:
                return
            time.sleep(_PROMPT_NS / 1e10)

    def make_sure(self, identity: Identity) -> None:
        """Once, under the lock, before the first transaction of this process."""
        if not self._sure:
            self._compare(identity)
            self._sure = True

    def _compare(self, identity: Identity) -> None:
        assert self._mark is not None
        found = read_mark(self._mark.path)
        epoch, seq = identity()
        self.restored = why_not_the_same(self._mark.path.name, found, epoch, seq)
        self._seq = seq

    def refuse_if_shorter(self, seq: int) -> None:
        """Raises JournalError where the next entry's seq was taken already, as this process knows."""
        if seq <= self._seq:
            raise JournalError(
                f"the journal was put back to an older one while it was written: entry {self._seq} is gone",
                known="nothing was written; what was sent since is at the venues and not in this journal",
                next_step="stop every mvx of this desk, then: mvx reconcile",
            )

    def marked_entries(self) -> int:
        """How far the log had come that the mark is about; 0 where there is no mark."""
        assert self._mark is not None
        found = read_mark(self._mark.path)
        return found.mark.seq if isinstance(found, Found) else 0

    def begin(self, epoch: str) -> None:
        """A new journal. Raises JournalError where its mark can not be written."""
        assert self._mark is not None
        try:
            self._mark.adopt(epoch, 0)
        except OSError as error:
            raise unusable(self._mark.path, error) from error

    def landed(self, seq: int, epoch: str | None) -> None:
        """A transaction was committed; with an epoch, the journal is another one since."""
        self._seq = seq
        if epoch is not None or time.monotonic() - self._noted_at_s >= _NOTED_EVERY_S:
            self._note(epoch)

    def _note(self, epoch: str | None = None) -> None:
        """In the mark. One that stays behind notices less, and nothing else."""
        assert self._mark is not None
        self.restored = ""
        self._noted_seq, self._noted_at_s = self._seq, time.monotonic()
        with suppress(OSError, ValueError):
            if epoch is None:
                self._mark.advance(self._seq)
            else:
                self._mark.adopt(epoch, self._seq)


class MarkFile:
    """The mark of a journal that this process writes."""

    def __init__(self, journal: Path, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.path = mark_path(journal)
        self._now_ns = now_ns
        self._descriptor: int | None = None

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def adopt(self, epoch: str, seq: int) -> None:
        """The journal as it is now is the one. Raises OSError."""
        self.close()
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        status = os.fstat(self._descriptor)
        head = _LAYOUT.format(epoch, status.st_dev, status.st_ino)
        os.pwrite(self._descriptor, head.encode(), 0)
        self._note(seq)
        os.ftruncate(self._descriptor, len(head) + len(_PROGRESS.format(0, 0)))
        os.fsync(self._descriptor)

    def advance(self, seq: int) -> None:
        """The log has come so far, or farther as another process noted. Raises OSError, and ValueError where
        somebody else has written in it."""
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        others = os.pread(self._descriptor, _SEQ_CHARS, _PROGRESS_AT + len("seq="))
        self._note(max(seq, int(others)))

    def _note(self, seq: int) -> None:
        assert self._descriptor is not None
        for _ in range(_TRIES):
            now = self._now_ns()
            os.pwrite(self._descriptor, _PROGRESS.format(seq, now).encode(), _PROGRESS_AT)
            if abs(os.fstat(self._descriptor).st_ctime_ns - now) <= _PROMPT_NS:
                return
        os.pwrite(self._descriptor, _PROGRESS.format(seq, 0).encode(), _PROGRESS_AT)


_PROGRESS_AT = len(_LAYOUT.format(make_epoch(0), 0, 0))


def put_back(path: Path, why: str) -> str:
    """What an operator is told of a journal that is not the one that was last written here."""
    return (
        f"{path} was put back or copied ({why}): orders sent since are not in it and will be found as"
        " foreign, an --id used since would trade again, and --resume what it traded since; no halt, no"
        " baseline and no ack since is in it: mvx venue-status --cached, mvx baseline show; no venue is used"
        " before it is reconciled: mvx reconcile"
    )


def begun_anew(path: Path, lost: int) -> str:
    """What an operator is told where a journal stood here before and is gone."""
    return (
        f"{path} begins anew, and the one that was here had {lost} entries: its orders will be found as"
        " foreign, and its --ids would trade again; if it was moved, name it with --journal"
    )
