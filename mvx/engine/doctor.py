"""`mvx doctor`: gathers what the checks judge, from the machine, the files, the journal and the venues.

Rule: it looks and changes nothing in the journal. What can not be read is a check that fails, never the end
of the others. Venues are asked all at once and for no longer than _PATIENCE_S. No secret is shown, and none
is read but by its own venue.
"""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from mvx.clock import Clock, SystemClock
from mvx.config.settings import Settings
from mvx.config.shown import SECRET_KEYS
from mvx.config.source import Source, as_path
from mvx.domain.instant import after, seconds_between
from mvx.domain.order import is_unknown
from mvx.engine import doctor_checks as checks
from mvx.engine.desk import is_alive, open_venues, paper_path
from mvx.engine.doctor_checks import Check, File, Probe, Reference, Space, State
from mvx.engine.outcome import Outcome
from mvx.engine.watch import said
from mvx.errors import (
    BadVenueData,
    ConfigError,
    JournalError,
    MvxError,
    NoKey,
    Refusal,
    VenueError,
    VenueRejected,
    worst_exit,
)
from mvx.journal.checkup import SQLITE, Checkup, check_up, unsafe_sqlite
from mvx.venues.port import Keyed, VenuePort, turn_until

#: A connection that is made anew takes longer than a request, and somebody waits for this.
_PATIENCE_S = 5.0
_DATABASE = ("", "-wal", "-shm", ".lock", ".queue")


class Found(NamedTuple):
    """The configuration as far as it could be read; `problem` says why no farther. `version` is mvx's own."""

    version: str
    variables: Mapping[str, str]
    source: Source | None = None
    journal: Path | None = None
    settings: Settings | None = None
    problem: MvxError | None = None


class DoctorResult(NamedTuple):
    """`state` is the worst of the checks'."""

    state: State
    checks: tuple[Check, ...]


async def doctor(found: Found, clock: Clock | None = None) -> Outcome:
    """Every check that can be made. The exit code is the worst of those that failed."""
    clock = clock or SystemClock()
    made = [
        Check(
            "mvx", State.OK, f"mvx {found.version}, Python {platform.python_version()}, {platform.platform()}"
        ),
        checks.check_sqlite(SQLITE, unsafe_sqlite()),
        checks.check_config(found.source.name if found.source else "none was read", found.problem),
    ]
    if found.source is not None:
        made.append(checks.check_secrets(_references(found.source, found.variables)))
    if found.source is not None and found.journal is not None:
        venues = tuple(found.settings.venues) if found.settings else ()
        checkup = check_up(found.journal, venues, clock.now())  # first: to read a database may make files
        made += _file_checks(found.source, found.journal)
        made.append(checks.check_journal(str(found.journal), found.source.mode, checkup))
        made += await _living_checks(found.settings, checkup, clock)
    state = max((each.state for each in made), key=list(State).index)
    return Outcome(DoctorResult(state, tuple(made)), worst_exit(*(each.exit_code for each in made)))


def _file_checks(source: Source, journal: Path) -> Iterator[Check]:
    yield checks.check_permissions(tuple(_files(source.path, journal)), os.geteuid())
    folder = _existing(journal.parent)
    yield checks.check_disk(str(folder), _space(folder, journal))


async def _living_checks(
    settings: Settings | None, checkup: Checkup | JournalError | None, clock: Clock
) -> list[Check]:
    """What the journal holds, the venues, and the clock that both tell of."""
    read = checkup if isinstance(checkup, Checkup) and checkup.mode else None
    now = clock.now()
    probes, failed = await _probes(settings, clock)
    usable = any(not (probe.why or probe.refused) for probe in probes)
    return [
        checks.check_clock(now, read and read.last_at, probes),
        *(_journal_checks(read, clock) if read else ()),
        *failed,
        *(checks.check_venue(probe, any_usable=usable) for probe in probes),
        *(checks.check_key(probe) for probe in probes if not probe.paper),
    ]


def _journal_checks(found: Checkup, clock: Clock) -> Iterator[Check]:
    yield checks.check_lock(found)
    yield checks.check_breaks(found)
    yield checks.check_orders(found, [each for each in found.unsettled if is_unknown(each, clock.now())])
    yield checks.check_trading(found)
    yield checks.check_leader(found, alive=found.leader is not None and is_alive(found.leader.holder))


