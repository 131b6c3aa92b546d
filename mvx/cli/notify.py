"""Telling the service manager that the daemon is ready, alive, or stopping (sd_notify(3)).

A datagram to the socket that NOTIFY_SOCKET names, an abstract one where the name begins with @; nothing
where there is no such variable.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress


class Notify:
    """One service manager, or none. Telling it never fails the work."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        name = variables.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._ready = False

    def alive(self) -> None:
        """Ready the first time, alive every time."""
        self._tell("WATCHDOG=1" if self._ready else "READY=1\nWATCHDOG=1")
        self._ready = True

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(state.encode(), self._address)
