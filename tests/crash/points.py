"""kill -9 at many lines of many commands: `python -m tests.crash.points [--points N] [--times N] [--seed N]`.

Each case is a copy of one desk with positions, a resting order and a fault or two under way. A command runs
on it in a process of its own and is killed at one line (tests/crash/hooked.py). Whoever comes next finds the
truth in the interval, reconciles until the journal is the ledger, and repeats the command: nothing is sent
twice. The last line counts runs, points, kills and violations; exit 1 where a promise broke.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from mvx.domain.ids import Asset, Symbol, Venue
from mvx.domain.instant import after
from mvx.engine import jobs
from mvx.engine.desk import Desk
from mvx.engine.flatten import flatten
from mvx.engine.flatten_order import FlattenOrder
from mvx.engine.run import Around, run
from mvx.errors import Exit
from mvx.journal import history, views
from mvx.journal import jobs as queue
from mvx.journal.store import LEASE_S
from tests.crash.processes import RealClock, Station, adopt_mark, environment
from tests.engine.desk import BUY, GTC, OKX, SELL, Operator, order
from tests.engine.faults import DARK, SORTS
from tests.engine.truth import (
    assert_healed,
    assert_one_acceptance_each,
    assert_truth_inside,
    late_qty,
    reading,
    until_agreed,
)
from tests.virtual import VirtualClock

ROOT = Path(__file__).resolve().parents[2]
QTY = Decimal("0.4")
#: Faults that hit once and leave a trace; what makes every call fail has tests of its own.
FAULTS = tuple(kind for kind in SORTS if kind not in (*DARK, "bust", "http-429", "clock-skew"))
KRAKEN, COINBASE = Venue("kraken"), Venue("coinbase")


class Command(NamedTuple):
    """What is typed, what was done to the desk before, and what is done again after the kill."""

    words: tuple[str, ...]
    before: Callable[[Operator], object]
    again: Callable[[Operator], object]


def nothing(at: Operator) -> None:
    """The desk as it is."""


def routes_again(side: str) -> Callable[[Operator], None]:
    def again(at: Operator) -> None:
        """The id is gone on with to its end: its own quantity, once."""
        outcome = at.routes(order(str(QTY), BUY if side == "buy" else SELL, id="k", resume=True))
        assert outcome.exit_code in (Exit.OK, Exit.INCOMPLETE), outcome
        traded = qty_of(at, "k")
        assert traded == QTY if outcome.exit_code is Exit.OK else traded <= QTY, traded

    return again


def qty_of(at: Operator, key: str) -> Decimal:
    """What the venues filled of a parent's orders, but for late fills on closed ones."""
    late = late_qty(at)
    with reading(at.settings) as tx:
        row = history.parent_by_key(tx, key)
        ids = set() if row is None else {child.cl_ord_id for child in views.children(tx, row.parent_id)}
    fills = [row for row in at.ledger_rows("fills") if row["cl_ord_id"] in ids and not row["busted_at"]]
    return sum((Decimal(row["qty"]) for row in fills), Decimal(0)) - sum(late.get(i, Decimal(0)) for i in ids)


def leaves_again(at: Operator) -> None:
    asked = FlattenOrder(at.venues, (), to_zero=False, foreign=False, dry_run=False, by="points")
    outcome = at.does(lambda desk: flatten(desk, asked, show=lambda plan: None, confirm=lambda: True))
    assert all(row.verified for row in outcome.data.venues), outcome  # type: ignore[attr-defined]  # a FlattenResult
    for venue in at.venues:
        total = Decimal(at.ledger(venue)["balances"]["BTC"]["total"])
        assert abs(total - 10) < Decimal("0.0001"), (venue, total)


def happenings(at: Operator) -> None:
    """By hand, by the bank, and by the venue: all to be found by a reconcile."""
    at.exchange.trade(KRAKEN, BUY, Decimal("0.02"), Symbol("BTC/USD"))
    at.exchange.trade(OKX, SELL, Decimal("0.01"), Symbol("BTC/USDT"), Decimal(95_000))
    at.exchange.transfer(COINBASE, Asset("USD"), Decimal(250))
    at.exchange.inject(KRAKEN, "bust", delay_s=0.01)
    at.exchange.trade(KRAKEN, BUY, Decimal("0.03"), Symbol("BTC/USD"))


def queues(at: Operator) -> None:
    async def hand_over(desk: Desk) -> None:
        jobs.queue(desk, order(str(QTY), BUY, id="k"), "points")

    at.does(hand_over)


def leads_again(at: Operator) -> None:
    """The next leader ends what the dead one had begun: its own quantity, once. What that one had answered
    already, with an order in question, nobody goes on with."""

    async def lead(desk: Desk) -> None:
        around = Around(lambda said: None, lambda: None, asyncio.Event(), lambda: at.settings, str)
        leader = asyncio.ensure_future(run(desk, around))
        await asyncio.sleep(40)
        leader.cancel()
        await leader

    at.does(lead)
    with reading(at.settings) as tx:
        assert () == queue.open_jobs(tx)
        parent = history.parent_by_key(tx, "k")
    assert parent is not None, "it was begun"
    traded = qty_of(at, "k")
    assert traded == QTY or (parent.status == "uncertain" and traded < QTY), (parent.status, traded)


