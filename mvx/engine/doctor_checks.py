"""What a desk's machine, files, journal and venues are judged by: pure functions from facts to checks.

Rule: a check says what was found and, unless all is well, the command to run. FAIL: mvx does not work, or
its answers can not be relied on, until that is mended; WARN: it works, and somebody should look.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from mvx.domain.ids import Venue
from mvx.domain.instant import Instant, rfc3339, seconds_between
from mvx.domain.order import Order
from mvx.domain.trading import TradingState
from mvx.errors import Exit, JournalError, MvxError
from mvx.journal.checkup import Checkup
from mvx.venues.port import KeyRights

_MIB = 1024 * 1024
#: Below it a commit may fail before anybody has looked; and a backup needs the journal's own size again.
LEAST_FREE_MIB = 64
AMPLE_FREE_MIB = 512
#: Two processes read one clock in another order than they write.
_CLOCK_GRAIN_S = 1.0
_MOST_NAMED = 3
#: In such a folder everybody may make files, and nobody may touch another's.
_STICKY = 0o1000
_MEND_KEY = "mend the key or its rights, then: mvx doctor"


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(NamedTuple):
    """`next`: the command to run; None where nothing has to be done. `exit_code`: what the command ends in
    because of it."""

    name: str
    state: State
    says: str
    next: str | None = None
    exit_code: Exit = Exit.OK


class File(NamedTuple):
    """One file of the desk as the file system has it. `secret`: read by nobody else either."""

    path: str
    mode: int
    owner: int
    secret: bool


class Reference(NamedTuple):
    """A secret's key, and why its reference leads nowhere, empty where it leads somewhere. A keyring and a
    command are not tried: they may ask somebody."""

    key: str
    why: str
    tried: bool = True


class Space(NamedTuple):
    free_bytes: int
    needed_bytes: int
    writable: bool


class Probe(NamedTuple):
    """What one venue answered. `why`: why it can not be used now, empty where it can. skew_s: its clock less
    ours, within latency_s / 2 of it; None where it did not tell. `paper`: its clock is this machine's own.
    `refused`: why its key is not taken, empty where it is; rights: what the key may do, where it tells."""

    venue: Venue
    why: str
    latency_s: float | None
    skew_s: float | None
    clock_skew_s: float
    paper: bool
    refused: str = ""
    rights: KeyRights | None = None


def check_sqlite(version: str, unsafe: JournalError | None) -> Check:
    if unsafe is not None:
        return Check("sqlite", State.FAIL, unsafe.message, unsafe.next_step, Exit.UNAVAILABLE)
    return Check("sqlite", State.OK, f"SQLite {version}")


def check_config(source: str, problem: MvxError | None) -> Check:
    if problem is not None:
        return Check("config", State.FAIL, problem.message, "mvx config check", Exit.USAGE)
    return Check("config", State.OK, source)


def check_secrets(references: Iterable[Reference]) -> Check:
    found = list(references)
    broken = [f"{each.key}: {each.why}" for each in found if each.why]
    if broken:
        return Check("secrets", State.FAIL, "; ".join(broken), "mvx config show", Exit.USAGE)
    untried = sum(not each.tried for each in found)
    says = f"{len(found)} references" if found else "none is needed"
    return Check("secrets", State.OK, says + (f", {untried} of them not tried" if untried else ""))


def check_permissions(files: Sequence[File], user: int) -> Check:
    """Whoever else may write one of these files may trade; whoever reads the journal knows the position. A
    group may be the user's alone, so what it may do is a warning."""
    foreign = [each for each in files if each.owner != user and (each.secret or each.owner != 0)]
    open_ = [
        each for each in files if each.mode & (0o077 if each.secret else 0o022) and not each.mode & _STICKY
    ]
    if foreign:
        says = ", ".join(f"{each.path} belongs to user {each.owner}" for each in foreign)
        command = f"chown {user} {shlex.join(each.path for each in foreign)}"
        return Check("permissions", State.FAIL, says, command, Exit.UNAVAILABLE)
    if open_:
        anybody_writes = any(each.mode & 0o002 for each in open_)
        says = ", ".join(f"{each.path} is open to others ({each.mode:04o})" for each in open_)
        command = f"chmod go-rwx {shlex.join(each.path for each in open_)}"
        if anybody_writes:
            return Check("permissions", State.FAIL, says, command, Exit.USAGE)
        return Check("permissions", State.WARN, says, command)
    return Check("permissions", State.OK, f"{len(files)} files and folders are closed to others")


