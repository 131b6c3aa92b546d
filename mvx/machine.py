"""The machine is an argument: whatever a process asks of the one that it runs on, beside the time.

Rule: whoever simulates several processes in one gives each of them a machine of its own; nothing else
asks for a process id or for chance.
"""

from __future__ import annotations

import os
from typing import Any, Protocol


class Held(Protocol):
    """What a process has in hand. Closing it is all that a kill does to it."""

    def close(self) -> None: ...


class OpenFile(Held, Protocol):
    """A database file that a process has open."""

    connection: Any


class Machine:
    """The real one."""

    def pid(self) -> int:
        """This process."""
        return os.getpid()

    def runs(self, pid: int) -> bool:
        """Whether a process runs, whoever's it is."""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def randbelow(self, bound: int) -> int:
        """A number that nobody can foresee, from 0 up to the bound and without it."""
        return int.from_bytes(os.urandom(16), "big") % bound

    def opened(self, file: OpenFile) -> None:
        """This process has a database file open from now on."""

    def holds(self, file: Held) -> None:
        """This process has a file open from now on, and whatever is locked by it, until it is closed."""


THIS_MACHINE = Machine()