COMMANDS = {
    "buy": Command(("route", "BTC-USD", str(QTY), "--id", "k"), nothing, routes_again("buy")),
    "sell": Command(("route", "BTC-USD", str(QTY), "--sell", "--id", "k"), nothing, routes_again("sell")),
    "flatten": Command(("flatten", "--all"), nothing, leaves_again),
    "cancel": Command(("cancel", "--all"), nothing, lambda at: at.cancels()),
    "reconcile": Command(("reconcile",), happenings, lambda at: at.reconciles()),
    "halt": Command(("halt", "--venue", "okx"), nothing, nothing),
    "baseline": Command(("baseline", "set", "okx", "BTC", "9.5"), nothing, nothing),
    "run": Command(("run",), queues, leads_again),
}


class Case(NamedTuple):
    """One kill: the command, the line, at which of its visits, and the faults under way."""

    command: str
    file: str
    line: int
    visit: int
    faults: tuple[tuple[str, str], ...]


def prepare(folder: Path) -> None:
    """The desk that every case begins with: positions at three venues, an order that rests, all settled."""
    at = Operator(Station(folder).settings, VirtualClock(RealClock().now()))
    at.routes(order("1.2"))
    at.routes(order("0.2", time_in_force=GTC, limit_px=Decimal(60_000), venues=(OKX,)))
    until_agreed(at)
    at.clock.advance(3)
    at.reconciles()


def copy_of(template: Path, folder: Path) -> Station:
    shutil.copytree(template, folder, ignore=shutil.ignore_patterns("*.lock"))
    at = Station(folder)
    adopt_mark(at.settings.desk.journal)
    return at


def start(at: Station, words: tuple[str, ...], **hook: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.crash.hooked", "--config", str(at.config), *words, "--json"],
        cwd=ROOT,
        env=environment(at.folder, **hook),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(at: Station, process: subprocess.Popen[str], *, daemon: bool) -> None:
    """Its end, of itself or by the kill; a daemon is stopped a while after it has worked off its queue:
    before that its job would end with it."""
    give_up_s = time.monotonic() + 60
    while daemon and process.poll() is None and has_jobs(at) and time.monotonic() < give_up_s:
        time.sleep(0.05)
    try:
        process.communicate(timeout=3 if daemon else 60)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.communicate(timeout=60)


def has_jobs(at: Station) -> bool:
    with reading(at.settings) as tx:
        return bool(queue.open_jobs(tx))


def reached(template: Path, command: str) -> list[tuple[str, int, int]]:
    """Every line that the command comes to, and how often."""
    with tempfile.TemporaryDirectory() as folder:
        at = copy_of(template, Path(folder) / "desk")
        COMMANDS[command].before(Operator(at.settings, VirtualClock(RealClock().now())))
        counts = Path(folder) / "counts.json"
        finish(at, start(at, COMMANDS[command].words, MVX_COUNT=str(counts)), daemon=command == "run")
        return [(file, line, times) for file, line, times in json.loads(counts.read_text())]


def strike(template: str, case: Case) -> tuple[bool, str]:
    """One case from copy to the end: whether the kill hit, and what broke (nothing: empty)."""
    with tempfile.TemporaryDirectory() as folder:
        at = copy_of(Path(template), Path(folder) / "desk")
        command = COMMANDS[case.command]
        try:
            command.before(Operator(at.settings, VirtualClock(RealClock().now())))
            for venue, kind in case.faults:
                at.exchange.inject(Venue(venue), kind)
            point = f"{case.file}:{case.line}:{case.visit}:SIGKILL"
            process = start(at, command.words, MVX_STRIKE=point)
            finish(at, process, daemon=case.command == "run")
            recover(at, command, bust=case.command == "reconcile")
        except Exception:  # noqa: BLE001 - whatever broke is the result of this case
            return True, f"{case}\n{traceback.format_exc()}"
        return process.returncode == -9, ""


def recover(at: Station, command: Command, *, bust: bool) -> None:
    """Somebody comes after the leases have run out, on a clock that need not wait."""
    later = Operator(at.settings, VirtualClock(after(RealClock().now(), LEASE_S + 5)))
    if not bust:  # what the venue took back is exogenous to the interval until it is read
        assert_truth_inside(later, "after the kill")
    until_agreed(later, most=60)
    later.exchange.heal()
    command.again(later)
    assert_healed(later)
    assert_one_acceptance_each(later)


def cases(template: Path, points: int, times: int, seed: int) -> Iterator[Case]:
    """Distinct lines, spread over the commands by how many each comes to, each struck at several visits."""
    chance = random.Random(seed)
    lines = [(name, *found) for name in COMMANDS for found in reached(template, name)]
    venues = list(Station(template).settings.venues)
    for name, file, line, visits in chance.sample(lines, min(points, len(lines))):
        for _ in range(times):
            faults = tuple((chance.choice(venues), chance.choice(FAULTS)) for _ in range(chance.randrange(3)))
            yield Case(name, file, line, chance.randint(1, visits), faults)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2) as pool:
        template = Path(folder) / "template"
        prepare(template)
        chosen = list(cases(template, asked.points, asked.times, asked.seed))
        results = list(pool.map(strike, [str(template)] * len(chosen), chosen))
    broken = [text for _, text in results if text]
    for text in broken[:10]:
        sys.stdout.write(f"{text}\n")
    lines = {(case.command, case.file, case.line) for case in chosen}
    hits = sum(hit for hit, _ in results)
    sys.stdout.write(f"{len(chosen)} runs, {len(lines)} points, {hits} kills, {len(broken)} violations\n")
    sys.exit(bool(broken) or hits < len(chosen) // 2)


if __name__ == "__main__":
    main()
