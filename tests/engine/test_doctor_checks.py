"""What each check of the doctor makes of its facts: the borders, and what no test can break on a machine."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest

from mvx.domain.ids import Venue
from mvx.domain.instant import Instant, after
from mvx.domain.trading import Trading, TradingState
from mvx.engine import doctor_checks as checks
from mvx.engine.doctor_checks import File, Probe, Reference, Space, State
from mvx.errors import Exit
from mvx.journal.checkup import Checkup, unsafe_sqlite
from mvx.journal.jobs import Leader
from mvx.venues.port import KeyRights
from tests.domain.orders import BUY, at, order

MIB = 1024 * 1024
OK, WARN, FAIL = State.OK, State.WARN, State.FAIL
GOOD = Checkup(2, 2, mode="paper", entries=7, last_at=at(0))


def probe(name: str = "okx", **changes: object) -> Probe:
    return Probe(Venue(name), "", 0.2, 0.0, 0.5, paper=False)._replace(**changes)


@pytest.mark.parametrize(
    ("version", "state"), [((3, 51, 2), FAIL), ((3, 40, 1), FAIL), ((3, 51, 3), OK), ((3, 53, 0), OK)]
)
def test_an_sqlite_that_can_corrupt_a_journal_fails(version: tuple[int, ...], state: State) -> None:
    found = checks.check_sqlite("x", unsafe_sqlite(version))
    assert (state, Exit.UNAVAILABLE if state is FAIL else Exit.OK) == (found.state, found.exit_code)
    assert (found.next is None) == (state is OK)


@pytest.mark.parametrize(
    ("free_mib", "needed_mib", "writable", "state"),
    [
        (63, 1, True, FAIL),
        (64, 1, True, WARN),
        (511, 1, True, WARN),
        (512, 1, True, OK),
        (600, 601, True, WARN),
        (600, 600, True, OK),
        (90_000, 1, False, FAIL),
    ],
)
def test_a_disk_must_have_room_for_commits_and_a_backup(
    free_mib: int, needed_mib: int, writable: bool, state: State
) -> None:
    found = checks.check_disk("d", Space(free_mib * MIB, needed_mib * MIB, writable))
    assert (state, Exit.UNAVAILABLE if state is FAIL else Exit.OK) == (found.state, found.exit_code)
    assert ("a backup may not fit" in found.says) == (writable and needed_mib > free_mib)


def test_a_disk_that_can_not_be_asked_fails() -> None:
    found = checks.check_disk("d", OSError(errno.EIO, "Input/output error"))
    assert (FAIL, "d: Input/output error", 8) == (found.state, found.says, found.exit_code)


@pytest.mark.parametrize(
    ("mode", "owner", "secret", "state"),
    [
        (0o600, 7, True, OK),
        (0o600, 0, True, FAIL),
        (0o644, 0, False, OK),
        (0o600, 8, False, FAIL),
        (0o600, 8, True, FAIL),
        (0o640, 7, True, WARN),
        (0o620, 7, True, WARN),
        (0o602, 7, True, FAIL),
        (0o664, 7, False, WARN),
        (0o646, 7, False, FAIL),
        (0o1777, 0, False, OK),
    ],
)
def test_a_file_belongs_to_its_user_and_is_closed(mode: int, owner: int, secret: bool, state: State) -> None:
    """A config may be root's; the journal is the user's own. A folder for everybody is closed by its bit."""
    found = checks.check_permissions([File("f", 0o600, 7, secret=True), File("g", mode, owner, secret)], 7)
    assert state is found.state
    assert (found.next is None) == (state is OK)
    assert " f" not in (found.next or "")


@pytest.mark.parametrize(
    ("ahead_s", "state"), [(-1000.0, OK), (0.0, OK), (1.0, OK), (1.1, FAIL), (1e9, FAIL)]
)
def test_a_clock_is_not_before_the_journals_last_entry(ahead_s: float, state: State) -> None:
    found = checks.check_clock(at(0), after(at(0), ahead_s), [])
    assert (state, "timedatectl" if state is FAIL else None) == (found.state, found.next)


@pytest.mark.parametrize(
    ("skew_s", "latency_s", "state"),
    [
        (0.5, 0.0, OK),
        (0.51, 0.0, FAIL),
        (-0.51, 0.0, FAIL),
        (0.6, 0.2, OK),
        (0.61, 0.2, FAIL),
        (None, None, OK),
    ],
)
def test_a_venue_may_be_as_far_as_it_declares_and_the_call_explains(
    skew_s: float | None, latency_s: float | None, state: State
) -> None:
    found = checks.check_clock(at(0), None, [probe(skew_s=skew_s, latency_s=latency_s)])
    assert state is found.state


def test_the_clock_says_what_it_was_compared_with() -> None:
    live, paper = probe(skew_s=0.012), probe("paper", paper=True)
    nothing_else = "paper venues have this machine's clock, so nothing else tells"
    for last_at, probes, says in (
        (None, [], "there is nothing yet to compare it with"),
        (None, [paper], "there is nothing yet to compare it with"),
        (at(0), [paper], f"agrees with the journal's last entry; {nothing_else}"),
        (at(0), [probe(skew_s=None), paper], "agrees with the journal's last entry; no venue told its time"),
        (at(0), [live, paper], "agrees with okx's (+0.012 s), the journal's last entry"),
        (None, [live], "agrees with okx's (+0.012 s)"),
    ):
        assert says == checks.check_clock(at(0), last_at, probes).says


def test_an_older_schema_is_brought_up_by_the_next_command() -> None:
    found = checks.check_journal("j", "paper", Checkup(1, 2))
    assert (OK, "j has schema 1; the next command brings it to 2") == (found.state, found.says)


def test_of_two_things_wrong_with_a_journal_the_graver_is_told() -> None:
    found = checks.check_journal(
        "j", "paper", GOOD._replace(unbalanced=("okx BTC",), restored="it is a copy")
    )
    assert (FAIL, Exit.DEFECT) == (found.state, found.exit_code)
    found = checks.check_journal("j", "paper", GOOD._replace(outdated=(Venue("okx"), Venue("kraken"))))
    assert (WARN, "it was put back or copied, and has not agreed since with okx, kraken") == (
        found.state, found.says,
    )  # fmt: skip


def test_many_unknown_orders_are_counted_and_three_are_named() -> None:
    unknown = [replace(order(BUY, "1", cl_ord_id=f"m{number}"), unknown=True) for number in range(5)]
    found = checks.check_orders(GOOD._replace(unsettled=tuple(unknown)), unknown)
    assert (WARN, "5 unknown: m0, m1, m2, ...") == (found.state, found.says)


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ((), OK),
        ((TradingState.ACTIVE,), OK),
        ((TradingState.ACTIVE, TradingState.REDUCING), WARN),
        ((TradingState.HALTED,), WARN),
    ],
)
def test_what_is_not_active_is_told(states: tuple[TradingState, ...], state: State) -> None:
    trading = tuple(Trading(None, each, "why", "who", at(0)) for each in states)
    assert state is checks.check_trading(GOOD._replace(trading=trading)).state


@pytest.mark.parametrize(
    ("leads", "alive", "queued", "state"),
    [
        (False, False, 0, OK),
        (False, False, 2, WARN),
        (True, True, 2, OK),
        (True, False, 0, WARN),
        (True, False, 2, WARN),
    ],
)
def test_whoever_leads_is_alive_and_what_waits_is_led(
    leads: bool, alive: bool, queued: int, state: State
) -> None:
    leader = Leader("7-x", Instant(0)) if leads else None
    found = checks.check_leader(GOOD._replace(leader=leader, queued=queued), alive=alive)
    assert (state, "mvx run" if state is WARN else None) == (found.state, found.next)


@pytest.mark.parametrize(
    ("rights", "state", "exit_code"),
    [
        (None, OK, Exit.OK),
        (KeyRights((), (), anywhere=True), OK, Exit.OK),
        (KeyRights((), ("out",), anywhere=False), WARN, Exit.OK),
        (KeyRights(("trade",), (), anywhere=False), FAIL, Exit.USAGE),
        (KeyRights(("trade",), ("out",), anywhere=True), FAIL, Exit.USAGE),
    ],
)
def test_a_key_may_do_what_is_needed_and_no_more(
    rights: KeyRights | None, state: State, exit_code: Exit
) -> None:
    found = checks.check_key(probe(rights=rights))
    assert (state, exit_code, state is OK) == (found.state, found.exit_code, found.next is None)
    assert ("does not tell" in found.says) == (rights is None)
    assert ("withdraw (out)" in found.says) == bool(rights and rights.withdrawals)
    assert ("lacks trade" in found.says) == bool(rights and rights.missing)


def test_what_is_known_of_a_key_is_told_though_its_venue_can_not_be_used() -> None:
    """It told of the rights, and then no balances came."""
    withdraws = KeyRights((), ("out",), anywhere=False)
    assert "withdraw (out)" in checks.check_key(probe(why="no answer", rights=withdraws)).says
    assert "is not judged while the venue can not be used" == checks.check_key(probe(why="no answer")).says


def test_a_key_that_is_refused_is_told_once() -> None:
    """Of a live venue by the check of its key; a paper venue has none."""
    for paper in (False, True):
        refused = probe(refused="no", paper=paper)
        says = checks.check_venue(refused, any_usable=True).says
        assert ("no" if paper else "answers in 200 ms", "no") == (says, checks.check_key(refused).says)


def test_secrets_are_counted_and_every_broken_one_is_told() -> None:
    fine, untried = Reference("a", ""), Reference("b", "", tried=False)
    assert "none is needed" == checks.check_secrets([]).says
    assert "2 references, 1 of them not tried" == checks.check_secrets([fine, untried]).says
    found = checks.check_secrets([fine, Reference("c", "gone"), Reference("d", "open")])
    assert (FAIL, "c: gone; d: open", 2) == (found.state, found.says, found.exit_code)
