"""The first signal stops and settles, the second exits at once."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mvx.cli.at_desk import at_desk
from mvx.cli.boundary import Boundary, log_file
from mvx.cli.consent import consent
from mvx.cli.environment import Environment
from mvx.cli.session import Session
from mvx.cli.signals import Interrupted, Signals
from mvx.domain.ids import ClOrdId, Symbol, Venue
from mvx.engine.desk import Desk
from mvx.engine.outcome import Outcome
from mvx.engine.run import Defect
from mvx.errors import Exit, StoppedFollowing, VenueRejected
from tests.cli.harness import Terminal, surroundings

CASES = [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)]


def for_a_script(environment: Environment) -> Session:
    """A session that answers in JSON."""
    session = Session(environment, Signals())
    session.json = True
    return session


def told(session: Session) -> Any:
    """What it answered."""
    assert isinstance(session.environment.stdout, io.StringIO)
    return json.loads(session.environment.stdout.getvalue())


@pytest.mark.parametrize(("number", "exit_code"), CASES)
def test_synchronous_work_is_interrupted(number: signal.Signals, exit_code: Exit) -> None:
    """The handler raises where nothing can be cancelled."""
    with pytest.raises(Interrupted) as caught, Signals().handled():
        os.kill(os.getpid(), number)
    assert caught.value.exit_code == exit_code


@pytest.mark.parametrize(("number", "exit_code"), CASES)
def test_asynchronous_work_is_cancelled_once_and_cleans_up(number: signal.Signals, exit_code: Exit) -> None:
    """The clean-up runs, then the signal's code is reported."""
    cleaned = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    signals = Signals()
    with pytest.raises(Interrupted) as caught, signals.handled():
        signals.run(work)
    assert (caught.value.exit_code, cleaned) == (exit_code, [True])


def test_work_that_settles_keeps_its_answer(tmp_path: Path) -> None:
    """A use case may answer after the signal: the answer stands, the exit code is the signal's."""
    session = for_a_script(surroundings(tmp_path))

    async def work() -> Outcome:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return Outcome({"settled": True}, Exit.OK, sent=True)
        raise AssertionError("it was not cancelled")

    with session.signals.handled():
        exit_code = session.answer(session.run(work))
    found = told(session)
    assert (exit_code, found["exit_code"], found["sent"], found["data"]) == (
        143,
        143,
        True,
        {"settled": True},
    )


class Hesitant(Terminal):
    """Somebody who presses Ctrl-C at a question, and then types all the same."""

    def readline(self, size: int = -1, /) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return "y\n"


def test_a_signal_at_a_question_is_no_yes(tmp_path: Path) -> None:
    """Nothing was in flight while it was read, and nothing is sent."""
    agreed: list[bool] = []
    session = for_a_script(surroundings(tmp_path, stdin=Hesitant(), stderr=Terminal()))
    session.mode = "live"

    async def work() -> Outcome:
        ask = consent(session, yes=False, assume_yes=False, question="buy?")
        agreed.append(ask is not None and ask())
        return Outcome({}, Exit.OK)

    boundary = Boundary(session, ())
    with session.signals.handled(), boundary:
        session.run(work)
    found = told(session)
    assert ([], 130, "interrupted") == (agreed, boundary.exit_code, found["error"]["code"])
    assert ("nothing was sent", False, False) == (found["error"]["known"], found["sent"], found["uncertain"])


def test_a_signal_after_the_work_leaves_its_answer_whole(tmp_path: Path) -> None:
    """What was sent is told, whenever the signal comes."""
    session = for_a_script(surroundings(tmp_path))

    async def work() -> Outcome:
        return Outcome({}, Exit.OK, sent=True)

    with session.signals.handled():
        outcome = session.run(work)
        os.kill(os.getpid(), signal.SIGINT)
        exit_code = session.answer(outcome)
    assert (130, True) == (exit_code, told(session)["sent"])


