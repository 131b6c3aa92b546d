"""Real processes of mvx on a desk of their own, and the same desk seen from inside the test."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvx.clock import SystemClock
from mvx.config import model, source
from mvx.config.settings import Settings
from mvx.engine.desk import Desk, open_desk, open_exchange
from mvx.engine.outcome import Outcome
from mvx.engine.reconcile import reconcile
from mvx.engine.route import route
from mvx.engine.route_order import RouteOrder
from mvx.journal.generation import Found, MarkFile, mark_path, read_mark

#: A process that takes longer than this hangs.
PATIENCE_S = 120.0


class RealClock(SystemClock):
    """The machine's clock; to advance it one waits."""

    def advance(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended, and what it said."""

    exit_code: int
    answer: Mapping[str, Any]
    stdout: str
    stderr: str


class Station:
    """A desk in a folder with a home of its own; its config file says what `toml` says."""

    def __init__(self, folder: Path, toml: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config = folder / "mvx.toml"
        self.config.write_text(toml)
        self.settings = self._load()
        self.clock = RealClock()
        self.exchange = open_exchange(self.settings, self.clock)

    def _load(self) -> Settings:
        found = source.load(self.config, self.folder)
        desk = source.desk_settings(found, source.journal_path(found, None, {}, self.folder))
        return model.settings(model.validate(found), desk, self.folder)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """`mvx WORDS --json`, in the background."""
        return subprocess.Popen(
            [sys.executable, "-m", "mvx", "--config", str(self.config), *words, "--json"],
            cwd=Path(__file__).resolve().parents[2],
            env=environment(self.folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_at_once(self, *commands: tuple[str, ...]) -> list[Ended]:
        """All of them at the same time; how each ended."""
        return [ended(process) for process in [self.start(*words) for words in commands]]

    def reconciles(self) -> Outcome:
        """In process: a start of Python is saved."""

        async def work() -> Outcome:
            async with open_desk(self.settings, clock=self.clock) as desk:
                return await reconcile(desk, ())

        return asyncio.run(work())

    def routes(self, orders: Iterable[RouteOrder]) -> list[Outcome]:
        """In process, one after the other."""

        async def one(desk: Desk, asked: RouteOrder) -> Outcome:
            return await route(desk, asked, show=lambda plan: None, confirm=lambda: True)

        async def work() -> list[Outcome]:
            async with open_desk(self.settings, clock=self.clock) as desk:
                return [await one(desk, asked) for asked in orders]

        return asyncio.run(work())


def environment(home: Path, **more: str) -> dict[str, str]:
    """This process's own, without what it knows of mvx."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("MVX_", "XDG_"))}
    return {**known, "HOME": str(home), **more}


def ended(process: subprocess.Popen[str]) -> Ended:
    """Waits for its end; one that hangs is killed and is an error."""
    try:
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Ended(process.returncode, json.loads(stdout), stdout, stderr)


def kill(process: subprocess.Popen[str]) -> bool:
    """kill -9; whether it was still running."""
    running = process.poll() is None
    process.kill()
    process.communicate()
    return running


def adopt_mark(journal: Path) -> None:
    """The same mark in another folder: there it says that this is the journal itself."""
    found = read_mark(mark_path(journal))
    if isinstance(found, Found):
        made = MarkFile(journal)
        made.adopt(found.mark.epoch, found.mark.seq)
        made.close()
