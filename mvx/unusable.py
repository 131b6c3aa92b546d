"""What an operator is told of a database file that can not be used: what it means, and what to do."""

from __future__ import annotations

import errno
from pathlib import Path

from mvx.errors import JournalDamaged, JournalError

#: What the system and SQLite say -> what it means and what to do. The first that fits.
_FULL = ("the disk is full", "make room there (df -h {folder}), then: mvx reconcile")
_DENIED = ("it may not be written here", "look who owns it, its mode and its mount: ls -l {path}; mount")
_CLOSED = (
    "it can not be opened",
    "look who owns it, its folder, and how many files may be open: ls -ld {folder} {path}; ulimit -n",
)
_HELD = ("another program holds it", "see which: fuser -v {path}; then run it again")
#: SQLite tells no room for its shared memory, or a limit on the size of files, as a failure of the disk.
_FAILING = (
    "the disk is full, or it failed",
    "make room there (df -h {folder}), or look at it: dmesg; then: mvx reconcile",
)
_DAMAGED = (
    "the file is damaged",
    "stop every mvx of this desk, keep the file and its log, and put the last backup in their place"
    " (mkdir aside; mv {path} {path}-wal {path}-shm aside; cp BACKUP {path}), then: mvx reconcile",
)
_NO_DATABASE = (
    "it is no database",
    "name the right one with --journal; if this was the journal: " + _DAMAGED[1],
)
_BY_ERRNO = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _FULL),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), _DENIED),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), _CLOSED),
    errno.EIO: _FAILING,
}
_BY_SQLITE = {
    "SQLITE_FULL": _FULL,
    "SQLITE_READONLY": _DENIED,
    "SQLITE_CANTOPEN": _CLOSED,
    "SQLITE_PERM": _DENIED,
    "SQLITE_BUSY": _HELD,
    "SQLITE_LOCKED": _HELD,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_NOTADB": _NO_DATABASE,
    "SQLITE_IOERR": _FAILING,
}
_UNCLEAR = ("", "check the disk, the file's owner and its mode: ls -l {path}")


class Damage(Exception):
    """What a check found."""

    sqlite_errorname = "SQLITE_CORRUPT"


def unusable(path: Path, error: Exception) -> JournalError:
    """What an operator is told when a database file can not be used."""
    means, next_step = _meaning(error)
    kind = JournalDamaged if (means, next_step) in (_DAMAGED, _NO_DATABASE) else JournalError
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return kind(
        f"{path}: {means} ({said})" if means else f"{path}: {said}",
        known="nothing was written",
        next_step=next_step.format(path=path, folder=path.parent),
    )


def _meaning(error: Exception) -> tuple[str, str]:
    if isinstance(error, OSError):
        return _BY_ERRNO.get(error.errno or 0, _UNCLEAR)
    name = str(getattr(error, "sqlite_errorname", ""))
    while name and name not in _BY_SQLITE:
        name = name.rpartition("_")[0]  # SQLITE_READONLY_DIRECTORY is a kind of SQLITE_READONLY
    return _BY_SQLITE.get(name, _UNCLEAR)