async def _probes(settings: Settings | None, clock: Clock) -> tuple[list[Probe], list[Check]]:
    """What every venue answers; or the check that failed because none could be asked."""
    if settings is None:
        return [], []
    try:
        async with open_venues(settings, clock) as venues:
            simulated = {name for name, each in settings.venues.items() if each.adapter == "paper"}
            asked = (_probe(port, clock, paper=name in simulated) for name, port in venues.items())
            return list(await asyncio.gather(*asked)), []
    except MvxError as error:
        return [], [Check("venues", State.FAIL, error.message, error.next_step or None, error.exit_code)]


async def _probe(port: VenuePort, clock: Clock, *, paper: bool) -> Probe:
    """One venue's status, which tells its time, and then what needs the key."""
    declared = port.capabilities
    patience_s = min(declared.timeout_s, _PATIENCE_S)
    found = Probe(port.name, "", None, None, declared.clock_skew_s, paper)
    began_at = clock.now()
    turn_until.set(after(began_at, patience_s / 2))  # later there is no time for an answer
    try:
        async with asyncio.timeout(patience_s):
            status = await port.status()
            latency_s = seconds_between(began_at, clock.now())
            skew_s = seconds_between(began_at, status.at) - latency_s / 2
            found = found._replace(latency_s=latency_s, skew_s=skew_s)
            if not status.accepts_orders:
                return found._replace(why=f"takes no orders: {status.says}")
            if isinstance(port, Keyed):
                found = found._replace(rights=await port.rights())
            if found.rights is None or not found.rights.missing:
                await port.balances()
    except TimeoutError:
        return found._replace(why=f"no answer within {patience_s:g} s")
    except (VenueError, BadVenueData) as error:
        why = said(port.name, error)
        return found._replace(refused=why) if _is_about_key(error) else found._replace(why=why)
    return found


def _is_about_key(error: MvxError) -> bool:
    return isinstance(error, NoKey) or (isinstance(error, VenueRejected) and error.about is Refusal.FORBIDDEN)


def _references(source: Source, variables: Mapping[str, str]) -> Iterator[Reference]:
    """Every secret that the config refers to."""
    venues = source.raw.get("venues")
    for name, table in venues.items() if isinstance(venues, dict) else ():
        for key in sorted(SECRET_KEYS & table.keys()) if isinstance(table, dict) else ():
            kind, _, rest = str(table[key]).partition(":")
            yield _reference(f"venues.{name}.{key}", kind, rest, source.folder, variables)


def _reference(key: str, kind: str, rest: str, folder: Path, variables: Mapping[str, str]) -> Reference:
    if kind == "env":
        return Reference(key, "" if variables.get(rest) else "its environment variable is not set")
    if kind == "file":
        return Reference(key, _why_no_secret(folder, rest))
    return Reference(key, "", tried=False)


def _why_no_secret(folder: Path, typed: str) -> str:
    try:
        status = as_path(folder, typed).stat()
    except ConfigError:
        return "its file: no path is written so"
    except OSError as error:
        return f"its file: {error.strerror}"
    if status.st_mode & 0o077 or status.st_uid != os.geteuid():
        return "its file is open to others: chmod 600"
    return "" if status.st_size else "its file is empty"


def _files(config: Path | None, journal: Path) -> Iterator[File]:
    """Those that exist: the config, the journal with what stands beside it, and the folder of each. The
    journal's mark is left alone: nothing leans on it, and one whose mode was mended looks tampered with."""
    databases = (journal, paper_path(journal))
    beside = [each.with_name(each.name + suffix) for each in databases for suffix in _DATABASE]
    folders = [journal.parent] if config is None else [config, config.parent, journal.parent]
    for path in dict.fromkeys((*folders, *beside)):
        with suppress(OSError):  # what can not be reached is told by the checks of disk and journal
            status = path.stat()
            yield File(str(path), status.st_mode & 0o7777, status.st_uid, secret=path in beside)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next((each for each in (folder, *folder.parents) if each.exists()), folder)


def _space(folder: Path, journal: Path) -> Space | OSError:
    try:
        found = os.statvfs(folder)
        size = journal.stat().st_size if journal.exists() else 0
    except OSError as error:
        return error
    return Space(found.f_bavail * found.f_frsize, size, os.access(folder, os.W_OK | os.X_OK))
