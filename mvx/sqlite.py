"""The SQLite driver: one place that picks it, checks its version and opens files with it.

SQLite 3.7.0-3.51.2 can corrupt a WAL that several connections write (the WAL-reset bug), and the
standard library often carries such a version: mvx takes `pysqlite3` where it is installed, else the
standard library, and refuses to start on an affected one.

A write transaction is `BEGIN IMMEDIATE` in the writer's turn among the processes (turn.py): without it four
writers starve one another (SQLite's busy handler polls, and the unlucky wait for seconds).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from mvx.errors import JournalDamaged, JournalError
from mvx.machine import THIS_MACHINE, Machine
from mvx.turn import Turn
from mvx.unusable import Damage, unusable

if TYPE_CHECKING:
    import sqlite3
else:
    try:
        from pysqlite3 import dbapi2 as sqlite3
    except ImportError:
        import sqlite3

FIRST_SAFE_VERSION = (3, 51, 3)
LOCK_TIMEOUT_S = 30.0

VERSION = sqlite3.sqlite_version
Connection = sqlite3.Connection
DatabaseError = sqlite3.DatabaseError


def check_version(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """Refuses an SQLite that can corrupt a WAL with several writers. Raises JournalError."""
    if version < FIRST_SAFE_VERSION:
        found = ".".join(map(str, version))
        raise JournalError(
            f"SQLite {found} can corrupt a journal that several processes write",
            next_step="install pysqlite3 (pip install pysqlite3), or a Python with SQLite 3.51.3+",
        )


class Database:
    """One connection to one file, private to its owner (0600, in a folder made 0700).

    durable: `synchronous=FULL`, so that a commit survives a power loss; else NORMAL, which survives
    a killed process. `holds`: tables that tell such a file from somebody else's, which is left as it is.
    Raises JournalError where the file can not be used.
    """

    def __init__(
        self,
        path: Path,
        *,
        holds: tuple[str, ...] = (),
        durable: bool = True,
        lock_timeout_s: float = LOCK_TIMEOUT_S,
        machine: Machine = THIS_MACHINE,
    ) -> None:
        check_version()
        self.path = path
        try:
            self._file = _make_private_file(path, holds)
            self._turn = Turn(path, lock_timeout_s)
            self.connection = sqlite3.connect(path, isolation_level=None, timeout=LOCK_TIMEOUT_S)
            refuse_foreign(path, self.connection, holds)
            self._use_wal()
            self.connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self.connection.execute("PRAGMA foreign_keys=ON")
        except (OSError, sqlite3.DatabaseError) as error:
            raise unusable(path, error) from error
        machine.opened(self)

    def close(self) -> None:
        self.connection.close()
        self._turn.close()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One write transaction: committed when the block ends, unless it did so itself; rolled back when it
        raises. The turn is kept to the end of the block. Raises JournalError where the path names another
        file by now."""
        self._take_turn()
        try:
            self._refuse_another_file()
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                if self.connection.in_transaction:
                    self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise
        except sqlite3.DatabaseError as error:
            raise _explained(self.path, error) from error
        finally:
            self._turn.give_back()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One read transaction: everything inside sees one snapshot, and blocks nobody."""
        try:
            self.connection.execute("BEGIN")
            try:
                yield self.connection
            finally:
                self.connection.execute("ROLLBACK")
        except sqlite3.DatabaseError as error:
            raise _explained(self.path, error) from error

    def _take_turn(self) -> None:
        """Raises JournalError also where no more files may be opened, as waiting for it needs."""
        try:
            self._turn.take()
        except OSError as error:
            raise unusable(self.path, error) from error

    def _refuse_another_file(self) -> None:
        """What is written to a file that was moved away, deleted or replaced is in no file that anybody opens
        next: a commit would be lost that was acknowledged."""
        try:
            found = _identity(self.path.stat())
        except OSError as error:
            raise unusable(self.path, error) from error
        if found != self._file:
            raise JournalError(
                f"{self.path} is another file than the one that this process opened",
                known="nothing was written; what was written before is in the file that was moved away",
                next_step="stop every mvx of this desk, put the right file there, then: mvx reconcile",
            )

    def _use_wal(self) -> None:
        """The mode stays with the file. Only whoever makes it changes it, under the lock: two that change
        it at once are told that the database is locked, without any wait."""
        if self.connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            return
        self._turn.take()
        try:
            self.connection.execute("PRAGMA journal_mode=WAL")
        finally:
            self._turn.give_back()


def refuse_foreign(path: Path, connection: Connection, holds: tuple[str, ...]) -> None:
    """Raises JournalDamaged for a database that is not empty and lacks a table."""
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if there and not there.issuperset(holds):
        raise JournalDamaged(
            f"{path} is a database, and not one of mvx for this",
            known="nothing was written",
            next_step="name the right one with --journal",
        )


def back_up(source: Connection, target: Path) -> None:
    """One snapshot of a database that others may be writing, as a file of its own: private, durable, and
    either whole or not there, also where this process is killed: what it leaves then has another name. Raises
    FileExistsError for one that is there, JournalError where it fails."""
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    folder = target.absolute().parent
    part = folder / f".mvx-backup-{THIS_MACHINE.randbelow(16**16):016x}"
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        copy = sqlite3.connect(part, isolation_level=None)
        try:
            source.backup(copy)
            # It is one file from now on, with nothing beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
        finally:
            copy.close()
        _fsync(part)
        _name(part, target)
        try:
            _fsync(folder)
        except OSError:
            target.unlink()
            raise
    except FileExistsError:
        raise
    except (OSError, sqlite3.DatabaseError) as error:
        raise unusable(target, error) from error
    finally:
        part.unlink(missing_ok=True)


#: What a file system says that has no second names for a file: those of sticks and of some networks.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


def _name(part: Path, target: Path) -> None:
    """Give a file its name, and never another's. Raises FileExistsError, OSError."""
    try:
        os.link(part, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # The name is taken before the file: whoever is killed between these two leaves it empty.
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        part.replace(target)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def read_only(path: Path) -> Iterator[Connection]:
    """A connection that changes nothing: it makes no file and mends no mode. Raises JournalError."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()
    except (OSError, sqlite3.DatabaseError) as error:
        raise unusable(path, error) from error


@contextmanager
def in_memory() -> Iterator[Connection]:
    """A database of nobody's, gone at the end."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def _explained(path: Path, error: sqlite3.DatabaseError) -> Exception:
    """A file that can not be used (full, read-only, corrupt) is the operator's; a broken constraint or
    a wrong statement is our defect and stays what it is."""
    files = isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
    return unusable(path, error) if files else error


def check_whole(path: Path) -> None:
    """Reads all of a file. Raises JournalDamaged where SQLite finds it damaged, JournalError where it can not
    be read; one that is not there is whole."""
    if not is_there(path):
        return
    with read_only(path) as connection:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise unusable(path, Damage("; ".join(found)))


def is_there(path: Path) -> bool:
    """Whether there is such a file. Raises JournalError where one may not even look."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise unusable(path, error) from error
    return True


def _make_private_file(path: Path, holds: tuple[str, ...]) -> tuple[int, int]:
    """Made where it is not there, and changed only where it is not somebody else's; returns which file it is.
    Raises OSError, DatabaseError, JournalError."""
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, parents=True)
    # SQLite gives -wal and -shm the mode of the database itself.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("is no file, but a device, a pipe or the like")
        if status.st_uid != os.geteuid():
            raise PermissionError(f"belongs to user {status.st_uid}, not to {os.geteuid()}")
        if status.st_nlink > 1:
            raise _two_names(path)
        refuse_mixture(path)
        if status.st_size:
            _refuse_foreign_file(path, holds)
        if status.st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
        return _identity(status)
    finally:
        os.close(descriptor)


def _refuse_foreign_file(path: Path, holds: tuple[str, ...]) -> None:
    """By a look that leaves nothing beside a file that has nothing there. One that was left in the middle of
    a transaction is not looked at: SQLite takes that back first."""
    if _beside(path, "-journal").exists():
        return
    how = "mode=ro" if _beside(path, "-wal").exists() else "immutable=1"
    uri = f"{path.absolute().as_uri()}?{how}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=LOCK_TIMEOUT_S)
    try:
        refuse_foreign(path, connection, holds)
    finally:
        connection.close()


def _beside(path: Path, suffix: str) -> Path:
    """What SQLite keeps beside a database, which it finds where that really is."""
    found = path.resolve()
    return found.with_name(f"{found.name}{suffix}")


def _two_names(path: Path) -> JournalError:
    return JournalError(
        f"{path} has another name as well, a hard link: each name has a log of its own, and what is written"
        " under the one is lost under the other",
        known="nothing was written",
        next_step=f"find the other name (find / -xdev -samefile {quote(str(path))}), delete the one that has"
        " no log (-wal) beside it, then: mvx journal verify",
    )


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


#: Of the header: what may write the file, and what may read it (https://sqlite.org/fileformat2.html, 1.3).
_MODES_AT, _ROLLBACK = 18, b"\x01\x01"


def refuse_mixture(path: Path) -> None:
    """A backup has no log (see back_up), so one that lies beside it is that of the file that was here before:
    SQLite would write its pages over the backup's. For before this process opens it: to close a file lets go
    of all locks on it (fcntl(2)). Raises JournalDamaged, OSError."""
    log = _beside(path, "-wal")
    # In this order: whoever makes a file notes that it has a log before there is one.
    if not log.exists() or not log.stat().st_size:
        return
    with path.open("rb") as file:
        if os.pread(file.fileno(), 2, _MODES_AT) == _ROLLBACK:
            raise unusable(path, Damage(f"{log.name} is the log of the file that was here before"))
