"""What an older state of the journal holds as open is closed by whoever finds that it was put back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from mvx.domain import entries as log
from mvx.domain.ids import JobId, ParentId
from mvx.errors import LeaseLost
from mvx.journal import history, jobs, views
from mvx.journal.generation import mark_path
from mvx.journal.left_open import DIED, UNANSWERED
from mvx.journal.store import Journal
from mvx.journal.verify import differences
from tests.domain.orders import BUY, at

ROUTE: dict[str, object] = {
    "instrument": "BTC-USD", "side": "buy", "order_qty": "1", "limit_px": None, "max_slippage_bps": None,
    "time_in_force": "ioc", "post_only": False, "venues": [], "exclude": [], "id": None, "max_rounds": None,
    "deadline_s": None, "dry_run": False,
}  # fmt: skip
FLATTEN: dict[str, object] = {
    "venues": ["okx", "kraken"],
    "instruments": [],
    "to_zero": False,
    "foreign": False,
}


def opened(path: Path) -> Journal:
    return Journal(path, mode="paper")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(opened(tmp_path / "mvx.db")) as made:
        yield made


def copy(journal: Journal) -> Journal:
    """On another machine, of the file alone."""
    there = journal.path.with_name("copy.db")
    for suffix in ("", "-wal"):
        shutil.copy(journal.path.with_name(journal.path.name + suffix), there.with_name(f"copy.db{suffix}"))
    return opened(there)


def parent(parent_id: str, key: str | None = None) -> log.ParentOpened:
    return log.ParentOpened(ParentId(parent_id), key, "{}", "BTC-USD", BUY, Decimal(1))


def job(job_id: str, kind: str = "route", params: str = "{}") -> log.JobQueued:
    return log.JobQueued(JobId(job_id), kind, params, "ops")


def test_it_is_closed_in_the_transaction_that_finds_it_before_anything_else(journal: Journal) -> None:
    """Also where that takes a lease and writes nothing more, as a daemon does first; what was done stays."""
    with journal.write(at=at(1)) as tx:
        for entry in (parent("p1"), parent("p2"), parent("p3"), job("j1"), job("j2"), job("j3"), job("j4")):
            tx.append(entry)
        tx.append(log.ParentClosed(ParentId("p2"), "filled", '{"kept":1}'))
        tx.append(log.JobClaimed(JobId("j2"), "w1"))
        tx.append(log.JobEnded(JobId("j3"), '{"data":1}'))
        tx.append(log.JobWithdrawn(JobId("j4"), "w1"))
        lease = tx.take_lease("p1", "w1")
        assert lease is not None
    with closing(copy(journal)) as there:
        with there.write(at=at(2)) as tx:
            assert tx.take_lease(jobs.LEADER, "w2") is not None
            assert () == jobs.open_jobs(tx)
        with there.read() as tx:
            found = {each: history.parent(tx, each) for each in ("p1", "p2", "p3")}
            said = {each: (row.status, row.result) for each, row in found.items() if row is not None}
            assert {"p1": (DIED, ""), "p2": ("filled", '{"kept":1}'), "p3": (DIED, "")} == said
            answers = [jobs.job(tx, JobId(each)) for each in ("j1", "j2", "j3", "j4")]
            assert [UNANSWERED, UNANSWERED, '{"data":1}', None] == [each and each.answer for each in answers]
            assert not history.lease_is_held(tx, "p1", at(2))
            assert [] == list(differences(tx))
        with pytest.raises(LeaseLost), there.write(lease, at=at(2)):
            pass
        assert ["j1", "j2", "p1", "p3"] == [line.split()[0] for line in there.notices()[1:]]
    with journal.read() as tx:
        assert ["j1", "j2"] == [each.job_id for each in jobs.open_jobs(tx)]


def test_what_is_opened_after_it_is_worked(journal: Journal) -> None:
    """In the same transaction even; and it happens once."""
    journal.close()
    mark_path(journal.path).unlink()
    with closing(opened(journal.path)) as again:
        with again.write(at=at(1)) as tx:
            tx.append(job("j1"))
            tx.append(parent("p1"))
            tx.append(job("j2"))
        with again.read() as tx:
            assert ["j1", "j2"] == [each.job_id for each in jobs.open_jobs(tx)]
            seq = views.last_seq(tx)
    with closing(opened(journal.path)) as once, once.write(at=at(2)) as tx:
        assert seq + 1 == tx.append(job("j3"))


COMMANDS: dict[str, dict[str, object]] = {
    "route BTC-USD 1 --queue": {},
    "route BTC-USD 1 --sell --post-only --tif gtc --limit 7.5 --venue okx,kraken --queue": {
        "side": "sell", "post_only": True, "time_in_force": "gtc", "limit_px": "7.5",
        "venues": ["okx", "kraken"],
    },
    "route BTC-USD 1 --max-slippage-bps 9 --exclude okx --max-rounds 2 --id 'a b' --deadline 0.5 --queue": {
        "max_slippage_bps": "9", "exclude": ["okx"], "max_rounds": 2, "id": "a b", "deadline_s": 0.5,
    },
    "route BTC-USD 1 --id begun --twap 3600s --resume --queue": {"id": "begun", "twap_s": 3600.0},
    "flatten --venue okx,kraken": {},
    "flatten --venue okx,kraken --instrument BTC-USD --to-zero --foreign": {
        "instruments": ["BTC-USD"], "to_zero": True, "foreign": True,
    },
}  # fmt: skip


def test_each_is_told_with_the_command_that_asks_for_it_again(journal: Journal) -> None:
    """With all that was asked for: one without its limit would be another order."""
    with journal.write(at=at(1)) as tx:
        tx.append(parent("p1", "begun"))
        tx.append(log.ParentClosed(ParentId("p1"), "incomplete", "{}"))
        for n, (command, asked) in enumerate(COMMANDS.items()):
            kind = command.split()[0]
            tx.append(job(f"j{n}", kind, json.dumps((ROUTE if kind == "route" else FLATTEN) | asked)))
    with closing(copy(journal)) as there:
        with there.write() as tx:
            tx.append(parent("p2"))
        lines = there.notices()[1:]
    assert [f"mvx {command}" for command in COMMANDS] == [line.rpartition(": ")[2] for line in lines]


@pytest.mark.parametrize("params", ["{}", "[]", "no JSON", json.dumps(ROUTE | {"deadline_s": "soon"})])
def test_a_job_that_this_version_can_not_read_is_told_as_it_is(params: str, journal: Journal) -> None:
    with journal.write(at=at(1)) as tx:
        tx.append(job("j1", params=params))
    with closing(copy(journal)) as there:
        with there.write() as tx:
            tx.append(parent("p2"))
        (_, line) = there.notices()
        assert line.endswith(f"where it is wanted still: route {params}")