def check_disk(folder: str, space: Space | OSError) -> Check:
    where, room = f"ls -ld {shlex.quote(folder)}", f"df -h {shlex.quote(folder)}"
    if isinstance(space, OSError):
        return Check("disk", State.FAIL, f"{folder}: {space.strerror}", where, Exit.UNAVAILABLE)
    if not space.writable:
        return Check("disk", State.FAIL, f"{folder} is not writable", where, Exit.UNAVAILABLE)
    free_mib = space.free_bytes // _MIB
    says = f"{free_mib} MiB free in {folder}"
    if free_mib < LEAST_FREE_MIB:
        return Check("disk", State.FAIL, says, room, Exit.UNAVAILABLE)
    if free_mib < AMPLE_FREE_MIB or space.free_bytes < space.needed_bytes:
        needed = "; a backup may not fit" if space.free_bytes < space.needed_bytes else ""
        return Check("disk", State.WARN, says + needed, room)
    return Check("disk", State.OK, says)


def check_clock(now: Instant, last_at: Instant | None, probes: Sequence[Probe]) -> Check:
    """There is no clock on the network to ask: the journal's last entry, and what the venues told."""
    if last_at is not None and seconds_between(now, last_at) > _CLOCK_GRAIN_S:
        back_s = seconds_between(now, last_at)
        says = (
            f"this clock was set back: the journal's last entry is {back_s:.0f} s ahead, {rfc3339(last_at)}"
        )
        return Check("clock", State.FAIL, says, "timedatectl", Exit.USAGE)
    off = [each for each in probes if _sure_skew_s(each) > each.clock_skew_s]
    if off:
        says = ", ".join(f"{each.venue}'s clock is {each.skew_s:+.3f} s from this one" for each in off)
        says += "; a deadline is the venue's own time"
        return Check("clock", State.FAIL, says, "timedatectl", Exit.USAGE)
    against = [
        f"{each.venue}'s ({each.skew_s:+.3f} s)"
        for each in probes
        if each.skew_s is not None and not each.paper
    ]
    alone = ""
    if not against and all(each.paper for each in probes):
        alone = "; paper venues have this machine's clock, so nothing else tells"
    elif not against:
        alone = "; no venue told its time"
    if last_at is not None:
        against.append("the journal's last entry")
    if not against:
        return Check("clock", State.OK, "there is nothing yet to compare it with")
    return Check("clock", State.OK, f"agrees with {', '.join(against)}{alone}")


def _sure_skew_s(probe: Probe) -> float:
    """What is left of the skew when the call's own time explains as much of it as it can."""
    if probe.skew_s is None:
        return 0.0
    return abs(probe.skew_s) - (probe.latency_s or 0.0) / 2


def check_journal(path: str, mode: str, found: Checkup | JournalError | None) -> Check:
    """`found` None: there is no journal. Its pages and its sums; whether it follows from its log takes
    longer, and `mvx journal verify`."""
    if found is None:
        if mode == "paper":
            return Check("journal", State.WARN, f"{path} begins with the first command", "mvx init")
        says = f"there is no journal at {path}"
        return Check("journal", State.FAIL, says, "mvx init, or name it with --journal", Exit.UNAVAILABLE)
    wrong = _wrong_with(path, mode, found)
    if wrong:
        return Check("journal", State.FAIL, *wrong)
    assert isinstance(found, Checkup)
    if found.restored:
        says = f"it was put back or copied ({found.restored})"
        return Check("journal", State.WARN, says, "mvx reconcile")
    if found.schema < found.knows:
        says = f"{path} has schema {found.schema}; the next command brings it to {found.knows}"
        return Check("journal", State.OK, says)
    if found.outdated:
        says = f"it was put back or copied, and has not agreed since with {', '.join(found.outdated)}"
        return Check("journal", State.WARN, says, "mvx reconcile")
    return Check("journal", State.OK, f"{found.entries} entries; its pages and sums are right")


def _wrong_with(path: str, mode: str, found: Checkup | JournalError) -> tuple[str, str, Exit] | None:
    """What makes it unusable, what to run, and the exit code."""
    if isinstance(found, JournalError):
        return found.message, found.next_step or "mvx journal info", Exit.UNAVAILABLE
    if found.schema == 0:
        return f"{path} is empty", "mvx init, or name the journal with --journal", Exit.UNAVAILABLE
    if found.unbalanced:
        says = f"holdings that are not the sum of their postings: {', '.join(found.unbalanced)}"
        return says, "mvx journal verify", Exit.DEFECT
    if found.mode and found.mode != mode:
        says = f"{path} is a {found.mode} journal, and the configured venues are {mode}"
        return says, "name another one with --journal, or [journal] path", Exit.UNAVAILABLE
    return None


