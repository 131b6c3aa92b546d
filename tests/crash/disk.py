"""A disk that loses its power: what may be left of files whose calls were recorded.

Rule: what a file held at its last sync is there. Of what was written since, any sectors may be there and any
may not, the later without the earlier too; a sector is old or new, never a mixture. A name that was made or
removed is sure once the folder was synced, and until then the folder is as it was at any moment since.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tests.crash.recording import CUT, FOLDER, OPENED, REMOVED, SYNCED, WRITTEN, Call

SECTOR = 512
#: How likely a sector is to be there that was written since the last sync, drawn once an image.
SURVIVAL = (0.0, 0.05, 0.5, 0.95, 1.0)


@dataclass
class File:
    """`synced`: its bytes at the last sync; `since`: the writes and cuts after that."""

    synced: bytearray = field(default_factory=bytearray)
    since: list[Call] = field(default_factory=list)

    def sync(self) -> None:
        for call in self.since:
            _change(self.synced, call)
        self.since = []

    def survivor(self, chance: random.Random, survival: float) -> bytes:
        """One of the states that it may be found in."""
        found = bytearray(self.synced)
        for call in self.since:
            if call.op == CUT:
                if chance.random() < survival:
                    _change(found, call)
                continue
            for sector in _sectors(call):
                if chance.random() < survival:
                    _change(found, sector)
        return bytes(found)


def _sectors(call: Call) -> list[Call]:
    """The write as one write a sector."""
    edges = range((call.offset // SECTOR + 1) * SECTOR, call.offset + len(call.data), SECTOR)
    bounds = [call.offset, *edges, call.offset + len(call.data)]
    return [
        call._replace(offset=start, data=call.data[start - call.offset : end - call.offset])
        for start, end in pairwise(bounds)
    ]


def _change(content: bytearray, call: Call) -> None:
    if call.op == CUT and call.offset < len(content):
        del content[call.offset :]
        return
    end = call.offset + len(call.data)
    content.extend(bytes(max(0, end - len(content))))
    content[call.offset : end] = call.data


class Disk:
    """One folder, call after call. What is `powered` is elsewhere, and keeps all that was written."""

    def __init__(self, powered: Callable[[str], bool] = lambda name: False) -> None:
        self._powered = powered
        self._names: dict[str, File] = {}
        self._since: list[dict[str, File]] = [{}]

    def apply(self, call: Call) -> None:
        if call.name == FOLDER:
            if call.op == SYNCED:
                self._since = [dict(self._names)]
        elif call.op == REMOVED:
            self._names.pop(call.name, None)
            self._since.append(dict(self._names))
        elif call.op == OPENED and call.name not in self._names:
            self._names[call.name] = File()
            self._since.append(dict(self._names))
        elif call.op == SYNCED:
            self._names[call.name].sync()
        elif call.op in (WRITTEN, CUT):
            self._names[call.name].since.append(call)

    def image(self, folder: Path, chance: random.Random) -> None:
        """What is found in the folder when the power is back, in one of the possible cases."""
        folder.mkdir()
        survival = chance.choice(SURVIVAL)
        left = {name: file for name, file in chance.choice(self._since).items() if not self._powered(name)}
        for name, file in left.items():
            (folder / name).write_bytes(file.survivor(chance, survival))
        for name, file in self._names.items():
            if self._powered(name):
                (folder / name).write_bytes(file.survivor(chance, 1.0))