@pytest.mark.parametrize("begun", [True, False])
def test_who_stops_following_is_told_whether_the_job_goes_on(begun: bool, tmp_path: Path) -> None:
    """The exit is the signal's."""
    session = for_a_script(surroundings(tmp_path))

    async def work() -> Outcome:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise StoppedFollowing("as it is", "mvx cancel j1" * begun, begun=begun) from None
        raise AssertionError("it was not cancelled")

    with session.signals.handled(), Boundary(session, ()) as boundary:
        session.run(work)
    found = told(session)
    assert (143, "interrupted", begun, begun) == (
        boundary.exit_code, found["error"]["code"], found["sent"], found["uncertain"],
    )  # fmt: skip
    assert begun is ("mvx cancel j1" in found["error"]["next"])


def test_an_answer_that_can_not_be_told_leaves_open_what_was_sent(tmp_path: Path) -> None:
    """A defect in the telling: whatever the work did, it did."""
    session = for_a_script(surroundings(tmp_path))

    async def work() -> Outcome:
        return Outcome(object(), Exit.OK, sent=True)

    with Boundary(session, ()) as boundary:
        session.answer(session.run(work))
    found = told(session)
    assert (1, "defect", True) == (boundary.exit_code, found["error"]["code"], found["uncertain"])


@pytest.mark.parametrize("sent", [True, False])
def test_a_defect_in_a_job_is_told_as_one_of_the_command_itself(sent: bool, tmp_path: Path) -> None:
    """Whether a daemon is up or not: the same envelope."""
    session, led = for_a_script(surroundings(tmp_path)), for_a_script(surroundings(tmp_path))
    session.answer_sent = sent
    where = f"its traceback is in {log_file()}"
    with Boundary(session, ()):
        raise RuntimeError
    with Boundary(led, ()):
        raise Defect(RuntimeError(), where, sent=sent)
    assert told(session) == told(led)
    assert (sent, sent) == (told(led)["sent"], told(led)["uncertain"])


def test_an_ignored_signal_stays_ignored() -> None:
    """Under nohup, and in the background of a script, nothing is interrupted."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals().handled():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(("number", "exit_code"), CASES)
def test_a_watch_ends_with_the_code_of_its_signal(
    number: signal.Signals, exit_code: Exit, tmp_path: Path
) -> None:
    """One whole record a tick, and nothing else on stdout after the signal."""
    command = [sys.executable, "-m", "mvx", "reconcile", "--watch", "--interval", "60", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as child:
        assert child.stdout is not None
        first = json.loads(child.stdout.readline())
        child.send_signal(number)
        rest, errors = child.communicate(timeout=20)
    assert (first["command"], child.returncode, rest) == ("reconcile", exit_code, "")
    assert "Traceback" not in errors


def test_the_second_signal_exits_at_once(tmp_path: Path) -> None:
    """Work that does not let go is left to the journal."""
    script = (
        "import asyncio, os, signal\n"
        "from mvx.cli.signals import Signals\n"
        "async def stubborn():\n"
        "    while True:\n"
        "        try:\n"
        "            await asyncio.sleep(60)\n"
        "        except asyncio.CancelledError:\n"
        "            os.kill(os.getpid(), signal.SIGTERM)\n"
        "signals = Signals()\n"
        "with signals.handled():\n"
        "    signal.setitimer(signal.ITIMER_REAL, 0.2)\n"
        "    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))\n"
        "    signals.run(stubborn)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], timeout=20, capture_output=True, check=False)
    assert ran.returncode == 143
    assert b"a second signal exits at once" in ran.stderr


@pytest.mark.parametrize(
    ("sends", "known"), [(False, "nothing was sent"), (True, "requests may be in flight")]
)
def test_a_signal_says_what_may_be_in_flight_only_where_something_was_sent(
    sends: bool, known: str, tmp_path: Path
) -> None:
    """A command that only reads, or that has not come to sending, has nothing there."""
    session = for_a_script(surroundings(tmp_path))

    async def work(desk: Desk) -> Outcome:
        venue = desk.venues[Venue("kraken")]
        await venue.open_orders()
        if sends:
            with suppress(VenueRejected):
                await venue.cancel(Symbol("BTC/USD"), ClOrdId("m1"), None)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(60)
        raise AssertionError("it was not cancelled")

    with session.signals.handled(), Boundary(session, ()) as boundary:
        at_desk(session, session.settings(), work)
    found = told(session)
    assert (143, "interrupted", sends) == (boundary.exit_code, found["error"]["code"], found["uncertain"])
    assert found["error"]["known"].startswith(known)