def check_lock(found: Checkup) -> Check:
    if found.locked_by is not None:
        says = f"process {found.locked_by} keeps everybody else from writing the journal"
        return Check("lock", State.FAIL, says, f"ps -p {found.locked_by}", Exit.UNAVAILABLE)
    return Check("lock", State.OK, "nobody keeps it")


def check_breaks(found: Checkup) -> Check:
    if found.open_breaks:
        says = f"{found.open_breaks} neither corrected nor acknowledged"
        return Check("breaks", State.WARN, says, "mvx breaks --open")
    return Check("breaks", State.OK, "none is open")


def check_orders(found: Checkup, unknown: Sequence[Order]) -> Check:
    """Orders whose outcome is not known are reserved at their worst until it is."""
    if unknown:
        names = ", ".join(order.cl_ord_id for order in unknown[:_MOST_NAMED])
        more = ", ..." if len(unknown) > _MOST_NAMED else ""
        return Check("orders", State.WARN, f"{len(unknown)} unknown: {names}{more}", "mvx reconcile")
    return Check("orders", State.OK, f"none is unknown, {len(found.unsettled)} not settled")


def check_trading(found: Checkup) -> Check:
    held = [each for each in found.trading if each.state is not TradingState.ACTIVE]
    if held:
        says = "; ".join(
            f"{each.scope or 'the system'} is {each.state.value} by {each.by}: {each.reason}" for each in held
        )
        venues = ",".join(sorted(each.scope for each in held if each.scope))
        commands = ["mvx resume"] * any(not each.scope for each in held)
        commands += [f"mvx resume --venue {venues}"] * bool(venues)
        return Check("trading", State.WARN, says, f"{'; '.join(commands)}, once the reason is gone")
    return Check("trading", State.OK, "ACTIVE everywhere")


def check_leader(found: Checkup, *, alive: bool) -> Check:
    if found.leader is not None and not alive:
        says = f"{found.leader.holder} led and died"
        return Check("leader", State.WARN, says, "mvx run")
    if found.leader is not None:
        return Check("leader", State.OK, f"{found.leader.holder} leads, {found.queued} jobs in hand")
    if found.queued:
        return Check("leader", State.WARN, f"{found.queued} jobs wait and nobody leads", "mvx run")
    return Check("leader", State.OK, "nobody leads, nothing waits")


def check_venue(probe: Probe, *, any_usable: bool) -> Check:
    """One that can not be used is a warning, as in `venue-status`: routes go around it."""
    name = f"venue {probe.venue}"
    why = probe.why or (probe.refused if probe.paper else "")
    if not why:
        return Check(name, State.OK, f"answers in {(probe.latency_s or 0.0) * 1_000:.0f} ms")
    state, exit_code = (State.WARN, Exit.OK) if any_usable else (State.FAIL, Exit.NO_VENUE)
    return Check(name, state, why, _MEND_KEY if probe.refused else "mvx venue-status", exit_code)


def check_key(probe: Probe) -> Check:
    """The key of a live venue: it is there, it is taken, and it may do what mvx needs and no more. One that
    may take something out of the account works, and is worth more to a thief."""
    name, rights = f"key {probe.venue}", probe.rights
    if probe.refused:
        return Check(name, State.FAIL, probe.refused, _MEND_KEY, Exit.USAGE)
    if probe.why and rights is None:
        return Check(name, State.WARN, "is not judged while the venue can not be used", "mvx venue-status")
    if rights is None:
        return Check(name, State.OK, "is taken; the venue does not tell what it may do")
    lacks = f"it lacks {', '.join(rights.missing)}" if rights.missing else "it may read and trade"
    takes = f"it may withdraw ({', '.join(rights.withdrawals)}), which mvx never does"
    where = "any address" if rights.anywhere else "listed addresses alone"
    says = f"{lacks}; {takes if rights.withdrawals else 'it may not withdraw'}; it is taken from {where}"
    if rights.missing:
        return Check(name, State.FAIL, says, _MEND_KEY, Exit.USAGE)
    if rights.withdrawals:
        return Check(name, State.WARN, says, _MEND_KEY)
    return Check(name, State.OK, says)
