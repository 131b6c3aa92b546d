"""One seed: five venues, one journal, three processes, its weather and its tasks, from first contact to
agreement.

Rule: nothing of mvx is stubbed. Its clock, its machine and its way to the venues are simulated, the SQLite
files are real.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

from mvx.clock import Clock
from mvx.config.settings import Settings, VenueSettings
from mvx.domain.ids import Asset, Venue
from mvx.domain.instant import seconds_between
from mvx.engine.adapters import shared_folder
from mvx.engine.desk import Ports, paper_path
from mvx.journal.store import Journal
from mvx.paper.admission import Accepted
from mvx.paper.exchange import PaperExchange
from mvx.paper.serve.endpoint import Told
from mvx.paper.session import Session
from mvx.paper.venue import PaperVenue
from mvx.sqlite import Connection
from mvx.venues.capabilities import ROWS
from mvx.venues.port import VenuePort
from tests.engine.desk import risk, settings
from tests.paper.builders import venue_settings
from tests.simulation.chance import chance
from tests.simulation.faults import Strike
from tests.simulation.loop import Loop, SimulatedClock
from tests.simulation.market import MARKETS, VENUES, books, memory
from tests.simulation.network import Line, Port
from tests.simulation.process import Process
from tests.simulation.sky import Sky
from tests.simulation.truth import AS_TOLD
from tests.simulation.wire import WireLine, Wires, ids_in, wiring_of
from tests.support import START

#: Thirty dollars of what a venue takes fees in besides.
BNB = Asset("BNB"), Decimal("0.05")
TOKENS = {"kraken": (Asset("KFEE"), Decimal(3_000))}
#: What a process is to the world: the daemon, the cron job, the operator's shell, or a script beside it.
DAEMON, CRON, SHELL, SCRIPT = "daemon", "cron", "shell", "script"


class Exchange(PaperExchange):
    """The five venues. `visited` hears of a venue at which something may have happened."""

    visited: Callable[[Venue], None] = staticmethod(lambda venue: None)

    def __init__(self, path: Path, venues: Mapping[Venue, VenueSettings], clock: Clock) -> None:
        super().__init__(path, venues, clock)
        for how in ("locking_mode=EXCLUSIVE", "journal_mode=MEMORY", "synchronous=OFF"):
            self.connection.execute(f"PRAGMA {how}")  # nobody else has the file, and it lives for one seed

    @property
    def connection(self) -> Connection:
        return self._db.connection

    @contextmanager
    def visit(self, venue: Venue) -> Iterator[Session]:
        with super().visit(venue) as session:
            yield session
        self.visited(venue)


class World:
    """Everything that a seed is made of. `told` is its story, where `keep_story`; `trace` its hash."""

    def __init__(self, seed: int, *, keep_story: bool = False) -> None:
        self.seed = seed
        self.clock = SimulatedClock()
        self.loop = Loop(Random(f"{seed}/order"), self.clock)
        self.told: list[str] = []
        self.keep_story = keep_story
        self.trace = blake2b(digest_size=16)
        self.sky = Sky(seed, self.loop, self.tell)
        self.processes: list[Process] = []
        self.crashes = 0
        self.by_hand = False
        self.luck = chance(seed, "desk")
        self.loop.interrupting = self.luck.choice((0.0, 0.1, 0.3, 0.8))
        random.seed(f"{seed}/libraries")  # stamina takes its jitter of Python's own
        wiring = wiring_of(seed)
        self.settings = desk_of(seed, self.luck, real_fees=wiring.adapter)
        self.exchange = Exchange(paper_path(self.settings.desk.journal), self.settings.venues, self.clock)
        wired = self.settings.venues.values() if wiring.adapter else ()
        self.wires = Wires(
            self.exchange, wired, shared_folder(self.settings.desk.journal), plenty=wiring.plenty
        )
        for venue in self.wires if wiring.fees is not None else ():
            self.exchange.inject(venue, wiring.fees)
        self.sky.rests = self._rests
        self.sky.accept_at_the_latest = self._accept_at_the_latest
        self.on_commit: Callable[[], None] = lambda: None

    @property
    def venues(self) -> tuple[Venue, ...]:
        return tuple(self.settings.venues)

    @property
    def elapsed_s(self) -> float:
        return seconds_between(START, self.clock.now())

    def close(self) -> None:
        for process in self.processes:
            process.die("the end")
            process.bury()
        self.exchange.close()
        shutil.rmtree(self.settings.desk.journal.parent, ignore_errors=True)

    def tell(self, line: str) -> None:
        """One line of the story."""
        text = f"{self.elapsed_s:10.6f} {line}"
        self.trace.update(text.encode())
        if self.keep_story:
            self.told.append(text)

    def running(self, kind: str) -> Process | None:
        """The process of that kind that runs now."""
        for process in reversed(self.processes):
            if process.kind == kind:
                busy = process.alive and process.main is not None and not process.main.done()
                return process if busy else None
        return None

    def new_process(self, kind: str) -> Process:
        process = Process(kind, len(self.processes) + 100, self.seed, self.loop, self._runs, self._committed)
        self.processes.append(process)
        return process

    def ports(self, process: Process) -> Ports:
        """How that process reaches the venues."""

        @contextmanager
        def opened(settings: Settings, clock: Clock) -> Iterator[Mapping[Venue, VenuePort]]:
            yield {name: self._port(process, venue, clock) for name, venue in settings.venues.items()}

        return opened

    def journal(self, process: Process) -> Journal:
        return Journal(self.settings.desk.journal, mode="paper", clock=self.clock, machine=process)

    def died(self, process: Process) -> None:
        self.crashes += 1
        self.sky.struck[f"crash-{process.died}"] += 1
        self.tell(f"CRASH {process.name} at {process.died}")

    def _port(self, process: Process, venue: VenueSettings, clock: Clock) -> VenuePort:
        way = process, venue.name, venue.timeout_s, self.sky
        if venue.name in self.wires:
            wire = WireLine(*way)
            return Port(self.wires.adapter(venue, clock, wire, process), wire, self.sky)
        line = Line(*way)
        return Port(PaperVenue(self.exchange, venue, clock, carry=line), line, self.sky)

    def _rests(self, venue: Venue, answer: Any) -> bool:
        """Whether what a venue has just answered is an order that is open now, or one that came with a nonce:
        neither can come a second time."""
        if isinstance(answer, Told):
            accepted: tuple[str, ...] = ids_in(answer)
        else:
            found = answer[0] if isinstance(answer, tuple) else None
            accepted = (found.order_id,) if isinstance(found, Accepted) else ()
        if not accepted or (venue in self.wires and ROWS[venue].nonce):
            return bool(accepted)
        said = AS_TOLD[venue if venue in self.wires else None]
        with self.exchange.visit(venue) as session:
            return any(order.open and said.id(order.order_id) in accepted for order in session.truth()[1])

    def _accept_at_the_latest(self, venue: Venue, strike: Strike) -> float:
        """Two times of three an order that is accepted late is so by a clock that is behind, and is listed
        late besides: by how much more it is late for us."""
        if not strike.pick % 3:
            return 0.0
        self.exchange.inject(venue, "clock-skew", for_s=30, delay_s=0.45)
        self.exchange.inject(venue, "not-found", delay_s=0.95)
        return 0.45

    def _runs(self, pid: int) -> bool:
        for process in self.processes:
            if process.pid() == pid:
                return process.alive and process.main is not None and not process.main.done()
        return False

    def _committed(self) -> None:
        self.on_commit()


def desk_of(seed: int, luck: Random, *, real_fees: bool) -> Settings:
    """A desk of two to five venues in a folder of its own, and a limit that is soon reached. `real_fees`:
    each venue's token is its own."""
    folder = memory() / f"seed-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    names = luck.sample(VENUES, luck.choice((2, 3, 5, 5)))
    market = books(seed % MARKETS)
    balances = {Asset("BTC"): Decimal(3), Asset("USD"): Decimal(300_000)}
    token = {name: TOKENS.get(name, BNB) if real_fees else BNB for name in names}
    limit = Decimal(luck.choice(("0.6", "1", "1", "2", "5")))
    return settings(
        folder,
        *(
            venue_settings(name, books=market, balances=balances | dict([token[name]]), lot=Decimal("0.01"))
            for name in names
        ),
        limits=risk(max_position={"BTC-USD": limit}),
    )
