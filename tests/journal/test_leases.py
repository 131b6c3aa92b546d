"""One worker per parent: leases with a fence that only grows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mvx.domain import entries as log
from mvx.errors import Exit, LeaseLost
from mvx.journal import history, jobs, views
from mvx.journal.store import LEASE_S, Journal, Lease
from tests.domain.orders import BTC, USD, at, fill

BOUGHT = log.FillBooked(fill("1"), BTC, USD, None)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.db", mode="paper")
    yield made
    made.close()


def take(journal: Journal, holder: str, seconds: float, name: str = "p1") -> Lease | None:
    with journal.write(at=at(seconds)) as tx:
        return tx.take_lease(name, holder)


def taken(journal: Journal, holder: str, seconds: float, name: str = "p1") -> Lease:
    lease = take(journal, holder, seconds, name)
    assert lease is not None
    return lease


def fenced_write(journal: Journal, lease: Lease, seconds: float) -> None:
    with journal.write(lease, at=at(seconds)) as tx:
        tx.append(BOUGHT)


def refused(journal: Journal, lease: Lease, seconds: float) -> bool:
    """Whether a fenced write is refused, and has then written nothing."""
    with journal.read() as tx:
        before = views.last_seq(tx)
    try:
        fenced_write(journal, lease, seconds)
    except LeaseLost:
        with journal.read() as tx:
            assert views.last_seq(tx) == before
        return True
    return False


def test_a_lease_is_one_worker_s_until_it_expires(journal: Journal) -> None:
    """A second worker gets none a moment before the end, and one at the end."""
    taken(journal, "one", 0)
    assert take(journal, "two", LEASE_S - 0.000001) is None
    assert take(journal, "two", LEASE_S) is not None


def test_two_workers_of_one_process_do_not_share_it(journal: Journal) -> None:
    """A daemon works many jobs at once under one name: the second one waits like anybody else."""
    first = taken(journal, "one", 0)
    assert take(journal, "one", 1) is None
    assert not refused(journal, first, 2)


def test_leases_of_two_parents_are_apart(journal: Journal) -> None:
    """The lease is on a name."""
    taken(journal, "one", 0)
    assert take(journal, "two", 0, "p2") is not None


def test_each_taker_has_a_higher_fence(journal: Journal) -> None:
    """Whoever comes later outranks whoever was there, the same holder included."""
    fences = [taken(journal, holder, n * LEASE_S).fence for n, holder in enumerate(["a", "b", "b", "a"])]
    assert fences == sorted(set(fences))


def test_the_first_one_s_write_is_refused_once_another_took_over(journal: Journal) -> None:
    """It raises LeaseLost, exit 5, and writes nothing; the second one writes."""
    first, second = taken(journal, "one", 0), taken(journal, "two", LEASE_S)
    with pytest.raises(LeaseLost) as raised:
        fenced_write(journal, first, LEASE_S + 1)
    assert raised.value.exit_code is Exit.UNCERTAIN
    assert refused(journal, first, LEASE_S + 1)
    assert not refused(journal, second, LEASE_S + 1)


def test_an_expired_lease_that_nobody_took_still_holds(journal: Journal) -> None:
    """Expiry allows another to take it; until one does the work goes on."""
    assert not refused(journal, taken(journal, "one", 0), 10 * LEASE_S)


def test_a_fenced_write_renews_the_lease(journal: Journal) -> None:
    """A worker that writes is alive."""
    first = taken(journal, "one", 0)
    fenced_write(journal, first, LEASE_S - 1)
    assert take(journal, "two", LEASE_S + 1) is None
    with journal.read() as tx:
        assert history.lease_is_held(tx, "p1", at(2 * LEASE_S - 2))
        assert not history.lease_is_held(tx, "p1", at(2 * LEASE_S - 1))


def test_a_write_that_fails_does_not_renew(journal: Journal) -> None:
    """The renewal is part of the transaction."""
    first = taken(journal, "one", 0)
    with pytest.raises(RuntimeError), journal.write(first, at=at(LEASE_S - 1)):
        raise RuntimeError
    assert take(journal, "two", LEASE_S) is not None


def test_a_dropped_lease_is_free_at_once_and_its_writer_is_refused(journal: Journal) -> None:
    """Who gave it back writes nothing more under it."""
    first = taken(journal, "one", 0)
    with journal.write(first, at=at(1)) as tx:
        tx.drop_lease(first)
    assert refused(journal, first, 2)
    assert take(journal, "two", 2) is not None


def test_a_stale_drop_takes_nothing_from_the_new_holder(journal: Journal) -> None:
    """Only the holder of the fence can give it back."""
    first, second = taken(journal, "one", 0), taken(journal, "two", LEASE_S)
    with journal.write(at=at(LEASE_S + 1)) as tx:
        tx.drop_lease(first)
    assert not refused(journal, second, LEASE_S + 2)


def test_a_stalled_worker_stays_fenced_out_after_its_successor_gave_the_lease_back(journal: Journal) -> None:
    """A fence is never used twice: one stalls, two finishes and drops, three takes; one wakes."""
    stalled = taken(journal, "one", 0)
    second = taken(journal, "two", LEASE_S)
    with journal.write(second, at=at(LEASE_S + 1)) as tx:
        tx.drop_lease(second)
    taken(journal, "three", LEASE_S + 2)
    assert refused(journal, stalled, LEASE_S + 3)


HOUR = 3_600.0


def test_a_lease_from_before_the_clock_was_set_back_keeps_nobody_out(journal: Journal) -> None:
    """Its holder is dead: for an hour nobody would lead, and what is handed over would wait for nobody."""
    dead = taken(journal, "dead", HOUR, jobs.LEADER)
    with journal.read() as tx:
        assert jobs.leader(tx, at(0)) is None
        assert not history.lease_is_held(tx, jobs.LEADER, at(0))
        assert {} == history.holders(tx, at(0))
    assert take(journal, "next", 0, jobs.LEADER) is not None
    assert refused(journal, dead, 1)


@pytest.mark.parametrize("back_s", [1.0, LEASE_S])
def test_a_clock_that_is_set_right_takes_nobody_s_lease(journal: Journal, back_s: float) -> None:
    """By seconds, as a machine's clock is. Whoever lives renews it by the new one."""
    first = taken(journal, "one", HOUR)
    assert take(journal, "two", HOUR - back_s) is None
    fenced_write(journal, first, HOUR - back_s)
    assert take(journal, "two", HOUR - back_s + LEASE_S - 1) is None
    assert take(journal, "two", HOUR - back_s + LEASE_S) is not None
